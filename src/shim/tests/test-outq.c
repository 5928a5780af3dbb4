/* test-outq.c - the backlog of a slow client: order, spill, bounds: outq.c (1) to (3) */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/tap.h"
#include "shim/outq.h"

static uint32_t counter_in, counter_out;

static void put(struct outq *q, int fd, int dirfd, size_t n, int want)
{
	uint32_t block[4096];
	struct iovec iov[2] = {{block, 8}, {block + 2, n - 8}};

	for (size_t i = 0; i < n / 4; i++)
		block[i] = counter_in + (uint32_t)i;
	ok_eq(outq_write(q, fd, dirfd, iov, 2), want);
	if (want == 0)
		counter_in += (uint32_t)(n / 4);
}

static void take(int fd, size_t n)
{
	uint32_t v;

	for (size_t i = 0; i < n / 4; i++) {
		if (read(fd, &v, 4) != 4)
			break;
		if (v != counter_out) {
			ok_eq(v, counter_out);
			break;
		}
		counter_out++;
	}
}

static void test_order(void)
{
	struct outq q = OUTQ_INIT;
	char dir[] = "/tmp/shim-outq-XXXXXX";
	int p[2], dirfd, r;

	counter_in = counter_out = 0;
	ok(mkdtemp(dir) != NULL);
	dirfd = fs_open_dir(AT_FDCWD, dir);
	ok(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
	for (int i = 0; i < 200; i++) { /* 3 MB */
		put(&q, p[1], dirfd, 16384, 0);
		if (i % 3 == 0) {
			take(p[0], 8192);
			ok(outq_flush(&q, p[1]) >= 0);
		}
	}
	ok(q.spill >= 0 && q.len <= OUTQ_MEMORY);
	do {
		take(p[0], 65536);
		r = outq_flush(&q, p[1]);
	} while (r == 0);
	ok_eq(r, 1);
	take(p[0], 1 << 20);
	ok_eq(counter_out, counter_in);
	ok(outq_empty(&q) && q.spill < 0 && !q.mem);
	outq_done(&q);
	close(dirfd);
	close(p[0]);
	close(p[1]);
	ok(fs_remove_tree(AT_FDCWD, dir) == 0);
}

static void test_bounds(void)
{
	struct outq q = OUTQ_INIT;
	int p[2], dirfd = fs_open_dir(AT_FDCWD, "/tmp");

	counter_in = counter_out = 0;
	q.spill_max = 1 << 20;
	ok(pipe2(p, O_NONBLOCK | O_CLOEXEC) == 0);
	for (int i = 0; i < 4 + 16 + 64; i++) /* pipe, memory, file */
		put(&q, p[1], dirfd, 16384, 0);
	put(&q, p[1], dirfd, 16384, -ENOBUFS);
	close(p[0]);
	ok(outq_flush(&q, p[1]) == -EPIPE);
	outq_done(&q);
	close(p[1]);
	close(dirfd);
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	test_run(test_order);
	test_run(test_bounds);
	return test_done();
}
