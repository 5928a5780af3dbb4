#include "base/loop.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/spawn.h"
#include "base/tap.h"

static struct loop *loop;
static _Atomic int worked;
static int finished;
static char order[8];

static void timer_a(void *ctx)
{
	strcat(order, ctx);
}

static void timer_stop(void *ctx)
{
	loop_stop(loop);
}

static void work(void *ctx)
{
	worked++;
}

static void done(void *ctx)
{
	if (++finished == 100)
		loop_stop(loop);
}

static void test_timers(void)
{
	struct loop_timer *gone;

	loop_add_timer(loop, 3000000, timer_a, "c");
	loop_add_timer(loop, 1000000, timer_a, "a");
	gone = loop_add_timer(loop, 1500000, timer_a, "x");
	loop_add_timer(loop, 2000000, timer_a, "b");
	loop_add_timer(loop, 4000000, timer_stop, NULL);
	loop_timer_free(gone);
	ok_eq(loop_run(loop, NULL), 0);
	ok_str(order, "abc");
}

static void test_pool(void)
{
	struct pool *pool;

	loop_free(loop);
	ok_eq(loop_new(&loop, NULL), 0);
	pool = pool_new(loop, 4);
	for (int i = 0; i < 100; i++)
		pool_run(pool, work, done, NULL);
	ok_eq(loop_run(loop, NULL), 0);
	pool_free(pool);
	ok_eq(worked, 100);
}

static void test_spawn(void)
{
	char *argv[] = {"sh", "-c", "read x <&5; test \"$x\" = hi && ! test -e /proc/self/fd/9; exit $?", NULL};
	int p[2], extra = fcntl(0, F_DUPFD, 9);
	pid_t pid;

	ok_eq(pipe(p), 0);
	pid = spawn_process(&(struct spawn){.path = "/bin/sh",
					    .exe_fd = -1,
					    .argv = argv,
					    .fds = (struct spawn_fd[]){{p[0], 5}},
					    .nfds = 1},
			    NULL);
	ok(pid > 0);
	ok_eq(fs_write_full(p[1], "hi\n", 3), 0);
	ok_eq(spawn_wait(pid), 0);
	ok_eq(spawn_process(&(struct spawn){.path = "/nonexistent", .exe_fd = -1, .argv = argv}, NULL), -2);
	close(p[0]);
	close(p[1]);
	close(extra);
}

int main(void)
{
	if (loop_new(&loop, NULL) < 0)
		return 1;
	test_run(test_timers);
	test_run(test_pool);
	test_run(test_spawn);
	loop_free(loop);
	return test_done();
}
