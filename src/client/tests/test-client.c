#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/tap.h"
#include "client/private.h"

/* A server that answers each request with the next text; "" closes the connection unanswered. */
struct server {
	int fd;
	char path[64];
	const char *const *answers;
	struct buf seen;
	pthread_t thread;
};

static bool read_request(struct server *s, int fd)
{
	size_t start = s->seen.len;
	char c;

	while (read(fd, &c, 1) == 1) {
		const char *len;

		buf_addc(&s->seen, c);
		if (s->seen.len - start < 4 || !str_ends(s->seen.p, "\r\n\r\n"))
			continue;
		len = strstr(s->seen.p + start, "Content-Length: ");
		for (int n = len ? atoi(len + 16) : 0; n > 0 && read(fd, &c, 1) == 1; n--)
			buf_addc(&s->seen, c);
		return true;
	}
	return false;
}

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd = -1;

	for (const char *const *a = s->answers; *a; a++) {
		if (fd < 0)
			fd = accept(s->fd, NULL, NULL);
		if (!**a || !read_request(s, fd)) {
			close(fd);
			fd = -1;
			a -= **a ? 1 : 0;
			continue;
		}
		ignore_result(write(fd, *a, strlen(*a)) < 0);
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

static struct client *start(struct server *s, const char *const *answers)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	struct client *c = NULL;
	struct err err = ERR_INIT;
	AUTO(free) char *host = NULL;

	*s = (struct server){.answers = answers};
	snprintf(s->path, sizeof(s->path), "/tmp/cove-test-client-%d", (int)getpid());
	unlink(s->path);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", s->path);
	s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ok(bind(s->fd, (struct sockaddr *)&sun, sizeof(sun)) == 0 && listen(s->fd, 4) == 0);
	pthread_create(&s->thread, NULL, serve, s);
	host = xasprintf("unix://%s", s->path);
	ok_eq(client_open(host, &c, &err), 0);
	return c;
}

static void stop(struct server *s, struct client *c)
{
	client_free(c);
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	unlink(s->path);
	buf_done(&s->seen);
}

#define OK_JSON "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}"

static void test_call(void)
{
	static const char *const answers[] = {OK_JSON, OK_JSON, NULL};
	struct server s;
	struct client *c = start(&s, answers);
	struct err err = ERR_INIT;
	json_t *body = json_pack("{s:s}", "k", "v"), *j = NULL;

	ok_eq(client_call(c, "POST", "/x?a=1", body, &j, &err), 200);
	ok_eq(json_integer_value(json_object_get(j, "a")), 1);
	json_decref(j);
	ok(strstr(s.seen.p, "POST /v1.50/x?a=1 HTTP/1.1\r\n") != NULL);
	ok(str_ends(s.seen.p, "\r\n\r\n{\"k\":\"v\"}"));
	ok_eq(client_call(c, "GET", "/y", NULL, NULL, &err), 200);
	json_decref(body);
	stop(&s, c);
}

static void test_downgrade(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 400 Bad Request\r\nContent-Length: 93\r\n\r\n{\"message\":\"client version "
		"1.50 is too new. Maximum supported API version is 1.41\", \"pad\":12}",
		OK_JSON, NULL};
	struct server s;
	struct client *c = start(&s, answers);
	struct err err = ERR_INIT;

	ok_eq(client_call(c, "GET", "/y", NULL, NULL, &err), 200);
	ok_eq(client_api_minor(c), 41);
	ok(strstr(s.seen.p, "GET /v1.41/y HTTP/1.1\r\n") != NULL);
	stop(&s, c);
}

