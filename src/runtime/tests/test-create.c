#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tap.h"
#include "box.h"

static struct box box;
static struct box_result res;

static void run(struct oci_spec *spec, struct plan_opts *opts)
{
	box_run(&box, spec, opts, &res);
	oci_spec_done(spec);
	if (res.status == -1)
		printf("# %s\n", res.err.msg);
}

static void script(const char *text)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec, text);
	run(&spec, &opts);
}

#define out_has(text)                                                                              \
	do {                                                                                       \
		if (!strstr(res.out, text)) {                                                      \
			tap_bad++;                                                                 \
			printf("# %s:%d: output lacks \"%s\":\n# %s\n", __FILE__, __LINE__, text,  \
			       res.out);                                                           \
		}                                                                                  \
	} while (0)

static void test_hello(void)
{
	script("echo hello; echo pid $$; hostname; exit 7");
	ok_eq(res.status, 7);
	out_has("hello\npid 1\nbox\n");
}

static void test_status(void)
{
	script("cat /proc/self/status");
	ok_eq(res.status, 0);
	out_has("CapEff:\t00000000a80425fb");
	out_has("CapBnd:\t00000000a80425fb");
	out_has("CapPrm:\t00000000a80425fb");
	out_has("CapInh:\t0000000000000000");
	out_has("CapAmb:\t0000000000000000");
	out_has("Seccomp:\t2");
	out_has("NoNewPrivs:\t0");
}

static void test_mounts(void)
{
	script("cat /proc/mounts; touch /x && echo wrote; ls -l /dev; ip addr show lo");
	ok_eq(res.status, 0);
	out_has("overlay / overlay rw");
	out_has("proc /proc proc rw,nosuid,nodev,noexec");
	out_has("devpts /dev/pts devpts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666");
	out_has("shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k");
	out_has("mqueue /dev/mqueue mqueue rw,nosuid,nodev,noexec");
	out_has("sysfs /sys sysfs ro,nosuid,nodev,noexec");
	out_has("proc /proc/sys proc ro,");
	out_has("wrote");
	out_has("ptmx -> pts/ptmx");
	out_has("inet 127.0.0.1");
}

static void test_masks(void)
{
	script("echo x > /proc/sys/kernel/hostname; ls /sys/firmware /proc/acpi /proc/scsi "
	       "2>/dev/null | grep -v : ; "
	       "for f in /proc/kcore /proc/keys /proc/timer_list /proc/interrupts; do "
	       "[ -e $f ] && head -c 1 $f; done; echo end");
	ok_eq(res.status, 0);
	out_has("can't create /proc/sys/kernel/hostname");
	out_has("end\n");
	ok(!strstr(res.out, "CPU0"));
}

static void test_devices(void)
{
	script("mknod /tmp/null c 1 3 && echo x > /tmp/null && echo made; "
	       "mknod /tmp/mem c 1 1 && cat /tmp/mem > /dev/null; echo; id -u < /dev/null; echo y "
	       "> /dev/full");
	out_has("made");
	out_has("/tmp/mem': Operation not permitted");
	out_has("No space left");
}

static void command(const char *cmd, enum err_kind kind, const char *msg)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec, "");
	strv_done(&spec.process->args);
	strv_add(&spec.process->args, cmd);
	run(&spec, &opts);
	ok_eq(res.status, -1);
	ok_eq(res.err.kind, kind);
	ok_str(res.err.msg, msg);
}

static void test_commands(void)
{
	command("nosuch", ERR_CMD_NOT_FOUND,
		"exec: \"nosuch\": executable file not found in $PATH");
	command("", ERR_CMD_NOT_FOUND, "exec: \"\": executable file not found in $PATH");
	command("/nosuch", ERR_CMD_NOT_FOUND,
		"exec: \"/nosuch\": stat /nosuch: no such file or directory");
	command("/etc", ERR_CMD_DENIED, "exec: \"/etc\": is a directory");
	command("/etc/plain", ERR_CMD_DENIED, "exec: \"/etc/plain\": permission denied");
	command("/etc/script", ERR_CMD_DENIED, "exec /etc/script: exec format error");
}

static void as_user(const char *user, const char *group_add)
{
	AUTO(strv) struct strv groups = {0};
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec,
		 "id; echo home $HOME; grep -E 'Cap(Eff|Prm|Bnd)' /proc/self/status; echo x > "
		 "/dev/stdout");
	opts.user = user;
	if (group_add)
		strv_split(&groups, group_add, ',');
	opts.group_add = &groups;
	run(&spec, &opts);
}

