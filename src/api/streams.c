/*
 * streams.c - what goes on after the answer's head: attach, exec, logs, stats, wait
 *
 * (1) What can be refused with a status code is checked before the head is sent.
 * (2) Each stream's context goes with its exchange, in the source's done, on the loop.
 */
#include <fcntl.h>
#include <pthread.h>

#include "api/private.h"
#include "base/clock.h"
#include "base/fs.h"
#include "container/container.h"

static struct containers *cs(const struct call *c)
{
	return c->api->config.containers;
}

const char *stream_type(const struct call *c, bool tty)
{
	return tty || c->version < 142 ? "application/vnd.docker.raw-stream"
				       : "application/vnd.docker.multiplexed-stream";
}

/* --- attach and exec: the connection goes to the shim ---------------------------------------------- */

static bool is_upgrade(const struct call *c)
{
	return http_header(c->req, "Upgrade") != NULL;
}

/* docker's type is the raw one for clients that do not upgrade. */
static const char *hijack_type(const struct call *c, bool tty)
{
	return stream_type(c, tty || !is_upgrade(c));
}

/* What goes wrong after the head can only be said in the stream. */
static void say_error(int fd, bool tty, const struct err *err)
{
	AUTO(free) char *text = xasprintf("Error attaching: %s\r\n", err->msg);
	size_t n = strlen(text);
	unsigned char head[8] = {2, 0, 0, 0, (unsigned char)(n >> 24), (unsigned char)(n >> 16),
				 (unsigned char)(n >> 8), (unsigned char)n};

	if (fd < 0)
		return;
	if (!tty)
		ignore_result(fs_write_full(fd, head, sizeof(head)) < 0); /* who left does not read */
	ignore_result(fs_write_full(fd, text, n) < 0);
}

static int attach(struct call *c, struct err *err)
{
	struct container_attach_options opts = {
	    .logs = param_bool(c, "logs", false),
	    .stream = param_bool(c, "stream", false),
	    .in = param_bool(c, "stdin", false),
	    .out = param_bool(c, "stdout", false),
	    .err = param_bool(c, "stderr", false),
	    .detach_keys = param(c, "detachKeys"),
	};
	struct container_stream_info info = {0};
	AUTO(buf) struct buf early = {0};
	AUTO(close) int spare = -1;
	int fd;

	if (container_attach_check(cs(c), c->arg, &opts, &info, err) < 0)
		return -1;
	if (http_hijack(c->req, is_upgrade(c), hijack_type(c, info.tty), &fd, &early, err) < 0) {
		container_attach_cancel(cs(c), c->arg);
		return -1;
	}
	spare = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (container_attach(cs(c), c->arg, &opts, fd, early.p, early.len, err) < 0)
		say_error(spare, info.tty, err);
	return 0;
}

static int attach_ws(struct call *c, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		       "attaching by websocket is not supported: use POST /containers/{id}/attach");
}

static int exec_start(struct call *c, struct err *err)
{
	struct container_stream_info info = {0};
	AUTO(buf) struct buf early = {0};
	json_t *none = c->body ? NULL : json_object();
	bool detach = false;
	int fd;

	if (none)
		c->body = none;
	if (container_exec_check(cs(c), c->arg, c->body, &info, &detach, err) < 0)
		return -1;
	if (detach) {
		if (container_exec_start(cs(c), c->arg, c->body, -1, NULL, 0, err) < 0)
			return -1;
		reply_empty(c, 200);
		return 0;
	}
	if (http_hijack(c->req, is_upgrade(c), hijack_type(c, info.tty), &fd, &early, err) < 0)
		return -1;
	ignore_result(container_exec_start(cs(c), c->arg, c->body, fd, early.p, early.len, err) < 0);
	return 0; /* a failure was told on the stream */
}

/* --- logs ------------------------------------------------------------------------------------------ */

struct log_stream {
	struct call *call;
	struct container_logs *logs;
};

