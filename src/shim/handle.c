/*
 * handle.c - what each request does
 *
 * A handler fills the answer, or err. Descriptors it keeps it sets to -1 in fds; the rest
 * are closed by the caller.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "base/clock.h"
#include "shim/monitor.h"

#define EXECS_MAX 1024 /* running and not forgotten */

#define HANDLER(name)                                                                              \
	static int name(struct monitor *m, struct conn *c, const struct msg_request *rq, int *fds, \
			struct answer *a, struct err *err)

struct job *exec_find(struct monitor *m, const char *id)
{
	list_for_each(pos, &m->execs) {
		struct job *job = container_of(pos, struct job, node);

		if (streq(job->id, id))
			return job;
	}
	return NULL;
}

static struct job *job_of(struct monitor *m, const struct msg_request *rq, struct err *err)
{
	struct job *job = rq->exec[0] ? exec_find(m, rq->exec) : &m->main;

	if (!job)
		err_set(err, ERR_NOT_FOUND, "no such exec: '%s'", rq->exec);
	return job;
}

HANDLER(do_start)
{
	if (m->main.state != SHIM_CREATED || m->start_failed)
		return err_set(err, ERR_CONFLICT, "container is not waiting to be started");
	if (life_start(m, err) < 0)
		return -1;
	a->pid = m->main.proc.pid;
	return 0;
}

HANDLER(do_attach)
{
	struct job *job = job_of(m, rq, err);

	if (!job)
		return -1;
	if (job->state == SHIM_EXITED || job->state == SHIM_FAILED || m->start_failed)
		return err_set(err, ERR_CONFLICT, "the process has ended");
	a->log_size = job == &m->main ? m->log.size : 0;
	return client_add(job, TAKE_FD(fds[0]), rq, &a->token, err);
}

static struct client *find_client(const struct list *head, uint64_t token)
{
	list_for_each(pos, head) {
		struct client *cl = container_of(pos, struct client, node);

		if (cl->token == token)
			return cl;
	}
	return NULL;
}

HANDLER(do_attach_go)
{
	struct client *cl = find_client(&m->main.clients, rq->token);

	if (!cl)
		cl = find_client(&m->leaving, rq->token);
	list_for_each(pos, &m->execs)
		if (!cl)
			cl = find_client(&container_of(pos, struct job, node)->clients, rq->token);
	if (!cl)
		return err_set(err, ERR_NOT_FOUND, "the client has gone");
	client_go(cl);
	return 0;
}

/* ---- exec ---- */

void exec_free(struct job *job)
{
	job_close(job);
	runtime_done(&job->proc);
	list_del(&job->node);
	job->m->nexecs--;
	free(job);
}

static int run_exec(struct job *job, int planfd, const struct msg_request *rq, struct err *err)
{
	struct monitor *m = job->m;
	struct runtime_io io = {.rows = rq->rows, .cols = rq->cols};
	struct mapped_plan mp;
	int r;

	if (monitor_map(planfd, &mp, err) < 0)
		return -1;
	r = job_make_stdio(job, &io, err);
	if (r == 0)
		r = runtime_exec(&mp.plan, m->main.proc.pidfd, &m->main.proc.cgroup, &io,
				 &job->proc, err);
	job_close_child_ends(&io);
	monitor_unmap(&mp);
	return r < 0 ? -1 : job_adopt(job, err);
}

static void exec_started(struct job *job)
{
	struct shim_event ev = {.type = SHIM_EV_EXEC_STARTED};

	job->state = SHIM_RUNNING;
	memcpy(ev.exec, job->id, sizeof(ev.exec));
	ev.pid = job->proc.pid;
	ev.start_time = job->proc.start_time;
	ev.time_ns = job->exit.started_ns;
	server_event(job->m, &ev);
}

static int check_exec(struct monitor *m, const struct msg_request *rq, struct err *err)
{
	if (m->main.state == SHIM_PAUSED)
		return err_set(err, ERR_CONFLICT, "container is paused");
	if (m->main.state != SHIM_RUNNING || !m->main.alive)
		return err_set(err, ERR_CONFLICT, "container is not running");
	if (exec_find(m, rq->exec))
		return err_set(err, ERR_CONFLICT, "exec '%s' exists already", rq->exec);
	if (m->nexecs >= EXECS_MAX)
		return err_set(err, ERR_CONFLICT, "more than %d execs in one container", EXECS_MAX);
	if ((rq->flags & EXEC_ATTACH) && client_count(m) >= SHIM_ATTACH_MAX)
		return err_set(err, ERR_CONFLICT, "more than %d clients are attached",
			       SHIM_ATTACH_MAX);
	return 0;
}

