/*
 * loop.c - an epoll loop with timers and posted calls
 *
 * Timers stand in a binary heap. Freed watches are only marked while events are being
 * handed out, since the same batch may name them again, and swept after it.
 *
 * (1) Only the loop's thread touches anything but the post queue.
 * (2) A callback never runs for a source that was freed before it.
 */
#include "base/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>

#include "base/clock.h"
#include "base/str.h"

struct loop_fd {
	struct loop *loop;
	int fd;
	bool dead;
	loop_fd_fn *fn;
	void *ctx;
	struct loop_fd *next_dead;
};

struct loop_timer {
	struct loop *loop;
	int64_t at;
	size_t pos; /* in the heap */
	loop_fn *fn;
	void *ctx;
};

struct posted {
	struct posted *next;
	loop_fn *fn;
	void *ctx;
};

struct loop {
	int epfd, eventfd, sigfd;
	bool stopping, in_batch;
	pthread_t thread;
	struct loop_fd *dead;
	struct loop_timer **heap;
	size_t heap_n, heap_cap;
	struct loop_fd *wake, *sigwatch;
	sigset_t signals;
	void (*sig_fn[NSIG])(void *, int);
	void *sig_ctx[NSIG];
	pthread_mutex_t lock;
	struct posted *first, *last; /* under lock */
};

static void run_posted(void *ctx, uint32_t events)
{
	struct loop *loop = ctx;
	struct posted *p, *next;
	uint64_t n;

	ignore_result(read(loop->eventfd, &n, sizeof(n)) < 0); /* only a counter to clear */
	pthread_mutex_lock(&loop->lock);
	p = loop->first;
	loop->first = loop->last = NULL;
	pthread_mutex_unlock(&loop->lock);
	for (; p; p = next) {
		next = p->next;
		p->fn(p->ctx);
		free(p);
	}
}

int loop_new(struct loop **ret, struct err *err)
{
	struct loop *loop = xnew(struct loop);

	loop->sigfd = -1;
	loop->thread = pthread_self();
	pthread_mutex_init(&loop->lock, NULL);
	sigemptyset(&loop->signals);
	loop->epfd = epoll_create1(EPOLL_CLOEXEC);
	loop->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->epfd < 0 || loop->eventfd < 0) {
		err_sys(err, errno, "create event loop");
		loop_free(loop);
		return -1;
	}
	loop->wake = loop_add_fd(loop, loop->eventfd, EPOLLIN, run_posted, loop);
	*ret = loop;
	return 0;
}

static void sweep_dead(struct loop *loop)
{
	struct loop_fd *w = loop->dead, *next;

	for (; w; w = next) {
		next = w->next_dead;
		free(w);
	}
	loop->dead = NULL;
}

void loop_free(struct loop *loop)
{
	struct posted *p, *next;

	if (!loop)
		return;
	loop_fd_free(loop->wake);
	loop_fd_free(loop->sigwatch);
	sweep_dead(loop);
	while (loop->heap_n)
		free(loop->heap[--loop->heap_n]);
	free(loop->heap);
	for (p = loop->first; p; p = next) {
		next = p->next;
		free(p);
	}
	if (loop->sigfd >= 0)
		close(loop->sigfd);
	if (loop->eventfd >= 0)
		close(loop->eventfd);
	if (loop->epfd >= 0)
		close(loop->epfd);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}

bool loop_on_thread(const struct loop *loop)
{
	return pthread_equal(loop->thread, pthread_self());
}

void loop_stop(struct loop *loop)
{
	loop->stopping = true;
}

struct loop_fd *loop_add_fd(struct loop *loop, int fd, uint32_t events, loop_fd_fn *fn, void *ctx)
{
	struct loop_fd *w = xnew(struct loop_fd);
	struct epoll_event ev = {.events = events, .data.ptr = w};

	*w = (struct loop_fd){.loop = loop, .fd = fd, .fn = fn, .ctx = ctx};
	CHECK(epoll_ctl(loop->epfd, EPOLL_CTL_ADD, fd, &ev) == 0);
	return w;
}

void loop_fd_events(struct loop_fd *w, uint32_t events)
{
	struct epoll_event ev = {.events = events, .data.ptr = w};

	CHECK(epoll_ctl(w->loop->epfd, EPOLL_CTL_MOD, w->fd, &ev) == 0);
}

void loop_fd_free(struct loop_fd *w)
{
	if (!w || w->dead)
		return;
	epoll_ctl(w->loop->epfd, EPOLL_CTL_DEL, w->fd, NULL);
	w->dead = true;
	w->next_dead = w->loop->dead;
	w->loop->dead = w;
	if (!w->loop->in_batch)
		sweep_dead(w->loop);
}

static void heap_set(struct loop *loop, size_t pos, struct loop_timer *t)
{
	loop->heap[pos] = t;
	t->pos = pos;
}

