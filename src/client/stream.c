/*
 * stream.c - answers read piece by piece: bytes, JSON documents, multiplexed frames
 *
 * (1) A request without a stream as its body is sent again, once, when an idle connection
 *     turns out dead before any byte of the answer, or when the version was too new.
 * (2) A finished answer gives its connection back; any other closes it.
 */
#include <errno.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "client/private.h"

#define MAX_DOCUMENT (64u << 20)
#define MAX_ERROR    (256u << 10)

struct client_stream *stream_new(struct client *c, int fd, bool no_body, bool hijack)
{
	struct client_stream *s = xnew(struct client_stream);

	s->c = c;
	s->fd = fd;
	http_in_init(&s->in, no_body, hijack);
	return s;
}

void client_stream_free(struct client_stream *s)
{
	if (!s)
		return;
	if (s->fd >= 0 && http_in_keepalive(&s->in))
		conn_put(s->c, s->fd);
	else if (s->fd >= 0)
		close(s->fd);
	http_in_done(&s->in);
	buf_done(&s->json);
	free(s);
}

/* One read from the socket into the parser: > 0, 0 at the end of the connection, -1. */
static int fill(struct client_stream *s, struct err *err)
{
	char piece[32768];
	ssize_t n;

	do
		n = recv(s->fd, piece, sizeof(piece), 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "read from the daemon");
	if (http_in_feed(&s->in, piece, (size_t)n, err) < 0)
		return -1;
	return n > 0;
}

int stream_head(struct client_stream *s, struct err *err)
{
	while (!s->in.head_done) {
		int r = fill(s, err);

		if (r < 0)
			return -1;
		if (r == 0)
			return err_set(err, ERR_UNAVAILABLE,
				       "the daemon closed the connection: EOF");
	}
	return 0;
}

static void read_error_body(struct client_stream *s)
{
	struct err ignored = ERR_INIT;

	while (!s->in.done && s->in.body.len < MAX_ERROR)
		if (fill(s, &ignored) <= 0)
			break;
}

int stream_fail(struct client_stream *s, const char *path, struct err *err)
{
	read_error_body(s);
	return request_error(s->c, client_stream_status(s), s->in.body.p, s->in.body.len, path, err);
}

static bool is_success(int status)
{
	return status / 100 == 2 || status == 304;
}

static ssize_t next_piece(const struct client_request *req, char *data, size_t n, struct err *err)
{
	ssize_t got;

	if (req->body_fn)
		return req->body_fn(req->body_ctx, data, n, err);
	do
		got = read(req->body_fd, data, n);
	while (got < 0 && errno == EINTR);
	return got < 0 ? err_sys(err, errno, "read the request's body") : got;
}

/* The daemon may answer (and stop reading) before it has everything: not an error here. */
static int send_chunks(int fd, const struct client_request *req, struct err *err)
{
	AUTO(free) char *data = xmalloc(128 << 10);
	AUTO(buf) struct buf out = {0};
	struct err send_err = ERR_INIT;
	ssize_t n;

	while ((n = next_piece(req, data, 128 << 10, err)) > 0) {
		buf_reset(&out);
		buf_addf(&out, "%zx\r\n", (size_t)n);
		buf_add(&out, data, (size_t)n);
		buf_adds(&out, "\r\n");
		if (request_send(fd, &out, &send_err) < 0)
			return 0;
	}
	if (n < 0)
		return -1;
	buf_reset(&out);
	buf_adds(&out, "0\r\n\r\n");
	ignore_result(request_send(fd, &out, &send_err));
	return 0;
}

static bool has_stream_body(const struct client_request *req)
{
	return req->body_fd > 0 || req->body_fn;
}

static int send_all(struct client *c, int fd, const struct client_request *req, struct err *err)
{
	AUTO(buf) struct buf head = {0}, extra = {0};

	if (req->headers)
		buf_adds(&extra, req->headers);
	if (has_stream_body(req))
		buf_addf(&extra, "Content-Type: %s\r\nTransfer-Encoding: chunked\r\n",
			 req->content_type ? req->content_type : "application/octet-stream");
	request_format(c, &head, req->method, req->path, req->json, extra.p);
	if (request_send(fd, &head, err) < 0)
		return -1;
	return has_stream_body(req) ? send_chunks(fd, req, err) : 0;
}

