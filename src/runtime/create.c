/*
 * create.c - the maker's side of a container: clone, follow the child's set-up, let it go
 *
 * (1) An error of runtime_create() or runtime_exec() leaves no process and no cgroup.
 * (2) The child waits for SYNC_GO; if its maker dies first it reads the end and exits.
 * (3) A successful exec closes the child's end of the socket: the end without a message is success.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "sys/tty.h"

int runtime_sync_send(int sock, enum sync_type type, const struct err *err, const char *text,
		      int fd)
{
	struct sync_msg m = {.type = type};
	ssize_t r;

	if (err)
		m.err = *err;
	else if (text)
		snprintf(m.err.msg, sizeof(m.err.msg), "%s", text);
	r = fd >= 0 ? fd_send(sock, &m, sizeof(m), fd) : write(sock, &m, sizeof(m));
	return r == sizeof(m) ? 0 : -EPIPE;
}

int runtime_sync_receive(int sock, struct sync_msg *ret, int *ret_fd)
{
	int fd = -1;
	ssize_t n = fd_receive(sock, ret, sizeof(*ret), &fd);

	if (ret_fd)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	if (n < 0 && n != -ECONNRESET)
		return (int)n;
	if (n <= 0)
		return 0;
	if (n != sizeof(*ret))
		return -EPROTO;
	ret->err.msg[sizeof(ret->err.msg) - 1] = 0;
	return 1;
}

int runtime_start_time(pid_t pid, uint64_t *ret)
{
	char path[32], text[1024], *p;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : fs_read_full(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return -1;
	text[n] = 0;
	p = strrchr(text, ')'); /* the name may hold anything; the state is field 3 */
	for (int field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -1;
	*ret = strtoull(p + 1, NULL, 10);
	return 0;
}

bool runtime_alive(pid_t pid, uint64_t start_time)
{
	char path[32], text[1024], *p;
	uint64_t now;
	ssize_t n;

	if (pid <= 0 || runtime_start_time(pid, &now) < 0 || now != start_time)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	n = fd < 0 ? -1 : fs_read_full(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = 0;
	p = strrchr(text, ')');
	return p && p[1] == ' ' && p[2] != 'Z' && p[2] != 'X';
}

void runtime_done(struct runtime_proc *proc)
{
	int *fds[] = {&proc->pidfd, &proc->console, &proc->sync, &proc->mntns};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		auto_close(fds[i]);
		*fds[i] = -1;
	}
}

/* Children are born into the pid namespace of fd; own: where to go back to. */
static int enter_pidns(int target, bool by_pidfd, int *ret_own, struct err *err)
{
	AUTO(close) int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	if (own < 0)
		return err_sys(err, errno, "open own pid namespace");
	if (setns(target, CLONE_NEWPID) < 0) {
		if (by_pidfd && errno == ESRCH)
			return err_set(err, ERR_CONFLICT, "container is not running");
		return err_sys(err, errno, "join the pid namespace");
	}
	*ret_own = TAKE_FD(own);
	return 0;
}

static void leave_pidns(int own)
{
	if (own < 0)
		return;
	CHECK(setns(own, CLONE_NEWPID) == 0); /* else every later child were in there */
	close(own);
}

