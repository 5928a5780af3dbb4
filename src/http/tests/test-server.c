/*
 * test-server.c - the server over real sockets
 */
#include "http/http.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/tap.h"

static struct {
	struct loop *loop;
	struct pool *pool;
	struct http_server *server;
	pthread_t thread;
	char path[64];
	atomic_int ended, gone, source_done, pump_finished, pump_gone;
	struct http_req *held;
	atomic_bool holding;
	atomic_int fills;
	atomic_long upload_bytes;
	atomic_int upload_complete;
	int hijacked;
	struct buf hijack_rest;
} t;

/* --- handlers ---------------------------------------------------------------------------------- */

static void echo(struct http_req *req, void *ctx)
{
	AUTO(buf) struct buf b = {0};

	buf_addf(&b, "%s %s ?%s %zu:", req->method, req->path, req->query, req->body_len);
	buf_add(&b, req->body, req->body_len);
	http_set(req, "X-Test", "a");
	http_set(req, "x-test", str_or(http_header(req, "x-echo")));
	http_reply_buf(req, 200, "text/plain", &b);
}

static void forget(struct http_req *req, void *ctx)
{
}

static void on_end(void *ctx, bool gone)
{
	atomic_fetch_add(gone ? &t.gone : &t.ended, 1);
}

static void hold(struct http_req *req, void *ctx)
{
	t.held = http_req_ref(req);
	http_on_end(req, on_end, NULL);
	atomic_store(&t.holding, true);
}

static enum http_fill fill_count(void *ctx, struct buf *out)
{
	int i = atomic_fetch_add(&t.fills, 1);

	for (int k = 0; k < 4096; k++)
		buf_addf(out, "%07d\n", i);
	return i == 99 ? HTTP_END : HTTP_MORE;
}

static enum http_fill fill_forever(void *ctx, struct buf *out)
{
	AUTO(free) char *p = xcalloc(1, 60000);

	atomic_fetch_add(&t.fills, 1);
	buf_add(out, p, 60000);
	return HTTP_MORE;
}

static enum http_fill fill_wait(void *ctx, struct buf *out)
{
	int i = atomic_fetch_add(&t.fills, 1);

	buf_addf(out, "part %d\n", i);
	return i == 3 ? HTTP_END : i == 7 ? HTTP_ABORT : HTTP_WAIT;
}

static void source_done(void *ctx)
{
	atomic_fetch_add(&t.source_done, 1);
}

static void stream(struct http_req *req, void *ctx)
{
	struct http_source src = {.done = source_done, .on_loop = strstr(req->query, "loop")};

	src.fill = strstr(req->query, "wait") ? fill_wait : strstr(req->query, "forever") ? fill_forever : fill_count;
	if (src.fill == fill_wait) {
		t.held = http_req_ref(req);
		atomic_store(&t.holding, true);
	}
	http_stream(req, 200, "text/plain", &src);
}

static int pump_finish(void *ctx, bool gone)
{
	atomic_fetch_add(gone ? &t.pump_gone : &t.pump_finished, 1);
	return ctx ? -1 : 0;
}

static void pump(struct http_req *req, void *ctx)
{
	int fds[2];
	static char zeros[65536];

	CHECK(pipe2(fds, O_CLOEXEC) == 0);
	http_pump(req, 200, "application/x-tar", fds[0], pump_finish,
		  strstr(req->query, "bad") ? &t : NULL);
	for (int i = 0; i < 64; i++)
		if (fs_write_full(fds[1], zeros, sizeof(zeros)) < 0)
			break;
	close(fds[1]);
}

static void upload(struct http_req *req, void *ctx)
{
	AUTO(close) int fd = http_take_body(req);
	AUTO(free) char *p = xmalloc(65536);
	ssize_t n;

	if (strstr(req->query, "early")) {
		http_reply(req, 409, "text/plain", "no", 2);
		return;
	}
	while ((n = read(fd, p, 65536)) > 0)
		atomic_fetch_add(&t.upload_bytes, n);
	atomic_fetch_add(&t.upload_complete, http_body_complete(req) ? 1 : 100);
	http_reply(req, 200, "text/plain", "got", 3);
}

