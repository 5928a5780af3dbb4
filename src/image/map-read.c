/*
 * map-read.c - the tar of a layer from its map and its files
 *
 * (1) What comes out is hashed: anything else than the layer's diff id is an error at the end.
 * (2) Paths in the map are resolved below diff/ only, and only regular files are read.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <zstd.h>

#include "base/fs.h"
#include "image/helper.h"
#include "image/store-priv.h"

#define RAW_MAX	       (1 << 20)
#define PATH_MAX_BYTES 8192
#define IN_SIZE	       (128 * 1024)
#define COPY_SIZE      (256 * 1024)

struct map_reader {
	int map, diff, file, out; /* out -1: only count */
	ZSTD_DCtx *zstd;
	char *in;
	size_t have, pos;
	bool more; /* the decoder may hold output without new input */
	EVP_MD_CTX *md;
	char *copy;
	int64_t size;
	struct err *err;
};

/* n bytes of the map; 0: its end (only where a record starts); -1. */
static int map_bytes(struct map_reader *m, void *dst, size_t n)
{
	ZSTD_outBuffer out = {dst, n, 0};

	while (out.pos < n) {
		ZSTD_inBuffer in = {m->in, m->have, m->pos};
		size_t before = out.pos, r;
		ssize_t got;

		r = ZSTD_decompressStream(m->zstd, &out, &in);
		m->pos = in.pos;
		if (ZSTD_isError(r))
			return err_set(m->err, ERR_CORRUPT, "layer map is damaged: %s",
				       ZSTD_getErrorName(r));
		if (out.pos > before || m->pos < m->have)
			continue;
		got = fs_read_full(m->map, m->in, IN_SIZE);
		if (got < 0)
			return err_sys(m->err, (int)-got, "read a layer's map");
		if (got == 0)
			return out.pos == 0 ? 0
					    : err_set(m->err, ERR_CORRUPT, "layer map is cut off");
		m->have = (size_t)got;
		m->pos = 0;
	}
	return 1;
}

static int emit(struct map_reader *m, const void *p, size_t n)
{
	int r;

	m->size += (int64_t)n;
	if (m->out < 0)
		return 0;
	EVP_DigestUpdate(m->md, p, n);
	r = fs_write_full(m->out, p, n);
	if (r == -EPIPE)
		return err_set(m->err, ERR_CANCELLED, "the reader went away");
	return r < 0 ? err_sys(m->err, -r, "write a layer's tar") : 0;
}

static int open_file(struct map_reader *m, size_t n)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	char path[PATH_MAX_BYTES + 1];
	struct stat st;

	if (n > PATH_MAX_BYTES)
		return err_set(m->err, ERR_CORRUPT, "layer map is damaged");
	if (n && map_bytes(m, path, n) <= 0)
		return m->err->kind ? -1 : err_set(m->err, ERR_CORRUPT, "layer map is cut off");
	path[n] = 0;
	if (m->out < 0)
		return 0;
	if (m->file >= 0)
		close(m->file);
	m->file = (int)syscall(SYS_openat2, m->diff, path, &how, sizeof(how));
	if (m->file < 0)
		return err_sys(m->err, errno, "open '%.200s' of a layer", path);
	if (fstat(m->file, &st) < 0 || !S_ISREG(st.st_mode)) /* (2) */
		return err_set(m->err, ERR_CORRUPT, "'%.200s' of a layer is no file", path);
	return 0;
}

static int copy_data(struct map_reader *m, int64_t offset, int64_t length)
{
	if (m->out < 0) {
		m->size += length;
		return 0;
	}
	while (length > 0) {
		size_t want = length < COPY_SIZE ? (size_t)length : COPY_SIZE;
		ssize_t n = m->file >= 0 ? pread(m->file, m->copy, want, offset) : 0;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(m->err, errno, "read a layer's file");
		if (n == 0)
			return err_set(m->err, ERR_CORRUPT,
				       "a layer's file is shorter than it was");
		if (emit(m, m->copy, (size_t)n) < 0)
			return -1;
		offset += n;
		length -= n;
	}
	return 0;
}

