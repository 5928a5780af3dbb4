/*
 * archive.c - /containers/{id}/archive: files out of and into a container, as tars
 *
 * Going out, the tree is read here by descriptors; coming in, the tar is unpacked by a helper that
 * is shut into the directory.
 *
 * (1) A path is resolved inside the container's root, with its links, and never leaves it.
 * (2) Nothing but directories and regular files is opened for reading.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "api/private.h"
#include "base/clock.h"
#include "base/fs.h"
#include "codec/tar.h"
#include "container/container.h"
#include "image/image.h"

#define DEPTH_MAX 400
#define CHUNK	  (64u << 10)

static int open_inside(int root, const char *path, int flags)
{
	struct open_how how = {
	    .flags = (uint64_t)flags | O_CLOEXEC,
	    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : (int)fd;
}

/* --- what a path is ------------------------------------------------------------------------------- */

/* The file named by the request, in its directory. */
struct place {
	int root, dir;	  /* O_PATH */
	char *path;	  /* cleaned, absolute */
	char *name;	  /* in dir; "." for dir itself */
	const char *base; /* what the tar calls it */
	struct stat st;
};

static void place_done(struct place *p)
{
	if (p->root >= 0)
		close(p->root);
	if (p->dir >= 0)
		close(p->dir);
	free(p->path);
	free(p->name);
}

static void auto_place(struct place *p)
{
	place_done(p);
}

static int not_there(const struct call *c, const char *path, int e, struct err *err)
{
	if (e == ENOENT || e == ENOTDIR)
		return err_set(err, ERR_NOT_FOUND, "Could not find the file %s in container %s", path, c->arg);
	return err_sys(err, e, "look for %s in container %s", path, c->arg);
}

/* "/a/b/" and "/a/b/." mean what b points at; "/a/b" means b. */
static int find_place(struct call *c, struct place *p, struct err *err)
{
	const char *asked = str_or(param(c, "path"));
	size_t n = strlen(asked);
	bool inside = n && (asked[n - 1] == '/' || str_ends(asked, "/.") || streq(asked, "."));
	AUTO(free) char *rooted = path_join("/", asked), *parent = NULL;
	const char *slash;

	*p = (struct place){.root = -1, .dir = -1};
	if (!n)
		return err_set(err, ERR_INVALID, "bad parameter: 'path' cannot be empty");
	p->path = path_clean(rooted);
	p->root = container_root_fd(c->api->config.containers, c->arg, err);
	if (p->root < 0)
		return -1;
	slash = strrchr(p->path, '/');
	inside = inside || !slash[1];
	parent = inside ? xstrdup(p->path) : xstrndup(p->path, MAX(slash - p->path, (ptrdiff_t)1));
	p->name = xstrdup(inside ? "." : slash + 1);
	p->base = inside && str_ends(asked, "/.") ? "." : slash[1] ? slash + 1 : ".";
	p->dir = open_inside(p->root, parent, O_PATH | O_DIRECTORY);
	if (p->dir < 0)
		return not_there(c, asked, -p->dir, err);
	if (fstatat(p->dir, p->name, &p->st, AT_SYMLINK_NOFOLLOW) < 0)
		return not_there(c, asked, errno, err);
	return 0;
}

/* Go's FileMode. */
static int64_t go_mode(mode_t m)
{
	static const struct {
		mode_t mask, value;
		unsigned bit;
	} bits[] = {
	    {S_IFMT, S_IFDIR, 31},  {S_IFMT, S_IFLNK, 27}, {S_IFMT, S_IFBLK, 26}, {S_IFMT, S_IFCHR, 26},
	    {S_IFMT, S_IFCHR, 21},  {S_IFMT, S_IFIFO, 25}, {S_IFMT, S_IFSOCK, 24}, {S_ISUID, S_ISUID, 23},
	    {S_ISGID, S_ISGID, 22}, {S_ISVTX, S_ISVTX, 20},
	};
	int64_t mode = m & 0777;

	for (size_t i = 0; i < ARRAY_LEN(bits); i++)
		if ((m & bits[i].mask) == bits[i].value)
			mode |= (int64_t)1 << bits[i].bit;
	return mode;
}

static char *link_target(const struct place *p)
{
	AUTO(free) char *to = fs_readlink(p->dir, p->name), *joined = NULL;
	const char *slash = strrchr(p->path, '/');
	AUTO(free) char *dir = xstrndup(p->path, slash - p->path);

	if (!to)
		return xstrdup("");
	joined = *to == '/' ? xstrdup(to) : xasprintf("%s/%s", dir, to);
	return path_clean(joined);
}

