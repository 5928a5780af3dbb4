/*
 * tree.h - directories in overlay's format as a tar: merged, or one alone with whiteouts
 */
#pragma once

#include "base/str.h"

enum {
	TREE_WHITEOUTS = 1, /* one layer: its whiteouts and opaque marks become OCI's */
	TREE_CHANGES = 2,   /* the same, without what the engine puts into a container's upper */
};

/*
 * layers: absolute paths, top first. With flags 0 the layers are merged. Sorted, so that the same
 * tree gives the same bytes. *ret_entries may be NULL. EPIPE is ERR_CANCELLED.
 */
int transfer_tree_write(const struct strv *layers, unsigned flags, int fd, int64_t *ret_entries,
			struct err *err) MUST_USE;
