/*
 * jstream.c - an answer of JSON lines, written by a worker while it does something long
 *
 * (1) The stream is freed when both are through: the writer by jstream_end(), the exchange
 *     by its done.
 * (2) Until the first line there is no answer, so a failure still gets its own status.
 */
#include <pthread.h>

#include "api/private.h"
#include "base/clock.h"

#define BACKLOG_MAX (128u << 10)
#define PROGRESS_NS (100 * NS_PER_MS)

struct jstream {
	struct call *call;
	pthread_mutex_t lock;
	struct buf lines;
	bool started, ended, gone; /* gone: the exchange is over */
	int users;
	int64_t last_progress;
};

struct jstream *jstream_new(struct call *c)
{
	struct jstream *js = xnew(struct jstream);

	js->call = c;
	js->users = 1;
	pthread_mutex_init(&js->lock, NULL);
	call_hold(c);
	return js;
}

/* With the lock held, which is gone afterwards. */
static void unref_locked(struct jstream *js)
{
	bool last = --js->users == 0;

	pthread_mutex_unlock(&js->lock);
	if (!last)
		return;
	pthread_mutex_destroy(&js->lock);
	call_release(js->call);
	buf_done(&js->lines);
	free(js);
}

static enum http_fill fill(void *ctx, struct buf *out)
{
	struct jstream *js = ctx;
	enum http_fill r;

	pthread_mutex_lock(&js->lock);
	buf_add(out, js->lines.p, js->lines.len);
	buf_reset(&js->lines);
	r = js->ended ? HTTP_END : HTTP_WAIT;
	pthread_mutex_unlock(&js->lock);
	return r;
}

static void exchange_ended(void *ctx)
{
	struct jstream *js = ctx;

	pthread_mutex_lock(&js->lock);
	js->gone = true;
	unref_locked(js);
}

bool jstream_gone(struct jstream *js)
{
	bool gone;

	pthread_mutex_lock(&js->lock);
	gone = js->gone;
	pthread_mutex_unlock(&js->lock);
	return gone;
}

static void start_answer(struct jstream *js)
{
	struct http_source src = {.fill = fill, .done = exchange_ended, .ctx = js, .on_loop = true};

	js->started = true;
	js->users++;
	http_stream(js->call->req, 200, "application/json", &src);
}

void jstream_write(struct jstream *js, json_t *line)
{
	AUTO(free) char *text = json_text(line, 0);

	json_decref(line);
	pthread_mutex_lock(&js->lock);
	if (!js->gone) {
		buf_adds(&js->lines, text);
		buf_adds(&js->lines, "\r\n");
	}
	pthread_mutex_unlock(&js->lock);
	if (!js->started)
		start_answer(js);
	http_wake(js->call->req);
}

void jstream_progress(struct jstream *js, const char *status, const char *id, int64_t current, int64_t total)
{
	int64_t now = clock_mono_ns();
	json_t *line, *detail;
	size_t waiting;

	pthread_mutex_lock(&js->lock);
	waiting = js->lines.len;
	pthread_mutex_unlock(&js->lock);
	if (waiting > BACKLOG_MAX)
		return;
	if (current && current != total && now - js->last_progress < PROGRESS_NS)
		return;
	if (current)
		js->last_progress = now;
	line = json_object();
	json_object_set_new(line, "status", json_str(status));
	if (current || total) {
		detail = json_object();
		json_object_set_new(detail, "current", json_integer(current));
		if (total)
			json_object_set_new(detail, "total", json_integer(total));
		json_object_set_new(line, "progressDetail", detail);
	}
	if (id)
		json_object_set_new(line, "id", json_str(id));
	jstream_write(js, line);
}

static void write_error(struct jstream *js, const struct err *err)
{
	json_t *line = json_object(), *detail = json_object();

	json_object_set_new(detail, "message", json_str(err->msg));
	json_object_set_new(line, "errorDetail", detail);
	json_object_set_new(line, "error", json_str(err->msg));
	jstream_write(js, line);
}

void jstream_end(struct jstream *js, const struct err *err)
{
	if (err && !js->started)
		reply_error(js->call, err);
	else if (err)
		write_error(js, err);
	else if (!js->started)
		start_answer(js);
	pthread_mutex_lock(&js->lock);
	js->ended = true;
	pthread_mutex_unlock(&js->lock);
	http_wake(js->call->req);
	pthread_mutex_lock(&js->lock);
	unref_locked(js);
}
