/*
 * process.c - the process itself: user, limits, capabilities, seccomp, the program
 *
 * (1) No error after runtime_process_find() can come from a missing or unreadable program, short of
 * a change in between: create reports those. (2) Capabilities are only ever taken away; those that
 * we lack ourselves are left out. (3) Without no_new_privs the filter is loaded while CAP_SYS_ADMIN
 * is still there; with it, last.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "sys/caps.h"
#include "sys/mnt.h"

#define DEFAULT_UMASK 0022

static const struct plan_process *process(const struct child *c)
{
	return &c->plan->head->process;
}

/* ---- before the host disappears */

int runtime_process_label_open(struct child *c, struct err *err)
{
	static const char *const files[] = {"/proc/self/attr/apparmor/exec",
					    "/proc/self/attr/exec"};

	if (!process(c)->apparmor && !process(c)->selinux)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(files) && c->label < 0; i++)
		c->label = open(files[i], O_WRONLY | O_CLOEXEC);
	if (c->label < 0)
		return err_sys(err, errno, "open the security label");
	return 0;
}

static int set_oom_adj(struct child *c, struct err *err)
{
	int want = process(c)->oom_score_adj;
	char text[16];
	AUTO(close) int fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return err_sys(err, errno, "open oom_score_adj");
	text[n] = 0;
	if (atoi(text) == want)
		return 0;
	n = snprintf(text, sizeof(text), "%d", want);
	if (pwrite(fd, text, (size_t)n, 0) == n)
		return 0;
	if (errno == EACCES) { /* lowering it takes CAP_SYS_RESOURCE */
		snprintf(c->warning, sizeof(c->warning),
			 "oom_score_adj %d needs CAP_SYS_RESOURCE: left as it is", want);
		return 0;
	}
	return err_sys(err, errno, "set oom_score_adj to %d", want);
}

