/*
 * extract-entry.c - one entry of a tar onto the disk
 *
 * (1) A name that exists is removed first, never written through: no link planted earlier in the
 *     tar receives the data, owner or mode of a later entry.
 * (2) Owner, then mode, then attributes, then times: each would undo the ones after it otherwise.
 * (3) With UNPACK_F_LAYER names that begin with ".wh." become overlay's whiteouts. Overlay's own
 *     attributes never come from the input; marks for opaque directories go to the report, as
 *     setting them takes a capability that we do not have.
 * (4) A directory's mode and times are set at the end; till then it has no set-group-id bit, so
 *     that new files take no group from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "image/extract-priv.h"

#define WHITEOUT      ".wh."
#define WHITEOUT_META ".wh..wh."
#define OPAQUE	      ".wh..wh..opq"

static int fail(struct extract *x, int errnum, const char *what)
{
	return err_sys(x->err, errnum, "unpack: %s '%.200s'", what, x->path);
}

static int refuse(struct extract *x, const char *why)
{
	return err_set(x->err, ERR_INVALID, "bad tar archive: '%.200s' %s", x->path, why);
}

static bool wanted_xattr(const char *name)
{
	return !str_after(name, "trusted.overlay.") && !str_after(name, "user.overlay.");
}

/* fd >= 0: on a file; else on the name base in the working directory. */
static int set_xattrs(struct extract *x, const struct tar_entry *e, int fd, const char *base)
{
	for (size_t i = 0; i < e->nxattrs; i++) {
		const struct tar_xattr *a = &e->xattrs[i];
		int r;

		if (!wanted_xattr(a->name) || x->flags & UNPACK_F_ARCHIVE)
			continue;
		if (fd >= 0)
			r = fsetxattr(fd, a->name, a->value, a->n, 0);
		else
			r = lsetxattr(base, a->name, a->value, a->n, 0);
		/* other file systems' labels may be impossible here; capabilities must not be lost
		 */
		if (r < 0 && ((errno != ENOTSUP && errno != EPERM && errno != EINVAL) ||
			      (errno != ENOTSUP && streq(a->name, "security.capability"))))
			return fail(x, errno, "set an extended attribute of");
	}
	return 0;
}

static void times_of(const struct tar_entry *e, struct timespec ts[2])
{
	ts[0] = ts[1] = (struct timespec){.tv_sec = e->mtime, .tv_nsec = e->mtime_ns};
}

static bool keep_owner(const struct extract *x, const struct tar_entry *e)
{
	return !(x->flags & UNPACK_F_ARCHIVE) && (e->uid || e->gid);
}

