/*
 * tar.c - the streaming reader of tars
 *
 * A state machine fed with bytes. Headers are taken straight from the input where they lie
 * whole, data always: nothing is copied but meta data and headers split between two inputs.
 *
 * (1) No byte of the input is trusted: numbers are parsed with overflow checks, names and links
 *     hold no NUL and are at most TAR_PATH_MAX, every allocation is under a named limit.
 * (2) Data events of one file ascend in offset, do not overlap and end at or before its size.
 * (3) Extended headers apply to exactly the next entry. Global ones are ignored, as by docker.
 */
#include "codec/tar.h"

#include <ctype.h>

#include "codec/tar-format.h"

enum state {
	ST_HEADER,
	ST_META,       /* the body of an extended header or long name */
	ST_OLD_SPARSE, /* GNU's extension headers */
	ST_MAP,	       /* the sparse map before the data, GNU.sparse 1.0 */
	ST_ENTRY,      /* the entry is complete, to be reported */
	ST_DATA,
	ST_SKIP, /* padding and data without meaning */
	ST_EOF,
};

/* What extended headers say about the next entry. */
struct extended {
	char *name, *link;
	bool has_uid, has_gid, has_size, has_mtime, has_realsize;
	uint32_t uid, gid, mtime_ns;
	int64_t size, mtime, realsize;
	struct tar_xattr *xattrs;
	size_t nxattrs;
	struct tar_piece *pieces;
	size_t npieces;
	bool sparse, half_piece; /* GNU.sparse 0.0: an offset without its length yet */
	bool map_in_data;
	int64_t sparse_major;
};

struct tar_reader {
	enum state state;
	uint8_t block[TAR_BLOCK];
	size_t have; /* bytes in block */
	struct buf meta;
	size_t meta_left;
	char meta_type;
	int64_t skip;
	int64_t stored; /* bytes of the entry's data still to come */
	size_t piece;
	size_t map_lines;
	int64_t offset;
	bool zero_block, any;
	struct extended ext;
	struct tar_entry e;
};

static int bad(struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "bad tar archive: %s", what);
}

static void free_xattrs(struct tar_xattr *x, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(x[i].name);
		free(x[i].value);
	}
	free(x);
}

void tar_entry_done(struct tar_entry *e)
{
	free(e->name);
	free(e->link);
	free(e->pieces);
	free_xattrs(e->xattrs, e->nxattrs);
	memset(e, 0, sizeof(*e));
}

static void extended_done(struct extended *x)
{
	free(x->name);
	free(x->link);
	free(x->pieces);
	free_xattrs(x->xattrs, x->nxattrs);
	memset(x, 0, sizeof(*x));
}

struct tar_reader *tar_reader_new(void)
{
	return xnew(struct tar_reader);
}

void tar_reader_free(struct tar_reader *r)
{
	if (!r)
		return;
	buf_done(&r->meta);
	extended_done(&r->ext);
	tar_entry_done(&r->e);
	free(r);
}

/* ---- numbers ---- */

static int base256(const uint8_t *p, size_t n, int64_t *ret)
{
	bool negative = p[0] & 0x40;
	uint64_t v = negative ? ~0ull : 0;

	for (size_t i = 0; i < n; i++) {
		uint8_t c = p[i];

		if (i == 0)
			c = negative ? c | 0x80 : c & 0x7f;
		if ((v >> 55) != (negative ? 0x1ff : 0))
			return -1; /* the next shift would lose a bit */
		v = v << 8 | c;
	}
	*ret = (int64_t)v;
	return 0;
}

static int number(const void *field, size_t n, int64_t *ret)
{
	const uint8_t *p = field;
	int64_t v = 0;
	size_t i = 0;

	if (n && p[0] & 0x80)
		return base256(p, n, ret);
	while (i < n && p[i] == ' ')
		i++;
	for (; i < n && p[i] >= '0' && p[i] <= '7'; i++) {
		if (v >> 59)
			return -1;
		v = v << 3 | (p[i] - '0');
	}
	for (; i < n; i++)
		if (p[i] != ' ' && p[i] != 0)
			return -1;
	*ret = v;
	return 0;
}

