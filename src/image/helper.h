/*
 * helper.h - between coved and its helpers cove-fetch and cove-unpack: arguments, reports
 *
 * Both are the same build and the same machine, so structs cross the pipes as they are; what a
 * helper reports is checked nevertheless: it has parsed hostile bytes.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

/*
 * cove-fetch: 0 the input, 1 the output (a pipe), 3 the report; no arguments.
 * cove-unpack: 0 the tar, 3 reports, 4 the directory, 5 the map (with UNPACK_F_MAP);
 * one argument: the flags as a decimal number.
 */
enum { HELPER_REPORT_FD = 3, HELPER_DIR_FD = 4, HELPER_MAP_FD = 5 };

enum { UNPACK_F_LAYER = 1, UNPACK_F_ARCHIVE = 2, UNPACK_F_MAP = 8 };

#define HELPER_MAGIC 0x636f7631u

struct fetch_report {
	uint32_t magic;
	struct err err;
	char digest[65]; /* hex SHA-256 of the input */
	int64_t in_size, out_size;
};

/* On the wire: records of a type and a length; REPORT_END comes last. */
enum {
	REPORT_OPAQUE = 'O', /* a path below the directory: to be marked opaque */
	REPORT_END = 'E'
}; /* struct unpack_report */

struct report_head {
	uint32_t type, length;
};

struct unpack_report {
	uint32_t magic;
	struct err err;
	char digest[65]; /* hex SHA-256 of the tar */
	uint8_t inexact; /* the map does not give the tar again: a file was replaced in it */
	int64_t tar_size, size, entries;
};

/* The map: zstd of records, each a struct map_head and then length bytes for RAW and FILE. */
enum {
	MAP_RAW = 'R',	/* these bytes */
	MAP_FILE = 'F', /* the path of the file whose data follow */
	MAP_DATA = 'D'
}; /* length bytes of it from offset */

struct map_head {
	uint32_t type, pad;
	int64_t length, offset;
};
