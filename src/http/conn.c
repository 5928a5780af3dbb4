/*
 * conn.c - a connection: reads, parses, sends, one exchange after the other
 *
 * Everything that happens to a connection ends in conn_step(), which does what can be done
 * now and then tells the loop what to wait for. An idle connection holds no buffers.
 *
 * (1) conn_step() is not entered twice; a call from inside makes it go round once more.
 * (2) A connection is only freed at the end of a step (or outside of one).
 * (3) The next request is parsed only when the answer before it has been sent.
 */
#include "http/private.h"

#include <errno.h>
#include <sys/socket.h>

static void conn_free(struct conn *c)
{
	struct http_server *s = c->srv;

	if (c->ex)
		exchange_over(c->ex, true);
	loop_fd_free(c->watch);
	if (c->fd >= 0)
		close(c->fd);
	list_del(&c->link);
	buf_done(&c->in);
	buf_done(&c->out);
	free(c);
	s->nconns--;
	server_conn_gone(s);
}

void conn_drop(struct conn *c)
{
	c->dead = true;
	if (!c->stepping)
		conn_free(c);
}

static void set_deadline(struct conn *c, int64_t in_ns)
{
	c->deadline = in_ns ? clock_mono_ns() + in_ns : 0;
	server_deadline(c->srv, c->deadline);
}

