#include "base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/tap.h"

static int tmp = -1;

static void test_replace(void)
{
	AUTO(buf) struct buf b = {0};

	ok_eq(fs_replace(tmp, "f", "one", 3, 0600, 0), 0);
	ok_eq(fs_replace(tmp, "f", "two!", 4, 0644, FS_DURABLE), 0);
	ok_eq(fs_read_file(tmp, "f", 100, &b), 0);
	ok_str(b.p, "two!");
	ok_eq(fs_read_file(tmp, "f", 2, &b), -EFBIG);
}

static void test_remove_tree(void)
{
	AUTO(buf) struct buf path = {0};
	int fd;

	buf_adds(&path, "deep");
	for (int i = 0; i < 300; i++)
		buf_adds(&path, "/d");
	ok_eq(fs_mkdir_p(tmp, path.p, 0700), 0);
	ok_eq(fs_mkdir_p(tmp, "keep", 0700), 0);
	ok_eq(fs_replace(tmp, "keep/me", "x", 1, 0600, 0), 0);
	ok_eq(symlinkat("../keep", tmp, "deep/link"), 0);
	fd = openat(tmp, "deep/d/file\nname", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ok(fd >= 0);
	close(fd);
	ok_eq(fs_remove_tree(tmp, "deep"), 0);
	ok(!fs_exists(tmp, "deep"));
	ok(fs_exists(tmp, "keep/me"));
	ok_eq(fs_remove_tree(tmp, "absent"), 0);
}

static void check_clean(const char *in, const char *want)
{
	AUTO(free) char *got = path_clean(in);

	ok_str(got, want);
}

static void test_path_clean(void)
{
	check_clean("/a/../../b//c/.", "/b/c");
	check_clean("a/..", ".");
	check_clean("../a/../..", "../..");
	check_clean("", ".");
	check_clean("/", "/");
	check_clean("/..", "/");
	check_clean("a/b/../c", "a/c");
}

static void test_open_regular(void)
{
	char c = 0;
	int fd;

	ok_eq(fs_replace(tmp, "plain", "x", 1, 0600, 0), 0);
	ok(symlinkat("plain", tmp, "link") == 0 && mkfifoat(tmp, "fifo", 0600) == 0);
	fd = fs_open_regular(tmp, "plain");
	ok(fd >= 0 && read(fd, &c, 1) == 1 && c == 'x');
	close(fd);
	ok_eq(fs_open_regular(tmp, "link"), -ENOENT);
	ok_eq(fs_open_regular(tmp, "fifo"), -ENOENT);
	ok_eq(fs_open_regular(tmp, "."), -ENOENT);
	ok_eq(fs_open_regular(tmp, "none"), -ENOENT);
}

int main(void)
{
	char dir[] = "/tmp/cove-test-fs-XXXXXX";

	if (!mkdtemp(dir) || (tmp = open(dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC)) < 0)
		return 1;
	test_run(test_replace);
	test_run(test_remove_tree);
	test_run(test_path_clean);
	test_run(test_open_regular);
	close(tmp);
	if (fs_remove_tree(AT_FDCWD, dir) < 0)
		return 1;
	return test_done();
}
