/*
 * start.c - makes a shim, and finds a living one
 *
 * (1) All requests of a spawn are on the socket before the shim has read the first: one round
 *     trip, whatever is asked.
 * (2) When any of them fails, the shim has ended and left nothing when shim_spawn() returns.
 * (3) Shims run from one sealed copy of the program: they share its pages, and a container
 *     that finds /proc/PID/exe finds nothing that it could change.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/spawn.h"
#include "shim/control.h"
#include "sys/exe.h"

/* ---- the program ---- */

static struct {
	pthread_mutex_t lock;
	char *path;
	struct stat st;
	int fd;
} program = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

/* A descriptor to the sealed copy, of the caller's own. */
static int sealed_program(const char *path, struct err *err)
{
	struct stat st;
	int fd = -1, e = 0;

	if (stat(path, &st) < 0)
		return err_sys(err, errno, "find '%s'", path);
	pthread_mutex_lock(&program.lock);
	if (!streq(program.path, path) || program.st.st_ino != st.st_ino ||
	    program.st.st_mtim.tv_sec != st.st_mtim.tv_sec ||
	    program.st.st_mtim.tv_nsec != st.st_mtim.tv_nsec) {
		fd = exe_sealed_copy(path, "cove-shim");
		if (fd < 0) {
			e = -fd;
		} else {
			if (program.fd >= 0)
				close(program.fd);
			free(program.path);
			program.path = xstrdup(path);
			program.st = st;
			program.fd = fd;
		}
	}
	if (!e) {
		fd = fcntl(program.fd, F_DUPFD_CLOEXEC, 3);
		e = fd < 0 ? errno : 0;
	}
	pthread_mutex_unlock(&program.lock);
	return e ? err_sys(err, e, "copy '%s' into memory", path) : fd;
}

/* ---- the shim's process ---- */

struct reaper {
	struct reaper *next;
	struct loop *loop;
	struct loop_fd *watch;
	int pidfd;
};

static void reap(int pidfd)
{
	siginfo_t si;

	while (waitid(P_PIDFD, (id_t)pidfd, &si, WEXITED) < 0 && errno == EINTR)
		;
	close(pidfd);
}

/* Of the shims that live; those still there when the engine ends live on. On the loop's thread. */
static struct reaper *reapers;

static void on_shim_end(void *ctx, uint32_t events)
{
	struct reaper *r = ctx;
	struct reaper **p = &reapers;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	loop_fd_free(r->watch);
	reap(r->pidfd);
	free(r);
}

static void watch_end(void *ctx)
{
	struct reaper *r = ctx;

	r->next = reapers;
	reapers = r;
	r->watch = loop_add_fd(r->loop, r->pidfd, EPOLLIN, on_shim_end, r);
}

/* It is ending by itself; if not, it is made to. */
static void end_now(int pidfd, int grace_ms)
{
	struct pollfd p = {pidfd, POLLIN, 0};

	if (poll(&p, 1, grace_ms) == 0)
		ignore_result(syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) < 0);
	reap(pidfd);
}

static int run_program(const struct shim_config *cfg, int sock, int *ret_pidfd, struct err *err)
{
	AUTO(close) int exe = cfg->program ? sealed_program(cfg->program, err)
					   : fcntl(cfg->program_fd, F_DUPFD_CLOEXEC, 3);
	struct spawn_fd fds[] = {{sock, PROTO_FD}};
	char *argv[] = {(char *)"cove-shim", (char *)cfg->id, NULL};
	struct spawn sp = {.exe_fd = exe, .argv = argv, .fds = fds, .nfds = 1,
			   .new_session = true, .cwd = "/"};
	pid_t pid;

	if (exe < 0)
		return cfg->program ? -1 : err_sys(err, errno, "duplicate the shim's program");
	pid = spawn_process(&sp, ret_pidfd);
	return pid < 0 ? err_sys(err, -pid, "start a shim") : 0;
}

/* ---- its configuration ---- */

