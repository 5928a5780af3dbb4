/* A tar made from a tree, and what a hostile one may not do. */
#include <fcntl.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/tap.h"
#include "cli/copy.h"
#include "client/private.h"
#include "codec/tar.h"

static char dir[64];

static void make_tree(void)
{
	snprintf(dir, sizeof(dir), "/tmp/cove-test-copy-XXXXXX");
	ok(mkdtemp(dir) != NULL);
	ok_eq(chdir(dir), 0);
	ok_eq(mkdir("src", 0755), 0);
	ok_eq(mkdir("src/sub", 0500), 0);
	ok(fs_replace(AT_FDCWD, "src/f", "hello", 5, 0640, 0) >= 0);
	ok_eq(link("src/f", "src/hard"), 0);
	ok_eq(symlink("f", "src/sym"), 0);
}

static void drop_tree(void)
{
	ok_eq(chdir("/"), 0);
	ignore_result(fs_remove_tree(AT_FDCWD, dir) < 0);
}

/* The tar as a stream whose bytes are all there. */
static struct client_stream *stream_of(const struct buf *tar)
{
	struct client_stream *s = stream_new(NULL, -1, false, false);

	buf_add(&s->in.body, tar->p, tar->len);
	s->in.done = s->in.head_done = true;
	s->in.hijack = true; /* not a connection to keep */
	return s;
}

static int unpack(const struct buf *tar, const char *target, struct err *err)
{
	struct client_stream *s = stream_of(tar);
	int64_t bytes;
	int r = copy_unpack(s, target, false, &bytes, err);

	client_stream_free(s);
	return r;
}

static void pack(const char *path, const char *root, struct buf *out)
{
	struct copy_source *src = NULL;
	struct err err = ERR_INIT;
	char piece[333];
	ssize_t n;

	ok_eq(copy_source_new(path, root, false, &src, &err), 0);
	while ((n = copy_source_read(src, piece, sizeof(piece), &err)) > 0)
		buf_add(out, piece, (size_t)n);
	ok_eq(n, 0);
	copy_source_free(src);
}

static void test_round_trip(void)
{
	AUTO(buf) struct buf tar = {0}, text = {0};
	struct err err = ERR_INIT;
	struct stat st;

	make_tree();
	pack("src", "top", &tar);
	ok_eq(tar.len % 512, 0);
	ok_eq(unpack(&tar, "copy", &err), 0);
	ok(fs_read_file(AT_FDCWD, "copy/f", 100, &text) >= 0);
	ok_str(text.p, "hello");
	ok_eq(stat("copy/hard", &st), 0);
	ok_eq(st.st_nlink, 2);
	ok_eq(st.st_mode & 07777, 0640);
	ok_eq(stat("copy/sub", &st), 0);
	ok_eq(st.st_mode & 07777, 0500);
	ok_eq(lstat("copy/sym", &st), 0);
	ok(S_ISLNK(st.st_mode));
	ok_eq(unpack(&tar, "copy", &err), 0); /* again, over what is there */
	buf_reset(&tar);
	pack("src/f", "g", &tar);
	ok_eq(unpack(&tar, "one", &err), 0);
	ok_eq(stat("one", &st), 0);
	ok_eq(st.st_size, 5);
	drop_tree();
}

static void put(struct buf *tar, const struct tar_entry *e, const char *data)
{
	tar_put_header(tar, e);
	if (!data)
		return;
	buf_add(tar, data, (size_t)e->size);
	for (size_t n = tar_padding(e->size); n; n--)
		buf_addc(tar, 0);
}

static void test_hostile(void)
{
	static char top[] = "t", out_link[] = "t/out", through[] = "t/out/evil", up[] = "t/../evil",
		    target[] = "/", hard[] = "t/hard", outside[] = "../../etc/passwd", dev[] = "t/d",
		    file[] = "t/f", to_parent[] = "..";
	const struct tar_entry d = {.type = TAR_DIR, .name = top, .mode = 0755};
	const struct {
		struct tar_entry first, second;
	} t[] = {
		{{.type = TAR_SYMLINK, .name = out_link, .link = target},
		 {.type = TAR_FILE, .name = through, .size = 1, .mode = 0644}},
		{{.type = TAR_SYMLINK, .name = out_link, .link = to_parent},
		 {.type = TAR_FILE, .name = through, .size = 1, .mode = 0644}},
		{{.type = TAR_FILE, .name = file, .size = 1, .mode = 0644},
		 {.type = TAR_FILE, .name = up, .size = 1, .mode = 0644}},
		{{.type = TAR_FILE, .name = file, .size = 1, .mode = 0644},
		 {.type = TAR_HARDLINK, .name = hard, .link = outside}},
		{{.type = TAR_FILE, .name = file, .size = 1, .mode = 0644},
		 {.type = TAR_CHAR, .name = dev, .dev_major = 1, .dev_minor = 3}},
	};

	make_tree();
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO(buf) struct buf tar = {0};
		AUTO(free) char *to = xasprintf("h%zu", i);
		struct err err = ERR_INIT;

		put(&tar, &d, NULL);
		put(&tar, &t[i].first, t[i].first.size ? "x" : NULL);
		put(&tar, &t[i].second, t[i].second.size ? "x" : NULL);
		tar_put_end(&tar);
		ok_eq(unpack(&tar, to, &err), -1);
		ok(access("evil", F_OK) < 0);
		ok(access("/evil", F_OK) < 0);
		ok(access("../evil", F_OK) < 0);
	}
	drop_tree();
}

static void test_truncated(void)
{
	AUTO(buf) struct buf tar = {0};
	struct err err = ERR_INIT;

	make_tree();
	pack("src", "top", &tar);
	tar.len = 700;
	ok_eq(unpack(&tar, "cut", &err), -1);
	drop_tree();
}

int main(void)
{
	test_run(test_round_trip);
	test_run(test_hostile);
	test_run(test_truncated);
	return test_done();
}
