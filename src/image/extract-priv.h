/*
 * extract-priv.h - the parts of the extractor: paths, entries, the map
 */
#pragma once

#include <sys/types.h>

#include "base/str.h"
#include "codec/tar.h"
#include "image/extract.h"

#define PARENT_CACHE 8

struct late_dir { /* times and modes of directories are set at the end */
	char *path;
	uint32_t mode;
	int64_t mtime;
	uint32_t mtime_ns;
};

struct parent {
	char *path;
	int fd;
	unsigned used;
};

struct extract {
	int root, report_fd;
	unsigned flags;
	struct parent cache[PARENT_CACHE];
	unsigned clock;
	struct late_dir *dirs;
	size_t ndirs, dirs_cap;
	int file;	       /* the one being written, or -1 */
	char *path;	       /* of the entry at hand, cleaned */
	struct tar_entry late; /* owner, mode and so on of that file, set when it is whole */
	int64_t size, entries;
	bool inexact;
	struct err *err;
};

/* ---- paths (extract-path.c) ---- */

/* Cleans name lexically; "" is the directory itself. NULL with err set if it leads out. */
char *extract_clean(const char *name, const char *what, struct err *err);
/* The directory that path is in (made if absent) and the last part; -1 with err set. */
int extract_parent(struct extract *x, const char *path, const char **ret_base);
/* A directory by path below the root, O_PATH; -errno. */
int extract_open_dir(struct extract *x, const char *path);
void extract_forget(struct extract *x); /* after something was replaced */
/* Removes what is there to make room; a directory with all below it. -errno. */
int extract_replace(struct extract *x, int dirfd, const char *base);

/* ---- entries (extract-entry.c) ---- */

int extract_entry(struct extract *x, const struct tar_entry *e);
int extract_data(struct extract *x, const struct tar_data *d);
int extract_file_end(struct extract *x); /* the open file is whole */
int extract_finish(struct extract *x);	 /* directories' times and modes */

/* ---- the map (extract-map.c) ---- */

struct extract_map;
struct extract_map *extract_map_new(int fd);
void extract_map_free(struct extract_map *m); /* NULL is fine */
int extract_map_raw(struct extract_map *m, const void *p, size_t n, struct err *err);
int extract_map_file(struct extract_map *m, const char *path, struct err *err);
int extract_map_data(struct extract_map *m, int64_t offset, int64_t n, struct err *err);
int extract_map_end(struct extract_map *m, struct err *err);
