/*
 * request.c - requests going out, errors coming back, versions
 *
 * (1) The first request goes out at the highest version we know. A daemon too old for it says
 *     so with 400, names its own, and gets the request again: no /_ping on the way to the
 *     usual answer.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "client/private.h"
#include "config.h"

static const struct {
	int status;
	enum err_kind kind;
} kinds[] = {
	{400, ERR_INVALID},	{401, ERR_UNAUTHORIZED}, {403, ERR_FORBIDDEN},
	{404, ERR_NOT_FOUND},	{409, ERR_CONFLICT},	 {304, ERR_NOT_MODIFIED},
	{501, ERR_UNSUPPORTED}, {503, ERR_UNAVAILABLE},
};

void request_format(struct client *c, struct buf *out, const char *method, const char *path,
		    const json_t *body, const char *extra)
{
	AUTO(free) char *text = NULL;

	buf_addf(out, "%s ", method);
	if (strcmp(path, "/_ping") != 0)
		buf_addf(out, "/v1.%d", c->minor);
	buf_addf(out, "%s HTTP/1.1\r\n", path);
	if (c->tcp_name)
		buf_addf(out, "Host: %s:%s\r\n", c->tcp_name, c->tcp_port);
	else
		buf_adds(out, "Host: localhost\r\n");
	buf_adds(out, "User-Agent: cove/" COVE_VERSION "\r\n");
	if (extra)
		buf_adds(out, extra);
	if (body) {
		text = json_dumps(body, JSON_COMPACT | JSON_ENCODE_ANY);
		CHECK(text);
		buf_addf(out, "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
			 strlen(text), text);
		return;
	}
	if (strcmp(method, "POST") == 0 && !(extra && strstr(extra, "Transfer-Encoding:")))
		buf_adds(out, "Content-Length: 0\r\n");
	buf_adds(out, "\r\n");
}

int request_send(int fd, const struct buf *data, struct err *err)
{
	size_t off = 0;

	while (off < data->len) {
		ssize_t n = send(fd, data->p + off, data->len - off, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, errno, "send to the daemon");
		off += (size_t)n;
	}
	return 0;
}

json_t *client_parse_json(const char *p, size_t n)
{
	const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
	json_t *j = json_loadb(p, n, flags, NULL);

	/* an unsigned 64-bit number is better inexact than no answer at all */
	return j ? j : json_loadb(p, n, flags | JSON_DECODE_INT_AS_REAL, NULL);
}

/* Copies a daemon's message: control characters could drive the terminal. */
static void add_clean(struct buf *out, const char *s, size_t n)
{
	while (n && (s[n - 1] == '\n' || s[n - 1] == ' ' || s[n - 1] == '\r'))
		n--;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)s[i] >= 32 || s[i] == '\n' || s[i] == '\t')
			buf_addc(out, s[i]);
}

int request_error(struct client *c, int status, const char *body, size_t n, const char *path,
		  struct err *err)
{
	json_t *j = n ? client_parse_json(body, n) : NULL;
	const char *text = json_string_value(json_object_get(j, "message"));
	AUTO(buf) struct buf msg = {0};
	enum err_kind kind = ERR_SYSTEM;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (kinds[i].status == status)
			kind = kinds[i].kind;
	if (text)
		add_clean(&msg, text, strlen(text));
	else if (n)
		add_clean(&msg, body, MIN(n, 800));
	json_decref(j);
	if (!msg.len)
		return err_set(err, kind,
			       "Error response from daemon: status %d for API route %s (host %s), "
			       "check if the server supports the requested API version",
			       status, path, c->host);
	return err_set(err, kind, "Error response from daemon: %s", msg.p);
}

static bool lower_to(struct client *c, const char *version)
{
	int minor;

	if (!version || sscanf(version, "1.%d", &minor) != 1 || minor >= c->minor ||
	    minor < CLIENT_API_MINOR_MIN)
		return false;
	c->minor = minor;
	return true;
}

bool request_downgrade(struct client *c, int status, const char *body)
{
	const char *at;

	if (status != 400 || c->negotiated || c->fixed || !body || !strstr(body, "is too new"))
		return false;
	at = strstr(body, "version is ");
	return at && lower_to(c, at + strlen("version is "));
}

int client_negotiate(struct client *c, struct err *err)
{
	const struct client_request req = {.method = "HEAD", .path = "/_ping"};
	struct client_stream *s;

	if (c->negotiated || c->fixed)
		return 0;
	if (client_stream_open(c, &req, &s, err) < 0)
		return -1;
	ignore_result(lower_to(c, client_stream_header(s, "api-version")));
	c->negotiated = true;
	client_stream_free(s);
	return 0;
}

int client_call_text(struct client *c, const char *method, const char *path, json_t *body,
		     struct buf *ret, struct err *err)
{
	const struct client_request req = {.method = method, .path = path, .json = body};
	struct client_stream *s;
	char piece[16384];
	ssize_t n;
	int status;

	if (client_stream_open(c, &req, &s, err) < 0)
		return -1;
	status = client_stream_status(s);
	while ((n = client_stream_read(s, piece, sizeof(piece), err)) > 0) {
		if (ret->len + (size_t)n > CLIENT_MAX_BODY) {
			n = err_set(err, ERR_CORRUPT, "the daemon's answer is too large");
			break;
		}
		buf_add(ret, piece, (size_t)n);
	}
	client_stream_free(s);
	return n < 0 ? -1 : status;
}

int client_call(struct client *c, const char *method, const char *path, json_t *body,
		json_t **ret, struct err *err)
{
	AUTO(buf) struct buf text = {0};
	int status = client_call_text(c, method, path, body, &text, err);

	if (status < 0 || !ret)
		return status;
	*ret = NULL;
	if (text.len && !(*ret = client_parse_json(text.p, text.len)))
		return err_set(err, ERR_CORRUPT, "the daemon's answer is no valid JSON");
	return status;
}