static void hijack(struct http_req *req, void *ctx)
{
	struct err err = ERR_INIT;
	int fd;

	http_set(req, "X-Test", "h");
	if (http_hijack(req, http_wants_upgrade(req, "tcp"), "application/vnd.docker.raw-stream", &fd,
			&t.hijack_rest, &err) < 0)
		return;
	t.hijacked = fd;
	atomic_store(&t.holding, true);
}

static void route(void *ctx, struct http_req *req, struct http_target *target)
{
	if (str_after(req->path, "/echo"))
		*target = (struct http_target){.fn = echo, .on_loop = strstr(req->path, "loop"), .max_body = 100000};
	else if (streq(req->path, "/forget"))
		target->fn = forget;
	else if (streq(req->path, "/hold"))
		target->fn = hold;
	else if (streq(req->path, "/stream"))
		target->fn = stream;
	else if (streq(req->path, "/pump"))
		target->fn = pump;
	else if (streq(req->path, "/upload"))
		*target = (struct http_target){.fn = upload, .body = HTTP_BODY_STREAM};
	else if (streq(req->path, "/hijack"))
		target->fn = hijack;
	else
		http_reply(req, 404, "text/plain", "none", 4);
}

/* --- a client ---------------------------------------------------------------------------------- */

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, t.path);
	CHECK(connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0);
	return fd;
}

static void say(int fd, const char *s)
{
	ok(fs_write_full(fd, s, strlen(s)) >= 0);
}

/* Reads until the text is there, or the end (or 5 seconds). The caller frees. */
static char *hear(int fd, const char *until)
{
	struct buf b = {0};
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char chunk[65536];
	ssize_t n;

	while ((!until || !b.p || !memmem(b.p, b.len, until, strlen(until))) && poll(&p, 1, 5000) > 0 &&
	       (n = read(fd, chunk, sizeof(chunk))) > 0)
		buf_add(&b, chunk, (size_t)n);
	return buf_take(&b);
}

static bool at_end(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	char c;

	return poll(&p, 1, 5000) > 0 && read(fd, &c, 1) <= 0;
}

static void until(atomic_int *v, int want)
{
	for (int i = 0; i < 500 && atomic_load(v) != want; i++)
		usleep(10000);
	ok_eq(atomic_load(v), want);
}

static struct http_req *wait_held(void)
{
	for (int i = 0; i < 500 && !atomic_load(&t.holding); i++)
		usleep(10000);
	ok(atomic_load(&t.holding));
	atomic_store(&t.holding, false);
	return t.held;
}

#define REQ(method, path) method " " path " HTTP/1.1\r\nHost: x\r\n"

/* --- tests ------------------------------------------------------------------------------------- */

static void test_keep_alive(void)
{
	AUTO(close) int fd = dial();

	for (int i = 0; i < 3; i++) {
		say(fd, i == 1 ? REQ("GET", "/echo/loop?q=1") "X-Echo:  v w \r\n\r\n" : REQ("GET", "/echo?q=1") "X-Echo: \tv w\r\n\r\n");
		AUTO(free) char *s = hear(fd, " 0:");

		ok(str_after(s, "HTTP/1.1 200 OK\r\n"));
		ok(strstr(s, "X-Test: a") == NULL);
		ok(strstr(s, "x-test: v w\r\n"));
		ok(strstr(s, "Date: "));
	}
	say(fd, REQ("GET", "/nope") "\r\n");
	AUTO(free) char *s = hear(fd, "none");
	ok(str_after(s, "HTTP/1.1 404 Not Found\r\n"));
	say(fd, REQ("HEAD", "/echo") "\r\n");
	AUTO(free) char *h = hear(fd, "\r\n\r\n");
	ok(strstr(h, "Content-Length: 15\r\n"));
	ok(str_ends(h, "\r\n\r\n"));
	say(fd, REQ("GET", "/echo") "Connection: close\r\n\r\n");
	AUTO(free) char *last = hear(fd, NULL);
	ok(strstr(last, "Connection: close\r\n"));
}