static int check_config(const struct shim_config *cfg, struct err *err)
{
	if (!cfg->id || !proto_valid_id(cfg->id))
		return err_set(err, ERR_INVALID, "bad container id '%s'", str_or(cfg->id));
	if (cfg->nkept > SHIM_KEPT_MAX || cfg->nattach > SHIM_ATTACH_MAX)
		return err_set(err, ERR_INVALID, "too many descriptors for a shim");
	for (size_t i = 0; i < cfg->nkept; i++)
		if (strlen(cfg->kept[i].name) > SHIM_NAME_MAX)
			return err_set(err, ERR_INVALID, "the name '%s' is too long",
				       cfg->kept[i].name);
	return 0;
}

static void fill_init(const struct shim_config *cfg, struct msg_init *m, struct buf *strings)
{
	const char *s[INIT_STRINGS] = {[INIT_EXEC_ROOT] = cfg->exec_root, [INIT_DIR] = cfg->dir,
				       [INIT_LOG_PATH] = cfg->log.path,
				       [INIT_LOG_ATTRS] = cfg->log.attrs};

	m->flags = (cfg->tty ? INIT_TTY : 0) | (cfg->open_stdin ? INIT_OPEN_STDIN : 0) |
		   (cfg->stdin_once ? INIT_STDIN_ONCE : 0) |
		   (cfg->auto_remove ? INIT_AUTO_REMOVE : 0) |
		   (cfg->netns_fd >= 0 ? INIT_NETNS : 0);
	m->log_driver = cfg->log.driver;
	m->log_files = cfg->log.max_files;
	m->log_size = cfg->log.max_size;
	m->restart_policy = cfg->restart.policy;
	m->restart_max = cfg->restart.max_retries;
	m->rows = cfg->rows;
	m->cols = cfg->cols;
	memcpy(m->id, cfg->id, strlen(cfg->id));
	for (int i = 0; i < INIT_STRINGS; i++) {
		size_t n = strlen(str_or(s[i])) + 1;

		m->len[i] = (uint32_t)n;
		buf_add(strings, str_or(s[i]), n);
	}
	m->nkept = (uint32_t)cfg->nkept;
	for (size_t i = 0; i < cfg->nkept; i++)
		memcpy(m->kept[i], cfg->kept[i].name, strlen(cfg->kept[i].name));
}

static int send_init(struct shim *s, const struct shim_config *cfg, struct err *err)
{
	AUTO(close) int plan = memfd_sealed("cove-plan", cfg->plan, cfg->plan_len);
	AUTO(buf) struct buf strings = {0};
	struct msg_init m = {0};
	int fds[PROTO_FDS_MAX];
	size_t nfds = 0;

	if (plan < 0)
		return err_sys(err, -plan, "make a memory file for the plan");
	fill_init(cfg, &m, &strings);
	if (sizeof(m) + strings.len > PROTO_MAX)
		return err_set(err, ERR_INVALID, "the shim's configuration is too long");
	m.head = (struct msg_head){.magic = PROTO_MAGIC, .version = SHIM_PROTOCOL,
				   .type = MSG_INIT, .cookie = 1,
				   .size = (uint32_t)(sizeof(m) + strings.len)};
	fds[nfds++] = plan;
	if (cfg->netns_fd >= 0)
		fds[nfds++] = cfg->netns_fd;
	for (size_t i = 0; i < cfg->nkept; i++)
		fds[nfds++] = cfg->kept[i].fd;
	return control_send(s, &m, sizeof(m), strings.p, strings.len, fds, nfds, err);
}

/* Requests with the cookies 2, 3, ... Returns their number, or -1. */
static int send_rest(struct shim *s, const struct shim_config *cfg, struct err *err)
{
	int n = 0;

	for (size_t i = 0; i < cfg->nattach; i++) {
		const struct shim_attach *a = &cfg->attach[i];
		struct msg_request rq = control_request(MSG_ATTACH, NULL);

		if (control_attach_request(a, &rq, err) < 0)
			return -1;
		rq.head.cookie = (uint64_t)(2 + n++);
		rq.data_len = (uint32_t)a->leftover_len;
		rq.head.size += rq.data_len;
		if (control_send(s, &rq, sizeof(rq), a->leftover, a->leftover_len, &a->fd, 1,
				 err) < 0)
			return -1;
	}
	if (cfg->start) {
		struct msg_request rq = control_request(MSG_START, NULL);

		rq.head.cookie = (uint64_t)(2 + n++);
		if (control_send(s, &rq, sizeof(rq), NULL, 0, NULL, 0, err) < 0)
			return -1;
	}
	return n;
}