static int id_number(const void *field, size_t n, uint32_t *ret)
{
	int64_t v;

	if (number(field, n, &v) < 0 || v < 0 || v > UINT32_MAX - 1)
		return -1;
	*ret = (uint32_t)v;
	return 0;
}

/* Decimal digits of s up to n bytes, all of them. */
static int decimal(const char *s, size_t n, int64_t *ret)
{
	int64_t v = 0;

	if (n == 0 || n > 18)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	*ret = v;
	return 0;
}

/* "-1700000000.123456789" */
static int pax_time(const char *s, size_t n, int64_t *ret, uint32_t *ret_ns)
{
	bool negative = n && s[0] == '-';
	const char *dot;
	int64_t sec, ns = 0, scale = 100000000;

	if (negative)
		s++, n--;
	dot = memchr(s, '.', n);
	if (decimal(s, dot ? (size_t)(dot - s) : n, &sec) < 0)
		return -1;
	for (const char *p = dot ? dot + 1 : s + n; p < s + n; p++, scale /= 10) {
		if (*p < '0' || *p > '9')
			return -1;
		ns += scale * (*p - '0');
	}
	if (negative) {
		sec = ns ? -sec - 1 : -sec;
		ns = ns ? 1000000000 - ns : 0;
	}
	*ret = sec;
	*ret_ns = (uint32_t)ns;
	return 0;
}

/* ---- extended headers ---- */

static int add_piece(struct tar_piece **pieces, size_t *n, int64_t offset, int64_t length,
		     struct err *err)
{
	if (*n >= TAR_SPARSE_MAX)
		return bad(err, "too many pieces in a sparse file");
	if (offset < 0 || length < 0 || offset > TAR_SIZE_MAX || length > TAR_SIZE_MAX)
		return bad(err, "sparse map out of range");
	if ((*n & (*n - 1)) == 0)
		*pieces = xrealloc(*pieces, (*n ? *n * 2 : 1) * sizeof(**pieces));
	(*pieces)[(*n)++] = (struct tar_piece){offset, length};
	return 0;
}

static int pax_map(struct extended *x, const char *s, size_t n, struct err *err)
{
	int64_t v[2];
	int i = 0;

	while (n > 0) {
		const char *comma = memchr(s, ',', n);
		size_t len = comma ? (size_t)(comma - s) : n;

		if (decimal(s, len, &v[i]) < 0)
			return bad(err, "sparse map is not made of numbers");
		i ^= 1;
		if (i == 0 && add_piece(&x->pieces, &x->npieces, v[0], v[1], err) < 0)
			return -1;
		len += comma != NULL;
		s += len;
		n -= len;
	}
	return i ? bad(err, "sparse map is incomplete") : 0;
}

static int pax_xattr(struct extended *x, const char *key, const void *value, size_t n,
		     struct err *err)
{
	if (x->nxattrs >= TAR_XATTR_MAX)
		return bad(err, "too many extended attributes");
	if (!*key || strlen(key) > 255)
		return bad(err, "extended attribute name out of range");
	x->xattrs = xrealloc(x->xattrs, (x->nxattrs + 1) * sizeof(*x->xattrs));
	x->xattrs[x->nxattrs++] = (struct tar_xattr){
		.name = xstrdup(key), .value = xmemdup(n ? value : "", n ? n : 1), .n = n};
	return 0;
}

static int set_string(char **dst, const char *s, size_t n, struct err *err)
{
	if (n == 0)
		return 0; /* pax: an empty value takes the header's own again */
	if (n > TAR_PATH_MAX)
		return bad(err, "name longer than 4096 bytes");
	if (memchr(s, 0, n))
		return bad(err, "name holds a NUL byte");
	free(*dst);
	*dst = xstrndup(s, n);
	return 0;
}

enum pax_kind {
	PAX_NAME,
	PAX_LINK,
	PAX_UID,
	PAX_GID,
	PAX_SIZE,
	PAX_MTIME,
	PAX_REALSIZE,
	PAX_MAJOR,
	PAX_OFFSET,
	PAX_LENGTH,
	PAX_MAP
};

