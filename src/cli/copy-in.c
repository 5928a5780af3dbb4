/*
 * copy-in.c - a local tree as a tar, piece by piece
 *
 * (1) Names are collected first, data is read while sending: memory grows with names only.
 * (2) A file that changes its size meanwhile is cut or filled with zeros: the tar stays valid.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/fs.h"
#include "cli/copy.h"
#include "codec/tar.h"

#define MAX_NAMES (8u << 20)
#define MAX_DEPTH 512

struct copy_source {
	char *path, *root;
	struct strv names; /* below path; "" is path itself */
	size_t next;
	int fd;		   /* file being sent, or -1 */
	int64_t left;	   /* of its data */
	size_t padding;
	struct buf out;
	size_t out_off;
	bool ended;
	struct map links;  /* "device:inode" of a file with more names -> the first in the tar */
	int64_t bytes;
};

static int collect(struct copy_source *s, int parent, const char *name, const char *rel, int depth,
		   struct err *err)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r = 0;

	if (!dir)
		return errno == ENOTDIR || errno == ELOOP ? 0 : err_sys(err, errno, "open %s/%s",
									s->path, rel);
	while (r == 0 && (de = readdir(dir))) {
		AUTO(free) char *child = NULL;

		if (streq(de->d_name, ".") || streq(de->d_name, ".."))
			continue;
		if (s->names.n >= MAX_NAMES || depth >= MAX_DEPTH) {
			r = err_set(err, ERR_INVALID, "%s: too many files or too deep", s->path);
			break;
		}
		child = *rel ? path_join(rel, de->d_name) : xstrdup(de->d_name);
		strv_add(&s->names, child);
		if (de->d_type == DT_DIR || de->d_type == DT_UNKNOWN)
			r = collect(s, fd, de->d_name, child, depth + 1, err);
	}
	closedir(dir);
	return r;
}

int copy_source_new(const char *path, const char *root, bool follow, struct copy_source **ret,
		    struct err *err)
{
	struct copy_source *s = xnew(struct copy_source);
	struct stat st;
	int r = 0;

	s->path = follow ? realpath(path, NULL) : xstrdup(path);
	s->root = xstrdup(root);
	s->fd = -1;
	if (!s->path || lstat(s->path, &st) < 0) {
		r = errno == ENOENT ? err_set(err, ERR_INVALID, "lstat %s: no such file or directory",
					      path)
				    : err_sys(err, errno, "lstat %s", path);
	} else {
		if (*root)
			strv_add(&s->names, "");
		if (S_ISDIR(st.st_mode))
			r = collect(s, AT_FDCWD, s->path, "", 0, err);
	}
	if (r < 0) {
		copy_source_free(s);
		return -1;
	}
	*ret = s;
	return 0;
}

void copy_source_free(struct copy_source *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s->root);
	strv_done(&s->names);
	buf_done(&s->out);
	map_done(&s->links);
	free(s);
}

static const struct {
	mode_t mode;
	enum tar_type type;
} types[] = {
	{S_IFREG, TAR_FILE}, {S_IFDIR, TAR_DIR},       {S_IFLNK, TAR_SYMLINK},
	{S_IFCHR, TAR_CHAR}, {S_IFBLK, TAR_BLOCK_DEV}, {S_IFIFO, TAR_FIFO},
};

/* A file that is in the tar by another name already becomes a link to it. */
static void find_link(struct copy_source *s, const struct stat *st, struct tar_entry *e)
{
	AUTO(free) char *key = NULL;
	const char *first;

	if (e->type != TAR_FILE || st->st_nlink < 2)
		return;
	key = xasprintf("%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	first = map_get(&s->links, key);
	if (!first) {
		map_set_str(&s->links, key, e->name);
		return;
	}
	e->type = TAR_HARDLINK;
	e->link = (char *)first;
}

/* 1: entry made; 0: nothing that a tar can hold (a socket, or gone meanwhile). */
static int put_entry(struct copy_source *s, const char *name, struct err *err)
{
	AUTO(free) char *path = *name ? path_join(s->path, name) : xstrdup(s->path);
	AUTO(free) char *shown = !*name ? xstrdup(s->root)
			       : *s->root ? path_join(s->root, name) : xstrdup(name);
	AUTO(free) char *link = NULL;
	struct tar_entry e = {.name = shown};
	struct stat st;
	bool known = false;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : err_sys(err, errno, "lstat %s", path);
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if ((st.st_mode & S_IFMT) == types[i].mode) {
			e.type = types[i].type;
			known = true;
		}
	if (!known)
		return 0;
	e.mode = st.st_mode & 07777;
	e.uid = st.st_uid;
	e.gid = st.st_gid;
	e.mtime = st.st_mtim.tv_sec;
	e.dev_major = major(st.st_rdev);
	e.dev_minor = minor(st.st_rdev);
	if (e.type == TAR_SYMLINK && !(e.link = link = fs_readlink(AT_FDCWD, path)))
		return err_sys(err, errno, "readlink %s", path);
	find_link(s, &st, &e);
	if (e.type == TAR_FILE) {
		s->fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
		if (s->fd < 0)
			return err_sys(err, errno, "open %s", path);
		e.size = s->left = st.st_size;
		s->padding = tar_padding(st.st_size);
	}
	tar_put_header(&s->out, &e);
	return 1;
}

static ssize_t file_data(struct copy_source *s, void *data, size_t n, struct err *err)
{
	ssize_t got = read(s->fd, data, MIN(n, (size_t)s->left));

	if (got < 0)
		return err_sys(err, errno, "read");
	if (got == 0) {
		got = (ssize_t)MIN(n, (size_t)s->left);
		memset(data, 0, (size_t)got);
	}
	s->left -= got;
	s->bytes += got;
	return got;
}

ssize_t copy_source_read(void *ctx, void *data, size_t n, struct err *err)
{
	struct copy_source *s = ctx;
	size_t take;

	while (s->out_off == s->out.len) {
		s->out_off = 0;
		buf_reset(&s->out);
		if (s->fd >= 0 && s->left > 0)
			return file_data(s, data, n, err);
		if (s->fd >= 0) {
			close(TAKE_FD(s->fd));
			while (s->padding) {
				buf_addc(&s->out, 0);
				s->padding--;
			}
		} else if (s->next < s->names.n) {
			if (put_entry(s, s->names.v[s->next++], err) < 0)
				return -1;
		} else if (!s->ended) {
			tar_put_end(&s->out);
			s->ended = true;
		} else {
			return 0;
		}
	}
	take = MIN(n, s->out.len - s->out_off);
	memcpy(data, s->out.p + s->out_off, take);
	s->out_off += take;
	return (ssize_t)take;
}

int64_t copy_source_bytes(const struct copy_source *s)
{
	return s->bytes;
}