static bool answer_began(const struct client_stream *s)
{
	return s->in.parser.nread > 0 || s->in.head_done || s->in.parser.http_major > 0;
}

/* 1: try again; *s is freed then, and on failure. */
static int try_once(struct client *c, const struct client_request *req, struct client_stream **ret,
		    struct err *err)
{
	struct client_stream *s;
	bool reused, no_body = strcmp(req->method, "HEAD") == 0;
	int fd = conn_get(c, &reused, err), status;

	if (fd < 0)
		return -1;
	s = stream_new(c, fd, no_body, false);
	if (send_all(c, fd, req, err) < 0 || stream_head(s, err) < 0) {
		bool again = reused && !answer_began(s) && !has_stream_body(req);

		client_stream_free(s);
		return again ? 1 : -1;
	}
	status = client_stream_status(s);
	if (!is_success(status)) {
		read_error_body(s);
		if (!has_stream_body(req) && request_downgrade(c, status, s->in.body.p)) {
			client_stream_free(s);
			return 1;
		}
		stream_fail(s, req->path, err);
		client_stream_free(s);
		return -1;
	}
	if (strcmp(req->path, "/_ping") != 0)
		c->negotiated = true;
	*ret = s;
	return 0;
}

int client_stream_open(struct client *c, const struct client_request *req,
		       struct client_stream **ret, struct err *err)
{
	int r = 1;

	/* what cannot be sent twice, and what gets no text back, needs the version before */
	if ((has_stream_body(req) || (strcmp(req->method, "HEAD") == 0 &&
				      strcmp(req->path, "/_ping") != 0)) &&
	    client_negotiate(c, err) < 0)
		return -1;
	for (int i = 0; i < 3 && r > 0; i++)
		r = try_once(c, req, ret, err);
	if (r > 0)
		return err_set(err, ERR_UNAVAILABLE, "the daemon at %s does not answer", c->host);
	return r;
}

int client_stream_send(struct client *c, const struct client_request *req,
		       struct client_stream **ret, struct err *err)
{
	struct client_stream *s;
	int fd;

