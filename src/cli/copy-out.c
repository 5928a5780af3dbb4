/*
 * copy-out.c - unpacks what a container sends
 *
 * (1) The target itself is opened without following a link, and every name below it is resolved
 *     by openat2 with RESOLVE_BENEATH: neither "..", nor a link the tar made, leads outside.
 * (2) Modes and times of directories are set last, so that a read-only one can be filled.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "cli/copy.h"
#include "client/client.h"
#include "codec/tar.h"

#define MAX_DIRS (4u << 20)

struct late_dir {
	char *name;
	mode_t mode;
	struct timespec mtime;
};

struct unpack {
	int dirfd;	 /* of the target's parent directory */
	char *base;	 /* the target's name in it */
	bool owners;
	int fd;		 /* file being written, or -1 */
	int64_t bytes;
	struct timespec mtime;
	struct late_dir *dirs;
	size_t ndirs;
};

/* A directory of ours by its path, which starts with u->base. */
static int open_inside(const struct unpack *u, const char *path, int flags)
{
	const char *rest = strchr(path, '/');
	struct open_how how = {
		.flags = (uint64_t)(flags | O_DIRECTORY | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int base, fd;

	if (!rest)
		return openat(u->dirfd, path, flags | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	base = openat(u->dirfd, u->base, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (base < 0)
		return -1;
	fd = (int)syscall(SYS_openat2, base, rest + strspn(rest, "/"), &how, sizeof(how));
	close(base);
	return fd;
}

/* The entry's place: the first component of its name becomes base. NULL: the name is bad. */
static char *place(const struct unpack *u, const char *name)
{
	const char *rest;

	while (*name == '/')
		name++;
	rest = strchr(name, '/');
	while (rest && *rest == '/')
		rest++;
	for (const char *p = rest; p && *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		if (strcspn(p, "/") == 2 && p[0] == '.' && p[1] == '.')
			return NULL;
	}
	return rest && *rest ? path_join(u->base, rest) : xstrdup(u->base);
}

/* The directory that holds path, and the last part's name. */
static int open_parent(const struct unpack *u, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	AUTO(free) char *dir = NULL;

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return fcntl(u->dirfd, F_DUPFD_CLOEXEC, 3);
	dir = xstrndup(path, (size_t)(slash - path));
	return open_inside(u, dir, O_PATH);
}

static int set_owner(const struct unpack *u, int dirfd, const char *name,
		     const struct tar_entry *e)
{
	if (!u->owners)
		return 0;
	return fchownat(dirfd, name, e->uid, e->gid, AT_SYMLINK_NOFOLLOW);
}

static int remember_dir(struct unpack *u, const char *path, const struct tar_entry *e)
{
	if (u->ndirs >= MAX_DIRS)
		return -1;
	if ((u->ndirs & (u->ndirs + 1)) == 0)
		u->dirs = xrealloc(u->dirs, (u->ndirs * 2 + 2) * sizeof(*u->dirs));
	u->dirs[u->ndirs++] = (struct late_dir){
		xstrdup(path), e->mode & 07777, {.tv_sec = e->mtime, .tv_nsec = e->mtime_ns}};
	return 0;
}

static int make_dir(struct unpack *u, int dirfd, const char *name, const char *path,
		    const struct tar_entry *e)
{
	struct stat st;

	if (mkdirat(dirfd, name, 0700) < 0) {
		if (errno != EEXIST || fstatat(dirfd, name, &st, 0) < 0)
			return -1;
		if (!S_ISDIR(st.st_mode)) {
			errno = ENOTDIR;
			return -1;
		}
	}
	return remember_dir(u, path, e);
}

static int make_file(struct unpack *u, int dirfd, const char *name, const struct tar_entry *e)
{
	const int flags = O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC;

	/* a new file, never the target of a link or a hard link's other name */
	if (unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return -1;
	u->fd = openat(dirfd, name, flags | O_EXCL, 0600);
	if (u->fd < 0 || set_owner(u, dirfd, name, e) < 0 || fchmod(u->fd, e->mode & 07777) < 0)
		return -1;
	u->mtime = (struct timespec){.tv_sec = e->mtime, .tv_nsec = e->mtime_ns};
	return 0;
}

static int make_hardlink(struct unpack *u, int dirfd, const char *name, const struct tar_entry *e)
{
	AUTO(free) char *to = place(u, str_or(e->link));
	const char *to_name;
	int to_dir, r;

	if (!to) {
		errno = EINVAL;
		return -1;
	}
	to_dir = open_parent(u, to, &to_name);
	if (to_dir < 0)
		return -1;
	ignore_result(unlinkat(dirfd, name, 0) < 0); /* linkat() tells what matters */
	r = linkat(to_dir, to_name, dirfd, name, 0);
	close(to_dir);
	return r;
}

static int make_other(struct unpack *u, int dirfd, const char *name, const struct tar_entry *e)
{
	ignore_result(unlinkat(dirfd, name, 0) < 0);
	if (e->type == TAR_SYMLINK) {
		if (symlinkat(str_or(e->link), dirfd, name) < 0)
			return -1;
	} else if (e->type == TAR_FIFO) {
		if (mkfifoat(dirfd, name, e->mode & 0777) < 0)
			return -1;
	} else {
		errno = EPERM; /* a device */
		return -1;
	}
	return set_owner(u, dirfd, name, e);
}

static void end_file(struct unpack *u)
{
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, u->mtime};

	if (u->fd < 0)
		return;
	ignore_result(futimens(u->fd, times) < 0); /* a time is worth no failure */
	close(TAKE_FD(u->fd));
}

static int entry(struct unpack *u, const struct tar_entry *e, struct err *err)
{
	AUTO(free) char *path = place(u, e->name);
	const char *name;
	int dirfd, r;

	end_file(u);
	if (!path)
		return err_set(err, ERR_INVALID, "the archive holds the path '%s'", e->name);
	dirfd = open_parent(u, path, &name);
	if (dirfd < 0)
		return err_sys(err, errno, "create '%s'", path);
	if (e->type == TAR_DIR)
		r = make_dir(u, dirfd, name, path, e);
	else if (e->type == TAR_FILE)
		r = make_file(u, dirfd, name, e);
	else if (e->type == TAR_HARDLINK)
		r = make_hardlink(u, dirfd, name, e);
	else
		r = make_other(u, dirfd, name, e);
	if (r < 0)
		err_sys(err, errno, "create '%s'", path);
	if (r == 0 && e->type == TAR_DIR)
		r = set_owner(u, dirfd, name, e) < 0 ? err_sys(err, errno, "chown '%s'", path) : 0;
	close(dirfd);
	return r;
}

static int data(struct unpack *u, const struct tar_data *d, struct err *err)
{
	const char *p = d->p;

	for (size_t off = 0; u->fd >= 0 && off < d->n;) {
		ssize_t n = pwrite(u->fd, p + off, d->n - off, d->offset + (int64_t)off);

		if (n < 0)
			return err_sys(err, errno, "write");
		off += (size_t)n;
		u->bytes += n;
	}
	return 0;
}

static int feed(struct unpack *u, struct tar_reader *tar, const char *piece, size_t n,
		struct err *err)
{
	const struct tar_entry *e;
	const void *in = piece;
	struct tar_data d;

	for (;;) {
		int ev = tar_reader_next(tar, &in, &n, &e, &d, err);

		if (ev < 0)
			return -1;
		if (ev == TAR_NEED || ev == TAR_EOF)
			return 0;
		if (ev == TAR_ENTRY ? entry(u, e, err) < 0 : data(u, &d, err) < 0)
			return -1;
	}
}

static void finish_dirs(struct unpack *u)
{
	while (u->ndirs) {
		struct late_dir *d = &u->dirs[--u->ndirs];
		struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, d->mtime};
		int fd = open_inside(u, d->name, O_RDONLY);

		if (fd >= 0) {
			/* best effort: the contents are there */
			ignore_result(fchmod(fd, d->mode) < 0);
			ignore_result(futimens(fd, times) < 0);
			close(fd);
		}
		free(d->name);
	}
	free(u->dirs);
}

static int unpack_all(struct unpack *u, struct client_stream *in, struct err *err)
{
	struct tar_reader *tar = tar_reader_new();
	AUTO(free) char *piece = xmalloc(64 << 10);
	ssize_t n;
	int r = 0;

	while (r == 0 && (n = client_stream_read(in, piece, 64 << 10, err)) != 0)
		r = n < 0 ? -1 : feed(u, tar, piece, (size_t)n, err);
	if (r == 0)
		r = tar_reader_end(tar, err);
	end_file(u);
	tar_reader_free(tar);
	return r;
}

int copy_unpack(struct client_stream *in, const char *target, bool owners, int64_t *ret_bytes,
		struct err *err)
{
	struct unpack u = {.dirfd = -1, .fd = -1, .owners = owners};
	AUTO(free) char *clean = path_clean(target);
	AUTO(free) char *dir = NULL;
	int r;

	/* "dir/." and "/" unpack into the directory itself, which may be a link of the user's */
	u.base = xstrdup(str_ends(target, "/.") || streq(clean, "/") || streq(clean, ".") ||
					 streq(path_base(clean), "..")
				 ? "." : path_base(clean));
	dir = streq(u.base, ".") ? xstrdup(clean)
	      : strchr(clean, '/') ? xstrndup(clean, (size_t)(path_base(clean) - clean))
				   : xstrdup(".");
	u.dirfd = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (u.dirfd < 0)
		r = err_sys(err, errno, "open '%s'", dir);
	else
		r = unpack_all(&u, in, err);
	finish_dirs(&u);
	*ret_bytes = u.bytes;
	if (u.dirfd >= 0)
		close(u.dirfd);
	free(u.base);
	return r;
}
