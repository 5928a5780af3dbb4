/*
 * tree.c - the tar of a tree of overlay layers, without mounting it
 *
 * (1) Nothing is followed: every name is opened below its layer with RESOLVE_NO_SYMLINKS. The
 *     tree is a container's and may change under us; a name that goes away is left out.
 * (2) Entries come sorted by name, a directory before what is in it; sockets are left out.
 * (3) Times have seconds only, owners are numbers, of the attributes only file capabilities and
 *     user ones go in.
 * (4) A file that changes its size meanwhile is cut or filled up with zeros: the tar stays whole.
 */
#include "transfer/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "codec/tar.h"

#define DEPTH_MAX	1000
#define LAYERS_MAX	501
#define BUFFER_SIZE	(256 * 1024)
#define XATTR_LIST_MAX	65536
#define XATTR_VALUE_MAX 65536

struct tree {
	int layers[LAYERS_MAX];
	size_t n;
	bool whiteouts, changes;
	int out;
	struct map links; /* "layer:dev:ino" -> path in the tar */
	struct buf buf;	  /* output not written yet */
	int64_t entries;
	struct err *err;
};

/* The layers that a directory is made of, top first. */
struct parts {
	unsigned short v[LAYERS_MAX];
	size_t n;
};

static int flush(struct tree *t)
{
	int r = fs_write_full(t->out, t->buf.p, t->buf.len);

	buf_reset(&t->buf);
	if (r == -EPIPE)
		return err_set(t->err, ERR_CANCELLED, "the reader went away");
	return r < 0 ? err_sys(t->err, -r, "write the tar") : 0;
}

static int open_below(const struct tree *t, size_t layer, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC | O_NOFOLLOW,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, t->layers[layer], *path ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

static bool is_whiteout(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0);
}