static const char *const rlimit_names[] = {
	"CPU",	   "FSIZE", "DATA",  "STACK",	   "CORE",     "RSS",  "NPROC",	 "NOFILE",
	"MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};

static int set_rlimit(struct child *c, const struct plan_rlimit *rl, struct err *err)
{
	struct rlimit want = {.rlim_cur = rl->soft, .rlim_max = rl->hard}, now;
	const char *name =
		rl->resource < ARRAY_LEN(rlimit_names) ? rlimit_names[rl->resource] : "?";

	if (setrlimit((__rlimit_resource_t)rl->resource, &want) == 0)
		return 0;
	if (errno != EPERM)
		return err_sys(err, errno, "set rlimit %s", name);
	if (getrlimit((__rlimit_resource_t)rl->resource, &now) < 0)
		return err_sys(err, errno, "read rlimit %s", name);
	if (!(c->plan->head->flags & PLAN_F_CLAMP_RLIMITS))
		return err_set(
			err, ERR_INVALID,
			"ulimit %s: %llu is above our own hard limit %llu, which we cannot raise",
			name, (unsigned long long)rl->hard, (unsigned long long)now.rlim_max);
	want.rlim_max = MIN(want.rlim_max, now.rlim_max);
	want.rlim_cur = MIN(want.rlim_cur, want.rlim_max);
	if (setrlimit((__rlimit_resource_t)rl->resource, &want) < 0)
		return err_sys(err, errno, "set rlimit %s", name);
	snprintf(c->warning, sizeof(c->warning),
		 "ulimit %s: lowered from %llu to our own hard limit %llu", name,
		 (unsigned long long)rl->hard, (unsigned long long)want.rlim_max);
	return 0;
}

struct sched_attr_v1 { /* the kernel's sched_attr; libc has none */
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int set_priorities(struct child *c, struct err *err)
{
	const struct plan_process *p = process(c);
	struct sched_attr_v1 attr = {.size = sizeof(attr),
				     .policy = p->sched_policy,
				     .flags = p->sched_flags,
				     .nice = p->sched_nice,
				     .priority = (uint32_t)p->sched_priority,
				     .runtime = p->sched_runtime,
				     .deadline = p->sched_deadline,
				     .period = p->sched_period};

	if (p->flags & PLAN_P_SCHED && syscall(SYS_sched_setattr, 0, &attr, 0) < 0)
		return err_sys(err, errno, "set the scheduler");
	if (p->flags & PLAN_P_IOPRIO && syscall(SYS_ioprio_set, 1, 0, p->ioprio) < 0)
		return err_sys(err, errno, "set the I/O priority");
	if (p->flags & PLAN_P_PERSONALITY && personality(p->personality) < 0)
		return err_sys(err, errno, "set the personality");
	return 0;
}

int runtime_process_limits(struct child *c, struct err *err)
{
	const struct plan_process *p = process(c);

	if (p->flags & PLAN_P_OOM_ADJ && set_oom_adj(c, err) < 0)
		return -1;
	plan_for_each(struct plan_rlimit, rl, c->plan,
		      &p->rlimits) if (set_rlimit(c, rl, err) < 0) return -1;
	return set_priorities(c, err);
}

/* ---- the user */

/* A database of the image: any file may stand there; only a plain one is read. */
static int read_database(struct child *c, const char *path, struct buf *ret, struct err *err)
{
	AUTO(close) int fd = beneath_open(c->root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, 0);
	struct stat st;
	int r;

	if (fd < 0)
		return 0; /* none: nobody is in it */
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	r = fs_read_fd(fd, USER_FILE_MAX, ret);
	if (r == -EFBIG)
		return err_set(err, ERR_INVALID, "%s of the container is larger than %u bytes",
			       path, USER_FILE_MAX);
	return r < 0 ? err_sys(err, -r, "read %s of the container", path) : 0;
}

static int add_group(struct user *u, uint32_t gid, struct err *err)
{
	for (size_t i = 0; i < u->ngids; i++)
		if (u->gids[i] == gid)
			return 0;
	if (u->ngids == USER_GROUPS_MAX)
		return err_set(err, ERR_INVALID, "more than %d groups", USER_GROUPS_MAX);
	u->gids[u->ngids++] = gid;
	return 0;
}

static int collect_groups(struct child *c, const char *group, struct err *err)
{
	const struct plan_process *p = process(c);
	const uint32_t *gids = plan_vec(c->plan, &p->gids);
	struct user *u = c->user;
	uint32_t gid;

	if (p->flags & PLAN_P_SUPP_GID) { /* first, as docker has it */
		AUTO(free) uint32_t *rest = xmemdup(u->gids, u->ngids * sizeof(*rest));
		size_t n = u->ngids;

		u->ngids = 0;
		if (add_group(u, u->gid, err) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (add_group(u, rest[i], err) < 0)
				return -1;
	}
	for (uint32_t i = 0; i < p->gids.n; i++)
		if (add_group(u, gids[i], err) < 0)
			return -1;
	for (uint32_t i = 0; i < p->group_add.n; i++)
		if (runtime_user_group(plan_nth(c->plan, &p->group_add, i), group, &gid, err) < 0 ||
		    add_group(u, gid, err) < 0)
			return -1;
	return 0;
}

/* The terminal and pipes belong to the container's user, so that it can open /dev/stdout again. */
static void own_stdio(struct child *c)
{
	for (int fd = 0; fd < 3; fd++) {
		struct stat st;

		if (c->slave >= 0)
			fd = c->slave;
		if (fstat(fd, &st) == 0 && st.st_uid != c->user->uid &&
		    !(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			ignore_result(fchown(fd, c->user->uid, st.st_gid) <
				      0); /* not ours to give: stays */
		if (c->slave >= 0)
			return;
	}
}

int runtime_process_user(struct child *c, struct err *err)
{
	const struct plan_process *p = process(c);
	const char *spec = plan_cstr(c->plan, p->user);
	AUTO(buf) struct buf passwd = {0};
	AUTO(buf) struct buf group = {0};
	struct user *u = c->user = xnew(struct user);

	if (spec || p->flags & PLAN_P_HOME)
		if (read_database(c, "etc/passwd", &passwd, err) < 0)
			return -1;
	if (spec || p->group_add.n)
		if (read_database(c, "etc/group", &group, err) < 0)
			return -1;
	if (spec) {
		if (runtime_user_resolve(spec, passwd.p, group.p, u, err) < 0)
			return -1;
	} else {
		u->uid = p->uid;
		u->gid = p->gid;
	}
	if (collect_groups(c, group.p, err) < 0)
		return -1;
	for (uint32_t i = 0; i < p->env.n; i++)
		strv_add(&c->env, plan_nth(c->plan, &p->env, i));
	if (p->flags & PLAN_P_HOME) {
		if (!u->home[0] && !runtime_user_home(u->uid, passwd.p, u->home, sizeof(u->home)))
			strcpy(u->home, "/");
		env_set(&c->env, "HOME", u->home);
	}
	own_stdio(c);
	return 0;
}

int runtime_process_become(struct child *c, struct err *err)
{
	const struct plan_process *p = process(c);
	const struct user *u = c->user;
	int r = caps_bound(p->flags & PLAN_P_CAPS ? p->caps_bounding : 0);

	if (r < 0)
		return err_sys(err, -r, "drop capabilities");
	if (u->uid != 0 && prctl(PR_SET_KEEPCAPS, 1) < 0)
		return err_sys(err, errno, "keep capabilities");
	if (setgroups(u->ngids, u->gids) < 0 && !(errno == EPERM && !u->ngids))
		return err_sys(err, errno, "set groups");
	if (setresgid(u->gid, u->gid, u->gid) < 0 || setresuid(u->uid, u->uid, u->uid) < 0)
		return err_sys(err, errno, "set user %u:%u", u->uid, u->gid);
	umask(p->flags & PLAN_P_UMASK ? p->umask & 0777 : DEFAULT_UMASK);
	/* after setuid, which would forget it; the wait for the maker's word notices an earlier
	 * death */
	if (c->plan->head->flags & PLAN_F_DIE_WITH_PARENT && prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
		return err_sys(err, errno, "bind life to the maker");
	return 0;
}

/* ---- the program */

/* 0, or the error that Go's exec.LookPath has for it. */
static int executable(const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0)
		return -errno;
	return S_ISREG(st.st_mode) && !(st.st_mode & 0111) ? -EACCES : 0;
}

static enum err_kind command_kind(int errnum)
{
	return errnum == ENOENT || errnum == ENOTDIR ? ERR_CMD_NOT_FOUND : ERR_CMD_DENIED;
}

static int command_error(struct err *err, int errnum, const char *fmt, const char *cmd,
			 const char *path)
{
	char what[900], text[64];

	snprintf(what, sizeof(what), fmt, cmd, path);
	snprintf(text, sizeof(text), "%s", strerrordesc_np(errnum) ?: "unknown error");
	for (char *p = text; *p; p++)
		if (*p >= 'A' && *p <= 'Z' && (p == text || p[-1] == ' ') &&
		    !(p[1] >= 'A' && p[1] <= 'Z'))
			*p = (char)(*p - 'A' + 'a'); /* Go's texts are in lower case */
	err_set(err, command_kind(errnum), "%s: %s", what, text);
	if (err)
		err->sys = errnum;
	return -1;
}

int runtime_process_find(struct child *c, struct err *err)
{
	const char *cmd = plan_nth(c->plan, &process(c)->args, 0), *path = env_get(&c->env, "PATH");
	AUTO(strv) struct strv dirs = {0};
	int r;

	if (strchr(cmd, '/')) {
		r = executable(cmd);
		if (r == -ENOENT || r == -ENOTDIR)
			return command_error(err, -r, "exec: \"%s\": stat %s", cmd, cmd);
		if (r < 0)
			return command_error(err, -r, "exec: \"%s\"", cmd, cmd);
		c->exe = xstrdup(cmd);
		return 0;
	}
	if (path)
		strv_split(&dirs, path, ':');
	strv_for_each (dir, &dirs) {
		AUTO(free) char *full = xasprintf("%s/%s", *dir ? dir : ".", cmd);

		if (*cmd && executable(full) == 0) {
			c->exe = TAKE_PTR(full);
			return 0;
		}
	}
	return err_set(err, ERR_CMD_NOT_FOUND, "exec: \"%s\": executable file not found in $PATH",
		       cmd);
}

static int write_label(struct child *c, struct err *err)
{
	const struct plan_process *p = process(c);
	const char *profile = plan_cstr(c->plan, p->apparmor ? p->apparmor : p->selinux);
	char text[300];
	int n;

	if (c->label < 0)
		return 0;
	n = snprintf(text, sizeof(text), "%s%s", p->apparmor ? "exec " : "", profile);
	if (write(c->label, text, (size_t)n) != n)
		return err_sys(err, errno, "apply security label '%s'", profile);
	close(c->label);
	return 0;
}

static int load_seccomp(struct child *c, struct err *err)
{
	const struct plan_vec *v = &process(c)->seccomp;
	struct sock_fprog prog = {.len = (unsigned short)v->n,
				  .filter = (struct sock_filter *)plan_vec(c->plan, v)};

	if (!v->n)
		return 0;
	if (v->n > BPF_MAXINSNS)
		return err_set(err, ERR_INVALID, "seccomp filter is too long: %u instructions",
			       v->n);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, process(c)->seccomp_flags, &prog) < 0)
		return err_sys(err, errno, "load the seccomp filter");
	return 0;
}

static int final_caps(struct child *c, uint64_t permitted, struct err *err)
{
	const struct plan_process *p = process(c);
	int r;

	if (!(p->flags & PLAN_P_CAPS)) {
		r = caps_set(0, 0, 0);
		return r < 0 ? err_sys(err, -r, "drop capabilities") : 0;
	}
	r = caps_set(p->caps_effective & p->caps_permitted & permitted,
		     p->caps_permitted & permitted, p->caps_inheritable & permitted);
	if (r == 0)
		r = caps_ambient(p->caps_ambient & p->caps_permitted & p->caps_inheritable &
				 permitted);
	return r < 0 ? err_sys(err, -r, "set capabilities") : 0;
}

static int drop_privileges(struct child *c, struct err *err)
{
	bool nnp = process(c)->flags & PLAN_P_NO_NEW_PRIVS;
	uint64_t permitted;
	int r = caps_permitted(&permitted);

	if (r == 0)
		r = caps_set(permitted, permitted, 0);
	if (r < 0)
		return err_sys(err, -r, "raise capabilities");
	if (nnp && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "set no_new_privs");
	if (!nnp && load_seccomp(c, err) < 0)
		return -1;
	if (final_caps(c, permitted, err) < 0)
		return -1;
	return nnp ? load_seccomp(c, err) : 0;
}

int runtime_process_run(struct child *c, struct err *err)
{
	const struct plan_process *p = process(c);
	AUTO(free) char **argv = xnew_n(char *, p->args.n + 1);
	char **envp = c->env.v ? c->env.v : (char *[]){NULL};

	for (uint32_t i = 0; i < p->args.n; i++)
		argv[i] = (char *)plan_nth(c->plan, &p->args, i);
	syscall(SYS_close_range, 3 + c->plan->head->preserve_fds, ~0u,
		1u << 2 /* CLOSE_RANGE_CLOEXEC */);
	if (write_label(c, err) < 0 || drop_privileges(c, err) < 0)
		return -1;
	execve(c->exe, argv, envp);
	return command_error(err, errno, "exec %s", c->exe, "");
}
