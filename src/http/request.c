/*
 * request.c - exchanges: parsing the head, routing, running the handler
 *
 * The http_parser library finds the parts; what it lets pass and we do not is refused here.
 *
 * (1) A request with both Content-Length and Transfer-Encoding, or another coding than
 *     "chunked", never reaches a handler: two readers could disagree where it ends.
 * (2) A handler's last reference without an answer gives 500.
 */
#include "http/private.h"

#include <errno.h>
#include <strings.h>

struct http_req *http_req_ref(struct http_req *req)
{
	struct exchange *ex = (struct exchange *)req;

	atomic_fetch_add(&ex->refs, 1);
	return req;
}

static void exchange_free(struct exchange *ex)
{
	if (ex->req.free_user)
		ex->req.free_user(ex->req.user);
	if (ex->req.body_fd >= 0)
		close(ex->req.body_fd);
	free(ex->req.path);
	free(ex->req.query);
	buf_done(&ex->url);
	buf_done(&ex->headers);
	buf_done(&ex->body);
	buf_done(&ex->up.wait);
	buf_done(&ex->out);
	strv_done(&ex->set);
	free(ex->type);
	free(ex);
}

static void put_ref(struct exchange *ex)
{
	if (atomic_fetch_sub(&ex->refs, 1) == 1)
		exchange_free(ex);
}

/* (2), on the loop, with the reference of who gave up; the connection's is the other one. */
static void answer_for_nobody(void *ctx)
{
	struct exchange *ex = ctx;
	static const char text[] = "{\"message\":\"the request was dropped without an answer\"}\n";

	if (ex->conn && atomic_load(&ex->refs) == 2 && !atomic_load(&ex->answered))
		http_reply(&ex->req, 500, "application/json", text, sizeof(text) - 1);
	put_ref(ex);
}

void http_req_unref(struct http_req *req)
{
	struct exchange *ex = (struct exchange *)req;
	unsigned n;

	if (!ex)
		return;
	n = atomic_load(&ex->refs);
	do {
		if (n == 2 && !atomic_load(&ex->answered) && !atomic_load(&ex->over)) {
			loop_post(ex->srv->config.loop, answer_for_nobody, ex);
			return;
		}
	} while (!atomic_compare_exchange_weak(&ex->refs, &n, n - 1));
	if (n == 1)
		exchange_free(ex);
}

struct exchange *exchange_new(struct conn *c)
{
	struct exchange *ex = xnew(struct exchange);

	ex->srv = c->srv;
	ex->conn = c;
	ex->refs = 1;
	ex->req.body_fd = -1;
	ex->req.tcp = c->tcp;
	ex->up.pipe = -1;
	ex->pump.fd = -1;
	http_parser_init(&c->parser, HTTP_REQUEST);
	c->parser.data = ex;
	return ex;
}

void exchange_over(struct exchange *ex, bool gone)
{
	ex->conn->ex = NULL;
	ex->conn = NULL;
	ex->gone = gone;
	atomic_store(&ex->over, true);
	upload_end(ex, ex->read == READ_COMPLETE && !upload_full(ex));
	answer_stop(ex);
	if (ex->end_fn)
		ex->end_fn(ex->end_ctx, gone);
	ex->end_fn = NULL;
	put_ref(ex);
}

static void run_handler(void *ctx)
{
	struct exchange *ex = ctx;

	ex->target.fn(&ex->req, ex->target.ctx);
	http_req_unref(&ex->req);
}

void exchange_dispatch(struct exchange *ex)
{
	if (ex->dispatched || !ex->target.fn || ex->bad)
		return;
	if (ex->target.body == HTTP_BODY_SMALL) {
		if (ex->read != READ_COMPLETE)
			return;
		ex->req.body = str_or(ex->body.p);
		ex->req.body_len = ex->body.len;
	}
	ex->dispatched = true;
	http_req_ref(&ex->req);
	if (ex->target.on_loop)
		run_handler(ex);
	else
		pool_run(ex->srv->config.pool, run_handler, NULL, ex);
}

const char *http_header(const struct http_req *req, const char *name)
{
	const struct exchange *ex = (const struct exchange *)req;
	const char *p = ex->headers.p, *end = p + ex->headers.len;

	while (p && p < end) {
		const char *value = p + strlen(p) + 1;

		if (strcasecmp(p, name) == 0)
			return value;
		p = value + strlen(value) + 1;
	}
	return NULL;
}

static size_t count_headers(const struct exchange *ex, const char *name)
{
	const char *p = ex->headers.p, *end = p + ex->headers.len;
	size_t n = 0;

	while (p && p < end) {
		n += strcasecmp(p, name) == 0;
		p += strlen(p) + 1;
		p += strlen(p) + 1;
	}
	return n;
}

bool header_has_token(const char *value, const char *token)
{
	size_t n = strlen(token);

	for (const char *p = str_or(value); *p;) {
		size_t len;

		p += strspn(p, ", \t");
		len = strcspn(p, ", \t");
		if (len == n && strncasecmp(p, token, n) == 0)
			return true;
		p += len;
	}
	return false;
}

bool http_wants_upgrade(const struct http_req *req, const char *protocol)
{
	return header_has_token(http_header(req, "Connection"), "upgrade") &&
	       header_has_token(http_header(req, "Upgrade"), protocol);
}

/* The request target: "/path?query", or with "http://host" before it. */
static int split_url(struct exchange *ex)
{
	const char *s = str_or(ex->url.p), *q, *rest = str_after(s, "http://");

	if (ex->url.len == 0 || strlen(s) != ex->url.len)
		return -EINVAL;
	if (rest)
		s = strchr(rest, '/');
	if (!s || *s != '/')
		return -EINVAL;
	q = strchr(s, '?');
	ex->req.path = q ? xstrndup(s, q - s) : xstrdup(s);
	ex->req.query = xstrdup(q ? q + 1 : "");
	return http_unescape(ex->req.path, false);
}

