/*
 * extract.h - one tar stream into one directory: what cove-unpack does
 */
#pragma once

#include "image/helper.h"

#define EXTRACT_ENTRIES_MAX 4000000
#define EXTRACT_BYTES_MAX   ((int64_t)1 << 40)

/*
 * Unpacks the tar on fd in below the directory root. Opaque directories are reported on
 * report_fd as they come; map_fd -1: no map. ret->err tells what went wrong; returns 0 or -1.
 */
int extract(int in, int root, int report_fd, int map_fd, unsigned flags, struct unpack_report *ret);
