/*
 * cmd-info.c - state, list, ps, spec, features
 */
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "base/spawn.h"
#include "runtime/cmd.h"
#include "sys/caps.h"

int cmd_state(const struct args *a, struct err *err)
{
	AUTO(state) struct state s = {0};
	AUTO(free) char *text = NULL;

	if (state_load(a, a->rest[0], &s, NULL, err) < 0)
		return -1;
	text = state_text(&s);
	puts(text);
	return 0;
}

/* ---- list */

struct listing {
	const struct args *a;
	json_t *all; /* with --format json */
};

static int list_one(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	struct listing *l = ctx;
	AUTO(state) struct state s = {0};
	const char *status;

	if (state_load(l->a, name, &s, NULL, NULL) < 0)
		return 0; /* being made or removed */
	status = state_status(&s);
	if (l->a->quiet) {
		puts(s.id);
	} else if (l->all) {
		AUTO(free) char *text = state_text(&s);

		json_array_append_new(l->all, json_loads(text, 0, NULL));
	} else {
		printf("%-11s %-11d %-11s %-18s %-30s %s\n", s.id,
		       streq(status, "stopped") ? 0 : (int)s.pid, status, str_or(s.bundle),
		       str_or(s.created), str_or(s.owner));
	}
	return 0;
}

static int check_format(const struct args *a, struct err *err)
{
	if (a->format && !streq(a->format, "json") && !streq(a->format, "table"))
		return err_set(err, ERR_INVALID, "invalid format option");
	return 0;
}

int cmd_list(const struct args *a, struct err *err)
{
	struct listing l = {.a = a};
	int r;

	if (check_format(a, err) < 0)
		return -1;
	if (a->format && streq(a->format, "json"))
		l.all = json_array();
	else if (!a->quiet)
		printf("%-11s %-11s %-11s %-18s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE",
		       "CREATED", "OWNER");
	r = fs_each_entry(AT_FDCWD, a->root, list_one, &l);
	if (l.all) {
		AUTO(free) char *text = json_text(l.all, 0);

		puts(text);
		json_decref(l.all);
	}
	return r < 0 && r != -ENOENT ? err_sys(err, -r, "read '%s'", a->root) : 0;
}

/* ---- ps */

static void print_pids(const pid_t *pids, size_t n)
{
	AUTO(json) json_t *array = json_array();
	AUTO(free) char *text = NULL;

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, json_integer(pids[i]));
	text = json_text(array, 0);
	puts(text);
}

/* Lines of "ps" whose PID column is one of the container's. */
static int filter_ps(FILE *f, const pid_t *pids, size_t n, struct err *err)
{
	char line[4096];
	int column = -1;

	while (fgets(line, sizeof(line), f)) {
		AUTO(free) char *copy = xstrdup(line);
		char *save = NULL, *word = strtok_r(copy, " \t\n", &save);
		bool header = column < 0;
		int i = 0;

		for (; word && (header ? !streq(word, "PID") : i < column); i++)
			word = strtok_r(NULL, " \t\n", &save);
		if (header) {
			if (!word)
				return err_set(err, ERR_INVALID,
					       "couldn't find PID field in ps output");
			column = i;
			fputs(line, stdout);
			continue;
		}
		for (size_t k = 0; word && k < n; k++)
			if (atoi(word) == pids[k]) {
				fputs(line, stdout);
				break;
			}
	}
	return 0;
}

static int run_ps(const struct args *a, const pid_t *pids, size_t n, struct err *err)
{
	AUTO(free) char **argv = xnew_n(char *, (size_t)a->nrest + 3);
	AUTO(fclose) FILE *f = NULL;
	int pipefd[2], argc = 0;
	struct spawn_fd fds[2] = {{.to = 1}, {.from = 2, .to = 2}};
	struct spawn s = {.path = "/bin/ps", .exe_fd = -1, .argv = argv, .fds = fds, .nfds = 2};
	pid_t pid;
	int r;

	argv[argc++] = "ps";
	for (int i = 1; i < a->nrest; i++)
		argv[argc++] = a->rest[i];
	if (argc == 1)
		argv[argc++] = "-ef";
	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	fds[0].from = pipefd[1];
	pid = spawn_process(&s, NULL);
	close(pipefd[1]);
	f = fdopen(pipefd[0], "r");
	if (pid < 0)
		return err_sys(err, -pid, "run ps");
	r = filter_ps(f, pids, n, err);
	ignore_result(spawn_wait(pid) < 0); /* its output is what counts */
	return r;
}

int cmd_ps(const struct args *a, struct err *err)
{
	AUTO(state) struct state s = {0};
	AUTO(free) pid_t *pids = NULL;
	struct runtime_cgroup cg;
	size_t n = 0;

	if (check_format(a, err) < 0 || state_load(a, a->rest[0], &s, NULL, err) < 0)
		return -1;
	cg = state_cgroup(&s);
	if (runtime_cgroup_pids(&cg, &pids, &n, err) < 0)
		return -1;
	if (a->format && streq(a->format, "json"))
		print_pids(pids, n);
	else
		return run_ps(a, pids, n, err);
	return 0;
}

/* ---- spec */

static void add_all(struct strv *sv, const char *words)
{
	strv_split(sv, words, ' ');
}

