/*
 * test-volume.c - volumes: names, life, references, copies, mounts, restart
 *
 * Numbers in parentheses are invariants of the file named.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "base/tap.h"
#include "volume/private.h"

static char dir[64];

static struct volume_store *open_store(struct strv *warnings)
{
	AUTO(free) char *root = path_join(dir, "volumes");
	struct volume_store *store = NULL;
	struct err err = ERR_INIT;

	if (volume_store_open(root, &store, warnings, &err) < 0)
		printf("# %s\n", err.msg);
	CHECK(store);
	return store;
}

static void test_names(void) /* (1) of name.c */
{
	static const char *const bad[] = {"", ".", "..", ".x", "-x", "a/b", "a b", "a\n", "x", "a:b", "\xc3\xa4x"};
	static const char *const good[] = {"ab", "a.b", "A_1-2", "0123456789abcdef"};
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok_eq(volume_check_name(bad[i], &err), -1);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		ok_eq(volume_check_name(good[i], &err), 0);
	ok_eq(volume_check_name("a b", &err), -1);
	ok_str(err.msg, "create a b: \"a b\" includes invalid characters for a local volume name, only "
			"\"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you intended to pass a host directory, use "
			"absolute path");
	ok_eq(volume_check_name("x", &err), -1);
	ok_str(err.msg, "create x: volume name is too short, names should be at least two alphanumeric characters");
}

