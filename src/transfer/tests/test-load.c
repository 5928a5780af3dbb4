/* test-load.c - load, save, commit and export on real archives, as root */
#include "common.h"

#include <pthread.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

static int load(const char *file, struct transfer_loaded *ret, struct err *err)
{
	AUTO(free) char *path = path_join(dir, file);
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	memset(ret, 0, sizeof(*ret));
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "no %s", path);
	return transfer_load(store, fd, NULL, NULL, ret, err);
}

static int save(const char *file, const char *name, struct err *err)
{
	AUTO(free) char *path = path_join(dir, file);
	AUTO(close) int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	AUTO(strv) struct strv names = {0};

	strv_add(&names, name);
	if (transfer_save_check(store, &names, err) < 0)
		return -1;
	return transfer_save(store, &names, fd, err);
}

/* A python program that makes archives of two layers, the upper one with whiteouts. */
static const char maker[] =
	"import tarfile, io, json, hashlib, gzip, sys\n"
	"def tar(entries):\n"
	"  b = io.BytesIO(); z = tarfile.open(fileobj=b, mode='w')\n"
	"  for n, d in entries:\n"
	"    i = tarfile.TarInfo(n)\n"
	"    if d is None: i.type = tarfile.DIRTYPE; i.mode = 0o755; z.addfile(i)\n"
	"    else: i.size = len(d); z.addfile(i, io.BytesIO(d))\n"
	"  z.close(); return b.getvalue()\n"
	"h = lambda b: hashlib.sha256(b).hexdigest()\n"
	"l1 = tar([('etc', None), ('etc/a', b'one'), ('etc/b', b'two'), ('old', None), ('old/x', b'x')])\n"
	"l2 = tar([('etc/.wh.a', b''), ('etc/c', b'three'), ('old', None), ('old/.wh..wh..opq', b''),"
	" ('old/y', b'y')])\n"
	"cfg = json.dumps({'architecture': 'amd64', 'os': 'linux', 'created': '2020-01-02T03:04:05Z',"
	" 'config': {'Cmd': ['/bin/sh'], 'Env': ['A=b']}, 'rootfs': {'type': 'layers', 'diff_ids':"
	" ['sha256:' + h(l1), 'sha256:' + h(l2)]}, 'history': [{'created': '2020-01-02T03:04:05Z',"
	" 'created_by': 'one'}, {'created_by': 'two', 'empty_layer': True}, {'created_by': 'three'}]})"
	".encode()\n"
	"def write(name, files):\n"
	"  z = tarfile.open(name, 'w')\n"
	"  for n, d in files:\n"
	"    i = tarfile.TarInfo(n)\n"
	"    if isinstance(d, str): i.type = tarfile.SYMTYPE; i.linkname = d; z.addfile(i)\n"
	"    else: i.size = len(d); z.addfile(i, io.BytesIO(d))\n"
	"  z.close()\n"
	"man = lambda cfgname, tags, layers: json.dumps([{'Config': cfgname, 'RepoTags': tags,"
	" 'Layers': layers}]).encode()\n"
	"write('docker.tar', [(h(cfg) + '.json', cfg), ('aa/layer.tar', l1), ('bb/layer.tar', l2),"
	" ('cc/layer.tar', '../bb/layer.tar'), ('manifest.json', man(h(cfg) + '.json', ['old:1', 'old:2'],"
	" ['aa/layer.tar', 'cc/layer.tar']))])\n"
	"write('badlayer.tar', [('c.json', cfg), ('l1', l1), ('l2', l1), ('manifest.json',"
	" man('c.json', ['bad:1'], ['l1', 'l2']))])\n"
	"write('missing.tar', [('c.json', cfg), ('l1', l1), ('manifest.json',"
	" man('c.json', ['bad:1'], ['l1', 'l2']))])\n"
	"write('escape.tar', [('c.json', cfg), ('l1', '/etc/passwd'), ('manifest.json',"
	" man('c.json', ['bad:1'], ['l1', '../../../../etc/passwd']))])\n"
	"write('few.tar', [('c.json', cfg), ('l1', l1), ('manifest.json',"
	" man('c.json', ['bad:1'], ['l1']))])\n"
	"write('notjson.tar', [('manifest.json', b'{')])\n"
	"write('nothing.tar', [('x', b'{')])\n"
	"def oci(name, badlayer=False, refname='oci:1', arch='amd64', cut=False):\n"
	"  z1, z2 = gzip.compress(l1, mtime=0), gzip.compress(l2, mtime=0)\n"
	"  m = json.dumps({'schemaVersion': 2, 'config': {'mediaType': 'x', 'digest': 'sha256:' + h(cfg),"
	" 'size': len(cfg)}, 'layers': [{'mediaType': 'application/vnd.oci.image.layer.v1.tar+gzip',"
	" 'digest': 'sha256:' + h(z), 'size': len(z)} for z in (z1, z2)]}).encode()\n"
	"  inner = json.dumps({'schemaVersion': 2, 'manifests': ["
	" {'digest': 'sha256:' + '0' * 64, 'platform': {'os': 'linux', 'architecture': 's390x'}},"
	" {'digest': 'sha256:' + h(m), 'platform': {'os': 'linux', 'architecture': arch}}]}).encode()\n"
	"  idx = json.dumps({'schemaVersion': 2, 'manifests': [{'digest': 'sha256:' + h(inner),"
	" 'annotations': {'org.opencontainers.image.ref.name': refname}}]}).encode()\n"
	"  p = lambda b: 'blobs/sha256/' + h(b)\n"
	"  write(name, [('oci-layout', b'{}'), ('index.json', idx), (p(m), m), (p(inner), inner),"
	" (p(cfg), cfg), (p(z1), z1), (p(z2), z1 if badlayer else z2)])\n"
	"oci('oci.tar'); oci('ocibad.tar', True); oci('ociarch.tar', arch='sparc')\n";

