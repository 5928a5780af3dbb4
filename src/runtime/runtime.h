/*
 * runtime.h - makes containers out of plans, runs programs in them, governs their cgroups
 *
 * A *plan* is one flat, position-independent blob with all that is needed to make a container,
 * or to run one more program in it. plan_compile() makes it from a runtime-spec document and is
 * the only part that links libseccomp and jansson (dep_runtime_compile). Everything else is for
 * a small static single-threaded program (dep_runtime): it allocates little, knows no JSON, and
 * must be called from one thread of a process without other threads (it clones itself).
 *
 * A program that calls runtime_create() or runtime_exec() must run from a sealed copy of itself
 * (sys/exe.h), else a container could reach the program's file through /proc/PID/exe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/str.h"

struct oci_spec;
struct oci_process;
struct oci_resources;
struct plan_head; /* runtime/plan.h, private */

/* ---- plans: made by programs with threads and memory ------------------------------------ */

#define PLAN_MAX_SIZE (16u << 20) /* plan_open() refuses more */

enum plan_seccomp {
	PLAN_SECCOMP_SPEC,	 /* what spec->linux_.seccomp says (nothing there: no filter) */
	PLAN_SECCOMP_DEFAULT,	 /* docker's default profile for the capabilities of the process */
	PLAN_SECCOMP_UNCONFINED, /* no filter, whatever the spec says */
	PLAN_SECCOMP_PROFILE,	 /* seccomp_profile: a profile in docker's JSON format */
};

/*
 * An option of a bind mount: what is bound is not the source but this path inside it, and links on
 * the way lead nowhere else.
 */
#define PLAN_SUBPATH_OPTION "cove.subpath="

/* A zeroed one is valid: the spec as it stands. All pointers are borrowed for the call. */
struct plan_opts {
	/* Overlay for a root instead of spec->root.path. lower: topmost first, absolute. */
	const struct strv *lower;
	const char *upper, *work; /* NULL: a read-only overlay of the lower ones alone */

	/*
	 * docker's "name|uid[:group|gid]", resolved by the child in the container's own passwd and
	 * group files, with the supplementary groups and HOME found there; NULL: spec's user. The
	 * process's groups become the gid, what the group file says, then group_add (names or ids).
	 */
	const char *user;
	const struct strv *group_add;

	const char *init_path; /* cove-init on the host: bound at /sbin/docker-init, runs as PID 1 */

	const char *cgroup_driver; /* "cgroupfs" or NULL; "systemd" is refused (ERR_UNSUPPORTED) */
	const char *cgroup_path;   /* "cove/<id>" below each hierarchy; NULL: spec's, "": no cgroup */

	enum plan_seccomp seccomp;
	const char *seccomp_profile;

	/* Rlimits come from defaults: one above our own hard limit is clamped, with a warning.
	 * Without this it is refused (ERR_INVALID) by runtime_create(). */
	bool rlimits_clamp;

	/* The made container waits for its start even when its maker has ended: runtime_resume(). */
	bool detached;
	bool die_with_parent; /* the container's init gets SIGKILL when its maker ends */
	bool no_pivot;	      /* MS_MOVE and chroot instead of pivot_root (root on a ramfs) */
	bool no_new_keyring;
	int preserve_fds;     /* descriptors 3 .. 3+n-1 of the maker stay open in the container */
	const char *bundle;   /* absolute directory that relative paths of the spec start from */
	const char *id;	      /* for hooks' state and the init's name; may be NULL */
};

/*
 * Makes the plan of a container; appended to ret_blob. ERR_INVALID: the spec is wrong (says
 * where); ERR_UNSUPPORTED: valid, but not here (missing cgroup controller, kernel feature).
 * A dropped nicety (no such controller for a default) is no error. Any thread.
 */
int plan_compile(const struct oci_spec *spec, const struct plan_opts *opts, struct buf *ret_blob,
		 struct err *err) MUST_USE;

/*
 * The plan of one more program in a container. process is the whole description (runtime-spec's
 * "process"). Of opts only user, group_add, seccomp*, rlimits_clamp, die_with_parent, no_pivot and
 * preserve_fds matter; spec (may be NULL) gives the seccomp of PLAN_SECCOMP_SPEC.
 */
int plan_compile_exec(const struct oci_process *process, const struct oci_spec *spec,
		      const struct plan_opts *opts, struct buf *ret_blob, struct err *err) MUST_USE;

/* The plan of new cgroup limits for a running container; for runtime_cgroup_update(). */
int plan_compile_update(const struct oci_resources *resources, const char *cgroup_path,
			struct buf *ret_blob, struct err *err) MUST_USE;

/* ---- below: dep_runtime, fit for the shim ------------------------------------------------ */

struct plan {
	const struct plan_head *head; /* into the blob */
	size_t size;
};

