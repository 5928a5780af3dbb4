/*
 * body.c - a request's body on its way into a handler's pipe
 *
 * (1) At most one read's worth waits here: while it does, nothing is read from the client.
 * (2) .complete is set before the pipe is closed, so who saw its end may look.
 */
#include "http/private.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"

int upload_start(struct exchange *ex)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	fs_nonblock(fds[1], true);
	ex->req.body_fd = fds[0];
	ex->up.pipe = fds[1];
	return 0;
}

void upload_end(struct exchange *ex, bool complete)
{
	if (complete)
		atomic_store(&ex->up.complete, true);
	loop_fd_free(ex->up.watch);
	ex->up.watch = NULL;
	if (ex->up.pipe >= 0)
		close(ex->up.pipe);
	ex->up.pipe = -1;
	buf_done(&ex->up.wait);
}

static void upload_write(struct exchange *ex);

static void pipe_ready(void *ctx, uint32_t events)
{
	struct exchange *ex = ctx;

	upload_write(ex);
	if (!upload_full(ex))
		conn_step(ex->conn);
}

static void upload_write(struct exchange *ex)
{
	struct upload *up = &ex->up;
	ssize_t n;

	while (up->wait.len) {
		n = write(up->pipe, up->wait.p, up->wait.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		buf_consume(&up->wait, (size_t)n);
	}
	if (up->wait.len && errno != EAGAIN) { /* the handler wants no more: the rest is dropped */
		buf_reset(&up->wait);
		upload_end(ex, false);
		return;
	}
	if (up->wait.len && !up->watch)
		up->watch = loop_add_fd(ex->srv->config.loop, up->pipe, EPOLLOUT, pipe_ready, ex);
	if (!up->wait.len) {
		loop_fd_free(up->watch);
		up->watch = NULL;
		if (ex->read == READ_COMPLETE)
			upload_end(ex, true);
	}
}

void upload_add(struct exchange *ex, const char *data, size_t n)
{
	if (ex->up.pipe < 0)
		return;
	buf_add(&ex->up.wait, data, n);
	upload_write(ex);
}

int http_take_body(struct http_req *req)
{
	return TAKE_FD(req->body_fd);
}

bool http_body_complete(const struct http_req *req)
{
	const struct exchange *ex = (const struct exchange *)req;

	return atomic_load(&ex->up.complete);
}