static void make_archives(void)
{
	AUTO(free) char *path = path_join(dir, "make.py");

	ok_eq(fs_replace(AT_FDCWD, path, maker, strlen(maker), 0600, 0), 0);
	ok_eq(sh("cd %s && python3 make.py && gzip -k docker.tar && xz -k oci.tar", dir), 0);
}

/* The tree of the two layers as overlay has them. */
static void check_layers(const struct image *img)
{
	AUTO(free) char *opaque = NULL;
	AUTO(free) char *white = NULL;
	char v = 0;
	struct stat st = {0};

	ok_eq(img->layers.n, 2);
	opaque = path_join(img->layers.v[0], "old");
	white = path_join(img->layers.v[0], "etc/a");
	ok(getxattr(opaque, "trusted.overlay.opaque", &v, 1) == 1 && v == 'y');
	ok(lstat(white, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0);
	ok_eq(sh("test \"$(cat %s/etc/c)\" = three && test \"$(cat %s/old/y)\" = y && "
		 "test ! -e %s/old/.wh..wh..opq && test \"$(cat %s/etc/a)\" = one",
		 img->layers.v[0], img->layers.v[0], img->layers.v[0], img->layers.v[1]), 0);
}

/* The kernel's opinion of them. */
static void check_overlay(const struct image *img)
{
	if (sh("mkdir -p %s/mnt && unshare -m sh -c 'mount -t overlay -o lowerdir=%s:%s none %s/mnt' "
	       "2>/dev/null", dir, img->layers.v[0], img->layers.v[1], dir) != 0)
		return; /* no overlay here */
	ok_eq(sh("unshare -m sh -c 'mount -t overlay -o lowerdir=%s:%s none %s/mnt && cd %s/mnt && "
		 "test \"$(find . | sort | tr \"\\n\" \" \")\" = "
		 "\". ./etc ./etc/b ./etc/c ./old ./old/y \"'", img->layers.v[0], img->layers.v[1], dir,
		 dir), 0);
}

static void test_docker_archive(void)
{
	static const char *const files[] = {"docker.tar", "docker.tar.gz"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO(image) struct image *img = NULL;
		struct transfer_loaded loaded;
		struct err err = ERR_INIT;

		ok_eq(load(files[i], &loaded, &err), 0);
		if (err.kind)
			printf("# %s\n", err.msg);
		ok_eq(loaded.names.n, 2);
		ok_eq(image_get(store, "old:2", &img, &err), 0);
		if (!img)
			return;
		check_layers(img);
		check_overlay(img);
		ok_eq(img->repo_tags.n, 2);
		ok_eq(img->nhistory, 3);
		ok_eq(img->history[0].size, 7);
		ok_eq(img->history[2].size, 6);
		ok_eq(img->size, 13);
		transfer_loaded_done(&loaded);
	}
	ok(nothing_left());
}

static void test_bad_archives(void)
{
	static const struct {
		const char *file, *message;
	} bad[] = {
		{"badlayer.tar", "the config says"},
		{"missing.tar", "'l2' is missing"},
		{"escape.tar", "is missing"},
		{"few.tar", "1 layers, but the config names 2"},
		{"notjson.tar", "manifest.json"},
		{"nothing.tar", "does not contain a manifest.json"},
		{"ocibad.tar", "the config says"},
		{"ociarch.tar", "no matching manifest for linux/"},
		{"make.py", "not a tar archive"},
	};

	close_store(); /* layers that are there already are not looked at again */
	open_store("bad");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct transfer_loaded loaded;
		struct err err = ERR_INIT;
		struct image *img = NULL;

		if (load(bad[i].file, &loaded, &err) == 0 || !strstr(err.msg, bad[i].message)) {
			printf("# %s: %s\n", bad[i].file, err.msg);
			ok(0);
		}
		ok_eq(image_get(store, "bad:1", &img, &err), -1);
		ok_eq(sh("test -z \"$(ls -A %s/bad/tmp %s/bad/layers | grep -v bad/ )\"", dir, dir), 0);
	}
	close_store();
	open_store("root");
}