static bool is_opaque(int fd)
{
	char v = 0;

	return (fgetxattr(fd, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y') ||
	       (fgetxattr(fd, "user.overlay.opaque", &v, 1) == 1 && v == 'y');
}

/* ---- one entry ---- */

static bool wanted_xattr(const char *name)
{
	return streq(name, "security.capability") ||
	       (str_after(name, "user.") && !str_after(name, "user.overlay."));
}

/* (3) fd is O_PATH or not; by its name in /proc, which works for both. */
static void read_xattrs(int fd, struct tar_entry *e)
{
	AUTO(free) char *list = NULL;
	char path[40];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = listxattr(path, NULL, 0);
	if (n <= 0 || n > XATTR_LIST_MAX)
		return;
	list = xmalloc((size_t)n + 1);
	n = listxattr(path, list, (size_t)n);
	for (const char *s = list; n > 0 && s < list + n; s += strlen(s) + 1) {
		AUTO(free) char *value = NULL;
		ssize_t size;

		if (!wanted_xattr(s) || e->nxattrs >= TAR_XATTR_MAX)
			continue;
		value = xmalloc(XATTR_VALUE_MAX);
		size = getxattr(path, s, value, XATTR_VALUE_MAX);
		if (size < 0)
			continue;
		e->xattrs = xrealloc(e->xattrs, (e->nxattrs + 1) * sizeof(*e->xattrs));
		e->xattrs[e->nxattrs++] =
			(struct tar_xattr){xstrdup(s), TAKE_PTR(value), (size_t)size};
	}
}

static int put_header(struct tree *t, const struct tar_entry *e)
{
	tar_put_header(&t->buf, e);
	t->entries++;
	return t->buf.len > BUFFER_SIZE ? flush(t) : 0;
}

static int put_data(struct tree *t, int fd, int64_t size)
{
	int64_t left = size;

	while (left > 0) {
		size_t want = left < BUFFER_SIZE ? (size_t)left : BUFFER_SIZE;
		ssize_t n;

		buf_reserve(&t->buf, want);
		n = read(fd, t->buf.p + t->buf.len, want);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(t->err, errno, "read a file of the container");
		if (n == 0) { /* (4) */
			n = (ssize_t)want;
			memset(t->buf.p + t->buf.len, 0, want);
		}
		t->buf.len += (size_t)n;
		left -= n;
		if (t->buf.len > BUFFER_SIZE && flush(t) < 0)
			return -1;
	}
	buf_reserve(&t->buf, TAR_BLOCK);
	memset(t->buf.p + t->buf.len, 0, tar_padding(size));
	t->buf.len += tar_padding(size);
	return 0;
}

static int put_file(struct tree *t, size_t layer, const char *path, int at, struct tar_entry *e,
		    const struct stat *st)
{
	AUTO(close) int fd = -1;

	if (st->st_nlink > 1) {
		AUTO(free)
		char *key = xasprintf("%zu:%llx:%llx", layer, (unsigned long long)st->st_dev,
				      (unsigned long long)st->st_ino);
		const char *first = map_get(&t->links, key);

		if (first) {
			e->type = TAR_HARDLINK;
			free(e->link);
			e->link = xstrdup(first);
			e->size = 0;
			return put_header(t, e);
		}
		map_set_str(&t->links, key, path);
	}
	fd = fs_reopen_regular(at); /* the very file: the name may be a device by now */
	if (fd < 0)
		return fd == -ENOENT ? 0
				     : err_sys(t->err, -fd, "open '%.200s' of the container", path);
	e->type = TAR_FILE;
	e->size = st->st_size;
	return put_header(t, e) < 0 ? -1 : put_data(t, fd, e->size);
}

static char *read_link(int fd)
{
	char target[TAR_PATH_MAX + 1];
	ssize_t n = readlinkat(fd, "", target, TAR_PATH_MAX);

	return n > 0 ? xstrndup(target, (size_t)n) : NULL;
}

static int put_special(struct tree *t, int fd, struct tar_entry *e, const struct stat *st)
{
	if (S_ISLNK(st->st_mode)) {
		e->type = TAR_SYMLINK;
		e->link = read_link(fd);
		if (!e->link)
			return 0;
	} else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		e->type = S_ISCHR(st->st_mode) ? TAR_CHAR : TAR_BLOCK_DEV;
		e->dev_major = major(st->st_rdev);
		e->dev_minor = minor(st->st_rdev);
	} else if (S_ISFIFO(st->st_mode)) {
		e->type = TAR_FIFO;
	} else {
		return 0; /* (2) */
	}
	return put_header(t, e);
}

/* An empty file that stands for something: ".wh.NAME", ".wh..wh..opq". */
static int put_mark(struct tree *t, char *name)
{
	struct tar_entry e = {.type = TAR_FILE, .name = name, .mode = 0600};
	int r = put_header(t, &e);

	free(name);
	return r;
}

static int put_entry(struct tree *t, size_t layer, const char *path, int fd, const struct stat *st)
{
	struct tar_entry e = {
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.mtime = st->st_mtim.tv_sec,
	};
	int r;

	e.name = S_ISDIR(st->st_mode) ? xasprintf("%s/", path) : xstrdup(path);
	read_xattrs(fd, &e);
	if (S_ISDIR(st->st_mode)) {
		e.type = TAR_DIR;
		r = put_header(t, &e);
	} else if (S_ISREG(st->st_mode)) {
		r = put_file(t, layer, path, fd, &e, st);
	} else {
		r = put_special(t, fd, &e, st);
	}
	tar_entry_done(&e);
	return r;
}

/* ---- directories ---- */

static int collect(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	map_set(ctx, name, ctx);
	return 0;
}

/* All names in the directory, of all its layers, sorted; whiteouts included. */
static int names_of(struct tree *t, const char *path, const struct parts *parts, struct strv *ret)
{
	struct map names = {0};
	int r = 0;

	for (size_t i = 0; i < parts->n && r == 0; i++) {
		int fd = open_below(t, parts->v[i], path, O_RDONLY | O_DIRECTORY);

		if (fd < 0)
			continue; /* gone meanwhile */
		r = fs_each_entry(fd, ".", collect, &names);
		close(fd);
	}
	map_for_each (it, &names)
		strv_add(ret, it->key);
	strv_sort(ret);
	map_done(&names);
	return r < 0 ? err_sys(t->err, -r, "list '%.200s' of the container", path) : 0;
}

static int walk(struct tree *t, const char *path, const struct parts *parts, unsigned depth);

/* The layers below the first that path, a directory, goes on in. */
static void more_parts(struct tree *t, const char *path, const struct parts *dir, size_t from,
		       struct parts *ret)
{
	for (size_t i = from; i < dir->n; i++) {
		AUTO(close) int fd = open_below(t, dir->v[i], path, O_PATH);
		AUTO(close) int dfd = -1;
		struct stat st;

		if (fd < 0)
			continue;
		if (fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
			return;
		ret->v[ret->n++] = dir->v[i];
		dfd = open_below(t, dir->v[i], path, O_RDONLY | O_DIRECTORY);
		if (dfd < 0 || is_opaque(dfd))
			return;
	}
}

static int visit_dir(struct tree *t, const char *path, const struct parts *dir, size_t from,
		     unsigned depth)
{
	AUTO(free) struct parts *parts = xnew(struct parts);

	more_parts(t, path, dir, from, parts);
	if (t->whiteouts && parts->n) {
		AUTO(close) int fd = open_below(t, parts->v[0], path, O_RDONLY | O_DIRECTORY);

		if (fd >= 0 && is_opaque(fd) && put_mark(t, xasprintf("%s/.wh..wh..opq", path)) < 0)
			return -1;
	}
	return walk(t, path, parts, depth + 1);
}

/*
 * (5) What the engine itself puts into a container's upper directory, as places to mount on, is
 *     no change of the container's. Docker has these in a layer of their own.
 */
static const struct {
	const char *path;
	mode_t type;
} ours[] = {
	{".dockerenv", S_IFREG},
	{"dev", S_IFDIR},
	{"dev/console", S_IFREG},
	{"dev/mqueue", S_IFDIR},
	{"dev/pts", S_IFDIR},
	{"dev/shm", S_IFDIR},
	{"etc", S_IFDIR},
	{"etc/hostname", S_IFREG},
	{"etc/hosts", S_IFREG},
	{"etc/mtab", S_IFLNK},
	{"etc/resolv.conf", S_IFREG},
	{"proc", S_IFDIR},
	{"sbin", S_IFDIR},
	{"sbin/docker-init", S_IFREG},
	{"sys", S_IFDIR},
};

struct place {
	struct tree *t;
	size_t layer;
	const char *path;
};

static bool is_ours(struct tree *t, size_t layer, const char *path, const struct stat *st);

static int find_foreign(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	const struct place *c = ctx;
	AUTO(free) char *path = xasprintf("%s/%s", c->path, name);
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	       !is_ours(c->t, c->layer, path, &st);
}

static bool is_ours(struct tree *t, size_t layer, const char *path, const struct stat *st)
{
	struct place ctx = {t, layer, path};

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		AUTO(close) int fd = -1;

		if (!streq(path, ours[i].path) || (st->st_mode & S_IFMT) != ours[i].type)
			continue;
		if (!S_ISDIR(st->st_mode))
			return S_ISLNK(st->st_mode) || st->st_size == 0;
		fd = open_below(t, layer, path, O_RDONLY | O_DIRECTORY);
		return fd >= 0 && !is_opaque(fd) && fs_each_entry(fd, ".", find_foreign, &ctx) == 0;
	}
	return false;
}

/* The topmost layer that has path decides. */
static int visit(struct tree *t, const char *dir_path, const char *name, const struct parts *dir,
		 unsigned depth)
{
	AUTO(free) char *path = xasprintf("%s%s%s", dir_path, *dir_path ? "/" : "", name);

	for (size_t i = 0; i < dir->n; i++) {
		AUTO(close) int fd = open_below(t, dir->v[i], path, O_PATH);
		struct stat st;

		if (fd == -ENOENT)
			continue;
		if (fd < 0 || fstat(fd, &st) < 0)
			return err_sys(t->err, fd < 0 ? -fd : errno,
				       "open '%.200s' of the container", path);
		if (is_whiteout(&st)) {
			if (!t->whiteouts)
				return 0;
			return put_mark(
				t, xasprintf("%s%s.wh.%s", dir_path, *dir_path ? "/" : "", name));
		}
		if (t->changes && is_ours(t, dir->v[i], path, &st)) /* (5) */
			return 0;
		if (put_entry(t, dir->v[i], path, fd, &st) < 0)
			return -1;
		return S_ISDIR(st.st_mode) ? visit_dir(t, path, dir, i, depth) : 0;
	}
	return 0; /* (1) */
}

static int walk(struct tree *t, const char *path, const struct parts *parts, unsigned depth)
{
	AUTO(strv) struct strv names = {0};

	if (depth > DEPTH_MAX)
		return err_set(t->err, ERR_UNSUPPORTED,
			       "more than %d directories within each other", DEPTH_MAX);
	if (names_of(t, path, parts, &names) < 0)
		return -1;
	strv_for_each (name, &names)
		if (visit(t, path, name, parts, depth) < 0)
			return -1;
	return 0;
}

static int open_layers(struct tree *t, const struct strv *layers)
{
	if (layers->n > LAYERS_MAX)
		return err_set(t->err, ERR_UNSUPPORTED, "more than %d layers", LAYERS_MAX);
	strv_for_each (path, layers) {
		int fd = fs_open_dir(AT_FDCWD, path);

		if (fd < 0)
			return err_sys(t->err, -fd, "open '%s'", path);
		t->layers[t->n++] = fd;
	}
	return 0;
}

int transfer_tree_write(const struct strv *layers, unsigned flags, int fd, int64_t *ret_entries,
			struct err *err)
{
	AUTO(free) struct tree *t = xnew(struct tree);
	AUTO(free) struct parts *parts = xnew(struct parts);
	int r;

	CHECK(!flags || layers->n == 1);
	t->whiteouts = flags != 0;
	t->changes = flags & TREE_CHANGES;
	t->out = fd;
	t->err = err;
	r = open_layers(t, layers);
	for (size_t i = 0; i < t->n; i++)
		parts->v[parts->n++] = (unsigned short)i;
	if (r == 0)
		r = walk(t, "", parts, 0);
	if (r == 0) {
		tar_put_end(&t->buf);
		r = flush(t);
	}
	for (size_t i = 0; i < t->n; i++)
		close(t->layers[i]);
	map_done(&t->links);
	buf_done(&t->buf);
	if (ret_entries)
		*ret_entries = t->entries;
	return r;
}