static const struct {
	const char *key;
	enum pax_kind kind;
} pax_keys[] = {
	{"path", PAX_NAME},
	{"linkpath", PAX_LINK},
	{"uid", PAX_UID},
	{"gid", PAX_GID},
	{"size", PAX_SIZE},
	{"mtime", PAX_MTIME},
	{"GNU.sparse.name", PAX_NAME},
	{"GNU.sparse.realsize", PAX_REALSIZE},
	{"GNU.sparse.size", PAX_REALSIZE},
	{"GNU.sparse.major", PAX_MAJOR},
	{"GNU.sparse.offset", PAX_OFFSET},
	{"GNU.sparse.numbytes", PAX_LENGTH},
	{"GNU.sparse.map", PAX_MAP},
};

static int pax_number(struct extended *x, enum pax_kind kind, int64_t v, struct err *err)
{
	switch (kind) {
	case PAX_UID:
	case PAX_GID:
		if (v > UINT32_MAX - 1)
			return bad(err, "owner out of range");
		*(kind == PAX_UID ? &x->uid : &x->gid) = (uint32_t)v;
		*(kind == PAX_UID ? &x->has_uid : &x->has_gid) = true;
		return 0;
	case PAX_SIZE:
		x->size = v;
		x->has_size = true;
		return 0;
	case PAX_REALSIZE:
		x->realsize = v;
		x->has_realsize = x->sparse = true;
		return 0;
	case PAX_MAJOR:
		x->sparse_major = v;
		x->map_in_data = v == 1;
		return v > 1 ? bad(err, "unknown version of sparse files") : 0;
	case PAX_OFFSET:
		if (x->half_piece)
			return bad(err, "sparse map is incomplete");
		x->half_piece = true;
		return add_piece(&x->pieces, &x->npieces, v, 0, err);
	default:
		if (!x->half_piece)
			return bad(err, "sparse map is incomplete");
		x->half_piece = false;
		if (v > TAR_SIZE_MAX)
			return bad(err, "sparse map out of range");
		x->pieces[x->npieces - 1].length = v;
		return 0;
	}
}

static int pax_value(struct extended *x, enum pax_kind kind, const char *s, size_t n,
		     struct err *err)
{
	int64_t v;

	switch (kind) {
	case PAX_NAME:
		return set_string(&x->name, s, n, err);
	case PAX_LINK:
		return set_string(&x->link, s, n, err);
	case PAX_MAP:
		return pax_map(x, s, n, err);
	case PAX_MTIME:
		x->has_mtime = true;
		if (pax_time(s, n, &x->mtime, &x->mtime_ns) < 0)
			return bad(err, "time is not a number");
		return 0;
	default:
		if (decimal(s, n, &v) < 0)
			return bad(err, "extended header holds a bad number");
		return pax_number(x, kind, v, err);
	}
}

static int pax_record(struct extended *x, const char *key, const char *value, size_t n,
		      struct err *err)
{
	const char *xattr = str_after(key, "SCHILY.xattr.");

	if (xattr)
		return pax_xattr(x, xattr, value, n, err);
	for (size_t i = 0; i < ARRAY_LEN(pax_keys); i++)
		if (streq(key, pax_keys[i].key))
			return pax_value(x, pax_keys[i].kind, value, n, err);
	return 0;
}

/* Records are "LEN KEY=VALUE\n", LEN counting all of it. */
static int pax_parse(struct extended *x, char *s, size_t n, struct err *err)
{
	while (n > 0) {
		char *space = memchr(s, ' ', MIN(n, 20)), *key, *eq;
		int64_t len;

		if (!space || decimal(s, (size_t)(space - s), &len) < 0 || len > (int64_t)n ||
		    len < space - s + 3 || s[len - 1] != '\n')
			return bad(err, "extended header is malformed");
		key = space + 1;
		eq = memchr(key, '=', (size_t)(s + len - 1 - key));
		if (!eq || eq == key || memchr(key, 0, (size_t)(eq - key)))
			return bad(err, "extended header is malformed");
		*eq = 0;
		if (pax_record(x, key, eq + 1, (size_t)(s + len - 1 - (eq + 1)), err) < 0)
			return -1;
		s += len;
		n -= (size_t)len;
	}
	return 0;
}