static void logs_wake(void *ctx)
{
	struct log_stream *ls = ctx;

	http_wake(ls->call->req);
}

static enum http_fill logs_fill(void *ctx, struct buf *out)
{
	static const enum http_fill of[] = {
	    [LOGS_MORE] = HTTP_MORE, [LOGS_WAIT] = HTTP_WAIT, [LOGS_END] = HTTP_END};
	struct log_stream *ls = ctx;

	return of[container_logs_fill(ls->logs, out)];
}

static void logs_done(void *ctx)
{
	struct log_stream *ls = ctx;

	container_logs_close(ls->logs);
	call_release(ls->call);
	free(ls);
}

static int logs_options(struct call *c, struct container_logs_options *opts, struct err *err)
{
	const char *tail = param(c, "tail");

	*opts = (struct container_logs_options){
	    .follow = param_bool(c, "follow", false),
	    .out = param_bool(c, "stdout", false),
	    .err = param_bool(c, "stderr", false),
	    .timestamps = param_bool(c, "timestamps", false),
	    .details = param_bool(c, "details", false),
	    .tail = -1,
	};
	if (!opts->out && !opts->err)
		return err_set(err, ERR_INVALID, "Bad parameters: you must choose at least one stream");
	if (tail && (str_to_i64(tail, 10, &opts->tail) < 0 || opts->tail < 0))
		opts->tail = -1;
	if (param_moment(c, "since", &opts->since_ns, err) < 0)
		return -1;
	return param_moment(c, "until", &opts->until_ns, err);
}

static int logs(struct call *c, struct err *err)
{
	struct container_logs_options opts;
	struct container_stream_info info = {0};
	struct http_source src = {.fill = logs_fill, .done = logs_done};
	struct log_stream *ls;

	if (logs_options(c, &opts, err) < 0)
		return -1;
	ls = xnew(struct log_stream);
	ls->call = c;
	if (container_logs_open(cs(c), c->arg, &opts, logs_wake, ls, &ls->logs, &info, err) < 0) {
		free(ls);
		return -1;
	}
	call_hold(c);
	src.ctx = ls;
	http_stream(c->req, 200, stream_type(c, info.tty), &src);
	return 0;
}

/* --- stats ----------------------------------------------------------------------------------------- */

struct stats_stream {
	struct call *call;
	json_t *prev;
	bool stream, one_shot;
	int samples;
};

static enum http_fill stats_fill(void *ctx, struct buf *out)
{
	struct stats_stream *ss = ctx;
	json_t *sample = container_stats(cs(ss->call), ss->call->arg, ss->prev, NULL);
	bool last;

	if (!sample)
		return HTTP_END; /* it was removed */
	ss->samples++;
	last = !ss->stream && (ss->one_shot || ss->samples == 2);
	if (ss->stream || last) {
		AUTO(free) char *text = json_text(sample, 0);

		buf_adds(out, text);
		buf_addc(out, '\n');
	}
	json_decref(ss->prev);
	ss->prev = sample;
	return last ? HTTP_END : HTTP_WAIT;
}

static void stats_done(void *ctx)
{
	struct stats_stream *ss = ctx;

	json_decref(ss->prev);
	call_release(ss->call);
	free(ss);
}

static int stats(struct call *c, struct err *err)
{
	struct http_source src = {.fill = stats_fill, .done = stats_done, .every_ns = NS_PER_SEC};
	AUTO(free) char *id = container_resolve(cs(c), c->arg, err);
	struct stats_stream *ss;

	if (!id)
		return -1;
	ss = xnew(struct stats_stream);
	ss->call = c;
	ss->stream = param_bool(c, "stream", true);
	ss->one_shot = param_bool(c, "one-shot", false);
	if (ss->stream && ss->one_shot) {
		free(ss);
		return err_set(err, ERR_INVALID, "cannot have stream=true and one-shot=true");
	}
	free(c->arg);
	c->arg = TAKE_PTR(id); /* a name may change meanwhile */
	call_hold(c);
	src.ctx = ss;
	http_stream(c->req, 200, "application/json", &src);
	return 0;
}

