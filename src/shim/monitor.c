/*
 * monitor.c - cove-shim's set-up and main loop
 *
 * The first message on the inherited socket configures it; then the container is made, and all
 * the rest is answers to events.
 *
 * (1) A plan is mapped only while it is executed, from a memfd that nobody can change (sealed).
 * (2) Scratch memory is given back to the kernel after a second of quiet: an idle shim holds a
 *     few pages of its own.
 * (3) SIGPIPE, SIGHUP, SIGINT and SIGTERM are blocked, not ignored: the runtime resets the mask
 *     for the container's program.
 * (4) What fails before the first answer is told to the engine over the socket; later there is
 *     nobody to write to, so this program never prints.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "shim/monitor.h"
#include "shim/record.h"

#define TERM_TIMEOUT_MS 10000 /* the host shuts down */

uint8_t scratch_in[65536] __attribute__((aligned(4096)));
uint8_t scratch_keys[69632] __attribute__((aligned(4096)));
uint8_t scratch_log[LOG_OUT] __attribute__((aligned(4096)));

static_assert(sizeof(scratch_keys) >= sizeof(scratch_in) + SHIM_KEYS_MAX, "held keys fit");

static void on_idle(struct monitor *m, struct timer *t)
{
	madvise(scratch_in, sizeof(scratch_in), MADV_DONTNEED);
	madvise(scratch_keys, sizeof(scratch_keys), MADV_DONTNEED);
	madvise(scratch_log, sizeof(scratch_log), MADV_DONTNEED);
	malloc_trim(0);
	m->quiet = true;
}

static void on_leave(struct monitor *m, struct timer *t)
{
	clients_check(m);
}

void monitor_warn(struct monitor *m, const char *what, int error)
{
	struct shim_event ev = {.type = SHIM_EV_WARNING, .time_ns = clock_real_ns()};

	if (error && error == m->log_error)
		return;
	m->log_error = error;
	snprintf(ev.text, sizeof(ev.text), "%s%s%s", what, error ? ": " : "",
		 error ? strerror(error) : "");
	server_event(m, &ev);
}

int monitor_map(int fd, struct mapped_plan *ret, struct err *err)
{
	const int want = F_SEAL_WRITE | F_SEAL_SHRINK;
	struct mapped_plan mp;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & want) != want)
		return err_set(err, ERR_INVALID, "the plan is not sealed");
	if (fstat(fd, &st) < 0 || st.st_size <= 0 || st.st_size > PROTO_PLAN_MAX)
		return err_set(err, ERR_INVALID, "the plan has a wrong size");
	mp.size = (size_t)st.st_size;
	mp.p = mmap(NULL, mp.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mp.p == MAP_FAILED)
		return err_sys(err, errno, "map the plan");
	if (plan_open(mp.p, mp.size, &mp.plan, err) < 0) {
		monitor_unmap(&mp);
		return -1;
	}
	*ret = mp;
	return 0;
}

void monitor_unmap(struct mapped_plan *mp)
{
	munmap(mp->p, mp->size);
}

/* ---- children ---- */

static void reaped(struct monitor *m, pid_t pid, int wstatus)
{
	struct err err = ERR_INIT;

	if (m->main.alive && pid == m->main.proc.pid) {
		/* without a pid namespace of its own something may be left of it */
		if (m->main.proc.cgroup.path[0])
			ignore_result(runtime_cgroup_kill(&m->main.proc.cgroup, SIGKILL, &err) < 0);
		job_reaped(&m->main, wstatus);
		return;
	}
	list_for_each(pos, &m->execs) {
		struct job *job = container_of(pos, struct job, node);

		if (job->alive && job->proc.pid == pid) {
			job_reaped(job, wstatus);
			return;
		}
	}
}

static void on_signal(struct monitor *m, struct ev *ev, uint32_t events)
{
	struct signalfd_siginfo si;
	int st;
	pid_t pid;

	while (read(ev->fd, &si, sizeof(si)) == sizeof(si))
		if (si.ssi_signo == SIGTERM)
			/* nobody is told; without a container there is nothing to stop */
			ignore_result(life_stop(m, SIGTERM, TERM_TIMEOUT_MS, NULL) < 0);
	while ((pid = waitpid(-1, &st, WNOHANG)) > 0)
		reaped(m, pid, st);
}