/* Sends what waits. False: the client is gone. */
static bool conn_flush(struct conn *c)
{
	while (conn_unsent(c)) {
		ssize_t n = send(c->fd, c->out.p + c->out_at, conn_unsent(c), MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return false;
		c->out_at += (size_t)n;
	}
	if (!conn_unsent(c)) {
		c->out_at = 0;
		buf_reset(&c->out);
	} else if (c->out_at > SCRATCH_SIZE) {
		buf_consume(&c->out, c->out_at);
		c->out_at = 0;
	}
	return true;
}

static const struct {
	int status;
	const char *text;
} refusals[] = {
    {400, "400 Bad Request"},
    {408, "408 Request Timeout"},
    {413, "413 Request Entity Too Large"},
    {431, "431 Request Header Fields Too Large"},
    {503, "503 Service Unavailable"},
    {505, "505 HTTP Version Not Supported"},
};

/* Answers what is no proper request, and closes. */
static void conn_refuse(struct conn *c, int status)
{
	const char *text = refusals[0].text;

	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		if (refusals[i].status == status)
			text = refusals[i].text;
	if (!c->ex || c->ex->mode == ANSWER_NONE)
		buf_addf(&c->out,
			 "HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\n"
			 "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
			 text, strlen(text), text);
	if (c->ex)
		exchange_over(c->ex, true);
	c->close_after = true;
	buf_done(&c->in);
}

/* Parses from c->in until the request is complete. */
static void conn_parse(struct conn *c)
{
	size_t used;
	enum http_errno e;

	if (!c->ex) {
		c->ex = exchange_new(c);
		set_deadline(c, c->srv->config.head_timeout_ns);
	}
	used = http_parser_execute(&c->parser, &request_parser, c->in.p, c->in.len);
	e = HTTP_PARSER_ERRNO(&c->parser);
	if (e != HPE_OK && e != HPE_PAUSED) {
		conn_refuse(c, c->ex->bad ? c->ex->bad : e == HPE_HEADER_OVERFLOW ? 431 : 400);
		return;
	}
	buf_consume(&c->in, used);
	if (!c->in.len)
		buf_done(&c->in);
	if (c->ex->read == READ_COMPLETE ||
	    (c->ex->read == READ_BODY && c->ex->target.body == HTTP_BODY_STREAM))
		set_deadline(c, 0);
}

static bool may_parse(const struct conn *c)
{
	if (c->close_after || c->lingering || c->in.len == 0)
		return false;
	return !c->ex || (c->ex->read != READ_COMPLETE && !upload_full(c->ex));
}

/* Whether the exchange is done with: all sent, all read. */
static bool exchange_done(const struct conn *c)
{
	return c->ex && c->ex->mode != ANSWER_NONE && c->ex->ended && !conn_unsent(c) &&
	       (c->ex->read == READ_COMPLETE || c->close_after);
}

/* Half-close and wait a little, so that the answer is not lost with a reset. */
static void conn_linger(struct conn *c)
{
	if (c->peer_eof || (c->fd >= 0 && shutdown(c->fd, SHUT_WR) < 0)) {
		c->dead = true;
		return;
	}
	c->lingering = true;
	set_deadline(c, LINGER_NS);
}

static void finish_exchange(struct conn *c)
{
	bool whole = c->ex->read == READ_COMPLETE;

	if (!c->ex->keep_alive || c->srv->stopping)
		c->close_after = true;
	exchange_over(c->ex, false);
	buf_done(&c->out);
	if (c->close_after && whole)
		c->dead = true;
	if (!c->close_after)
		set_deadline(c, c->srv->config.idle_timeout_ns);
}

static void step_once(struct conn *c)
{
	if (may_parse(c))
		conn_parse(c);
	if (c->ex)
		exchange_dispatch(c->ex);
	if (c->dead)
		return;
	if (c->ex && c->ex->read != READ_COMPLETE && c->ex->dropped > DRAIN_MAX)
		c->close_after = true;
	if (!conn_flush(c)) {
		c->dead = true;
		return;
	}
	if (c->ex && c->ex->mode != ANSWER_NONE) {
		answer_step(c->ex);
		if (c->dead)
			return;
		if (c->ex && c->ex->ended && c->ex->read != READ_COMPLETE)
			upload_end(c->ex, false);
		if (!conn_flush(c) || (c->ex && c->ex->aborted && !conn_unsent(c))) {
			c->dead = true;
			return;
		}
	}
	if (exchange_done(c)) {
		finish_exchange(c);
		c->again = !c->dead;
	}
	if (!c->dead && c->close_after && !c->ex && !conn_unsent(c) && !c->lingering)
		conn_linger(c);
}

/* The client sent its last byte, and what we are doing is only waiting on its behalf. */
static bool nobody_waits(const struct conn *c)
{
	const struct exchange *ex = c->ex;

	if (!c->peer_eof || c->in.len)
		return false;
	if (!ex)
		return !conn_unsent(c);
	if (ex->read != READ_COMPLETE)
		return !ex->dispatched; /* a cut upload: its handler finds out and answers */
	if (ex->mode == ANSWER_NONE)
		return ex->end_fn != NULL;
	return ex->mode == ANSWER_STREAM && ex->fill == FILL_WAITING && !conn_unsent(c);
}

static uint32_t wanted_events(const struct conn *c)
{
	uint32_t events = 0;
	bool reading = !c->ex || c->ex->read != READ_COMPLETE;

	if (!c->peer_eof) {
		if (c->lingering || (reading && c->in.len == 0 && !(c->ex && upload_full(c->ex))))
			events |= EPOLLIN;
		if (!reading)
			events |= EPOLLRDHUP;
	}
	if (conn_unsent(c) || (c->ex && c->ex->mode == ANSWER_STREAM && c->ex->fill == FILL_IDLE &&
			       !c->ex->ended))
		events |= EPOLLOUT;
	return events;
}

void conn_step(struct conn *c)
{
	uint32_t events;

	if (c->stepping) {
		c->again = true;
		return;
	}
	c->stepping = true;
	do {
		c->again = false;
		step_once(c);
	} while (c->again && !c->dead);
	c->stepping = false;
	if (c->dead || nobody_waits(c)) {
		conn_free(c);
		return;
	}
	events = wanted_events(c);
	if (events != c->events)
		loop_fd_events(c->watch, c->events = events);
}

/* The request's end will not come. */
static void request_is_cut(struct conn *c)
{
	struct exchange *ex = c->ex;

	if (!ex || ex->read == READ_COMPLETE)
		return;
	upload_end(ex, false);
	c->close_after = true;
	if (!ex->dispatched)
		c->dead = true;
}

static void conn_read(struct conn *c)
{
	char *p = c->srv->scratch;
	ssize_t n;

	do
		n = recv(c->fd, p, SCRATCH_SIZE, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0) {
		if (errno != EAGAIN)
			c->dead = true;
		return;
	}
	if (n == 0) {
		c->peer_eof = true;
		if (c->lingering)
			c->dead = true;
		request_is_cut(c);
	} else if (!c->lingering) {
		buf_add(&c->in, p, (size_t)n);
	}
}

static void conn_event(void *ctx, uint32_t events)
{
	struct conn *c = ctx;

	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN && c->events & EPOLLIN)) {
		conn_drop(c);
		return;
	}
	if (events & EPOLLIN && c->events & EPOLLIN)
		conn_read(c);
	else if (events & EPOLLRDHUP)
		c->peer_eof = true;
	if (c->dead)
		conn_drop(c);
	else
		conn_step(c);
}

void conn_accept(struct http_server *s, int fd, bool tcp)
{
	struct conn *c = xnew(struct conn);

	*c = (struct conn){.srv = s, .fd = fd, .tcp = tcp, .events = EPOLLIN};
	list_init(&c->link);
	list_add_tail(&s->conns, &c->link);
	s->nconns++;
	c->watch = loop_add_fd(s->config.loop, fd, EPOLLIN, conn_event, c);
	set_deadline(c, tcp ? s->config.head_timeout_ns : s->config.idle_timeout_ns);
}
