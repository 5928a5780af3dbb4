/*
 * box.c - for tests: a busybox root file system and docker's default document over it
 */
#include "box.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"

static const char *const default_caps[] = {
	"CAP_CHOWN",   "CAP_DAC_OVERRIDE", "CAP_FSETID",	   "CAP_FOWNER",
	"CAP_MKNOD",   "CAP_NET_RAW",	   "CAP_SETGID",	   "CAP_SETUID",
	"CAP_SETFCAP", "CAP_SETPCAP",	   "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
	"CAP_KILL",    "CAP_AUDIT_WRITE"};
static const char *const masked[] = {
	"/proc/asound",	    "/proc/acpi",	 "/proc/interrupts",
	"/proc/kcore",	    "/proc/keys",	 "/proc/latency_stats",
	"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
	"/proc/scsi",	    "/sys/firmware",	 "/sys/devices/virtual/powercap"};
static const char *const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
				       "/proc/sysrq-trigger"};
static const char *const applets[] = {
	"sh",	 "cat",	 "ls",	 "id",	  "echo",  "grep",     "sleep", "mount", "hostname",
	"stat",	 "dd",	 "kill", "touch", "mknod", "ip",       "env",	"pwd",	 "true",
	"false", "test", "awk",	 "tty",	  "stty",  "readlink", "head",	"tail",	 "mkdir"};

const char *box_missing(void)
{
	if (geteuid() != 0)
		return "root";
	if (access("/bin/busybox", X_OK) < 0)
		return "a static /bin/busybox";
	if (unshare(CLONE_FS) < 0)
		return "namespaces";
	return NULL;
}

static void put(const struct box *b, const char *name, const char *text, mode_t mode)
{
	AUTO(free) char *path = path_join(b->root, name);

	CHECK(fs_replace(AT_FDCWD, path, text, strlen(text), mode, 0) == 0);
}

void box_make(struct box *b)
{
	static const char *const dirs[] = {"bin", "etc",  "proc", "sys", "dev",
					   "tmp", "root", "sbin", "home"};
	static int counter;
	AUTO(buf) struct buf busybox = {0};

	memset(b, 0, sizeof(*b));
	strcpy(b->dir, "/tmp/cove-runtime-XXXXXX");
	CHECK(mkdtemp(b->dir));
	snprintf(b->root, sizeof(b->root), "%s/rootfs", b->dir);
	snprintf(b->upper, sizeof(b->upper), "%s/upper", b->dir);
	snprintf(b->work, sizeof(b->work), "%s/work", b->dir);
	snprintf(b->id, sizeof(b->id), "t%d-%d", (int)getpid(), counter++);
	snprintf(b->cgroup, sizeof(b->cgroup), "cove-test/%s", b->id);
	CHECK(mkdir(b->root, 0755) == 0 && mkdir(b->upper, 0755) == 0 && mkdir(b->work, 0755) == 0);
	chmod(b->dir, 0755);
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		AUTO(free) char *path = path_join(b->root, dirs[i]);

		CHECK(mkdir(path, 0755) == 0);
	}
	CHECK(fs_read_file(AT_FDCWD, "/bin/busybox", 16u << 20, &busybox) == 0);
	AUTO(free) char *to = path_join(b->root, "bin/busybox");

	CHECK(fs_replace(AT_FDCWD, to, busybox.p, busybox.len, 0755, 0) == 0);
	for (size_t i = 0; i < ARRAY_LEN(applets); i++) {
		AUTO(free) char *path = xasprintf("%s/bin/%s", b->root, applets[i]);

		CHECK(symlink("busybox", path) == 0);
	}
	put(b, "etc/passwd",
	    "root:x:0:0:root:/root:/bin/sh\nalice:x:1000:1001::/home/alice:/bin/sh\n", 0644);
	put(b, "etc/group", "root:x:0:\nwheel:x:10:root,alice\nstaff:x:50:alice\nusers:x:100:\n",
	    0644);
	put(b, "etc/script", "echo hello\n", 0755);
	put(b, "etc/plain", "data\n", 0644);
	strv_add(&b->lower, b->root);
}

void box_remove(struct box *b)
{
	struct runtime_cgroup cg;
	struct err err = ERR_INIT;

	if (runtime_cgroup_at(b->cgroup, &cg, &err) == 0)
		ignore_result(runtime_cgroup_remove(&cg, true, &err) < 0);
	CHECK(fs_remove_tree(AT_FDCWD, b->dir) == 0);
	strv_done(&b->lower);
}