static int check_framing(struct exchange *ex)
{
	const char *te = http_header(&ex->req, "Transfer-Encoding");
	bool length = http_header(&ex->req, "Content-Length") != NULL;

	if (te && (length || ex->http10 || strcasecmp(te, "chunked") != 0 ||
		   count_headers(ex, "Transfer-Encoding") != 1))
		return -EINVAL;
	if (count_headers(ex, "Content-Length") > 1 || count_headers(ex, "Host") > 1)
		return -EINVAL;
	return ex->http10 || http_header(&ex->req, "Host") ? 0 : -EINVAL;
}

/* "100 Continue" unless the body is here already or will not be read. */
static void send_continue(struct exchange *ex)
{
	const char *expect = http_header(&ex->req, "Expect");

	if (expect && ex->req.has_body && !ex->http10 && strcasecmp(expect, "100-continue") == 0)
		buf_adds(&ex->conn->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static int head_is_read(http_parser *p)
{
	struct exchange *ex = p->data;
	size_t max;

	ex->value_at = 0;
	ex->req.method = http_method_str(p->method);
	ex->head = p->method == HTTP_HEAD;
	ex->http10 = p->http_major == 1 && p->http_minor == 0;
	ex->keep_alive = http_should_keep_alive(p);
	ex->req.has_body = (p->flags & F_CHUNKED) || (p->content_length > 0 && p->content_length != UINT64_MAX);
	ex->read = READ_BODY;
	if (p->http_major != 1)
		ex->bad = 505;
	else if (check_framing(ex) < 0 || split_url(ex) < 0)
		ex->bad = 400;
	if (ex->bad)
		return 1;
	ex->srv->config.route(ex->srv->config.ctx, &ex->req, &ex->target);
	if (!ex->target.fn || atomic_load(&ex->answered))
		return 0;
	max = ex->target.max_body ? ex->target.max_body : HTTP_MAX_BODY;
	ex->target.max_body = max;
	if (ex->target.body == HTTP_BODY_SMALL && !(p->flags & F_CHUNKED) && ex->req.has_body &&
	    p->content_length > max) {
		ex->bad = 413;
		return 1;
	}
	if (ex->target.body == HTTP_BODY_STREAM && upload_start(ex) < 0) {
		ex->bad = 503;
		return 1;
	}
	send_continue(ex);
	return 0;
}

static bool head_too_long(struct exchange *ex, size_t more)
{
	if (ex->url.len + ex->headers.len + more <= HTTP_MAX_HEAD)
		return false;
	ex->bad = 431;
	return true;
}

static int on_url(http_parser *p, const char *at, size_t n)
{
	struct exchange *ex = p->data;

	if (head_too_long(ex, n))
		return 1;
	buf_add(&ex->url, at, n);
	return 0;
}

static int on_header_field(http_parser *p, const char *at, size_t n)
{
	struct exchange *ex = p->data;

	if (ex->read != READ_HEAD)
		return 0; /* a trailer: nobody reads it */
	if (ex->headers.len == 0 || ex->value_at) {
		ex->value_at = 0;
		if (++ex->nheaders > HTTP_MAX_HEADERS) {
			ex->bad = 431;
			return 1;
		}
		if (ex->headers.len)
			buf_addc(&ex->headers, '\0');
	}
	if (head_too_long(ex, n))
		return 1;
	buf_add(&ex->headers, at, n);
	return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t n)
{
	struct exchange *ex = p->data;

	if (ex->read != READ_HEAD)
		return 0;
	if (head_too_long(ex, n))
		return 1;
	if (memchr(at, '\0', n)) {
		ex->bad = 400;
		return 1;
	}
	if (!ex->value_at) {
		buf_addc(&ex->headers, '\0');
		ex->value_at = ex->headers.len;
	}
	buf_add(&ex->headers, at, n);
	return 0;
}

static int on_headers_complete(http_parser *p)
{
	struct exchange *ex = p->data;

	/* http_parser leaves blanks at the end of a value */
	if (ex->headers.len) {
		char *w = ex->headers.p, *r = w, *end = w + ex->headers.len;

		buf_addc(&ex->headers, '\0');
		w = r = ex->headers.p;
		end = w + ex->headers.len;
		for (bool value = false; r < end; value = !value) {
			size_t n = strlen(r), keep = n;

			while (value && keep && strchr(" \t", r[keep - 1]))
				keep--;
			memmove(w, r, keep);
			w[keep] = '\0';
			w += keep + 1;
			r += n + 1;
		}
		ex->headers.len = w - ex->headers.p;
	}
	return head_is_read(p) ? -1 : 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct exchange *ex = p->data;

	if (!ex->target.fn || ex->mode == ANSWER_WHOLE || ex->ended) {
		ex->dropped += n;
	} else if (ex->target.body == HTTP_BODY_STREAM) {
		upload_add(ex, at, n);
	} else if (ex->body.len + n > ex->target.max_body) {
		ex->bad = 413;
		return 1;
	} else {
		buf_add(&ex->body, at, n);
	}
	return 0;
}

static int on_message_complete(http_parser *p)
{
	struct exchange *ex = p->data;

	ex->read = READ_COMPLETE;
	if (!upload_full(ex))
		upload_end(ex, true);
	http_parser_pause(p, 1);
	return 0;
}

const http_parser_settings request_parser = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};
