/*
 * ev.c - the shim's event loop: epoll, and a handful of timers in a list
 *
 * (1) One event is taken at a time: no event of a closed descriptor is ever handed out.
 * (2) After a second of quiet the shim forgets the program pages it has mapped (they stay in
 *     memory for all shims to share) and sleeps by system calls made in this one function, so
 *     that an idle shim maps a single window of its program. See the kernel's fault-around.
 */
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>

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

/* A system call without leaving the page: (2). The kernel's own result, -errno included. */
static inline __attribute__((always_inline)) long raw4(long nr, long a, long b, long c, long d)
{
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	long ret;

	__asm__ volatile("syscall"
			 : "=a"(ret)
			 : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return ret;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;

	__asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
	return x0;
#else
	long ret = syscall(nr, a, b, c, d);

	return ret < 0 ? -errno : ret;
#endif
}

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

struct segment {
	long start, size;
};

/* The program's own read-only segments: their private pages are clean by definition. */
static size_t find_segments(struct segment ret[4])
{
	const ElfW(Ehdr) *eh = &__ehdr_start;
	const ElfW(Phdr) *ph = (const void *)((const char *)eh + eh->e_phoff);
	/* loaded where it was linked, or moved as a whole (PIE) */
	long base = eh->e_type == ET_EXEC ? 0 : (long)eh;
	size_t n = 0;

	for (int i = 0; i < eh->e_phnum && n < 4; i++) {
		long start = base + (long)(ph[i].p_vaddr & ~4095UL);

		if (ph[i].p_type == PT_LOAD && !(ph[i].p_flags & PF_W))
			ret[n++] = (struct segment){
			    start, base + (long)(ph[i].p_vaddr + ph[i].p_memsz) - start};
	}
	return n;
}

/* Forgets the program's pages and waits without end. */
static __attribute__((noinline)) int sleep_small(int epfd, struct epoll_event *ret)
{
	struct segment seg[4];
	size_t n = find_segments(seg);
	long r;

	for (size_t i = 0; i < n; i++)
		raw4(SYS_madvise, seg[i].start, seg[i].size, MADV_DONTNEED, 0);
	do
#ifdef SYS_epoll_wait
		r = raw4(SYS_epoll_wait, epfd, (long)ret, 1, -1);
#else
		r = epoll_wait(epfd, ret, 1, -1) < 0 ? -errno : 1;
#endif
	while (r == -EINTR);
	if (r < 0)
		errno = (int)-r;
	return r < 0 ? -1 : (int)r;
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
	n = m->quiet && !t ? sleep_small(m->epfd, &e) : epoll_wait(m->epfd, &e, 1, (int)wait_ms);
	m->quiet = false;
	if (n < 0 && errno != EINTR)
		return err_sys(err, errno, "wait for events");
	if (n > 0) {
		struct ev *ev = e.data.ptr;

		if (!timer_is_set(&m->idle_timer))
			timer_set(m, &m->idle_timer, NS_PER_SEC);
		ev->fn(m, ev, e.events);
	}
	for (int i = 0; i < 16 && (t = next_timer(m)) && t->at <= clock_mono_ns(); i++) {
		timer_off(t);
		t->fn(m, t);
	}
	return 0;
}
