/*
 * calls.h - the API calls commands make, without ceremony
 */
#pragma once

#include "cli/cli.h"

/* "/containers/NAME/suffix", NAME escaped, appended. suffix may be "". */
void path_container(struct buf *path, const char *name, const char *suffix);
void path_object(struct buf *path, const char *collection, const char *name, const char *suffix);

/* One call by the command's client; ret may be NULL. HTTP status or -1. */
int call(struct cli *cli, const char *method, const char *path, json_t *body, json_t **ret,
	 struct err *err) MUST_USE;

/* The "Warnings" of an answer, as docker shows them: to standard error. */
void show_warnings(json_t *answer);
/* "sha256:" and so on cut: what `-q`-like outputs print. Static lifetime as id. */
int print_line(const char *s); /* to standard output; returns 0 */

/*
 * The JSON messages of pull, push, load and import: progress on a terminal is drawn in place,
 * else one line per change; quiet shows nothing. The daemon's error ends it: -1.
 */
struct progress;
struct client_stream;
int show_progress(struct client_stream *s, int fd, bool quiet,
		  void (*aux)(void *ctx, json_t *aux), void *ctx, struct err *err) MUST_USE;
/* A reference's parts for the image API: name ("docker.io/library/" cut as typed) and tag or
 * digest; tag "latest" unless all. ERR_INVALID with docker's text. */
int split_reference(const char *ref, bool all_tags, char **ret_name, char **ret_tag,
		    struct err *err) MUST_USE;
/* POST /images/create with progress to fd 2 or 1. */
int pull_image(struct cli *cli, const char *ref, const char *platform, bool all_tags, bool quiet,
	       int fd, struct err *err) MUST_USE;
/*
 * POST /<collection>/prune: prints "Deleted <title>:" with the names under key, if any, and adds
 * to *reclaimed. filters may be empty.
 */
int prune(struct cli *cli, const char *collection, const struct strv *filters, const char *key,
	  const char *title, int64_t *reclaimed, struct err *err) MUST_USE;
/* Opens a file to read ("-" or "" is standard input), or to write; docker's texts. */
int open_input(const char *path, struct err *err) MUST_USE;
/* A finished download in a file that appears only when it is whole; "" is standard output, which
 * may not be a terminal. */
int download(struct cli *cli, const char *api_path, const char *file, const char *verb,
	     struct err *err) MUST_USE;
/* The space a prune gave back: "Total reclaimed space: 1.2MB". */
void print_reclaimed(int64_t bytes);
