/*
 * copy.c - a copy of a directory tree with everything that belongs to it
 *
 * The source is an image's tree: hostile. Every step takes one name below an open directory and
 * follows no link.
 *
 * (1) Nothing outside the two trees is ever read or written.
 * (2) Files with the same inode become one file again.
 * (3) Owner first, then xattrs, then mode: a change of owner takes away capabilities and set-id bits.
 * (4) Overlay's own xattrs are not copied.
 * (5) A destination that another container has mounted may change under us: what was made is
 *     looked at again by descriptor before it gets its mode, and links are made below real
 *     directories only.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "volume/private.h"

#define DEPTH_MAX  1000
#define XATTRS_MAX (64 * 1024)

struct copy {
	int top; /* of the destination */
	struct map links; /* "dev:ino" to a path below top */
	struct buf path; /* of the current directory below top, "" or ending in a slash */
	unsigned depth;
};

static int copy_one(struct copy *c, int src, int dst, const char *name);

struct each {
	struct copy *c;
	int dst;
};

static int copy_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	const struct each *each = ctx;

	return copy_one(each->c, dirfd, each->dst, name);
}

/* A path that reaches name in dir without following it, for calls that take no descriptor. */
static void link_path(char ret[PATH_MAX], int dir, const char *name)
{
	snprintf(ret, PATH_MAX, "/proc/self/fd/%d/%s", dir, name);
}

static bool is_overlay_xattr(const char *name)
{
	return str_after(name, "trusted.overlay.") || str_after(name, "user.overlay.");
}

static int copy_xattr(const char *from, const char *to, const char *key)
{
	AUTO(free) char *value = xmalloc(XATTRS_MAX);
	ssize_t n = lgetxattr(from, key, value, XATTRS_MAX);

	if (n < 0)
		return errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	if (lsetxattr(to, key, value, (size_t)n, 0) < 0 && errno != ENOTSUP && errno != EPERM)
		return -errno;
	return 0;
}

static int copy_xattrs(const char *from, const char *to)
{
	AUTO(free) char *keys = xmalloc(XATTRS_MAX);
	ssize_t n = llistxattr(from, keys, XATTRS_MAX);
	int r = 0;

	if (n < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *k = keys; k < keys + n && r == 0; k += strlen(k) + 1)
		if (!is_overlay_xattr(k)) /* (4) */
			r = copy_xattr(from, to, k);
	return r;
}

/* (3) */
static int copy_attributes(int src, int dst, const char *name, const struct stat *st)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};
	char from[PATH_MAX], to[PATH_MAX];
	int r;

	AUTO(close) int at = openat(dst, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat made;

	if (at < 0 || fstat(at, &made) < 0)
		return -errno;
	if ((made.st_mode & S_IFMT) != (st->st_mode & S_IFMT))
		return -EAGAIN; /* (5) */
	if (fchownat(at, "", st->st_uid, st->st_gid, AT_EMPTY_PATH) < 0)
		return -errno;
	link_path(from, src, name);
	link_path(to, dst, name);
	r = copy_xattrs(from, to);
	if (r < 0)
		return r;
	snprintf(to, sizeof(to), "/proc/self/fd/%d", at);
	if (!S_ISLNK(st->st_mode) && chmod(to, st->st_mode & 07777) < 0)
		return -errno;
	if (utimensat(dst, name, times, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return 0;
}

static int copy_range(int in, int out, off_t from, off_t to)
{
	off_t pos = from;

	if (lseek(out, from, SEEK_SET) < 0)
		return -errno;
	while (pos < to) {
		ssize_t n = copy_file_range(in, &pos, out, NULL, (size_t)(to - pos), 0);

		if (n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS))
			n = sendfile(out, in, &pos, (size_t)MIN(to - pos, 1 << 30));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0) /* the file became shorter */
			break;
	}
	return 0;
}

static int copy_content(int in, int out, off_t size)
{
	off_t data = 0, hole;
	int r;

	if (ioctl(out, FICLONE, in) == 0)
		return 0;
	if (ftruncate(out, size) < 0)
		return -errno;
	while (data < size) {
		data = lseek(in, data, SEEK_DATA);
		if (data < 0)
			return errno == ENXIO ? 0 : -errno; /* only a hole is left */
		hole = lseek(in, data, SEEK_HOLE);
		if (hole < 0)
			return -errno;
		r = copy_range(in, out, data, hole);
		if (r < 0)
			return r;
		data = hole;
	}
	return 0;
}

