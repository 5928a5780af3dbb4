/*
 * child.c - what the cloned process does before it becomes the container's program
 *
 * (1) Every failure is sent to the maker as one message; then the process exits.
 * (2) From the first step on no descriptor is open but those named in struct child.
 * (3) A process that enters a pid namespace where others live, for an exec or to share it, is not
 *     dumpable before: what runs there can neither trace it nor open its files through /proc.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "sys/mnt.h"
#include "sys/tty.h"

#define HIGH_FD 64 /* where descriptors of ours go, away from 0..2 and the preserved ones */

static void close_except(const int *keep, size_t n, unsigned from)
{
	for (;;) {
		unsigned first = ~0u;

		for (size_t i = 0; i < n; i++)
			if (keep[i] >= 0 && (unsigned)keep[i] >= from && (unsigned)keep[i] < first)
				first = (unsigned)keep[i];
		if (first > from)
			syscall(SYS_close_range, from, first - 1, 0);
		if (first == ~0u)
			return;
		from = first + 1;
	}
}

static int raise_fd(int fd, int high)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, high);
}

/* Puts stdio in place and closes all else, (2). */
static int settle_fds(struct child *c, struct err *err)
{
	int high = MAX(HIGH_FD, 3 + (int)c->plan->head->preserve_fds);
	int *ours[] = {&c->sync, &c->kept, &c->netns, &c->pidfd, &c->io[0], &c->io[1], &c->io[2]};
	int keep[4];

	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		bool wanted = *ours[i] >= 0;

		*ours[i] = raise_fd(*ours[i], high);
		if (wanted && *ours[i] < 0)
			return err_sys(err, errno, "move a descriptor");
	}
	for (int i = 0; i < 3; i++) {
		int fd = c->io[i] >= 0 ? c->io[i] : open("/dev/null", O_RDWR | O_CLOEXEC);

		if (fd < 0 || (fd != i && dup2(fd, i) < 0))
			return err_sys(err, errno, "set up standard streams");
		if (fd == i)
			ignore_result(fs_cloexec(fd, false) < 0);
	}
	keep[0] = c->sync;
	keep[1] = c->netns;
	keep[2] = c->pidfd;
	keep[3] = c->kept;
	close_except(keep, ARRAY_LEN(keep), 3 + c->plan->head->preserve_fds);
	return 0;
}

static void reset_signals(void)
{
	struct sigaction sa = {.sa_handler = SIG_DFL};
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		if (sig != SIGKILL && sig != SIGSTOP)
			sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int wait_go(struct child *c, char **ret_text, struct err *err)
{
	struct sync_msg m;
	int r = runtime_sync_receive(c->sync, &m, NULL);

	if (r <= 0 || m.type != SYNC_GO)
		return err_set(err, ERR_CANCELLED, "the maker is gone");
	if (ret_text)
		*ret_text = xstrdup(m.err.msg);
	return 0;
}

static int ask(struct child *c, enum sync_type question, char **ret_text, struct err *err)
{
	int r = runtime_sync_send(c->sync, question, NULL, NULL, -1);

	if (r < 0)
		return err_sys(err, -r, "talk to the maker");
	return wait_go(c, ret_text, err);
}

/* A new user namespace: wait for its maps, then be root in it. */
static int enter_userns(struct child *c, struct err *err)
{
	if (ask(c, SYNC_USERNS, NULL, err) < 0)
		return -1;
	if (setgroups(0, NULL) < 0 && errno != EPERM)
		return err_sys(err, errno, "drop groups");
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_sys(err, errno, "become root of the user namespace");
	prctl(PR_SET_DUMPABLE, 1); /* our own /proc/self, again */
	return 0;
}

static int join_namespaces(struct child *c, struct err *err)
{
	const struct plan *p = c->plan;

	plan_for_each(struct plan_ns, ns, p, &p->head->ns_join)
	{
		if (ns->type == CLONE_NEWPID)
			continue; /* by the maker, before the clone */
		AUTO(close) int fd = open(plan_cstr(p, ns->path), O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return err_sys(err, errno, "open namespace '%s'", plan_cstr(p, ns->path));
		if (setns(fd, (int)ns->type) < 0)
			return err_sys(err, errno, "join namespace '%s'", plan_cstr(p, ns->path));
	}
	if (c->netns >= 0) {
		if (setns(c->netns, CLONE_NEWNET) < 0)
			return err_sys(err, errno, "join the network namespace");
		close(c->netns);
		c->netns = -1;
	}
	return 0;
}

static int loopback_up(struct err *err)
{
	AUTO(close) int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};

	if (s < 0 || ioctl(s, SIOCSIFFLAGS, &ifr) < 0)
		return err_sys(err, errno, "set the loopback interface up");
	return 0;
}

static int setup_namespaces(struct child *c, struct err *err)
{
	const struct plan_head *h = c->plan->head;
	const char *hostname = plan_cstr(c->plan, h->hostname);
	const char *domain = plan_cstr(c->plan, h->domainname);

	bool own_net = c->netns < 0;

	if (join_namespaces(c, err) < 0)
		return -1;
	if (own_net && h->flags & PLAN_F_LOOPBACK_UP && loopback_up(err) < 0)
		return -1;
	if (hostname && sethostname(hostname, strlen(hostname)) < 0)
		return err_sys(err, errno, "set host name '%s'", hostname);
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		return err_sys(err, errno, "set domain name '%s'", domain);
	return 0;
}

static void new_keyring(struct child *c)
{
	char name[96];

	if (c->plan->head->flags & PLAN_F_NO_KEYRING)
		return;
	snprintf(name, sizeof(name), "_ses.%.80s", str_or(plan_cstr(c->plan, c->plan->head->id)));
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING,
		name); /* a kernel without keys: none to hide */
}

