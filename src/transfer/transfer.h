/*
 * transfer.h - images in and out: import, load, save, export, commit
 *
 * All of it blocks: call on a worker. Whatever fails or is killed leaves nothing visible.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "image/image.h"

/*
 * Progress for the API's JSON stream. id may be NULL; total 0: unknown. E.g. ("Loading layer",
 * "a1b2c3d4e5f6", 512, 1024), and plain messages with current = total = 0. May be NULL. A non-zero
 * return cancels (ERR_CANCELLED).
 */
typedef int transfer_progress_fn(void *ctx, const char *status, const char *id, int64_t current,
				 int64_t total);
struct transfer_progress {
	transfer_progress_fn *fn;
	void *ctx;
};

struct transfer_import {
	int fd;			    /* the root file system's tar, any compression; borrowed */
	const char *repo;	    /* "debian", "debian:bookworm" or NULL or "" */
	const char *tag;	    /* or NULL or "" */
	const char *message;	    /* comment; NULL: "Imported from -" */
	const char *source;	    /* for the default message; NULL: "-" */
	const struct strv *changes; /* Dockerfile lines, or NULL */
	const char *platform;	    /* "os/arch[/variant]" or NULL: this machine's */
};
/* *ret_id: the new image. */
int transfer_import(struct image_store *store, const struct transfer_import *in,
		    const struct transfer_progress *progress, char ret_id[IMAGE_ID_SIZE],
		    struct err *err) MUST_USE;

struct transfer_loaded {
	struct strv names; /* familiar names now pointing at loaded images */
	struct strv ids;   /* ids of images loaded without a name */
};
void transfer_loaded_done(struct transfer_loaded *l);

/*
 * docker-archive (old and new) and OCI layout, as tars of any compression. platform as above.
 * The API prints "Loaded image: NAME" for each of names and "Loaded image ID: ID" for ids.
 */
int transfer_load(struct image_store *store, int fd, const char *platform,
		  const struct transfer_progress *progress, struct transfer_loaded *ret,
		  struct err *err) MUST_USE;

/*
 * Writes docker-archive and OCI layout in one, as docker 25 and later do, to fd (borrowed; a pipe
 * or file; EPIPE is ERR_CANCELLED). Call transfer_save_check() first to answer errors before the
 * first byte.
 */
int transfer_save(struct image_store *store, const struct strv *names, int fd,
		  struct err *err) MUST_USE;
int transfer_save_check(struct image_store *store, const struct strv *names,
			struct err *err) MUST_USE;

/*
 * A container's merged tree as a tar: layers as absolute paths TOP FIRST in overlay's format
 * (the container's upper directory, then image->layers). Pseudo file systems are not in it.
 */
int transfer_export(const struct strv *layers, int fd, struct err *err) MUST_USE;

/*
 * Applies Dockerfile lines (CMD ENTRYPOINT ENV EXPOSE WORKDIR USER LABEL VOLUME ONBUILD STOPSIGNAL
 * HEALTHCHECK) to a config in docker's terms ("Env", "Cmd", ... as in inspect), JSON to JSON.
 * *ret: caller frees. ERR_INVALID with docker's texts.
 */
int transfer_apply_changes(const char *config_json, const struct strv *changes, char **ret,
			   struct err *err) MUST_USE;

struct transfer_commit {
	const char *upper;	      /* absolute path of the container's upper directory */
	const char *parent;	      /* the container's image id */
	const char *container;	      /* its id, for the history */
	const char *config;	      /* JSON: docker's Config object of the container */
	const char *author, *comment; /* or NULL */
	const struct strv *changes;   /* or NULL */
	const char *repo, *tag;	      /* or NULL */
};
int transfer_commit(struct image_store *store, const struct transfer_commit *in,
		    char ret_id[IMAGE_ID_SIZE], struct err *err) MUST_USE;
