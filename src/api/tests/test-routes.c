/*
 * test-routes.c - the API over a socket, with containers that are made up
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "api/api.h"
#include "base/clock.h"
#include "base/fs.h"
#include "base/tap.h"
#include "container/container.h"
#include "event/event.h"

static struct {
	struct loop *loop;
	struct pool *pool;
	struct http_server *server;
	struct event_bus *events;
	pthread_t thread;
	char path[64];
	char *filters, *name;
	container_done_fn *stop_done;
	void *stop_ctx;
	int stop_timeout;
	atomic_bool asked;
	container_wait_fn *wait_fn;
	void *wait_ctx;
	atomic_int cancelled;
} t;

/* --- made-up containers -------------------------------------------------------------------------- */

void containers_count(struct containers *cs, struct containers_count *ret)
{
	*ret = (struct containers_count){.all = 3, .running = 2, .stopped = 1};
}

json_t *containers_list(struct containers *cs, const struct container_list_options *opts, struct err *err)
{
	free(t.filters);
	t.filters = json_text(opts->filters, 0);
	return json_pack("[{sisb}]", "Limit", opts->limit, "All", opts->all);
}

json_t *container_inspect(struct containers *cs, const char *ref, bool size, unsigned api_version, struct err *err)
{
	if (streq(ref, "nope"))
		err_set(err, ERR_NOT_FOUND, "No such container: %s", ref);
	return streq(ref, "nope") ? NULL : json_pack("{sssi}", "Id", ref, "Version", (int)api_version);
}

int container_create(struct containers *cs, const char *name, const json_t *body, unsigned api_version,
		     char **ret_id, struct strv *ret_warnings, struct err *err)
{
	free(t.name);
	t.name = xstrdup(name);
	strv_add(ret_warnings, "careful");
	*ret_id = xstrdup(json_get_str(body, "Image", ""));
	return 0;
}

int container_start(struct containers *cs, const char *ref, const char *detach_keys, struct err *err)
{
	if (streq(ref, "up"))
		return err_set(err, ERR_NOT_MODIFIED, "runs already");
	return streq(ref, "bad") ? err_set(err, ERR_CMD_NOT_FOUND, "no such program") : 0;
}

void container_stop(struct containers *cs, const char *ref, const char *signal, const int *timeout,
		    container_done_fn *done, void *ctx)
{
	t.stop_timeout = timeout ? *timeout : -99;
	t.stop_done = done;
	t.stop_ctx = ctx;
	atomic_store(&t.asked, true);
}

int container_wait(struct containers *cs, const char *ref, enum container_wait_condition cond,
		   container_wait_fn *done, void *ctx, struct container_wait **ret, struct err *err)
{
	*ret = NULL;
	if (streq(ref, "ended"))
		done(ctx, 7, "oh");
	t.wait_fn = done;
	t.wait_ctx = ctx;
	atomic_store(&t.asked, true);
	return 0;
}

void container_wait_cancel(struct container_wait *w)
{
	atomic_fetch_add(&t.cancelled, 1);
}

int container_attach_check(struct containers *cs, const char *ref, const struct container_attach_options *opts,
			   struct container_stream_info *ret, struct err *err)
{
	if (streq(ref, "paused"))
		return err_set(err, ERR_CONFLICT, "container %s is paused, unpause the container before attach", ref);
	ret->tty = streq(ref, "tty");
	return 0;
}

void container_attach_cancel(struct containers *cs, const char *ref)
{
}

int container_attach(struct containers *cs, const char *ref, const struct container_attach_options *opts,
		     int client_fd, const void *early, size_t n, struct err *err)
{
	ignore_result(write(client_fd, "hi ", 3) < 0);
	ignore_result(n && write(client_fd, early, n) < 0);
	close(client_fd);
	return 0;
}

/* --- a client -------------------------------------------------------------------------------------- */

