/*
 * server.c - the shim's connections: who may connect, requests in, replies and events out
 *
 * (1) Only a peer of our own uid, or root, is listened to (SO_PEERCRED); the directory is 0700
 *     besides.
 * (2) A new connection gets a snapshot of everything first; from then on every event, so it
 *     knows the whole state at any moment.
 * (3) A peer that does not read is dropped when OUT_MAX messages wait for it. It may connect
 *     again and gets a new snapshot.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "shim/monitor.h"

#define OUT_MAX	  4096 /* more than a snapshot of all execs */
#define CONNS_MAX 32

struct out_msg {
	struct list node;
	int fd; /* to send along; -1 */
	size_t n;
	uint8_t data[];
};

static void free_msg(struct out_msg *o)
{
	list_del(&o->node);
	if (o->fd >= 0)
		close(o->fd);
	free(o);
}

static void drop(struct monitor *m, struct conn *c)
{
	if (m->release_conn == c)
		m->release_conn = NULL;
	while (!list_empty(&c->out))
		free_msg(container_of(c->out.next, struct out_msg, node));
	ev_close(m, &c->ev);
	list_del(&c->node);
	free(c);
	life_check_linger(m);
}

/* False: the peer is lost; the caller drops it. fd is borrowed. */
static bool send_msg(struct monitor *m, struct conn *c, const void *head, size_t n,
		     const void *more, size_t more_n, int fd)
{
	struct out_msg *o;
	int r = -EAGAIN;

	if (list_empty(&c->out))
		r = proto_send(c->ev.fd, head, n, more, more_n, &fd, fd >= 0, MSG_DONTWAIT);
	if (r == 0)
		return true;
	if (r != -EAGAIN || c->nout >= OUT_MAX)
		return false;
	o = xmalloc(sizeof(*o) + n + more_n);
	o->fd = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
	o->n = n + more_n;
	memcpy(o->data, head, n);
	if (more_n)
		memcpy(o->data + n, more, more_n);
	list_init(&o->node);
	list_add_tail(&c->out, &o->node);
	c->nout++;
	ev_watch(m, &c->ev, EPOLLIN | EPOLLOUT);
	return true;
}

static bool flush(struct monitor *m, struct conn *c)
{
	while (!list_empty(&c->out)) {
		struct out_msg *o = container_of(c->out.next, struct out_msg, node);
		int r = proto_send(c->ev.fd, o->data, o->n, NULL, 0, &o->fd, o->fd >= 0,
				   MSG_DONTWAIT);

		if (r == -EAGAIN)
			return true;
		if (r < 0)
			return false;
		free_msg(o);
		c->nout--;
	}
	ev_watch(m, &c->ev, EPOLLIN);
	return true;
}

static struct msg_head make_head(uint16_t type, uint64_t cookie, size_t size)
{
	return (struct msg_head){.magic = PROTO_MAGIC, .version = SHIM_PROTOCOL, .type = type,
				 .cookie = cookie, .size = (uint32_t)size};
}

static bool send_data(struct monitor *m, struct conn *c, uint16_t type, const void *data, size_t n,
		      int fd)
{
	struct msg_reply r = {.head = make_head(type, 0, sizeof(r) + n), .data_len = (uint32_t)n};

	return send_msg(m, c, &r, sizeof(r), data, n, fd);
}

static bool send_snapshot(struct monitor *m, struct conn *c)
{
	struct shim_status st;

	life_status(m, &st);
	if (!send_data(m, c, MSG_SNAPSHOT, &st, sizeof(st), st.pid ? m->main.proc.pidfd : -1))
		return false;
	list_for_each(pos, &m->execs) {
		struct shim_exec_status x;

		life_exec_status(container_of(pos, struct job, node), &x);
		if (!send_data(m, c, MSG_SNAPSHOT_EXEC, &x, sizeof(x), -1))
			return false;
	}
	return send_data(m, c, MSG_SNAPSHOT_END, NULL, 0, -1);
}

void server_event(struct monitor *m, const struct shim_event *ev)
{
	struct msg_event msg = {.head = make_head(MSG_EVENT, 0, sizeof(msg)), .ev = *ev};

	list_for_each(pos, &m->conns) {
		struct conn *c = container_of(pos, struct conn, node);

		/* a lost peer is dropped by its own hang-up event: the list stays as it is */
		if (!send_msg(m, c, &msg, sizeof(msg), NULL, 0, -1))
			ignore_result(shutdown(c->ev.fd, SHUT_RDWR) < 0);
	}
}

