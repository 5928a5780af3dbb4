/*
 * cmd-exec.c - exec: one more program in a container
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "runtime/cmd.h"

static int numeric_user(const char *text, struct oci_user *u, struct err *err)
{
	AUTO(free) char *copy = xstrdup(text);
	char *colon = strchr(copy, ':');

	if (colon)
		*colon++ = 0;
	if (str_to_i64(copy, 10, &u->uid) < 0 || (colon && str_to_i64(colon, 10, &u->gid) < 0))
		return err_set(err, ERR_INVALID, "invalid user '%s': only numbers are taken", text);
	return 0;
}

/* The container's own process as a base, changed by the options. */
static int options_to_process(const struct args *a, struct oci_process *p, struct err *err)
{
	strv_done(&p->args);
	for (int i = 1; i < a->nrest; i++)
		strv_add(&p->args, a->rest[i]);
	p->terminal = a->tty;
	if (a->cwd) {
		free(p->cwd);
		p->cwd = xstrdup(a->cwd);
	}
	if (a->user && numeric_user(a->user, &p->user, err) < 0)
		return -1;
	strv_for_each (e, &a->env)
		env_put(&p->env, e);
	strv_for_each (g, &a->gids) {
		int64_t gid;

		if (str_to_i64(g, 10, &gid) < 0)
			return err_set(err, ERR_INVALID, "invalid group '%s'", g);
		oci_user_add_gid(&p->user, gid);
	}
	if (a->caps.n && !p->capabilities)
		p->capabilities = xnew(struct oci_caps);
	strv_for_each (c, &a->caps) {
		strv_add(&p->capabilities->bounding, c);
		strv_add(&p->capabilities->effective, c);
		strv_add(&p->capabilities->permitted, c);
	}
	p->no_new_privileges |= a->no_new_privs;
	if (a->apparmor) {
		free(p->apparmor_profile);
		p->apparmor_profile = xstrdup(a->apparmor);
	}
	return 0;
}

static int read_process(const char *path, struct oci_process *ret, struct err *err)
{
	AUTO(buf) struct buf text = {0};
	int r = streq(path, "-") ? fs_read_fd(0, OCI_SPEC_MAX, &text)
				 : fs_read_file(AT_FDCWD, path, OCI_SPEC_MAX, &text);

	if (r < 0)
		return err_sys(err, -r, "read '%s'", path);
	return oci_process_parse(str_or(text.p), text.len, ret, err);
}

static int compile(const struct args *a, int dir, struct buf *blob, struct plan *plan,
		   struct err *err)
{
	struct plan_opts opts = {.rlimits_clamp = true};
	struct oci_process given = {0};
	struct oci_spec spec;
	int64_t n = 0;
	int r;

	if (a->preserve_fds && (str_to_i64(a->preserve_fds, 10, &n) < 0 || n < 0 || n > 1024))
		return err_set(err, ERR_INVALID, "invalid --preserve-fds '%s'", a->preserve_fds);
	opts.preserve_fds = (int)n;
	if (state_spec(dir, &spec, err) < 0)
		return -1;
	r = a->process ? read_process(a->process, &given, err)
		       : options_to_process(a, spec.process, err);
	if (r == 0 && a->process && a->tty)
		given.terminal = true;
	if (r == 0)
		r = plan_compile_exec(a->process ? &given : spec.process, &spec, &opts, blob, err);
	oci_process_done(&given);
	oci_spec_done(&spec);
	return r < 0 ? -1 : plan_open(blob->p, blob->len, plan, err);
}

static int run(const struct args *a, const struct state *s, const struct plan *plan,
	       struct err *err)
{
	AUTO(close) int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)s->pid, 0);
	struct runtime_io io = {.in = 0, .out = 1, .err = 2};
	struct runtime_proc proc = RUNTIME_PROC_INIT;
	struct runtime_cgroup cg = state_cgroup(s);
	int status = -1;

	if (pidfd < 0 || !runtime_alive((pid_t)s->pid, (uint64_t)s->start_time))
		return err_set(err, ERR_CONFLICT, "cannot exec in a stopped container");
	if (runtime_exec(plan, pidfd, &cg, &io, &proc, err) < 0)
		return -1;
	if (proc.warning[0])
		fprintf(stderr, "cove-runtime: warning: %s\n", proc.warning);
	if ((a->console_socket && tty_hand_over(a->console_socket, proc.console, err) < 0) ||
	    write_pid_file(a->pid_file, proc.pid, err) < 0)
		kill(proc.pid, SIGKILL);
	else if (a->detach)
		status = 0;
	else
		status = proc.console >= 0 && !a->console_socket ? tty_carry(&proc, err)
								 : wait_forwarding(&proc, err);
	runtime_done(&proc);
	return status;
}

int cmd_exec(const struct args *a, struct err *err)
{
	AUTO(state) struct state s = {0};
	AUTO(buf) struct buf blob = {0};
	AUTO(close) int dir = -1;
	struct plan plan;
	const char *status;

	if (a->cgroup)
		return err_set(err, ERR_UNSUPPORTED, "exec: --cgroup is not supported");
	if (a->nrest < 2 && !a->process)
		return err_set(err, ERR_INVALID, "process args cannot be empty");
	if (state_load(a, a->rest[0], &s, &dir, err) < 0)
		return -1;
	status = state_status(&s);
	if (streq(status, "stopped"))
		return err_set(err, ERR_CONFLICT, "cannot exec in a stopped container");
	if (streq(status, "paused"))
		return err_set(err, ERR_CONFLICT, "cannot exec in a paused container");
	if (compile(a, dir, &blob, &plan, err) < 0)
		return err_wrap(err, "exec failed");
	if (plan_terminal(&plan) && a->detach && !a->console_socket)
		return err_set(err, ERR_INVALID,
			       "cannot allocate tty if cove-runtime will detach without setting "
			       "console socket");
	int exit_status = run(a, &s, &plan, err);

	return exit_status < 0 ? err_wrap(err, "exec failed") : exit_status;
}
