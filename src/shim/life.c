/*
 * life.c - a container's life: made, started, stopped, ended, started again
 *
 * (1) The exit is on disk (state record, then exit record) before anybody is told of it, so
 *     that whoever asks later gets the same answer; the slow part, its fsync, comes after.
 * (2) A restart needs nobody: same plan, same network namespace. Stop, final kill, release and
 *     a changed policy end the chain, also during a back-off.
 * (3) Back-off: 100 ms, doubled with each restart to a minute, from the start again after a run
 *     of 10 s; the count goes on.
 * (4) The cgroup is removed at every end, and made new by every start.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "shim/monitor.h"
#include "shim/record.h"

#define BACKOFF_FIRST (100 * NS_PER_MS)
#define BACKOFF_MAX   (60 * NS_PER_SEC)
#define BACKOFF_RESET (10 * NS_PER_SEC)
#define KILL_AGAIN    (2 * NS_PER_SEC)
#define LINGER	      (10 * NS_PER_SEC)

static bool has_process(const struct monitor *m)
{
	return m->main.alive;
}

static void event(struct monitor *m, enum shim_event_type type)
{
	struct shim_event ev = {.type = type, .time_ns = clock_real_ns(), .restarts = m->restarts};

	ev.pid = m->main.proc.pid;
	ev.start_time = m->main.proc.start_time;
	if (type == SHIM_EV_EXITED) {
		ev.exit = m->main.exit;
		ev.time_ns = ev.exit.finished_ns;
	}
	server_event(m, &ev);
}

/* ---- records and status ---- */

static void fill_record(struct monitor *m, struct shim_record *rec)
{
	record_init(rec, m->id);
	rec->state = m->main.state;
	rec->pid = has_process(m) ? m->main.proc.pid : 0;
	rec->start_time = has_process(m) ? m->main.proc.start_time : 0;
	rec->restarts = m->restarts;
	rec->created_ns = m->created_ns;
	rec->started_ns = m->started_ns;
	rec->has_exit = m->has_exit;
	if (m->has_exit)
		rec->exit = m->main.exit;
}

void life_save(struct monitor *m)
{
	struct shim_record rec;
	int r;

	fill_record(m, &rec);
	r = record_write(m->statefd, PROTO_STATE, &rec, m->main.proc.cgroup.path, false);
	if (r < 0)
		monitor_warn(m, "write state record", -r);
}

static void save_exit(struct monitor *m, bool durable)
{
	struct shim_record rec;
	int r;

	fill_record(m, &rec);
	r = record_write(m->dirfd, SHIM_EXIT_RECORD, &rec, m->main.proc.cgroup.path, durable);
	/* an engine that removes the container's directory while we end is no news */
	if (r < 0 && r != -ENOENT)
		monitor_warn(m, "write exit record", -r);
}

void life_status(struct monitor *m, struct shim_status *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->protocol = SHIM_PROTOCOL;
	ret->shim_pid = getpid();
	ret->state = m->main.state;
	ret->pid = has_process(m) ? m->main.proc.pid : 0;
	ret->start_time = has_process(m) ? m->main.proc.start_time : 0;
	ret->tty = m->main.tty;
	ret->oom = m->oom_seen;
	ret->stopping = m->stopping;
	ret->restarts = m->restarts;
	ret->created_ns = m->created_ns;
	ret->started_ns = m->started_ns;
	ret->finished_ns = m->has_exit ? m->main.exit.finished_ns : 0;
	ret->has_exit = m->has_exit;
	if (m->has_exit)
		ret->exit = m->main.exit;
	ret->clients = (uint32_t)client_count(m);
}

void life_exec_status(const struct job *job, struct shim_exec_status *ret)
{
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->id, job->id, sizeof(ret->id));
	ret->state = job->state;
	ret->pid = job->alive ? job->proc.pid : 0;
	ret->tty = job->tty;
	ret->exit = job->exit;
}

/* ---- start ---- */

static void check_oom(struct monitor *m)
{
	int64_t kills;

	if (!m->main.proc.cgroup.path[0])
		return;
	kills = runtime_cgroup_oom_kills(&m->main.proc.cgroup);
	if (kills <= m->oom_base)
		return;
	m->oom_base = kills;
	m->oom_seen = true;
	event(m, SHIM_EV_OOM);
}

static void on_oom(struct monitor *m, struct ev *ev, uint32_t events)
{
	ssize_t n = read(ev->fd, scratch_in, 4096);

	if (n <= 0 && !(n < 0 && (errno == EAGAIN || errno == EINTR))) {
		ev_close(m, ev);
		return;
	}
	check_oom(m);
}

