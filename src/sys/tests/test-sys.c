#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "base/tap.h"
#include "sys/caps.h"
#include "sys/exe.h"
#include "sys/mnt.h"
#include "sys/tty.h"

static char dir[] = "/tmp/cove-sys-XXXXXX";
static int root = -1;

static int beneath(const char *path, int flags, unsigned how)
{
	int fd = beneath_open(root, path, flags, 0, how);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

static int make(const char *path, bool file)
{
	int fd = beneath_make(root, path, file);

	if (fd >= 0)
		close(fd);
	return fd < 0 ? fd : 0;
}

/* Links lead nowhere but inside the root. */
static void test_beneath(void)
{
	ok(mkdirat(root, "d", 0755) == 0);
	ok(symlinkat("/d", root, "abs") == 0);
	ok(symlinkat("../../../d", root, "up") == 0);
	ok(symlinkat("/etc/passwd", root, "out") == 0);
	ok(symlinkat("loop", root, "loop") == 0);
	ok(symlinkat("/new/place", root, "dangling") == 0);
	ok(symlinkat("/proc/self/root/etc", root, "magic") == 0);
	ok_eq(beneath("abs", O_PATH | O_DIRECTORY, 0), 0);
	ok_eq(beneath("up", O_PATH | O_DIRECTORY, 0), 0);
	ok_eq(beneath("../../d", O_PATH | O_DIRECTORY, 0), 0);
	ok_eq(beneath("out", O_RDONLY, 0), -ENOENT);
	ok_eq(beneath("loop", O_RDONLY, 0), -ELOOP);
	ok_eq(beneath("abs", O_PATH | O_DIRECTORY, BENEATH_NO_LINKS), -ELOOP);
	ok_eq(make("a/b/c", false), 0);
	ok_eq(make("/a/b/file", true), 0);
	ok_eq(make("a/b/file/x", false), -ENOTDIR);
	ok_eq(make("dangling/deep/file", true), 0);
	ok_eq(beneath("new/place/deep/file", O_RDONLY, 0), 0);
	ok_eq(make("loop/x", false), -ELOOP);
	ok_eq(make("abs/under", false), 0);
	ok_eq(beneath("d/under", O_PATH | O_DIRECTORY, 0), 0);
}

static void test_caps(void)
{
	ok_eq(cap_from_name("CAP_CHOWN"), 0);
	ok_eq(cap_from_name("net_raw"), 13);
	ok_eq(cap_from_name("CAP_CHECKPOINT_RESTORE"), 40);
	ok_eq(cap_from_name("CAP_NOPE"), -EINVAL);
	ok_eq(cap_from_name(""), -EINVAL);
	ok_str(cap_name(21), "CAP_SYS_ADMIN");
	ok(!cap_name(63) && !cap_name(-1));
	ok(cap_last() >= 37);
}

/* exe.c (1) */
static void test_sealed(void)
{
	char text[8] = "";
	int fd = memfd_sealed("x", "hello", 5);

	ok(fd >= 0);
	ok_eq(read(fd, text, sizeof(text)), 5);
	ok_str(text, "hello");
	ok(write(fd, "x", 1) < 0 && ftruncate(fd, 0) < 0 && ftruncate(fd, 100) < 0);
	close(fd);
	fd = exe_sealed_copy("/bin/true", "true");
	ok(fd >= 0);
	ok(mmap(NULL, 10, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	close(fd);
	ok_eq(exe_sealed_copy("/nosuch", "x"), -ENOENT);
}

static void test_terminal(void)
{
	int slave = -1, dev = open("/dev/pts", O_PATH | O_DIRECTORY | O_CLOEXEC), master;
	char text[16] = "";

	master = tty_open(dev, "ptmx", &slave);
	if (master < 0) {
		test_skip("a devpts that may be opened");
		return;
	}
	ok_eq(tty_resize(master, 20, 30), 0);
	ok_eq(write(slave, "hi", 2), 2);
	ok_eq(read(master, text, sizeof(text)), 2);
	close(master);
	close(slave);
	close(dev);
}

int main(void)
{
	ok(mkdtemp(dir));
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	test_run(test_beneath);
	test_run(test_caps);
	test_run(test_sealed);
	test_run(test_terminal);
	close(root);
	ok(fs_remove_tree(AT_FDCWD, dir) == 0);
	return test_done();
}
