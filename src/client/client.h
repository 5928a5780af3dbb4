/*
 * client.h - the Engine API from the caller's side: requests, streams, hijacked connections
 *
 * One thread. A client keeps at most one idle connection and uses it again. Paths are given
 * without the version ("/containers/json?all=1"); the client puts "/v1.NN" before them. It
 * starts with the highest version it knows and, when the daemon is older, takes the daemon's
 * and asks again, so that nothing is spent on a daemon of the same age.
 *
 * Errors the daemon reports carry its own text after "Error response from daemon: ", with the
 * kind of the HTTP status: ERR_NOT_FOUND for 404, ERR_CONFLICT for 409 and so on. A daemon
 * that cannot be reached is ERR_UNAVAILABLE. This is the one place where messages follow
 * docker's capitals, as scripts look for them.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct client;
struct client_stream;

#define CLIENT_API_MINOR     50 /* highest version asked for: 1.50 */
#define CLIENT_API_MINOR_MIN 24
/* A daemon's JSON answer may be as large as this; streams have no such limit. */
#define CLIENT_MAX_BODY (256u << 20)

/*
 * host: "unix:///path", "tcp://host:port" or NULL, which takes COVE_HOST, then DOCKER_HOST,
 * then the default socket. Nothing is connected yet. ERR_INVALID for a malformed host,
 * ERR_UNSUPPORTED for ssh://, fd:// and npipe://. *ret: client_free().
 */
int client_open(const char *host, struct client **ret, struct err *err) MUST_USE;
void client_free(struct client *c); /* NULL is fine */
const char *client_host(const struct client *c);  /* "unix:///run/cove/cove.sock" */
/* The minor version in use: after a first answer the one agreed on. */
int client_api_minor(const struct client *c);
/* Agrees on the version now, by /_ping; at no cost when an answer has already come. */
int client_negotiate(struct client *c, struct err *err) MUST_USE;

/* --- paths ------------------------------------------------------------------------- */

/* Appends text with everything but unreserved characters percent-encoded. */
void client_path_escape(struct buf *path, const char *text);
/* Appends "?key=value" or "&key=value", the value escaped. */
void client_query(struct buf *path, const char *key, const char *value);
void client_query_bool(struct buf *path, const char *key, bool value); /* "1", nothing if false */
/* The JSON of a filters object as a query value; filters: "key=value" strings. An object of
 * arrays as {"label":{"a=b":true}}; nothing is appended when there are none. */
void client_query_filters(struct buf *path, const struct strv *filters);

/* --- one request, one JSON answer ---------------------------------------------------- */

/*
 * Sends body (borrowed, may be NULL) and reads the whole answer. Returns the HTTP status
 * (2xx, or 304), or -1. *ret (if ret is not NULL) is the document, to json_decref(), or NULL
 * if the answer has no body.
 */
int client_call(struct client *c, const char *method, const char *path, json_t *body,
		json_t **ret, struct err *err) MUST_USE;

/* The same with the answer's text as it came, appended to *ret. */
int client_call_text(struct client *c, const char *method, const char *path, json_t *body,
		     struct buf *ret, struct err *err) MUST_USE;

/* --- streams --------------------------------------------------------------------------- */

struct client_request {
	const char *method;
	const char *path;	  /* without version */
	json_t *json;		  /* borrowed; a JSON body */
	int body_fd;		  /* > 0: sent chunked until its end; needs content_type */
	/* instead of body_fd: called for the next piece; 0 is the end, -1 with err set aborts */
	ssize_t (*body_fn)(void *ctx, void *data, size_t n, struct err *err);
	void *body_ctx;
	const char *content_type; /* of body_fd and body_fn */
	const char *headers;	  /* more header lines, each ended by \r\n, or NULL */
};

/* Sends the request and reads the answer's head; an answer that is no 2xx is an error. */
int client_stream_open(struct client *c, const struct client_request *req,
		       struct client_stream **ret, struct err *err) MUST_USE;
/* Closes it; a finished one gives its connection back to the client. NULL is fine. */
void client_stream_free(struct client_stream *s);
int client_stream_status(const struct client_stream *s);
/* The value of a header (any case), NULL if absent; lives as long as s. */
const char *client_stream_header(const struct client_stream *s, const char *name);
/* Blocks for the next bytes: > 0, 0 at the end, -1 (also when the answer was cut short). */
ssize_t client_stream_read(struct client_stream *s, void *data, size_t n, struct err *err) MUST_USE;
/* For poll(): readable means that a read will not block for long. */
int client_stream_fd(const struct client_stream *s);
/* Bytes were read ahead: client_stream_read() will give some without the descriptor. */
bool client_stream_buffered(const struct client_stream *s);
/* Everything to fd. */
int client_stream_copy(struct client_stream *s, int fd, struct err *err) MUST_USE;
/*
 * The next of a sequence of JSON documents: 1 and *ret (json_decref()), 0 at the end, -1.
 * Use either this or client_stream_read() on one stream.
 */
int client_stream_json(struct client_stream *s, json_t **ret, struct err *err) MUST_USE;
/*
 * A whole log or attach answer: multiplexed frames to out and err_fd, or, when the daemon
 * sends a raw stream, all of it to out. mux: what the container's Tty setting says, used when
 * the answer's content type does not tell.
 */
int client_stream_demux(struct client_stream *s, bool mux, int out, int err_fd,
			struct err *err) MUST_USE;

/* --- multiplexed frames -------------------------------------------------------------- */

/* Splits frames (8 bytes: stream, 0, 0, 0, big-endian length) that arrive in any pieces. */
struct client_demux {
	unsigned char head[8];
	unsigned have;	 /* bytes of head */
	uint32_t left;	 /* payload still to come */
};

typedef int client_demux_fn(void *ctx, int stream, const char *data, size_t n, struct err *err);
/* fn gets each piece with stream 1 or 2; 3 is the daemon's error text, which ends as -1. */
int client_demux_feed(struct client_demux *d, const char *data, size_t n, client_demux_fn *fn,
		      void *ctx, struct err *err) MUST_USE;

/* --- hijacked connections -------------------------------------------------------------- */

struct client_hijack {
	int fd;		 /* blocking; the caller closes it by client_hijack_done() */
	struct buf early; /* what came with the answer's head */
	bool tcp;
	int mux;	 /* 1 frames, 0 raw, -1 the daemon did not say */
};

#define CLIENT_HIJACK_INIT {.fd = -1}

/* POST with an upgrade to a raw two-way stream, on a connection of its own. */
int client_hijack(struct client *c, const char *path, json_t *body, struct client_hijack *ret,
		  struct err *err) MUST_USE;
/* The same in two steps, so that other requests can go out in between. */
int client_hijack_send(struct client *c, const char *path, json_t *body,
		       struct client_hijack *h, struct err *err) MUST_USE;
int client_hijack_recv(struct client *c, struct client_hijack *h, struct err *err) MUST_USE;
void client_hijack_done(struct client_hijack *h);

/* A POST sent on a connection of its own whose answer is read later (wait). */
int client_stream_send(struct client *c, const struct client_request *req,
		       struct client_stream **ret, struct err *err) MUST_USE;
/* Reads its head; as client_stream_open() from there. */
int client_stream_head(struct client_stream *s, struct err *err) MUST_USE;
