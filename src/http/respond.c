/*
 * respond.c - answers: whole, pulled, pumped, hijacked
 *
 * A handler's thread fills the answer's fields, sets .answered and posts; from then on the
 * loop has them. A source's fill may run on a worker: then .fill is FILL_RUNNING and the loop
 * leaves .out alone.
 *
 * (1) A source's done and a pump's finish are called exactly once, whatever becomes of the client.
 * (2) A wake that comes while a fill runs is not lost: .woken is cleared before the fill begins.
 */
#include "http/private.h"

#include <errno.h>
#include <pthread.h>
#include <strings.h>
#include <time.h>

#include "base/fs.h"

static struct exchange *exchange_of(const struct http_req *req)
{
	return (struct exchange *)req;
}

void http_set(struct http_req *req, const char *name, const char *value)
{
	struct strv *set = &exchange_of(req)->set;

	for (size_t i = 0; i < set->n; i += 2)
		if (strcasecmp(set->v[i], name) == 0) {
			strv_remove(set, i);
			strv_remove(set, i);
			break;
		}
	if (!value || strpbrk(value, "\r\n"))
		return;
	strv_add(set, name);
	strv_add(set, value);
}

void http_setf(struct http_req *req, const char *name, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	AUTO(free) char *value = xvasprintf(fmt, ap);
	va_end(ap);
	http_set(req, name, value);
}

static bool is_bodyless(int status)
{
	return status == 204 || status == 304 || status < 200;
}

static void add_date(struct buf *out)
{
	char text[64];
	time_t now = time(NULL);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &tm);
	buf_adds(out, text);
}

static void add_head(struct exchange *ex, struct buf *out)
{
	buf_addf(out, "HTTP/1.1 %d %s\r\n", ex->status, http_status_str(ex->status));
	for (size_t i = 0; i + 1 < ex->set.n; i += 2)
		buf_addf(out, "%s: %s\r\n", ex->set.v[i], ex->set.v[i + 1]);
	if (ex->type)
		buf_addf(out, "Content-Type: %s\r\n", ex->type);
	add_date(out);
	if (ex->mode != ANSWER_WHOLE) {
		ex->chunked = !ex->http10;
		ex->keep_alive = ex->keep_alive && ex->chunked;
		if (ex->chunked)
			buf_adds(out, "Transfer-Encoding: chunked\r\n");
	} else if (!is_bodyless(ex->status)) {
		buf_addf(out, "Content-Length: %zu\r\n", ex->out.len);
	}
	if (!ex->keep_alive)
		buf_adds(out, "Connection: close\r\n");
	else if (ex->http10)
		buf_adds(out, "Connection: keep-alive\r\n");
	buf_adds(out, "\r\n");
}

/* A body is still to come that will not be read to its end. */
static bool leaves_body(const struct exchange *ex)
{
	if (ex->read == READ_COMPLETE || ex->mode != ANSWER_WHOLE)
		return false;
	return http_header(&ex->req, "Expect") ||
	       (!(ex->conn->parser.flags & F_CHUNKED) && ex->req.has_body &&
		ex->conn->parser.content_length > DRAIN_MAX);
}

void answer_start(struct exchange *ex)
{
	struct conn *c = ex->conn;

	if (leaves_body(ex) || ex->srv->stopping)
		ex->keep_alive = false;
	if (!ex->keep_alive && ex->mode == ANSWER_WHOLE)
		c->close_after = true;
	add_head(ex, &c->out);
	if (ex->mode == ANSWER_WHOLE && !ex->head && !is_bodyless(ex->status))
		buf_add(&c->out, ex->out.p, ex->out.len);
	if (ex->mode == ANSWER_WHOLE || ex->head)
		ex->ended = true;
	buf_done(&ex->out);
}

static void answer_on_loop(void *ctx)
{
	struct exchange *ex = ctx;

	ex->mode = ex->posted_mode;
	if (ex->conn) {
		answer_start(ex);
		conn_step(ex->conn);
	} else {
		answer_stop(ex);
	}
	http_req_unref(&ex->req);
}