static int await(struct shim *s, uint64_t cookie, int64_t deadline, uint64_t *msg, struct err *err)
{
	struct msg_reply *m = (void *)msg;
	int fd = -1;

	do {
		if (control_recv(s, deadline, msg, &fd, err) < 0)
			return -1;
		if (fd >= 0)
			close(fd);
	} while (m->head.type != MSG_REPLY || m->head.cookie != cookie);
	return control_error(m, err);
}

static int converse(struct shim *s, const struct shim_config *cfg, struct shim_status *ret_status,
		    struct err *err)
{
	int64_t ms = cfg->timeout_ms ? cfg->timeout_ms : SHIM_CALL_TIMEOUT_MS;
	int64_t deadline = clock_mono_ns() + ms * NS_PER_MS;
	uint64_t msg[PROTO_MAX / 8];
	struct msg_reply *m = (void *)msg;
	int n;

	if (send_init(s, cfg, err) < 0)
		return -1;
	n = send_rest(s, cfg, err);
	/* a shim that failed at the first message says why, though later ones find no reader */
	if (await(s, 1, deadline, msg, err) < 0 || n < 0)
		return -1;
	if (m->data_len != sizeof(struct shim_status))
		return err_set(err, ERR_CORRUPT, "the shim's status has a wrong size");
	if (ret_status)
		memcpy(ret_status, m->data, sizeof(*ret_status));
	for (int i = 0; i < n; i++)
		if (await(s, (uint64_t)(2 + i), deadline, msg, err) < 0)
			return -1;
	if (ret_status && cfg->start)
		ret_status->state = SHIM_RUNNING;
	return 0;
}

/* Waits until it has gone, and it leaves nothing. */
static void give_up(struct shim *s)
{
	struct msg_request rq = control_request(MSG_RELEASE, NULL);
	uint64_t msg[PROTO_MAX / 8];

	rq.flags = RELEASE_FORCE;
	rq.head.cookie = 999;
	if (control_send(s, &rq, sizeof(rq), NULL, 0, NULL, 0, NULL) == 0)
		ignore_result(await(s, 999, clock_mono_ns() + 10 * NS_PER_SEC, msg, NULL) < 0);
}

int shim_spawn(const struct shim_config *cfg, struct loop *loop, shim_event_fn *fn, void *ctx,
	       struct shim **ret, struct shim_status *ret_status, struct err *err)
{
	struct reaper *reaper;
	int sv[2], pidfd = -1, r;
	struct shim *s;

	if (check_config(cfg, err) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		return err_sys(err, errno, "make socket pair");
	r = run_program(cfg, sv[1], &pidfd, err);
	close(sv[1]);
	if (r < 0) {
		close(sv[0]);
		return -1;
	}
	s = control_new(sv[0], cfg->id, loop, fn, ctx);
	if (converse(s, cfg, ret_status, err) < 0) {
		give_up(s);
		control_unref(s);
		end_now(pidfd, 2000);
		return -1;
	}
	reaper = xnew(struct reaper);
	reaper->loop = loop;
	reaper->pidfd = pidfd;
	loop_post(loop, watch_end, reaper);
	control_watch(s);
	*ret = s;
	return 0;
}

/* ---- a living one ---- */

static int connect_to(const char *exec_root, const char *id, int *ret_fd, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/shims/%s", exec_root, id);
	AUTO(close) int dirfd = open(path, O_DIRECTORY | O_PATH | O_CLOEXEC | O_NOFOLLOW);
	AUTO(close) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	if (dirfd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "container %.12s has no shim", id);
	if (dirfd < 0 || fd < 0)
		return err_sys(err, errno, "open '%s'", path);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "/proc/self/fd/%d/" PROTO_SOCKET, dirfd);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return err_set(err, ERR_NOT_FOUND, "the shim of container %.12s has gone", id);
		return err_sys(err, errno, "connect to the shim of container %.12s", id);
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int read_snapshot(struct shim *s, struct shim_status *ret_status, struct buf *execs,
			 struct err *err)
{
	int64_t deadline = clock_mono_ns() + SHIM_CALL_TIMEOUT_MS * NS_PER_MS;
	uint64_t msg[PROTO_MAX / 8];
	struct msg_reply *m = (void *)msg;

