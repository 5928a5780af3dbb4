/*
 * hooks.c - the hooks of a runtime-spec document
 *
 * (1) A hook that outlives its timeout is killed and counts as failed.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/spawn.h"

int runtime_hooks_wanted(const struct plan *plan, enum runtime_stage stage)
{
	plan_for_each(struct plan_hook, h, plan,
		      &plan->head->hooks) if (h->stage == stage) return 1;
	return 0;
}

static void add_json_string(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			buf_addc(b, '\\');
		if ((unsigned char)*s < 0x20)
			buf_addf(b, "\\u%04x", (unsigned char)*s);
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

char *runtime_hooks_state(const struct plan *plan, const char *status, pid_t pid)
{
	struct buf b = {0};

	buf_adds(&b, "{\"ociVersion\":\"1.3.0\",\"id\":");
	add_json_string(&b, str_or(plan_cstr(plan, plan->head->id)));
	buf_addf(&b, ",\"status\":\"%s\",\"pid\":%d,\"bundle\":", status, (int)pid);
	add_json_string(&b, str_or(plan_cstr(plan, plan->head->bundle)));
	buf_addc(&b, '}');
	return buf_take(&b);
}

static char **string_vector(const struct plan *plan, const struct plan_vec *v, const char *first)
{
	char **ret = xnew_n(char *, v->n + 2);

	for (uint32_t i = 0; i < v->n; i++)
		ret[i] = (char *)plan_nth(plan, v, i);
	if (!v->n && first)
		ret[0] = (char *)first;
	return ret;
}

/* The wait status, or -errno; -ETIMEDOUT after it was killed. */
static int wait_hook(pid_t pid, int pidfd, int timeout)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int64_t end = clock_mono_ns() + timeout * NS_PER_SEC;
	int r = 1;

	while (timeout > 0) {
		int64_t left = end - clock_mono_ns();

		r = poll(&p, 1, left > 0 ? (int)(left / NS_PER_MS) + 1 : 0);
		if (r >= 0 || errno != EINTR)
			break;
	}
	if (r == 0) {
		kill(pid, SIGKILL);
		r = spawn_wait(pid);
		return r < 0 ? r : -ETIMEDOUT;
	}
	return spawn_wait(pid);
}

static int run_hook(const struct plan *plan, const struct plan_hook *h, const char *state,
		    struct err *err)
{
	const char *path = plan_cstr(plan, h->path);
	AUTO(free) char **argv = string_vector(plan, &h->args, path);
	AUTO(free) char **envp = string_vector(plan, &h->env, NULL);
	AUTO(close) int in = -1;
	AUTO(close) int out = -1;
	AUTO(close) int pidfd = -1;
	struct spawn_fd fds[2] = {{.to = 0}, {.from = 2, .to = 2}};
	struct spawn s = {
		.path = path, .exe_fd = -1, .argv = argv, .envp = envp, .fds = fds, .nfds = 2};
	int pipefd[2], status;
	pid_t pid;

	if (pipe2(pipefd, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	in = pipefd[0];
	out = pipefd[1];
	ignore_result(fs_nonblock(out, true) < 0);
	if (write(out, state, strlen(state)) < 0) /* at most a page: fits an empty pipe */
		return err_sys(err, errno, "write the state for hook '%s'", path);
	close(out);
	out = -1;
	fds[0].from = in;
	pid = spawn_process(&s, &pidfd);
	if (pid < 0)
		return err_sys(err, -pid, "run hook '%s'", path);
	status = wait_hook(pid, pidfd, h->timeout);
	if (status == -ETIMEDOUT)
		return err_set(err, ERR_SYSTEM, "hook '%s' did not end within %d s", path,
			       h->timeout);
	if (status < 0)
		return err_sys(err, -status, "wait for hook '%s'", path);
	if (WIFSIGNALED(status))
		return err_set(err, ERR_SYSTEM, "hook '%s' was killed by signal %d", path,
			       WTERMSIG(status));
	if (WEXITSTATUS(status))
		return err_set(err, ERR_SYSTEM, "hook '%s' failed with exit status %d", path,
			       WEXITSTATUS(status));
	return 0;
}

int runtime_hooks(const struct plan *plan, enum runtime_stage stage, const char *state_json,
		  struct err *err)
{
	plan_for_each(struct plan_hook, h, plan,
		      &plan->head->hooks) if (h->stage == stage &&
					      run_hook(plan, h, state_json, err) < 0) return -1;
	return 0;
}