static void test_oci(void)
{
	AUTO(image) struct image *img = NULL;
	struct transfer_loaded loaded;
	struct err err = ERR_INIT;

	close_store();
	open_store("oci");
	ok_eq(load("oci.tar.xz", &loaded, &err), 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	ok_eq(loaded.names.n, 1);
	ok_eq(image_get(store, "oci:1", &img, &err), 0);
	if (!img)
		return;
	check_layers(img);
	ok(img->manifest != NULL);
	ok_eq(save("oci-again.tar", "oci:1", &err), 0);
	ok_eq(sh("cd %s && mkdir x && tar -C x -xf oci-again.tar && test -e x/blobs/sha256/%s && "
		 "cd x/blobs/sha256 && for f in *; do test $(sha256sum <$f | cut -d' ' -f1) = $f "
		 "|| exit 1; done && ls | wc -l | grep -q '^4$'", dir, img->manifest + 7), 0);
	transfer_loaded_done(&loaded);
	close_store();
	open_store("root");
}

static void test_save(void)
{
	AUTO(image) struct image *img = NULL;
	AUTO(image) struct image *again = NULL;
	struct transfer_loaded loaded;
	struct err err = ERR_INIT;

	ok_eq(image_get(store, "old:1", &img, &err), 0);
	ok_eq(save("save1.tar", "old", &err), 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	ok_eq(save("save2.tar", "old", &err), 0);
	ok_eq(sh("cmp %s/save1.tar %s/save2.tar && tar tf %s/save1.tar >/dev/null", dir, dir, dir), 0);
	ok_eq(save("none.tar", "nosuch", &err), -1);
	ok_str(err.msg, "No such image: nosuch:latest");
	close_store();
	open_store("root2");
	ok_eq(load("save1.tar", &loaded, &err), 0);
	ok_eq(loaded.names.n, 2);
	transfer_loaded_done(&loaded);
	ok_eq(image_get(store, "old:2", &again, &err), 0);
	ok(again && img && streq(again->id, img->id));
	close_store();
	open_store("root");
}

static void test_commit(void)
{
	AUTO(free) char *upper = path_join(dir, "upper");
	AUTO(free) char *opaque = path_join(dir, "upper/old");
	AUTO(image) struct image *img = NULL;
	AUTO(strv) struct strv changes = {0};
	struct transfer_commit in = {.upper = upper, .parent = "old:1", .container = "0123",
				     .config = "{\"Cmd\":[\"ls\"],\"Env\":[\"A=b\"]}", .author = "me",
				     .comment = "hello", .changes = &changes, .repo = "made",
				     .tag = "v1"};
	struct err err = ERR_INIT;
	char id[IMAGE_ID_SIZE];

	strv_add(&changes, "ENV X=$A-c");
	ok_eq(sh("cd %s && mkdir -p upper/etc upper/old upper/dev/pts && touch upper/.dockerenv "
		 "upper/etc/hosts && mknod upper/etc/c c 0 0 && echo new "
		 ">upper/etc/d && ln upper/etc/d upper/etc/e && mkfifo upper/p && chmod 1777 upper/old",
		 dir), 0);
	ok_eq(setxattr(opaque, "trusted.overlay.opaque", "y", 1, 0), 0);
	ok_eq(transfer_commit(store, &in, id, &err), 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	ok_eq(image_get(store, "made:v1", &img, &err), 0);
	if (!img)
		return;
	ok_eq(img->layers.n, 3);
	ok_eq(img->nhistory, 4);
	ok_str(img->history[3].created_by, "ls");
	ok_str(env_get(&img->config.env, "X"), "b-c");
	ok_eq(sh("cd %s && test -c etc/c && cmp etc/d etc/e && test $(stat -c %%a old) = 1777 && "
		 "test $(stat -c %%h etc/d) = 2 && getfattr -n trusted.overlay.opaque old >/dev/null "
		 "2>&1; test -p p && test ! -e .dockerenv && test ! -e etc/hosts && test ! -e dev",
		 img->layers.v[0]), 0);
	ok_eq(save("made.tar", "made:v1", &err), 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	ok(nothing_left());
	{
		AUTO(free) char *path = path_join(dir, "export.tar");
		AUTO(close) int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		ok_eq(transfer_export(&img->layers, fd, &err), 0);
		ok_eq(sh("cd %s && tar tf export.tar >list && tr '\\n' ' ' <list | "
			 "grep -qx 'etc/ etc/b etc/d etc/e old/ p '", dir), 0);
	}
	{ /* a parent is not removed under its child */
		struct image_removals r = {0};

		ok_eq(image_remove(store, img->parent, true, true, &r, &err), -1);
		ok(strstr(err.msg, "(cannot be forced) - image has dependent child images") != NULL);
	}
}

/* An archive that replaces its own entry: the tree is what counts. */
static void test_replaced(void)
{
	struct err err = ERR_INIT;
	char id[IMAGE_ID_SIZE];

	ok_eq(sh("cd %s && echo 1 >f && tar cf r.tar f && echo 22 >f && tar rf r.tar f", dir), 0);
	ok_eq(import("r.tar", "replaced", NULL, id, &err), 0);
	ok_eq(save("r2.tar", "replaced", &err), 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	ok(nothing_left());
}

static void *import_thread(void *ctx)
{
	AUTO(free) char *name = xasprintf("many:%zu", (size_t)ctx);
	struct err err = ERR_INIT;
	char id[IMAGE_ID_SIZE];

	if (import(strstr(name, ":0") ? "docker.tar" : "r.tar", name, NULL, id, &err) < 0)
		return xstrdup(err.msg);
	return NULL;
}

/* image/layer.c (2): the same layer at once from many threads is there once. */
static void test_threads(void)
{
	pthread_t t[6];
	size_t before = 0, after = 0;

	image_layers_size(store, &before);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		ok_eq(pthread_create(&t[i], NULL, import_thread, (void *)i), 0);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		void *message = NULL;

		pthread_join(t[i], &message);
		if (message)
			printf("# %s\n", (char *)message);
		ok(message == NULL);
		free(message);
	}
	image_layers_size(store, &after);
	ok_eq(after, before + 1);
	ok_eq(sh("test $(ls -A %s/root/layers | wc -l) = %zu", dir, after), 0);
	ok(nothing_left());
}

/* Full disk: an error with ENOSPC, nothing left, the store goes on. */
static void test_full(void)
{
	struct err err = ERR_INIT;
	char id[IMAGE_ID_SIZE];

	close_store();
	if (sh("mkdir %s/full && mount -t tmpfs -o size=3m none %s/full 2>/dev/null", dir, dir) != 0) {
		test_skip("needs mount");
		open_store("root");
		return;
	}
	open_store("full");
	ok_eq(sh("cd %s && head -c 8000000 /dev/urandom >big && tar cf big.tar big f", dir), 0);
	ok_eq(import("big.tar", "big", NULL, id, &err), -1);
	ok_eq(err.kind, ERR_SYSTEM);
	ok(strstr(err.msg, "No space left on device") != NULL);
	ok_eq(sh("test -z \"$(ls -A %s/full/tmp)\"", dir), 0);
	ok_eq(sh("cd %s && tar cf small.tar f", dir), 0);
	err = (struct err)ERR_INIT;
	ok_eq(import("small.tar", "small", NULL, id, &err), 0);
	close_store();
	ok_eq(sh("umount %s/full", dir), 0);
	open_store("root");
}

int main(void)
{
	if (!tests_begin("load"))
		return 0;
	open_store("root");
	test_run(make_archives);
	test_run(test_docker_archive);
	test_run(test_bad_archives);
	test_run(test_oci);
	test_run(test_save);
	test_run(test_commit);
	test_run(test_replaced);
	test_run(test_threads);
	test_run(test_full);
	return tests_end();
}
