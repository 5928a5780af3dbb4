/*
 * outq.h - bytes on their way to one slow client: memory first, then an unlinked file
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define OUTQ_MEMORY (256u << 10)
#define OUTQ_SPILL  (4LL << 30)

struct outq {
	uint8_t *mem; /* oldest bytes; mem[start .. start+len) */
	size_t start, len, cap;
	int spill; /* -1: none. Newer bytes: [spill_r .. spill_w) of the file */
	int64_t spill_r, spill_w;
	int64_t spill_max;
};

#define OUTQ_INIT {.spill = -1, .spill_max = OUTQ_SPILL}

void outq_done(struct outq *q);
bool outq_empty(const struct outq *q);

/* Appends. dirfd: where a spill file may be made. -ENOBUFS: too much; else the file's -errno. */
int outq_add(struct outq *q, int dirfd, const void *data, size_t n);

/* Writes header and data to fd (non-blocking) if the queue is empty; queues what is left. -errno:
 * the client is lost. */
int outq_write(struct outq *q, int fd, int dirfd, const struct iovec *iov, int niov);

/* Writes as much as fd takes. 1: the queue is empty, 0: not yet, -errno. */
int outq_flush(struct outq *q, int fd);