static void default_spec(struct oci_spec *spec)
{
	struct oci_process *p;

	oci_spec_init(spec);
	p = spec->process;
	p->terminal = true;
	strv_add(&p->args, "sh");
	strv_add(&p->env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	strv_add(&p->env, "TERM=xterm");
	p->cwd = xstrdup("/");
	p->no_new_privileges = true;
	p->capabilities = xnew(struct oci_caps);
	add_all(&p->capabilities->bounding, "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE");
	add_all(&p->capabilities->effective, "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE");
	add_all(&p->capabilities->permitted, "CAP_AUDIT_WRITE CAP_KILL CAP_NET_BIND_SERVICE");
	oci_add_rlimit(p, "RLIMIT_NOFILE", 1024, 1024);
	spec->root->path = xstrdup("rootfs");
	spec->root->readonly = true;
	spec->hostname = xstrdup("cove");
	oci_add_mount(spec, "/proc", "proc", "proc", NULL);
	oci_add_mount(spec, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	oci_add_mount(spec, "/dev/pts", "devpts", "devpts",
		      "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	oci_add_mount(spec, "/dev/shm", "tmpfs", "shm",
		      "nosuid,noexec,nodev,mode=1777,size=65536k");
	oci_add_mount(spec, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	oci_add_mount(spec, "/sys", "sysfs", "sysfs", "nosuid,noexec,nodev,ro");
	oci_add_mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup",
		      "nosuid,noexec,nodev,relatime,ro");
	oci_add_device_rule(spec, false, NULL, -1, -1, "rwm");
	oci_add_namespace(spec, "pid", NULL);
	oci_add_namespace(spec, "network", NULL);
	oci_add_namespace(spec, "ipc", NULL);
	oci_add_namespace(spec, "uts", NULL);
	oci_add_namespace(spec, "mount", NULL);
	oci_add_namespace(spec, "cgroup", NULL);
	add_all(&spec->linux_->masked_paths,
		"/proc/acpi /proc/asound /proc/kcore /proc/keys /proc/latency_stats "
		"/proc/timer_list /proc/timer_stats /proc/sched_debug /sys/firmware /proc/scsi");
	add_all(&spec->linux_->readonly_paths,
		"/proc/bus /proc/fs /proc/irq /proc/sys /proc/sysrq-trigger");
}

int cmd_spec(const struct args *a, struct err *err)
{
	AUTO(free) char *path = path_join(a->bundle ? a->bundle : ".", "config.json");
	AUTO(oci_spec) struct oci_spec spec = {0};
	AUTO(json) json_t *value = NULL;
	AUTO(free) char *text = NULL;
	int r;

	if (fs_exists(AT_FDCWD, path))
		return err_set(err, ERR_CONFLICT, "file config.json exists: remove it first");
	default_spec(&spec);
	value = json_print(&oci_spec_type, &spec);
	text = json_text(value, JSON_INDENT(4));
	r = fs_replace(AT_FDCWD, path, text, strlen(text), 0666, 0);
	return r < 0 ? err_sys(err, -r, "write '%s'", path) : 0;
}

/* ---- features */

static json_t *words(const char *text)
{
	AUTO(strv) struct strv sv = {0};

	strv_split(&sv, text, ' ');
	return json_strs(&sv);
}

static json_t *capabilities(void)
{
	json_t *array = json_array();

	for (int cap = 0; cap <= cap_last() && cap_name(cap); cap++)
		json_array_append_new(array, json_string(cap_name(cap)));
	return array;
}

int cmd_features(const struct args *a, struct err *err)
{
	AUTO(json)
	json_t *o = json_pack(
		"{s:s,s:s,s:o,s:o,s:{s:o,s:o,s:{s:b,s:b,s:b,s:b},s:{s:b,s:o,s:o,s:o},s:{s:b},s:{s:"
		"b},s:{s:{s:b}}}}",
		"ociVersionMin", "1.0.0", "ociVersionMax", OCI_VERSION, "hooks",
		words("prestart createRuntime createContainer startContainer poststart poststop"),
		"mountOptions",
		words("atime bind defaults dev diratime exec noatime nodev nodiratime noexec "
		      "norelatime nostrictatime "
		      "nosuid nosymfollow private rbind rdev rdiratime relatime rexec rnoatime "
		      "rnodev "
		      "rnodiratime rnoexec rnosuid rnosymfollow ro rprivate rrelatime rro rrw "
		      "rshared rslave "
		      "rstrictatime rsuid rsymfollow runbindable rw shared silent slave "
		      "strictatime suid symfollow "
		      "tmpcopyup unbindable"),
		"linux", "namespaces", words("cgroup ipc mount network pid user uts"),
		"capabilities", capabilities(), "cgroup", "v1", 1, "v2", 1, "systemd", 0,
		"systemdUser", 0, "seccomp", "enabled", 1, "actions",
		words("SCMP_ACT_ALLOW SCMP_ACT_ERRNO SCMP_ACT_KILL SCMP_ACT_KILL_PROCESS "
		      "SCMP_ACT_KILL_THREAD "
		      "SCMP_ACT_LOG SCMP_ACT_TRACE SCMP_ACT_TRAP"),
		"operators",
		words("SCMP_CMP_EQ SCMP_CMP_GE SCMP_CMP_GT SCMP_CMP_LE SCMP_CMP_LT "
		      "SCMP_CMP_MASKED_EQ SCMP_CMP_NE"),
		"archs",
		words("SCMP_ARCH_AARCH64 SCMP_ARCH_ARM SCMP_ARCH_RISCV64 SCMP_ARCH_X32 "
		      "SCMP_ARCH_X86 SCMP_ARCH_X86_64"),
		"apparmor", "enabled", 1, "selinux", "enabled", 1, "mountExtensions", "idmap",
		"enabled", 1);
	AUTO(free) char *text = NULL;

	CHECK(o);
	text = json_text(o, JSON_INDENT(4));
	puts(text);
	return 0;
}
