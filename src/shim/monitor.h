/*
 * monitor.h - inside cove-shim: one container, its execs, their clients, the connections
 *
 * Private to the shim's process. Everything runs on its only thread, one event at a time, so
 * a handler may free any object but its own caller's.
 */
#pragma once

#include "base/str.h"
#include "runtime/runtime.h"
#include "shim/keys.h"
#include "shim/logger.h"
#include "shim/outq.h"
#include "shim/proto.h"

struct monitor;
struct job;

/* ---- events (ev.c) ---- */

struct ev {
	int fd;		 /* -1: closed */
	uint32_t events; /* watched for; 0: not in the epoll set */
	void (*fn)(struct monitor *m, struct ev *ev, uint32_t events);
};
#define EV_INIT {.fd = -1}

/* events 0 takes it out of the set, so that not even a hang-up is told. */
void ev_watch(struct monitor *m, struct ev *ev, uint32_t events);
void ev_close(struct monitor *m, struct ev *ev); /* and closes the descriptor; twice is fine */

struct timer {
	struct list node; /* in monitor.timers while set */
	int64_t at;	  /* monotonic */
	void (*fn)(struct monitor *m, struct timer *t);
};

void timer_init(struct timer *t, void (*fn)(struct monitor *m, struct timer *t));
void timer_set(struct monitor *m, struct timer *t, int64_t delay_ns); /* again: moves it */
void timer_off(struct timer *t);
static inline bool timer_is_set(const struct timer *t)
{
	return !list_empty(&t->node);
}

/* One event, or the timers that are due. */
int ev_turn(struct monitor *m, struct err *err);

/* ---- a process with its stdio: the container's or an exec's (job.c, client.c) ---- */

struct source { /* what a process writes */
	struct ev ev;
	struct job *job;
	int stream; /* 1 stdout, 2 stderr */
	struct splitter split;
};

struct sink { /* what it reads */
	struct ev ev;
	struct job *job;
	struct buf pending;
	bool eof; /* close when pending is written */
};

#define SINK_MAX 65536 /* pending bytes past which clients are not read */

struct job {
	struct list node; /* execs: in monitor.execs */
	struct monitor *m;
	char id[SHIM_ID_MAX + 1]; /* "" for the container */
	bool tty, open_stdin, stdin_once;
	enum shim_state state;
	struct runtime_proc proc;
	struct source out, err;
	struct sink in;
	struct list clients;
	bool alive;	   /* started and not reaped */
	int wstatus;	   /* once reaped */
	int64_t reaped_ns; /* real time */
	struct timer drain; /* after the end: how long output of others is waited for */
	struct shim_exit exit;
};

struct client {
	struct list node; /* in job.clients, then in monitor.leaving */
	struct monitor *m;
	struct job *job; /* NULL once leaving */
	struct ev ev;
	uint32_t flags; /* SHIM_ATTACH_* */
	uint64_t token;
	bool framed;	/* docker's eight byte headers */
	bool in_open;	/* its input is still taken */
	bool held;	/* HOLD, before GO */
	bool hung_up;	/* the peer has closed; nothing more can reach it */
	struct keys keys;
	struct outq q;
	int64_t moved_ns; /* monotonic, when bytes last went out */
};

void job_init(struct monitor *m, struct job *job, const char *id);
/* Makes pipes unless it has a tty; ret_io are the child's ends, which the caller closes. */
int job_make_stdio(struct job *job, struct runtime_io *ret_io, struct err *err) MUST_USE;
void job_close_child_ends(struct runtime_io *io);
/* After the runtime made the process: takes the pty, starts to watch. */
int job_adopt(struct job *job, struct err *err) MUST_USE;
/* The process has been reaped: drains what it wrote, then calls monitor_job_ended(). */
void job_reaped(struct job *job, int wstatus);
/* Drops descriptors and clients (which are flushed first); the exit stays. */
void job_close(struct job *job);
void job_input(struct job *job, const uint8_t *p, size_t n);
void job_input_end(struct job *job);
int job_resize(struct job *job, uint16_t rows, uint16_t cols, struct err *err) MUST_USE;

/* Takes over fd in every case. The client may have left already when it returns. */
int client_add(struct job *job, int fd, const struct msg_request *rq, uint64_t *ret_token,
	       struct err *err) MUST_USE;
void client_go(struct client *c); /* ends HOLD */
void client_output(struct client *c, int stream, const uint8_t *p, size_t n);
void client_leave(struct client *c); /* no more output: flush, then close */
void client_drop(struct client *c);
void client_input_room(struct job *job); /* the sink has room again */
size_t client_count(const struct monitor *m);
void clients_check(struct monitor *m); /* gives up leaving clients that do not read */

