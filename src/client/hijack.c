/*
 * hijack.c - a POST that becomes a raw two-way stream (attach, exec)
 *
 * (1) It has a connection of its own, never the idle one, so that it can be sent before the
 *     answer to another request is in.
 */
#include <strings.h>

#include "client/private.h"

int client_hijack_send(struct client *c, const char *path, json_t *body, struct client_hijack *h,
		       struct err *err)
{
	AUTO(buf) struct buf out = {0};

	if (client_negotiate(c, err) < 0)
		return -1;
	h->tcp = c->tcp_name != NULL;
	h->mux = -1;
	h->fd = conn_open(c, err);
	if (h->fd < 0)
		return -1;
	request_format(c, &out, "POST", path, body, "Connection: Upgrade\r\nUpgrade: tcp\r\n");
	return request_send(h->fd, &out, err);
}

int client_hijack_recv(struct client *c, struct client_hijack *h, struct err *err)
{
	struct client_stream *s = stream_new(c, h->fd, false, true);
	const char *type;
	int r;

	h->fd = -1;
	r = stream_head(s, err);
	if (r == 0 && !s->in.hijack)
		r = stream_fail(s, "", err);
	if (r == 0) {
		type = client_stream_header(s, "content-type");
		if (type && strstr(type, "multiplexed-stream"))
			h->mux = 1;
		else if (type && strstr(type, "raw-stream") && c->minor >= 42)
			h->mux = 0;
		h->early = s->in.rest;
		s->in.rest = (struct buf){0};
		h->fd = TAKE_FD(s->fd);
	}
	client_stream_free(s);
	return r;
}

int client_hijack(struct client *c, const char *path, json_t *body, struct client_hijack *ret,
		  struct err *err)
{
	if (client_hijack_send(c, path, body, ret, err) < 0)
		return -1;
	return client_hijack_recv(c, ret, err);
}

void client_hijack_done(struct client_hijack *h)
{
	if (h->fd >= 0)
		close(h->fd);
	h->fd = -1;
	buf_done(&h->early);
}
