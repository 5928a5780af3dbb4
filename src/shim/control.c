/*
 * control.c - one connection of the engine to a shim: calls from workers, events on the loop
 *
 * Only the loop's thread reads, once it watches; it hands replies to the waiting worker and
 * events to the callback. Any thread sends: a message is one sendmsg().
 *
 * (1) A struct shim lives until the user has closed it, the loop has let go of it and the last
 *     call has returned.
 * (2) The end of the connection wakes every waiting call, and is told once (SHIM_EV_GONE).
 */
#include "shim/control.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include "base/clock.h"
#include "base/mem.h"

#define SEND_TIMEOUT_S 10

static void ref(struct shim *s)
{
	pthread_mutex_lock(&s->lock);
	s->refs++;
	pthread_mutex_unlock(&s->lock);
}

void control_unref(struct shim *s)
{
	bool last;

	pthread_mutex_lock(&s->lock);
	last = --s->refs == 0;
	pthread_mutex_unlock(&s->lock);
	if (!last)
		return;
	close(s->fd);
	buf_done(&s->early);
	pthread_cond_destroy(&s->cond);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

struct shim *control_new(int fd, const char *id, struct loop *loop, shim_event_fn *fn, void *ctx)
{
	struct timeval tv = {.tv_sec = SEND_TIMEOUT_S};
	struct shim *s = xnew(struct shim);
	pthread_condattr_t attr;

	/* a shim that hangs must not hold a worker for ever */
	ignore_result(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) < 0);
	s->refs = 1;
	s->fd = fd;
	s->loop = loop;
	s->fn = fn;
	s->ctx = ctx;
	s->cookie = 1000; /* start.c numbers its own from 1 */
	memcpy(s->id, id, strnlen(id, SHIM_ID_MAX));
	list_init(&s->calls);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->cond, &attr);
	pthread_condattr_destroy(&attr);
	return s;
}

/* ---- reading ---- */

static void take_reply(struct shim *s, const struct msg_reply *m, size_t n, int *fd)
{
	pthread_mutex_lock(&s->lock);
	list_for_each(pos, &s->calls) {
		struct call *c = container_of(pos, struct call, node);

		if (c->cookie != m->head.cookie)
			continue;
		list_del(&c->node);
		c->reply = xmemdup(m, n);
		c->fd = TAKE_FD(*fd);
		c->done = true;
		pthread_cond_broadcast(&s->cond);
		break;
	}
	pthread_mutex_unlock(&s->lock);
}

static void broke(struct shim *s)
{
	struct shim_event ev = {.type = SHIM_EV_GONE, .time_ns = clock_real_ns()};
	bool tell;

	pthread_mutex_lock(&s->lock);
	tell = s->fn && !s->broken && !s->released && !s->closed;
	s->broken = true;
	while (!list_empty(&s->calls)) {
		struct call *c = container_of(s->calls.next, struct call, node);

		list_del(&c->node);
		c->done = true;
	}
	pthread_cond_broadcast(&s->cond);
	pthread_mutex_unlock(&s->lock);
	if (tell)
		s->fn(s->ctx, s, &ev);
}

static void unwatch(struct shim *s)
{
	if (!s->watch)
		return;
	loop_fd_free(s->watch);
	s->watch = NULL;
	control_unref(s);
}

/* -1: the connection has ended. */
static int take_message(struct shim *s)
{
	uint64_t msg[PROTO_MAX / 8];
	int fds[PROTO_FDS_MAX], fd = -1;
	size_t nfds = 0;
	ssize_t n = proto_recv(s->fd, msg, sizeof(msg), fds, &nfds, MSG_DONTWAIT);
	const struct msg_event *m = (void *)msg;

	if (n == -EAGAIN)
		return 0;
	if (n <= 0)
		return -1;
	for (size_t i = 0; i < nfds; i++) {
		if (i == 0)
			fd = fds[i];
		else
			close(fds[i]);
	}
	if (proto_check_answer(msg, (size_t)n, NULL) < 0) {
		if (fd >= 0)
			close(fd);
		return -1;
	}
	if (m->head.type == MSG_REPLY)
		take_reply(s, (void *)msg, (size_t)n, &fd);
	else if (m->head.type == MSG_EVENT && s->fn && !s->closed)
		s->fn(s->ctx, s, &m->ev);
	if (fd >= 0)
		close(fd);
	return 1;
}

static void on_readable(void *ctx, uint32_t events)
{
	struct shim *s = ctx;
	int r = 1;

	ref(s);
	for (int i = 0; i < 32 && r > 0 && s->watch; i++)
		r = take_message(s);
	if (r < 0 && s->watch) {
		broke(s);
		unwatch(s);
	}
	control_unref(s);
}

static void start_watch(void *ctx)
{
	struct shim *s = ctx;
	size_t n = s->early.len / sizeof(struct shim_event);

	if (s->closed) {
		control_unref(s);
		return;
	}
	s->watch = loop_add_fd(s->loop, s->fd, EPOLLIN, on_readable, s);
	ref(s);
	for (size_t i = 0; i < n && s->fn && !s->closed; i++) {
		struct shim_event ev;

		memcpy(&ev, s->early.p + i * sizeof(ev), sizeof(ev));
		s->fn(s->ctx, s, &ev);
	}
	buf_done(&s->early);
	control_unref(s);
}

void control_watch(struct shim *s)
{
	ref(s);
	loop_post(s->loop, start_watch, s);
}

