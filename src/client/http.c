/*
 * http.c - an HTTP/1.1 answer, fed in pieces
 *
 * (1) Header lines together stay below HTTP_MAX_HEAD.
 * (2) Body bytes are kept until taken; the caller feeds only when it has taken what it wants,
 *     so that memory stays near the size of one read.
 * (3) After the head of a hijacked answer nothing is parsed: it is kept in .rest.
 */
#include <strings.h>

#include "client/private.h"

static int limit_head(struct http_in *in, size_t n)
{
	in->head_bytes += n;
	return in->head_bytes > HTTP_MAX_HEAD;
}

static void finish_header(struct http_in *in)
{
	if (!in->name.len)
		return;
	str_lower(in->name.p);
	map_set_str(&in->headers, in->name.p, in->value.p ? in->value.p : "");
	buf_reset(&in->name);
	buf_reset(&in->value);
}

static int on_field(http_parser *p, const char *at, size_t n)
{
	struct http_in *in = p->data;

	if (in->in_value)
		finish_header(in);
	in->in_value = false;
	if (memchr(at, 0, n))
		return 1;
	buf_add(&in->name, at, n);
	return limit_head(in, n);
}

static int on_value(http_parser *p, const char *at, size_t n)
{
	struct http_in *in = p->data;

	in->in_value = true;
	if (memchr(at, 0, n))
		return 1;
	buf_add(&in->value, at, n);
	return limit_head(in, n);
}

static bool takes_over(const struct http_in *in)
{
	const char *type = map_get(&in->headers, "content-type");

	if (!in->hijack)
		return false;
	if (in->parser.status_code == 101)
		return true;
	return in->parser.status_code == 200 && type && strstr(type, "vnd.docker.") != NULL;
}

static int on_head(http_parser *p)
{
	struct http_in *in = p->data;

	finish_header(in);
	if (p->status_code / 100 == 1 && p->status_code != 101)
		return 0;
	in->head_done = true;
	if (takes_over(in))
		return 2;
	in->hijack = false;
	return in->no_body;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
	struct http_in *in = p->data;

	buf_add(&in->body, at, n);
	return 0;
}

static int on_complete(http_parser *p)
{
	struct http_in *in = p->data;

	if (!in->head_done) { /* 100 Continue and its like: the real answer follows */
		map_done(&in->headers);
		return 0;
	}
	in->done = true;
	http_parser_pause(p, 1);
	return 0;
}

static const http_parser_settings settings = {
	.on_header_field = on_field,
	.on_header_value = on_value,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_message_complete = on_complete,
};

void http_in_init(struct http_in *in, bool no_body, bool hijack)
{
	*in = (struct http_in){.no_body = no_body, .hijack = hijack};
	http_parser_init(&in->parser, HTTP_RESPONSE);
	in->parser.data = in;
}

void http_in_done(struct http_in *in)
{
	map_done(&in->headers);
	buf_done(&in->name);
	buf_done(&in->value);
	buf_done(&in->body);
	buf_done(&in->rest);
}

int http_in_feed(struct http_in *in, const char *data, size_t n, struct err *err)
{
	size_t used;
	enum http_errno e;

	in->parser.data = in;
	if (in->done && in->hijack) {
		buf_add(&in->rest, data, n);
		return 0;
	}
	if (in->done)
		return 0;
	used = http_parser_execute(&in->parser, &settings, data, n);
	e = HTTP_PARSER_ERRNO(&in->parser);
	if (in->head_done && in->hijack) {
		in->done = true;
		if (used < n)
			buf_add(&in->rest, data + used, n - used);
		return 0;
	}
	if (e == HPE_PAUSED && in->done)
		return 0;
	if (e == HPE_OK && n == 0 && !in->done)
		return err_set(err, ERR_UNAVAILABLE, "the daemon closed the connection: EOF");
	if (e != HPE_OK)
		return err_set(err, ERR_CORRUPT, "malformed HTTP response: %s",
			       http_errno_description(e));
	if (in->parser.upgrade)
		return err_set(err, ERR_CORRUPT, "malformed HTTP response: unexpected upgrade");
	return 0;
}

bool http_in_keepalive(const struct http_in *in)
{
	const char *v = map_get(&in->headers, "connection");

	if (!in->done || in->hijack)
		return false;
	if (v && strcasecmp(v, "close") == 0)
		return false;
	return in->parser.http_major == 1 && in->parser.http_minor >= 1;
}