/* --- wait ------------------------------------------------------------------------------------------ */

/* Shared by the waiter, which may come on any thread, and the answer. */
struct wait_stream {
	struct call *call;
	struct container_wait *wait;
	pthread_mutex_t lock;
	struct buf text; /* the answer, once there is one */
};

static void wait_ended(void *ctx, int status, const char *error)
{
	struct wait_stream *ws = ctx;
	json_t *obj = json_object();
	AUTO(free) char *text = NULL;

	if (error) {
		json_t *e = json_object();

		json_object_set_new(e, "Message", json_str(error));
		json_object_set_new(obj, "Error", e);
	}
	json_object_set_new(obj, "StatusCode", json_integer(status));
	text = json_text(obj, 0);
	json_decref(obj);
	pthread_mutex_lock(&ws->lock);
	buf_adds(&ws->text, text);
	buf_addc(&ws->text, '\n');
	http_wake(ws->call->req);
	pthread_mutex_unlock(&ws->lock);
}

static enum http_fill wait_fill(void *ctx, struct buf *out)
{
	struct wait_stream *ws = ctx;
	enum http_fill r;

	pthread_mutex_lock(&ws->lock);
	r = ws->text.len ? HTTP_END : HTTP_WAIT;
	buf_add(out, ws->text.p, ws->text.len);
	pthread_mutex_unlock(&ws->lock);
	return r;
}

static void wait_done(void *ctx)
{
	struct wait_stream *ws = ctx;

	container_wait_cancel(ws->wait);
	pthread_mutex_lock(&ws->lock); /* wait_ended() may be about to leave */
	pthread_mutex_unlock(&ws->lock);
	pthread_mutex_destroy(&ws->lock);
	buf_done(&ws->text);
	call_release(ws->call);
	free(ws);
}

static int wait_condition(const char *s, enum container_wait_condition *ret, struct err *err)
{
	static const struct {
		const char *name;
		enum container_wait_condition cond;
	} names[] = {
	    {"", WAIT_NOT_RUNNING},
	    {"not-running", WAIT_NOT_RUNNING},
	    {"next-exit", WAIT_NEXT_EXIT},
	    {"removed", WAIT_REMOVED},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (streq(names[i].name, s)) {
			*ret = names[i].cond;
			return 0;
		}
	return err_set(err, ERR_INVALID, "invalid condition: \"%.64s\"", s);
}

static int do_wait(struct call *c, struct err *err)
{
	struct http_source src = {.fill = wait_fill, .done = wait_done, .on_loop = true};
	enum container_wait_condition cond = WAIT_NOT_RUNNING;
	struct wait_stream *ws;

	if (c->version >= 130 && wait_condition(str_or(param(c, "condition")), &cond, err) < 0)
		return -1;
	ws = xnew(struct wait_stream);
	ws->call = c;
	pthread_mutex_init(&ws->lock, NULL);
	call_hold(c);
	if (container_wait(cs(c), c->arg, cond, wait_ended, ws, &ws->wait, err) < 0) {
		call_release(c);
		pthread_mutex_destroy(&ws->lock);
		free(ws);
		return -1;
	}
	src.ctx = ws;
	http_stream(c->req, 200, "application/json", &src);
	return 0;
}

const struct route stream_routes[] = {
    {"POST", "/containers/{}/attach", attach, 0, 0, NEEDS_CONTAINERS},
    {"GET", "/containers/{}/attach/ws", attach_ws, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/exec/{}/start", exec_start, 0, R_JSON, NEEDS_CONTAINERS},
    {"GET", "/containers/{}/logs", logs, 0, 0, NEEDS_CONTAINERS},
    {"GET", "/containers/{}/stats", stats, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/wait", do_wait, 0, 0, NEEDS_CONTAINERS},
    {0},
};