/*
 * Checks the whole blob: after this no offset in it leads astray, whatever its bytes are.
 * ERR_CORRUPT. The blob is borrowed and must be 8-aligned and stay as it is as long as *ret lives
 * (map a sealed memfd, or keep the heap block). Nothing to free.
 */
int plan_open(const void *blob, size_t size, struct plan *ret, struct err *err) MUST_USE;

bool plan_terminal(const struct plan *plan); /* its process has a terminal */
const char *plan_cgroup_path(const struct plan *plan); /* "cove/<id>", "" if none */

/* ---- cgroups ------------------------------------------------------------------------------ */

enum cgroup_ctl { /* one bit each, 1u << CGROUP_CPU */
	CGROUP_CPU, CGROUP_CPUACCT, CGROUP_CPUSET, CGROUP_MEMORY, CGROUP_PIDS, CGROUP_BLKIO,
	CGROUP_DEVICES, CGROUP_FREEZER, CGROUP_HUGETLB, CGROUP_NET_CLS, CGROUP_NET_PRIO,
	CGROUP_PERF_EVENT, CGROUP_RDMA, CGROUP_MISC, CGROUP_CTLS
};

#define CGROUP_PATH_MAX 256

/*
 * A container's place in the cgroup hierarchies: a plain value, no descriptors, nothing to free.
 * A zeroed one is "no cgroup": every call on it fails with ERR_UNSUPPORTED, remove succeeds.
 */
struct runtime_cgroup {
	bool v2;		    /* one unified hierarchy with the controllers */
	uint32_t ctls;		    /* controllers that are there, 1u << CGROUP_X */
	char path[CGROUP_PATH_MAX]; /* "cove/<id>" */
};

/*
 * The cgroup of that path on this machine, made or not. ERR_INVALID for a path with "..". With an
 * empty path *ret is "no cgroup", but v2 and ctls say what the machine has.
 */
int runtime_cgroup_at(const char *path, struct runtime_cgroup *ret, struct err *err) MUST_USE;

/* Makes the directories and writes the limits, as runtime_create() does by itself. */
int runtime_cgroup_make(const struct plan *plan, struct runtime_cgroup *ret, struct err *err) MUST_USE;

/*
 * Removes it, in all hierarchies, with the groups that the container made below. Kills what is
 * still inside first and waits a moment for it (2 s, then ERR_CONFLICT). Absent is fine. Parents
 * stay, except an empty first component that we made ("cove") when remove_parent is set.
 */
int runtime_cgroup_remove(const struct runtime_cgroup *cg, bool remove_parent, struct err *err) MUST_USE;

int runtime_cgroup_freeze(const struct runtime_cgroup *cg, bool frozen, struct err *err) MUST_USE;
int runtime_cgroup_frozen(const struct runtime_cgroup *cg, struct err *err) MUST_USE; /* 0, 1, -1 */
int runtime_cgroup_kill(const struct runtime_cgroup *cg, int sig, struct err *err) MUST_USE; /* every process in it */

/* Pids in it and below, as our pid namespace sees them; *ret is malloced, the caller frees. */
int runtime_cgroup_pids(const struct runtime_cgroup *cg, pid_t **ret, size_t *ret_n,
			struct err *err) MUST_USE;

/* Writes new limits; the plan is of plan_compile_update(). All or an error naming the file. */
int runtime_cgroup_update(const struct runtime_cgroup *cg, const struct plan *plan,
			  struct err *err) MUST_USE;

/* Values of one moment; what this machine does not count is left 0 (limits: UINT64_MAX = none). */
struct runtime_stats {
	uint64_t cpu_total_ns, cpu_user_ns, cpu_system_ns;
	uint64_t cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	uint64_t percpu_ns[64];
	uint32_t npercpu; /* v1 only */
	uint64_t mem_usage, mem_max_usage, mem_limit, mem_failcnt, mem_swap_usage;
	uint64_t mem_inactive_file, mem_active_file, mem_inactive_anon, mem_active_anon;
	uint64_t mem_cache, mem_rss, mem_mapped_file, mem_pgfault, mem_pgmajfault, mem_unevictable;
	uint64_t mem_kernel_stack, mem_slab, mem_sock, mem_shmem;
	uint64_t pids_current, pids_limit;
	uint64_t oom_kills;
	struct runtime_io_stat {
		uint32_t major, minor;
		uint64_t rbytes, wbytes, rios, wios;
	} io[32];
	uint32_t nio;
};
int runtime_cgroup_stats(const struct runtime_cgroup *cg, struct runtime_stats *ret, struct err *err) MUST_USE;

/* The raw memory.stat text, for the API's "stats" map; appended. */
int runtime_cgroup_memory_stat(const struct runtime_cgroup *cg, struct buf *ret, struct err *err) MUST_USE;

