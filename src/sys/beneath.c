/*
 * beneath.c - paths inside a root that its inhabitants may have prepared
 *
 * (1) Every lookup is one openat2() from the root with RESOLVE_IN_ROOT, or a single component
 *     below a descriptor that such a lookup gave.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/mem.h"
#include "sys/mnt.h"

#define TRIES	  32
#define MAX_LINKS 40

int beneath_open(int root, const char *path, int flags, mode_t mode, unsigned how)
{
	struct open_how oh = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.mode = flags & O_CREAT ? mode : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};

	if (how & BENEATH_NOFOLLOW)
		oh.flags |= O_NOFOLLOW;
	if (how & BENEATH_NO_LINKS)
		oh.resolve |= RESOLVE_NO_SYMLINKS;
	if (how & BENEATH_NO_XDEV)
		oh.resolve |= RESOLVE_NO_XDEV;
	for (int i = 0; i < TRIES; i++) {
		long fd = syscall(SYS_openat2, root, *path ? path : ".", &oh, sizeof(oh));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR) /* EAGAIN: a rename raced with ".." */
			return -errno;
	}
	return -EAGAIN;
}

/* Where the dangling link parent/name leads, with rest behind it; as a path from the root. */
static char *through_link(int parent, const char *prefix, const char *name, const char *rest)
{
	char target[4096];
	ssize_t n = readlinkat(parent, name, target, sizeof(target) - 1);

	if (n <= 0)
		return NULL;
	target[n] = 0;
	if (*target == '/')
		return xasprintf("%s/%s", target, rest);
	return xasprintf("%s/%s/%s", prefix, target, rest);
}

/*
 * Opens the directory that path leads to, making components. A link that dangles: *ret_next is
 * the path to go on with, and -EAGAIN.
 */
static int make_walk(int root, const char *path, bool make_file, char **ret_next)
{
	AUTO(free) char *copy = xstrdup(path);
	AUTO(free) char *prefix = xcalloc(1, strlen(path) + 2);
	AUTO(close) int at = beneath_open(root, ".", O_PATH | O_DIRECTORY, 0, 0);
	char *p = copy;

	if (at < 0)
		return at;
	for (;;) {
		size_t old = strlen(prefix), n;
		bool last;
		int fd;

		p += strspn(p, "/");
		n = strcspn(p, "/");
		if (!n)
			return TAKE_FD(at);
		last = p[n + strspn(p + n, "/")] == 0;
		if (p[n])
			p[n++] = 0;
		snprintf(prefix + old, strlen(path) + 2 - old, "/%s", p);
		fd = beneath_open(root, prefix, O_PATH, 0, 0);
		if (fd == -ENOENT) {
			int r = last && make_file ? mknodat(at, p, S_IFREG | 0644, 0)
						  : mkdirat(at, p, 0755);

			if (r < 0 && errno == EEXIST) {
				prefix[old] = 0;
				*ret_next = through_link(at, prefix, p, p + n);
				return *ret_next ? -EAGAIN : -EEXIST;
			}
			if (r < 0)
				return -errno;
			fd = beneath_open(root, prefix, O_PATH, 0, 0);
		}
		if (fd < 0)
			return fd;
		close(at);
		at = fd;
		p += n;
	}
}

int beneath_make(int root, const char *path, bool make_file)
{
	AUTO(free) char *at = NULL;
	int r = beneath_open(root, path, O_PATH, 0, 0);

	if (r != -ENOENT)
		return r;
	at = xstrdup(path);
	for (int i = 0; i < MAX_LINKS; i++) {
		char *next = NULL;

		r = make_walk(root, at, make_file, &next);
		if (r != -EAGAIN || !next)
			return r;
		free(at);
		at = next;
	}
	return -ELOOP;
}
