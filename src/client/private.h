/*
 * private.h - what the files of client/ share
 */
#pragma once

#include <http_parser.h>

#include "client/client.h"

struct client {
	char *host;	   /* as shown */
	char *unix_path;   /* or */
	char *tcp_name, *tcp_port;
	int idle_fd;	   /* a kept-alive connection, or -1 */
	int minor;
	bool negotiated;   /* a daemon has answered at this version */
	bool fixed;	   /* DOCKER_API_VERSION says so */
};

/* One answer as it comes in. */
struct http_in {
	http_parser parser;
	struct map headers;    /* lower-case name -> value */
	struct buf name, value;
	bool in_value;
	size_t head_bytes;     /* header bytes seen, limited */
	bool head_done, done;
	bool no_body;	       /* the request was HEAD */
	bool hijack;	       /* what follows the head is no HTTP */
	struct buf body;
	size_t body_off;       /* consumed */
	struct buf rest;       /* what followed the head of a hijacked answer */
};

#define HTTP_MAX_HEAD (256u << 10)

void http_in_init(struct http_in *in, bool no_body, bool hijack);
void http_in_done(struct http_in *in);
/* Takes bytes; n == 0 says that the connection ended. ERR_CORRUPT. */
int http_in_feed(struct http_in *in, const char *data, size_t n, struct err *err) MUST_USE;
bool http_in_keepalive(const struct http_in *in);

struct client_stream {
	struct client *c;
	int fd;
	struct http_in in;
	struct buf json;   /* undecoded text of client_stream_json() */
	size_t json_off, json_scan;
	int depth;
	bool in_string, escaped;
};

/* A connected descriptor, new or (if *reused) the idle one. */
int conn_get(struct client *c, bool *reused, struct err *err) MUST_USE;
int conn_open(struct client *c, struct err *err) MUST_USE;
void conn_put(struct client *c, int fd); /* keeps it as the idle one, or closes it */

/* The head (and JSON body) of a request as bytes. extra: header lines or NULL. */
void request_format(struct client *c, struct buf *out, const char *method, const char *path,
		    const json_t *body, const char *extra);
int request_send(int fd, const struct buf *data, struct err *err) MUST_USE;
/* The error of an answer that is no success; body is its text. Returns -1. */
int request_error(struct client *c, int status, const char *body, size_t n, const char *path,
		  struct err *err);
/* True if the answer says that our version is too new, and the client's has been lowered. */
bool request_downgrade(struct client *c, int status, const char *body);
struct client_stream *stream_new(struct client *c, int fd, bool no_body, bool hijack);
/* Reads until the head is complete. */
int stream_head(struct client_stream *s, struct err *err) MUST_USE;
/* Reads the rest of an error answer and makes it an error. */
int stream_fail(struct client_stream *s, const char *path, struct err *err);
json_t *client_parse_json(const char *p, size_t n);