static void test_users(void)
{
	as_user("alice", "users,4242");
	ok_eq(res.status, 0);
	out_has("uid=1000(alice) gid=1001 groups=");
	out_has("10(wheel),50(staff),100(users),1001,4242");
	out_has("home /home/alice");
	out_has("CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapBnd:\t00000000a80425fb");
	as_user("", NULL);
	out_has("uid=0(root) gid=0(root) groups=0(root),10(wheel)");
	out_has("home /root");
	as_user("4000:4001", NULL);
	out_has("uid=4000 gid=4001");
	out_has("home /\n");
	as_user("bob", NULL);
	ok_eq(res.status, -1);
	ok_str(res.err.msg, "unable to find user bob: no matching entries in passwd file");
}

/* Places that lead out of the root, or into /proc, by links of the image. */
static void test_links(void)
{
	char path[128], outside[128];
	struct plan_opts opts;
	struct oci_spec spec;

	snprintf(outside, sizeof(outside), "%s/outside", box.dir);
	ok(mkdir(outside, 0755) == 0);
	snprintf(path, sizeof(path), "%s/escape", box.root);
	ok(symlink("../../../../../../tmp", path) == 0);
	snprintf(path, sizeof(path), "%s/dangling", box.root);
	ok(symlink("/made/there", path) == 0);
	snprintf(path, sizeof(path), "%s/trap", box.root);
	ok(symlink("/proc/self/attr", path) == 0);
	box_opts(&box, &opts);
	box_spec(&box, &spec,
		 "ls -d /tmp/in /made/there/too /a/b/c/d; touch /tmp/in/file; cat /file");
	oci_add_mount(&spec, "/escape/in", "bind", outside, "rbind,rprivate");
	oci_add_mount(&spec, "/dangling/too", "bind", outside, "rbind,ro");
	oci_add_mount(&spec, "/a/b/c/d", "tmpfs", "tmpfs", "size=1m");
	oci_add_mount(&spec, "/file", "bind", "/etc/hostname", "bind,ro");
	run(&spec, &opts);
	out_has("/tmp/in\n");
	out_has("/made/there/too\n");
	snprintf(path, sizeof(path), "%s/file", outside);
	ok(access(path, F_OK) == 0);
	box_spec(&box, &spec, "true");
	oci_add_mount(&spec, "/trap/x", "tmpfs", "tmpfs", NULL);
	run(&spec, &opts);
	ok_eq(res.status, -1);
}

/* A path inside a volume: links that its users left there lead nowhere else. */
static void test_subpath(void)
{
	char volume[128], path[160], text[64] = "";
	struct plan_opts opts;
	struct oci_spec spec;

	snprintf(volume, sizeof(volume), "%s/volume", box.dir);
	snprintf(path, sizeof(path), "%s/etc", volume);
	ok(mkdir(volume, 0755) == 0 && mkdir(path, 0755) == 0);
	snprintf(path, sizeof(path), "%s/to-etc", volume);
	ok(symlink("/etc", path) == 0);
	snprintf(path, sizeof(path), "%s/up", volume);
	ok(symlink("../../../../../../../../etc", path) == 0);
	snprintf(path, sizeof(path), "%s/hostfs", volume);
	ok(symlink("/proc/self/root/etc", path) == 0);
	for (size_t i = 0; i < 4; i++) {
		static const char *const subpaths[] = {"etc", "to-etc", "up", "hostfs"};

		snprintf(text, sizeof(text), "rbind,rprivate,ro," PLAN_SUBPATH_OPTION "%s",
			 subpaths[i]);
		box_opts(&box, &opts);
		box_spec(&box, &spec, "echo \"<$(ls -A /sub)>\"");
		oci_add_mount(&spec, "/sub", "bind", volume, text);
		run(&spec, &opts);
		if (i == 3)
			ok_eq(res.status, -1);
		else
			out_has("<>\n");
	}
	box_spec(&box, &spec, "true");
	spec.domainname = xstrdup("host.example");
	for (size_t i = 0; i < spec.linux_->namespaces.n; i++) {
		struct oci_namespace *ns = (struct oci_namespace *)spec.linux_->namespaces.v + i;

		if (streq(ns->type, "uts")) {
			free(ns->type);
			ns->type = xstrdup("cgroup");
		}
	}
	run(&spec, &opts);
	ok_eq(res.status, -1);
	ok(strstr(res.err.msg, "uts") != NULL);
}

