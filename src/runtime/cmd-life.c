/*
 * cmd-life.c - create, start, run, kill, delete
 *
 * (1) An error of create or run leaves neither process, cgroup nor state behind.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"
#include "runtime/cmd.h"

#define KILL_WAIT (10 * NS_PER_SEC)

struct making {
	struct oci_spec spec;
	struct buf text, blob;
	struct plan plan;
	char *bundle;
	int dir;
	struct runtime_proc proc;
	struct state state;
};

static void making_done(struct making *m)
{
	oci_spec_done(&m->spec);
	buf_done(&m->text);
	buf_done(&m->blob);
	free(m->bundle);
	auto_close(&m->dir);
	runtime_done(&m->proc);
	state_done(&m->state);
}

static int load_bundle(const struct args *a, struct making *m, struct err *err)
{
	AUTO(free) char *path = NULL;
	int r;

	m->bundle = realpath(a->bundle ? a->bundle : ".", NULL);
	if (!m->bundle)
		return err_sys(err, errno, "bundle '%s'", a->bundle ? a->bundle : ".");
	path = path_join(m->bundle, "config.json");
	r = fs_read_file(AT_FDCWD, path, OCI_SPEC_MAX, &m->text);
	if (r == -ENOENT)
		return err_set(err, ERR_NOT_FOUND, "JSON specification file config.json not found");
	if (r < 0)
		return err_sys(err, -r, "read '%s'", path);
	if (oci_spec_parse(str_or(m->text.p), m->text.len, &m->spec, err) < 0)
		return err_wrap(err, "config.json");
	return 0;
}

/* Socket activation: systemd's descriptors go on into the container. */
static int preserved(const struct args *a, struct oci_process *p, int *ret, struct err *err)
{
	const char *listen = getenv("LISTEN_FDS");
	int64_t n = 0, more = 0;

	if ((a->preserve_fds && str_to_i64(a->preserve_fds, 10, &n) < 0) || n < 0 || n > 1024)
		return err_set(err, ERR_INVALID, "invalid --preserve-fds '%s'", a->preserve_fds);
	if (listen && str_to_i64(listen, 10, &more) == 0 && more > 0 && more <= 1024) {
		env_set(&p->env, "LISTEN_FDS", listen);
		env_set(&p->env, "LISTEN_PID", "1");
		n += more;
	}
	*ret = (int)n;
	return 0;
}

static int make_plan(const struct args *a, struct making *m, struct err *err)
{
	struct plan_opts opts = {.id = a->rest[0],
				 .bundle = m->bundle,
				 .rlimits_clamp = true,
				 .no_pivot = a->no_pivot,
				 .no_new_keyring = a->no_new_keyring,
				 .detached = true};

	if (!m->spec.process)
		return err_set(err, ERR_INVALID, "config.json: process is missing");
	if (preserved(a, m->spec.process, &opts.preserve_fds, err) < 0 ||
	    plan_compile(&m->spec, &opts, &m->blob, err) < 0)
		return -1;
	return plan_open(m->blob.p, m->blob.len, &m->plan, err);
}

static int check_terminal(const struct args *a, const struct making *m, bool detached,
			  struct err *err)
{
	bool terminal = m->spec.process->terminal;

	if (terminal && detached && !a->console_socket)
		return err_set(err, ERR_INVALID,
			       "cannot allocate tty if cove-runtime will detach without setting "
			       "console socket");
	if (a->console_socket && !(terminal && detached))
		return err_set(err, ERR_INVALID,
			       "cannot use console socket if cove-runtime will not detach or "
			       "allocate tty");
	return 0;
}

