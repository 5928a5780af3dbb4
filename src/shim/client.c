/*
 * client.c - one attached client: its stream out, its input in, leaving
 *
 * (1) The container never waits for a client: what a client does not take is queued (outq.c),
 *     and past the bounds the client is dropped.
 * (2) A client's input stops being read while the container does not read its own; nothing
 *     is dropped and memory is bounded.
 * (3) At the end of its job a client gets all that was written, then the end of the stream. Its
 *     unread input is discarded before the close: a peer must see an end, not a reset.
 * (4) As in docker: the end of input closes the container's stdin if it is stdin-once and not
 *     a tty, else it ends this client's attachment.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/fs.h"
#include "shim/monitor.h"

#define CLIENT_READ   32768
#define LEAVE_CHECK   (30 * NS_PER_SEC)
#define LEAVE_MAX_NS  (600 * NS_PER_SEC) /* without a byte taken */

static bool input_blocked(const struct client *c)
{
	return c->job && c->job->in.pending.len > SINK_MAX;
}

static void update(struct client *c)
{
	uint32_t events = EPOLLHUP;

	if (c->hung_up && (!c->in_open || input_blocked(c)))
		events = 0; /* the hang-up would be told again and again */
	else if (c->in_open && !input_blocked(c))
		events |= EPOLLIN;
	if (!outq_empty(&c->q) && !c->held && !c->hung_up)
		events |= EPOLLOUT;
	ev_watch(c->m, &c->ev, events);
}

static void free_client(struct client *c)
{
	list_del(&c->node);
	ev_close(c->m, &c->ev);
	outq_done(&c->q);
	free(c);
}

/* Its input has ended, by whatever way: (4). True: the client may stay. */
static bool input_ended(struct client *c)
{
	struct job *job = c->job;

	if (!c->in_open)
		return true;
	c->in_open = false;
	if (!job)
		return true;
	if (job->stdin_once && !job->tty) {
		job_input_end(job);
		return true;
	}
	return false;
}

void client_drop(struct client *c)
{
	input_ended(c);
	free_client(c);
	/* the last one of a finished shim lets it end */
}

static void close_gently(struct client *c)
{
	/* not a socket: only tests, nothing to shut down */
	ignore_result(shutdown(c->ev.fd, SHUT_RDWR) < 0);
	for (int i = 0; i < 64; i++)
		if (recv(c->ev.fd, scratch_in, sizeof(scratch_in), MSG_DONTWAIT) <= 0)
			break;
	free_client(c);
}

void client_leave(struct client *c)
{
	struct monitor *m = c->m;

	c->in_open = false;
	c->job = NULL;
	if (!c->held && (outq_empty(&c->q) || c->hung_up)) {
		close_gently(c);
		return;
	}
	list_del(&c->node);
	list_add_tail(&m->leaving, &c->node);
	if (!timer_is_set(&m->leave_timer))
		timer_set(m, &m->leave_timer, LEAVE_CHECK);
	update(c);
}

void clients_check(struct monitor *m)
{
	int64_t now = clock_mono_ns();

	list_for_each(pos, &m->leaving) {
		struct client *c = container_of(pos, struct client, node);

		if (now - c->moved_ns > LEAVE_MAX_NS)
			free_client(c);
	}
	if (!list_empty(&m->leaving))
		timer_set(m, &m->leave_timer, LEAVE_CHECK);
}

static void detached(struct client *c)
{
	struct shim_event ev = {.type = SHIM_EV_DETACHED, .time_ns = clock_real_ns()};

	memcpy(ev.exec, c->job->id, sizeof(ev.exec));
	server_event(c->m, &ev);
	client_leave(c);
}

/* False: the client has left. */
static bool take_input(struct client *c, const uint8_t *p, size_t n)
{
	struct job *job = c->job;
	bool leaves = false;
	size_t got = n;

	if (job->tty && c->keys.n) {
		leaves = keys_feed(&c->keys, p, n, scratch_keys, &got);
		p = scratch_keys;
	}
	job_input(job, p, got);
	if (leaves)
		detached(c);
	return !leaves;
}

/* False: the client is gone. */
static bool read_input(struct client *c)
{
	ssize_t n = recv(c->ev.fd, scratch_in, CLIENT_READ, MSG_DONTWAIT);

	if (n < 0 && errno == ENOTSOCK)
		n = read(c->ev.fd, scratch_in, CLIENT_READ);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n > 0)
		return take_input(c, scratch_in, (size_t)n);
	if (n < 0)
		c->hung_up = true;
	if (!input_ended(c)) {
		client_leave(c);
		return false;
	}
	return true;
}