void server_reply(struct monitor *m, struct conn *c, const struct msg_head *rq, struct answer *a,
		  const struct err *err)
{
	struct msg_reply r = {.pid = a->pid, .token = a->token, .log_size = a->log_size};
	const void *data = a->data.p;
	size_t n = a->data.len;

	if (err) {
		r.kind = err->kind;
		r.sys = err->sys;
		data = err->msg;
		n = strlen(err->msg) + 1;
	}
	r.head = make_head(MSG_REPLY, rq->cookie, sizeof(r) + n);
	r.data_len = (uint32_t)n;
	if (!send_msg(m, c, &r, sizeof(r), data, n, err ? -1 : a->fd))
		ignore_result(shutdown(c->ev.fd, SHUT_RDWR) < 0);
}

static void handle(struct monitor *m, struct conn *c, const void *msg, size_t n, int *fds,
		   size_t nfds)
{
	const struct msg_request *rq = msg;
	struct answer a = {.fd = -1};
	struct err err = ERR_INIT;
	int r = proto_check_request(msg, n, nfds, &err);

	for (size_t i = nfds; i < PROTO_FDS_MAX; i++)
		fds[i] = -1;
	if (r == 0)
		r = handlers[rq->head.type](m, c, rq, fds, &a, &err);
	for (size_t i = 0; i < nfds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	if (!a.later)
		server_reply(m, c, &rq->head, &a, r < 0 ? &err : NULL);
	if (a.fd >= 0)
		close(a.fd);
	buf_done(&a.data);
}

static void on_conn(struct monitor *m, struct ev *ev, uint32_t events)
{
	static uint8_t msg[PROTO_MAX] __attribute__((aligned(4096)));
	struct conn *c = container_of(ev, struct conn, ev);
	int fds[PROTO_FDS_MAX];
	size_t nfds = 0;
	ssize_t n;

	if ((events & EPOLLOUT) && !flush(m, c)) {
		drop(m, c);
		return;
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	n = proto_recv(ev->fd, msg, sizeof(msg), fds, &nfds, MSG_DONTWAIT);
	if (n == -EAGAIN)
		return;
	if (n <= 0 || proto_check_head(msg, (size_t)n, NULL) < 0) {
		for (size_t i = 0; n > 0 && i < nfds; i++)
			close(fds[i]);
		drop(m, c);
		return;
	}
	handle(m, c, msg, (size_t)n, fds, nfds);
}

struct conn *server_add(struct monitor *m, int fd)
{
	struct conn *c = xnew(struct conn);

	c->ev = (struct ev){.fd = fd, .fn = on_conn};
	list_init(&c->out);
	list_init(&c->node);
	list_add_tail(&m->conns, &c->node);
	ev_watch(m, &c->ev, EPOLLIN);
	life_check_linger(m);
	return c;
}

static bool allowed(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0 &&
	       (cred.uid == geteuid() || cred.uid == 0);
}

static void on_listener(struct monitor *m, struct ev *ev, uint32_t events)
{
	int fd = accept4(ev->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct conn *c;
	size_t n = 0;

	if (fd < 0)
		return;
	list_for_each(pos, &m->conns)
		n++;
	if (n >= CONNS_MAX || !allowed(fd)) {
		close(fd);
		return;
	}
	c = server_add(m, fd);
	if (!send_snapshot(m, c))
		drop(m, c);
}

int server_listen(struct monitor *m, struct err *err)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return err_sys(err, errno, "make socket");
	m->listener = (struct ev){.fd = fd, .fn = on_listener};
	/* by descriptor: the path may be longer than a socket's name may be */
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" PROTO_SOCKET, m->statefd);
	ignore_result(unlinkat(m->statefd, PROTO_SOCKET, 0) < 0); /* of a shim that was killed */
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 16) < 0)
		return err_sys(err, errno, "listen on shim socket");
	ev_watch(m, &m->listener, EPOLLIN);
	return 0;
}

void server_close(struct monitor *m)
{
	ev_close(m, &m->listener);
	list_for_each(pos, &m->conns) {
		struct conn *c = container_of(pos, struct conn, node);

		for (int i = 0; i < 20 && flush(m, c) && !list_empty(&c->out); i++)
			ignore_result(poll(&(struct pollfd){c->ev.fd, POLLOUT, 0}, 1, 50) < 0);
		drop(m, c);
	}
}