static void watch_oom(struct monitor *m)
{
	struct err err = ERR_INIT;

	m->oom_seen = false;
	m->oom_base = 0;
	m->oom = (struct ev){.fd = -1, .fn = on_oom};
	if (!m->main.proc.cgroup.path[0])
		return;
	m->oom_base = runtime_cgroup_oom_kills(&m->main.proc.cgroup);
	m->oom.fd = runtime_cgroup_oom_fd(&m->main.proc.cgroup, &err);
	if (m->oom.fd < 0)
		return; /* no memory controller: nothing is killed for its limit */
	fs_nonblock(m->oom.fd, true);
	ev_watch(m, &m->oom, EPOLLIN);
}

static void apply_update(struct monitor *m)
{
	struct mapped_plan mp;
	struct err err = ERR_INIT;

	if (m->updatefd < 0)
		return;
	if (monitor_map(m->updatefd, &mp, &err) < 0)
		return;
	if (runtime_cgroup_update(&m->main.proc.cgroup, &mp.plan, &err) < 0)
		monitor_warn(m, err.msg, 0);
	monitor_unmap(&mp);
}

int life_create(struct monitor *m, struct err *err)
{
	struct runtime_io io = {.rows = m->rows, .cols = m->cols};
	struct mapped_plan mp;
	int r;

	m->main.reaped_ns = 0;
	m->start_failed = false;
	if (monitor_map(m->planfd, &mp, err) < 0)
		return -1;
	r = job_make_stdio(&m->main, &io, err);
	if (r == 0)
		r = runtime_create(&mp.plan, &io, m->netns, &m->main.proc, err);
	job_close_child_ends(&io);
	monitor_unmap(&mp);
	if (r < 0)
		return -1;
	if (job_adopt(&m->main, err) < 0) {
		/* the removal of its cgroup makes sure of it */
		ignore_result(syscall(SYS_pidfd_send_signal, m->main.proc.pidfd, SIGKILL, NULL, 0));
		return -1;
	}
	if (m->main.proc.warning[0])
		monitor_warn(m, m->main.proc.warning, 0);
	watch_oom(m);
	m->main.state = SHIM_CREATED;
	m->created_ns = clock_real_ns();
	return 0;
}

static int failure_code(const struct err *err)
{
	return err->kind == ERR_CMD_NOT_FOUND ? 127 : err->kind == ERR_CMD_DENIED ? 126 : 128;
}

static void set_failure(struct shim_exit *x, const struct err *err)
{
	memset(x, 0, sizeof(*x));
	x->code = failure_code(err);
	memcpy(x->error, err->msg, strnlen(err->msg, sizeof(x->error) - 1));
	x->started_ns = x->finished_ns = clock_real_ns();
}

int life_start(struct monitor *m, struct err *err)
{
	apply_update(m);
	m->started_ns = clock_real_ns();
	m->run_mono_ns = clock_mono_ns();
	if (runtime_start(&m->main.proc, err) < 0) {
		m->start_failed = true;
		set_failure(&m->main.exit, err);
		life_signal(&m->main, SIGKILL, NULL);
		return -1;
	}
	m->main.state = SHIM_RUNNING;
	life_save(m);
	event(m, SHIM_EV_STARTED);
	return 0;
}

/* ---- end ---- */

static bool restart_wanted(struct monitor *m)
{
	if (m->stopping || m->start_failed)
		return false;
	switch (m->restart.policy) {
	case SHIM_RESTART_ALWAYS:
	case SHIM_RESTART_UNLESS_STOPPED:
		return true;
	case SHIM_RESTART_ON_FAILURE:
		return m->main.exit.code != 0 &&
		       (!m->restart.max_retries || m->restarts < m->restart.max_retries);
	default:
		return false;
	}
}

void life_check_linger(struct monitor *m)
{
	bool ended = m->main.state == SHIM_EXITED || m->main.state == SHIM_FAILED;

	if (ended && list_empty(&m->conns) && !m->released) {
		if (!timer_is_set(&m->linger_timer))
			timer_set(m, &m->linger_timer, LINGER);
	} else {
		timer_off(&m->linger_timer);
	}
}

/* The last word: no restart follows. */
static void finish(struct monitor *m)
{
	if (m->releasing) {
		life_release(m);
		return;
	}
	if (!m->auto_remove)
		save_exit(m, true);
	life_check_linger(m);
}