static int raw(struct map_reader *m, int64_t length)
{
	while (length > 0) {
		size_t n = length < COPY_SIZE ? (size_t)length : COPY_SIZE;
		int r = map_bytes(m, m->copy, n);

		if (r <= 0)
			return m->err->kind ? -1
					    : err_set(m->err, ERR_CORRUPT, "layer map is cut off");
		if (emit(m, m->copy, n) < 0)
			return -1;
		length -= (int64_t)n;
	}
	return 0;
}

static int records(struct map_reader *m)
{
	for (;;) {
		struct map_head head;
		int r = map_bytes(m, &head, sizeof(head));

		if (r <= 0)
			return r;
		if (head.length < 0 || head.offset < 0)
			r = err_set(m->err, ERR_CORRUPT, "layer map is damaged");
		else if (head.type == MAP_RAW)
			r = raw(m, head.length);
		else if (head.type == MAP_FILE)
			r = open_file(m, (size_t)head.length);
		else if (head.type == MAP_DATA)
			r = copy_data(m, head.offset, head.length);
		else
			r = err_set(m->err, ERR_CORRUPT, "layer map is damaged");
		if (r < 0)
			return -1;
	}
}

static int run(int dirfd, int out, const char *diff_id, int64_t *ret_size, struct err *err)
{
	AUTO(close) int map = openat(dirfd, "map", O_RDONLY | O_CLOEXEC);
	AUTO(close) int diff = fs_open_dir(dirfd, "diff");
	AUTO(free) char *in = xmalloc(IN_SIZE);
	AUTO(free) char *copy = xmalloc(COPY_SIZE);
	struct err local = ERR_INIT;
	struct map_reader m = {.map = map,
			       .diff = diff,
			       .file = -1,
			       .out = out,
			       .in = in,
			       .copy = copy,
			       .err = &local};
	unsigned char md[EVP_MAX_MD_SIZE];
	char hex[65];
	unsigned n;
	int r;

	if (map < 0 || diff < 0)
		return err_sys(err, errno, "open a layer");
	m.zstd = ZSTD_createDCtx();
	m.md = EVP_MD_CTX_new();
	CHECK(m.zstd && m.md && EVP_DigestInit_ex(m.md, EVP_sha256(), NULL));
	r = records(&m);
	EVP_DigestFinal_ex(m.md, md, &n);
	hex_encode(hex, md, 32);
	if (r == 0 && out >= 0 && !streq(hex, image_digest_hex(diff_id))) /* (1) */
		r = err_set(&local, ERR_CORRUPT, "layer %.19s was changed: its tar differs",
			    diff_id);
	if (m.file >= 0)
		close(m.file);
	ZSTD_freeDCtx(m.zstd);
	EVP_MD_CTX_free(m.md);
	if (r < 0 && err)
		*err = local;
	*ret_size = m.size;
	return r;
}

static int layer_tar(struct image_store *store, const char *chain, int out, int64_t *ret_size,
		     struct err *err)
{
	AUTO(close) int dirfd = -1;
	char diff[IMAGE_ID_SIZE] = "";
	bool exact = false;

	pthread_mutex_lock(&store->lock);
	{
		const struct layer *l = map_get(&store->layers, chain);

		if (l) {
			memcpy(diff, l->diff, sizeof(diff));
			exact = l->exact;
			dirfd = fs_open_dir(store->layersfd, l->dir);
		}
	}
	pthread_mutex_unlock(&store->lock);
	if (!*diff)
		return err_set(err, ERR_CORRUPT, "layer %.19s is missing from '%s/layers'", chain,
			       store->root);
	if (!exact)
		return err_set(err, ERR_UNSUPPORTED,
			       "layer %.19s cannot be given as a tar again: its "
			       "archive replaced files of its own",
			       diff);
	if (dirfd < 0)
		return err_sys(err, -dirfd, "open a layer in '%s/layers'", store->root);
	return run(dirfd, out, diff, ret_size, err);
}

int image_layer_tar_size(struct image_store *store, const char *chain, int64_t *ret,
			 struct err *err)
{
	return layer_tar(store, chain, -1, ret, err);
}

int image_layer_tar(struct image_store *store, const char *chain, int fd, struct err *err)
{
	int64_t size;

	return layer_tar(store, chain, fd, &size, err);
}
