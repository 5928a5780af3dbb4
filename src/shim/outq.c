/*
 * outq.c - the backlog of one attached client
 *
 * (1) Order is kept: while the file holds bytes, new ones go behind them, never into memory.
 * (2) Memory is bounded by OUTQ_MEMORY plus one write, the file by spill_max; past that the
 *     client is given up, and the container never waits.
 * (3) What was sent is given back: memory when empty, the file's blocks as they are read.
 */
#include "shim/outq.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/mem.h"

#define SPILL_READ  (128u << 10)
#define PUNCH_EVERY (1LL << 20)

static void drop_memory(struct outq *q)
{
	free(q->mem);
	q->mem = NULL;
	q->start = q->len = q->cap = 0;
}

static void drop_spill(struct outq *q)
{
	if (q->spill >= 0)
		close(q->spill);
	q->spill = -1;
	q->spill_r = q->spill_w = 0;
}

void outq_done(struct outq *q)
{
	drop_memory(q);
	drop_spill(q);
}

bool outq_empty(const struct outq *q)
{
	return q->len == 0 && q->spill_r == q->spill_w;
}

static int open_spill(int dirfd)
{
	int fd = openat(dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		char name[32];

		snprintf(name, sizeof(name), ".spill-%d", (int)getpid());
		fd = openat(dirfd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (fd >= 0)
			unlinkat(dirfd, name, 0);
	}
	return fd < 0 ? -errno : fd;
}

static int add_spill(struct outq *q, int dirfd, const uint8_t *p, size_t n)
{
	if (q->spill_w - q->spill_r + (int64_t)n > q->spill_max)
		return -ENOBUFS;
	if (q->spill < 0) {
		q->spill = open_spill(dirfd);
		if (q->spill < 0) {
			int r = q->spill;

			q->spill = -1;
			return r;
		}
	}
	while (n) {
		ssize_t w = pwrite(q->spill, p, n, q->spill_w);

		if (w < 0 && errno == EINTR)
			continue;
		if (w <= 0)
			return w < 0 ? -errno : -ENOSPC;
		q->spill_w += w;
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

int outq_add(struct outq *q, int dirfd, const void *data, size_t n)
{
	if (q->spill_r != q->spill_w || q->len + n > OUTQ_MEMORY)
		return add_spill(q, dirfd, data, n);
	if (q->start + q->len + n > q->cap) {
		if (q->len)
			memmove(q->mem, q->mem + q->start, q->len);
		q->start = 0;
		if (q->len + n > q->cap) {
			q->cap = MIN(MAX(q->len + n, q->cap * 2), (size_t)OUTQ_MEMORY);
			q->mem = xrealloc(q->mem, q->cap);
		}
	}
	memcpy(q->mem + q->start + q->len, data, n);
	q->len += n;
	return 0;
}

/*
 * Never blocks, whatever the flags of the description are: another process may hold it too. What
 * is no socket (tests) has its own flag set.
 */
static ssize_t put(int fd, const struct iovec *iov, int niov)
{
	struct msghdr mh = {.msg_iov = (struct iovec *)iov, .msg_iovlen = (size_t)niov};
	ssize_t n;

	do {
		n = sendmsg(fd, &mh, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == ENOTSOCK)
			n = writev(fd, iov, niov);
	} while (n < 0 && errno == EINTR);
	return n;
}

int outq_write(struct outq *q, int fd, int dirfd, const struct iovec *iov, int niov)
{
	ssize_t done = 0;

	if (outq_empty(q)) {
		done = put(fd, iov, niov);
		if (done < 0 && errno != EAGAIN)
			return -errno;
		if (done < 0)
			done = 0;
	}
	for (int i = 0; i < niov; i++) {
		size_t skip = MIN((size_t)done, iov[i].iov_len);
		int r;

		done -= (ssize_t)skip;
		if (skip == iov[i].iov_len)
			continue;
		r = outq_add(q, dirfd, (const uint8_t *)iov[i].iov_base + skip,
			     iov[i].iov_len - skip);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Memory is empty: the next piece of the file into it. */
static int refill(struct outq *q)
{
	int64_t left = q->spill_w - q->spill_r;
	ssize_t n;

	if (q->cap < SPILL_READ) {
		q->mem = xrealloc(q->mem, SPILL_READ);
		q->cap = SPILL_READ;
	}
	do
		n = pread(q->spill, q->mem, (size_t)MIN(left, (int64_t)SPILL_READ), q->spill_r);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n < 0 ? -errno : -EIO;
	if (q->spill_r / PUNCH_EVERY != (q->spill_r + n) / PUNCH_EVERY) {
		int64_t end = (q->spill_r + n) / PUNCH_EVERY * PUNCH_EVERY;

		/* only to give blocks back early; not every file system can */
		ignore_result(fallocate(q->spill, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					end - PUNCH_EVERY, PUNCH_EVERY) < 0);
	}
	q->start = 0;
	q->len = (size_t)n;
	q->spill_r += n;
	if (q->spill_r == q->spill_w)
		drop_spill(q);
	return 0;
}

int outq_flush(struct outq *q, int fd)
{
	while (!outq_empty(q)) {
		struct iovec iov;
		ssize_t n;
		int r;

		if (!q->len) {
			r = refill(q);
			if (r < 0)
				return r;
		}
		iov = (struct iovec){q->mem + q->start, q->len};
		n = put(fd, &iov, 1);
		if (n < 0)
			return errno == EAGAIN ? 0 : -errno;
		q->start += (size_t)n;
		q->len -= (size_t)n;
	}
	drop_memory(q);
	return 1;
}