/* Standard streams of our own are reopened in the container's /dev. */
static void reopen_null(struct child *c)
{
	AUTO(close) int fd = beneath_open(c->root, "dev/null", O_RDWR, 0, BENEATH_NO_LINKS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return;
	for (int i = 0; i < 3; i++)
		if (c->io[i] < 0 && c->slave < 0)
			dup2(fd, i);
}

static int use_terminal(struct child *c, struct err *err)
{
	int r;

	if (c->slave < 0) {
		setsid();
		return 0;
	}
	for (int i = 0; i < 3; i++)
		if (dup2(c->slave, i) < 0)
			return err_sys(err, errno, "set up the terminal");
	r = tty_control(0);
	if (r < 0)
		return err_sys(err, -r, "take the controlling terminal");
	return 0;
}

/* The working directory, by descriptor; checked to be inside the root. */
static int open_cwd(struct child *c, bool make, struct err *err)
{
	const char *cwd = plan_cstr(c->plan, c->plan->head->process.cwd);
	int r = beneath_open(c->root, cwd, O_PATH | O_DIRECTORY, 0, 0);

	if (r == -ENOENT && make) {
		c->cwd = beneath_make(c->root, cwd, false);
		if (c->cwd >= 0)
			close(c->cwd);
		r = beneath_open(c->root, cwd, O_PATH | O_DIRECTORY, 0, 0);
	}
	c->cwd = r;
	if (r < 0) {
		err_sys(err, -r, "chdir to cwd (\"%s\")", cwd);
		if (r == -ENOENT || r == -ENOTDIR)
			err->kind = ERR_CMD_NOT_FOUND; /* as docker: 127 */
		if (r == -EACCES)
			err->kind = ERR_CMD_DENIED;
		return -1;
	}
	return 0;
}

static int enter_cwd(struct child *c, struct err *err)
{
	if (fchdir(c->cwd) < 0)
		return err_sys(err, errno, "chdir to cwd (\"%s\")",
			       plan_cstr(c->plan, c->plan->head->process.cwd));
	close(c->cwd);
	c->cwd = -1;
	return 0;
}

static int container_hooks(struct child *c, struct err *err)
{
	AUTO(free) char *state = NULL;

	if (!runtime_hooks_wanted(c->plan, RUNTIME_HOOK_PRESTART) &&
	    !runtime_hooks_wanted(c->plan, RUNTIME_HOOK_CREATE_RUNTIME) &&
	    !runtime_hooks_wanted(c->plan, RUNTIME_HOOK_CREATE_CONTAINER))
		return 0;
	if (ask(c, SYNC_HOOKS, &state, err) < 0)
		return -1;
	return runtime_hooks(c->plan, RUNTIME_HOOK_CREATE_CONTAINER, state, err);
}

static int setup_create(struct child *c, struct err *err)
{
	const struct plan_head *h = c->plan->head;

	if (!(h->ns_new & (CLONE_NEWPID | CLONE_NEWUSER)))
		prctl(PR_SET_DUMPABLE, 0); /* (3); execve() takes it back */
	if (settle_fds(c, err) < 0 ||
	    runtime_cgroup_join(c->cg->v2 ? &(struct runtime_cgroup){0} : c->cg, err) < 0 ||
	    runtime_process_limits(c, err) < 0)
		return -1;
	if (h->ns_new & CLONE_NEWUSER && enter_userns(c, err) < 0)
		return -1;
	if (h->ns_new & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(err, errno, "make a cgroup namespace");
	if (runtime_process_label_open(c, err) < 0 || setup_namespaces(c, err) < 0)
		return -1;
	new_keyring(c);
	if (runtime_rootfs_setup(c, err) < 0 || container_hooks(c, err) < 0)
		return -1;
	reopen_null(c);
	if (runtime_process_user(c, err) < 0 || open_cwd(c, true, err) < 0)
		return -1;
	if (runtime_mounts_mask(c, err) < 0 || runtime_rootfs_pivot(c, err) < 0)
		return -1;
	if (use_terminal(c, err) < 0 || enter_cwd(c, err) < 0)
		return -1;
	return runtime_process_become(c, err) < 0 || runtime_process_find(c, err) < 0 ? -1 : 0;
}

static _Noreturn void fail(struct child *c, const struct err *err)
{
	ignore_result(runtime_sync_send(c->sync, SYNC_ERROR, err, NULL, -1) <
		      0); /* nobody listens: same end */
	_exit(1);
}

static int ready(struct child *c, struct err *err)
{
	struct err note = {.sys = c->kept};
	int r;

	snprintf(note.msg, sizeof(note.msg), "%s", c->warning);
	r = runtime_sync_send(c->sync, SYNC_READY, &note, NULL, c->master);

	if (r < 0)
		return err_sys(err, -r, "talk to the maker");
	if (c->master >= 0)
		close(c->master);
	return wait_go(c, NULL, err);
}

_Noreturn void runtime_child_create(struct child *c)
{
	struct err err = ERR_INIT;

	reset_signals();
	umask(0);
	if (setup_create(c, &err) < 0 || ready(c, &err) < 0)
		fail(c, &err);
	if (runtime_hooks_wanted(c->plan, RUNTIME_HOOK_START_CONTAINER)) {
		AUTO(free) char *state = runtime_hooks_state(c->plan, "created", getpid());

		if (runtime_hooks(c->plan, RUNTIME_HOOK_START_CONTAINER, state, &err) < 0)
			fail(c, &err);
	}
	ignore_result(runtime_process_run(c, &err) < 0); /* returns only to fail */
	fail(c, &err);
}

/* Into the namespaces of the container; its pid namespace was joined by the clone. */
static int enter_container(struct child *c, struct err *err)
{
	prctl(PR_SET_DUMPABLE, 0); /* (3) */
	if (setns(c->pidfd, CLONE_NEWUSER) == 0) {
		if (setgroups(0, NULL) < 0 && errno != EPERM)
			return err_sys(err, errno, "drop groups");
		if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
			return err_sys(err, errno, "become root of the user namespace");
	} else if (errno != EINVAL) { /* EINVAL: it is ours already */
		if (errno == ESRCH)
			return err_set(err, ERR_CONFLICT, "container is not running");
		return err_sys(err, errno, "join the user namespace");
	}
	if (setns(c->pidfd,
		  CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP) < 0) {
		if (errno == ESRCH)
			return err_set(err, ERR_CONFLICT, "container is not running");
		return err_sys(err, errno, "join the container's namespaces");
	}
	close(c->pidfd);
	c->pidfd = -1;
	c->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->root < 0 ? err_sys(err, errno, "open the container's root") : 0;
}

static int setup_exec(struct child *c, struct err *err)
{
	if (settle_fds(c, err) < 0 ||
	    runtime_cgroup_join(c->cg->v2 ? &(struct runtime_cgroup){0} : c->cg, err) < 0 ||
	    runtime_process_limits(c, err) < 0 || runtime_process_label_open(c, err) < 0)
		return -1;
	new_keyring(c);
	if (enter_container(c, err) < 0)
		return -1;
	reopen_null(c);
	if (c->plan->head->process.flags & PLAN_P_TERMINAL &&
	    runtime_console_setup(c, false, err) < 0)
		return -1;
	if (runtime_process_user(c, err) < 0 || open_cwd(c, false, err) < 0 ||
	    use_terminal(c, err) < 0 || enter_cwd(c, err) < 0)
		return -1;
	close(c->root);
	return runtime_process_become(c, err) < 0 || runtime_process_find(c, err) < 0 ? -1 : 0;
}

_Noreturn void runtime_child_exec(struct child *c)
{
	struct err err = ERR_INIT;

	reset_signals();
	umask(0);
	if (setup_exec(c, &err) < 0 || ready(c, &err) < 0)
		fail(c, &err);
	ignore_result(runtime_process_run(c, &err) < 0); /* returns only to fail */
	fail(c, &err);
}
