/*
 * mnt.c - the mount API by descriptor
 */
#include "sys/mnt.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MS_REC
#define MS_REC 16384
#endif

static int result(long r)
{
	return r < 0 ? -errno : (int)r;
}

int mount_fs_open(const char *fstype)
{
	return result(syscall(SYS_fsopen, fstype, FSOPEN_CLOEXEC));
}

int mount_fs_string(int ctx, const char *key, const char *value)
{
	return result(syscall(SYS_fsconfig, ctx, FSCONFIG_SET_STRING, key, value, 0));
}

int mount_fs_option(int ctx, const char *option)
{
	const char *eq = strchr(option, '=');
	char key[64];

	if (!eq)
		return result(syscall(SYS_fsconfig, ctx, FSCONFIG_SET_FLAG, option, NULL, 0));
	if ((size_t)(eq - option) >= sizeof(key))
		return -EINVAL;
	memcpy(key, option, (size_t)(eq - option));
	key[eq - option] = 0;
	return mount_fs_string(ctx, key, eq + 1);
}

int mount_fs_finish(int ctx, uint64_t attrs)
{
	if (syscall(SYS_fsconfig, ctx, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	return result(syscall(SYS_fsmount, ctx, FSMOUNT_CLOEXEC, (unsigned)attrs));
}

void mount_fs_message(int ctx, char *ret, size_t size)
{
	char text[256];
	ssize_t n = read(ctx, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = 0;
	text[strcspn(text, "\n")] = 0;
	snprintf(ret, size, "%s", n > 2 && text[1] == ' ' ? text + 2 : text); /* "e why" */
}

int mount_clone(int dirfd, const char *path, bool recursive, bool nofollow)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_NO_AUTOMOUNT;

	if (!*path)
		flags |= AT_EMPTY_PATH;
	if (recursive)
		flags |= AT_RECURSIVE;
	if (nofollow)
		flags |= AT_SYMLINK_NOFOLLOW;
	return result(syscall(SYS_open_tree, dirfd, path, flags));
}

int mount_attach(int mnt, int target)
{
	return result(syscall(SYS_move_mount, mnt, "", target, "",
			      MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}

int mount_set(int fd, uint64_t set, uint64_t clear, uint64_t propagation, bool recursive)
{
	struct mount_attr attr = {
		.attr_set = set, .attr_clr = clear, .propagation = propagation & ~(uint64_t)MS_REC};

	if (!set && !clear && !propagation)
		return 0;
	if (set & MOUNT_ATTR__ATIME)
		attr.attr_clr |= MOUNT_ATTR__ATIME;
	return result(syscall(SYS_mount_setattr, fd, "",
			      AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)));
}

int mount_idmap(int fd, int userns, bool recursive)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)userns};

	return result(syscall(SYS_mount_setattr, fd, "",
			      AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr, sizeof(attr)));
}
