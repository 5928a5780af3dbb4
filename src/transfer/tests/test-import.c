/* test-import.c - real tars through the helpers into a store, names, removal; as root */
#include "common.h"

static void make_tree(void)
{
	ok_eq(sh("mkdir -p %s/tree/bin %s/tree/etc && cd %s/tree && echo hi >etc/motd && "
		 "cp /bin/true bin/true && chmod 4755 bin/true && ln etc/motd etc/hard && "
		 "ln -s ../etc/motd bin/soft && mkfifo etc/fifo && mknod etc/null c 1 3 && "
		 "chown 12:34 etc/motd && setfattr -n user.x -v y etc/motd 2>/dev/null; "
		 "chmod 2755 etc; truncate -s 3M etc/sparse; touch -d @1600000000 etc bin; true",
		 dir, dir, dir), 0);
	ok_eq(sh("cd %s && tar --xattrs -C tree -cf t.tar . && gzip -k t.tar && xz -k t.tar && "
		 "bzip2 -k t.tar && zstd -q -k t.tar && tar -S --format=posix -C tree -cf sparse.tar .",
		 dir), 0);
}

static void test_import(void)
{
	static const char *const files[] = {"t.tar", "t.tar.gz", "t.tar.xz", "t.tar.bz2", "t.tar.zst"};
	char id[IMAGE_ID_SIZE];
	struct err err = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(image) struct image *img = NULL;

		if (import(files[i], "test:one", "CMD [\"/bin/true\"]", id, &err) < 0) {
			printf("# %s: %s\n", files[i], err.msg);
			ok(0);
			continue;
		}
		ok_eq(image_get(store, "test:one", &img, &err), 0);
		if (!img)
			continue;
		ok_str(img->id, id);
		ok_eq(img->layers.n, 1);
		ok_eq(img->config.cmd.n, 1);
		ok_str(img->repo_tags.v[0], "test:one");
		ok_eq(sh("diff -r --no-dereference %s/tree %s 2>/dev/null | grep -v 'is a' ; "
			 "cd %s && test $(stat -c %%h etc/motd) = 2 && test $(stat -c %%u:%%g etc/motd) "
			 "= 12:34 && test $(stat -c %%a bin/true) = 4755 && test $(stat -c %%a etc) = "
			 "2755 && test $(stat -c %%Y etc) = 1600000000 && test -p etc/fifo && "
			 "test -c etc/null", dir, img->layers.v[0], img->layers.v[0]), 0);
	}
	ok(nothing_left());
	{
		size_t n = 0;

		image_layers_size(store, &n);
		ok_eq(n, 1); /* the same content is there once */
	}
}