/*
 * A descriptor that becomes readable (poll: POLLIN) when something in the cgroup may have been
 * killed for memory; then read it empty and compare runtime_cgroup_oom_kills() with before.
 * The caller closes it.
 */
int runtime_cgroup_oom_fd(const struct runtime_cgroup *cg, struct err *err) MUST_USE;
int64_t runtime_cgroup_oom_kills(const struct runtime_cgroup *cg); /* so far; 0 if not counted */

/* ---- containers --------------------------------------------------------------------------- */

enum runtime_stage { /* see runtime_hooks */
	RUNTIME_HOOK_PRESTART, RUNTIME_HOOK_CREATE_RUNTIME, RUNTIME_HOOK_CREATE_CONTAINER,
	RUNTIME_HOOK_START_CONTAINER, RUNTIME_HOOK_POSTSTART, RUNTIME_HOOK_POSTSTOP, RUNTIME_HOOKS
};

struct runtime_io {
	int in, out, err;    /* -1: /dev/null; unused with a terminal. Borrowed */
	uint16_t rows, cols; /* of the terminal; 0: the plan's */
};

/* A made container, or a program in one. A value; runtime_done() closes its descriptors. */
struct runtime_proc {
	pid_t pid;
	int pidfd;
	uint64_t start_time;	      /* field 22 of /proc/PID/stat: pid and this name the process */
	int console;		      /* pty master, or -1; may be taken (set to -1) */
	int sync;		      /* to the child that waits for runtime_start(); -1 after it */
	int mntns;		      /* holds the mount namespace: its slow teardown happens when
				       * runtime_done() closes it, not before the exit is seen */
	int kept;		      /* with plan_opts.detached: names the child's descriptor, else -1 */
	struct runtime_cgroup cgroup; /* zeroed for an exec */
	char warning[256];	      /* "" or one line to tell the user (a clamped limit) */
};
#define RUNTIME_PROC_INIT {.pidfd = -1, .console = -1, .sync = -1, .mntns = -1, .kept = -1}

/*
 * Makes the container: cgroup, namespaces, root, mounts, everything up to the program's start.
 * netns is a descriptor of the network namespace to join, or -1 for what the plan says. Blocks
 * for the milliseconds it takes. The child is ours to wait for (SIGCHLD; waitid by pidfd works).
 *
 * A program that is missing or not executable is found here: ERR_CMD_NOT_FOUND, ERR_CMD_DENIED,
 * with docker's texts (`exec: "nosuch": executable file not found in $PATH`). After an error
 * nothing is left: no process, no cgroup, *ret untouched. Hooks in the plan are run.
 */
int runtime_create(const struct plan *plan, const struct runtime_io *io, int netns,
		   struct runtime_proc *ret, struct err *err) MUST_USE;

/*
 * Lets the created program run. 0: it was executed. An error (ERR_CMD_DENIED: exec format error
 * and the like; ERR_SYSTEM) means that the child has ended or is ending; the caller still waits
 * for it and removes the cgroup.
 */
int runtime_start(struct runtime_proc *proc, struct err *err) MUST_USE;

/*
 * In another process than the maker: takes hold of a container that was made detached and waits
 * for its start. ERR_CONFLICT: it has ended, or is started. For runtime_start() on *ret.
 */
int runtime_resume(pid_t pid, uint64_t start_time, int kept, struct runtime_proc *ret,
		   struct err *err) MUST_USE;

/*
 * Runs one more program in the container whose init is the process of pidfd. cg: joined if its
 * path is not empty; a frozen cgroup gives ERR_CONFLICT. The plan is of plan_compile_exec(). Returns
 * once it was executed. ERR_CONFLICT too when the container has ended.
 */
int runtime_exec(const struct plan *plan, int pidfd, const struct runtime_cgroup *cg,
		 const struct runtime_io *io, struct runtime_proc *ret, struct err *err) MUST_USE;

/* Closes descriptors; kills nothing. A second call, or on RUNTIME_PROC_INIT, is fine. */
void runtime_done(struct runtime_proc *proc);

/* Is the process of this pid still the one that started then (and not a zombie)? */
bool runtime_alive(pid_t pid, uint64_t start_time);
/* Field 22 of /proc/PID/stat. -1: no such process. */
int runtime_start_time(pid_t pid, uint64_t *ret) MUST_USE;

/* Runs the plan's hooks of one stage with the given state JSON on stdin; in order, first failure ends. */
int runtime_hooks(const struct plan *plan, enum runtime_stage stage, const char *state_json,
		  struct err *err) MUST_USE;

/* ---- dep_runtime_cmd: all of cove-runtime but main() ------------------------------------- */

int runtime_main(int argc, char **argv); /* the exit status */