static pid_t clone_child(uint64_t flags, int cgroup_fd, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = SIGCHLD,
	};

	if (cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int write_map(pid_t pid, const char *file, const struct plan *plan, const struct plan_vec *v,
		     struct err *err)
{
	AUTO(buf) struct buf text = {0};
	char path[48];
	int r;

	plan_for_each(struct plan_idmap, m, plan, v)
		buf_addf(&text, "%u %u %u\n", m->inside, m->outside, m->count);
	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	r = text.len ? fs_write_kernel(AT_FDCWD, path, text.p) : 0;
	return r < 0 ? err_sys(err, -r, "write %s", file) : 0;
}

static int host_hooks(const struct plan *plan, pid_t pid, int sync, struct err *err)
{
	AUTO(free) char *state = runtime_hooks_state(plan, "creating", pid);
	int r;

	if (runtime_hooks(plan, RUNTIME_HOOK_PRESTART, state, err) < 0 ||
	    runtime_hooks(plan, RUNTIME_HOOK_CREATE_RUNTIME, state, err) < 0)
		return -1;
	r = runtime_sync_send(sync, SYNC_GO, NULL, state, -1);
	return r < 0 ? err_sys(err, -r, "talk to the container's init") : 0;
}

static int child_gone(pid_t pid, struct err *err)
{
	siginfo_t si = {0};

	if (waitid(P_PID, (id_t)pid, &si, WEXITED | WNOWAIT) == 0 && si.si_code != CLD_EXITED)
		return err_set(err, ERR_SYSTEM,
			       "the container's init was killed by signal %d while being set up%s",
			       si.si_status, si.si_status == SIGKILL ? " (out of memory?)" : "");
	return err_set(err, ERR_SYSTEM, "the container's init ended while being set up");
}

/* Follows the child until it is ready. *ret_fd: the terminal it sent. */
static int follow(const struct plan *plan, pid_t pid, int sync, struct runtime_proc *ret,
		  struct err *err)
{
	for (;;) {
		struct sync_msg m;
		int fd = -1, r = runtime_sync_receive(sync, &m, &fd);

		if (fd >= 0) {
			auto_close(&ret->console);
			ret->console = fd;
		}
		if (r < 0)
			return err_sys(err, -r, "talk to the container's init");
		if (r == 0)
			return child_gone(pid, err);
		switch (m.type) {
		case SYNC_READY:
			snprintf(ret->warning, sizeof(ret->warning), "%.*s",
				 (int)sizeof(ret->warning) - 1, m.err.msg);
			ret->kept = m.err.sys;
			return 0;
		case SYNC_ERROR:
			if (err)
				*err = m.err;
			return -1;
		case SYNC_HOOKS:
			if (host_hooks(plan, pid, sync, err) < 0)
				return -1;
			break;
		case SYNC_USERNS:
			if (write_map(pid, "uid_map", plan, &plan->head->uidmap, err) < 0 ||
			    write_map(pid, "gid_map", plan, &plan->head->gidmap, err) < 0)
				return -1;
			r = runtime_sync_send(sync, SYNC_GO, NULL, NULL, -1);
			if (r < 0)
				return err_sys(err, -r, "talk to the container's init");
			break;
		default:
			return err_set(err, ERR_SYSTEM,
				       "unexpected message %u from the container's init", m.type);
		}
	}
}

static void kill_child(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Clones; in the child runs main and never returns. */
static int launch(struct child *c, uint64_t flags, int pidns, int cgroup_fd,
		  void (*child_main)(struct child *), struct runtime_proc *p, struct err *err)
{
	int sv[2], own = -1, r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, errno, "make a socket pair");
	p->sync = sv[0];
	c->sync = sv[1];
	if (pidns >= 0 && enter_pidns(pidns, c->pidfd >= 0, &own, err) < 0) {
		close(sv[1]);
		return -1;
	}
	c->kept = c->plan->head->flags & PLAN_F_DETACHED ? sv[0] : -1;
	p->pid = clone_child(flags, cgroup_fd, &p->pidfd);
	if (p->pid == 0)
		child_main(c);
	r = p->pid < 0 ? -errno : 0;
	leave_pidns(own);
	close(sv[1]);
	if (r < 0)
		return err_sys(err, -r, "make the container's process");
	return follow(c->plan, p->pid, p->sync, p, err);
}

/* For v2, where the clone begins in it; a container is never left in its maker's cgroup. */
static int open_cgroup(const struct runtime_cgroup *cg, int *ret, struct err *err)
{
	char dir[CGROUP_DIR_MAX];

	if (!cg->v2 || !cg->path[0])
		return 0;
	runtime_cgroup_dir(cg, 0, dir);
	*ret = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return *ret < 0 ? err_sys(err, errno, "open cgroup '%s'", cg->path) : 0;
}

static void fill_io(struct child *c, const struct plan *plan, const struct runtime_io *io)
{
	c->io[0] = io->in;
	c->io[1] = io->out;
	c->io[2] = io->err;
	c->rows = io->rows ? io->rows : plan->head->process.rows;
	c->cols = io->cols ? io->cols : plan->head->process.cols;
}

static int open_pidns(const struct plan *plan, int *ret, struct err *err)
{
	plan_for_each(struct plan_ns, ns, plan, &plan->head->ns_join)
	{
		if (ns->type != CLONE_NEWPID)
			continue;
		*ret = open(plan_cstr(plan, ns->path), O_RDONLY | O_CLOEXEC);
		if (*ret < 0)
			return err_sys(err, errno, "open namespace '%s'",
				       plan_cstr(plan, ns->path));
	}
	return 0;
}

#define CHILD_INIT                                                                                 \
	{                                                                                          \
		.sync = -1, .kept = -1, .netns = -1, .pidfd = -1, .root = -1, .proc = -1,          \
		.cwd = -1, .label = -1, .master = -1, .slave = -1                                  \
	}

int runtime_create(const struct plan *plan, const struct runtime_io *io, int netns,
		   struct runtime_proc *ret, struct err *err)
{
	struct runtime_proc p = RUNTIME_PROC_INIT;
	AUTO(close) int cgroup_fd = -1;
	AUTO(close) int pidns = -1;
	struct child c = CHILD_INIT;
	uint64_t flags;
	char path[48];

	if (plan->head->kind != PLAN_CREATE)
		return err_set(err, ERR_INVALID, "not the plan of a container");
	if (open_pidns(plan, &pidns, err) < 0 || runtime_cgroup_make(plan, &p.cgroup, err) < 0)
		return -1;
	if (open_cgroup(&p.cgroup, &cgroup_fd, err) < 0)
		goto fail;
	c.plan = plan;
	c.cg = &p.cgroup;
	c.netns = netns;
	fill_io(&c, plan, io);
	/* a cgroup namespace starts at the cgroup that its maker is in: the child makes it, inside
	 */
	flags = plan->head->ns_new & ~(uint64_t)CLONE_NEWCGROUP;
	if (netns >= 0)
		flags &= ~(uint64_t)CLONE_NEWNET;
	if (launch(&c, flags, pidns, cgroup_fd, runtime_child_create, &p, err) < 0)
		goto fail;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)p.pid);
	p.mntns = open(path, O_RDONLY | O_CLOEXEC);
	if (runtime_start_time(p.pid, &p.start_time) < 0) {
		err_set(err, ERR_SYSTEM, "the container's init ended while being set up");
		goto fail;
	}
	*ret = p;
	return 0;