static void tear_down(struct monitor *m)
{
	struct err err = ERR_INIT;

	ev_close(m, &m->oom);
	job_close(&m->main);
	if (m->main.proc.cgroup.path[0] &&
	    runtime_cgroup_remove(&m->main.proc.cgroup, false, &err) < 0)
		monitor_warn(m, err.msg, 0);
	runtime_done(&m->main.proc);
	m->main.proc.pid = 0;
}

static void plan_restart(struct monitor *m)
{
	if (clock_mono_ns() - m->run_mono_ns >= BACKOFF_RESET)
		m->backoff_ns = 0;
	m->backoff_ns = m->backoff_ns ? MIN(m->backoff_ns * 2, BACKOFF_MAX) : BACKOFF_FIRST;
	m->main.exit.will_restart = true;
	m->main.exit.restart_in_ns = m->backoff_ns;
}

static void set_exit(struct monitor *m)
{
	struct shim_exit *x = &m->main.exit;
	int st = m->main.wstatus;

	memset(x, 0, sizeof(*x));
	x->signal = WIFSIGNALED(st) ? WTERMSIG(st) : 0;
	x->code = x->signal ? 128 + x->signal : WEXITSTATUS(st);
	x->started_ns = m->started_ns;
	x->finished_ns = m->main.reaped_ns;
	x->oom = m->oom_seen;
	x->manual = m->stopping;
}

static void main_ended(struct monitor *m)
{
	bool never_ran = m->main.state == SHIM_CREATED && !m->restarts;

	timer_off(&m->kill_timer);
	check_oom(m);
	if (!m->start_failed)
		set_exit(m);
	m->has_exit = true;
	if (restart_wanted(m) && !never_ran)
		plan_restart(m);
	m->main.state = m->main.exit.will_restart ? SHIM_RESTARTING
			: never_ran		  ? SHIM_FAILED
						  : SHIM_EXITED;
	life_save(m);
	if (!m->main.exit.will_restart && !never_ran)
		save_exit(m, false);
	if (!never_ran)
		event(m, SHIM_EV_EXITED);
	tear_down(m);
	if (m->main.exit.will_restart)
		timer_set(m, &m->restart_timer, m->backoff_ns);
	else
		finish(m);
}

static void exec_ended(struct job *job)
{
	struct shim_event ev = {.type = SHIM_EV_EXEC_EXITED};
	int st = job->wstatus;

	job->exit.signal = WIFSIGNALED(st) ? WTERMSIG(st) : 0;
	job->exit.code = job->exit.signal ? 128 + job->exit.signal : WEXITSTATUS(st);
	job->exit.finished_ns = job->reaped_ns;
	job->state = SHIM_EXITED;
	memcpy(ev.exec, job->id, sizeof(ev.exec));
	ev.pid = job->proc.pid;
	ev.start_time = job->proc.start_time;
	ev.time_ns = job->reaped_ns;
	ev.exit = job->exit;
	server_event(job->m, &ev);
	job_close(job);
	runtime_done(&job->proc);
}

void life_job_ended(struct job *job)
{
	if (job == &job->m->main)
		main_ended(job->m);
	else
		exec_ended(job);
}

/* A container that waits for its restart will not have it: tells so. */
static void cancel_restart(struct monitor *m)
{
	timer_off(&m->restart_timer);
	m->main.exit.will_restart = false;
	m->main.exit.restart_in_ns = 0;
	m->main.exit.manual = m->stopping;
	m->main.state = SHIM_EXITED;
	life_save(m);
	save_exit(m, false);
	event(m, SHIM_EV_EXITED);
	finish(m);
}

static void on_restart(struct monitor *m, struct timer *t)
{
	struct err err = ERR_INIT;

	m->restarts++;
	m->main.exit.will_restart = false;
	if (life_create(m, &err) == 0) {
		/* a failure to execute comes back as the end of the process */
		ignore_result(life_start(m, &err) < 0);
		return;
	}
	set_failure(&m->main.exit, &err);
	m->main.state = SHIM_EXITED;
	life_save(m);
	save_exit(m, false);
	event(m, SHIM_EV_EXITED);
	tear_down(m);
	finish(m);
}

void life_set_restart(struct monitor *m, const struct shim_restart *policy)
{
	m->restart = *policy;
	if (m->main.state == SHIM_RESTARTING && !restart_wanted(m))
		cancel_restart(m);
}

/* ---- signals ---- */

