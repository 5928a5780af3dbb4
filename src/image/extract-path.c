/*
 * extract-path.c - from names in a tar to places below one directory
 *
 * (1) Every parent is opened by openat2() with RESOLVE_IN_ROOT from the root's descriptor: links
 *     inside the tree are followed inside the tree, whatever they say.
 * (2) The last part is never followed.
 * (3) Cached parents are forgotten whenever a name is removed or replaced: a descriptor never
 *     stands for a path that now leads elsewhere.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "image/extract-priv.h"

char *extract_clean(const char *name, const char *what, struct err *err)
{
	AUTO(free) char *relative = NULL;
	char *clean;

	while (*name == '/')
		name++;
	clean = path_clean(*name ? name : ".");
	if (streq(clean, ".")) {
		clean[0] = 0;
		return clean;
	}
	if (streq(clean, "..") || str_after(clean, "../")) {
		err_set(err, ERR_INVALID, "bad tar archive: %s '%.200s' leads out of the archive",
			what, name);
		free(clean);
		return NULL;
	}
	return clean;
}

static int open_in_root(int root, const char *path, uint64_t flags)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, *path ? path : ".", &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

int extract_open_dir(struct extract *x, const char *path)
{
	return open_in_root(x->root, path, O_PATH | O_DIRECTORY);
}

/* Makes the directories of path that are missing; the result is its descriptor or -errno. */
static int make_parents(struct extract *x, const char *path)
{
	AUTO(free) char *copy = xstrdup(path);
	int fd = open_in_root(x->root, "", O_PATH | O_DIRECTORY);

	for (char *p = copy, *slash; fd >= 0 && p; p = slash) {
		int up = fd;
		char *part = p, keep = 0;

		slash = strchr(p, '/');
		if (slash) {
			keep = *slash;
			*slash++ = 0;
		}
		/* by the whole path: a link on the way is followed inside the root */
		fd = open_in_root(x->root, copy, O_PATH | O_DIRECTORY);
		if (fd == -ENOENT) {
			fd = mkdirat(up, part, 0755) < 0 ? -errno : 0;
			if (fd == 0)
				fd = open_in_root(x->root, copy, O_PATH | O_DIRECTORY);
		}
		close(up);
		if (slash)
			slash[-1] = keep;
	}
	return fd;
}

void extract_forget(struct extract *x)
{
	for (size_t i = 0; i < PARENT_CACHE; i++) {
		if (!x->cache[i].path)
			continue;
		close(x->cache[i].fd);
		free(x->cache[i].path);
		x->cache[i].path = NULL;
	}
}

static int cached(struct extract *x, const char *dir, size_t n, struct parent **ret_slot)
{
	struct parent *oldest = &x->cache[0];

	for (size_t i = 0; i < PARENT_CACHE; i++) {
		struct parent *p = &x->cache[i];

		if (p->path && strncmp(p->path, dir, n) == 0 && p->path[n] == 0) {
			p->used = ++x->clock;
			return p->fd;
		}
		if (!p->path || (oldest->path && p->used < oldest->used))
			oldest = p;
	}
	*ret_slot = oldest;
	return -1;
}

int extract_parent(struct extract *x, const char *path, const char **ret_base)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;
	struct parent *slot = NULL;
	char *dir;
	int fd = cached(x, path, n, &slot);

	*ret_base = slash ? slash + 1 : path;
	if (fd >= 0)
		return fd;
	dir = xstrndup(path, n);
	fd = extract_open_dir(x, dir);
	if (fd == -ENOENT)
		fd = make_parents(x, dir);
	if (fd < 0) {
		if (fd == -ENOTDIR || fd == -ELOOP || fd == -EEXIST)
			err_set(x->err, ERR_INVALID,
				"bad tar archive: '%.200s' lies below something that is no "
				"directory",
				path);
		else
			err_sys(x->err, -fd, "unpack '%.200s'", path);
		free(dir);
		return -1;
	}
	if (slot->path) {
		close(slot->fd);
		free(slot->path);
	}
	*slot = (struct parent){dir, fd, ++x->clock};
	return fd;
}

int extract_replace(struct extract *x, int dirfd, const char *base)
{
	struct stat st;
	int fd, r;

	if (fstatat(dirfd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	x->inexact = true; /* its data are lost, or a path in the map means another place now */
	if (!S_ISDIR(st.st_mode))
		r = unlinkat(dirfd, base, 0) < 0 ? -errno : 0;
	else {
		fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return -errno;
		r = fs_remove_tree(fd, base);
		close(fd);
	}
	extract_forget(x); /* (3) */
	return r;
}
