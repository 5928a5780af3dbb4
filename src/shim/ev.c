/*
 * ev.c - the shim's event loop: epoll, and a handful of timers in a list
 *
 * (1) One event is taken at a time: no event of a closed descriptor is ever handed out.
 */
#include <errno.h>
#include <sys/epoll.h>

#include "base/clock.h"
#include "shim/monitor.h"

void ev_watch(struct monitor *m, struct ev *ev, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = ev};
	int op = !ev->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

	if (ev->fd < 0 || events == ev->events)
		return;
	/* EPERM: a client that is a plain file; it is always writable and has no events */
	if (epoll_ctl(m->epfd, op, ev->fd, &e) == 0 || op == EPOLL_CTL_DEL)
		ev->events = events;
}

void ev_close(struct monitor *m, struct ev *ev)
{
	if (ev->fd < 0)
		return;
	ev_watch(m, ev, 0);
	close(ev->fd);
	ev->fd = -1;
}

void timer_init(struct timer *t, void (*fn)(struct monitor *m, struct timer *t))
{
	list_init(&t->node);
	t->fn = fn;
}

void timer_off(struct timer *t)
{
	list_del(&t->node);
}

void timer_set(struct monitor *m, struct timer *t, int64_t delay_ns)
{
	timer_off(t);
	t->at = clock_mono_ns() + delay_ns;
	list_add_tail(&m->timers, &t->node);
}

static struct timer *next_timer(struct monitor *m)
{
	struct timer *next = NULL;

	list_for_each(pos, &m->timers) {
		struct timer *t = container_of(pos, struct timer, node);

		if (!next || t->at < next->at)
			next = t;
	}
	return next;
}

int ev_turn(struct monitor *m, struct err *err)
{
	struct timer *t = next_timer(m);
	struct epoll_event e;
	int64_t wait_ms = -1;
	int n;

	if (t) {
		wait_ms = (t->at - clock_mono_ns() + NS_PER_MS - 1) / NS_PER_MS;
		wait_ms = MIN(MAX(wait_ms, (int64_t)0), (int64_t)3600 * 1000);
	}
	n = epoll_wait(m->epfd, &e, 1, (int)wait_ms);
	if (n < 0 && errno != EINTR)
		return err_sys(err, errno, "wait for events");
	if (n > 0) {
		struct ev *ev = e.data.ptr;

		ev->fn(m, ev, e.events);
	}
	for (int i = 0; i < 16 && (t = next_timer(m)) && t->at <= clock_mono_ns(); i++) {
		timer_off(t);
		t->fn(m, t);
	}
	return 0;
}