HANDLER(do_exec)
{
	struct job *job;
	int r = 0;

	if (check_exec(m, rq, err) < 0)
		return -1;
	job = xnew(struct job);
	job_init(m, job, rq->exec);
	job->tty = rq->flags & EXEC_TTY;
	job->open_stdin = rq->flags & EXEC_OPEN_STDIN;
	job->stdin_once = true;
	job->exit.started_ns = clock_real_ns();
	list_add_tail(&m->execs, &job->node);
	m->nexecs++;
	r = run_exec(job, fds[0], rq, err);
	if (r < 0) {
		if (job->proc.pidfd >= 0)
			life_signal(job, SIGKILL, NULL);
		exec_free(job);
		return -1;
	}
	exec_started(job);
	a->pid = job->proc.pid;
	/* nothing of its output has been read yet: the client sees every byte */
	if (rq->flags & EXEC_ATTACH)
		r = client_add(job, TAKE_FD(fds[1]), rq, &a->token, err);
	return r;
}

HANDLER(do_exec_forget)
{
	struct job *job = job_of(m, rq, err);

	if (!job)
		return -1;
	if (job->state != SHIM_EXITED)
		return err_set(err, ERR_CONFLICT, "exec '%s' is running", rq->exec);
	exec_free(job);
	return 0;
}

/* ---- control ---- */

HANDLER(do_resize)
{
	struct job *job = job_of(m, rq, err);

	if (!job)
		return -1;
	if (job == &m->main) { /* for restarts */
		m->rows = rq->rows;
		m->cols = rq->cols;
	}
	return job_resize(job, rq->rows, rq->cols, err);
}

HANDLER(do_close_stdin)
{
	struct job *job = job_of(m, rq, err);

	if (!job)
		return -1;
	if (job->tty)
		return err_set(err, ERR_CONFLICT, "a terminal's input cannot be closed");
	job_input_end(job);
	return 0;
}

HANDLER(do_kill)
{
	struct job *job = job_of(m, rq, err);

	if (!job)
		return -1;
	if (job != &m->main)
		return life_signal(job, rq->signal, err);
	if (m->main.state == SHIM_RESTARTING && (rq->flags & KILL_FINAL))
		return life_stop(m, rq->signal, -1, err);
	if (m->main.state != SHIM_RUNNING && m->main.state != SHIM_PAUSED)
		return err_set(err, ERR_CONFLICT, "container is not running");
	if (rq->flags & KILL_FINAL)
		return life_stop(m, rq->signal, rq->signal == SIGKILL ? 0 : -1, err);
	return life_signal(job, rq->signal, err);
}

HANDLER(do_stop)
{
	return life_stop(m, rq->signal, rq->timeout_ms, err);
}

HANDLER(do_pause)
{
	return life_pause(m, err);
}

HANDLER(do_resume)
{
	return life_resume(m, err);
}

HANDLER(do_set_restart)
{
	struct shim_restart policy = {rq->policy, rq->max_retries};

	life_set_restart(m, &policy);
	return 0;
}

HANDLER(do_update)
{
	struct mapped_plan mp;
	int r = 0;

	if (monitor_map(fds[0], &mp, err) < 0)
		return -1;
	if (m->main.alive)
		r = runtime_cgroup_update(&m->main.proc.cgroup, &mp.plan, err);
	monitor_unmap(&mp);
	if (r < 0)
		return -1;
	if (m->updatefd >= 0)
		close(m->updatefd);
	m->updatefd = TAKE_FD(fds[0]);
	return 0;
}