static void heap_up(struct loop *loop, size_t pos)
{
	struct loop_timer *t = loop->heap[pos];

	for (; pos > 0 && loop->heap[(pos - 1) / 2]->at > t->at; pos = (pos - 1) / 2)
		heap_set(loop, pos, loop->heap[(pos - 1) / 2]);
	heap_set(loop, pos, t);
}

static void heap_down(struct loop *loop, size_t pos)
{
	struct loop_timer *t = loop->heap[pos];

	for (;;) {
		size_t child = 2 * pos + 1;

		if (child >= loop->heap_n)
			break;
		if (child + 1 < loop->heap_n && loop->heap[child + 1]->at < loop->heap[child]->at)
			child++;
		if (loop->heap[child]->at >= t->at)
			break;
		heap_set(loop, pos, loop->heap[child]);
		pos = child;
	}
	heap_set(loop, pos, t);
}

struct loop_timer *loop_add_timer(struct loop *loop, int64_t delay_ns, loop_fn *fn, void *ctx)
{
	struct loop_timer *t = xnew(struct loop_timer);

	delay_ns = MIN(MAX(delay_ns, (int64_t)0), INT64_MAX / 2); /* the sum is a number still */
	*t = (struct loop_timer){.loop = loop, .at = clock_mono_ns() + delay_ns, .fn = fn, .ctx = ctx};
	if (loop->heap_n == loop->heap_cap) {
		loop->heap_cap = loop->heap_cap ? loop->heap_cap * 2 : 16;
		loop->heap = xrealloc(loop->heap, loop->heap_cap * sizeof(struct loop_timer *));
	}
	heap_set(loop, loop->heap_n++, t);
	heap_up(loop, t->pos);
	return t;
}

void loop_timer_free(struct loop_timer *t)
{
	struct loop *loop;
	size_t pos;

	if (!t)
		return;
	loop = t->loop;
	pos = t->pos;
	CHECK(pos < loop->heap_n && loop->heap[pos] == t);
	if (pos != --loop->heap_n) {
		heap_set(loop, pos, loop->heap[loop->heap_n]);
		heap_up(loop, pos);
		heap_down(loop, loop->heap[pos]->pos);
	}
	free(t);
}

static void run_timers(struct loop *loop)
{
	int64_t now = clock_mono_ns();

	while (loop->heap_n && loop->heap[0]->at <= now) {
		loop_fn *fn = loop->heap[0]->fn;
		void *ctx = loop->heap[0]->ctx;

		loop_timer_free(loop->heap[0]);
		fn(ctx);
	}
}

static int next_timeout(struct loop *loop)
{
	int64_t ms;

	if (!loop->heap_n)
		return -1;
	ms = (loop->heap[0]->at - clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
	return (int)MIN(MAX(ms, (int64_t)0), (int64_t)3600 * 1000);
}

int loop_run(struct loop *loop, struct err *err)
{
	struct epoll_event ev[64];

	loop->thread = pthread_self();
	while (!loop->stopping) {
		int n = epoll_wait(loop->epfd, ev, ARRAY_LEN(ev), next_timeout(loop));

		if (n < 0 && errno != EINTR)
			return err_sys(err, errno, "wait for events");
		loop->in_batch = true;
		for (int i = 0; i < n; i++) {
			struct loop_fd *w = ev[i].data.ptr;

			if (!w->dead)
				w->fn(w->ctx, ev[i].events);
		}
		run_timers(loop);
		loop->in_batch = false;
		sweep_dead(loop);
	}
	return 0;
}

void loop_post(struct loop *loop, loop_fn *fn, void *ctx)
{
	struct posted *p = xnew(struct posted);
	uint64_t one = 1;
	bool first;

	*p = (struct posted){.fn = fn, .ctx = ctx};
	pthread_mutex_lock(&loop->lock);
	first = !loop->first;
	if (first)
		loop->first = p;
	else
		loop->last->next = p;
	loop->last = p;
	pthread_mutex_unlock(&loop->lock);
	if (first)
		ignore_result(write(loop->eventfd, &one, sizeof(one)) < 0); /* full is awake too */
}

static void run_signals(void *ctx, uint32_t events)
{
	struct loop *loop = ctx;
	struct signalfd_siginfo si;

	while (read(loop->sigfd, &si, sizeof(si)) == sizeof(si))
		if (si.ssi_signo < NSIG && loop->sig_fn[si.ssi_signo])
			loop->sig_fn[si.ssi_signo](loop->sig_ctx[si.ssi_signo], (int)si.ssi_signo);
}

int loop_add_signal(struct loop *loop, int sig, void (*fn)(void *, int), void *ctx)
{
	int fd;

	CHECK(sig > 0 && sig < NSIG);
	sigaddset(&loop->signals, sig);
	pthread_sigmask(SIG_BLOCK, &loop->signals, NULL);
	fd = signalfd(loop->sigfd, &loop->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (loop->sigfd < 0) {
		loop->sigfd = fd;
		loop->sigwatch = loop_add_fd(loop, fd, EPOLLIN, run_signals, loop);
	}
	loop->sig_fn[sig] = fn;
	loop->sig_ctx[sig] = ctx;
	return 0;
}