static void test_bind_options(void)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec,
		 "touch /ro/x; touch /t/x && stat -c %a /t; grep -E ' /(ro|t) ' /proc/mounts");
	oci_add_mount(&spec, "/ro", "bind", box.work, "rbind,ro,nosuid,rprivate");
	oci_add_mount(&spec, "/t", "tmpfs", "tmpfs", "size=64k,mode=1700,noexec");
	run(&spec, &opts);
	out_has("/ro/x: Read-only file system");
	out_has("1700");
	out_has("noexec");
	box_spec(&box, &spec, "true");
	oci_add_mount(&spec, "/x", "bind", "/no/such/dir", "rbind");
	run(&spec, &opts);
	ok_eq(res.status, -1);
	ok(strstr(res.err.msg, "/no/such/dir"));
	box_spec(&box, &spec, "true");
	oci_add_mount(&spec, "/x", "tmpfs", "tmpfs", "nonsense=1");
	run(&spec, &opts);
	ok_eq(res.err.kind, ERR_INVALID);
	ok(strstr(res.err.msg, "nonsense"));
}

static void test_readonly_and_cwd(void)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec,
		 "pwd; touch /x; touch /dev/x && echo dev; cat /proc/sys/net/ipv4/ip_forward; echo "
		 "$UMASK; umask");
	spec.root->readonly = true;
	free(spec.process->cwd);
	spec.process->cwd = xstrdup("/srv/here");
	spec.process->user.umask = (struct opt_int){true, 077};
	map_set_str(&spec.linux_->sysctl, "net.ipv4.ip_forward", "1");
	run(&spec, &opts);
	ok_eq(res.status, 0);
	out_has("/srv/here\n");
	out_has("/x: Read-only file system");
	out_has("dev\n1\n");
	out_has("0077");
}

static void test_limits(void)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec, "ulimit -n; cat /proc/self/oom_score_adj");
	oci_add_rlimit(spec.process, "RLIMIT_NOFILE", 100, 200);
	spec.process->oom_score_adj = (struct opt_int){true, 500};
	run(&spec, &opts);
	ok_eq(res.status, 0);
	out_has("100\n500\n");

	/* above our own hard limit: refused, or clamped with a warning */
	box_spec(&box, &spec, "ulimit -n");
	oci_add_rlimit(spec.process, "RLIMIT_NOFILE", 1u << 30, 1u << 30);
	run(&spec, &opts);
	if (res.status == -1) { /* not so with CAP_SYS_RESOURCE */
		ok_eq(res.err.kind, ERR_INVALID);
		ok(strstr(res.err.msg, "ulimit NOFILE"));
		opts.rlimits_clamp = true;
		box_spec(&box, &spec, "ulimit -n");
		oci_add_rlimit(spec.process, "RLIMIT_NOFILE", 1u << 30, 1u << 30);
		run(&spec, &opts);
		ok_eq(res.status, 0);
		ok(strstr(res.warning, "NOFILE"));
	}
}

static void test_directory_root(void)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	opts.lower = NULL;
	opts.upper = opts.work = NULL;
	box_spec(&box, &spec, "echo ok; cat /proc/self/status");
	spec.root->path = xstrdup(box.root);
	spec.process->no_new_privileges = true;
	run(&spec, &opts);
	ok_eq(res.status, 0);
	out_has("ok\n");
	out_has("NoNewPrivs:\t1");
	out_has("Seccomp:\t2");
	opts.lower = &box.lower; /* a single layer without upper: read-only */
	box_spec(&box, &spec, "touch /x; echo $?");
	run(&spec, &opts);
	out_has("Read-only");
}

static void test_userns(void)
{
	struct oci_id_mapping *m;
	struct plan_opts opts;
	struct oci_spec spec;
	char path[100];

	box_opts(&box, &opts);
	opts.lower = NULL;
	opts.upper = opts.work = NULL;
	snprintf(path, sizeof(path), "%s/mapped", box.dir);
	box_spec(&box, &spec,
		 "id -u; cat /proc/self/uid_map; ls -l /dev/null; echo x > /dev/null && echo ok");
	spec.root->path = xstrdup(box.root);
	oci_add_namespace(&spec, "user", NULL);
	m = jarray_add(&spec.linux_->uid_mappings, sizeof(*m));
	*m = (struct oci_id_mapping){0, 100000, 65536};
	m = jarray_add(&spec.linux_->gid_mappings, sizeof(*m));
	*m = (struct oci_id_mapping){0, 100000, 65536};
	run(&spec, &opts);
	ok_eq(res.status, 0);
	out_has("0\n         0     100000      65536\n");
	out_has("ok\n");
}

