/*
 * loop.h - an epoll loop: descriptors, timers, work from other threads; and a worker pool
 *
 * One thread runs a loop. Everything here is called on that thread only, but loop_post(),
 * which any thread may call, and pool_run(). Callbacks may add and remove any source,
 * their own included.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "base/err.h"

struct loop;
struct loop_fd;
struct loop_timer;

int loop_new(struct loop **ret, struct err *err) MUST_USE;
void loop_free(struct loop *loop);
int loop_run(struct loop *loop, struct err *err) MUST_USE; /* until loop_stop() */
void loop_stop(struct loop *loop);			   /* also from a signal callback */
bool loop_on_thread(const struct loop *loop);

typedef void loop_fd_fn(void *ctx, uint32_t events);
typedef void loop_fn(void *ctx);

/* Watches fd (borrowed) level-triggered for EPOLLIN, EPOLLOUT...; events 0 waits only for HUP/ERR. */
struct loop_fd *loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *ctx);
void loop_fd_events(struct loop_fd *w, uint32_t events);
void loop_fd_free(struct loop_fd *w); /* before close(fd); NULL is fine */

/* Once, at clock_mono_ns() + delay. Free it or let it fire (it frees itself after firing). */
struct loop_timer *loop_add_timer(struct loop *loop, int64_t delay_ns, loop_fn *fn, void *ctx);
void loop_timer_free(struct loop_timer *t); /* NULL is fine; not after it fired */

/* Runs fn(ctx) on the loop's thread, in order of posting. Any thread. Never blocks, never fails. */
void loop_post(struct loop *loop, loop_fn *fn, void *ctx);

/* Signals by signalfd: blocks them in the calling thread; do this before threads start. */
int loop_add_signal(struct loop *loop, int sig, void (*fn)(void *ctx, int sig), void *ctx) MUST_USE;

/*
 * Worker threads for calls that block: made when needed up to max, ended after some seconds
 * without work. pool_run() queues fn(ctx); done(ctx), if not NULL, then runs on the loop.
 */
struct pool;
struct pool *pool_new(struct loop *loop, unsigned max_threads);
void pool_run(struct pool *pool, loop_fn *fn, loop_fn *done, void *ctx); /* any thread */
void pool_free(struct pool *pool); /* waits for running work, drops none */