static void post_answer(struct exchange *ex)
{
	http_req_ref(&ex->req);
	if (loop_on_thread(ex->srv->config.loop))
		answer_on_loop(ex);
	else
		loop_post(ex->srv->config.loop, answer_on_loop, ex);
}

/* False if there is an answer already: the first one holds. */
static bool begin(struct exchange *ex, enum answer_mode mode, int status, const char *type)
{
	if (atomic_exchange(&ex->answered, true))
		return false;
	ex->posted_mode = mode;
	ex->status = status;
	ex->type = xstrdup(type);
	return true;
}

void http_reply_buf(struct http_req *req, int status, const char *type, struct buf *body)
{
	struct exchange *ex = exchange_of(req);

	if (!begin(ex, ANSWER_WHOLE, status, type))
		return;
	ex->out = *body;
	*body = (struct buf){0};
	post_answer(ex);
}

void http_reply(struct http_req *req, int status, const char *type, const void *data, size_t n)
{
	AUTO(buf) struct buf b = {0};

	if (n)
		buf_add(&b, data, n);
	http_reply_buf(req, status, type, &b);
}

void http_reply_empty(struct http_req *req, int status)
{
	http_reply(req, status, NULL, NULL, 0);
}

/* --- streams ------------------------------------------------------------------------------- */

static void add_chunk(struct exchange *ex, const char *data, size_t n)
{
	struct buf *out = &ex->conn->out;

	if (!n)
		return;
	if (ex->chunked)
		buf_addf(out, "%zx\r\n", n);
	buf_add(out, data, n);
	if (ex->chunked)
		buf_adds(out, "\r\n");
}

static void end_chunks(struct exchange *ex, bool well)
{
	ex->ended = true;
	ex->aborted = !well;
	if (well && ex->chunked)
		buf_adds(&ex->conn->out, "0\r\n\r\n");
	if (well && !ex->keep_alive)
		ex->conn->close_after = true;
}

static void stop_timer(struct exchange *ex)
{
	if (ex->again)
		loop_timer_free(ex->again);
	ex->again = NULL;
}

static void time_is_up(void *ctx)
{
	struct exchange *ex = ctx;

	ex->again = NULL;
	ex->fill = FILL_IDLE;
	conn_step(ex->conn);
}

static void take_filled(struct exchange *ex)
{
	ex->fill = FILL_ENDED;
	add_chunk(ex, ex->out.p, ex->out.len);
	buf_done(&ex->out);
	if (ex->filled == HTTP_END || ex->filled == HTTP_ABORT)
		end_chunks(ex, ex->filled == HTTP_END);
	else if (ex->filled == HTTP_WAIT && !atomic_load(&ex->woken))
		ex->fill = FILL_WAITING;
	else
		ex->fill = FILL_IDLE;
	if (ex->fill == FILL_WAITING && ex->src.every_ns)
		ex->again = loop_add_timer(ex->srv->config.loop, ex->src.every_ns, time_is_up, ex);
}

static void run_fill(void *ctx)
{
	struct exchange *ex = ctx;

	atomic_store(&ex->woken, false);
	ex->filled = ex->src.fill(ex->src.ctx, &ex->out);
}

static void fill_done(void *ctx)
{
	struct exchange *ex = ctx;

	if (ex->conn) {
		take_filled(ex);
		conn_step(ex->conn);
	} else {
		ex->fill = FILL_ENDED;
		answer_stop(ex);
	}
	http_req_unref(&ex->req);
}

static void stream_step(struct exchange *ex)
{
	if (ex->fill != FILL_IDLE || conn_unsent(ex->conn) >= HTTP_LOW_WATER)
		return;
	ex->fill = FILL_RUNNING;
	if (ex->src.on_loop) {
		run_fill(ex);
		take_filled(ex);
	} else {
		http_req_ref(&ex->req);
		pool_run(ex->srv->config.pool, run_fill, fill_done, ex);
	}
}

