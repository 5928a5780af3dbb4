/*
 * shim.h - the engine's side of cove-shim, the small process that holds one container
 *
 * A shim makes its container from a finished plan, owns its stdio, log, exit record, restarts
 * and execs, and outlives the engine. It is spoken to over a SOCK_SEQPACKET socket in
 * <exec_root>/shims/<id>/; only processes of the same uid are let in. Any number of
 * connections may be open; each gets every event.
 *
 * Normal flow:
 *	shim_spawn()	makes the shim and the container ("created"; a failure of the runtime
 *			comes back with its kind: ERR_CMD_NOT_FOUND...)
 *	shim_attach()	any number of clients; one attached before the start sees every byte
 *	shim_start()	lets the container's program run
 *	... events: SHIM_EV_EXITED {will_restart = false} is the last of the container
 *	shim_release()	the shim removes its leftovers and ends
 * In one round trip: shim_spawn() with config.start set, clients in config.attach.
 *
 * After a restart of the engine: shim_connect() for every directory of <exec_root>/shims; it
 * gives the whole state and missed exits. If it fails with ERR_NOT_FOUND the shim is gone:
 * shim_salvage() then kills what is left, and gives the last record.
 *
 * fn may be NULL (no events wanted).
 *
 * Threads: every blocking call ("B") is for worker threads, never for the loop's thread
 * (checked). Callbacks run on the loop's thread. All calls on one struct shim may be made
 * from any thread, but shim_close() only once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

struct loop;
struct shim;
struct strv;

#define SHIM_PROTOCOL	   1
#define SHIM_ID_MAX	   64  /* container and exec ids, without the terminator */
#define SHIM_KEYS_MAX	   32  /* bytes of a detach sequence */
#define SHIM_KEPT_MAX	   8   /* descriptors kept for others */
#define SHIM_NAME_MAX	   31  /* name of a kept descriptor */
#define SHIM_ATTACH_MAX	   64  /* clients at once, per shim */
#define SHIM_LEFTOVER_MAX  32768 /* bytes already read from a client that is handed over */
#define SHIM_LOG_SIZE	   (20 << 20) /* bounds of the log unless told otherwise */
#define SHIM_LOG_FILES	   5
#define SHIM_CALL_TIMEOUT_MS 30000

/* ---- what happened to a container or an exec ---- */

enum shim_state {
	SHIM_CREATED = 1,
	SHIM_RUNNING,
	SHIM_PAUSED,
	SHIM_RESTARTING, /* ended; waits for its back-off to be over */
	SHIM_EXITED,	 /* for good */
	SHIM_FAILED,	 /* an exec that could not start, a container that could not be made */
};

struct shim_exit {
	int32_t code;	/* as docker's: status, or 128 + signal */
	int32_t signal; /* 0: ended by itself */
	bool oom;	/* the kernel killed something of the container for memory */
	bool manual;	/* ended after stop, kill or release: no restart */
	bool will_restart;
	int64_t started_ns, finished_ns; /* real time */
	int64_t restart_in_ns;		 /* back-off, with will_restart */
	char error[256];		 /* why a restart failed, or "" */
};

struct shim_exec_status {
	char id[SHIM_ID_MAX + 1];
	enum shim_state state; /* RUNNING, EXITED, FAILED */
	pid_t pid;	       /* on the host */
	bool tty;
	struct shim_exit exit; /* with EXITED or FAILED */
};

struct shim_status {
	uint32_t protocol; /* the shim's own version */
	pid_t shim_pid;
	enum shim_state state;
	pid_t pid;	     /* of the container's first process; 0 when none runs */
	uint64_t start_time; /* field 22 of /proc/PID/stat */
	bool tty, oom;	     /* oom: since the last start */
	bool stopping;	     /* a stop or kill was accepted, no restart will follow */
	uint32_t restarts;   /* automatic restarts since the shim was made */
	int64_t created_ns, started_ns, finished_ns; /* of the latest run; 0: never */
	bool has_exit;
	struct shim_exit exit; /* the latest */
	uint32_t clients;      /* attached now */
};

