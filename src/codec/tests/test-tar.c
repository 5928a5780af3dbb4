/* test-tar.c - the writer's golden bytes; the reader on what writers of the world make */
#include "base/tap.h"

#include <fcntl.h>

#include "base/fs.h"
#include "codec/tar.h"

static void put(struct buf *out, const struct tar_entry *e, const char *data)
{
	static const char zeros[TAR_BLOCK];

	tar_put_header(out, e);
	buf_add(out, data, (size_t)e->size);
	buf_add(out, zeros, tar_padding(e->size));
}

/* One entry of each kind and each reason for an extended header. */
static void make_sample(struct buf *out)
{
	static char longname[] = "d/0123456789012345678901234567890123456789012345678901234567890123"
				 "456789012345678901234567890123456789/file";
	struct tar_xattr xattrs[] = {
		{"user.b", "two\0bytes", 9},
		{"security.capability", "\1\0\0\2\0\4", 6},
	};
	const struct tar_entry entries[] = {
		{.type = TAR_DIR, .name = "d/", .mode = 0755, .mtime = 1700000000},
		{.type = TAR_FILE, .name = "d/f", .mode = 04755, .uid = 1000, .gid = 1001,
		 .mtime = 1700000001, .size = 5},
		{.type = TAR_HARDLINK, .name = "d/h", .link = "d/f", .mode = 04755,
		 .mtime = 1700000001},
		{.type = TAR_SYMLINK, .name = "d/s", .link = "../\xc3\xa9", .mode = 0777,
		 .mtime = -5, .mtime_ns = 250000000},
		{.type = TAR_CHAR, .name = "null", .mode = 0666, .dev_major = 1, .dev_minor = 3},
		{.type = TAR_BLOCK_DEV, .name = "sda", .mode = 0660, .dev_major = 8, .gid = 6},
		{.type = TAR_FIFO, .name = "p", .mode = 0600, .mtime = 1, .mtime_ns = 1},
		{.type = TAR_FILE, .name = longname, .mode = 0644, .uid = 3000000, .gid = 4000000,
		 .xattrs = xattrs, .nxattrs = 2, .size = 3, .mtime = 1700000002},
	};

	for (size_t i = 0; i < ARRAY_LEN(entries); i++)
		put(out, &entries[i], entries[i].size == 5 ? "hello" : "abc");
	tar_put_end(out);
}

static void test_golden(void)
{
	const char *dir = getenv("TEST_DATA");
	AUTO(free) char *path = path_join(dir ? dir : ".", "golden.tar");
	AUTO(buf) struct buf made = {0}, golden = {0};

	make_sample(&made);
	if (getenv("TEST_WRITE_GOLDEN"))
		ok_eq(fs_replace(AT_FDCWD, path, made.p, made.len, 0644, 0), 0);
	ok_eq(fs_read_file(AT_FDCWD, path, 1 << 20, &golden), 0);
	ok_eq(made.len, golden.len);
	ok(made.len == golden.len && memcmp(made.p, golden.p, made.len) == 0);
}

/* What the reader says of tar, as text; fed in pieces of step bytes. */
static char *describe(const void *tar, size_t size, size_t step, struct err *err)
{
	struct tar_reader *r = tar_reader_new();
	const char *at = tar;
	struct buf out = {0};
	int64_t next = 0;
	int ev = 0;

	while (ev >= 0 && ev != TAR_EOF && size > 0) {
		size_t n = MIN(step, size);
		const void *in = at;

		at += n;
		size -= n;
		do {
			const struct tar_entry *e = NULL;
			struct tar_data d = {0};

			ev = tar_reader_next(r, &in, &n, &e, &d, err);
			if (ev == TAR_ENTRY) {
				next = 0;
				buf_addf(&out, "%d %s>%s %o %u:%u %lld.%u %lld %u,%u x%zu p%zu\n", e->type,
					 e->name, str_or(e->link), e->mode, e->uid, e->gid,
					 (long long)e->mtime, e->mtime_ns, (long long)e->size,
					 e->dev_major, e->dev_minor, e->nxattrs, e->npieces);
				for (size_t i = 0; i < e->nxattrs; i++)
					buf_addf(&out, " %s=%zu\n", e->xattrs[i].name, e->xattrs[i].n);
			} else if (ev == TAR_DATA) {
				if (d.offset != next)
					buf_addf(&out, " @%lld ", (long long)d.offset);
				buf_add(&out, d.p, d.n);
				next = d.offset + (int64_t)d.n;
			}
		} while (ev == TAR_ENTRY || ev == TAR_DATA);
	}
	if (ev >= 0 && tar_reader_end(r, err) < 0)
		ev = -1;
	tar_reader_free(r);
	if (ev < 0) {
		buf_done(&out);
		return NULL;
	}
	return buf_take(&out);
}