static void test_errors(void)
{
	static const char *const answers[] = {
		"HTTP/1.1 404 Not Found\r\nContent-Length: 31\r\n\r\n{\"message\":\"No such thing: "
		"\x1b[2J\"}  ",
		"HTTP/1.1 500 X\r\nContent-Length: 6\r\n\r\nbroken",
		"HTTP/1.1 409 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
		NULL};
	struct server s;
	struct client *c = start(&s, answers);
	struct err err = ERR_INIT;

	ok_eq(client_call(c, "GET", "/y", NULL, NULL, &err), -1);
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok(strchr(err.msg, 0x1b) == NULL);
	ok_eq(client_call(c, "GET", "/y", NULL, NULL, &err), -1);
	ok_str(err.msg, "Error response from daemon: broken");
	ok_eq(client_call(c, "GET", "/y", NULL, NULL, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	stop(&s, c);
}

/* conn.c (2): a kept connection that the daemon closed meanwhile costs nothing but a new one. */
static void test_dead_idle(void)
{
	static const char *const answers[] = {OK_JSON, "", OK_JSON, NULL};
	struct server s;
	struct client *c = start(&s, answers);
	struct err err = ERR_INIT;

	ok_eq(client_call(c, "GET", "/1", NULL, NULL, &err), 200);
	ok_eq(client_call(c, "GET", "/2", NULL, NULL, &err), 200);
	stop(&s, c);
}

static void test_json_stream(void)
{
	static const char *const answers[] = {
		OK_JSON,
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		"8\r\n{\"a\":\"}{\r\n9\r\n\\\"\"}\r\n[1]\r\n5\r\n {}\r\n\r\n0\r\n\r\n",
		NULL};
	const struct client_request req = {.method = "GET", .path = "/s"};
	struct server s;
	struct client *c = start(&s, answers);
	struct client_stream *st = NULL;
	struct err err = ERR_INIT;
	json_t *j = NULL;

	ok_eq(client_call(c, "GET", "/1", NULL, NULL, &err), 200);
	ok_eq(client_stream_open(c, &req, &st, &err), 0);
	ok_eq(client_stream_json(st, &j, &err), 1);
	ok_str(json_string_value(json_object_get(j, "a")), "}{\"");
	json_decref(j);
	ok_eq(client_stream_json(st, &j, &err), 1);
	ok(json_is_array(j));
	json_decref(j);
	ok_eq(client_stream_json(st, &j, &err), 1);
	json_decref(j);
	ok_eq(client_stream_json(st, &j, &err), 0);
	client_stream_free(st);
	stop(&s, c);
}

static void test_hosts(void)
{
	static const struct {
		const char *host;
		enum err_kind kind;
		const char *name, *port;
	} t[] = {
		{"unix:///x", 0, NULL, NULL},	     {"unix://", ERR_INVALID, NULL, NULL},
		{"tcp://h:1", 0, "h", "1"},	     {"tcp://h", 0, "h", "2375"},
		{"tcp://[::1]:5", 0, "::1", "5"},    {"tcp://:5", 0, "localhost", "5"},
		{"ssh://x", ERR_UNSUPPORTED, NULL, NULL}, {"fd://", ERR_UNSUPPORTED, NULL, NULL},
		{"foo", ERR_INVALID, NULL, NULL},    {"foo://x", ERR_INVALID, NULL, NULL},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct err err = ERR_INIT;
		struct client *c = NULL;

		ok_eq(client_open(t[i].host, &c, &err), t[i].kind ? -1 : 0);
		ok_eq(err.kind, t[i].kind);
		ok_str(c ? c->tcp_name : NULL, t[i].name);
		ok_str(c ? c->tcp_port : NULL, t[i].port);
		client_free(c);
	}
}

static void test_unreachable(void)
{
	struct err err = ERR_INIT;
	struct client *c = NULL;

	ok_eq(client_open("unix:///nonexistent/x.sock", &c, &err), 0);
	ok_eq(client_call(c, "GET", "/x", NULL, NULL, &err), -1);
	ok_eq(err.kind, ERR_UNAVAILABLE);
	ok(strstr(err.msg, "Cannot connect to the cove daemon at unix:///nonexistent/x.sock"));
	client_free(c);
}

static void test_paths(void)
{
	AUTO(buf) struct buf b = {0};
	AUTO(strv) struct strv filters = {0};

	buf_adds(&b, "/x/");
	client_path_escape(&b, "a/b c?");
	client_query(&b, "t", "1&2");
	client_query_bool(&b, "no", false);
	client_query_bool(&b, "yes", true);
	ok_str(b.p, "/x/a%2Fb%20c%3F?t=1%262&yes=1");
	buf_reset(&b);
	buf_adds(&b, "/l");
	strv_add(&filters, "label=a=b");
	client_query_filters(&b, &filters);
	ok_str(b.p, "/l?filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%7D%7D");
}

static int collect(void *ctx, int stream, const char *data, size_t n, struct err *err)
{
	buf_addf(ctx, "%d:%.*s;", stream, (int)n, data);
	return 0;
}

static void test_demux(void)
{
	static const char in[] = "\1\0\0\0\0\0\0\2ab\2\0\0\0\0\0\0\1c\1\0\0\0\0\0\0\0";
	struct client_demux d = {0};
	struct err err = ERR_INIT;
	AUTO(buf) struct buf out = {0};

	for (size_t i = 0; i < sizeof(in) - 1; i++)
		ok_eq(client_demux_feed(&d, in + i, 1, collect, &out, &err), 0);
	ok_str(out.p, "1:a;1:b;2:c;");
	ok_eq(client_demux_feed(&d, "\3\0\0\0\0\0\0\4oops", 12, collect, &out, &err), -1);
	ok(strstr(err.msg, "oops") != NULL);
	d = (struct client_demux){0};
	ok_eq(client_demux_feed(&d, "\x48TTP/1.1", 8, collect, &out, &err), -1);
}

int main(void)
{
	test_run(test_call);
	test_run(test_downgrade);
	test_run(test_errors);
	test_run(test_dead_idle);
	test_run(test_json_stream);
	test_run(test_hosts);
	test_run(test_unreachable);
	test_run(test_paths);
	test_run(test_demux);
	return test_done();
}