int control_recv(struct shim *s, int64_t deadline, void *ret_msg, int *ret_fd, struct err *err)
{
	int fds[PROTO_FDS_MAX];
	size_t nfds = 0;
	ssize_t n;

	for (;;) {
		struct pollfd p = {s->fd, POLLIN, 0};
		int64_t left = (deadline - clock_mono_ns()) / NS_PER_MS;
		struct msg_event *m = ret_msg;

		if (left <= 0 || poll(&p, 1, (int)MIN(left, (int64_t)1 << 30)) == 0)
			return err_set(err, ERR_UNAVAILABLE, "the shim does not answer");
		n = proto_recv(s->fd, ret_msg, PROTO_MAX, fds, &nfds, MSG_DONTWAIT);
		if (n == -EAGAIN)
			continue;
		if (n <= 0)
			return err_set(err, ERR_UNAVAILABLE, "the shim has ended");
		for (size_t i = 1; i < nfds; i++)
			close(fds[i]);
		*ret_fd = nfds ? fds[0] : -1;
		if (proto_check_answer(ret_msg, (size_t)n, err) < 0) {
			if (nfds)
				close(fds[0]);
			return -1;
		}
		if (m->head.type != MSG_EVENT)
			return 0;
		if (nfds)
			close(fds[0]);
		buf_add(&s->early, &m->ev, sizeof(m->ev));
	}
}

/* ---- calls ---- */

struct msg_request control_request(uint16_t type, const char *exec)
{
	struct msg_request rq = {.head = {.magic = PROTO_MAGIC, .version = SHIM_PROTOCOL,
					  .type = type, .size = sizeof(rq)}};

	if (exec)
		memcpy(rq.exec, exec, strnlen(exec, sizeof(rq.exec) - 1));
	return rq;
}

int control_send(struct shim *s, const void *msg, size_t n, const void *more, size_t more_n,
		 const int *fds, size_t nfds, struct err *err)
{
	int r = proto_send(s->fd, msg, n, more, more_n, fds, nfds, 0);

	if (r == 0)
		return 0;
	return err_set(err, ERR_UNAVAILABLE, "shim of container %.12s: %s", s->id, strerror(-r));
}

int control_error(const struct msg_reply *reply, struct err *err)
{
	if (!reply->kind)
		return 0;
	err_set(err, (enum err_kind)reply->kind, "%s", (const char *)reply->data);
	if (err)
		err->sys = reply->sys;
	return -1;
}

/* Waits until it is done; false: the time is over. Under lock. */
static bool wait_call(struct shim *s, struct call *c)
{
	int64_t end = clock_mono_ns() + SHIM_CALL_TIMEOUT_MS * NS_PER_MS;
	struct timespec ts = {end / NS_PER_SEC, end % NS_PER_SEC};

	while (!c->done)
		if (pthread_cond_timedwait(&s->cond, &s->lock, &ts) == ETIMEDOUT && !c->done) {
			list_del(&c->node);
			return false;
		}
	return true;
}

static int finish_call(struct shim *s, struct call *c, bool in_time, struct msg_reply **ret,
		       int *ret_fd, struct err *err)
{
	int r = 0;

	if (!in_time)
		r = err_set(err, ERR_UNAVAILABLE, "the shim of container %.12s does not answer",
			    s->id);
	else if (!c->reply && s->closed)
		r = err_set(err, ERR_CANCELLED, "the connection was closed");
	else if (!c->reply)
		r = err_set(err, ERR_UNAVAILABLE, "the shim of container %.12s has ended", s->id);
	else
		r = control_error(c->reply, err);
	if (r == 0 && ret)
		*ret = TAKE_PTR(c->reply);
	if (r == 0 && ret_fd)
		*ret_fd = TAKE_FD(c->fd);
	free(c->reply);
	if (c->fd >= 0)
		close(c->fd);
	return r;
}

int control_call(struct shim *s, struct msg_request *rq, const void *data, size_t n,
		 const int *fds, size_t nfds, struct msg_reply **ret, int *ret_fd, struct err *err)
{
	struct call c = {.fd = -1};
	bool in_time = true, up;
	int r = 0;

	CHECK(!loop_on_thread(s->loop));
	pthread_mutex_lock(&s->lock);
	up = !s->broken && !s->closed;
	if (up) {
		s->refs++;
		c.cookie = rq->head.cookie = ++s->cookie;
		list_init(&c.node);
		list_add_tail(&s->calls, &c.node);
	}
	pthread_mutex_unlock(&s->lock);
	if (!up)
		return err_set(err, ERR_UNAVAILABLE, "the shim of container %.12s has ended", s->id);
	rq->data_len = (uint32_t)n;
	rq->head.size = (uint32_t)(sizeof(*rq) + n);
	r = control_send(s, rq, sizeof(*rq), data, n, fds, nfds, err);
	pthread_mutex_lock(&s->lock);
	if (r == 0)
		in_time = wait_call(s, &c);
	else
		list_del(&c.node);
	pthread_mutex_unlock(&s->lock);
	if (r == 0) {
		r = finish_call(s, &c, in_time, ret, ret_fd, err);
	} else { /* it may have been answered meanwhile */
		free(c.reply);
		if (c.fd >= 0)
			close(c.fd);
	}
	control_unref(s);
	return r;
}

static void close_on_loop(void *ctx)
{
	struct shim *s = ctx;

	broke(s); /* wakes the callers; tells nobody */
	unwatch(s);
	control_unref(s);
}

void shim_close(struct shim *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->closed = true;
	pthread_mutex_unlock(&s->lock);
	if (loop_on_thread(s->loop))
		close_on_loop(s);
	else
		loop_post(s->loop, close_on_loop, s);
}