static void test_bodies(void)
{
	AUTO(close) int fd = dial();

	say(fd, REQ("POST", "/echo") "Content-Length: 5\r\n\r\nhel");
	usleep(20000);
	say(fd, "lo");
	AUTO(free) char *a = hear(fd, "5:hello");
	ok(str_ends(a, "5:hello"));
	say(fd, REQ("POST", "/echo") "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: v\r\n\r\n");
	AUTO(free) char *b = hear(fd, "7:abcdefg");
	ok(str_ends(b, "7:abcdefg"));
	say(fd, REQ("POST", "/echo") "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n");
	AUTO(free) char *c = hear(fd, "\r\n\r\n");
	ok_str(c, "HTTP/1.1 100 Continue\r\n\r\n");
	say(fd, "ok");
	AUTO(free) char *d = hear(fd, "2:ok");
	ok(str_ends(d, "2:ok"));
}

static void test_pipelined(void)
{
	AUTO(close) int fd = dial();
	AUTO(buf) struct buf b = {0};

	for (int i = 0; i < 50; i++)
		buf_addf(&b, "POST /echo%s?i=%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab", i % 3 ? "" : "/loop", i);
	buf_adds(&b, REQ("GET", "/echo?last") "Connection: close\r\n\r\n");
	say(fd, b.p);
	AUTO(free) char *s = hear(fd, NULL);
	const char *at = s;
	for (int i = 0; i < 50 && at; i++) {
		AUTO(free) char *want = xasprintf("?i=%d 2:ab", i);

		at = strstr(at, want);
		ok(at != NULL);
	}
	ok(strstr(s, "?last 0:"));
}

static void refused(const char *request, const char *status)
{
	AUTO(close) int fd = dial();

	say(fd, request);
	AUTO(free) char *s = hear(fd, NULL);
	AUTO(free) char *want = xasprintf("HTTP/1.1 %s", status);
	if (!str_after(s, want))
		printf("# %.60s -> %.100s\n", request, s);
	ok(str_after(s, want) != NULL);
	ok(strstr(s, "Connection: close"));
}

