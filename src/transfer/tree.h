/*
 * tree.h - directories in overlay's format as a tar: merged, or one alone with whiteouts
 */
#pragma once

#include "base/str.h"

/*
 * layers: absolute paths, top first. whiteouts: exactly one layer, its whiteouts and opaque marks
 * become OCI's; else they hide what is below and do not show. Sorted, so that the same tree gives
 * the same bytes. *ret_entries may be NULL. EPIPE is ERR_CANCELLED.
 */
int tree_write(const struct strv *layers, bool whiteouts, int fd, int64_t *ret_entries,
	       struct err *err) MUST_USE;