int life_signal(struct job *job, int sig, struct err *err)
{
	if (!job->alive || job->proc.pidfd < 0)
		return err_set(err, ERR_CONFLICT, "the process is not running");
	if (syscall(SYS_pidfd_send_signal, job->proc.pidfd, sig, NULL, 0) < 0)
		return errno == ESRCH ? err_set(err, ERR_CONFLICT, "the process is not running")
				      : err_sys(err, errno, "send signal %d", sig);
	return 0;
}

int life_resume(struct monitor *m, struct err *err)
{
	if (m->main.state != SHIM_PAUSED)
		return err_set(err, ERR_CONFLICT, "container is not paused");
	if (runtime_cgroup_freeze(&m->main.proc.cgroup, false, err) < 0)
		return -1;
	m->main.state = SHIM_RUNNING;
	life_save(m);
	event(m, SHIM_EV_RESUMED);
	return 0;
}

int life_pause(struct monitor *m, struct err *err)
{
	if (m->main.state == SHIM_PAUSED)
		return err_set(err, ERR_CONFLICT, "container is already paused");
	if (m->main.state != SHIM_RUNNING)
		return err_set(err, ERR_CONFLICT, "container is not running");
	if (runtime_cgroup_freeze(&m->main.proc.cgroup, true, err) < 0)
		return -1;
	m->main.state = SHIM_PAUSED;
	life_save(m);
	event(m, SHIM_EV_PAUSED);
	return 0;
}

/* A frozen process takes no signal: not even SIGKILL with cgroup v1. */
static void thaw_if_frozen(struct monitor *m)
{
	struct err err = ERR_INIT;

	if (m->main.state == SHIM_PAUSED && life_resume(m, &err) < 0)
		monitor_warn(m, err.msg, 0);
}

static void on_kill_timer(struct monitor *m, struct timer *t)
{
	struct err err = ERR_INIT;

	thaw_if_frozen(m);
	if (life_signal(&m->main, SIGKILL, &err) == 0 && m->main.proc.cgroup.path[0])
		/* children of a container without a pid namespace of its own */
		ignore_result(runtime_cgroup_kill(&m->main.proc.cgroup, SIGKILL, &err) < 0);
	if (m->main.alive)
		timer_set(m, &m->kill_timer, KILL_AGAIN);
}

int life_stop(struct monitor *m, int sig, int64_t timeout_ms, struct err *err)
{
	switch (m->main.state) {
	case SHIM_CREATED:
		return err_set(err, ERR_CONFLICT, "container has not been started");
	case SHIM_RESTARTING:
		m->stopping = true;
		cancel_restart(m);
		return 0;
	case SHIM_EXITED:
	case SHIM_FAILED:
		return err_set(err, ERR_NOT_MODIFIED, "container has ended already");
	default:
		break;
	}
	m->stopping = true;
	if (!m->main.alive)
		return 0; /* ending */
	if (timeout_ms == 0)
		sig = SIGKILL;
	if (life_signal(&m->main, sig, err) < 0)
		return -1;
	thaw_if_frozen(m);
	if (timeout_ms >= 0)
		timer_set(m, &m->kill_timer,
			  timeout_ms ? MIN(timeout_ms, (int64_t)1 << 40) * NS_PER_MS : KILL_AGAIN);
	return 0;
}

void life_force_end(struct monitor *m)
{
	m->stopping = true;
	if (m->main.state == SHIM_RESTARTING)
		cancel_restart(m);
	else if (m->main.alive)
		on_kill_timer(m, &m->kill_timer);
}

/* ---- the end of the shim ---- */

static void on_linger(struct monitor *m, struct timer *t)
{
	ignore_result(unlinkat(m->statefd, PROTO_SOCKET, 0) < 0); /* the record stays */
	m->released = true;
	server_close(m);
}

void life_release(struct monitor *m)
{
	struct answer a = {.fd = -1};

	while (!list_empty(&m->execs))
		exec_free(container_of(m->execs.next, struct job, node));
	ignore_result(unlinkat(m->statefd, PROTO_SOCKET, 0) < 0);
	ignore_result(unlinkat(m->statefd, PROTO_STATE, 0) < 0);
	ignore_result(unlinkat(m->rootfd, m->id, AT_REMOVEDIR) < 0);
	if (m->release_conn)
		server_reply(m, m->release_conn, &m->release_head, &a, NULL);
	m->release_conn = NULL;
	m->releasing = false;
	m->released = true;
	server_close(m);
}

void life_timers_init(struct monitor *m)
{
	timer_init(&m->kill_timer, on_kill_timer);
	timer_init(&m->restart_timer, on_restart);
	timer_init(&m->linger_timer, on_linger);
}
