/*
 * cmd-tty.c - terminals of containers in the foreground, and waiting for them
 *
 * (1) Our own terminal is put back as it was, however the container ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/fs.h"
#include "runtime/cmd.h"
#include "sys/tty.h"

int tty_hand_over(const char *socket_path, int console, struct err *err)
{
	AUTO(close) int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	ssize_t n;

	if (strlen(socket_path) >= sizeof(sa.sun_path))
		return err_set(err, ERR_INVALID, "console socket path is too long");
	strcpy(sa.sun_path, socket_path);
	if (s < 0 || connect(s, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return err_sys(err, errno, "connect to console socket '%s'", socket_path);
	n = fd_send(s, "/dev/ptmx", 9, console);
	return n < 0 ? err_sys(err, (int)-n, "send the terminal") : 0;
}

int write_pid_file(const char *path, pid_t pid, struct err *err)
{
	char text[16];
	int r, n;

	if (!path)
		return 0;
	n = snprintf(text, sizeof(text), "%d", (int)pid);
	r = fs_replace(AT_FDCWD, path, text, (size_t)n, 0644, 0);
	return r < 0 ? err_sys(err, -r, "write pid file '%s'", path) : 0;
}

static int signals_open(struct err *err)
{
	sigset_t all;
	int fd;

	sigfillset(&all);
	sigdelset(&all, SIGTTIN);
	sigdelset(&all, SIGTTOU);
	sigprocmask(SIG_SETMASK, &all, NULL);
	fd = signalfd(-1, &all, SFD_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "watch signals") : fd;
}

/* The exit status once it has ended, else -1. */
static int try_reap(struct runtime_proc *proc)
{
	int status;

	if (waitpid(proc->pid, &status, WNOHANG) != proc->pid)
		return -1;
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void copy_size(int console)
{
	struct winsize ws;

	if (ioctl(0, TIOCGWINSZ, &ws) == 0)
		ioctl(console, TIOCSWINSZ, &ws);
}

static void handle_signal(struct runtime_proc *proc, int fd)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGWINCH && proc->console >= 0)
		copy_size(proc->console);
	else if (si.ssi_signo != SIGCHLD)
		kill(proc->pid, (int)si.ssi_signo);
}

int wait_forwarding(struct runtime_proc *proc, struct err *err)
{
	AUTO(close) int sfd = signals_open(err);
	int status;

	if (sfd < 0)
		return -1;
	while ((status = try_reap(proc)) < 0)
		handle_signal(proc, sfd);
	return status;
}

/* False at the end of the input. */
static bool pump(int from, int to)
{
	char data[8192];
	ssize_t n = read(from, data, sizeof(data));

	return n > 0 ? fs_write_full(to, data, (size_t)n) == 0 : n < 0 && errno == EINTR;
}

static int carry(struct runtime_proc *proc, int sfd)
{
	struct pollfd p[3] = {{.fd = proc->console, .events = POLLIN},
			      {.fd = 0, .events = POLLIN},
			      {.fd = sfd, .events = POLLIN}};
	int status = -1;

	for (;;) {
		int n = poll(p, 3, status < 0 ? -1 : 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (p[0].revents && !pump(proc->console, 1))
			p[0].fd = -1; /* the last user of the terminal is gone */
		if (p[1].revents && !pump(0, proc->console))
			p[1].fd = -1;
		if (p[2].revents)
			handle_signal(proc, sfd);
		if (status >= 0 && (n <= 0 || p[0].fd < 0))
			return status;
		if (status < 0)
			status = try_reap(proc);
	}
}

int tty_carry(struct runtime_proc *proc, struct err *err)
{
	AUTO(close) int sfd = signals_open(err);
	struct termios old, raw;
	bool have = tcgetattr(0, &old) == 0;
	int status;

	if (sfd < 0)
		return -1;
	if (have) {
		raw = old;
		cfmakeraw(&raw);
		tcsetattr(0, TCSANOW, &raw);
		copy_size(proc->console);
	}
	status = carry(proc, sfd);
	if (have)
		tcsetattr(0, TCSANOW, &old); /* (1) */
	return status;
}
