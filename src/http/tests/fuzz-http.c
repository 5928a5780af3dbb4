/*
 * fuzz-http.c - bytes of a client, over a socket pair, against a real connection
 */
#include <pthread.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "http/private.h"

static struct loop *loop;
static struct pool *pool;
static struct http_server *server;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void echo(struct http_req *req, void *ctx)
{
	AUTO(http_query) struct http_query q = {0};

	ignore_result(http_query_parse(req->query, &q, NULL));
	http_reply(req, 200, "text/plain", req->body, req->body_len);
}

static void route(void *ctx, struct http_req *req, struct http_target *target)
{
	*target = (struct http_target){.fn = echo, .on_loop = true};
	if (str_after(req->path, "/no"))
		http_reply(req, 404, NULL, NULL, 0);
}

/* Stops the loop once the connection has ended. */
static void look(void *ctx)
{
	static int rounds;

	if (http_server_connections(server) && ++rounds < 200) {
		loop_add_timer(loop, NS_PER_MS / 2, look, NULL);
		return;
	}
	rounds = 0;
	loop_stop(loop);
}

static void one_run(const uint8_t *data, size_t size)
{
	struct http_config config = {.loop = loop, .pool = pool, .route = route, .ctx = NULL};
	int fds[2];

	CHECK(http_server_new(&config, &server, NULL) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
	fs_nonblock(fds[0], true);
	fs_nonblock(fds[1], true);
	conn_accept(server, fds[0], false);
	if (size)
		ignore_result(write(fds[1], data, size) < 0);
	shutdown(fds[1], SHUT_WR);
	loop_post(loop, look, NULL);
	ignore_result(loop_run(loop, NULL));
	http_server_free(server);
	close(fds[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 100000)
		return 0;
	CHECK(loop_new(&loop, NULL) == 0);
	pool = pool_new(loop, 1);
	one_run(data, size);
	pool_free(pool);
	loop_free(loop);
	return 0;
}
