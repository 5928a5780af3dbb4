/*
 * fake-runtime.c - the runtime library's symbols for tests without containers
 *
 * A plan is a shell script's text; "missing" is not found, "denied" cannot be executed. A
 * "cgroup" is a name only, with a freezer that is SIGSTOP.
 */
#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "runtime/runtime.h"

static pid_t main_pid;

int plan_open(const void *blob, size_t size, struct plan *ret, struct err *err)
{
	ret->head = blob;
	ret->size = size;
	return size && !((const char *)blob)[size - 1] ? 0 : err_set(err, ERR_CORRUPT, "bad plan");
}

static pid_t run(const char *script, const struct runtime_io *io, int tty, int gate)
{
	pid_t pid = fork();
	sigset_t none;
	char c;

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	if (tty >= 0) {
		ioctl(tty, TIOCSCTTY, 0);
		for (int i = 0; i < 3; i++)
			dup2(tty, i);
	} else {
		int null = open("/dev/null", O_RDWR);

		dup2(io->in >= 0 ? io->in : null, 0);
		dup2(io->out >= 0 ? io->out : null, 1);
		dup2(io->err >= 0 ? io->err : null, 2);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (gate >= 0 && read(gate, &c, 1) != 1)
		_exit(99);
	execl("/bin/sh", "sh", "-c", script, NULL);
	_exit(127);
}

static int make(const struct plan *plan, const struct runtime_io *io, bool gated,
		struct runtime_proc *ret, struct err *err)
{
	const char *script = (const char *)plan->head;
	struct runtime_proc p = RUNTIME_PROC_INIT;
	int gate[2] = {-1, -1}, slave = -1;

	if (streq(script, "missing"))
		return err_set(err, ERR_CMD_NOT_FOUND,
			       "exec: \"missing\": executable file not found in $PATH");
	if (str_after(script, "#tty")) {
		struct winsize ws = {.ws_row = io->rows, .ws_col = io->cols};

		if (openpty(&p.console, &slave, NULL, NULL, &ws) < 0)
			return err_sys(err, errno, "openpty");
		fs_cloexec(p.console, true);
		fs_cloexec(slave, true);
	}
	if (gated && pipe2(gate, O_CLOEXEC) < 0)
		return err_sys(err, errno, "pipe");
	p.pid = run(script, io, slave, gate[0]);
	if (gate[0] >= 0)
		close(gate[0]);
	if (slave >= 0)
		close(slave);
	p.sync = gate[1];
	p.pidfd = (int)syscall(SYS_pidfd_open, p.pid, 0);
	ignore_result(runtime_start_time(p.pid, &p.start_time) < 0);
	*ret = p;
	return 0;
}

int runtime_create(const struct plan *plan, const struct runtime_io *io, int netns,
		   struct runtime_proc *ret, struct err *err)
{
	if (make(plan, io, true, ret, err) < 0)
		return -1;
	main_pid = ret->pid;
	if (streq((const char *)plan->head, "denied"))
		ret->mntns = -2; /* for runtime_start() */
	strcpy(ret->cgroup.path, "fake");
	return 0;
}

int runtime_start(struct runtime_proc *p, struct err *err)
{
	bool denied = p->mntns == -2;

	p->mntns = -1;
	if (!denied && write(p->sync, "x", 1) != 1)
		denied = true;
	close(p->sync);
	p->sync = -1;
	return denied ? err_set(err, ERR_CMD_DENIED, "exec: \"denied\": permission denied") : 0;
}

int runtime_exec(const struct plan *plan, int pidfd, const struct runtime_cgroup *cg,
		 const struct runtime_io *io, struct runtime_proc *ret, struct err *err)
{
	return make(plan, io, false, ret, err);
}

void runtime_done(struct runtime_proc *p)
{
	int *fds[] = {&p->pidfd, &p->console, &p->sync};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

bool runtime_alive(pid_t pid, uint64_t start_time)
{
	uint64_t t;

	return runtime_start_time(pid, &t) == 0 && t == start_time;
}

int runtime_start_time(pid_t pid, uint64_t *ret)
{
	char path[40], text[1024], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = 0;
	p = strrchr(text, ')');
	if (!p || p[2] == 'Z')
		return -1;
	p += 2;
	for (int i = 3; i < 22 && p; i++)
		p = strchr(p + 1, ' ');
	*ret = p ? strtoull(p, NULL, 10) : 0;
	return p ? 0 : -1;
}

int runtime_cgroup_at(const char *path, struct runtime_cgroup *ret, struct err *err)
{
	memset(ret, 0, sizeof(*ret));
	return 0;
}

int runtime_cgroup_remove(const struct runtime_cgroup *cg, bool parent, struct err *err)
{
	return 0;
}

int runtime_cgroup_freeze(const struct runtime_cgroup *cg, bool frozen, struct err *err)
{
	kill(main_pid, frozen ? SIGSTOP : SIGCONT);
	return 0;
}

int runtime_cgroup_kill(const struct runtime_cgroup *cg, int sig, struct err *err)
{
	return 0;
}

int runtime_cgroup_pids(const struct runtime_cgroup *cg, pid_t **ret, size_t *ret_n,
			struct err *err)
{
	*ret = xmemdup(&main_pid, sizeof(main_pid));
	*ret_n = 1;
	return 0;
}

int runtime_cgroup_update(const struct runtime_cgroup *cg, const struct plan *plan, struct err *err)
{
	return 0;
}

int runtime_cgroup_oom_fd(const struct runtime_cgroup *cg, struct err *err)
{
	return eventfd(0, EFD_CLOEXEC);
}

int64_t runtime_cgroup_oom_kills(const struct runtime_cgroup *cg)
{
	return 0;
}