	if (client_negotiate(c, err) < 0)
		return -1;
	fd = conn_open(c, err);
	if (fd < 0)
		return -1;
	s = stream_new(c, fd, false, false);
	if (send_all(c, fd, req, err) < 0) {
		client_stream_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

int client_stream_head(struct client_stream *s, struct err *err)
{
	if (stream_head(s, err) < 0)
		return -1;
	return is_success(client_stream_status(s)) ? 0 : stream_fail(s, "", err);
}

int client_stream_status(const struct client_stream *s)
{
	return s->in.parser.status_code;
}

const char *client_stream_header(const struct client_stream *s, const char *name)
{
	AUTO(free) char *lower = xstrdup(name);

	str_lower(lower);
	return map_get(&s->in.headers, lower);
}

ssize_t client_stream_read(struct client_stream *s, void *data, size_t n, struct err *err)
{
	struct http_in *in = &s->in;
	size_t take;

	while (in->body_off == in->body.len) {
		in->body_off = 0;
		buf_reset(&in->body);
		if (in->done)
			return 0;
		if (fill(s, err) < 0)
			return -1;
	}
	take = MIN(n, in->body.len - in->body_off);
	memcpy(data, in->body.p + in->body_off, take);
	in->body_off += take;
	return (ssize_t)take;
}

int client_stream_fd(const struct client_stream *s)
{
	return s->fd;
}

bool client_stream_buffered(const struct client_stream *s)
{
	return s->in.body_off < s->in.body.len || s->in.done || s->json_off < s->json.len;
}

int client_stream_copy(struct client_stream *s, int fd, struct err *err)
{
	AUTO(free) char *data = xmalloc(64 << 10);
	ssize_t n;

	while ((n = client_stream_read(s, data, 64 << 10, err)) > 0) {
		int r = fs_write_full(fd, data, (size_t)n);

		if (r < 0)
			return err_sys(err, -r, "write the daemon's answer");
	}
	return (int)n;
}

/* Looks at json[json_scan..]: true when a whole document ends before json_scan. */
static bool scan_document(struct client_stream *s)
{
	while (s->json_scan < s->json.len) {
		char ch = s->json.p[s->json_scan++];

		if (s->in_string) {
			if (s->escaped)
				s->escaped = false;
			else if (ch == '\\')
				s->escaped = true;
			else if (ch == '"')
				s->in_string = false;
		} else if (ch == '"') {
			s->in_string = true;
		} else if (ch == '{' || ch == '[') {
			s->depth++;
		} else if (ch == '}' || ch == ']') {
			if (--s->depth <= 0) {
				s->depth = 0;
				return true;
			}
		}
	}
	return false;
}

static int take_document(struct client_stream *s, json_t **ret, struct err *err)
{
	*ret = client_parse_json(s->json.p + s->json_off, s->json_scan - s->json_off);
	s->json_off = s->json_scan;
	if (!*ret)
		return err_set(err, ERR_CORRUPT, "the daemon's stream holds invalid JSON");
	return 1;
}

static bool only_space(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strchr(" \r\n\t", p[i]))
			return false;
	return true;
}

int client_stream_json(struct client_stream *s, json_t **ret, struct err *err)
{
	char piece[16384];

	for (;;) {
		ssize_t n;

		if (scan_document(s))
			return take_document(s, ret, err);
		if (s->json_off) {
			buf_consume(&s->json, s->json_off);
			s->json_scan -= s->json_off;
			s->json_off = 0;
		}
		if (s->json.len > MAX_DOCUMENT)
			return err_set(err, ERR_CORRUPT, "the daemon's answer is too large");
		n = client_stream_read(s, piece, sizeof(piece), err);
		if (n < 0)
			return -1;
		if (n == 0 && only_space(s->json.p, s->json.len))
			return 0;
		if (n == 0)
			return err_set(err, ERR_CORRUPT, "the daemon's stream was cut short");
		buf_add(&s->json, piece, (size_t)n);
	}
}

int client_demux_feed(struct client_demux *d, const char *data, size_t n, client_demux_fn *fn,
		      void *ctx, struct err *err)
{
	while (n) {
		size_t take;

		if (d->have < sizeof(d->head)) {
			d->head[d->have++] = (unsigned char)*data++;
			n--;
			if (d->have < sizeof(d->head))
				continue;
			d->left = (uint32_t)d->head[4] << 24 | (uint32_t)d->head[5] << 16 |
				  (uint32_t)d->head[6] << 8 | d->head[7];
			if (d->head[0] > 3 || d->head[1] || d->head[2] || d->head[3])
				return err_set(err, ERR_CORRUPT, "unrecognized input header: %d",
					       d->head[0]);
		}
		take = MIN(n, (size_t)d->left);
		if (take && d->head[0] == 3)
			return err_set(err, ERR_SYSTEM, "error from daemon in stream: %.*s",
				       (int)MIN(take, 800), data);
		if (take && fn(ctx, d->head[0] == 2 ? 2 : 1, data, take, err) < 0)
			return -1;
		data += take;
		n -= take;
		d->left -= (uint32_t)take;
		if (!d->left)
			d->have = 0;
	}
	return 0;
}

struct two_fds {
	int fd[3];
};

static int write_piece(void *ctx, int stream, const char *data, size_t n, struct err *err)
{
	const struct two_fds *t = ctx;
	int r = fs_write_full(t->fd[stream], data, n);

	return r < 0 ? err_sys(err, -r, "write output") : 0;
}

int client_stream_demux(struct client_stream *s, bool mux, int out, int err_fd, struct err *err)
{
	AUTO(free) char *data = xmalloc(64 << 10);
	const char *type = client_stream_header(s, "content-type");
	struct two_fds fds = {{-1, out, err_fd}};
	struct client_demux d = {0};
	ssize_t n;

	if (type && strstr(type, "vnd.docker.multiplexed-stream"))
		mux = true;
	if (!mux)
		return client_stream_copy(s, out, err);
	while ((n = client_stream_read(s, data, 64 << 10, err)) > 0)
		if (client_demux_feed(&d, data, (size_t)n, write_piece, &fds, err) < 0)
			return -1;
	return (int)n;
}