static int send_request(const char *method, const char *path, const char *rest)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AUTO(free) char *s = xasprintf("%s %s HTTP/1.1\r\nHost: x\r\n%s", method, path, rest);

	strcpy(addr.sun_path, t.path);
	CHECK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	CHECK(fs_write_full(fd, s, strlen(s)) >= 0);
	return fd;
}

static char *hear(int fd, const char *until)
{
	struct buf b = {0};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char chunk[4096];
	ssize_t n;

	while ((!until || !strstr(str_or(b.p), until)) && poll(&p, 1, 5000) > 0 && (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&b, chunk, (size_t)n);
	return buf_take(&b);
}

static char *ask(const char *method, const char *path, const char *rest)
{
	AUTO(free) char *closing = xasprintf("Connection: close\r\n%s", rest);
	AUTO(close) int fd = send_request(method, path, closing);

	return hear(fd, NULL);
}

/* The answer begins with this status and holds this text. */
static void expect(const char *method, const char *path, const char *rest, const char *status, const char *text)
{
	AUTO(free) char *s = ask(method, path, rest);
	AUTO(free) char *line = xasprintf("HTTP/1.1 %s", status);

	if (!str_after(s, line) || !strstr(s, text))
		printf("# %s %s gives %s\n", method, path, s);
	ok(str_after(s, line));
	ok(strstr(s, text));
}

static void wait_asked(void)
{
	for (int i = 0; i < 500 && !atomic_load(&t.asked); i++)
		usleep(10000);
	ok(atomic_load(&t.asked));
	atomic_store(&t.asked, false);
}

#define JSON(n, text) "Content-Type: application/json\r\nContent-Length: " n "\r\n\r\n" text

/* --- tests ----------------------------------------------------------------------------------------- */

static void test_versions(void)
{
	expect("GET", "/_ping", "\r\n", "200 OK", "\r\n\r\nOK");
	expect("GET", "/_ping", "\r\n", "200 OK", "Api-Version: 1.50\r\n");
	expect("HEAD", "/v1.30/_ping", "\r\n", "200 OK", "Builder-Version: 1\r\n");
	expect("GET", "/version", "\r\n", "200 OK", "\"MinAPIVersion\":\"1.24\"");
	expect("GET", "/v1.99/info", "\r\n", "400 Bad Request",
	       "{\"message\":\"client version 1.99 is too new. Maximum supported API version is 1.50\"}\n");
	expect("GET", "/v1.11/info", "\r\n", "400 Bad Request",
	       "{\"message\":\"client version 1.11 is too old. Minimum supported API version is 1.24, please "
	       "upgrade your client to a newer version\"}\n");
	expect("GET", "/v1.41/nope", "\r\n", "404 Not Found", "\r\n\r\n{\"message\":\"page not found\"}\n");
	expect("GET", "/v1.x/info", "\r\n", "404", "");
	expect("GET", "/v2/info", "\r\n", "404", "");
	expect("PATCH", "/info", "\r\n", "404", "");
	expect("GET", "/info", "\r\n", "200", "\"ContainersRunning\":2");
	expect("GET", "/swarm", "\r\n", "503", "This node is not a swarm manager.");
	expect("GET", "/plugins", "\r\n", "200", "\r\n\r\n[]\n");
	expect("GET", "/images/json", "\r\n", "501", "without that subsystem");
}

static void test_calls(void)
{
	expect("GET", "/v1.41/containers/abc/json", "\r\n", "200", "{\"Id\":\"abc\",\"Version\":141}\n");
	expect("GET", "/containers/a/b/json", "\r\n", "200", "{\"Id\":\"a/b\",\"Version\":150}\n");
	expect("GET", "/containers/nope/json", "\r\n", "404", "{\"message\":\"No such container: nope\"}\n");
	expect("GET", "/containers/json?limit=5&all=1&filters=%7B%22name%22%3A%7B%22x%22%3Atrue%7D%7D", "\r\n", "200",
	       "[{\"Limit\":5,\"All\":true}]\n");
	ok_str(t.filters, "{\"name\":[\"x\"]}");
	expect("GET", "/containers/json?filters=bad", "\r\n", "400", "{\"message\":\"invalid filter\"}\n");
	expect("GET", "/containers/json?limit=x", "\r\n", "400", "invalid syntax");
	expect("GET", "/containers/json?a=%zz", "\r\n", "400", "invalid URL escape");
	expect("POST", "/containers/create?name=web", JSON("15", "{\"Image\":\"img\"}"), "201",
	       "{\"Id\":\"img\",\"Warnings\":[\"careful\"]}\n");
	ok_str(t.name, "web");
	expect("POST", "/containers/create", JSON("0", ""), "400", "invalid JSON: got EOF");
	expect("POST", "/containers/create", JSON("4", "null"), "400", "invalid JSON: got EOF");
	expect("POST", "/containers/create", JSON("2", "[]"), "400", "invalid JSON");
	expect("POST", "/containers/create", JSON("3", "{x}"), "400", "invalid JSON");
	expect("POST", "/containers/create", "Content-Length: 2\r\n\r\n{}", "400",
	       "unsupported Content-Type header (): must be 'application/json'");
	expect("POST", "/containers/x/start", "\r\n", "204 No Content", "\r\n\r\n");
	expect("POST", "/containers/up/start", "\r\n", "304 Not Modified", "\r\n\r\n");
	expect("POST", "/containers/bad/start", "\r\n", "400", "no such program");
	expect("POST", "/containers/x/start", JSON("15", "{\"Image\":\"img\"}"), "400", "removed in v1.24");
	expect("GET", "/containers/x/logs", "\r\n", "400", "Bad parameters: you must choose at least one stream");
	expect("POST", "/containers/x/resize?h=a&w=1", "\r\n", "400", "invalid resize height");
}

static void test_later(void)
{
	int fd = send_request("POST", "/containers/x/stop?t=3", "\r\n");
	struct err err = ERR_INIT;

	wait_asked();
	ok_eq(t.stop_timeout, 3);
	t.stop_done(t.stop_ctx, NULL);
	AUTO(free) char *s = hear(fd, "\r\n\r\n");
	ok(str_after(s, "HTTP/1.1 204 "));
	close(fd);
	fd = send_request("POST", "/containers/x/stop", "\r\n");
	wait_asked();
	close(fd); /* the client leaves; the container is stopped all the same */
	err_set(&err, ERR_CONFLICT, "no");
	t.stop_done(t.stop_ctx, &err);
	expect("POST", "/containers/x/stop?t=x", "\r\n", "400", "invalid syntax");
}

static void test_wait(void)
{
	int fd = send_request("POST", "/containers/x/wait?condition=next-exit", "\r\n");
	AUTO(free) char *head = hear(fd, "\r\n\r\n");

	ok(str_after(head, "HTTP/1.1 200 OK"));
	wait_asked();
	t.wait_fn(t.wait_ctx, 3, NULL);
	AUTO(free) char *body = hear(fd, "\r\n0\r\n\r\n");
	ok(strstr(body, "{\"StatusCode\":3}\n"));
	close(fd);
	expect("POST", "/containers/ended/wait", "\r\n", "200", "{\"Error\":{\"Message\":\"oh\"},\"StatusCode\":7}");
	atomic_store(&t.asked, false);
	expect("POST", "/containers/x/wait?condition=z", "\r\n", "400", "invalid condition: \\\"z\\\"");
	fd = send_request("POST", "/containers/x/wait", "\r\n");
	wait_asked();
	close(fd);
	for (int i = 0; i < 500 && t.cancelled < 3; i++)
		usleep(10000);
	ok_eq(t.cancelled, 3);
}

static void test_attach(void)
{
	static const char upgrade[] = "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\nearly";
	static const struct {
		const char *path, *rest, *status, *type;
	} cases[] = {
	    {"/containers/x/attach?stream=1", upgrade, "101 UPGRADED", "Content-Type: application/vnd.docker.multiplexed-stream"},
	    {"/v1.41/containers/x/attach?stream=1", upgrade, "101 UPGRADED", "Content-Type: application/vnd.docker.raw-stream"},
	    {"/containers/tty/attach?stream=1", upgrade, "101 UPGRADED", "Content-Type: application/vnd.docker.raw-stream"},
	    {"/containers/x/attach?stream=1", "\r\nearly", "200 OK", "Content-Type: application/vnd.docker.raw-stream"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(close) int fd = send_request("POST", cases[i].path, cases[i].rest);
		AUTO(free) char *s = hear(fd, NULL);

		ok(strstr(s, cases[i].status));
		ok(strstr(s, cases[i].type));
		ok(str_ends(s, "\r\n\r\nhi early"));
	}
	expect("POST", "/containers/paused/attach", "\r\n", "409", "is paused");
	expect("GET", "/containers/x/attach/ws", "\r\n", "501", "websocket");
}

static void test_events(void)
{
	int fd = send_request("GET", "/events?filters=%7B%22type%22%3A%5B%22image%22%5D%7D", "\r\n");
	AUTO(free) char *head = hear(fd, "\r\n\r\n");
	AUTO(free) char *now = NULL;

	ok(strstr(head, "Content-Type: application/json"));
	event_publish(t.events, "volume", "create", "v", NULL);
	event_publish(t.events, "image", "tag", "sha256:1", NULL);
	AUTO(free) char *s = hear(fd, "\n\r\n");
	ok(strstr(s, "\"Action\":\"tag\"") && !strstr(s, "volume"));
	close(fd);
	now = xasprintf("/events?since=1&until=%lld", (long long)time(NULL) + 1);
	expect("GET", now, "\r\n", "200", "\"Type\":\"volume\"");
	expect("GET", "/events?since=10&until=5", "\r\n", "400", "cannot be after");
	expect("GET", "/events?since=zz", "\r\n", "400", "");
	expect("GET", "/events?filters=%7B%22x%22%3A%5B%221%22%5D%7D", "\r\n", "400", "invalid filter 'x'");
}

static void *run(void *ctx)
{
	ignore_result(loop_run(t.loop, NULL) < 0);
	return NULL;
}

static void stop(void *ctx)
{
	loop_stop(t.loop);
}

static void begin_stop(void *ctx)
{
	http_server_stop(t.server, NS_PER_SEC, stop, NULL);
}

int main(void)
{
	struct api_config ac = {.containers = (struct containers *)&t, .data_root = "/tmp", .engine_id = "id"};
	struct http_config hc = {.route = api_route};
	struct err err = ERR_INIT;

	snprintf(t.path, sizeof(t.path), "/tmp/test-api-%d.sock", (int)getpid());
	CHECK(loop_new(&t.loop, &err) == 0);
	ac.loop = hc.loop = t.loop;
	ac.pool = hc.pool = t.pool = pool_new(t.loop, 8);
	ac.events = t.events = event_bus_new();
	hc.ctx = api_new(&ac);
	CHECK(http_server_new(&hc, &t.server, &err) == 0);
	CHECK(http_listen_unix(t.server, t.path, -1, &err) == 0);
	pthread_create(&t.thread, NULL, run, NULL);
	test_run(test_versions);
	test_run(test_calls);
	test_run(test_later);
	test_run(test_wait);
	test_run(test_attach);
	test_run(test_events);
	loop_post(t.loop, begin_stop, NULL);
	pthread_join(t.thread, NULL);
	pool_free(t.pool);
	http_server_free(t.server);
	event_bus_free(t.events);
	api_free(hc.ctx);
	loop_free(t.loop);
	free(t.filters);
	free(t.name);
	return test_done();
}
