/*
 * tar-write.c - headers of tars, the same bytes for the same entry for ever
 *
 * Digests of layers hang on every byte made here: a change that alters the output for any
 * entry breaks the identity of layers already pushed. tests/test-tar.c holds golden bytes.
 *
 * (1) ustar alone where all fits; else one pax header, its records sorted by key.
 * (2) Nothing but the entry's own fields goes in: no user names, no clock.
 */
#include <stdio.h>

#include "codec/tar-format.h"
#include "codec/tar.h"

#define OCTAL_7	 07777777	/* what seven digits hold */
#define OCTAL_11 077777777777LL /* eleven */

static const char flags[] = {
	[TAR_FILE] = '0',      [TAR_HARDLINK] = '1', [TAR_SYMLINK] = '2', [TAR_CHAR] = '3',
	[TAR_BLOCK_DEV] = '4', [TAR_DIR] = '5',	     [TAR_FIFO] = '6',
};

struct record {
	char key[300];
	const void *value;
	size_t n;
	char number[40];
};

struct records {
	struct record *v;
	size_t n;
};

size_t tar_padding(int64_t size)
{
	return (size_t)(-(uint64_t)size % TAR_BLOCK);
}

void tar_put_end(struct buf *out)
{
	static const char zeros[2 * TAR_BLOCK];

	buf_add(out, zeros, sizeof(zeros));
}

static void octal(char *field, size_t n, uint64_t v)
{
	field[--n] = 0;
	while (n > 0) {
		field[--n] = (char)('0' + (v & 7));
		v >>= 3;
	}
}

static void finish_header(struct tar_header *h)
{
	const uint8_t *b = (const uint8_t *)h;
	uint32_t sum = 0;

	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->chksum, ' ', sizeof(h->chksum));
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += b[i];
	octal(h->chksum, 7, sum);
}

static struct record *add_record(struct records *r, const char *prefix, const char *key)
{
	struct record *rec;

	r->v = xrealloc(r->v, (r->n + 1) * sizeof(*r->v));
	rec = &r->v[r->n++];
	memset(rec, 0, sizeof(*rec));
	snprintf(rec->key, sizeof(rec->key), "%s%s", prefix, key);
	return rec;
}

static void add_bytes(struct records *r, const char *prefix, const char *key, const void *value,
		      size_t n)
{
	struct record *rec = add_record(r, prefix, key);

	rec->value = value;
	rec->n = n;
}

static void add_number(struct records *r, const char *key, int64_t v)
{
	struct record *rec = add_record(r, "", key);

	rec->n = (size_t)snprintf(rec->number, sizeof(rec->number), "%lld", (long long)v);
}

static void add_mtime(struct records *r, int64_t sec, uint32_t ns)
{
	struct record *rec = add_record(r, "", "mtime");
	bool negative = sec < 0;
	int n;

	if (negative && ns) { /* -0.25 is second -1 and 0.75 */
		sec += 1;
		ns = 1000000000 - ns;
	}
	n = snprintf(rec->number, sizeof(rec->number), "%s%lld.%09u", negative ? "-" : "",
		     (long long)(negative ? -sec : sec), ns);
	while (rec->number[n - 1] == '0')
		n--;
	if (rec->number[n - 1] == '.')
		n--;
	rec->n = (size_t)n;
}

/* Must it go into a pax record? Only ASCII is safe in the header itself. */
static bool string_extends(const char *s, size_t max)
{
	size_t n = 0;

	for (; s[n]; n++)
		if (s[n] & 0x80)
			return true;
	return n > max;
}

static int compare_records(const void *a, const void *b)
{
	return strcmp(((const struct record *)a)->key, ((const struct record *)b)->key);
}

static void put_record(struct buf *out, const struct record *rec)
{
	size_t body = strlen(rec->key) + rec->n + 3; /* space, '=', newline */
	size_t len = body + 1;
	char digits[24];

	while ((size_t)snprintf(digits, sizeof(digits), "%zu", len) + body != len)
		len = body + strlen(digits);
	buf_addf(out, "%zu %s=", len, rec->key);
	buf_add(out, rec->value ? rec->value : rec->number, rec->n);
	buf_addc(out, '\n');
}

static void put_zeros(struct buf *out, size_t n)
{
	static const char zeros[TAR_BLOCK];

	buf_add(out, zeros, n);
}

static void put_pax(struct buf *out, const struct tar_entry *e, struct records *r)
{
	AUTO(buf) struct buf body = {0};
	struct tar_header h = {0};
	const char *slash = strrchr(e->name, '/');

	qsort(r->v, r->n, sizeof(*r->v), compare_records);
	for (size_t i = 0; i < r->n; i++)
		put_record(&body, &r->v[i]);
	snprintf(h.name, sizeof(h.name), "PaxHeaders.0/%.80s",
		 slash && slash[1] ? slash + 1 : e->name);
	for (size_t i = 0; h.name[i]; i++)
		if (h.name[i] & 0x80)
			h.name[i] = '_';
	octal(h.mode, 8, 0644);
	octal(h.uid, 8, 0);
	octal(h.gid, 8, 0);
	octal(h.size, 12, body.len);
	octal(h.mtime, 12, 0);
	h.typeflag = 'x';
	octal(h.devmajor, 8, 0);
	octal(h.devminor, 8, 0);
	finish_header(&h);
	buf_add(out, &h, sizeof(h));
	buf_add(out, body.p, body.len);
	put_zeros(out, tar_padding((int64_t)body.len));
}

static void collect(struct records *r, const struct tar_entry *e)
{
	if (string_extends(e->name, 100))
		add_bytes(r, "", "path", e->name, strlen(e->name));
	if (e->link && string_extends(e->link, 100))
		add_bytes(r, "", "linkpath", e->link, strlen(e->link));
	if (e->uid > OCTAL_7)
		add_number(r, "uid", e->uid);
	if (e->gid > OCTAL_7)
		add_number(r, "gid", e->gid);
	if (e->size > OCTAL_11)
		add_number(r, "size", e->size);
	if (e->mtime < 0 || e->mtime > OCTAL_11 || e->mtime_ns)
		add_mtime(r, e->mtime, e->mtime_ns);
	for (size_t i = 0; i < e->nxattrs; i++)
		add_bytes(r, "SCHILY.xattr.", e->xattrs[i].name, e->xattrs[i].value,
			  e->xattrs[i].n);
}

void tar_put_header(struct buf *out, const struct tar_entry *e)
{
	struct records r = {0};
	struct tar_header h = {0};

	collect(&r, e);
	if (r.n)
		put_pax(out, e, &r);
	memcpy(h.name, e->name, MIN(strlen(e->name), sizeof(h.name)));
	if (e->link)
		memcpy(h.linkname, e->link, MIN(strlen(e->link), sizeof(h.linkname)));
	octal(h.mode, 8, e->mode);
	octal(h.uid, 8, e->uid > OCTAL_7 ? 0 : e->uid);
	octal(h.gid, 8, e->gid > OCTAL_7 ? 0 : e->gid);
	octal(h.size, 12, e->size > OCTAL_11 ? 0 : (uint64_t)e->size);
	octal(h.mtime, 12, e->mtime < 0 || e->mtime > OCTAL_11 ? 0 : (uint64_t)e->mtime);
	h.typeflag = flags[e->type];
	octal(h.devmajor, 8, e->dev_major);
	octal(h.devminor, 8, e->dev_minor);
	finish_header(&h);
	h.chksum[7] = ' ';
	buf_add(out, &h, sizeof(h));
	free(r.v);
}