static void wake_on_loop(void *ctx)
{
	struct exchange *ex = ctx;

	if (ex->conn && ex->fill == FILL_WAITING) {
		stop_timer(ex);
		ex->fill = FILL_IDLE;
		conn_step(ex->conn);
	}
	http_req_unref(&ex->req);
}

void http_wake(struct http_req *req)
{
	struct exchange *ex = exchange_of(req);

	if (atomic_exchange(&ex->woken, true) || atomic_load(&ex->over))
		return;
	http_req_ref(req);
	loop_post(ex->srv->config.loop, wake_on_loop, ex);
}

void http_stream(struct http_req *req, int status, const char *type, const struct http_source *src)
{
	struct exchange *ex = exchange_of(req);

	CHECK(begin(ex, ANSWER_STREAM, status, type));
	ex->src = *src;
	post_answer(ex);
}

/* --- pumps --------------------------------------------------------------------------------- */

static void run_finish(void *ctx)
{
	struct exchange *ex = ctx;

	ex->pump.result = ex->pump.finish(ex->pump.ctx, atomic_load(&ex->over));
}

static void finish_done(void *ctx)
{
	struct exchange *ex = ctx;

	if (ex->conn) {
		end_chunks(ex, ex->pump.result == 0);
		conn_step(ex->conn);
	}
	http_req_unref(&ex->req);
}

static void pump_close(struct exchange *ex)
{
	loop_fd_free(ex->pump.watch);
	ex->pump.watch = NULL;
	if (ex->pump.fd >= 0)
		close(ex->pump.fd);
	ex->pump.fd = -1;
}

static void pump_ended(struct exchange *ex)
{
	pump_close(ex);
	http_req_ref(&ex->req);
	if (ex->pump.finish)
		pool_run(ex->srv->config.pool, run_finish, finish_done, ex);
	else
		finish_done(ex);
}

static void pump_event(void *ctx, uint32_t events)
{
	struct exchange *ex = ctx;
	struct conn *c = ex->conn;
	char *p = ex->srv->scratch;
	ssize_t n = read(ex->pump.fd, p, SCRATCH_SIZE);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		add_chunk(ex, p, (size_t)n);
		conn_step(c);
	} else {
		pump_ended(ex);
	}
}

static void pump_step(struct exchange *ex)
{
	bool room = conn_unsent(ex->conn) < HTTP_LOW_WATER;

	if (ex->pump.fd < 0)
		return;
	if (room && !ex->pump.watch)
		ex->pump.watch = loop_add_fd(ex->srv->config.loop, ex->pump.fd, EPOLLIN, pump_event, ex);
	/* not by asking for no events: an ended pipe tells HUP all the same */
	if (!room) {
		loop_fd_free(ex->pump.watch);
		ex->pump.watch = NULL;
	}
}

void http_pump(struct http_req *req, int status, const char *type, int fd,
	       int (*finish)(void *ctx, bool gone), void *ctx)
{
	struct exchange *ex = exchange_of(req);

	CHECK(begin(ex, ANSWER_PUMP, status, type));
	fs_nonblock(fd, true);
	ex->pump.fd = fd;
	ex->pump.finish = finish;
	ex->pump.ctx = ctx;
	post_answer(ex);
}

void answer_step(struct exchange *ex)
{
	if (ex->ended)
		return;
	if (ex->mode == ANSWER_STREAM)
		stream_step(ex);
	else if (ex->mode == ANSWER_PUMP)
		pump_step(ex);
}

void answer_stop(struct exchange *ex)
{
	stop_timer(ex);
	if (ex->mode == ANSWER_STREAM && ex->fill != FILL_RUNNING && ex->src.done) {
		void (*done)(void *) = ex->src.done;

		ex->src.done = NULL;
		done(ex->src.ctx);
	}
	if (ex->mode == ANSWER_PUMP && ex->pump.fd >= 0) {
		pump_close(ex);
		if (ex->pump.finish) {
			http_req_ref(&ex->req);
			pool_run(ex->srv->config.pool, run_finish, finish_done, ex);
		}
	}
}