static int copy_file(struct copy *c, int src, int dst, const char *name, const struct stat *st)
{
	AUTO(close) int in = openat(src, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO(close) int out = -1;
	struct stat now;

	if (in < 0)
		return -errno;
	if (fstat(in, &now) < 0 || !S_ISREG(now.st_mode))
		return -EAGAIN; /* it was another kind of file a moment ago */
	out = openat(dst, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (out < 0)
		return -errno;
	return copy_content(in, out, now.st_size);
}

static int copy_dir(struct copy *c, int src, int dst, const char *name, const struct stat *st)
{
	AUTO(close) int from = fs_open_dir(src, name);
	AUTO(close) int to = -1;
	size_t len = c->path.len;
	int r;

	if (from < 0)
		return from;
	if (c->depth >= DEPTH_MAX)
		return -ELOOP;
	if (mkdirat(dst, name, 0700) < 0)
		return -errno;
	to = fs_open_dir(dst, name);
	if (to < 0)
		return to;
	buf_addf(&c->path, "%s/", name);
	c->depth++;
	r = fs_each_entry(from, ".", copy_entry, &(struct each){c, to});
	c->depth--;
	c->path.len = len;
	if (c->path.p)
		c->path.p[len] = '\0';
	return r;
}

static int copy_symlink(struct copy *c, int src, int dst, const char *name, const struct stat *st)
{
	AUTO(free) char *target = fs_readlink(src, name);

	if (!target)
		return -errno;
	return symlinkat(target, dst, name) < 0 ? -errno : 0;
}

static int copy_special(struct copy *c, int src, int dst, const char *name, const struct stat *st)
{
	return mknodat(dst, name, (st->st_mode & S_IFMT) | 0600, st->st_rdev) < 0 ? -errno : 0;
}

/* (5) */
static int link_to(int top, const char *before, int dst, const char *name)
{
	const char *base = path_base(before);
	AUTO(free) char *dir = xstrndup(before, (size_t)(base - before));
	struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	AUTO(close) int up = (int)syscall(SYS_openat2, top, *dir ? dir : ".", &how, sizeof(how));

	if (up < 0 || linkat(up, base, dst, name, 0) < 0)
		return -errno;
	return 1;
}

/* (2): 1 if it was linked to a copy made before. */
static int link_again(struct copy *c, int dst, const char *name, const struct stat *st)
{
	AUTO(free) char *key = xasprintf("%llx:%llx", (unsigned long long)st->st_dev,
					 (unsigned long long)st->st_ino);
	const char *before = map_get(&c->links, key);

	if (before)
		return link_to(c->top, before, dst, name);
	map_set(&c->links, key, xasprintf("%s%s", str_or(c->path.p), name));
	return 0;
}

static int copy_one(struct copy *c, int src, int dst, const char *name)
{
	int (*copy)(struct copy *, int, int, const char *, const struct stat *) = copy_special;
	struct stat st;
	int r = 0;

	if (fstatat(src, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISDIR(st.st_mode) && st.st_nlink > 1)
		r = link_again(c, dst, name, &st);
	if (r != 0)
		return r < 0 ? r : 0;
	if (S_ISREG(st.st_mode))
		copy = copy_file;
	else if (S_ISDIR(st.st_mode))
		copy = copy_dir;
	else if (S_ISLNK(st.st_mode))
		copy = copy_symlink;
	r = copy(c, src, dst, name, &st);
	return r < 0 ? r : copy_attributes(src, dst, name, &st);
}

int copy_tree(int src, int dst)
{
	struct copy c = {.top = dst, .links = {.free_value = free}};
	struct each each = {&c, dst};
	struct stat st;
	int r;

	if (fstat(src, &st) < 0)
		return -errno;
	r = fs_each_entry(src, ".", copy_entry, &each);
	if (r >= 0)
		r = copy_attributes(src, dst, ".", &st);
	map_done(&c.links);
	buf_done(&c.path);
	return r;
}

struct sum {
	uint64_t bytes;
	unsigned depth;
};

static int add_size(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	struct sum *sum = ctx;
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode)) {
		if (sum->depth++ < DEPTH_MAX)
			ignore_result(fs_each_entry(dirfd, name, add_size, sum)); /* it may be gone meanwhile */
		sum->depth--;
	} else {
		sum->bytes += (uint64_t)st.st_size / MAX(st.st_nlink, 1u); /* each link its part */
	}
	return 0;
}

uint64_t tree_size(int dirfd, const char *name)
{
	struct sum sum = {};

	ignore_result(fs_each_entry(dirfd, name, add_size, &sum)); /* a removed one takes nothing */
	return sum.bytes;
}
