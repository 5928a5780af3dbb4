/*
 * cmd.h - what the commands of cove-runtime share (private)
 *
 * <root>/<id>/ holds what later commands need: state.json, the document as it was (config.json)
 * and the plan made of it.
 */
#pragma once

#include "oci/oci.h"
#include "runtime/runtime.h"

struct state {
	char *oci_version, *id, *bundle, *rootfs, *created, *owner, *cgroup;
	int64_t pid, start_time;
	int64_t kept_fd; /* of the waiting init: see runtime_resume() */
	bool started;
	struct map annotations;
};

struct args {
	/* global */
	char *root, *log, *log_format, *criu, *rootless;
	bool debug, systemd_cgroup, help, version;
	/* of commands */
	char *bundle, *console_socket, *pid_file, *format, *cwd, *user, *process, *apparmor, *label, *file;
	char *preserve_fds, *cgroup;
	bool no_pivot, no_new_keyring, detach, keep, no_subreaper, all, force, quiet, tty, no_new_privs;
	bool ignore_paused, stats;
	struct strv env, caps, gids;
	char *memory, *memory_reservation, *memory_swap, *cpu_period, *cpu_quota, *cpu_share, *cpu_burst;
	char *cpu_rt_period, *cpu_rt_runtime, *cpu_idle, *cpuset_cpus, *cpuset_mems, *pids_limit;
	char *blkio_weight, *kernel_memory, *kernel_memory_tcp;
	/* what is left */
	char **rest;
	int nrest;
	int failure; /* exit status of an error: runc's exec has its own */
};

int state_dir(const struct args *a, const char *id, bool make, struct err *err) MUST_USE; /* descriptor */
int state_load(const struct args *a, const char *id, struct state *ret, int *ret_dir, struct err *err) MUST_USE;
int state_save(int dir, const struct state *s, struct err *err) MUST_USE;
void state_done(struct state *s);
int state_remove(const struct args *a, const char *id, struct err *err) MUST_USE;
const char *state_status(const struct state *s); /* created running paused stopped */
char *state_text(const struct state *s);	 /* runtime-spec's state JSON; caller frees */
int state_spec(int dir, struct oci_spec *ret, struct err *err) MUST_USE;
int state_plan(int dir, struct buf *blob, struct plan *ret, struct err *err) MUST_USE;
struct runtime_cgroup state_cgroup(const struct state *s);

static inline void auto_state(struct state *s)
{
	state_done(s);
}

/* Each returns the exit status, or -1 with *err. rest[0] is the container's id where one is needed. */
int cmd_create(const struct args *a, struct err *err);
int cmd_start(const struct args *a, struct err *err);
int cmd_run(const struct args *a, struct err *err);
int cmd_delete(const struct args *a, struct err *err);
int cmd_kill(const struct args *a, struct err *err);
int cmd_exec(const struct args *a, struct err *err);
int cmd_state(const struct args *a, struct err *err);
int cmd_list(const struct args *a, struct err *err);
int cmd_ps(const struct args *a, struct err *err);
int cmd_pause(const struct args *a, struct err *err);
int cmd_resume(const struct args *a, struct err *err);
int cmd_update(const struct args *a, struct err *err);
int cmd_spec(const struct args *a, struct err *err);
int cmd_features(const struct args *a, struct err *err);
int cmd_refused(const struct args *a, struct err *err);

/* cmd-tty.c: hands the terminal to the socket, or carries it to ours until the process ends. */
int tty_hand_over(const char *socket_path, int console, struct err *err) MUST_USE;
int tty_carry(struct runtime_proc *proc, struct err *err) MUST_USE;	/* exit status */
int wait_forwarding(struct runtime_proc *proc, struct err *err) MUST_USE; /* without a terminal */
int write_pid_file(const char *path, pid_t pid, struct err *err) MUST_USE;
