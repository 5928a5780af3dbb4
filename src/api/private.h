/*
 * private.h - what the files of api/ share: calls, the route table, parameters, answers
 */
#pragma once

#include <jansson.h>

#include "api/api.h"
#include "codec/filters.h"
#include "codec/json.h"

struct api {
	struct api_config config;
};

struct route;

/* One request on its way through a handler. Lives as long as the http_req. */
struct call {
	struct api *api;
	struct http_req *req;
	const struct route *route;
	unsigned version; /* 141 for /v1.41 */
	struct http_query query;
	char *arg;    /* what stands for {} in the pattern */
	json_t *body; /* R_JSON: the document; NULL: there was none */
};

/*
 * 0: answered, or somebody holds a reference and will answer. -1: *err is sent. Runs on a
 * worker, or on the loop with R_LOOP.
 */
typedef int api_fn(struct call *c, struct err *err);

enum route_flags {
	R_LOOP = 1 << 0,   /* never blocks */
	R_JSON = 1 << 1,   /* takes a JSON body */
	R_UPLOAD = 1 << 2, /* streams its body */
	R_BARE = 1 << 3,   /* also without the check of the version (_ping) */
};

enum route_needs { NEEDS_NOTHING, NEEDS_CONTAINERS, NEEDS_IMAGES, NEEDS_NETWORKS, NEEDS_VOLUMES };

struct route {
	const char *method, *pattern; /* "/containers/{}/json"; {} takes slashes too */
	api_fn *fn;
	unsigned min_version; /* 0: any */
	unsigned flags;
	enum route_needs needs;
};

/* One table per resource, ended by a zeroed entry. */
extern const struct route container_routes[], exec_routes[], image_routes[], network_routes[];
extern const struct route stream_routes[], volume_routes[], system_routes[], event_routes[], transfer_routes[];
extern const struct route archive_routes[], unsupported_routes[];

/* --- answers --------------------------------------------------------------------------------- */

void reply_json(struct call *c, int status, json_t *value); /* takes value (NULL: null) */
void reply_empty(struct call *c, int status);
void reply_error(struct call *c, const struct err *err);
int status_of(enum err_kind kind);

/* For what comes later: keeps the call alive. */
void call_hold(struct call *c);
void call_release(struct call *c);

/* A container_done_fn with a held call as ctx: 204 or the error, then releases. */
void reply_when_done(void *ctx, const struct err *err);

/* --- parameters ------------------------------------------------------------------------------- */

const char *param(const struct call *c, const char *name); /* NULL: absent */
bool param_bool(const struct call *c, const char *name, bool dflt); /* docker's: "", 0, no, false, none are false */
/* A decimal number, dflt if absent or empty; ERR_INVALID as docker's strconv text. */
int param_int(const struct call *c, const char *name, int64_t dflt, int64_t *ret, struct err *err) MUST_USE;
/* Unix seconds with fraction, RFC 3339, or a duration meaning ago; 0 if absent, empty or "0". */
int param_moment(const struct call *c, const char *name, int64_t *ret_ns, struct err *err) MUST_USE;
void param_all(const struct call *c, const char *name, struct strv *ret);
int param_filters(const struct call *c, struct filters *ret, struct err *err) MUST_USE;
json_t *filters_json(const struct filters *f); /* {"k":["v"]}; never NULL; the caller decrefs */
/* ERR_INVALID unless a JSON body came. */
int need_body(const struct call *c, struct err *err) MUST_USE;

/* --- streams of JSON lines: progress of what takes long ------------------------------------------ */

/*
 * Begins the answer with the first line written (200, application/json). Any one thread writes;
 * progress lines are dropped while a slow client has much to read.
 */
struct jstream;
struct jstream *jstream_new(struct call *c);
bool jstream_gone(struct jstream *js); /* the client left */
void jstream_write(struct jstream *js, json_t *line); /* takes line */
void jstream_progress(struct jstream *js, const char *status, const char *id, int64_t current, int64_t total);
/* Ends it, and frees: with err as status code if nothing was written, else as an error line. */
void jstream_end(struct jstream *js, const struct err *err);

/* --- between resources ------------------------------------------------------------------------- */

/* The "Images" part of /system/df, and the bytes of all layers. */
json_t *images_disk_usage(struct call *c, int64_t *ret_layers, struct err *err);
/* Tells the events of an image. */
void publish_image(struct call *c, const char *action, const char *id, const char *name);
/*
 * Answers with what write_fn writes to a pipe, while it runs. If it fails, the client sees that
 * the answer is cut.
 */
int send_tar(struct call *c, const char *type, int (*write_fn)(void *ctx, int fd, struct err *err), void *ctx,
	     struct err *err) MUST_USE;
/* "Content-Type" of a raw or multiplexed stream for this client. */
const char *stream_type(const struct call *c, bool tty);
