/*
 * cove-init.c - PID 1 of containers started with --init
 *
 * Usage: cove-init [--] PROGRAM [ARGUMENT...]
 *
 * Starts the program, passes on every signal, reaps whatever becomes an orphan, and ends with the
 * program's status (128 + signal if one killed it). Static and tiny: it is in every such container.
 *
 * (1) The program gets its own process group, and the terminal if there is one.
 * (2) Signals are blocked before the fork: none is lost between it and the wait.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void complain(const char *what, const char *name)
{
	dprintf(2, "[FATAL cove-init (%d)] %s %s failed: %s\n", (int)getpid(), what, name,
		strerror(errno));
}

static int run_child(char **argv, const sigset_t *mask)
{
	int error;

	if (setpgid(0, 0) == 0 && tcsetpgrp(0, getpgrp()) < 0 && errno != ENOTTY &&
	    errno != ENXIO && errno != EBADF)
		complain("take the terminal for", argv[0]);
	signal(SIGTTIN, SIG_DFL);
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	error = errno;
	complain("exec", argv[0]);
	return error == ENOENT ? 127 : 126;
}

/* Reaps all that is dead. The program's exit status once it has ended, else -1. */
static int reap(pid_t child)
{
	int status, ret = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == child)
			ret = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return ret;
}

int main(int argc, char **argv)
{
	sigset_t all, old;
	pid_t child;
	int status = -1;

	argv++;
	if (*argv && strcmp(*argv, "--") == 0)
		argv++;
	if (!*argv) {
		dprintf(2, "usage: cove-init [--] PROGRAM [ARGUMENT...]\n");
		return 1;
	}
	if (getpid() != 1)
		prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigfillset(&all);
	sigdelset(&all, SIGFPE);
	sigdelset(&all, SIGILL);
	sigdelset(&all, SIGSEGV);
	sigdelset(&all, SIGBUS);
	sigdelset(&all, SIGABRT);
	sigdelset(&all, SIGTRAP);
	sigdelset(&all, SIGSYS);
	sigprocmask(SIG_SETMASK, &all, &old);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);

	child = fork();
	if (child < 0) {
		complain("fork for", argv[0]);
		return 1;
	}
	if (child == 0)
		_exit(run_child(argv, &old));
	while (status < 0) {
		int sig = sigwaitinfo(&all, NULL);

		if (sig > 0 && sig != SIGCHLD)
			kill(child, sig);
		status = reap(child);
	}
	return status;
}