static bool flush_out(struct client *c)
{
	size_t before = c->q.len + (size_t)(c->q.spill_w - c->q.spill_r);
	int r = outq_flush(&c->q, c->ev.fd);

	if (r < 0) {
		client_drop(c);
		return false;
	}
	if (r == 1 || c->q.len + (size_t)(c->q.spill_w - c->q.spill_r) != before)
		c->moved_ns = clock_mono_ns();
	if (r == 1 && !c->job) {
		close_gently(c);
		return false;
	}
	return true;
}

static void on_client(struct monitor *m, struct ev *ev, uint32_t events)
{
	struct client *c = container_of(ev, struct client, ev);

	if (events & (EPOLLHUP | EPOLLERR))
		c->hung_up = true;
	if (c->in_open && !input_blocked(c) && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) &&
	    !read_input(c))
		return;
	/* the peer has closed both ways: what it sent before is taken first */
	if (c->hung_up && !c->in_open) {
		client_drop(c);
		return;
	}
	if ((events & EPOLLOUT) && !flush_out(c))
		return;
	update(c);
}

void client_input_room(struct job *job)
{
	list_for_each(pos, &job->clients)
		update(container_of(pos, struct client, node));
}

void client_output(struct client *c, int stream, const uint8_t *p, size_t n)
{
	uint32_t want = c->framed && stream == 2 ? SHIM_ATTACH_STDERR : SHIM_ATTACH_STDOUT;
	uint8_t head[8] = {(uint8_t)stream, 0, 0, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16),
			   (uint8_t)(n >> 8), (uint8_t)n};
	struct iovec iov[2] = {{head, sizeof(head)}, {(void *)p, n}};
	int skip = c->framed ? 0 : 1, r;

	if (!(c->flags & want) || c->hung_up)
		return;
	if (c->held) {
		r = skip ? 0 : outq_add(&c->q, c->m->dirfd, head, sizeof(head));
		if (r >= 0)
			r = outq_add(&c->q, c->m->dirfd, p, n);
	} else {
		r = outq_write(&c->q, c->ev.fd, c->m->dirfd, iov + skip, 2 - skip);
	}
	if (r < 0) {
		client_drop(c);
		return;
	}
	c->moved_ns = clock_mono_ns();
	update(c);
}

size_t client_count(const struct monitor *m)
{
	size_t n = 0;

	list_for_each(pos, &m->main.clients)
		n++;
	list_for_each(pos, &m->execs) {
		struct job *job = container_of(pos, struct job, node);

		list_for_each(c, &job->clients)
			n++;
	}
	list_for_each(pos, &m->leaving)
		n++;
	return n;
}

/* The unfinished line is in no log yet: one who reads the log first gets it from us. */
static void give_unfinished(struct client *c)
{
	struct source *src[2] = {&c->job->out, &c->job->err};

	for (int i = 0; i < 2; i++) {
		struct splitter *sp = &src[i]->split;

		if (sp->len) /* held: it is queued, 32 KiB at most, and nobody is dropped */
			client_output(c, src[i]->stream, sp->part, sp->len);
	}
}

int client_add(struct job *job, int fd, const struct msg_request *rq, uint64_t *ret_token,
	       struct err *err)
{
	struct monitor *m = job->m;
	struct client *c;

	if (client_count(m) >= SHIM_ATTACH_MAX) {
		close(fd);
		return err_set(err, ERR_CONFLICT, "more than %d clients are attached",
			       SHIM_ATTACH_MAX);
	}
	c = xnew(struct client);
	*c = (struct client){.m = m, .job = job, .flags = rq->attach_flags, .q = OUTQ_INIT,
			     .ev = {.fd = fd, .fn = on_client}, .token = ++m->next_token,
			     .framed = !job->tty, .moved_ns = clock_mono_ns()};
	*ret_token = c->token;
	c->in_open = (c->flags & SHIM_ATTACH_STDIN) != 0;
	c->held = (c->flags & SHIM_ATTACH_HOLD) != 0;
	fs_nonblock(fd, true);
	keys_init(&c->keys, rq->keys, rq->keys_n);
	list_init(&c->node);
	list_add_tail(&job->clients, &c->node);
	if (c->held && job == &m->main)
		give_unfinished(c);
	if (c->in_open && rq->data_len && !take_input(c, rq->data, rq->data_len))
		return 0;
	update(c);
	return 0;
}

void client_go(struct client *c)
{
	c->held = false;
	if (!c->job && outq_empty(&c->q)) {
		close_gently(c);
		return;
	}
	update(c);
}