static int save(const struct args *a, struct making *m, struct err *err)
{
	struct state *s = &m->state;
	struct passwd *pw = getpwuid(getuid());
	char now[CLOCK_RFC3339_MAX];
	int r;

	clock_format_rfc3339(now, clock_real_ns());
	s->oci_version = xstrdup(OCI_VERSION);
	s->id = xstrdup(a->rest[0]);
	s->bundle = xstrdup(m->bundle);
	s->rootfs = m->spec.root->path && *m->spec.root->path == '/'
			    ? xstrdup(m->spec.root->path)
			    : path_join(m->bundle, str_or(m->spec.root->path));
	s->created = xstrdup(now);
	s->owner = xstrdup(pw ? pw->pw_name : "");
	s->cgroup = xstrdup(m->proc.cgroup.path);
	s->pid = m->proc.pid;
	s->start_time = (int64_t)m->proc.start_time;
	s->kept_fd = m->proc.kept;
	map_copy_str(&s->annotations, &m->spec.annotations);
	r = fs_replace(m->dir, "config.json", m->text.p, m->text.len, 0600, 0);
	if (r == 0)
		r = fs_replace(m->dir, "plan", m->blob.p, m->blob.len, 0600, 0);
	if (r < 0)
		return err_sys(err, -r, "write state");
	return state_save(m->dir, s, err);
}

static void undo(const struct args *a, struct making *m)
{
	if (m->proc.pid > 0 && m->proc.pidfd >= 0) {
		kill(m->proc.pid, SIGKILL);
		ignore_result(wait_forwarding(&m->proc, NULL) < 0); /* only to reap it */
		ignore_result(runtime_cgroup_remove(&m->proc.cgroup, false, NULL) <
			      0); /* first error counts */
	}
	if (m->dir >= 0)
		ignore_result(state_remove(a, a->rest[0], NULL) < 0); /* the same */
}

static int make(const struct args *a, struct making *m, bool detached, struct err *err)
{
	struct runtime_io io = {.in = 0, .out = 1, .err = 2};

	*m = (struct making){.dir = -1, .proc = RUNTIME_PROC_INIT};
	if (load_bundle(a, m, err) < 0 || make_plan(a, m, err) < 0 ||
	    check_terminal(a, m, detached, err) < 0)
		return -1;
	m->dir = state_dir(a, a->rest[0], true, err);
	if (m->dir < 0)
		return -1;
	if (runtime_create(&m->plan, &io, -1, &m->proc, err) < 0)
		goto fail;
	if (m->proc.warning[0])
		fprintf(stderr, "cove-runtime: warning: %s\n", m->proc.warning);
	if (a->console_socket && tty_hand_over(a->console_socket, m->proc.console, err) < 0)
		goto fail;
	if (save(a, m, err) < 0 || write_pid_file(a->pid_file, m->proc.pid, err) < 0)
		goto fail;
	return 0;
fail:
	undo(a, m);
	return -1;
}

int cmd_create(const struct args *a, struct err *err)
{
	struct making m;
	int r = make(a, &m, true, err);

	making_done(&m);
	return r < 0 ? err_wrap(err, "create failed") : 0;
}

/* After the program runs: remember it, run the poststart hooks. */
static int started(struct state *s, int dir, const struct plan *plan, struct err *err)
{
	AUTO(free) char *text = NULL;

	s->started = true;
	if (state_save(dir, s, err) < 0)
		return -1;
	text = state_text(s);
	return runtime_hooks(plan, RUNTIME_HOOK_POSTSTART, text, err);
}

int cmd_start(const struct args *a, struct err *err)
{
	AUTO(state) struct state s = {0};
	struct runtime_proc proc = RUNTIME_PROC_INIT;
	AUTO(buf) struct buf blob = {0};
	AUTO(close) int dir = -1;
	struct plan plan;
	int r;

	if (state_load(a, a->rest[0], &s, &dir, err) < 0 || state_plan(dir, &blob, &plan, err) < 0)
		return -1;
	if (!streq(state_status(&s), "created"))
		return err_set(err, ERR_CONFLICT, "cannot start a container in the %s state",
			       state_status(&s));
	r = runtime_resume((pid_t)s.pid, (uint64_t)s.start_time, (int)s.kept_fd, &proc, err);
	if (r == 0)
		r = runtime_start(&proc, err);
	if (r == 0)
		r = started(&s, dir, &plan, err);
	runtime_done(&proc);
	return r;
}