static int meta_done(struct tar_reader *r, struct err *err)
{
	size_t n = r->meta.len;

	switch (r->meta_type) {
	case 'x':
		extended_done(
			&r->ext); /* (3) two in a row: the last counts, with long names gone */
		return pax_parse(&r->ext, r->meta.p, n, err);
	case 'L':
		return set_string(&r->ext.name, r->meta.p, strnlen(r->meta.p, n), err);
	case 'K':
		return set_string(&r->ext.link, r->meta.p, strnlen(r->meta.p, n), err);
	default:
		return 0;
	}
}

/* ---- headers ---- */

static bool checksum_ok(const uint8_t *b)
{
	uint32_t sum = 0;
	int32_t signed_sum = 0;
	int64_t want;

	if (number(b + offsetof(struct tar_header, chksum), 8, &want) < 0)
		return false;
	for (size_t i = 0; i < TAR_BLOCK; i++) {
		sum += b[i];
		signed_sum += (int8_t)b[i];
	}
	for (size_t i = 148; i < 156; i++) {
		sum -= b[i];
		signed_sum -= (int8_t)b[i];
	}
	return want == (int64_t)sum + 8 * ' ' || want == (int64_t)signed_sum + 8 * ' ';
}

static bool is_zero(const uint8_t *b)
{
	return b[0] == 0 && memcmp(b, b + 1, TAR_BLOCK - 1) == 0;
}

static char *header_name(const struct tar_header *h)
{
	size_t n = strnlen(h->name, sizeof(h->name));
	size_t max = memcmp(h->tail + 8, "tar", 4) == 0 ? 131 : sizeof(h->prefix), p;

	if (memcmp(h->magic, "ustar\0", 6) != 0 || !h->prefix[0])
		return xstrndup(h->name, n);
	p = strnlen(h->prefix, max);
	return xasprintf("%.*s/%.*s", (int)p, h->prefix, (int)n, h->name);
}

static const struct {
	char flag;
	enum tar_type type;
} types[] = {
	{0, TAR_FILE},	     {'0', TAR_FILE},	 {'7', TAR_FILE}, {'S', TAR_FILE},
	{'1', TAR_HARDLINK}, {'2', TAR_SYMLINK}, {'3', TAR_CHAR}, {'4', TAR_BLOCK_DEV},
	{'5', TAR_DIR},	     {'D', TAR_DIR},	 {'6', TAR_FIFO},
};

static int entry_type(char flag, enum tar_type *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].flag == flag) {
			*ret = types[i].type;
			return 0;
		}
	return err_set(err, ERR_INVALID, "bad tar archive: entry of unknown type 0x%02x",
		       (unsigned char)flag);
}

static int old_sparse(struct tar_reader *r, const uint8_t *p, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++, p += 24) {
		int64_t offset, length;

		if (!p[0])
			return 0;
		if (number(p, 12, &offset) < 0 || number(p + 12, 12, &length) < 0)
			return bad(err, "sparse map is not made of numbers");
		if (add_piece(&r->e.pieces, &r->e.npieces, offset, length, err) < 0)
			return -1;
	}
	return 0;
}

/* Moves what the extended headers said into the entry. */
static void apply_extended(struct tar_reader *r)
{
	struct extended *x = &r->ext;
	struct tar_entry *e = &r->e;

	if (x->name) {
		free(e->name);
		e->name = TAKE_PTR(x->name);
	}
	if (x->link) {
		free(e->link);
		e->link = TAKE_PTR(x->link);
	}
	if (x->has_uid)
		e->uid = x->uid;
	if (x->has_gid)
		e->gid = x->gid;
	if (x->has_mtime) {
		e->mtime = x->mtime;
		e->mtime_ns = x->mtime_ns;
	}
	e->xattrs = TAKE_PTR(x->xattrs);
	e->nxattrs = x->nxattrs;
	x->nxattrs = 0;
}

/* (2) */
static int check_pieces(struct tar_reader *r, struct err *err)
{
	int64_t end = 0, sum = 0;

	for (size_t i = 0; i < r->e.npieces; i++) {
		const struct tar_piece *p = &r->e.pieces[i];

		if (p->offset < end || p->length > r->e.size || p->offset > r->e.size - p->length)
			return bad(err, "sparse map out of order");
		end = p->offset + p->length;
		sum += p->length;
	}
	if (sum != r->stored)
		return bad(err, "sparse map does not fit the data");
	return 0;
}