static void add_caps(struct strv *sv)
{
	for (size_t i = 0; i < ARRAY_LEN(default_caps); i++)
		strv_add(sv, default_caps[i]);
}

void box_spec(const struct box *b, struct oci_spec *spec, const char *script)
{
	struct oci_process *p;

	oci_spec_init(spec);
	p = spec->process;
	strv_add(&p->args, "sh");
	strv_add(&p->args, "-c");
	strv_add(&p->args, script);
	strv_add(&p->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	p->cwd = xstrdup("/");
	p->capabilities = xnew(struct oci_caps);
	add_caps(&p->capabilities->bounding);
	add_caps(&p->capabilities->effective);
	add_caps(&p->capabilities->permitted);
	spec->hostname = xstrdup("box");
	oci_add_mount(spec, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	oci_add_mount(spec, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	oci_add_mount(spec, "/dev/pts", "devpts", "devpts",
		      "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	oci_add_mount(spec, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
	oci_add_mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup", "ro,nosuid,noexec,nodev");
	oci_add_mount(spec, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	oci_add_mount(spec, "/dev/shm", "tmpfs", "shm",
		      "nosuid,noexec,nodev,mode=1777,size=67108864");
	for (size_t i = 0; i < ARRAY_LEN(masked); i++)
		strv_add(&spec->linux_->masked_paths, masked[i]);
	for (size_t i = 0; i < ARRAY_LEN(readonly); i++)
		strv_add(&spec->linux_->readonly_paths, readonly[i]);
	oci_add_namespace(spec, "mount", NULL);
	oci_add_namespace(spec, "network", NULL);
	oci_add_namespace(spec, "uts", NULL);
	oci_add_namespace(spec, "pid", NULL);
	oci_add_namespace(spec, "ipc", NULL);
	oci_add_device_rule(spec, false, NULL, -1, -1, "rwm");
	oci_add_device_rule(spec, true, "c", 1, 5, "rwm");
	oci_add_device_rule(spec, true, "c", 1, 3, "rwm");
	oci_add_device_rule(spec, false, "c", 10, 229, "rwm");
}

void box_opts(const struct box *b, struct plan_opts *opts)
{
	*opts = (struct plan_opts){.lower = &b->lower,
				   .upper = b->upper,
				   .work = b->work,
				   .cgroup_path = b->cgroup,
				   .seccomp = PLAN_SECCOMP_DEFAULT,
				   .id = b->id};
}

int box_plan(const struct oci_spec *spec, const struct plan_opts *opts, struct buf *blob,
	     struct plan *plan, struct err *err)
{
	if (plan_compile(spec, opts, blob, err) < 0)
		return -1;
	return plan_open(blob->p, blob->len, plan, err);
}

int box_wait(struct runtime_proc *p)
{
	int status = 0;

	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	runtime_done(p);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

void box_run(const struct box *b, const struct oci_spec *spec, const struct plan_opts *opts,
	     struct box_result *ret)
{
	struct runtime_proc p = RUNTIME_PROC_INIT;
	AUTO(buf) struct buf blob = {0};
	struct plan plan;
	int pipefd[2];
	ssize_t n;

	*ret = (struct box_result){.status = -1};
	if (box_plan(spec, opts, &blob, &plan, &ret->err) < 0)
		return;
	CHECK(pipe2(pipefd, O_CLOEXEC) == 0);
	struct runtime_io io = {.in = -1, .out = pipefd[1], .err = pipefd[1]};
	int r = runtime_create(&plan, &io, -1, &p, &ret->err);

	close(pipefd[1]);
	if (r == 0) {
		strcpy(ret->warning, p.warning);
		r = runtime_start(&p, &ret->err);
		n = fs_read_full(pipefd[0], ret->out, sizeof(ret->out) - 1);
		ret->out[n > 0 ? n : 0] = 0;
		struct runtime_cgroup cg = p.cgroup;

		ret->status = box_wait(&p);
		if (r < 0)
			ret->status = -1;
		if (runtime_cgroup_remove(&cg, false, ret->err.kind ? NULL : &ret->err) < 0)
			printf("# cgroup is left: %s\n", ret->err.msg);
	}
	close(pipefd[0]);
}
