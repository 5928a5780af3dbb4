/*
 * mnt.h - the mount API by descriptor, and paths inside a foreign root
 *
 * Descriptors returned are O_CLOEXEC; the caller closes them. All return >= 0 or -errno.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif

/* A file system context, for mount_fs_option() and mount_fs_finish(). -ENOSYS: no such API. */
int mount_fs_open(const char *fstype) MUST_USE;
/* "key=value", or "key" for a flag. */
int mount_fs_option(int ctx, const char *option) MUST_USE;
int mount_fs_string(int ctx, const char *key, const char *value) MUST_USE;
/* Makes the superblock and a mount of it that is attached nowhere; attrs: MOUNT_ATTR_*. */
int mount_fs_finish(int ctx, uint64_t attrs) MUST_USE;
/* What the kernel said about the last failure in ctx, or "". */
void mount_fs_message(int ctx, char *ret, size_t size);

/* A detached copy of the mount at path (of the file itself with an empty path). */
int mount_clone(int dirfd, const char *path, bool recursive, bool nofollow) MUST_USE;

/* Attaches a detached mount on top of the file or directory that target is. */
int mount_attach(int mnt, int target) MUST_USE;

/* Changes attributes of the mount that fd is; propagation MS_* or 0. */
int mount_set(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive) MUST_USE;
/* The owners seen through a detached mount are those of a user namespace. */
int mount_idmap(int fd, int userns, bool recursive) MUST_USE;

/*
 * beneath: paths inside a root that its inhabitants may have prepared. Symbolic links are
 * followed as if root were "/"; magic links never.
 */
enum {
	BENEATH_NOFOLLOW = 1, /* a link as last part fails (-ELOOP), or with O_PATH|O_NOFOLLOW is opened */
	BENEATH_NO_LINKS = 2, /* any link on the way fails */
	BENEATH_NO_XDEV = 4,  /* leave no mount */
};
int beneath_open(int root, const char *path, int flags, mode_t mode, unsigned how) MUST_USE;

/*
 * Opens path (O_PATH), making what is missing: directories with mode 0755 and, with make_file, an
 * empty file as last part. Goes through links that dangle, too. -EEXIST or -ENOTDIR if something
 * of the wrong kind is on the way.
 */
int beneath_make(int root, const char *path, bool make_file) MUST_USE;
