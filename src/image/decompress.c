/*
 * decompress.c - what cove-fetch does with a stream
 *
 * (1) The digest and size cover all of the input, also what follows the compressed data.
 * (2) An archive that expands beyond BOMB_SIZE by more than BOMB_RATIO is refused.
 * (3) A compressed stream that ends early is an error, never a short output taken for whole.
 */
#include "image/decompress.h"

#include <archive.h>
#include <errno.h>
#include <isa-l/igzip_lib.h>
#include <openssl/evp.h>
#include <signal.h>
#include <zstd.h>

#include "base/fs.h"
#include "base/mem.h"

#define IN_SIZE		    (256 * 1024)
#define OUT_SIZE	    (512 * 1024)
#define BOMB_SIZE	    ((int64_t)2 << 30)
#define BOMB_RATIO	    400
#define ZSTD_WINDOW_LOG_MAX 27 /* 128 MiB */

struct stream {
	int in, out;
	uint8_t *buf; /* the input at hand */
	size_t have, pos;
	bool eof;
	uint8_t *plain;
	EVP_MD_CTX *md;
	struct fetch_report *ret;
	struct err *err;
};

/* More input into buf when all is used; false at the end or on an error (err set then). */
static bool more(struct stream *s)
{
	ssize_t n;

	if (s->pos < s->have)
		return true;
	if (s->eof)
		return false;
	do
		n = read(s->in, s->buf, IN_SIZE);
	while (n < 0 && errno == EINTR);
	s->pos = s->have = 0;
	if (n <= 0) {
		s->eof = true;
		if (n < 0)
			err_sys(s->err, errno, "read the archive");
		return false;
	}
	s->have = (size_t)n;
	EVP_DigestUpdate(s->md, s->buf, s->have);
	s->ret->in_size += n;
	return true;
}

static int emit(struct stream *s, const void *p, size_t n)
{
	int r = fs_write_full(s->out, p, n);

	s->ret->out_size += (int64_t)n;
	if (r == -EPIPE)
		return err_set(s->err, ERR_CANCELLED, "nobody reads the archive");
	if (r < 0)
		return err_sys(s->err, -r, "write the archive");
	if (s->ret->out_size > BOMB_SIZE && s->ret->out_size / BOMB_RATIO > s->ret->in_size)
		return err_set(s->err, ERR_INVALID,
			       "compressed data expand more than %d fold: refused", BOMB_RATIO);
	return 0;
}

static int bad(struct stream *s, const char *format, const char *why)
{
	if (s->err->kind)
		return -1;
	return err_set(s->err, ERR_INVALID, "bad %s data: %s", format, why);
}

static int plain(struct stream *s)
{
	while (more(s)) {
		if (emit(s, s->buf + s->pos, s->have - s->pos) < 0)
			return -1;
		s->pos = s->have;
	}
	return s->err->kind ? -1 : 0;
}

/* One member of a gzip file. */
static int gzip_member(struct stream *s, struct inflate_state *z)
{
	isal_inflate_init(z);
	z->crc_flag = ISAL_GZIP;
	while (z->block_state != ISAL_BLOCK_FINISH) {
		int r;

		if (z->avail_in == 0) {
			if (!more(s))
				return bad(s, "gzip", "ends early"); /* (3) */
			z->next_in = s->buf + s->pos;
			z->avail_in = (uint32_t)(s->have - s->pos);
			s->pos = s->have;
		}
		do {
			z->next_out = s->plain;
			z->avail_out = OUT_SIZE;
			r = isal_inflate(z);
			if (r < 0 || r == ISAL_NEED_DICT)
				return bad(s, "gzip",
					   r == ISAL_INCORRECT_CHECKSUM ? "checksum mismatch"
									: "corrupt");
			if (emit(s, s->plain, OUT_SIZE - z->avail_out) < 0)
				return -1;
		} while (z->avail_out == 0);
	}
	s->pos -= z->avail_in; /* what follows is in the buffer still */
	z->avail_in = 0;
	return 0;
}

static int gzip(struct stream *s)
{
	AUTO(free) struct inflate_state *z = xnew(struct inflate_state);

	do {
		if (gzip_member(s, z) < 0)
			return -1;
	} while (more(s) && s->buf[s->pos] == 0x1f); /* gzip files may follow each other */
	return s->err->kind ? -1 : 0;
}

