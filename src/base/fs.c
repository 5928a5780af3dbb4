/*
 * fs.c - files and directories by descriptor
 *
 * (1) fs_replace(): a reader sees the old content or the new, whole, whatever is killed when.
 * (2) fs_remove_tree() follows no link and leaves no other file system.
 */
#include "base/fs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

int fs_write_full(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t w = write(fd, p, n);

		if (w < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		p += w;
		n -= (size_t)w;
	}
	return 0;
}

ssize_t fs_read_full(int fd, void *data, size_t n)
{
	size_t got = 0;

	while (got < n) {
		ssize_t r = read(fd, (char *)data + got, n - got);

		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (r == 0)
			break;
		got += (size_t)r;
	}
	return (ssize_t)got;
}

int fs_read_fd(int fd, size_t max, struct buf *ret)
{
	size_t start = ret->len;

	for (;;) {
		ssize_t r;

		buf_reserve(ret, 4096);
		r = read(fd, ret->p + ret->len, ret->cap - ret->len - 1);
		if (r < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		ret->len += (size_t)r;
		ret->p[ret->len] = 0;
		if (r == 0)
			return 0;
		if (ret->len - start > max)
			return -EFBIG;
	}
}

int fs_read_file(int dirfd, const char *name, size_t max, struct buf *ret)
{
	AUTO(close) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return -errno;
	return fs_read_fd(fd, max, ret);
}

int fs_write_kernel(int dirfd, const char *name, const char *value)
{
	AUTO(close) int fd = openat(dirfd, name, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (write(fd, value, strlen(value)) < 0)
		return -errno;
	return 0;
}

static int write_temporary(int dirfd, const char *tmp, const void *data, size_t n, mode_t mode,
			   int flags)
{
	AUTO(close) int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	int r;

	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = fs_write_full(fd, data, n);
	if (r < 0)
		return r;
	if ((flags & FS_DURABLE) && fsync(fd) < 0)
		return -errno;
	return 0;
}

int fs_replace(int dirfd, const char *name, const void *data, size_t n, mode_t mode, int flags)
{
	static _Atomic unsigned counter;
	AUTO(free) char *tmp = xasprintf("%s.tmp-%d-%u", name, (int)getpid(), counter++);
	int r = write_temporary(dirfd, tmp, data, n, mode, flags);

	if (r == 0 && renameat(dirfd, tmp, dirfd, name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	if (flags & FS_DURABLE) {
		const char *slash = strrchr(name, '/');
		AUTO(free) char *dir = slash ? xstrndup(name, (size_t)(slash - name) + 1) : xstrdup(".");
		AUTO(close) int fd = openat(dirfd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 || fsync(fd) < 0)
			return -errno;
	}
	return 0;
}

int fs_mkdir_p(int dirfd, const char *path, mode_t mode)
{
	AUTO(free) char *copy = xstrdup(path);

	for (char *p = copy + 1; *copy && *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	if (mkdirat(dirfd, copy, mode) < 0) {
		struct stat st;

		if (errno != EEXIST)
			return -errno;
		if (fstatat(dirfd, copy, &st, 0) < 0)
			return -errno;
		if (!S_ISDIR(st.st_mode))
			return -ENOTDIR;
	}
	return 0;
}

int fs_open_dir(int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? -errno : fd;
}

int fs_reopen_regular(int fd)
{
	char path[40];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	r = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

int fs_open_regular(int dirfd, const char *name)
{
	AUTO(close) int fd = openat(dirfd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? -errno : fs_reopen_regular(fd);
}

int fs_each_entry(int dirfd, const char *name,
		  int (*fn)(void *ctx, int dirfd, const char *name, unsigned char d_type), void *ctx)
{
	int fd = fs_open_dir(dirfd, name), r = 0;
	struct dirent *de;
	DIR *dir;

	if (fd < 0)
		return fd;
	dir = fdopendir(fd);
	if (!dir) {
		r = -errno;
		close(fd);
		return r;
	}
	while (r == 0 && (errno = 0, de = readdir(dir))) {
		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		r = fn(ctx, fd, de->d_name, de->d_type);
	}
	if (r == 0 && !de && errno)
		r = -errno;
	closedir(dir);
	return r;
}

/*
 * Depth is bounded only by the disk, so no recursion over descriptors: the directory at
 * hand is emptied of plain entries; its subdirectories are entered one at a time, and
 * left again by "..", checked against the directory we came from.
 */
struct removal {
	int fd;
	dev_t dev;
	char *subdir; /* found one to enter */
	int failed;   /* first error */
};

static int remove_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	struct removal *rm = ctx;

	if (d_type != DT_DIR) {
		if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EISDIR) {
			rm->failed = -errno;
			return rm->failed;
		}
	}
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST) {
		rm->failed = -errno;
		return rm->failed;
	}
	rm->subdir = xstrdup(name);
	return 1;
}

static int enter(struct removal *rm)
{
	AUTO(free) char *name = TAKE_PTR(rm->subdir);
	struct stat st;
	int fd = fs_open_dir(rm->fd, name);

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || st.st_dev != rm->dev) {
		close(fd);
		return -EXDEV;
	}
	close(rm->fd);
	rm->fd = fd;
	return 0;
}

static int leave(struct removal *rm)
{
	int fd = openat(rm->fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	close(rm->fd);
	rm->fd = fd;
	return 0;
}

/* Empties the directory rm->fd; depth counts how far below the start we are. */
static int remove_below(struct removal *rm)
{
	size_t depth = 0;

	for (;;) {
		int r = fs_each_entry(rm->fd, ".", remove_entry, rm);

		if (r < 0)
			return r;
		if (r > 0) {
			r = enter(rm);
			if (r < 0)
				return r;
			depth++;
			continue;
		}
		if (depth == 0)
			return 0;
		r = leave(rm); /* the emptied one goes when the parent is read again */
		if (r < 0)
			return r;
		depth--;
	}
}

int fs_remove_tree(int dirfd, const char *name)
{
	struct removal rm = {.fd = -1};
	struct stat st;
	int r;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != ENOTEMPTY && errno != EEXIST)
		return -errno;
	rm.fd = fs_open_dir(dirfd, name);
	if (rm.fd < 0)
		return rm.fd;
	r = fstat(rm.fd, &st) < 0 ? -errno : 0;
	rm.dev = st.st_dev;
	if (r == 0)
		r = remove_below(&rm);
	close(rm.fd);
	free(rm.subdir);
	if (r == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

bool fs_exists(int dirfd, const char *name)
{
	return faccessat(dirfd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int fs_nonblock(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0)
		return -errno;
	flags = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
	return fcntl(fd, F_SETFL, flags) < 0 ? -errno : 0;
}

int fs_cloexec(int fd, bool on)
{
	return fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0) < 0 ? -errno : 0;
}

char *fs_readlink(int dirfd, const char *name)
{
	char tmp[4097];
	ssize_t n = readlinkat(dirfd, name, tmp, sizeof(tmp) - 1);

	if (n < 0)
		return NULL;
	tmp[n] = 0;
	return xstrdup(tmp);
}

char *path_clean(const char *path)
{
	struct buf b = {0};
	bool absolute = *path == '/';
	size_t floor; /* ".." may not remove below this length */

	if (absolute)
		buf_addc(&b, '/');
	floor = b.len;
	while (*path) {
		size_t n;

		path += strspn(path, "/");
		n = strcspn(path, "/");
		if (n == 0 || (n == 1 && *path == '.')) {
			path += n;
			continue;
		}
		if (n == 2 && path[0] == '.' && path[1] == '.' && (absolute || b.len > floor)) {
			while (b.len > floor && b.p[b.len - 1] != '/')
				b.p[--b.len] = 0;
			if (b.len > floor)
				b.p[--b.len] = 0;
		} else {
			if (b.len > (absolute ? 1 : 0))
				buf_addc(&b, '/');
			buf_add(&b, path, n);
			if (n == 2 && path[0] == '.' && path[1] == '.')
				floor = b.len;
		}
		path += n;
	}
	if (b.len == 0)
		buf_addc(&b, '.');
	return buf_take(&b);
}

char *path_join(const char *a, const char *b)
{
	size_t n = strlen(a);

	return xasprintf("%s%s%s", a, n && a[n - 1] == '/' ? "" : "/", b);
}

const char *path_base(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}