enum shim_event_type {
	SHIM_EV_STARTED = 1, /* pid; also of each automatic restart, then restarts > 0 */
	SHIM_EV_EXITED,	     /* exit */
	SHIM_EV_OOM,
	SHIM_EV_PAUSED,
	SHIM_EV_RESUMED,
	SHIM_EV_EXEC_STARTED, /* exec, pid */
	SHIM_EV_EXEC_EXITED,  /* exec, exit */
	SHIM_EV_DETACHED,     /* a client left by its detach keys; exec "" or the exec's id */
	SHIM_EV_WARNING,      /* text: for the log, e.g. the log file cannot be written */
	SHIM_EV_GONE,	      /* made by this library: the shim has ended or the connection broke */
	SHIM_EV_TYPES
};

struct shim_event {
	enum shim_event_type type;
	char exec[SHIM_ID_MAX + 1]; /* "" for the container itself */
	pid_t pid;
	uint64_t start_time;
	uint32_t restarts;
	int64_t time_ns; /* real time at which it happened */
	struct shim_exit exit;
	char text[256];
};

typedef void shim_event_fn(void *ctx, struct shim *s, const struct shim_event *ev);

/* ---- making one ---- */

enum shim_log_driver { SHIM_LOG_JSON, SHIM_LOG_NONE };

struct shim_log {
	enum shim_log_driver driver;
	const char *path;   /* absolute; its directory exists */
	int64_t max_size;   /* bytes; 0: SHIM_LOG_SIZE, -1: no bound */
	uint32_t max_files; /* 0: SHIM_LOG_FILES; the current one included */
	const char *attrs;  /* a JSON object put into every line as "attrs", or NULL */
};

enum shim_restart_policy { SHIM_RESTART_NO, SHIM_RESTART_ON_FAILURE, SHIM_RESTART_ALWAYS,
			   SHIM_RESTART_UNLESS_STOPPED };

struct shim_restart {
	enum shim_restart_policy policy;
	uint32_t max_retries; /* ON_FAILURE; 0: no limit */
};

enum {
	SHIM_ATTACH_STDIN = 1,
	SHIM_ATTACH_STDOUT = 2,
	SHIM_ATTACH_STDERR = 4, /* with a tty all output is stdout */
	SHIM_ATTACH_HOLD = 8,	/* collect output, send none before shim_attach_go() */
};

struct shim_attach {
	int fd;		   /* the client's connection; borrowed, the caller closes its copy */
	uint32_t flags;	   /* SHIM_ATTACH_* */
	const char *exec;  /* NULL or "": the container */
	const char *detach_keys; /* as docker writes them; NULL: ctrl-p,ctrl-q; "": none */
	const void *leftover;	 /* read from fd already; at most SHIM_LEFTOVER_MAX */
	size_t leftover_len;
};

/* A descriptor the shim keeps for the engine or netd, by name; borrowed. */
struct shim_kept {
	const char *name;
	int fd;
};

struct shim_config {
	const char *id;
	const char *exec_root; /* <exec_root>/shims/<id>/ is made, mode 0700 */
	const char *dir;       /* the container's directory on disk: exit record, spill */
	const char *program;   /* path of cove-shim, or NULL and program_fd */
	int program_fd;
	const void *plan; /* of runtime/; copied into a sealed memfd */
	size_t plan_len;
	int netns_fd; /* joined by every start of the container; -1: as the plan says */
	bool tty;     /* must agree with the plan */
	bool open_stdin, stdin_once;
	bool auto_remove; /* the exit record need not outlive a power failure */
	struct shim_log log;
	struct shim_restart restart;
	const struct shim_kept *kept;
	size_t nkept;
	const struct shim_attach *attach; /* handed over before the start */
	size_t nattach;
	bool start;	     /* start at once */
	uint16_t rows, cols; /* first size of the tty; 0: leave */
	int64_t timeout_ms;  /* for the whole of it; 0: SHIM_CALL_TIMEOUT_MS */
};

