/*
 * extract.c - the loop from a stream to entries, with its digest and its map
 *
 * (1) The digest covers every byte of the stream, also what follows the end marker.
 * (2) The map is complete: each byte is in a raw record or in a file's data, in order.
 */
#include "image/extract.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "image/extract-priv.h"

#define IN_SIZE (256 * 1024)

struct stream {
	struct extract x;
	struct tar_reader *reader;
	struct extract_map *map;
	EVP_MD_CTX *md;
	const char *raw; /* first byte of the input not in the map yet */
	bool named;	 /* the map has the path of the file at hand */
};

static int on_data(struct stream *s, const struct tar_data *d)
{
	const char *p = d->p;

	if (extract_data(&s->x, d) < 0)
		return -1;
	if (!s->map)
		return 0;
	if (extract_map_raw(s->map, s->raw, (size_t)(p - s->raw), s->x.err) < 0)
		return -1;
	s->raw = p + d->n;
	if (!s->named && extract_map_file(s->map, s->x.path, s->x.err) < 0)
		return -1;
	s->named = true;
	return extract_map_data(s->map, d->offset, (int64_t)d->n, s->x.err);
}

static int feed(struct stream *s, const void *buf, size_t size)
{
	const void *in = buf;
	size_t n = size;
	int ev;

	s->raw = buf;
	do {
		const struct tar_entry *e = NULL;
		struct tar_data d;

		ev = tar_reader_next(s->reader, &in, &n, &e, &d, s->x.err);
		if (ev < 0)
			return -1;
		if (ev == TAR_ENTRY) {
			s->named = false;
			if (extract_file_end(&s->x) < 0 || extract_entry(&s->x, e) < 0)
				return -1;
		} else if (ev == TAR_DATA && on_data(s, &d) < 0) {
			return -1;
		}
	} while (ev == TAR_ENTRY || ev == TAR_DATA);
	if (!s->map)
		return 0;
	return extract_map_raw(s->map, s->raw, (size_t)((const char *)buf + size - s->raw),
			       s->x.err);
}

static int run(struct stream *s, int in, struct unpack_report *ret)
{
	AUTO(free) char *buf = xmalloc(IN_SIZE);

	for (;;) {
		ssize_t n = read(in, buf, IN_SIZE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(s->x.err, errno, "unpack: read the archive");
		if (n == 0)
			break;
		EVP_DigestUpdate(s->md, buf, (size_t)n); /* (1) */
		ret->tar_size += n;
		if (feed(s, buf, (size_t)n) < 0)
			return -1;
	}
	if (tar_reader_end(s->reader, s->x.err) < 0 || extract_file_end(&s->x) < 0 ||
	    extract_finish(&s->x) < 0)
		return -1;
	return s->map ? extract_map_end(s->map, s->x.err) : 0;
}

int extract(int in, int root, int report_fd, int map_fd, unsigned flags, struct unpack_report *ret)
{
	struct stream s = {
		.x = {.root = root,
		      .report_fd = report_fd,
		      .flags = flags,
		      .file = -1,
		      .err = &ret->err},
		.reader = tar_reader_new(),
		.md = EVP_MD_CTX_new(),
		.map = map_fd >= 0 ? extract_map_new(map_fd) : NULL,
	};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int r;

	umask(0);
	CHECK(s.md && EVP_DigestInit_ex(s.md, EVP_sha256(), NULL));
	r = run(&s, in, ret);
	EVP_DigestFinal_ex(s.md, digest, &n);
	hex_encode(ret->digest, digest, 32);
	ret->size = s.x.size;
	ret->entries = s.x.entries;
	ret->inexact = s.x.inexact;
	EVP_MD_CTX_free(s.md);
	extract_map_free(s.map);
	tar_reader_free(s.reader);
	extract_forget(&s.x);
	if (s.x.file >= 0)
		close(s.x.file);
	tar_entry_done(&s.x.late);
	while (s.x.ndirs > 0)
		free(s.x.dirs[--s.x.ndirs].path);
	free(s.x.dirs);
	free(s.x.path);
	return r;
}
