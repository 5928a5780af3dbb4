/*
 * job.c - a process with its stdio: what it writes to log and clients, what clients send to it
 *
 * (1) Output is read until its end after the process was reaped, so nothing written is lost;
 *     when something outside its pid namespace holds the pipe open, for DRAIN_NS only.
 * (2) Only the container's own output is logged, an exec's never.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "base/clock.h"
#include "base/fs.h"
#include "shim/monitor.h"

#define DRAIN_NS  (2 * NS_PER_SEC)
#define REOPEN_NS (200 * NS_PER_MS)

static void on_source(struct monitor *m, struct ev *ev, uint32_t events);
static void on_sink(struct monitor *m, struct ev *ev, uint32_t events);
static void on_drain(struct monitor *m, struct timer *t);

void job_init(struct monitor *m, struct job *job, const char *id)
{
	memset(job, 0, sizeof(*job));
	job->m = m;
	memcpy(job->id, id, strnlen(id, SHIM_ID_MAX));
	list_init(&job->node);
	list_init(&job->clients);
	timer_init(&job->drain, on_drain);
	job->proc = (struct runtime_proc)RUNTIME_PROC_INIT;
	job->out = (struct source){.ev = {.fd = -1, .fn = on_source}, .job = job, .stream = 1};
	job->err = (struct source){.ev = {.fd = -1, .fn = on_source}, .job = job, .stream = 2};
	job->in = (struct sink){.ev = {.fd = -1, .fn = on_sink}, .job = job};
}

/* ours: the end we keep, non-blocking; theirs: the child's. */
static int make_pipe(int *ours, int *theirs, bool we_read, struct err *err)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make pipe");
	*ours = p[we_read ? 0 : 1];
	*theirs = p[we_read ? 1 : 0];
	fs_nonblock(*ours, true);
	return 0;
}