static void test_names(void)
{
	AUTO(image) struct image *img = NULL;
	struct image_removals r = {0};
	struct image_list l = {0};
	struct err err = ERR_INIT;
	struct image_filter f = {.dangling = -1};
	char id[IMAGE_ID_SIZE], short_id[13];

	ok_eq(import("t.tar", "two", "LABEL a=b c=\"d e\"", id, &err), 0);
	ok_eq(image_tag(store, "two", "localhost:5000/three:x", &err), 0);
	image_short_id(short_id, id);
	ok_eq(image_get(store, short_id, &img, &err), 0);
	ok_eq(img->repo_tags.n, 2);
	ok_str(map_get(&img->config.labels, "c"), "d e");
	strv_add(&f.label, "a=b");
	ok_eq(image_list(store, &f, &l, &err), 0);
	ok_eq(l.n, 1);
	image_list_done(&l);
	strv_done(&f.label);
	ok_eq(image_remove(store, short_id, false, true, &r, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	ok(strstr(err.msg, "(must be forced) - image is referenced in multiple repositories") != NULL);
	ok_eq(image_remove(store, "two", false, true, &r, &err), 0);
	ok_eq(r.n, 1);
	ok_str(r.v[0].untagged, "two:latest");
	image_removals_done(&r);
	ok_eq(image_remove(store, "localhost:5000/three:x", false, true, &r, &err), 0);
	ok_eq(r.n, 2);
	ok_str(r.v[1].deleted, id);
	image_removals_done(&r);
	image_unref(img);
	img = NULL;
	ok_eq(image_get(store, "two", &img, &err), -1);
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok_str(err.msg, "No such image: two:latest");
}

static void test_restart(void)
{
	AUTO(image) struct image *img = NULL;
	struct err err = ERR_INIT;

	close_store();
	ok_eq(sh("mkdir %s/root/layers/stray %s/root/tmp/left", dir, dir), 0);
	open_store("root");
	ok(nothing_left());
	ok_eq(sh("test ! -e %s/root/layers/stray && ls %s/root/lost | grep -q stray", dir, dir), 0);
	ok_eq(image_get(store, "test:one", &img, &err), 0);
	image_unref(img);
	img = NULL;
	close_store();
	ok_eq(sh("rm %s/root/cove.db*", dir), 0);
	open_store("root");
	ok_eq(image_get(store, "test:one", &img, &err), 0);
	ok_eq(image_gc(store, NULL, &err), 0);
	ok_eq(sh("test ! -e %s/root/lost", dir), 0);
	ok(img && access(img->layers.v[0], F_OK) == 0);
}

/* Hostile and broken tars, made by python: name, python, what the message says. */
static const struct {
	const char *name, *python, *message;
} hostile[] = {
	{"dotdot", "f('../evil', b'x')", "leads out"},
	{"dotdot-link", "t('a', tarfile.LNKTYPE, '../../etc/passwd')", "leads out"},
	{"symlink-through", "t('l', tarfile.SYMTYPE, '/etc'); f('l/evil-cove-test', b'x')",
	 "no directory"},
	{"symlink-inside", "t('etc', tarfile.DIRTYPE, ''); t('l', tarfile.SYMTYPE, '../../../etc'); "
			   "f('l/evil-cove-test', b'x')", NULL},
	{"file-over-symlink", "t('l', tarfile.SYMTYPE, '/etc/evil-cove-test'); f('l', b'x')", NULL},
	{"hardlink-missing", "t('a', tarfile.LNKTYPE, 'nothing')", "not there"},
	{"hardlink-abs", "t('a', tarfile.LNKTYPE, '/etc/passwd')", "not there"},
	{"below-file", "f('a', b'x'); f('a/b', b'x')", "no directory"},
	{"root-file", "f('.', b'x')", "root of the archive"},
	{"abs", "f('/abs/file', b'x')", NULL},
	{"dir-over-file", "f('a', b'x'); t('a', tarfile.DIRTYPE, ''); f('a/b', b'x')", NULL},
	{"file-over-dir", "f('a/b/c', b'x'); f('a', b'x')", NULL},
	{"self-link", "t('a', tarfile.LNKTYPE, 'a')", "itself"},
	{"loop", "t('a', tarfile.SYMTYPE, 'b'); t('b', tarfile.SYMTYPE, 'a'); f('a/x', b'x')",
	 "no directory"},
};

static void make_hostile(const char *python)
{
	AUTO(free) char *path = path_join(dir, "make.py");
	FILE *f = fopen(path, "w");

	fprintf(f, "import tarfile, io\n"
		"z = tarfile.open('%s/hostile.tar', 'w')\n"
		"def f(name, data):\n i = tarfile.TarInfo(name); i.size = len(data); "
		"z.addfile(i, io.BytesIO(data))\n"
		"def t(name, type, link):\n i = tarfile.TarInfo(name); i.type = type; i.mode = 0o755; "
		"i.linkname = link; z.addfile(i)\n"
		"%s\nz.close()\n", dir, python);
	fclose(f);
	ok_eq(sh("python3 %s", path), 0);
}

static void test_hostile(void)
{
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++) {
		struct image_removals rm = {0};
		struct err err = ERR_INIT;
		char id[IMAGE_ID_SIZE];
		int r;

		make_hostile(hostile[i].python);
		r = import("hostile.tar", NULL, NULL, id, &err);
		if (hostile[i].message
			    ? r == 0 || err.kind != ERR_INVALID || !strstr(err.msg, hostile[i].message)
			    : r < 0) {
			printf("# %s: %s\n", hostile[i].name, r < 0 ? err.msg : "accepted");
			ok(0);
		}
		ok(access("/etc/evil-cove-test", F_OK) != 0);
		ok(nothing_left());
		if (r == 0) {
			ok_eq(image_remove(store, id, false, true, &rm, &err), 0);
			image_removals_done(&rm);
		}
	}
}

static void test_broken(void)
{
	struct err err = ERR_INIT;
	char id[IMAGE_ID_SIZE];

	ok_eq(sh("cd %s && head -c 20000 t.tar >cut.tar && head -c 5000 t.tar.gz >cut.gz && "
		 "head -c 5000 t.tar.zst >cut.zst && head -c 3000 t.tar.xz >cut.xz && "
		 "echo hello >text && : >empty && head -c 100000 /dev/zero | gzip >zeros.gz && "
		 "(head -c 4000 t.tar.gz; head -c 1000 /dev/urandom; tail -c +5001 t.tar.gz) >bad.gz",
		 dir), 0);
	ok_eq(import("cut.tar", NULL, NULL, id, &err), -1);
	ok_str(err.msg, "truncated tar archive");
	ok_eq(import("cut.gz", NULL, NULL, id, &err), -1);
	ok_str(err.msg, "bad gzip data: ends early");
	ok_eq(import("cut.zst", NULL, NULL, id, &err), -1);
	ok(strstr(err.msg, "bad zstd data") != NULL);
	ok_eq(import("cut.xz", NULL, NULL, id, &err), -1);
	ok(strstr(err.msg, "bad xz data") != NULL);
	ok_eq(import("bad.gz", NULL, NULL, id, &err), -1);
	ok(strstr(err.msg, "bad gzip data") != NULL);
	ok_eq(import("text", NULL, NULL, id, &err), -1);
	ok_str(err.msg, "not a tar archive");
	ok_eq(err.kind, ERR_INVALID);
	ok_eq(import("empty", NULL, NULL, id, &err), -1);
	ok_str(err.msg, "not a tar archive");
	ok_eq(import("t.tar", "Bad", NULL, id, &err), -1);
	ok_str(err.msg, "invalid reference format: repository name (library/Bad) must be lowercase");
	ok_eq(import("t.tar", "x", "FROM y", id, &err), -1);
	ok_str(err.msg, "from is not a valid change command");
	ok(nothing_left());
}

int main(void)
{
	if (!tests_begin("import"))
		return 0;
	test_run(make_tree);
	open_store("root");
	test_run(test_import);
	test_run(test_names);
	test_run(test_hostile);
	test_run(test_broken);
	test_run(test_restart);
	return tests_end();
}
