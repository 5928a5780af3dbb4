/*
 * blob.c - content by digest
 *
 * (1) A file under content/sha256/ is whole and durable before it has its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "image/store-priv.h"

#define COPY_SIZE (256 * 1024)

const char *image_digest_hex(const char *digest)
{
	return digest && reference_is_digest(digest) ? digest + strlen("sha256:") : NULL;
}

bool image_blob_have(struct image_store *store, const char *digest)
{
	const char *hex = image_digest_hex(digest);

	return hex && fs_exists(store->contentfd, hex);
}

static void mark_fresh(struct image_store *store, const char *digest)
{
	pthread_mutex_lock(&store->lock);
	map_set(&store->fresh, digest, store);
	pthread_mutex_unlock(&store->lock);
}

int image_blob_put(struct image_store *store, const char *digest, int dirfd, const char *name,
		   struct err *err)
{
	const char *hex = image_digest_hex(digest);
	AUTO(close) int fd = -1;

	if (!hex)
		return err_set(err, ERR_INVALID, "'%.80s' is no digest we can store", digest);
	mark_fresh(store, digest);
	fd = openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0 || fchmod(fd, 0600) < 0 ||
	    renameat(dirfd, name, store->contentfd, hex) < 0 || fsync(store->contentfd) < 0)
		return err_sys(err, errno, "store '%s/content/sha256/%s'", store->root, hex);
	return 0;
}

static int copy_hashed(int in, int out, char ret_digest[IMAGE_ID_SIZE], struct err *err)
{
	AUTO(free) char *buf = xmalloc(COPY_SIZE);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned len;
	ssize_t n = 0;
	int r = 0;

	CHECK(md && EVP_DigestInit_ex(md, EVP_sha256(), NULL));
	while (r == 0 && (n = fs_read_full(in, buf, COPY_SIZE)) > 0) {
		EVP_DigestUpdate(md, buf, (size_t)n);
		r = fs_write_full(out, buf, (size_t)n);
	}
	EVP_DigestFinal_ex(md, digest, &len);
	EVP_MD_CTX_free(md);
	memcpy(ret_digest, "sha256:", 7);
	hex_encode(ret_digest + 7, digest, 32);
	if (n < 0 || r < 0)
		return err_sys(err, n < 0 ? (int)-n : -r, "copy a blob");
	return 0;
}

int image_blob_copy(struct image_store *store, const char *digest, int fd, struct err *err)
{
	AUTO(close) int out = -1;
	char name[] = "blob-0123456789abcdef", actual[IMAGE_ID_SIZE];
	int r;

	random_hex(name + 5, 16);
	out = openat(store->tmpfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(err, errno, "make '%s/tmp/%s'", store->root, name);
	r = copy_hashed(fd, out, actual, err);
	if (r == 0 && !streq(actual, digest))
		r = err_set(err, ERR_INVALID, "blob %s has digest %s", digest, actual);
	if (r == 0)
		r = image_blob_put(store, digest, store->tmpfd, name, err);
	if (r < 0)
		unlinkat(store->tmpfd, name, 0);
	return r;
}

int image_blob_put_data(struct image_store *store, const void *data, size_t n,
			char ret_digest[IMAGE_ID_SIZE], struct err *err)
{
	int r;

	image_digest(ret_digest, data, n);
	mark_fresh(store, ret_digest);
	if (image_blob_have(store, ret_digest))
		return 0;
	r = fs_replace(store->contentfd, image_digest_hex(ret_digest), data, n, 0600, FS_DURABLE);
	if (r < 0)
		return err_sys(err, -r, "store '%s/content/sha256/%s'", store->root,
			       image_digest_hex(ret_digest));
	return 0;
}

int image_blob_open(struct image_store *store, const char *digest, struct err *err)
{
	const char *hex = image_digest_hex(digest);
	int fd = hex ? openat(store->contentfd, hex, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;

	if (!hex)
		return err_set(err, ERR_INVALID, "'%.80s' is no digest", digest);
	if (fd < 0)
		return err_sys(err, errno, "open '%s/content/sha256/%s'", store->root, hex);
	return fd;
}

int image_store_remove_blob(struct image_store *store, const char *digest)
{
	const char *hex = image_digest_hex(digest);

	if (!hex)
		return 0;
	return unlinkat(store->contentfd, hex, 0) < 0 ? -errno : 0;
}
