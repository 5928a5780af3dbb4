/*
 * logger.h - a container's log file: lines out of two streams, docker's json-file bytes, rotation
 */
#pragma once

#include "shim/shim.h"

#define LOG_CHUNK 16384 /* a line longer than this is logged in pieces, as docker does */

/* The unfinished line of one stream. */
struct splitter {
	uint8_t *part; /* LOG_CHUNK bytes while one is pending, else NULL */
	size_t len;
	int64_t first_ns; /* time of a line's first piece, once it was cut; else 0 */
};

struct logger {
	enum shim_log_driver driver;
	int fd; /* -1: closed, or cannot be written */
	char *path;
	char *attrs; /* `"attrs":{...},` or "" */
	size_t attrs_len;
	int64_t size, max_size; /* max_size -1: no rotation */
	uint32_t max_files;
	int error; /* of the last failed write or open; 0: none. Reset by who reports it */
	uint8_t *out; /* LOG_OUT bytes, given by the owner */
	size_t out_len;
};

#define LOG_OUT (320u << 10)

/* out: LOG_OUT bytes of scratch memory that must live as long as l. */
int logger_open(struct logger *l, const struct shim_log *cfg, uint8_t *out, struct err *err) MUST_USE;
void logger_close(struct logger *l);

/* Takes n bytes of stream (1 stdout, 2 stderr) read at now_ns; whole lines are in the file when
 * it returns. */
void logger_feed(struct logger *l, struct splitter *sp, int stream, const uint8_t *p, size_t n,
		 int64_t now_ns);
/* The stream has ended: logs the unfinished line, without newline, as docker does. */
void logger_end(struct logger *l, struct splitter *sp, int stream, int64_t now_ns);

/* One record appended to out (room for 6 * n + LOG_LINE_MAX); returns its bytes. */
#define LOG_LINE_MAX (256 + 16384)
size_t logger_json_escape(uint8_t *out, const uint8_t *p, size_t n);