static int sparse_entry(struct tar_reader *r, const struct tar_header *h, struct err *err)
{
	struct extended *x = &r->ext;
	const uint8_t *b = (const uint8_t *)h;

	if (h->typeflag == 'S') {
		if (number(b + 483, 12, &r->e.size) < 0 || r->e.size < 0 ||
		    r->e.size > TAR_SIZE_MAX)
			return bad(err, "size of a sparse file out of range");
		r->e.pieces = xnew(struct tar_piece); /* a file of only holes has no piece */
		if (old_sparse(r, b + 386, 4, err) < 0)
			return -1;
		r->state = b[482] ? ST_OLD_SPARSE : ST_ENTRY;
		return r->state == ST_ENTRY ? check_pieces(r, err) : 0;
	}
	if (!x->has_realsize || x->realsize > TAR_SIZE_MAX || x->half_piece)
		return bad(err, "sparse file without its size");
	r->e.size = x->realsize;
	r->e.pieces = x->pieces ? TAKE_PTR(x->pieces) : xnew(struct tar_piece);
	r->e.npieces = x->npieces;
	x->npieces = 0;
	if (x->map_in_data) {
		if (r->e.npieces)
			return bad(err, "two sparse maps");
		buf_reset(&r->meta);
		r->state = ST_MAP;
		return 0;
	}
	r->state = ST_ENTRY;
	return check_pieces(r, err);
}

static int fields(struct tar_reader *r, const struct tar_header *h, struct err *err)
{
	struct tar_entry *e = &r->e;
	int64_t mode;

	if (entry_type(h->typeflag, &e->type, err) < 0)
		return -1;
	if (number(h->mode, 8, &mode) < 0 || mode < 0)
		return bad(err, "mode is not a number");
	e->mode = mode & 07777;
	if ((!r->ext.has_uid && id_number(h->uid, 8, &e->uid) < 0) ||
	    (!r->ext.has_gid && id_number(h->gid, 8, &e->gid) < 0))
		return bad(err, "owner out of range");
	if (!r->ext.has_mtime && number(h->mtime, 12, &e->mtime) < 0)
		return bad(err, "time is not a number");
	if (e->type == TAR_CHAR || e->type == TAR_BLOCK_DEV)
		if (id_number(h->devmajor, 8, &e->dev_major) < 0 ||
		    id_number(h->devminor, 8, &e->dev_minor) < 0)
			return bad(err, "device number out of range");
	return 0;
}

static int entry_header(struct tar_reader *r, const struct tar_header *h, int64_t size,
			struct err *err)
{
	struct tar_entry *e = &r->e;
	size_t n;

	tar_entry_done(e);
	if (fields(r, h, err) < 0)
		return -1;
	e->name = header_name(h);
	e->link = xstrndup(h->linkname, strnlen(h->linkname, sizeof(h->linkname)));
	apply_extended(r);
	if (r->ext.has_size)
		size = r->ext.size;
	if (size < 0 || size > TAR_SIZE_MAX)
		return bad(err, "size out of range");
	n = strlen(e->name);
	if (n && e->name[n - 1] == '/' && e->type == TAR_FILE && h->typeflag != 'S')
		e->type = TAR_DIR; /* v7 has no type for directories */
	while (n > 1 && e->name[n - 1] == '/')
		e->name[--n] = 0;
	if (n == 0)
		return bad(err, "entry without a name");
	r->stored = e->type == TAR_FILE ? size : 0;
	r->skip = e->type == TAR_FILE ? (int64_t)tar_padding(size) : 0;
	if (e->type == TAR_DIR && h->typeflag != '5') /* GNU's dump of names; a v7 oddity */
		r->skip = size + (int64_t)tar_padding(size);
	e->size = r->stored;
	r->state = ST_ENTRY;
	r->piece = 0;
	r->offset = 0;
	if (e->type == TAR_FILE &&
	    (h->typeflag == 'S' || r->ext.sparse || r->ext.npieces || r->ext.map_in_data))
		return sparse_entry(r, h, err);
	return 0;
}