void job_close_child_ends(struct runtime_io *io)
{
	int *fds[] = {&io->in, &io->out, &io->err};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int job_make_stdio(struct job *job, struct runtime_io *ret_io, struct err *err)
{
	struct runtime_io io = {.in = -1, .out = -1, .err = -1};

	if (!job->tty &&
	    (make_pipe(&job->out.ev.fd, &io.out, true, err) < 0 ||
	     make_pipe(&job->err.ev.fd, &io.err, true, err) < 0 ||
	     (job->open_stdin && make_pipe(&job->in.ev.fd, &io.in, false, err) < 0))) {
		job_close_child_ends(&io);
		return -1;
	}
	ret_io->in = io.in;
	ret_io->out = io.out;
	ret_io->err = io.err;
	return 0;
}

int job_adopt(struct job *job, struct err *err)
{
	if (job->tty) {
		if (job->proc.console < 0)
			return err_set(err, ERR_CORRUPT, "the plan has no terminal");
		job->out.ev.fd = TAKE_FD(job->proc.console);
		fs_nonblock(job->out.ev.fd, true);
		if (job->open_stdin) {
			job->in.ev.fd = fcntl(job->out.ev.fd, F_DUPFD_CLOEXEC, 3);
			if (job->in.ev.fd < 0)
				return err_sys(err, errno, "duplicate terminal");
		}
	}
	ev_watch(job->m, &job->out.ev, EPOLLIN);
	ev_watch(job->m, &job->err.ev, EPOLLIN);
	if (job->in.pending.len)
		ev_watch(job->m, &job->in.ev, EPOLLOUT);
	job->alive = true;
	return 0;
}

/* ---- output ---- */

static void check_ended(struct job *job)
{
	if (job->alive || job->out.ev.fd >= 0 || job->err.ev.fd >= 0 || !job->reaped_ns)
		return;
	timer_off(&job->drain);
	life_job_ended(job);
}

static void end_source(struct source *src)
{
	struct job *job = src->job;

	if (src->ev.fd < 0)
		return;
	ev_close(job->m, &src->ev);
	if (job == &job->m->main)
		logger_end(&job->m->log, &src->split, src->stream, clock_real_ns());
}

static void output(struct source *src, size_t n)
{
	struct job *job = src->job;
	struct monitor *m = job->m;

	if (job == &m->main && m->log.driver != SHIM_LOG_NONE) {
		logger_feed(&m->log, &src->split, src->stream, scratch_in, n, clock_real_ns());
		if (m->log.error) {
			monitor_warn(m, "write log", m->log.error);
			m->log.error = 0;
		}
	}
	list_for_each(pos, &job->clients)
		client_output(container_of(pos, struct client, node), src->stream, scratch_in, n);
}

static void on_source(struct monitor *m, struct ev *ev, uint32_t events)
{
	struct source *src = container_of(ev, struct source, ev);
	struct job *job = src->job;
	ssize_t n = read(ev->fd, scratch_in, sizeof(scratch_in));

	if (n > 0) {
		output(src, (size_t)n);
		return;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* a pty without any open slave gives EIO; before the process ends one may come again */
	if (n < 0 && errno == EIO && job->alive) {
		ev_watch(m, ev, 0);
		timer_set(m, &job->drain, REOPEN_NS);
		return;
	}
	end_source(src);
	check_ended(job);
}

static void on_drain(struct monitor *m, struct timer *t)
{
	struct job *job = container_of(t, struct job, drain);

	if (job->alive) { /* has a slave been opened again? */
		ev_watch(m, &job->out.ev, EPOLLIN);
		return;
	}
	end_source(&job->out);
	end_source(&job->err);
	check_ended(job);
}

void job_reaped(struct job *job, int wstatus)
{
	job->alive = false;
	job->wstatus = wstatus;
	job->reaped_ns = clock_real_ns();
	if (job->tty && job->out.ev.fd >= 0 && !job->out.ev.events)
		ev_watch(job->m, &job->out.ev, EPOLLIN);
	timer_set(job->m, &job->drain, DRAIN_NS);
	check_ended(job);
}

void job_close(struct job *job)
{
	timer_off(&job->drain);
	end_source(&job->out);
	end_source(&job->err);
	ev_close(job->m, &job->in.ev);
	buf_done(&job->in.pending);
	job->in.eof = false;
	while (!list_empty(&job->clients))
		client_leave(container_of(job->clients.next, struct client, node));
}

/* ---- input ---- */

static void close_sink(struct sink *in)
{
	ev_close(in->job->m, &in->ev);
	buf_done(&in->pending);
	client_input_room(in->job);
}

static void flush_sink(struct sink *in)
{
	struct monitor *m = in->job->m;
	bool was_full = in->pending.len > SINK_MAX;

	while (in->pending.len) {
		ssize_t n = write(in->ev.fd, in->pending.p, in->pending.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) { /* nobody reads any more */
			close_sink(in);
			return;
		}
		buf_consume(&in->pending, (size_t)n);
	}
	if (!in->pending.len) {
		buf_done(&in->pending);
		if (in->eof) {
			close_sink(in);
			return;
		}
	}
	ev_watch(m, &in->ev, in->pending.len ? EPOLLOUT : 0);
	if (was_full && in->pending.len <= SINK_MAX)
		client_input_room(in->job);
}

static void on_sink(struct monitor *m, struct ev *ev, uint32_t events)
{
	flush_sink(container_of(ev, struct sink, ev));
}

void job_input(struct job *job, const uint8_t *p, size_t n)
{
	struct sink *in = &job->in;
	ssize_t w = 0;

	if (in->ev.fd < 0 || in->eof || !n)
		return;
	if (!in->pending.len) {
		do
			w = write(in->ev.fd, p, n);
		while (w < 0 && errno == EINTR);
		if (w < 0 && errno != EAGAIN) {
			close_sink(in);
			return;
		}
		if (w < 0)
			w = 0;
	}
	if ((size_t)w < n) {
		buf_add(&in->pending, p + w, n - (size_t)w);
		ev_watch(job->m, &in->ev, EPOLLOUT);
	}
}

void job_input_end(struct job *job)
{
	job->in.eof = true;
	if (job->in.ev.fd >= 0 && !job->in.pending.len)
		close_sink(&job->in);
}

int job_resize(struct job *job, uint16_t rows, uint16_t cols, struct err *err)
{
	struct winsize ws = {.ws_row = rows, .ws_col = cols};

	if (!job->tty)
		return err_set(err, ERR_CONFLICT, "the process has no terminal");
	if (job->out.ev.fd < 0)
		return err_set(err, ERR_CONFLICT, "the process has ended");
	if (ioctl(job->out.ev.fd, TIOCSWINSZ, &ws) < 0)
		return err_sys(err, errno, "resize terminal");
	return 0;
}
