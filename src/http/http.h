/*
 * http.h - an HTTP/1.1 server on a loop, with handlers on worker threads
 *
 * One request and its answer are a struct http_req. Its life:
 *
 *  1. On the loop, when the head is read, the router looks at it and fills a struct http_target
 *     (or answers at once).
 *  2. The body is read: into memory (HTTP_BODY_SMALL), or through a pipe while the handler runs
 *     (HTTP_BODY_STREAM). The handler runs on a worker of the pool, or, with on_loop, on the loop.
 *  3. The handler answers exactly once, by one of http_reply*(), http_stream(), http_pump(),
 *     http_hijack(). It may do so later and from any thread (e.g. when a container ends) if it
 *     holds a reference. When the last reference goes and there was no answer, the server sends 500.
 *
 * Answering a client that went away is harmless and does nothing but call the given callbacks.
 * The next request of a connection is looked at once the answer before it is on its way.
 * Unless stated otherwise functions are for any thread, callbacks come on the loop's thread.
 * http_server_new() sets SIGPIPE to ignored for the process.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/loop.h"
#include "base/str.h"

struct http_server;

/* --- requests ---------------------------------------------------------------------------- */

/* Read-only for handlers, but user. Strings live as long as the request. */
struct http_req {
	const char *method;   /* "GET" */
	char *path;	      /* percent-decoded, without query; starts with / and holds no NUL */
	char *query;	      /* as received, "" if none */
	const char *body;     /* HTTP_BODY_SMALL: terminated, may be ""; else NULL */
	size_t body_len;
	int body_fd;	      /* HTTP_BODY_STREAM: a pipe to read from; else -1. See http_take_body() */
	bool has_body;	      /* Content-Length > 0 or chunked */
	bool tcp;	      /* came by TCP, not by a Unix socket */
	void *user;	      /* the router's; freed by free_user when the request ends, if set */
	void (*free_user)(void *user);
};

/* The value of the (first) header of that name, or NULL. Case does not matter. */
const char *http_header(const struct http_req *req, const char *name);

struct http_req *http_req_ref(struct http_req *req);
void http_req_unref(struct http_req *req); /* NULL is fine */
static inline void auto_http_req(struct http_req **req)
{
	http_req_unref(*req);
}

/*
 * The body's pipe, which is the caller's to close from now on. It is blocking. It ends at the
 * end of the body, or early when the client goes away: having read to the end, ask
 * http_body_complete(). Closing it early is allowed; the rest is thrown away.
 */
int http_take_body(struct http_req *req);
bool http_body_complete(const struct http_req *req);

typedef void http_handler_fn(struct http_req *req, void *ctx);

enum http_body {
	HTTP_BODY_SMALL,  /* in memory, up to max_body bytes, then the handler runs */
	HTTP_BODY_STREAM, /* the handler runs at once and reads body_fd */
};

struct http_target {
	http_handler_fn *fn; /* borrows req; takes a reference if it answers after returning */
	void *ctx;
	enum http_body body;
	size_t max_body; /* 0: HTTP_MAX_BODY */
	bool on_loop;	 /* quick and never blocking: run on the loop's thread */
};

/* On the loop. Fills *target, or answers itself (then fn stays NULL and a body is thrown away). */
typedef void http_router_fn(void *ctx, struct http_req *req, struct http_target *target);

#define HTTP_MAX_BODY	(4u << 20)
#define HTTP_MAX_HEAD	(64u << 10) /* request line and headers */
#define HTTP_MAX_HEADERS 100

/* --- answers: one per request --------------------------------------------------------------- */

/* A header of the answer; before answering. Replaces one of the same name. NULL value removes. */
void http_set(struct http_req *req, const char *name, const char *value);
void http_setf(struct http_req *req, const char *name, const char *fmt, ...) PRINTF(3, 4);

/* A whole body: copied, or taken over (buf is empty afterwards). type may be NULL for no body. */
void http_reply(struct http_req *req, int status, const char *type, const void *data, size_t n);
void http_reply_buf(struct http_req *req, int status, const char *type, struct buf *body);
/* Plain status, no body: 204, 304... */
void http_reply_empty(struct http_req *req, int status);

enum http_fill {
	HTTP_MORE,  /* ask again when the socket has taken this */
	HTTP_WAIT,  /* nothing more just now: ask after http_wake() */
	HTTP_END,   /* what is in the buffer is the end */
	HTTP_ABORT, /* drop the connection, so that the client sees the answer is not whole */
};