static void test_cgroup_namespace(void)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec, "cat /proc/self/cgroup; grep cgroup /proc/mounts; ls /sys/fs/cgroup");
	oci_add_namespace(&spec, "cgroup", NULL);
	run(&spec, &opts);
	ok_eq(res.status, 0);
	ok(!strstr(res.out, box.cgroup));
	out_has(":/\n");
}

/* A mount made below a shared bind mount shows outside, and below a private one not. */
static void test_propagation(void)
{
	char shared[128], line[4096];
	struct plan_opts opts;
	struct oci_spec spec;
	int seen = 0;
	FILE *f;

	snprintf(shared, sizeof(shared), "%s/shared", box.dir);
	ok(mkdir(shared, 0755) == 0);
	ok(mount("cove-shared", shared, "tmpfs", 0, "size=1m") == 0);
	ok(mount(NULL, shared, NULL, MS_SHARED, NULL) == 0);
	box_opts(&box, &opts);
	box_spec(&box, &spec,
		 "mkdir -p /s/a /p/b; mount -t tmpfs in-shared /s/a; mount -t tmpfs in-private "
		 "/p/b");
	oci_add_mount(&spec, "/s", "bind", shared, "rbind,rshared");
	oci_add_mount(&spec, "/p", "bind", shared, "rbind,rprivate");
	strv_add(&spec.process->capabilities->bounding, "CAP_SYS_ADMIN");
	strv_add(&spec.process->capabilities->effective, "CAP_SYS_ADMIN");
	strv_add(&spec.process->capabilities->permitted, "CAP_SYS_ADMIN");
	run(&spec, &opts);
	ok_eq(res.status, 0);
	if (res.status)
		printf("# %s\n", res.out);
	f = fopen("/proc/self/mounts", "r");
	while (fgets(line, sizeof(line), f)) {
		seen += str_after(line, "in-shared ") != NULL;
		ok(!str_after(line, "in-private "));
	}
	fclose(f);
	ok_eq(seen, 1);
	umount2(shared, MNT_DETACH);
}

static void test_hooks(void)
{
	struct plan_opts opts;
	struct oci_hook *hook;
	struct oci_spec spec;
	char mark[100];

	snprintf(mark, sizeof(mark), "cat > %s/hook-state", box.dir);
	box_opts(&box, &opts);
	box_spec(&box, &spec, "exit 4");
	spec.hooks = xnew(struct oci_hooks);
	hook = jarray_add(&spec.hooks->create_runtime, sizeof(*hook));
	hook->path = xstrdup("/bin/sh");
	strv_add(&hook->args, "sh");
	strv_add(&hook->args, "-c");
	strv_add(&hook->args, mark);
	run(&spec, &opts);
	ok_eq(res.status, 4);
	snprintf(mark, sizeof(mark), "%s/hook-state", box.dir);
	ok(access(mark, F_OK) == 0);
	box_spec(&box, &spec, "exit 4");
	spec.hooks = xnew(struct oci_hooks);
	hook = jarray_add(&spec.hooks->create_container, sizeof(*hook));
	hook->path = xstrdup("/bin/false");
	run(&spec, &opts);
	ok_eq(res.status, -1);
	ok(strstr(res.err.msg, "/bin/false"));
}

/* Without a word the container goes when its maker does; no cgroup, mount or process is left. */
static void test_nothing_left(void)
{
	struct runtime_cgroup cg;
	struct err err = ERR_INIT;
	FILE *f;
	char line[4096];

	ok_eq(runtime_cgroup_at(box.cgroup, &cg, &err), 0);
	ok_eq(runtime_cgroup_oom_kills(&cg), 0);
	f = fopen("/proc/self/mounts", "r");
	while (fgets(line, sizeof(line), f))
		ok(!strstr(line, box.dir));
	fclose(f);
}

int main(void)
{
	const char *missing = box_missing();

	if (missing) {
		printf("1..0 # SKIP needs %s\n", missing);
		return 0;
	}
	box_make(&box);
	test_run(test_hello);
	test_run(test_status);
	test_run(test_mounts);
	test_run(test_masks);
	test_run(test_devices);
	test_run(test_commands);
	test_run(test_users);
	test_run(test_links);
	test_run(test_subpath);
	test_run(test_bind_options);
	test_run(test_readonly_and_cwd);
	test_run(test_limits);
	test_run(test_directory_root);
	test_run(test_userns);
	test_run(test_cgroup_namespace);
	test_run(test_propagation);
	test_run(test_hooks);
	test_run(test_nothing_left);
	box_remove(&box);
	return test_done();
}