/* Owner, mode, attributes and times of something that is not a regular file or directory. */
static int finish_node(struct extract *x, const struct tar_entry *e, int dirfd, const char *base)
{
	struct timespec ts[2];

	if (keep_owner(x, e) && fchownat(dirfd, base, e->uid, e->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(x, errno, "set the owner of");
	if (e->type != TAR_SYMLINK && fchmodat(dirfd, base, e->mode, 0) < 0)
		return fail(x, errno, "set the mode of");
	if (e->nxattrs) {
		if (fchdir(dirfd) < 0)
			return fail(x, errno, "enter the directory of");
		if (set_xattrs(x, e, -1, base) < 0)
			return -1;
	}
	times_of(e, ts);
	if (utimensat(dirfd, base, ts, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(x, errno, "set the times of");
	return 0;
}

/* ---- regular files ---- */

static int open_new(int dirfd, const char *base, mode_t mode)
{
	int fd = openat(dirfd, base, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	return fd < 0 ? -errno : fd;
}

static int make_file(struct extract *x, const struct tar_entry *e, int dirfd, const char *base)
{
	mode_t mode = keep_owner(x, e) || x->flags & UNPACK_F_ARCHIVE ? 0600 : e->mode;
	int fd = open_new(dirfd, base, mode), r;

	if (fd == -EEXIST) { /* (1) */
		r = extract_replace(x, dirfd, base);
		if (r < 0)
			return fail(x, -r, "replace");
		dirfd = extract_parent(x, x->path, &base);
		if (dirfd < 0)
			return -1;
		fd = open_new(dirfd, base, mode);
	}
	if (fd < 0)
		return fail(x, -fd, "make");
	x->file = fd;
	x->size += e->size;
	if (x->size > EXTRACT_BYTES_MAX)
		return err_set(x->err, ERR_INVALID, "bad tar archive: more than 1 TiB of files");
	x->late = *e;
	x->late.name = x->late.link = NULL;
	x->late.xattrs = NULL;
	x->late.pieces = NULL;
	if (e->pieces && ftruncate(fd, e->size) < 0)
		return fail(x, errno, "make");
	if (keep_owner(x, e) &&
	    (fchown(fd, e->uid, e->gid) < 0 || fchmod(fd, e->mode) < 0)) /* (2) */
		return fail(x, errno, "set the owner of");
	return 0;
}

/* Writing clears capabilities and set-id bits: attributes wait until the data are there. */
static int keep_xattrs(struct extract *x, const struct tar_entry *e)
{
	x->late.nxattrs = 0;
	if (!e->nxattrs)
		return 0;
	x->late.xattrs = xnew_n(struct tar_xattr, e->nxattrs);
	for (size_t i = 0; i < e->nxattrs; i++)
		x->late.xattrs[x->late.nxattrs++] = (struct tar_xattr){
			.name = xstrdup(e->xattrs[i].name),
			.value = xmemdup(e->xattrs[i].value, e->xattrs[i].n ? e->xattrs[i].n : 1),
			.n = e->xattrs[i].n};
	return 0;
}

int extract_data(struct extract *x, const struct tar_data *d)
{
	const char *p = d->p;
	size_t n = d->n;
	off_t at = d->offset;

	while (n > 0) {
		ssize_t w = pwrite(x->file, p, n, at);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return fail(x, errno, "write");
		}
		p += w;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int extract_file_end(struct extract *x)
{
	struct timespec ts[2];
	int r = 0;

	if (x->file < 0)
		return 0;
	times_of(&x->late, ts);
	if (x->late.mode & 06000 && fchmod(x->file, x->late.mode) < 0)
		r = fail(x, errno, "set the mode of");
	if (r == 0)
		r = set_xattrs(x, &x->late, x->file, NULL);
	if (r == 0 && futimens(x->file, ts) < 0)
		r = fail(x, errno, "set the times of");
	if (close(x->file) < 0 && r == 0)
		r = fail(x, errno, "write");
	x->file = -1;
	tar_entry_done(&x->late);
	return r;
}

/* ---- directories ---- */

static void remember_dir(struct extract *x, const struct tar_entry *e)
{
	if (x->ndirs == x->dirs_cap) {
		x->dirs_cap = x->dirs_cap ? x->dirs_cap * 2 : 256;
		x->dirs = xrealloc(x->dirs, x->dirs_cap * sizeof(*x->dirs));
	}
	x->dirs[x->ndirs++] = (struct late_dir){xstrdup(x->path), e->mode, e->mtime, e->mtime_ns};
}

static int send_opaque(struct extract *x, const char *path)
{
	struct report_head head = {REPORT_OPAQUE, (uint32_t)strlen(path)};

	if (fs_write_full(x->report_fd, &head, sizeof(head)) < 0 ||
	    fs_write_full(x->report_fd, path, head.length) < 0)
		return err_set(x->err, ERR_CANCELLED, "unpack: nobody listens");
	return 0;
}

/* EEXIST: fine if a directory; else replaced. A whiteout before it makes it opaque. */
static int over_existing(struct extract *x, int dirfd, const char *base)
{
	struct stat st;
	bool whiteout;
	int r;

	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(x, errno, "look at");
	if (S_ISDIR(st.st_mode))
		return 0;
	whiteout = S_ISCHR(st.st_mode) && st.st_rdev == 0;
	r = extract_replace(x, dirfd, base);
	if (r < 0)
		return fail(x, -r, "replace");
	dirfd = extract_parent(x, x->path, &base);
	if (dirfd < 0)
		return -1;
	if (mkdirat(dirfd, base, 0700) < 0)
		return fail(x, errno, "make directory");
	return whiteout && x->flags & UNPACK_F_LAYER ? send_opaque(x, x->path) : 0;
}

static int make_dir(struct extract *x, const struct tar_entry *e, int dirfd, const char *base)
{
	int fd, r = 0;

	if (*base && mkdirat(dirfd, base, 0700) < 0) {
		if (errno != EEXIST)
			return fail(x, errno, "make directory");
		if (over_existing(x, dirfd, base) < 0)
			return -1;
		dirfd = extract_parent(x, x->path, &base);
		if (dirfd < 0)
			return -1;
	}
	fd = openat(dirfd, *base ? base : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(x, errno, "open directory");
	if (!(x->flags & UNPACK_F_ARCHIVE) && fchown(fd, e->uid, e->gid) < 0)
		r = fail(x, errno, "set the owner of");
	if (r == 0)
		r = set_xattrs(x, e, fd, NULL);
	close(fd);
	remember_dir(x, e); /* (4) */
	return r;
}

int extract_finish(struct extract *x)
{
	int r = 0;

	while (x->ndirs > 0) {
		struct late_dir *d = &x->dirs[--x->ndirs];
		struct timespec ts[2] = {{d->mtime, d->mtime_ns}, {d->mtime, d->mtime_ns}};
		int fd = -1, up;
		const char *base;

		free(x->path);
		x->path = d->path;
		if (r < 0)
			continue;
		up = extract_parent(x, d->path, &base);
		if (up >= 0)
			fd = openat(up, *base ? base : ".",
				    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (up < 0 || fd < 0)
			continue; /* replaced by a later entry */
		if (fchmod(fd, x->flags & UNPACK_F_ARCHIVE ? 0700 : d->mode) < 0 ||
		    futimens(fd, ts) < 0)
			r = fail(x, errno, "set the times of");
		close(fd);
	}
	return r;
}

/* ---- the others ---- */

static int make_symlink(struct extract *x, const struct tar_entry *e, int dirfd, const char *base)
{
	if (symlinkat(e->link, dirfd, base) < 0)
		return -errno;
	x->size += (int64_t)strlen(e->link); /* as docker counts */
	return 0;
}

static int make_node(struct extract *x, const struct tar_entry *e, int dirfd, const char *base)
{
	static const mode_t kinds[] = {
		[TAR_CHAR] = S_IFCHR, [TAR_BLOCK_DEV] = S_IFBLK, [TAR_FIFO] = S_IFIFO};

	return mknodat(dirfd, base, kinds[e->type] | 0600, makedev(e->dev_major, e->dev_minor)) < 0
		       ? -errno
		       : 0;
}

static int make_hardlink(struct extract *x, const struct tar_entry *e, int dirfd, const char *base)
{
	AUTO(free) char *target = extract_clean(e->link, "link target", x->err);
	AUTO(close) int up = -1;
	const char *name;
	int fd;

	if (!target)
		return -1;
	if (!*target)
		return refuse(x, "is a hard link to the root directory");
	fd = extract_parent(x, target, &name);
	if (fd < 0)
		return -1;
	up = fcntl(fd, F_DUPFD_CLOEXEC, 6); /* the next look-up may drop it from the cache */
	dirfd = extract_parent(x, x->path, &base);
	if (dirfd < 0)
		return -1;
	if (streq(target, x->path))
		return refuse(x, "is a hard link to itself");
	if (linkat(up, name, dirfd, base, 0) == 0)
		return 0;
	if (errno == ENOENT)
		return err_set(
			x->err, ERR_INVALID,
			"bad tar archive: '%.200s' is a hard link to '%.200s', which is not there",
			x->path, target);
	return errno == EPERM ? refuse(x, "is a hard link to a directory") : -errno;
}

typedef int maker(struct extract *x, const struct tar_entry *e, int dirfd, const char *base);

static maker *const makers[] = {
	[TAR_HARDLINK] = make_hardlink, [TAR_SYMLINK] = make_symlink, [TAR_CHAR] = make_node,
	[TAR_BLOCK_DEV] = make_node,	[TAR_FIFO] = make_node,
};

static int make_other(struct extract *x, const struct tar_entry *e, int dirfd, const char *base)
{
	int r = makers[e->type](x, e, dirfd, base);

	if (r == -EEXIST) { /* (1) */
		r = extract_replace(x, dirfd, base);
		if (r < 0)
			return fail(x, -r, "replace");
		dirfd = extract_parent(x, x->path, &base);
		if (dirfd < 0)
			return -1;
		r = makers[e->type](x, e, dirfd, base);
	}
	if (r == -1 && x->err->kind)
		return -1;
	if (r < 0)
		return fail(x, -r, "make");
	if (e->type == TAR_HARDLINK)
		return 0;
	dirfd = extract_parent(x, x->path, &base);
	return dirfd < 0 ? -1 : finish_node(x, e, dirfd, base);
}

/* ---- whiteouts ---- */

static int make_opaque(struct extract *x, const char *path, const char *base)
{
	size_t n = base > path ? (size_t)(base - path) - 1 : 0;
	AUTO(free) char *dir = xstrndup(path, n);

	return send_opaque(x, dir);
}

static int make_whiteout(struct extract *x, int dirfd, const char *base)
{
	AUTO(free) char *path = NULL;
	struct stat st;

	base += strlen(WHITEOUT);
	if (!*base || streq(base, ".") || streq(base, ".."))
		return refuse(x, "is a whiteout of nothing");
	if (mknodat(dirfd, base, S_IFCHR, makedev(0, 0)) == 0)
		return 0;
	if (errno != EEXIST)
		return fail(x, errno, "make whiteout");
	/* it is in this layer too: a whiteout only hides what is below */
	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
		return 0;
	path = xasprintf("%.*s%s", (int)(strlen(x->path) - strlen(base) - strlen(WHITEOUT)),
			 x->path, base);
	return send_opaque(x, path);
}

static int extract_whiteout(struct extract *x, int dirfd, const char *base)
{
	if (streq(base, OPAQUE))
		return make_opaque(x, x->path, base);
	if (str_after(base, WHITEOUT_META))
		return 0; /* aufs' own bookkeeping */
	return make_whiteout(x, dirfd, base);
}

int extract_entry(struct extract *x, const struct tar_entry *e)
{
	const char *base;
	int dirfd;

	if (++x->entries > EXTRACT_ENTRIES_MAX)
		return err_set(x->err, ERR_INVALID, "bad tar archive: more than %d entries",
			       EXTRACT_ENTRIES_MAX);
	free(x->path);
	x->path = extract_clean(e->name, "entry", x->err);
	if (!x->path)
		return -1;
	if (!*x->path && e->type != TAR_DIR)
		return err_set(x->err, ERR_INVALID,
			       "bad tar archive: the root of the archive is no directory");
	dirfd = extract_parent(x, x->path, &base);
	if (dirfd < 0)
		return -1;
	if (x->flags & UNPACK_F_LAYER && str_after(base, WHITEOUT))
		return extract_whiteout(x, dirfd, base);
	if (x->flags & UNPACK_F_ARCHIVE && e->type >= TAR_CHAR && e->type != TAR_DIR)
		return refuse(x, "is a device");
	if (e->type == TAR_DIR)
		return make_dir(x, e, dirfd, base);
	if (e->type != TAR_FILE)
		return make_other(x, e, dirfd, base);
	if (make_file(x, e, dirfd, base) < 0)
		return -1;
	return keep_xattrs(x, e);
}