static int watch_signals(struct monitor *m, struct err *err)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	m->signals = (struct ev){.fn = on_signal};
	m->signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (m->signals.fd < 0)
		return err_sys(err, errno, "watch signals");
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ev_watch(m, &m->signals, EPOLLIN);
	return 0;
}

/* ---- set-up ---- */

static int open_state_dir(struct monitor *m, const char *exec_root, struct err *err)
{
	AUTO(close) int root = open(exec_root, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	struct shim_record rec;

	if (root < 0)
		return err_sys(err, errno, "open '%s'", exec_root);
	if (mkdirat(root, "shims", 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make '%s/shims'", exec_root);
	m->rootfd = openat(root, "shims", O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (m->rootfd < 0)
		return err_sys(err, errno, "open '%s/shims'", exec_root);
	if (mkdirat(m->rootfd, m->id, 0700) < 0 && errno != EEXIST)
		return err_sys(err, errno, "make '%s/shims/%s'", exec_root, m->id);
	m->statefd = openat(m->rootfd, m->id, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (m->statefd < 0)
		return err_sys(err, errno, "open '%s/shims/%s'", exec_root, m->id);
	if (record_read(m->statefd, PROTO_STATE, &rec, NULL, NULL) == 0 && rec.this_boot &&
	    rec.shim_pid != getpid() && runtime_alive(rec.shim_pid, rec.shim_start_time)) {
		close(m->statefd);
		m->statefd = -1; /* not ours to clean up */
		return err_set(err, ERR_CONFLICT, "container %.12s has a shim already", m->id);
	}
	return 0;
}

static void take_fds(struct monitor *m, const struct init_view *v, int *fds)
{
	size_t k = 0;

	m->planfd = TAKE_FD(fds[k]);
	k++;
	if (v->m->flags & INIT_NETNS) {
		m->netns = TAKE_FD(fds[k]);
		k++;
	}
	for (uint32_t i = 0; i < v->m->nkept; i++, k++) {
		memcpy(m->kept[i].name, v->m->kept[i], sizeof(m->kept[i].name));
		m->kept[i].fd = TAKE_FD(fds[k]);
		m->nkept++;
	}
}

static int configure(struct monitor *m, const struct init_view *v, int *fds, struct err *err)
{
	const struct msg_init *in = v->m;
	struct shim_log log = {.driver = (enum shim_log_driver)in->log_driver,
			       .path = v->s[INIT_LOG_PATH], .max_size = in->log_size,
			       .max_files = in->log_files, .attrs = v->s[INIT_LOG_ATTRS]};

	memcpy(m->id, in->id, SHIM_ID_MAX);
	take_fds(m, v, fds);
	m->auto_remove = in->flags & INIT_AUTO_REMOVE;
	m->restart = (struct shim_restart){in->restart_policy, in->restart_max};
	m->rows = in->rows;
	m->cols = in->cols;
	m->main.tty = in->flags & INIT_TTY;
	m->main.open_stdin = in->flags & INIT_OPEN_STDIN;
	m->main.stdin_once = in->flags & INIT_STDIN_ONCE;
	m->dirfd = open(v->s[INIT_DIR], O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	if (m->dirfd < 0)
		return err_sys(err, errno, "open '%s'", v->s[INIT_DIR]);
	if (open_state_dir(m, v->s[INIT_EXEC_ROOT], err) < 0 ||
	    logger_open(&m->log, &log, scratch_log, err) < 0)
		return -1;
	/* an exit of an earlier run must not be taken for this one's */
	ignore_result(unlinkat(m->dirfd, SHIM_EXIT_RECORD, 0) < 0);
	return server_listen(m, err);
}

static void init(struct monitor *m)
{
	memset(m, 0, sizeof(*m));
	m->rootfd = m->statefd = m->dirfd = m->planfd = m->updatefd = m->netns = -1;
	m->listener.fd = m->oom.fd = m->signals.fd = m->log.fd = -1;
	list_init(&m->timers);
	list_init(&m->conns);
	list_init(&m->execs);
	list_init(&m->leaving);
	job_init(m, &m->main, "");
	life_timers_init(m);
	timer_init(&m->idle_timer, on_idle);
	timer_init(&m->leave_timer, on_leave);
}

/* Nothing was made: leaves no trace. */
static void undo(struct monitor *m)
{
	if (m->statefd >= 0) {
		ignore_result(unlinkat(m->statefd, PROTO_SOCKET, 0) < 0);
		ignore_result(unlinkat(m->statefd, PROTO_STATE, 0) < 0);
		ignore_result(unlinkat(m->rootfd, m->id, AT_REMOVEDIR) < 0);
	}
	if (m->main.proc.pid > 0)
		ignore_result(runtime_cgroup_remove(&m->main.proc.cgroup, false, NULL) < 0);
}

static int set_up(struct monitor *m, int fd, struct msg_head *ret_head, struct err *err)
{
	static uint8_t msg[PROTO_MAX] __attribute__((aligned(4096)));
	int fds[PROTO_FDS_MAX];
	struct init_view v;
	size_t nfds = 0;
	ssize_t n = proto_recv(fd, msg, sizeof(msg), fds, &nfds, 0);
	int r;

	if (n <= 0)
		return err_set(err, ERR_CANCELLED, "no configuration came");
	if (proto_check_head(msg, (size_t)n, err) == 0)
		*ret_head = ((struct msg_init *)msg)->head;
	r = proto_parse_init(msg, (size_t)n, nfds, &v, err);
	if (r == 0)
		r = configure(m, &v, fds, err);
	for (size_t i = 0; i < nfds; i++)
		if (fds[i] >= 0 && r < 0)
			close(fds[i]);
	madvise(msg, sizeof(msg), MADV_DONTNEED);
	if (r < 0)
		return -1;
	if (life_create(m, err) < 0)
		return -1;
	life_save(m);
	return 0;
}

static void answer_init(struct monitor *m, struct conn *c, const struct msg_head *head, int r,
			const struct err *err)
{
	struct answer a = {.fd = -1};
	struct shim_status st;

	if (r == 0) {
		life_status(m, &st);
		buf_add(&a.data, &st, sizeof(st));
		a.pid = st.pid;
		a.fd = m->main.proc.pidfd;
	}
	server_reply(m, c, head, &a, r < 0 ? err : NULL);
	buf_done(&a.data);
}

static void drop_all(struct monitor *m)
{
	int *fds[] = {&m->planfd, &m->updatefd, &m->netns, &m->statefd, &m->rootfd, &m->dirfd};

	for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
	while (m->nkept)
		close(m->kept[--m->nkept].fd);
	logger_close(&m->log);
}

int monitor_run(int fd, struct err *err)
{
	static struct monitor m;
	struct msg_head head = {0};
	struct conn *first;
	int r;

	init(&m);
	umask(022);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	m.epfd = epoll_create1(EPOLL_CLOEXEC);
	if (m.epfd < 0)
		return err_sys(err, errno, "make epoll");
	if (watch_signals(&m, err) < 0)
		return -1;
	fs_cloexec(fd, true);
	r = set_up(&m, fd, &head, err);
	fs_nonblock(fd, true);
	first = server_add(&m, fd);
	answer_init(&m, first, &head, r, err);
	if (r < 0) {
		undo(&m);
		server_close(&m);
		return -1;
	}
	timer_set(&m, &m.idle_timer, NS_PER_SEC);
	while (!m.released)
		if (ev_turn(&m, err) < 0)
			return -1;
	drop_all(&m);
	while (!list_empty(&m.leaving))
		if (ev_turn(&m, err) < 0)
			return -1;
	return 0;
}

int shim_main(int argc, char **argv)
{
	struct err err = ERR_INIT;

	prctl(PR_SET_NAME, "cove-shim", 0, 0, 0);
	if (argc != 2 || fcntl(PROTO_FD, F_GETFD) < 0) {
		static const char msg[] = "cove-shim is started by coved, not by hand\n";

		ignore_result(write(2, msg, sizeof(msg) - 1) < 0);
		return 2;
	}
	return monitor_run(PROTO_FD, &err) < 0 ? 1 : 0;
}
