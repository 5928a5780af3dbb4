/*
 * mount.c - options of the local driver: type, device and o, as mount(8) has them
 *
 * (1) Without options a volume is a plain directory and nothing is ever mounted.
 * (2) Options that would be ignored are refused.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "volume/private.h"

static const struct {
	const char *name;
	unsigned long set, clear;
} mount_flags[] = {
	{"defaults", 0, 0},
	{"ro", MS_RDONLY, 0},
	{"rw", 0, MS_RDONLY},
	{"nosuid", MS_NOSUID, 0},
	{"suid", 0, MS_NOSUID},
	{"nodev", MS_NODEV, 0},
	{"dev", 0, MS_NODEV},
	{"noexec", MS_NOEXEC, 0},
	{"exec", 0, MS_NOEXEC},
	{"sync", MS_SYNCHRONOUS, 0},
	{"async", 0, MS_SYNCHRONOUS},
	{"dirsync", MS_DIRSYNC, 0},
	{"noatime", MS_NOATIME, 0},
	{"atime", 0, MS_NOATIME},
	{"nodiratime", MS_NODIRATIME, 0},
	{"diratime", 0, MS_NODIRATIME},
	{"relatime", MS_RELATIME, 0},
	{"norelatime", 0, MS_RELATIME},
	{"strictatime", MS_STRICTATIME, 0},
	{"bind", MS_BIND, 0},
	{"rbind", MS_BIND | MS_REC, 0},
};

static const char *get(const json_t *options, const char *key)
{
	return str_or(json_string_value(json_object_get(options, key)));
}

int options_check(const char *name, const json_t *options, struct err *err)
{
	static const char *const known[] = {"type", "o", "device"};
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)options, key, v) {
		size_t i = 0;

		while (i < ARRAY_LEN(known) && !streq(key, known[i]))
			i++;
		if (streq(key, "size"))
			return err_set(err, ERR_UNSUPPORTED, "create %s: quota size requested but no quota support",
				       name);
		if (i == ARRAY_LEN(known))
			return err_set(err, ERR_INVALID, "create %s: invalid option: \"%.128s\"", name, key);
	}
	if (json_object_size(options) == 0)
		return 0;
	if (!*get(options, "device"))
		return err_set(err, ERR_INVALID, "create %s: missing required option: \"device\"", name);
	if (!*get(options, "type"))
		return err_set(err, ERR_INVALID, "create %s: missing required option: \"type\"", name);
	return 0;
}

bool options_mount(const json_t *options)
{
	return *get(options, "device") != '\0';
}

/* Flags out of a list like "bind,ro,size=1m"; the rest is the file system's. */
static unsigned long split_options(const char *text, struct buf *rest)
{
	AUTO(strv) struct strv words = {};
	unsigned long flags = 0;

	if (*text)
		strv_split(&words, text, ',');
	strv_for_each(w, &words) {
		size_t i = 0;

		while (i < ARRAY_LEN(mount_flags) && !streq(w, mount_flags[i].name))
			i++;
		if (i < ARRAY_LEN(mount_flags))
			flags = (flags & ~mount_flags[i].clear) | mount_flags[i].set;
		else if (*w)
			buf_addf(rest, "%s%s", rest->len ? "," : "", w);
	}
	return flags;
}

int data_mount(const struct volume *vol, const char *path, struct err *err)
{
	const char *device = get(vol->options, "device"), *type = get(vol->options, "type");
	AUTO(buf) struct buf rest = {};
	unsigned long flags = split_options(get(vol->options, "o"), &rest);

	if (mount(device, path, type, flags, rest.p) < 0)
		return err_sys(err, errno, "failed to mount local volume: mount %s:%s, data: %.256s", device, path,
			       str_or(rest.p));
	/* a bind takes its other flags only from a second call */
	if ((flags & MS_BIND) && (flags & ~(unsigned long)(MS_BIND | MS_REC)) &&
	    mount(NULL, path, NULL, flags | MS_REMOUNT, NULL) < 0) {
		int saved = errno;

		umount2(path, MNT_DETACH);
		return err_sys(err, saved, "failed to mount local volume: remount %s", path);
	}
	return 0;
}

int data_unmount(const char *path, struct err *err)
{
	if (umount2(path, MNT_DETACH) < 0)
		return err_sys(err, errno, "unmount %s", path);
	return 0;
}

bool is_mounted(const char *path)
{
	struct statx stx;

	return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, 0, &stx) == 0 &&
	       (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}
