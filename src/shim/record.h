/*
 * record.h - the state and exit records on disk
 */
#pragma once

#include "shim/shim.h"

#define RECORD_CGROUP_MAX 256

/* Fills id, boot id and the calling process as the shim. */
void record_init(struct shim_record *rec, const char *id);

/* cgroup: the container's path, "" for none. durable: fsync. 0 or -errno. */
int record_write(int dirfd, const char *name, const struct shim_record *rec, const char *cgroup,
		 bool durable) MUST_USE;

/* ERR_NOT_FOUND: no such file; ERR_CORRUPT. ret_cgroup may be NULL. */
int record_read(int dirfd, const char *name, struct shim_record *ret,
		char ret_cgroup[RECORD_CGROUP_MAX], struct err *err) MUST_USE;

/* Checks what a file holds. For the reader and its fuzz target. */
int record_parse(const void *data, size_t n, struct shim_record *ret,
		 char ret_cgroup[RECORD_CGROUP_MAX], struct err *err) MUST_USE;