HANDLER(do_pids)
{
	pid_t *pids = NULL;
	size_t n = 0;

	if (!m->main.alive)
		return err_set(err, ERR_CONFLICT, "container is not running");
	if (!m->main.proc.cgroup.path[0]) {
		buf_add(&a->data, &m->main.proc.pid, sizeof(pid_t));
		return 0;
	}
	if (runtime_cgroup_pids(&m->main.proc.cgroup, &pids, &n, err) < 0)
		return -1;
	/* as many as a message takes: more than any list is read for */
	n = MIN(n, (PROTO_MAX - sizeof(struct msg_reply)) / sizeof(pid_t));
	if (n)
		buf_add(&a->data, pids, n * sizeof(pid_t));
	free(pids);
	return 0;
}

/* ---- kept descriptors ---- */

static struct kept *find_kept(struct monitor *m, const char *name)
{
	for (size_t i = 0; i < m->nkept; i++)
		if (streq(m->kept[i].name, name))
			return &m->kept[i];
	return NULL;
}

HANDLER(do_keep_fd)
{
	struct kept *k = find_kept(m, rq->name);

	if (k) {
		close(k->fd);
		k->fd = TAKE_FD(fds[0]);
		if (k->fd < 0) {
			*k = m->kept[--m->nkept];
			return 0;
		}
		return 0;
	}
	if (fds[0] < 0)
		return 0;
	if (m->nkept == SHIM_KEPT_MAX)
		return err_set(err, ERR_CONFLICT, "more than %d kept descriptors", SHIM_KEPT_MAX);
	k = &m->kept[m->nkept++];
	memcpy(k->name, rq->name, sizeof(k->name));
	k->fd = TAKE_FD(fds[0]);
	return 0;
}

static int open_netns(struct monitor *m)
{
	char path[48];

	if (m->netns >= 0)
		return fcntl(m->netns, F_DUPFD_CLOEXEC, 3);
	if (!m->main.alive) {
		errno = ENOENT;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)m->main.proc.pid);
	return open(path, O_RDONLY | O_CLOEXEC);
}

HANDLER(do_fetch_fd)
{
	struct kept *k = find_kept(m, rq->name);

	errno = ENOENT;
	if (k)
		a->fd = fcntl(k->fd, F_DUPFD_CLOEXEC, 3);
	else if (streq(rq->name, "netns"))
		a->fd = open_netns(m);
	else if (streq(rq->name, "pidfd") && m->main.alive)
		a->fd = fcntl(m->main.proc.pidfd, F_DUPFD_CLOEXEC, 3);
	if (a->fd >= 0)
		return 0;
	return errno == ENOENT ? err_set(err, ERR_NOT_FOUND, "no descriptor '%s' is kept", rq->name)
			       : err_sys(err, errno, "fetch descriptor '%s'", rq->name);
}

HANDLER(do_status)
{
	struct shim_status st;

	life_status(m, &st);
	buf_add(&a->data, &st, sizeof(st));
	return 0;
}

HANDLER(do_release)
{
	bool ended = m->main.state == SHIM_EXITED || m->main.state == SHIM_FAILED;

	if (m->releasing)
		return err_set(err, ERR_CONFLICT, "the shim is being released already");
	if (!ended && !m->start_failed && !(rq->flags & RELEASE_FORCE))
		return err_set(err, ERR_CONFLICT, "container is running");
	a->later = true;
	m->releasing = true;
	m->release_conn = c;
	m->release_head = rq->head;
	if (ended)
		life_release(m);
	else
		life_force_end(m);
	return 0;
}

handler_fn *const handlers[MSG_REQUESTS] = {
    [MSG_START] = do_start,
    [MSG_ATTACH] = do_attach,
    [MSG_ATTACH_GO] = do_attach_go,
    [MSG_EXEC] = do_exec,
    [MSG_EXEC_FORGET] = do_exec_forget,
    [MSG_RESIZE] = do_resize,
    [MSG_CLOSE_STDIN] = do_close_stdin,
    [MSG_KILL] = do_kill,
    [MSG_STOP] = do_stop,
    [MSG_PAUSE] = do_pause,
    [MSG_RESUME] = do_resume,
    [MSG_SET_RESTART] = do_set_restart,
    [MSG_UPDATE] = do_update,
    [MSG_PIDS] = do_pids,
    [MSG_KEEP_FD] = do_keep_fd,
    [MSG_FETCH_FD] = do_fetch_fd,
    [MSG_STATUS] = do_status,
    [MSG_RELEASE] = do_release,
};
