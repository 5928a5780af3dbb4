/* rig.c - what the shim's tests share */
#include "rig.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

const char *rig_program;

static struct shim_event events[RIG_EVENTS];
static int nevents, taken;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_t thread;

static void on_event(void *ctx, struct shim *s, const struct shim_event *ev)
{
	pthread_mutex_lock(&lock);
	if (nevents < RIG_EVENTS)
		events[nevents++] = *ev;
	pthread_mutex_unlock(&lock);
}

static void *run_loop(void *arg)
{
	struct err err = ERR_INIT;

	ok(loop_run(arg, &err) == 0);
	return NULL;
}

static void stop(void *arg)
{
	loop_stop(arg);
}

void rig_init(struct rig *r)
{
	struct err err = ERR_INIT;

	memset(r, 0, sizeof(*r));
	strcpy(r->root, "/tmp/shim-test-XXXXXX");
	ok(mkdtemp(r->root) != NULL);
	snprintf(r->run, sizeof(r->run), "%s/run", r->root);
	snprintf(r->dir, sizeof(r->dir), "%s/dir", r->root);
	snprintf(r->log, sizeof(r->log), "%s/log", r->dir);
	ok(mkdir(r->run, 0700) == 0 && mkdir(r->dir, 0700) == 0);
	nevents = taken = 0;
	ok(loop_new(&r->loop, &err) == 0);
	ok(pthread_create(&thread, NULL, run_loop, r->loop) == 0);
	while (loop_on_thread(r->loop)) /* until the thread has taken it over */
		usleep(100);
	r->cfg = (struct shim_config){.id = "c1", .exec_root = r->run, .dir = r->dir,
				      .program = rig_program, .netns_fd = -1,
				      .log = {.path = r->log}};
}

int rig_spawn(struct rig *r, const char *script, struct err *err)
{
	r->cfg.plan = script;
	r->cfg.plan_len = strlen(script) + 1;
	return rig_spawn_plan(r, err);
}

int rig_spawn_plan(struct rig *r, struct err *err)
{
	return shim_spawn(&r->cfg, r->loop, on_event, NULL, &r->shim, &r->status, err);
}

void rig_connect(struct rig *r)
{
	struct err err = ERR_INIT;

	shim_close(r->shim);
	r->shim = NULL;
	if (shim_connect(r->run, "c1", r->loop, on_event, NULL, &r->shim, &r->status, NULL, NULL,
			 &err) < 0) {
		ok(false);
		printf("# %s\n", err.msg);
	}
}

static int count_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	printf("# left over: %s\n", name);
	++*(int *)ctx;
	return 0;
}

void rig_done(struct rig *r)
{
	char path[128];
	int left = 0;

	if (r->shim) {
		struct err err = ERR_INIT;

		ok(shim_release(r->shim, true, &err) == 0);
		if (err.kind)
			printf("# %s\n", err.msg);
		shim_close(r->shim);
	}
	snprintf(path, sizeof(path), "%s/shims", r->run);
	fs_each_entry(AT_FDCWD, path, count_entry, &left);
	ok(left == 0);
	/* its zombie is reaped on the loop */
	for (int i = 0; i < 1000 && r->status.shim_pid > 1 && kill(r->status.shim_pid, 0) == 0; i++)
		usleep(5000);
	usleep(20000);
	loop_post(r->loop, stop, r->loop);
	pthread_join(thread, NULL);
	loop_free(r->loop);
	ok(fs_remove_tree(AT_FDCWD, r->root) == 0);
}

bool rig_event_now(enum shim_event_type type, struct shim_event *ret)
{
	bool found = false;

	pthread_mutex_lock(&lock);
	for (int k = taken; k < nevents && !found; k++)
		if (events[k].type == type) {
			if (ret)
				*ret = events[k];
			taken = k + 1;
			found = true;
		}
	pthread_mutex_unlock(&lock);
	return found;
}

bool rig_event(enum shim_event_type type, struct shim_event *ret)
{
	for (int i = 0; i < 2000; i++) {
		if (rig_event_now(type, ret))
			return true;
		usleep(5000);
	}
	printf("# no event %d came\n", type);
	return false;
}

int rig_count(enum shim_event_type type)
{
	int n = 0;

	pthread_mutex_lock(&lock);
	for (int i = 0; i < nevents; i++)
		n += events[i].type == type;
	pthread_mutex_unlock(&lock);
	return n;
}

int rig_attach(struct rig *r, const char *exec, uint32_t flags, uint64_t *token, int64_t *size)
{
	struct shim_attach a = {.flags = flags, .exec = exec};
	struct err err = ERR_INIT;
	int sv[2];

	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	a.fd = sv[1];
	if (shim_attach(r->shim, &a, token, size, &err) < 0) {
		ok(false);
		printf("# %s\n", err.msg);
	}
	close(sv[1]);
	return sv[0];
}

size_t rig_read(int fd, char *buf, size_t size, int ms)
{
	int64_t end = clock_mono_ns() + ms * NS_PER_MS;
	size_t n = 0;

	while (n + 1 < size) {
		struct pollfd p = {fd, POLLIN, 0};
		int64_t left = (end - clock_mono_ns()) / NS_PER_MS;
		ssize_t k;

		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			break;
		k = read(fd, buf + n, size - 1 - n);
		if (k < 0)
			printf("# read: %s\n", strerror(errno));
		if (k <= 0)
			break;
		n += (size_t)k;
	}
	buf[n] = 0;
	return n;
}

size_t rig_frames(const char *raw, size_t n, int stream, char *out)
{
	const uint8_t *p = (const uint8_t *)raw;
	size_t o = 0;

	while (n >= 8) {
		size_t len = (size_t)p[4] << 24 | (size_t)p[5] << 16 | (size_t)p[6] << 8 | p[7];

		if (p[1] || p[2] || p[3] || len > n - 8)
			break;
		if (p[0] == stream) {
			memcpy(out + o, p + 8, len);
			o += len;
		}
		p += 8 + len;
		n -= 8 + len;
	}
	ok(n == 0);
	out[o] = 0;
	return o;
}

char *rig_file(const char *path)
{
	struct buf b = {0};

	ignore_result(fs_read_file(AT_FDCWD, path, 256 << 20, &b) < 0); /* absent is "" */
	return buf_take(&b);
}