/* Cgroup, hooks, state: all that is left of a container whose init has ended. */
static int destroy(const struct args *a, const struct state *s, int dir, struct err *err)
{
	struct runtime_cgroup cg = state_cgroup(s);
	AUTO(free) char *text = state_text(s);
	AUTO(buf) struct buf blob = {0};
	struct err hook_err = ERR_INIT;
	struct plan plan;

	if (runtime_cgroup_remove(&cg, false, err) < 0)
		return -1;
	if (state_plan(dir, &blob, &plan, &hook_err) < 0 ||
	    runtime_hooks(&plan, RUNTIME_HOOK_POSTSTOP, text, &hook_err) < 0)
		fprintf(stderr, "cove-runtime: warning: %s\n",
			hook_err.msg); /* the spec: log and go on */
	return state_remove(a, s->id, err);
}

int cmd_run(const struct args *a, struct err *err)
{
	struct making m;
	int status = -1;

	if (make(a, &m, a->detach, err) < 0) {
		making_done(&m);
		return err_wrap(err, "run failed");
	}
	if (runtime_start(&m.proc, err) < 0 || started(&m.state, m.dir, &m.plan, err) < 0)
		undo(a, &m);
	else if (a->detach)
		status = 0;
	else
		status = m.proc.console >= 0 ? tty_carry(&m.proc, err)
					     : wait_forwarding(&m.proc, err);
	if (status >= 0 && !a->detach && !a->keep) {
		runtime_done(&m.proc);
		if (destroy(a, &m.state, m.dir, err) < 0)
			status = -1;
	}
	making_done(&m);
	return status;
}

int cmd_kill(const struct args *a, struct err *err)
{
	AUTO(state) struct state s = {0};
	const char *name = a->nrest > 1 ? a->rest[1] : "TERM";
	int sig = signal_from_name(name);
	struct runtime_cgroup cg;

	if (sig < 0)
		return err_set(err, ERR_INVALID, "unknown signal \"%s\"", name);
	if (state_load(a, a->rest[0], &s, NULL, err) < 0)
		return -1;
	cg = state_cgroup(&s);
	if (a->all && cg.path[0])
		return runtime_cgroup_kill(&cg, sig, err);
	if (streq(state_status(&s), "stopped"))
		return err_set(err, ERR_CONFLICT, "container not running");
	if (kill((pid_t)s.pid, sig) < 0)
		return err_sys(err, errno, "signal process %d", (int)s.pid);
	return 0;
}

static int kill_and_wait(const struct state *s, struct err *err)
{
	struct runtime_cgroup cg = state_cgroup(s);
	int64_t end = clock_mono_ns() + KILL_WAIT;
	struct timespec ts = {.tv_nsec = NS_PER_MS};

	kill((pid_t)s->pid, SIGKILL);
	if (cg.path[0]) {
		ignore_result(runtime_cgroup_kill(&cg, SIGKILL, NULL) <
			      0); /* the wait below tells */
		ignore_result(runtime_cgroup_freeze(&cg, false, NULL) < 0);
	}
	while (runtime_alive((pid_t)s->pid, (uint64_t)s->start_time)) {
		if (clock_mono_ns() > end)
			return err_set(err, ERR_CONFLICT, "container init still running");
		nanosleep(&ts, NULL);
	}
	return 0;
}

int cmd_delete(const struct args *a, struct err *err)
{
	AUTO(state) struct state s = {0};
	AUTO(close) int dir = -1;
	const char *status;

	if (state_load(a, a->rest[0], &s, &dir, err) < 0) {
		if (!a->force)
			return -1;
		return err && err->kind == ERR_NOT_FOUND ? state_remove(a, a->rest[0], err) : -1;
	}
	status = state_status(&s);
	if (!streq(status, "stopped")) {
		if (!a->force && !streq(status, "created"))
			return err_set(err, ERR_CONFLICT,
				       "cannot delete container %s that is not stopped: %s", s.id,
				       status);
		if (kill_and_wait(&s, err) < 0)
			return -1;
	}
	return destroy(a, &s, dir, err);
}
