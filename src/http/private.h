/*
 * private.h - what the files of http/ share: connections and exchanges
 *
 * A connection has at most one exchange (one request and its answer). Everything about a
 * connection belongs to the loop's thread. Of an exchange, a handler's thread owns the answer's
 * fields until it sets .answered and posts; then they are the loop's.
 */
#pragma once

#include <http_parser.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "http/http.h"

#define SCRATCH_SIZE (64u << 10)
#define DRAIN_MAX    (256u << 10) /* of a body nobody wants, before we rather close */
#define LINGER_NS    (2 * NS_PER_SEC)

enum answer_mode { ANSWER_NONE, ANSWER_WHOLE, ANSWER_STREAM, ANSWER_PUMP };
enum fill_state { FILL_IDLE, FILL_RUNNING, FILL_WAITING, FILL_ENDED };
enum read_state { READ_HEAD, READ_BODY, READ_COMPLETE };

struct conn;

struct upload {
	int pipe; /* where we write; -1 */
	struct loop_fd *watch;
	struct buf wait; /* what the pipe did not take yet */
	atomic_bool complete;
};

struct pump {
	int fd;
	struct loop_fd *watch;
	int (*finish)(void *ctx, bool gone);
	void *ctx;
	int result;
};

struct exchange {
	struct http_req req; /* first */
	struct http_server *srv;
	struct conn *conn; /* loop only; NULL once it is over */
	atomic_uint refs;
	/* the request */
	enum read_state read;
	struct http_target target;
	struct buf url, headers, body; /* headers: name NUL value NUL ... */
	size_t value_at;	       /* where in headers the value being read begins; 0: in a name */
	unsigned nheaders;
	size_t dropped; /* bytes of an unwanted body */
	int bad;	/* status to refuse it with, 0 if fine */
	bool head, http10, keep_alive, upgrade, dispatched;
	struct upload up;
	/* the answer */
	atomic_bool answered, woken, over;
	enum answer_mode mode; /* set on the loop by the posted answer */
	enum answer_mode posted_mode;
	int status;
	char *type;
	struct strv set; /* name, value, name, value... */
	struct buf out;	 /* ANSWER_WHOLE: the body; else what the last fill gave */
	bool chunked, ended, aborted;
	struct http_source src;
	enum fill_state fill;
	struct loop_timer *again;
	enum http_fill filled;
	struct pump pump;
	void (*end_fn)(void *ctx, bool gone);
	void *end_ctx;
	bool gone;
};

struct conn {
	struct http_server *srv;
	struct list link;
	struct loop_fd *watch;
	uint32_t events;
	int fd; /* -1: hijacked */
	http_parser parser;
	struct exchange *ex;
	struct buf in, out; /* received, not parsed; to be sent from out_at on */
	size_t out_at;
	int64_t deadline; /* clock_mono_ns(), 0: none */
	bool tcp, peer_eof, close_after, dead, lingering;
	bool stepping, again;
};

struct listener {
	struct list link;
	struct http_server *srv;
	int fd;
	struct loop_fd *watch;
	char *path; /* to unlink, or NULL */
	bool tcp;
};

struct http_server {
	struct http_config config;
	struct list listeners, conns;
	unsigned nconns;
	struct loop_timer *sweep, *retry, *grace;
	int64_t sweep_at;
	bool stopping;
	loop_fn *stopped;
	void *stopped_ctx;
	char *scratch; /* where every connection reads into */
};

/* server.c */
void server_conn_gone(struct http_server *s);
void server_deadline(struct http_server *s, int64_t at);

/* conn.c */
void conn_accept(struct http_server *s, int fd, bool tcp);
void conn_step(struct conn *c);
void conn_drop(struct conn *c); /* at the end of the step, or now */
static inline size_t conn_unsent(const struct conn *c)
{
	return c->out.len - c->out_at;
}

/* request.c */
extern const http_parser_settings request_parser;
struct exchange *exchange_new(struct conn *c);
void exchange_over(struct exchange *ex, bool gone); /* gives up the connection's reference */
void exchange_dispatch(struct exchange *ex);
bool header_has_token(const char *value, const char *token);

/* body.c */
int upload_start(struct exchange *ex);
void upload_add(struct exchange *ex, const char *data, size_t n);
void upload_end(struct exchange *ex, bool complete);
static inline bool upload_full(const struct exchange *ex)
{
	return ex->up.wait.len > 0;
}

/* respond.c */
void answer_start(struct exchange *ex); /* on the loop: the head, and a whole body */
void answer_step(struct exchange *ex);	/* pulls more where there is room */
void answer_stop(struct exchange *ex);	/* the exchange is over: gives back the source */
