/*
 * spawn.h - start a helper program from a process with threads, without fork()
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct spawn_fd {
	int from; /* descriptor here */
	int to;	  /* its number in the child */
};

struct spawn {
	const char *path;	 /* or exe_fd >= 0 */
	int exe_fd;		 /* -1: use path */
	char *const *argv;
	char *const *envp;	 /* NULL: environ */
	const struct spawn_fd *fds; /* 0, 1, 2 included where wanted; others are closed; 0..2 not named become /dev/null */
	size_t nfds;
	bool new_session;	 /* setsid() */
	const char *cwd;
};

/*
 * vfork-like clone; every descriptor not in fds is closed; signals are reset to default and
 * unblocked. *ret_pidfd may be NULL. Returns the pid or -errno (the exec's failure included).
 */
pid_t spawn_process(const struct spawn *s, int *ret_pidfd) MUST_USE;

/* Waits for it; returns the wait status, or -errno. */
int spawn_wait(pid_t pid) MUST_USE;