/*
 * B. Starts a shim and has it make the container. *ret_status (may be NULL) is filled. On
 * failure nothing is left over, and err is the runtime's own error (ERR_CMD_NOT_FOUND and
 * ERR_CMD_DENIED included). Descriptors stay the caller's. The zombie of a shim is reaped on
 * the loop; the connection stays open until shim_close().
 */
int shim_spawn(const struct shim_config *cfg, struct loop *loop, shim_event_fn *fn, void *ctx,
	       struct shim **ret, struct shim_status *ret_status, struct err *err) MUST_USE;

/*
 * B. Connects to a living shim. ERR_NOT_FOUND: none lives there. *ret_execs (may be NULL) is an
 * array of *ret_nexecs the caller frees: all execs not forgotten, with exits missed meanwhile.
 * Events that come after the snapshot reach fn; none is lost or given twice.
 */
int shim_connect(const char *exec_root, const char *id, struct loop *loop, shim_event_fn *fn,
		 void *ctx, struct shim **ret, struct shim_status *ret_status,
		 struct shim_exec_status **ret_execs, size_t *ret_nexecs,
		 struct err *err) MUST_USE;

/* Drops the connection; the shim lives on. No callback starts after it when called on the
 * loop's thread; calls that wait on other threads fail with ERR_CANCELLED. NULL is fine. */
void shim_close(struct shim *s);

/* ---- requests (B; all return 0 or -1; ERR_UNAVAILABLE: the connection is broken) ---- */

/* Lets the created container run. The runtime's error if its program cannot be executed: then
 * the container is gone (SHIM_FAILED) and the shim waits for shim_release(). */
int shim_start(struct shim *s, struct err *err) MUST_USE;

/*
 * Hands a client over. The shim then owns the stream: frames (or raw with a tty), stdin, detach
 * keys, half close. *ret_log_size (may be NULL) is the size of the log at that moment, all
 * output before it included and none after: with SHIM_ATTACH_HOLD the caller may write the old
 * log to fd itself, then shim_attach_go() with *ret_token. ERR_CONFLICT: too many, or the
 * container has ended; ERR_NOT_FOUND: no such exec.
 */
int shim_attach(struct shim *s, const struct shim_attach *a, uint64_t *ret_token,
		int64_t *ret_log_size, struct err *err) MUST_USE;
int shim_attach_go(struct shim *s, uint64_t token, struct err *err) MUST_USE;

struct shim_exec {
	const char *id;	  /* unique among the execs not forgotten */
	const void *plan; /* an exec plan of runtime/ */
	size_t plan_len;
	bool tty, open_stdin;
	const struct shim_attach *attach; /* NULL: detached (output is dropped) */
	uint16_t rows, cols;
};

/* Starts a process in the container; *ret_pid (may be NULL) its pid on the host. Its exit comes
 * as an event and stays in the shim until shim_exec_forget(). ERR_CONFLICT: the container is
 * not running, or is paused, or the id is taken. The runtime's error if it cannot start. */
int shim_exec(struct shim *s, const struct shim_exec *x, pid_t *ret_pid, struct err *err) MUST_USE;
int shim_exec_forget(struct shim *s, const char *exec, struct err *err) MUST_USE;

/* exec NULL or "": the container. */
int shim_resize(struct shim *s, const char *exec, uint16_t rows, uint16_t cols,
		struct err *err) MUST_USE;
int shim_close_stdin(struct shim *s, const char *exec, struct err *err) MUST_USE;

/* final: no restart follows (docker kill). The container's first process only, or an exec. */
int shim_kill(struct shim *s, const char *exec, int signal, bool final, struct err *err) MUST_USE;