static const char sample_text[] =
	"5 d> 755 0:0 1700000000.0 0 0,0 x0 p0\n"
	"0 d/f> 4755 1000:1001 1700000001.0 5 0,0 x0 p0\n"
	"hello1 d/h>d/f 4755 0:0 1700000001.0 0 0,0 x0 p0\n"
	"2 d/s>../\xc3\xa9 777 0:0 -5.250000000 0 0,0 x0 p0\n"
	"3 null> 666 0:0 0.0 0 1,3 x0 p0\n"
	"4 sda> 660 0:6 0.0 0 8,0 x0 p0\n"
	"6 p> 600 0:0 1.1 0 0,0 x0 p0\n"
	"0 d/0123456789012345678901234567890123456789012345678901234567890123"
	"456789012345678901234567890123456789/file> 644 3000000:4000000 1700000002.0 3 0,0 x2 p0\n"
	" security.capability=6\n user.b=9\nabc";

static void test_round_trip(void)
{
	static const size_t steps[] = {1, 7, 511, 512, 513, 100000};
	AUTO(buf) struct buf tar = {0};

	make_sample(&tar);
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct err err = ERR_INIT;
		AUTO(free) char *text = describe(tar.p, tar.len, steps[i], &err);

		ok_str(text, sample_text);
	}
}

static void test_truncated(void)
{
	AUTO(buf) struct buf tar = {0};
	size_t bad = 0;

	make_sample(&tar);
	for (size_t n = 1; n < tar.len - 1024; n += 100) {
		struct err err = ERR_INIT;
		AUTO(free) char *text = describe(tar.p, n, 4096, &err);

		if (!text) {
			bad++;
			ok_eq(err.kind, ERR_INVALID);
		}
	}
	ok(bad > 50);
}

static void expect_error(const char *name, struct buf *tar, const char *message)
{
	struct err err = ERR_INIT;
	AUTO(free) char *text = describe(tar->p, tar->len, 4096, &err);

	if (text || !strstr(err.msg, message)) {
		printf("# %s: '%s', not '%s'\n", name, text ? "fine" : err.msg, message);
		ok(0);
	}
}

static void test_hostile(void)
{
	AUTO(buf) struct buf tar = {0};

	buf_adds(&tar, "hello, this is no archive");
	expect_error("short text", &tar, "not a tar archive");
	buf_reserve(&tar, 4096);
	tar.len = 4096;
	expect_error("text", &tar, "not a tar archive");
	buf_reset(&tar);
	make_sample(&tar);
	tar.p[512 + 130] ^= 1;
	expect_error("checksum", &tar, "checksum");
	tar.p[512 + 130] ^= 1;
	tar.p[512 + 156] = 'M';
	tar.p[512 + 154] = ' ';
	tar.p[512 + 148 + 5] += 0;
	expect_error("type", &tar, "bad tar archive");
}

static void test_foreign(void)
{
	static const char *const makers[] = {"gnu-sparse.tar", "pax-sparse00.tar", "pax-sparse01.tar",
					     "pax-sparse10.tar"};
	const char *dir = getenv("TEST_DATA");

	for (size_t i = 0; i < ARRAY_LEN(makers); i++) {
		AUTO(free) char *path = path_join(dir ? dir : ".", makers[i]);
		AUTO(buf) struct buf tar = {0};
		struct err err = ERR_INIT;
		AUTO(free) char *text = NULL;

		if (fs_read_file(AT_FDCWD, path, 1 << 20, &tar) < 0) {
			test_skip("no sample tars");
			return;
		}
		text = describe(tar.p, tar.len, 1000, &err);
		ok(text != NULL);
		if (!text) {
			printf("# %s: %s\n", path, err.msg);
			continue;
		}
		ok(strncmp(text, "0 sparse> 644 0:0 1700000000.0 1052672 ", 39) == 0);
		ok(strstr(text, "@8192 bbbb") != NULL);
		ok(strstr(text, "@524288 cccc") != NULL);
		ok(strstr(text, "after> 644") != NULL);
	}
}

int main(void)
{
	test_run(test_golden);
	test_run(test_round_trip);
	test_run(test_truncated);
	test_run(test_hostile);
	test_run(test_foreign);
	return test_done();
}