	for (;;) {
		int fd = -1;

		if (control_recv(s, deadline, msg, &fd, err) < 0)
			return -1;
		if (fd >= 0)
			close(fd);
		if (m->head.version > SHIM_PROTOCOL)
			return err_set(err, ERR_UNSUPPORTED,
				       "the shim of container %.12s speaks version %d, we know %d",
				       s->id, m->head.version, SHIM_PROTOCOL);
		if (m->head.type == MSG_SNAPSHOT && ret_status)
			memcpy(ret_status, m->data, sizeof(*ret_status));
		else if (m->head.type == MSG_SNAPSHOT_EXEC)
			buf_add(execs, m->data, m->data_len);
		else if (m->head.type == MSG_SNAPSHOT_END)
			return 0;
	}
}

int shim_connect(const char *exec_root, const char *id, struct loop *loop, shim_event_fn *fn,
		 void *ctx, struct shim **ret, struct shim_status *ret_status,
		 struct shim_exec_status **ret_execs, size_t *ret_nexecs, struct err *err)
{
	AUTO(buf) struct buf execs = {0};
	struct shim *s;
	int fd;

	if (!proto_valid_id(id))
		return err_set(err, ERR_INVALID, "bad container id '%s'", id);
	if (connect_to(exec_root, id, &fd, err) < 0)
		return -1;
	s = control_new(fd, id, loop, fn, ctx);
	if (read_snapshot(s, ret_status, &execs, err) < 0) {
		control_unref(s);
		return -1;
	}
	if (ret_execs) {
		*ret_nexecs = execs.len / sizeof(struct shim_exec_status);
		*ret_execs = (struct shim_exec_status *)buf_take(&execs);
	}
	control_watch(s);
	*ret = s;
	return 0;
}

/* ---- requests that carry a plan ---- */

int shim_exec(struct shim *s, const struct shim_exec *x, pid_t *ret_pid, struct err *err)
{
	struct msg_request rq = control_request(MSG_EXEC, x->id);
	AUTO(close) int plan = memfd_sealed("cove-exec", x->plan, x->plan_len);
	AUTO(free) struct msg_reply *reply = NULL;
	int fds[2] = {plan, x->attach ? x->attach->fd : -1};

	if (plan < 0)
		return err_sys(err, -plan, "make a memory file for the plan");
	if (!x->id || !proto_valid_id(x->id))
		return err_set(err, ERR_INVALID, "bad exec id '%s'", str_or(x->id));
	rq.flags = (x->tty ? EXEC_TTY : 0) | (x->open_stdin ? EXEC_OPEN_STDIN : 0) |
		   (x->attach ? EXEC_ATTACH : 0);
	rq.rows = x->rows;
	rq.cols = x->cols;
	if (x->attach && control_attach_request(x->attach, &rq, err) < 0)
		return -1;
	if (control_call(s, &rq, x->attach ? x->attach->leftover : NULL,
			 x->attach ? x->attach->leftover_len : 0, fds, x->attach ? 2 : 1, &reply,
			 NULL, err) < 0)
		return -1;
	if (ret_pid)
		*ret_pid = (pid_t)reply->pid;
	return 0;
}

int shim_update(struct shim *s, const void *plan, size_t len, struct err *err)
{
	struct msg_request rq = control_request(MSG_UPDATE, NULL);
	AUTO(close) int fd = memfd_sealed("cove-update", plan, len);

	if (fd < 0)
		return err_sys(err, -fd, "make a memory file for the plan");
	return control_call(s, &rq, NULL, 0, &fd, 1, NULL, NULL, err);
}