static char *base64(const char *s)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t n = strlen(s);
	struct buf out = {0};

	for (size_t i = 0; i < n; i += 3) {
		unsigned v = (unsigned)(unsigned char)s[i] << 16;

		v |= i + 1 < n ? (unsigned)(unsigned char)s[i + 1] << 8 : 0;
		v |= i + 2 < n ? (unsigned char)s[i + 2] : 0;
		buf_addc(&out, digits[v >> 18]);
		buf_addc(&out, digits[v >> 12 & 63]);
		buf_addc(&out, i + 1 < n ? digits[v >> 6 & 63] : '=');
		buf_addc(&out, i + 2 < n ? digits[v & 63] : '=');
	}
	return buf_take(&out);
}

static void set_stat_header(struct call *c, const struct place *p)
{
	AUTO(json) json_t *obj = json_object();
	AUTO(free) char *text = NULL, *coded = NULL, *target = NULL;
	const char *base = strrchr(p->path, '/') + 1;
	char mtime[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(mtime, p->st.st_mtim.tv_sec * NS_PER_SEC + p->st.st_mtim.tv_nsec);
	target = S_ISLNK(p->st.st_mode) ? link_target(p) : xstrdup("");
	json_object_set_new(obj, "name", json_str(*base ? base : "/"));
	json_object_set_new(obj, "size", json_integer(p->st.st_size));
	json_object_set_new(obj, "mode", json_integer(go_mode(p->st.st_mode)));
	json_object_set_new(obj, "mtime", json_string(mtime));
	json_object_set_new(obj, "linkTarget", json_str(target));
	text = json_text(obj, 0);
	coded = base64(text);
	http_set(c->req, "X-Docker-Container-Path-Stat", coded);
}

static int stat_path(struct call *c, struct err *err)
{
	AUTO(place) struct place p = {.root = -1, .dir = -1};

	if (find_place(c, &p, err) < 0)
		return -1;
	set_stat_header(c, &p);
	reply_empty(c, 200);
	return 0;
}

/* --- out ------------------------------------------------------------------------------------------ */

struct packer {
	int out;
	struct map links; /* "dev:ino" to the name it has in the tar */
	char *chunk;
	unsigned depth;
	struct err *err;
};

static int put(struct packer *pk, const void *data, size_t n)
{
	int r = fs_write_full(pk->out, data, n);

	return r < 0 ? err_sys(pk->err, -r, "send") : 0;
}

static int put_header(struct packer *pk, const struct tar_entry *e)
{
	AUTO(buf) struct buf b = {0};

	tar_put_header(&b, e);
	return put(pk, b.p, b.len);
}

/* Exactly size bytes, whatever the file does meanwhile. */
static int put_content(struct packer *pk, int fd, int64_t size)
{
	int64_t left = size;

	while (left > 0) {
		size_t want = (size_t)MIN(left, (int64_t)CHUNK);
		ssize_t n = read(fd, pk->chunk, want);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(pk->err, errno, "read");
		if (n == 0) {
			memset(pk->chunk, 0, want);
			n = (ssize_t)want;
		}
		if (put(pk, pk->chunk, (size_t)n) < 0)
			return -1;
		left -= n;
	}
	memset(pk->chunk, 0, TAR_BLOCK);
	return put(pk, pk->chunk, tar_padding(size));
}

static int pack(struct packer *pk, int dir, const char *file, const char *name);

struct packing {
	struct packer *pk;
	const char *name;
};

static int pack_child(void *ctx, int dirfd, const char *file, unsigned char d_type)
{
	struct packing *p = ctx;
	AUTO(free) char *name = path_join(p->name, file);

	return pack(p->pk, dirfd, file, name);
}

static int pack_dir(struct packer *pk, int dir, const char *file, const char *name)
{
	AUTO(close) int fd = openat(dir, file, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct packing p = {.pk = pk, .name = name};
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(pk->err, errno, "open '%s'", name);
	if (pk->depth >= DEPTH_MAX)
		return err_set(pk->err, ERR_INVALID, "'%s' is nested too deeply", name);
	pk->depth++;
	r = fs_each_entry(fd, ".", pack_child, &p);
	pk->depth--;
	if (r < 0 && pk->err->kind == ERR_NONE)
		return err_sys(pk->err, -r, "read directory '%s'", name);
	return r;
}

static int pack_file(struct packer *pk, int dir, const char *file, struct tar_entry *e)
{
	AUTO(close) int fd = fs_open_regular(dir, file); /* (2) */
	char caps[256];
	struct tar_xattr xattr = {.name = (char *)"security.capability", .value = caps};
	ssize_t n;

	if (fd == -ENOENT) /* gone, or another kind of file now */
		return 0;
	if (fd < 0)
		return err_sys(pk->err, -fd, "open '%s'", e->name);
	n = fgetxattr(fd, xattr.name, caps, sizeof(caps));
	if (n > 0) {
		xattr.n = (size_t)n;
		e->xattrs = &xattr;
		e->nxattrs = 1;
	}
	if (put_header(pk, e) < 0)
		return -1;
	return put_content(pk, fd, e->size);
}

/* True where the file has a name in the tar already. */
static bool is_linked(struct packer *pk, const struct stat *st, const char *name, struct tar_entry *e)
{
	char key[64];

	if (st->st_nlink < 2 || S_ISDIR(st->st_mode))
		return false;
	snprintf(key, sizeof(key), "%llx:%llx", (unsigned long long)st->st_dev, (unsigned long long)st->st_ino);
	if (!map_has(&pk->links, key)) {
		map_set_str(&pk->links, key, name);
		return false;
	}
	e->type = TAR_HARDLINK;
	e->link = map_get(&pk->links, key);
	e->size = 0;
	return true;
}

static const struct {
	mode_t format;
	enum tar_type type;
} types[] = {
    {S_IFREG, TAR_FILE}, {S_IFDIR, TAR_DIR},	   {S_IFLNK, TAR_SYMLINK},
    {S_IFCHR, TAR_CHAR}, {S_IFBLK, TAR_BLOCK_DEV}, {S_IFIFO, TAR_FIFO},
};

static int pack_entry(struct packer *pk, int dir, const char *file, const char *name, const struct stat *st,
		      enum tar_type type)
{
	AUTO(free) char *target = NULL;
	struct tar_entry e = {
	    .type = type,
	    .name = (char *)name,
	    .mode = st->st_mode & 07777,
	    .uid = st->st_uid,
	    .gid = st->st_gid,
	    .mtime = st->st_mtim.tv_sec,
	    .dev_major = major(st->st_rdev),
	    .dev_minor = minor(st->st_rdev),
	};

	if (type == TAR_FILE)
		e.size = st->st_size;
	if (type == TAR_SYMLINK) {
		target = fs_readlink(dir, file);
		if (!target)
			return 0;
		e.link = target;
	}
	if (!is_linked(pk, st, name, &e) && type == TAR_FILE)
		return pack_file(pk, dir, file, &e);
	return put_header(pk, &e);
}

static int pack(struct packer *pk, int dir, const char *file, const char *name)
{
	struct stat st;

	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(pk->err, errno, "look at '%s'", name);
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if ((st.st_mode & S_IFMT) != types[i].format)
			continue;
		if (pack_entry(pk, dir, file, name, &st, types[i].type) < 0)
			return -1;
		return types[i].type == TAR_DIR ? pack_dir(pk, dir, file, name) : 0;
	}
	return 0; /* a socket: tars have none */
}

static int write_tree(void *ctx, int fd, struct err *err)
{
	struct place *p = ctx;
	AUTO(free) char *chunk = xmalloc(CHUNK);
	AUTO(buf) struct buf end = {0};
	struct packer pk = {.out = fd, .chunk = chunk, .err = err};
	int r = pack(&pk, p->dir, p->name, p->base);

	map_done(&pk.links);
	if (r < 0)
		return -1;
	tar_put_end(&end);
	return put(&pk, end.p, end.len);
}

static int get_path(struct call *c, struct err *err)
{
	AUTO(place) struct place p = {.root = -1, .dir = -1};

	if (find_place(c, &p, err) < 0)
		return -1;
	set_stat_header(c, &p);
	return send_tar(c, "application/x-tar", write_tree, &p, err);
}

/* --- in ------------------------------------------------------------------------------------------- */

static int put_path(struct call *c, struct err *err)
{
	AUTO(close) int body = http_take_body(c->req), root = -1, dir = -1;
	const char *asked = str_or(param(c, "path"));
	AUTO(free) char *path = path_join("/", asked);
	struct unpack_result result;

	if (!*asked)
		return err_set(err, ERR_INVALID, "bad parameter: 'path' cannot be empty");
	root = container_root_fd(c->api->config.containers, c->arg, err);
	if (root < 0)
		return -1;
	dir = open_inside(root, path, O_RDONLY | O_DIRECTORY);
	if (dir == -ENOTDIR)
		return err_set(err, ERR_INVALID, "extraction point is not a directory");
	if (dir < 0)
		return not_there(c, asked, -dir, err);
	if (unpack_stream(image_store_libexec(c->api->config.images), body, dir, -1, 0, &result, err) < 0)
		return -1;
	if (!http_body_complete(c->req))
		return err_set(err, ERR_INVALID, "the upload was cut");
	reply_empty(c, 200);
	return 0;
}

const struct route archive_routes[] = {
    {"GET", "/containers/{}/archive", get_path, 0, 0, NEEDS_CONTAINERS},
    {"HEAD", "/containers/{}/archive", stat_path, 0, 0, NEEDS_CONTAINERS},
    {"PUT", "/containers/{}/archive", put_path, 0, R_UPLOAD, NEEDS_CONTAINERS},
    {0},
};
