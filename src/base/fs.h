/*
 * fs.h - files and directories by descriptor; whole reads and writes; crash-safe replacement
 *
 * Every function returns >= 0 or -errno. Calls take (dirfd, name); AT_FDCWD is allowed for
 * paths of our own. Not for paths inside a container's root: see sys/mnt.h.
 */
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include "base/str.h"

/* All n bytes, whatever interrupts. read: fewer only at the end of the file. */
int fs_write_full(int fd, const void *data, size_t n) MUST_USE;
ssize_t fs_read_full(int fd, void *data, size_t n) MUST_USE;

/* The whole file, at most max bytes (-EFBIG past that), appended to *ret. */
int fs_read_file(int dirfd, const char *name, size_t max, struct buf *ret) MUST_USE;
int fs_read_fd(int fd, size_t max, struct buf *ret) MUST_USE;

/* A small kernel file (proc, sys, cgroup): one open, one write. */
int fs_write_kernel(int dirfd, const char *name, const char *value) MUST_USE;

enum { FS_DURABLE = 1 }; /* fsync the file and its directory */

/* Temporary, write, (fsync,) rename over name, (fsync of the directory). */
int fs_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode, int flags) MUST_USE;

int fs_mkdir_p(int dirfd, const char *path, mode_t mode) MUST_USE; /* existing is fine */
int fs_open_dir(int dirfd, const char *path) MUST_USE; /* O_DIRECTORY|O_RDONLY|O_CLOEXEC|O_NOFOLLOW on the last part */

/*
 * A regular file for reading, O_CLOEXEC; a link is not followed, and nothing of another kind is ever
 * opened, whoever exchanges the name meanwhile: -ENOENT. The second by its O_PATH descriptor.
 */
int fs_open_regular(int dirfd, const char *name) MUST_USE;
int fs_reopen_regular(int fd) MUST_USE;

/* Removes name and all below it without following links or crossing mounts; absent is fine. */
int fs_remove_tree(int dirfd, const char *name) MUST_USE;

/* Calls fn for each entry but . and ..; stops when it returns non-zero, and returns that. */
int fs_each_entry(int dirfd, const char *name,
		  int (*fn)(void *ctx, int dirfd, const char *name, unsigned char d_type), void *ctx);

bool fs_exists(int dirfd, const char *name);
int fs_nonblock(int fd, bool on);
int fs_cloexec(int fd, bool on);
/* readlink into a new string, or NULL with errno */
char *fs_readlink(int dirfd, const char *name);
/* Lexical: removes ".", "..", double slashes; absolute stays absolute. Caller frees. */
char *path_clean(const char *path);
char *path_join(const char *a, const char *b); /* a + "/" + b, without cleaning */
const char *path_base(const char *path);	/* after the last slash */