/*
 * An answer pulled piece by piece. fill appends to out; it is asked only when less than
 * HTTP_LOW_WATER bytes wait for the client, by one thread at a time. It should add some
 * 16 to 64 KB at once where it has them. done, once, always, on the loop, after the last fill.
 */
struct http_source {
	enum http_fill (*fill)(void *ctx, struct buf *out);
	void (*done)(void *ctx);
	void *ctx;
	bool on_loop; /* fill never blocks: call it on the loop, not on a worker */
	int64_t every_ns; /* HTTP_WAIT ends by itself after so long; 0: only by http_wake() */
};
#define HTTP_LOW_WATER (64u << 10)

void http_stream(struct http_req *req, int status, const char *type, const struct http_source *src);
/* Makes a stream that said HTTP_WAIT (or is about to) be asked again. Needs a reference. */
void http_wake(struct http_req *req);

/*
 * Everything that comes out of fd (a pipe or socket; taken over), until it ends. Then finish,
 * if not NULL, is called once, always, on a worker: 0 ends the answer well, else the connection
 * is dropped. It is called too when the client went away before, with gone set and fd closed.
 */
void http_pump(struct http_req *req, int status, const char *type, int fd,
	       int (*finish)(void *ctx, bool gone), void *ctx);

/*
 * Sends a head with the headers set so far and leaves HTTP: *ret_fd is the connection, the
 * caller's to close (non-blocking), *ret_rest what the client sent after its request. upgrade
 * gives "101 UPGRADED" with Connection and Upgrade: tcp, else "200 OK" without length. -1: the
 * client is gone. Waits for the loop's thread (briefly), so not under a lock the loop takes.
 */
int http_hijack(struct http_req *req, bool upgrade, const char *type, int *ret_fd,
		struct buf *ret_rest, struct err *err) MUST_USE;
/* The client asked for "Connection: Upgrade" and this protocol ("tcp", "h2c"). */
bool http_wants_upgrade(const struct http_req *req, const char *protocol);

/*
 * Tells once when the exchange is over: gone is true where the client went away before the
 * answer was complete (at once, if that is so already). Until then ctx must live. At most one.
 */
void http_on_end(struct http_req *req, void (*fn)(void *ctx, bool gone), void *ctx);

/* --- query strings ---------------------------------------------------------------------------- */

/* key=value pairs in order, decoded ('+' is a space). Zeroed is empty. */
struct http_query {
	struct strv keys, values;
};
#define HTTP_MAX_QUERY_PAIRS 512
int http_query_parse(const char *s, struct http_query *ret, struct err *err) MUST_USE;
void http_query_done(struct http_query *q);
const char *http_query_get(const struct http_query *q, const char *key); /* the first; NULL: absent */
static inline void auto_http_query(struct http_query *q)
{
	http_query_done(q);
}
/* Decodes %xx in place; -EINVAL for a broken one or %00. plus: '+' becomes a space. */
int http_unescape(char *s, bool plus) MUST_USE;

/* --- the server ------------------------------------------------------------------------------- */

struct http_config {
	struct loop *loop;
	struct pool *pool;
	http_router_fn *route;
	void *ctx;
	int64_t head_timeout_ns;  /* for a head and for a small body; 0: 60 s */
	int64_t idle_timeout_ns;  /* between requests; 0: for ever */
	unsigned max_connections; /* 0: 4096 */
};

int http_server_new(const struct http_config *config, struct http_server **ret, struct err *err) MUST_USE;

/*
 * mode 0660 and the group, if gid is not -1, else 0600. A dead socket file is replaced, a live
 * one is ERR_CONFLICT. The file is removed by http_server_free().
 */
int http_listen_unix(struct http_server *s, const char *path, gid_t gid, struct err *err) MUST_USE;
/* Plain TCP; only addresses of the loopback are taken (ERR_FORBIDDEN). port 0: any; *ret_port. */
int http_listen_tcp(struct http_server *s, const char *host, const char *port, int *ret_port,
		    struct err *err) MUST_USE;
/* A listening stream socket that exists (taken over). */
int http_listen_fd(struct http_server *s, int fd, struct err *err) MUST_USE;

/*
 * Stops listening, closes idle connections, lets answers under way end for grace_ns, then drops
 * what is left; done(ctx) when nothing is left.
 */
void http_server_stop(struct http_server *s, int64_t grace_ns, loop_fn *done, void *ctx);
/* After stop's done, or when the loop no longer runs and the pool is freed. */
void http_server_free(struct http_server *s);
unsigned http_server_connections(const struct http_server *s);