/* --- the end of an exchange, and leaving HTTP -------------------------------------------------- */

struct end_call {
	struct exchange *ex;
	void (*fn)(void *ctx, bool gone);
	void *ctx;
};

static void set_end(void *ctx)
{
	struct end_call *call = ctx;
	struct exchange *ex = call->ex;

	if (ex->conn) {
		ex->end_fn = call->fn;
		ex->end_ctx = call->ctx;
		conn_step(ex->conn); /* the client may have hung up already */
	} else {
		call->fn(call->ctx, ex->gone);
	}
	http_req_unref(&ex->req);
	free(call);
}

void http_on_end(struct http_req *req, void (*fn)(void *ctx, bool gone), void *ctx)
{
	struct end_call *call = xnew(struct end_call);

	*call = (struct end_call){.ex = exchange_of(http_req_ref(req)), .fn = fn, .ctx = ctx};
	loop_post(call->ex->srv->config.loop, set_end, call);
}

struct hijack {
	struct exchange *ex;
	bool upgrade, finished;
	int fd;
	struct buf rest;
	pthread_mutex_t lock;
	pthread_cond_t cond;
};

/* The head into an empty socket: it fits, or the client is no longer there. */
static int send_hijack_head(struct hijack *h)
{
	struct exchange *ex = h->ex;
	AUTO(buf) struct buf out = {0};

	buf_addf(&out, "HTTP/1.1 %s\r\n", h->upgrade ? "101 UPGRADED" : "200 OK");
	for (size_t i = 0; i + 1 < ex->set.n; i += 2)
		buf_addf(&out, "%s: %s\r\n", ex->set.v[i], ex->set.v[i + 1]);
	buf_addf(&out, "Content-Type: %s\r\n", ex->type);
	if (h->upgrade)
		buf_adds(&out, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	buf_adds(&out, "\r\n");
	if (conn_unsent(ex->conn))
		return -EAGAIN;
	return fs_write_full(ex->conn->fd, out.p, out.len);
}

static void hijack_on_loop(void *ctx)
{
	struct hijack *h = ctx;
	struct exchange *ex = h->ex;
	struct conn *c = ex->conn;

	h->fd = -1;
	if (c && ex->read == READ_COMPLETE && send_hijack_head(h) >= 0) {
		loop_fd_free(c->watch);
		c->watch = NULL;
		h->fd = TAKE_FD(c->fd);
		h->rest = c->in;
		c->in = (struct buf){0};
		exchange_over(ex, false);
	}
	if (c && !c->dead)
		conn_drop(c);
	pthread_mutex_lock(&h->lock);
	h->finished = true;
	pthread_cond_signal(&h->cond);
	pthread_mutex_unlock(&h->lock);
}

int http_hijack(struct http_req *req, bool upgrade, const char *type, int *ret_fd,
		struct buf *ret_rest, struct err *err)
{
	struct exchange *ex = exchange_of(req);
	struct hijack h = {.ex = ex,
			   .upgrade = upgrade,
			   .lock = PTHREAD_MUTEX_INITIALIZER,
			   .cond = PTHREAD_COND_INITIALIZER};

	CHECK(begin(ex, ANSWER_NONE, 0, type));
	if (loop_on_thread(ex->srv->config.loop)) {
		hijack_on_loop(&h);
	} else {
		loop_post(ex->srv->config.loop, hijack_on_loop, &h);
		pthread_mutex_lock(&h.lock);
		while (!h.finished)
			pthread_cond_wait(&h.cond, &h.lock);
		pthread_mutex_unlock(&h.lock);
	}
	if (h.fd < 0)
		return err_set(err, ERR_CANCELLED, "the client hung up");
	*ret_fd = h.fd;
	*ret_rest = h.rest;
	return 0;
}