/* ---- connections (server.c) ---- */

struct conn {
	struct list node; /* in monitor.conns */
	struct ev ev;
	struct list out; /* messages that did not fit the socket */
	size_t nout;
};

struct answer { /* to one request */
	int64_t pid;
	uint64_t token;
	int64_t log_size;
	int fd; /* -1; sent and closed */
	bool later; /* no reply now */
	struct buf data;
};

int server_listen(struct monitor *m, struct err *err) MUST_USE;
struct conn *server_add(struct monitor *m, int fd); /* takes fd */
void server_event(struct monitor *m, const struct shim_event *ev);
void server_reply(struct monitor *m, struct conn *c, const struct msg_head *rq,
		  struct answer *a, const struct err *err);
void server_close(struct monitor *m);	 /* the listening socket and its name, all connections */

typedef int handler_fn(struct monitor *m, struct conn *c, const struct msg_request *rq, int *fds,
		       struct answer *a, struct err *err);
extern handler_fn *const handlers[MSG_REQUESTS];

/* ---- the whole (monitor.c, life.c, handle.c) ---- */

struct kept {
	char name[SHIM_NAME_MAX + 1];
	int fd;
};

struct monitor {
	int epfd;
	struct list timers;
	struct ev signals, listener, oom;
	struct list conns;
	uint64_t next_token;

	char id[SHIM_ID_MAX + 1];
	int rootfd;	/* <exec_root>/shims */
	int statefd;	/* <exec_root>/shims/<id> */
	int dirfd;	/* the container's directory */
	int planfd, updatefd; /* memfds; -1: none */
	int netns;
	struct kept kept[SHIM_KEPT_MAX];
	size_t nkept;
	bool auto_remove;
	struct shim_restart restart;
	uint16_t rows, cols;

	struct job main;
	struct list execs;
	size_t nexecs;
	struct list leaving; /* clients to flush after their job has ended */
	struct logger log;
	int log_error;	     /* reported */

	bool stopping;	     /* no restart follows */
	bool oom_seen;
	int64_t oom_base;    /* kills counted before this run */
	int64_t run_mono_ns; /* start of this run */
	int64_t created_ns, started_ns;
	int64_t backoff_ns;
	uint32_t restarts;
	bool has_exit;
	bool quiet;	     /* the idle timer has fired, nothing since */
	struct timer kill_timer, restart_timer, linger_timer, idle_timer, leave_timer;

	bool start_failed; /* exit.code and exit.error are set already */
	bool releasing;	   /* a release waits for the container's end */
	bool released;	   /* ends when no client is left */
	struct conn *release_conn; /* who asked; NULL: has gone */
	struct msg_head release_head;
};

/* Shared by all reads; given back to the kernel when idle. */
extern uint8_t scratch_in[65536], scratch_keys[69632], scratch_log[LOG_OUT];

/* monitor.c */
int monitor_run(int fd, struct err *err) MUST_USE;
/* A plan in a memfd, mapped and checked; monitor_unmap() it. */
struct mapped_plan {
	void *p;
	size_t size;
	struct plan plan;
};
int monitor_map(int fd, struct mapped_plan *ret, struct err *err) MUST_USE;
void monitor_unmap(struct mapped_plan *mp);
void monitor_warn(struct monitor *m, const char *what, int error);

/* life.c: the container's start, end, restart */
int life_create(struct monitor *m, struct err *err) MUST_USE;
int life_start(struct monitor *m, struct err *err) MUST_USE;
int life_stop(struct monitor *m, int sig, int64_t timeout_ms, struct err *err) MUST_USE;
void life_force_end(struct monitor *m); /* SIGKILL, no restart */
void life_job_ended(struct job *job); /* reaped and drained */
int life_resume(struct monitor *m, struct err *err) MUST_USE;
int life_pause(struct monitor *m, struct err *err) MUST_USE;
void life_set_restart(struct monitor *m, const struct shim_restart *policy);
void life_save(struct monitor *m);
void life_status(struct monitor *m, struct shim_status *ret);
void life_exec_status(const struct job *job, struct shim_exec_status *ret);
void life_release(struct monitor *m);
void life_check_linger(struct monitor *m);
int life_signal(struct job *job, int sig, struct err *err);
void life_timers_init(struct monitor *m);
struct job *exec_find(struct monitor *m, const char *id);
void exec_free(struct job *job);