/*
 * Sends signal, and SIGKILL after timeout_ms (< 0: never; 0: at once) by itself; no restart
 * follows. Returns when it is accepted; the end is an event. A container waiting for its
 * restart is then ended (an EXITED event comes). ERR_NOT_MODIFIED: it has ended already.
 */
int shim_stop(struct shim *s, int signal, int64_t timeout_ms, struct err *err) MUST_USE;

int shim_pause(struct shim *s, struct err *err) MUST_USE;  /* ERR_CONFLICT: is paused, or not running */
int shim_resume(struct shim *s, struct err *err) MUST_USE; /* ERR_CONFLICT: is not paused */

int shim_set_restart(struct shim *s, const struct shim_restart *policy, struct err *err) MUST_USE;

/* plan: of plan_compile_update(). Applied now, and again after every automatic restart. */
int shim_update(struct shim *s, const void *plan, size_t len, struct err *err) MUST_USE;

/* The container's processes as host pids; the caller frees. */
int shim_pids(struct shim *s, pid_t **ret_pids, size_t *ret_n, struct err *err) MUST_USE;

/* Stores a descriptor by name (replaces), or drops it with fd -1; fetches a new descriptor to
 * it. The names "netns" (the container's network namespace) and "pidfd" can always be fetched
 * while the container has a process. ERR_NOT_FOUND. */
int shim_keep_fd(struct shim *s, const char *name, int fd, struct err *err) MUST_USE;
int shim_fetch_fd(struct shim *s, const char *name, int *ret_fd, struct err *err) MUST_USE;

int shim_get_status(struct shim *s, struct shim_status *ret, struct err *err) MUST_USE;

/*
 * Ends the shim: all clients are flushed, cgroup, socket and records under exec_root removed;
 * the exit record in the container's directory stays. With force a container that still runs is
 * killed first, else ERR_CONFLICT. Returns when all that is removed; no event follows. The process
 * itself lives on while attached clients still read what was written (their input is not
 * taken any more), and pins nothing. A shim whose container has ended and to which nobody is
 * connected ends by itself after some seconds and leaves its records for shim_salvage().
 */
int shim_release(struct shim *s, bool force, struct err *err) MUST_USE;

/* ---- records ---- */

#define SHIM_EXIT_RECORD "exit" /* in the container's directory */

struct shim_record {
	char id[SHIM_ID_MAX + 1];
	char boot_id[37];
	enum shim_state state;
	pid_t shim_pid, pid;
	uint64_t shim_start_time, start_time;
	uint32_t restarts;
	int64_t created_ns, started_ns;
	bool has_exit;
	struct shim_exit exit;
	bool this_boot; /* boot_id is the running system's */
};

/* The exit record in a container's directory. ERR_NOT_FOUND; ERR_CORRUPT. */
int shim_exit_record(const char *dir, struct shim_record *ret, struct err *err) MUST_USE;

/*
 * B. For a shim that is gone: kills what is left of its container (cgroup), removes
 * <exec_root>/shims/<id>, and gives the last record; if the container ran when its shim died,
 * the exit in it says 137 and its error tells so. ERR_NOT_FOUND: no records; ERR_CONFLICT: the
 * shim lives.
 */
int shim_salvage(const char *exec_root, const char *id, const char *dir, struct shim_record *ret,
		 struct err *err) MUST_USE;

/* The ids under <exec_root>/shims, appended to *ret. */
int shim_list(const char *exec_root, struct strv *ret, struct err *err) MUST_USE;

/* ---- helpers ---- */

/* "ctrl-p,ctrl-q" to bytes. ERR_INVALID with docker's words. "" gives none. */
int shim_detach_keys(const char *keys, uint8_t ret[SHIM_KEYS_MAX], size_t *ret_n,
		     struct err *err) MUST_USE;

/* The whole of the program cove-shim, for its main() only (dep_shim_monitor). Its exit status. */
int shim_main(int argc, char **argv);