static void test_refusals(void)
{
	AUTO(buf) struct buf b = {0};

	refused("rubbish\r\n\r\n", "400");
	refused("GET / HTTP/1.1\r\n\r\n", "400");
	refused("GET x HTTP/1.1\r\nHost: x\r\n\r\n", "400");
	refused("GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400");
	refused("GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n", "400");
	refused("GET /echo HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "400");
	refused(REQ("POST", "/echo") "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400");
	refused(REQ("POST", "/echo") "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400");
	refused(REQ("POST", "/echo") "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400");
	refused(REQ("POST", "/echo") "Content-Length: -1\r\n\r\n", "400");
	refused(REQ("POST", "/echo") "Content-Length: 99999999999999999999999\r\n\r\n", "400");
	refused(REQ("POST", "/echo") "Content-Length: 200000\r\n\r\n", "413");
	buf_adds(&b, REQ("POST", "/echo") "Transfer-Encoding: chunked\r\n\r\n20000\r\n");
	for (int i = 0; i < 0x20000; i++)
		buf_addc(&b, 'x');
	refused(b.p, "413");
	buf_reset(&b);
	buf_adds(&b, REQ("GET", "/echo") "X: ");
	for (int i = 0; i < 70000; i++)
		buf_addc(&b, 'x');
	refused(b.p, "431");
	buf_reset(&b);
	buf_adds(&b, REQ("GET", "/echo"));
	for (int i = 0; i < 200; i++)
		buf_addf(&b, "X-%d: y\r\n", i);
	buf_adds(&b, "\r\n");
	refused(b.p, "431");
}

static void test_no_answer(void)
{
	AUTO(close) int fd = dial();

	say(fd, REQ("GET", "/forget") "\r\n");
	AUTO(free) char *s = hear(fd, "answer\"}");
	ok(str_after(s, "HTTP/1.1 500 "));
}

static void test_deferred(void)
{
	AUTO(close) int fd = dial();
	struct http_req *req;
	int ended = t.ended, gone = t.gone;

	say(fd, REQ("POST", "/hold") "\r\n");
	req = wait_held();
	http_reply(req, 201, "text/plain", "late", 4);
	http_req_unref(req);
	AUTO(free) char *s = hear(fd, "late");
	ok(str_after(s, "HTTP/1.1 201 Created"));
	until(&t.ended, ended + 1);

	say(fd, REQ("POST", "/hold") "\r\n");
	req = wait_held();
	shutdown(fd, SHUT_WR);
	until(&t.gone, gone + 1);
	http_reply(req, 201, "text/plain", "late", 4);
	http_req_unref(req);

	int other = dial();
	say(other, REQ("POST", "/hold") "\r\n");
	req = wait_held();
	close(other);
	until(&t.gone, gone + 2);
	http_req_unref(req); /* without an answer */
}

static void test_streams(void)
{
	for (int on_loop = 0; on_loop < 2; on_loop++) {
		AUTO(close) int fd = dial();
		int done = t.source_done;

		t.fills = 0;
		say(fd, on_loop ? "GET /stream?loop HTTP/1.0\r\n\r\n" : REQ("GET", "/stream") "Connection: close\r\n\r\n");
		AUTO(free) char *s = hear(fd, NULL);
		ok(strstr(s, "0000099\n"));
		if (!on_loop)
			ok(str_ends(s, "\r\n0\r\n\r\n"));
		else
			ok_eq(strlen(strstr(s, "\r\n\r\n") + 4), 100 * 4096 * 8);
		until(&t.source_done, done + 1);
	}
}

static void test_slow_reader(void)
{
	int fd = dial(), done = t.source_done, before;

	t.fills = 0;
	say(fd, REQ("GET", "/stream?forever") "\r\n");
	usleep(200000);
	before = t.fills;
	ok(before < 40); /* socket buffer and low-water mark, no more */
	usleep(100000);
	ok_eq(t.fills, before);
	close(fd);
	until(&t.source_done, done + 1);
}

static void test_wakes(void)
{
	for (int on_loop = 0; on_loop < 2; on_loop++) {
		AUTO(close) int fd = dial();
		struct http_req *req;
		int done = t.source_done;

		t.fills = 0;
		say(fd, on_loop ? REQ("GET", "/stream?wait&loop") "\r\n" : REQ("GET", "/stream?wait") "\r\n");
		req = wait_held();
		for (int i = 0; i < 4; i++) {
			AUTO(free) char *want = xasprintf("part %d\n", i);
			AUTO(free) char *s = hear(fd, want);

			ok(strstr(s, want));
			http_wake(req);
		}
		http_req_unref(req);
		until(&t.source_done, done + 1);
		t.fills = 7; /* and one that fails */
		say(fd, REQ("GET", "/stream?wait") "\r\n");
		AUTO(free) char *s = hear(fd, NULL);
		ok(strstr(s, "part 7") && !strstr(s, "0\r\n\r\n"));
		http_req_unref(wait_held());
		until(&t.source_done, done + 2);
	}
	/* who hangs up is noticed though nothing is sent */
	int fd = dial(), done = t.source_done;
	t.fills = 0;
	say(fd, REQ("GET", "/stream?wait") "\r\n");
	struct http_req *req = wait_held();
	AUTO(free) char *s = hear(fd, "part 0");
	close(fd);
	until(&t.source_done, done + 1);
	http_wake(req);
	http_req_unref(req);
}

static void test_pumps(void)
{
	AUTO(close) int fd = dial();

	say(fd, REQ("GET", "/pump") "\r\n");
	AUTO(free) char *s = hear(fd, "\r\n0\r\n\r\n");
	until(&t.pump_finished, 1);
	say(fd, REQ("GET", "/pump?bad") "\r\n");
	ok(fd >= 0);
	AUTO(free) char *b = hear(fd, NULL);
	ok(!memmem(b, strlen(b), "\r\n0\r\n\r\n", 7));
	until(&t.pump_finished, 2);
	int other = dial();
	say(other, REQ("GET", "/pump") "\r\n");
	usleep(50000);
	close(other);
	until(&t.pump_gone, 1);
}

static void test_uploads(void)
{
	AUTO(close) int fd = dial();
	AUTO(free) char *mega = xcalloc(1, 1 << 20);

	say(fd, REQ("PUT", "/upload") "Content-Length: 8388608\r\nExpect: 100-continue\r\n\r\n");
	AUTO(free) char *cont = hear(fd, "\r\n\r\n");
	for (int i = 0; i < 8; i++)
		ok(fs_write_full(fd, mega, 1 << 20) >= 0);
	AUTO(free) char *s = hear(fd, "got");
	ok(str_ends(s, "got"));
	ok_eq(t.upload_bytes, 8 << 20);
	until(&t.upload_complete, 1);
	say(fd, REQ("PUT", "/upload") "\r\n"); /* no body at all */
	AUTO(free) char *none = hear(fd, "got");
	until(&t.upload_complete, 2);

	int cut = dial();
	say(cut, REQ("PUT", "/upload") "Content-Length: 100\r\n\r\nabc");
	close(cut);
	until(&t.upload_complete, 102);

	say(fd, REQ("PUT", "/upload?early") "Content-Length: 80000000\r\n\r\n");
	ignore_result(fs_write_full(fd, mega, 1 << 20) < 0);
	AUTO(free) char *early = hear(fd, NULL);
	ok(strstr(early, "409 Conflict") && str_ends(early, "no"));
}

static void test_hijack(void)
{
	AUTO(close) int fd = dial();
	char got[16] = "";

	say(fd, REQ("POST", "/hijack") "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}early");
	wait_held();
	AUTO(free) char *s = hear(fd, "\r\n\r\n");
	ok(str_after(s, "HTTP/1.1 101 UPGRADED\r\n"));
	ok(strstr(s, "Upgrade: tcp\r\n") && strstr(s, "X-Test: h\r\n"));
	ok_str(t.hijack_rest.p, "early");
	buf_done(&t.hijack_rest);
	say(t.hijacked, "raw");
	ok_eq(read(fd, got, sizeof(got)), 3);
	close(t.hijacked);
	ok(at_end(fd));

	AUTO(close) int plain = dial();
	say(plain, REQ("POST", "/hijack") "\r\n");
	wait_held();
	AUTO(free) char *p = hear(plain, "\r\n\r\n");
	ok(str_after(p, "HTTP/1.1 200 OK\r\n") && !strstr(p, "Content-Length"));
	close(t.hijacked);
	buf_done(&t.hijack_rest);
}

static void test_slow_loris(void)
{
	AUTO(close) int fd = dial();
	int64_t start = clock_mono_ns();

	say(fd, "GET /echo HT");
	usleep(300000);
	say(fd, "TP/1.1\r\nHost: x\r\nX");
	ok(at_end(fd));
	ok(clock_mono_ns() - start < 3 * NS_PER_SEC);
}

static void test_tcp_is_loopback(void)
{
	struct err err = ERR_INIT;

	ok_eq(http_listen_tcp(t.server, "0.0.0.0", "0", NULL, &err), -1);
	ok_eq(err.kind, ERR_FORBIDDEN);
	ok_eq(http_listen_unix(t.server, t.path, -1, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
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
	struct err err = ERR_INIT;
	struct http_config config = {.route = route, .head_timeout_ns = NS_PER_SEC};

	snprintf(t.path, sizeof(t.path), "/tmp/test-http-%d.sock", (int)getpid());
	CHECK(loop_new(&t.loop, &err) == 0);
	config.loop = t.loop;
	config.pool = t.pool = pool_new(t.loop, 8);
	CHECK(http_server_new(&config, &t.server, &err) == 0);
	CHECK(http_listen_unix(t.server, t.path, -1, &err) == 0);
	test_run(test_tcp_is_loopback);
	pthread_create(&t.thread, NULL, run, NULL);
	test_run(test_keep_alive);
	test_run(test_bodies);
	test_run(test_pipelined);
	test_run(test_refusals);
	test_run(test_no_answer);
	test_run(test_deferred);
	test_run(test_streams);
	test_run(test_slow_reader);
	test_run(test_wakes);
	test_run(test_pumps);
	test_run(test_uploads);
	test_run(test_hijack);
	test_run(test_slow_loris);
	loop_post(t.loop, begin_stop, NULL);
	pthread_join(t.thread, NULL);
	pool_free(t.pool);
	http_server_free(t.server);
	loop_free(t.loop);
	return test_done();
}