static int zstd(struct stream *s)
{
	ZSTD_DCtx *z = ZSTD_createDCtx();
	size_t left = 0;
	int r = 0;

	CHECK(z);
	ZSTD_DCtx_setParameter(z, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG_MAX);
	while (r == 0 && more(s)) {
		ZSTD_inBuffer in = {s->buf, s->have, s->pos};
		ZSTD_outBuffer out;

		do {
			out = (ZSTD_outBuffer){s->plain, OUT_SIZE, 0};
			left = ZSTD_decompressStream(z, &out, &in);
			if (ZSTD_isError(left))
				r = bad(s, "zstd", ZSTD_getErrorName(left));
			else
				r = emit(s, s->plain, out.pos);
		} while (r == 0 && (in.pos < in.size || out.pos == OUT_SIZE));
		s->pos = in.pos;
	}
	if (r == 0 && left != 0)
		r = bad(s, "zstd", "ends early"); /* (3) */
	ZSTD_freeDCtx(z);
	return r < 0 || s->err->kind ? -1 : 0;
}

static la_ssize_t odd_read(struct archive *a, void *ctx, const void **ret)
{
	struct stream *s = ctx;
	size_t n;

	if (!more(s))
		return s->err->kind ? -1 : 0;
	n = s->have - s->pos;
	*ret = s->buf + s->pos;
	s->pos = s->have;
	return (la_ssize_t)n;
}

static int odd_copy(struct stream *s, struct archive *a, const char *name)
{
	struct archive_entry *entry;
	la_ssize_t n = 0;
	int r = archive_read_next_header(a, &entry);

	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK)
		return bad(s, name, archive_error_string(a));
	while ((n = archive_read_data(a, s->plain, OUT_SIZE)) > 0)
		if (emit(s, s->plain, (size_t)n) < 0)
			return -1;
	return n < 0 ? bad(s, name, archive_error_string(a)) : 0;
}

/* The formats that nobody is in a hurry with: libarchive's filters over its raw format. */
static int odd(struct stream *s, const char *name, int (*filter)(struct archive *))
{
	struct archive *a = archive_read_new();
	int r = -1;

	CHECK(a);
	archive_read_support_format_raw(a);
	archive_read_support_format_empty(a);
	if (filter(a) != ARCHIVE_OK)
		err_set(s->err, ERR_UNSUPPORTED, "%s data are not supported here", name);
	else if (archive_read_open(a, s, NULL, odd_read, NULL) != ARCHIVE_OK)
		bad(s, name, archive_error_string(a));
	else
		r = odd_copy(s, a, name);
	archive_read_free(a);
	return r;
}

static const struct format {
	const char *name;
	const char *magic;
	size_t n;
	int (*run)(struct stream *s); /* or */
	int (*filter)(struct archive *);
} formats[] = {
	{"gzip", "\x1f\x8b\x08", 3, gzip, NULL},
	{"zstd", "\x28\xb5\x2f\xfd", 4, zstd, NULL},
	{"xz",
	 "\xfd"
	 "7zXZ\0",
	 6, NULL, archive_read_support_filter_xz},
	{"bzip2", "BZh", 3, NULL, archive_read_support_filter_bzip2},
	{"lz4", "\x04\x22\x4d\x18", 4, NULL, archive_read_support_filter_lz4},
	{"lzma", "\x5d\0\0", 3, NULL, archive_read_support_filter_lzma},
};

/* Fills the buffer until it can be told what it is. */
static int sniff(struct stream *s)
{
	while (!s->eof && s->have < 8) {
		ssize_t n = read(s->in, s->buf + s->have, IN_SIZE - s->have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(s->err, errno, "read the archive");
		if (n == 0)
			s->eof = true;
		s->have += (size_t)n;
	}
	EVP_DigestUpdate(s->md, s->buf, s->have);
	s->ret->in_size += (int64_t)s->have;
	return 0;
}

static int run(struct stream *s)
{
	if (sniff(s) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
		const struct format *f = &formats[i];

		if (s->have < f->n || memcmp(s->buf, f->magic, f->n) != 0)
			continue;
		return f->run ? f->run(s) : odd(s, f->name, f->filter);
	}
	return plain(s);
}

int decompress(int in, int out, struct fetch_report *ret)
{
	struct stream s = {
		.in = in,
		.out = out,
		.buf = xmalloc(IN_SIZE),
		.plain = xmalloc(OUT_SIZE),
		.md = EVP_MD_CTX_new(),
		.ret = ret,
		.err = &ret->err,
	};
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	int r;

	signal(SIGPIPE, SIG_IGN);
	CHECK(s.md && EVP_DigestInit_ex(s.md, EVP_sha256(), NULL));
	r = run(&s);
	s.pos = s.have;
	while (r == 0 && more(&s)) /* (1) */
		s.pos = s.have;
	if (ret->err.kind)
		r = -1;
	EVP_DigestFinal_ex(s.md, digest, &n);
	hex_encode(ret->digest, digest, 32);
	EVP_MD_CTX_free(s.md);
	free(s.buf);
	free(s.plain);
	return r;
}
