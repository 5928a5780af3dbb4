/*
 * spawn.c - start a program from a process with threads
 *
 * clone(CLONE_VM | CLONE_VFORK) on a stack of our own: the child shares our memory until it
 * execs, so nothing is copied however large we are, and a failed exec is seen at once.
 *
 * (1) Between clone and exec the child makes only system calls and touches only its frame.
 * (2) The caller's signals are all blocked meanwhile: a handler must not run in the child.
 */
#include "base/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/mem.h"

extern char **environ;

#define CHILD_STACK (64 * 1024)

/* An exec leaves the marks of the child's frames on a range that the next stack may get. */
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#define CLEAN_STACK(p) ASAN_UNPOISON_MEMORY_REGION(p, CHILD_STACK)
#else
#define CLEAN_STACK(p)
#endif
#define MAX_FDS	    32

/* The child never returns from its frames: their marks would stay on a stack that is mapped again. */
#define IN_CHILD __attribute__((no_sanitize("address")))

struct child {
	const struct spawn *s;
	sigset_t mask;
	int error;
};

/* Moves each descriptor to its place, by way of numbers above all targets. */
IN_CHILD static int place_fds(const struct spawn *s)
{
	int high = 3, tmp[MAX_FDS];

	for (size_t i = 0; i < s->nfds; i++)
		if (s->fds[i].to >= high)
			high = s->fds[i].to + 1;
	for (size_t i = 0; i < s->nfds; i++) {
		tmp[i] = fcntl(s->fds[i].from, F_DUPFD, high);
		if (tmp[i] < 0)
			return errno;
		if (tmp[i] >= high)
			high = tmp[i] + 1;
	}
	for (int fd = 0; fd < 3; fd++) {
		int null = open("/dev/null", O_RDWR);

		if (null >= 0 && null != fd) {
			dup2(null, fd);
			close(null);
		}
	}
	for (size_t i = 0; i < s->nfds; i++)
		if (dup2(tmp[i], s->fds[i].to) < 0)
			return errno;
	return 0;
}

/* Closes everything above 2 that is not a target. */
IN_CHILD static int close_others(const struct spawn *s, int keep_exe)
{
	unsigned next = 3;

	for (;;) {
		unsigned first = ~0u;

		for (size_t i = 0; i < s->nfds; i++)
			if ((unsigned)s->fds[i].to >= next && (unsigned)s->fds[i].to < first)
				first = (unsigned)s->fds[i].to;
		if (keep_exe >= 0 && (unsigned)keep_exe >= next && (unsigned)keep_exe < first)
			first = (unsigned)keep_exe;
		if (first > next && syscall(SYS_close_range, next, first - 1, 0) < 0)
			return errno;
		if (first == ~0u)
			return 0;
		next = first + 1;
	}
}

IN_CHILD static int child_main(void *arg)
{
	struct child *c = arg;
	const struct spawn *s = c->s;
	struct sigaction sa = {.sa_handler = SIG_DFL};
	int exe = -1;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	if (s->new_session)
		setsid();
	if (s->cwd && chdir(s->cwd) < 0)
		goto fail;
	if (!s->path) {
		exe = fcntl(s->exe_fd, F_DUPFD_CLOEXEC, 200);
		if (exe < 0)
			goto fail;
	}
	c->error = place_fds(s);
	if (!c->error)
		c->error = close_others(s, exe);
	if (c->error)
		_exit(127);
	sigprocmask(SIG_SETMASK, &c->mask, NULL);
	if (s->path)
		execve(s->path, s->argv, s->envp ? s->envp : environ);
	else
		syscall(SYS_execveat, exe, "", s->argv, s->envp ? s->envp : environ,
			AT_EMPTY_PATH);
fail:
	c->error = errno;
	_exit(127);
}

pid_t spawn_process(const struct spawn *s, int *ret_pidfd)
{
	struct child c = {.s = s};
	sigset_t all, old;
	int pidfd = -1;
	pid_t pid;
	void *stack;

	CHECK(s->nfds <= MAX_FDS);
	stack = mmap(NULL, CHILD_STACK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (stack == MAP_FAILED)
		return -errno;
	CLEAN_STACK(stack);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	sigemptyset(&c.mask);
	pid = clone(child_main, (char *)stack + CHILD_STACK,
		    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &c, &pidfd);
	if (pid < 0)
		c.error = errno;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	munmap(stack, CHILD_STACK);
	if (pid > 0 && c.error)
		ignore_result(waitpid(pid, NULL, 0) < 0); /* only to reap it */
	if (c.error) {
		if (pidfd >= 0)
			close(pidfd);
		return -c.error;
	}
	if (ret_pidfd)
		*ret_pidfd = pidfd;
	else
		close(pidfd);
	return pid;
}

int spawn_wait(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return status;
}