fail:
	if (p.pid > 0)
		kill_child(p.pid);
	runtime_done(&p);
	ignore_result(runtime_cgroup_remove(&p.cgroup, false, NULL) <
		      0); /* the first error counts */
	return -1;
}

int runtime_start(struct runtime_proc *proc, struct err *err)
{
	struct sync_msg m;
	int r;

	if (proc->sync < 0)
		return err_set(err, ERR_CONFLICT, "container is already started");
	r = runtime_sync_send(proc->sync, SYNC_GO, NULL, NULL, -1);
	if (r == 0)
		r = runtime_sync_receive(proc->sync, &m, NULL);
	else
		r = err_set(err, ERR_SYSTEM, "the container's init ended before its start");
	close(proc->sync);
	proc->sync = -1;
	if (r == 0) /* (3) */
		return 0;
	if (r == 1 && err)
		*err = m.err;
	else if (r < -1)
		return err_sys(err, -r, "talk to the container's init");
	return -1;
}

int runtime_resume(pid_t pid, uint64_t start_time, int kept, struct runtime_proc *ret,
		   struct err *err)
{
	struct runtime_proc p = RUNTIME_PROC_INIT;
	socklen_t n = sizeof(int);
	int type = 0;

	p.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.pidfd < 0 || !runtime_alive(pid, start_time)) {
		runtime_done(&p);
		return err_set(err, ERR_CONFLICT, "container has ended");
	}
	p.pid = pid;
	p.start_time = start_time;
	p.sync = kept < 0 ? -1 : (int)syscall(SYS_pidfd_getfd, p.pidfd, kept, 0);
	/* once it is started the number is free, or the program's own */
	if (p.sync < 0 || getsockopt(p.sync, SOL_SOCKET, SO_TYPE, &type, &n) < 0 ||
	    type != SOCK_SEQPACKET) {
		runtime_done(&p);
		return err_set(err, ERR_CONFLICT, "cannot start a container that has run already");
	}
	*ret = p;
	return 0;
}

int runtime_exec(const struct plan *plan, int pidfd, const struct runtime_cgroup *cg,
		 const struct runtime_io *io, struct runtime_proc *ret, struct err *err)
{
	struct runtime_proc p = RUNTIME_PROC_INIT;
	AUTO(close) int cgroup_fd = -1;
	struct child c = CHILD_INIT;

	if (plan->head->kind != PLAN_EXEC)
		return err_set(err, ERR_INVALID, "not the plan of an exec");
	if (cg->path[0] && runtime_cgroup_frozen(cg, NULL) == 1)
		return err_set(err, ERR_CONFLICT, "container is paused");
	if (open_cgroup(cg, &cgroup_fd, err) < 0)
		return -1;
	c.plan = plan;
	c.cg = cg;
	c.pidfd = pidfd;
	fill_io(&c, plan, io);
	if (launch(&c, 0, pidfd, cgroup_fd, runtime_child_exec, &p, err) < 0)
		goto fail;
	if (runtime_start_time(p.pid, &p.start_time) < 0)
		p.start_time = 0; /* ended already: start tells */
	if (runtime_start(&p, err) < 0)
		goto fail;
	*ret = p;
	return 0;
fail:
	if (p.pid > 0)
		kill_child(p.pid);
	runtime_done(&p);
	return -1;
}