static void test_life(void)
{
	struct volume_store *store = open_store(NULL);
	struct volume_create c = {.name = "data"};
	struct err err = ERR_INIT;
	json_t *view = NULL;
	char *name = NULL;
	AUTO(free) char *path = NULL;
	AUTO(free) char *expected = NULL;

	ok_eq(volume_create(store, &c, &name, &err), 0);
	ok_str(name, "data");
	free(name);
	ok_eq(volume_create(store, &c, NULL, &err), 0); /* again is fine */
	c.driver = "nope";
	ok_eq(volume_create(store, &c, NULL, &err), -1);
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok_eq(volume_inspect(store, "data", &view, &err), 0);
	expected = xasprintf("%s/volumes/data/_data", dir);
	ok_str(json_get_str(view, "Mountpoint", NULL), expected);
	ok_str(json_get_str(view, "Driver", NULL), "local");
	ok(json_is_null(json_object_get(view, "Labels")));
	json_decref(view);
	ok_eq(volume_mount(store, "data", "c1", &path, &err), 0);
	ok_str(path, expected);
	ok_eq(volume_ref(store, "data", "c1", &err), 0);
	ok_eq(volume_ref(store, "data", "c1", &err), 0);
	ok_eq(volume_remove(store, "data", true, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	ok_str(err.msg, "remove data: volume is in use - [c1]");
	volume_unmount(store, "data", "c1");
	volume_unref_all(store, "c1");
	ok_eq(volume_remove(store, "data", false, &err), 0);
	ok(!fs_exists(AT_FDCWD, expected));
	ok_eq(volume_remove(store, "data", false, &err), -1);
	ok_str(err.msg, "get data: no such volume");
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok_eq(volume_remove(store, "data", true, &err), 0);
	ok_eq(volume_ref(store, "data", "c1", &err), -1);
	volume_store_free(store);
}

static void test_restart(void) /* (1) to (3) of store.c */
{
	AUTO(strv) struct strv warnings = {};
	AUTO(free) char *root = path_join(dir, "volumes");
	struct volume_store *store = open_store(NULL);
	json_t *labels = json_pack("{s:s}", "k", "v"), *view = NULL;
	struct volume_create c = {.name = "kept", .labels = labels};
	struct err err = ERR_INIT;
	char *anonymous = NULL;
	int root_fd;

	ok_eq(volume_create(store, &c, NULL, &err), 0);
	ok_eq(volume_create(store, &(struct volume_create){}, &anonymous, &err), 0);
	ok(is_hex(anonymous, 64));
	volume_store_free(store);
	root_fd = fs_open_dir(AT_FDCWD, root);
	ok_eq(fs_mkdir_p(root_fd, ".gone-0123/_data/x", 0755), 0);
	ok_eq(fs_mkdir_p(root_fd, ".new-0123/_data", 0755), 0);
	ok_eq(fs_mkdir_p(root_fd, "bare/_data", 0755), 0);
	ok_eq(fs_mkdir_p(root_fd, "other", 0755), 0);
	store = open_store(&warnings);
	ok_eq(warnings.n, 2);
	ok(!fs_exists(root_fd, ".gone-0123"));
	ok(!fs_exists(root_fd, ".new-0123"));
	ok(volume_exists(store, "bare"));
	ok(!volume_exists(store, "other"));
	ok(fs_exists(root_fd, "other"));
	ok(volume_is_anonymous(store, anonymous));
	ok(!volume_is_anonymous(store, "kept"));
	ok_eq(volume_inspect(store, "kept", &view, &err), 0);
	ok_str(json_get_str(json_object_get(view, "Labels"), "k", NULL), "v");
	json_decref(view);
	ok_eq(volume_remove(store, "bare", false, &err), 0);
	ok_eq(volume_remove(store, "kept", false, &err), 0);
	ok_eq(volume_remove(store, anonymous, false, &err), 0);
	volume_store_free(store);
	ok_eq(fs_remove_tree(root_fd, "other"), 0);
	free(anonymous);
	json_decref(labels);
	close(root_fd);
}

static size_t list_count(struct volume_store *store, const char *filter)
{
	struct err err = ERR_INIT;
	json_t *spec = filter ? json_parse(filter, strlen(filter), &err) : NULL, *list = NULL;
	size_t n = (size_t)-1;

	if (volume_list(store, spec, &list, &err) == 0)
		n = json_array_size(list);
	json_decref(list);
	json_decref(spec);
	return n;
}

static void test_filters_and_prune(void)
{
	struct volume_store *store = open_store(NULL);
	json_t *labels = json_pack("{s:s}", "keep", "1"), *all = json_pack("{s:[s]}", "all", "true");
	json_t *not_kept = json_pack("{s:[s],s:[s]}", "all", "1", "label!", "keep");
	AUTO(strv) struct strv gone = {};
	struct err err = ERR_INIT;
	uint64_t bytes = 0;
	AUTO(free) char *file = xasprintf("%s/volumes/one/_data/f", dir);

	ok_eq(volume_create(store, &(struct volume_create){.name = "one"}, NULL, &err), 0);
	ok_eq(volume_create(store, &(struct volume_create){.name = "two", .labels = labels}, NULL, &err), 0);
	ok_eq(volume_create(store, &(struct volume_create){}, NULL, &err), 0);
	ok_eq(volume_ref(store, "two", "c", &err), 0);
	ok_eq(list_count(store, NULL), 3);
	ok_eq(list_count(store, "{\"name\":[\"on\"]}"), 1);
	ok_eq(list_count(store, "{\"name\":[\"^(one|two)$\"]}"), 2);
	ok_eq(list_count(store, "{\"dangling\":{\"true\":true}}"), 2);
	ok_eq(list_count(store, "{\"dangling\":[\"0\"]}"), 1);
	ok_eq(list_count(store, "{\"label\":[\"keep=1\"]}"), 1);
	ok_eq(list_count(store, "{\"driver\":[\"nfs\"]}"), 0);
	ok_eq(list_count(store, "{\"what\":[\"nfs\"]}"), -1);
	ok_eq(fs_replace(AT_FDCWD, file, "12345", 5, 0644, 0), 0);
	ok_eq(volume_prune(store, NULL, &gone, &bytes, &err), 0);
	ok_eq(gone.n, 1); /* the anonymous one */
	ok_eq(bytes, 0);
	ok_eq(volume_prune(store, all, &gone, &bytes, &err), 0);
	ok_eq(gone.n, 2);
	ok_str(gone.v[1], "one");
	ok_eq(bytes, 5);
	volume_unref(store, "two", "c");
	ok_eq(volume_prune(store, not_kept, &gone, &bytes, &err), 0);
	ok_eq(gone.n, 2);
	ok_eq(volume_prune(store, all, &gone, &bytes, &err), 0);
	ok_eq(gone.n, 3);
	ok_eq(list_count(store, NULL), 0);
	json_decref(labels);
	json_decref(all);
	json_decref(not_kept);
	volume_store_free(store);
}

static int make_image(const char *path)
{
	int root;

	CHECK(fs_mkdir_p(AT_FDCWD, path, 0755) == 0);
	root = fs_open_dir(AT_FDCWD, path);
	CHECK(fs_mkdir_p(root, "var/lib/db/sub", 0755) == 0);
	CHECK(fs_replace(root, "var/lib/db/file", "hello", 5, 0640, 0) == 0);
	CHECK(linkat(root, "var/lib/db/file", root, "var/lib/db/sub/hard", 0) == 0);
	CHECK(symlinkat("/etc/passwd", root, "var/lib/db/link") == 0);
	CHECK(symlinkat("/var/lib", root, "lib") == 0);
	CHECK(symlinkat("../../../../../../../../etc", root, "out") == 0);
	CHECK(mkfifoat(root, "var/lib/db/fifo", 0600) == 0);
	CHECK(fchownat(root, "var/lib/db/file", 101, 102, 0) == 0 || geteuid() != 0);
	CHECK(fchmodat(root, "var/lib/db/sub", 01777, 0) == 0);
	CHECK(fchmodat(root, "var/lib/db", 0710, 0) == 0);
	return root;
}

static void check_copy(const char *data)
{
	int fd = fs_open_dir(AT_FDCWD, data);
	AUTO(buf) struct buf text = {};
	AUTO(free) char *target = fs_readlink(fd, "link");
	struct stat file, hard, st;
	char value[8] = "";

	ok_eq(fs_read_file(fd, "file", 100, &text), 0);
	ok_str(text.p, "hello");
	ok_eq(fstatat(fd, "file", &file, 0), 0);
	ok_eq(file.st_mode & 07777, 0640);
	if (geteuid() == 0) {
		ok_eq(file.st_uid, 101);
		ok_eq(file.st_gid, 102);
	}
	ok_eq(fstatat(fd, "sub/hard", &hard, 0), 0);
	ok_eq(hard.st_ino, file.st_ino); /* (2) of copy.c */
	ok_str(target, "/etc/passwd");
	ok_eq(fstatat(fd, "fifo", &st, 0), 0);
	ok(S_ISFIFO(st.st_mode));
	ok_eq(fstatat(fd, "sub", &st, 0), 0);
	ok_eq(st.st_mode & 07777, 01777);
	ok_eq(fstat(fd, &st), 0);
	ok_eq(st.st_mode & 07777, 0710);
	AUTO(free) char *f = path_join(data, "file");
	if (getxattr(f, "user.x", value, sizeof(value)) >= 0)
		ok_str(value, "y");
	close(fd);
}

static void test_copy_up(void)
{
	AUTO(free) char *image = path_join(dir, "image");
	AUTO(free) char *data = xasprintf("%s/volumes/db/_data", dir);
	AUTO(free) char *mark = path_join(data, "mark");
	AUTO(free) char *file = path_join(image, "var/lib/db/file");
	struct volume_store *store = open_store(NULL);
	struct err err = ERR_INIT;
	int root = make_image(image);

	if (setxattr(file, "user.x", "y", 2, 0) < 0)
		printf("# no xattrs here\n");
	ok_eq(volume_create(store, &(struct volume_create){.name = "db"}, NULL, &err), 0);
	ok_eq(volume_copy_up(store, "db", root, "/nowhere", &err), 0);
	ok_eq(volume_copy_up(store, "db", root, "/var/lib/db/file", &err), 0); /* not a directory */
	ok_eq(volume_copy_up(store, "db", root, "/out", &err), 0); /* beneath the image there is no /etc */
	ok_eq(volume_copy_up(store, "db", root, "/lib/db", &err), 0);
	check_copy(data);
	ok_eq(fs_replace(AT_FDCWD, mark, "", 0, 0644, 0), 0);
	ok_eq(volume_copy_up(store, "db", root, "/lib", &err), 0); /* not empty: left alone */
	ok(fs_exists(AT_FDCWD, mark));
	ok_eq(volume_remove(store, "db", false, &err), 0);
	ok_eq(volume_copy_up(store, "db", root, "/lib", &err), -1);
	ok_eq(err.kind, ERR_NOT_FOUND);
	volume_store_free(store);
	close(root);
}

static void test_mounts(void)
{
	AUTO(free) char *image = path_join(dir, "image");
	AUTO(free) char *data = xasprintf("%s/volumes/ram/_data", dir);
	json_t *options = json_pack("{s:s,s:s,s:s}", "type", "tmpfs", "device", "tmpfs", "o", "size=1m,noexec,mode=700");
	json_t *bad = json_pack("{s:s}", "what", "x"), *half = json_pack("{s:s}", "type", "tmpfs");
	struct volume_store *store = open_store(NULL);
	struct err err = ERR_INIT;
	char *path = NULL;
	int root;

	ok_eq(volume_create(store, &(struct volume_create){.name = "ram", .options = bad}, NULL, &err), -1);
	ok_str(err.msg, "create ram: invalid option: \"what\"");
	ok_eq(volume_create(store, &(struct volume_create){.name = "ram", .options = half}, NULL, &err), -1);
	ok_str(err.msg, "create ram: missing required option: \"device\"");
	ok_eq(volume_create(store, &(struct volume_create){.name = "ram", .options = options}, NULL, &err), 0);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		test_skip("no mount namespaces here");
	} else {
		ok_eq(volume_mount(store, "ram", "a", &path, &err), 0);
		free(path);
		ok_eq(volume_mount(store, "ram", "b", &path, &err), 0);
		free(path);
		ok(is_mounted(data));
		root = fs_open_dir(AT_FDCWD, image);
		ok_eq(volume_copy_up(store, "ram", root, "/var/lib/db", &err), 0);
		check_copy(data);
		close(root);
		volume_unmount(store, "ram", "a");
		ok(is_mounted(data));
		volume_unmount(store, "ram", "b");
		ok(!is_mounted(data));
		ok_eq(volume_mount(store, "ram", "a", &path, &err), 0);
		free(path);
	}
	ok_eq(volume_remove(store, "ram", false, &err), 0);
	ok(!fs_exists(AT_FDCWD, data));
	json_decref(options);
	json_decref(bad);
	json_decref(half);
	volume_store_free(store);
}

int main(void)
{
	snprintf(dir, sizeof(dir), "/tmp/volume-test-XXXXXX");
	CHECK(mkdtemp(dir));
	test_run(test_names);
	test_run(test_life);
	test_run(test_restart);
	test_run(test_filters_and_prune);
	test_run(test_copy_up);
	test_run(test_mounts);
	ignore_result(fs_remove_tree(AT_FDCWD, dir));
	return test_done();
}
