/*
 * copy.h - files between here and a container, as tar streams
 */
#pragma once

#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"

struct client_stream;

/*
 * Makes a tar of a local file or tree. root is the name its top gets in the tar ("" for the
 * contents of a directory alone). follow: the top itself may be a symlink to follow.
 */
struct copy_source;
int copy_source_new(const char *path, const char *root, bool follow, struct copy_source **ret,
		    struct err *err) MUST_USE;
void copy_source_free(struct copy_source *s);
/* For client_request.body_fn; ctx is the source. */
ssize_t copy_source_read(void *ctx, void *data, size_t n, struct err *err);
int64_t copy_source_bytes(const struct copy_source *s); /* of file data so far */

/*
 * Unpacks a tar, whose first path component becomes target. The tar is hostile: nothing is
 * written outside target, links included; devices are refused. owners: keep uid and gid.
 * *ret_bytes: file data written.
 */
int copy_unpack(struct client_stream *in, const char *target, bool owners, int64_t *ret_bytes,
		struct err *err) MUST_USE;
