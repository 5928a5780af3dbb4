/*
 * test-crash.c - a process killed at any moment of an import or removal leaves a usable store:
 * each image that is listed is whole, and start-up and image_gc() clear the rest
 */
#include "common.h"

#define ROUNDS 25

/* Imports and removes until killed. */
static void child(int seed)
{
	open_store("root");
	for (int i = 0;; i++) {
		AUTO(free) char *name = xasprintf("crash:%d", (seed + i) % 7);
		AUTO(free) char *file = xasprintf("c%d.tar", (seed + i) % 3);
		struct image_removals r = {0};
		struct err err = ERR_INIT;
		char id[IMAGE_ID_SIZE];

		if (import(file, name, NULL, id, &err) < 0 && err.kind != ERR_CANCELLED) {
			printf("# child: %s\n", err.msg);
			_exit(1);
		}
		if (i % 3 == 2 && image_remove(store, name, false, true, &r, &err) == 0)
			image_removals_done(&r);
	}
}

static void make_tars(void)
{
	for (int i = 0; i < 3; i++)
		ok_eq(sh("cd %s && mkdir t && for f in $(seq 1 %d); do echo $f >t/$f; done && "
			 "tar cf c%d.tar t && rm -r t", dir, 100 + 50 * i, i), 0);
}

static void check_store(void)
{
	struct image_filter f = {.dangling = -1, .all = true};
	struct image_list l = {0};
	struct err err = ERR_INIT;
	size_t layers = 0, used = 0;

	open_store("root");
	ok(nothing_left());
	ok_eq(image_list(store, &f, &l, &err), 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	for (size_t i = 0; i < l.n; i++) {
		ok_eq(l.v[i]->layers.n, 1);
		ok_eq(sh("test $(ls %s/t | wc -l) -ge 100", l.v[i]->layers.v[0]), 0);
	}
	ok_eq(image_gc(store, NULL, &err), 0);
	image_layers_size(store, &layers);
	for (size_t i = 0; i < l.n; i++) {
		bool seen = false;

		for (size_t k = 0; k < i; k++)
			seen |= streq(l.v[k]->chain_id, l.v[i]->chain_id);
		used += !seen;
	}
	ok_eq(layers, used);
	ok_eq(sh("test $(ls -A %s/root/layers | wc -l) = %zu && test ! -e %s/root/lost && "
		 "test $(ls -A %s/root/content/sha256 | wc -l) = %zu", dir, layers, dir, dir, l.n), 0);
	image_list_done(&l);
	close_store();
}

static void test_killed(void) /* image/store.c (1) (2), layer.c (3) */
{
	for (int i = 0; i < ROUNDS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			child(i);
		usleep(20000 + (unsigned)(i * 7919) % 300000);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		usleep(20000); /* its helpers see the end of their pipes */
		check_store();
	}
}

int main(void)
{
	if (!tests_begin("crash"))
		return 0;
	test_run(make_tars);
	test_run(test_killed);
	return tests_end();
}