static int header(struct tar_reader *r, const uint8_t *b, struct err *err)
{
	const struct tar_header *h = (const struct tar_header *)b;
	int64_t size;

	if (is_zero(b)) {
		r->state = r->zero_block ? ST_EOF : ST_HEADER;
		r->zero_block = true;
		return 0;
	}
	if (r->zero_block)
		return bad(err, "data after the end marker's first half");
	if (!checksum_ok(b))
		return r->any ? bad(err, "header checksum mismatch")
			      : err_set(err, ERR_INVALID, "not a tar archive");
	r->any = true;
	if (number(h->size, 12, &size) < 0 || size < 0 || size > TAR_SIZE_MAX)
		return bad(err, "size out of range");
	if (h->typeflag == 'g' || h->typeflag == 'V') { /* (3) */
		r->skip = size + (int64_t)tar_padding(size);
		r->state = ST_SKIP;
		return 0;
	}
	if (h->typeflag == 'x' || h->typeflag == 'L' || h->typeflag == 'K') {
		if (size > TAR_PAX_MAX)
			return bad(err, "extended header larger than 1 MiB");
		r->meta_type = h->typeflag;
		r->meta_left = (size_t)size;
		r->skip = (int64_t)tar_padding(size);
		buf_reset(&r->meta);
		buf_reserve(&r->meta, (size_t)size);
		r->state = ST_META;
		return 0;
	}
	return entry_header(r, h, size, err);
}

/* ---- the machine ---- */

/* A whole block from the input, or NULL when it takes more. */
static const uint8_t *take_block(struct tar_reader *r, const uint8_t **in, size_t *n)
{
	const uint8_t *p = *in;
	size_t take;

	if (r->have == 0 && *n >= TAR_BLOCK) {
		*in += TAR_BLOCK;
		*n -= TAR_BLOCK;
		return p;
	}
	take = MIN(*n, TAR_BLOCK - r->have);
	if (take)
		memcpy(r->block + r->have, p, take);
	*in += take;
	*n -= take;
	r->have += take;
	if (r->have < TAR_BLOCK)
		return NULL;
	r->have = 0;
	return r->block;
}

static int meta_bytes(struct tar_reader *r, const uint8_t **in, size_t *n, struct err *err)
{
	size_t take = MIN(*n, r->meta_left);

	if (take)
		buf_add(&r->meta, *in, take);
	*in += take;
	*n -= take;
	r->meta_left -= take;
	if (r->meta_left)
		return 0;
	r->state = ST_SKIP;
	if (r->meta.len == 0)
		return 0;
	return meta_done(r, err);
}

static void skip_bytes(struct tar_reader *r, const uint8_t **in, size_t *n)
{
	size_t take = (int64_t)*n < r->skip ? *n : (size_t)r->skip;

	*in += take;
	*n -= take;
	r->skip -= (int64_t)take;
	if (r->skip == 0)
		r->state = ST_HEADER;
}

/* GNU.sparse 1.0: lines of decimal numbers, first how many pieces. True: the map is complete. */
static int map_parse(struct tar_reader *r, bool *ret_whole, struct err *err)
{
	const char *p = r->meta.p, *end = p + r->meta.len;
	int64_t count = -1, v[2];
	size_t got = 0;

	*ret_whole = false;
	r->e.npieces = 0;
	while (count < 0 || got < (size_t)count * 2) {
		const char *nl = memchr(p, '\n', (size_t)(end - p));

		if (!nl)
			return 0;
		if (decimal(p, (size_t)(nl - p), &v[got & 1]) < 0)
			return bad(err, "sparse map is not made of numbers");
		p = nl + 1;
		if (count < 0) {
			count = v[0];
			if (count > TAR_SPARSE_MAX)
				return bad(err, "too many pieces in a sparse file");
			continue;
		}
		got++;
		if (got % 2 == 0 && add_piece(&r->e.pieces, &r->e.npieces, v[0], v[1], err) < 0)
			return -1;
	}
	*ret_whole = true;
	return 0;
}

static int map_block(struct tar_reader *r, const uint8_t *b, struct err *err)
{
	bool whole;

	if (r->stored < TAR_BLOCK || r->meta.len > TAR_SPARSE_MAX * 40)
		return bad(err, "sparse map is incomplete");
	if (r->meta.len == 0)
		r->map_lines = 0;
	r->stored -= TAR_BLOCK;
	buf_add(&r->meta, b, TAR_BLOCK);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		r->map_lines += b[i] == '\n';
	if (r->map_lines < 1 + 2 * strtoull(r->meta.p, NULL, 10))
		return 0; /* not parsed again for each block */
	free(r->e.pieces);
	r->e.pieces = NULL;
	if (map_parse(r, &whole, err) < 0)
		return -1;
	if (!r->e.pieces)
		r->e.pieces = xnew(struct tar_piece);
	if (!whole)
		return 0;
	r->state = ST_ENTRY;
	return check_pieces(r, err);
}

static int sparse_block(struct tar_reader *r, const uint8_t *b, struct err *err)
{
	if (r->e.npieces == 0) {
		free(r->e.pieces);
		r->e.pieces = NULL;
	}
	if (old_sparse(r, b, 21, err) < 0)
		return -1;
	if (b[504])
		return 0;
	r->state = ST_ENTRY;
	return check_pieces(r, err);
}

static bool data_bytes(struct tar_reader *r, const uint8_t **in, size_t *n, struct tar_data *ret)
{
	int64_t left = r->stored;

	if (r->e.pieces) {
		const struct tar_piece *p;

		while (r->piece < r->e.npieces && r->e.pieces[r->piece].length == 0)
			r->piece++;
		if (r->piece == r->e.npieces)
			return false;
		p = &r->e.pieces[r->piece];
		if (r->offset < p->offset)
			r->offset = p->offset;
		left = p->offset + p->length - r->offset;
	}
	*ret = (struct tar_data){*in, (int64_t)*n < left ? *n : (size_t)left, r->offset};
	*in += ret->n;
	*n -= ret->n;
	r->offset += (int64_t)ret->n;
	r->stored -= (int64_t)ret->n;
	if (r->e.pieces && (int64_t)ret->n == left)
		r->piece++;
	return true;
}

static int block_state(struct tar_reader *r, const uint8_t *b, struct err *err)
{
	if (r->state == ST_HEADER)
		return header(r, b, err);
	if (r->state == ST_OLD_SPARSE)
		return sparse_block(r, b, err);
	return map_block(r, b, err);
}

int tar_reader_next(struct tar_reader *r, const void **input, size_t *n,
		    const struct tar_entry **ret_entry, struct tar_data *ret_data, struct err *err)
{
	const uint8_t **in = (const uint8_t **)input;

	for (;;) {
		const uint8_t *b;

		switch (r->state) {
		case ST_ENTRY:
			extended_done(&r->ext);
			*ret_entry = &r->e;
			r->state = ST_DATA;
			return TAR_ENTRY;
		case ST_DATA:
			if (r->stored == 0) {
				r->state = r->skip ? ST_SKIP : ST_HEADER;
				break;
			}
			if (*n == 0)
				return TAR_NEED;
			if (data_bytes(r, in, n, ret_data))
				return TAR_DATA;
			return bad(err, "sparse map does not fit the data");
		case ST_SKIP:
			if (*n == 0 && r->skip)
				return TAR_NEED;
			skip_bytes(r, in, n);
			break;
		case ST_META:
			if (*n == 0 && r->meta_left)
				return TAR_NEED;
			if (meta_bytes(r, in, n, err) < 0)
				return -1;
			break;
		case ST_EOF:
			*n = 0;
			return TAR_EOF;
		default:
			b = take_block(r, in, n);
			if (!b)
				return TAR_NEED;
			if (block_state(r, b, err) < 0)
				return -1;
		}
	}
}

int tar_reader_end(struct tar_reader *r, struct err *err)
{
	if (r->state == ST_EOF)
		return 0;
	if (!r->any && !r->zero_block)
		return err_set(err, ERR_INVALID, "not a tar archive");
	if (r->state == ST_SKIP && !r->stored && r->skip < TAR_BLOCK && !r->ext.name &&
	    !r->ext.link)
		return 0; /* the last padding may be missing, as for others */
	if (r->state != ST_HEADER || r->have)
		return err_set(err, ERR_INVALID, "truncated tar archive");
	return 0;
}
