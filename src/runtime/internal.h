/*
 * internal.h - what the files of runtime/ share
 */
#pragma once

#include "runtime/plan.h"
#include "runtime/user.h"

/* ---- cgroup.c */

#define CGROUP_DIR_MAX (CGROUP_PATH_MAX + 64)

uint32_t runtime_cgroup_detect(bool *ret_v2); /* controllers of this machine */
const char *runtime_cgroup_ctl_name(unsigned ctl);
void runtime_cgroup_dir(const struct runtime_cgroup *cg, unsigned ctl, char ret[CGROUP_DIR_MAX]);
int runtime_cgroup_read(const struct runtime_cgroup *cg, unsigned ctl, const char *file, char *ret,
			size_t size) MUST_USE; /* length or -errno */
int runtime_cgroup_join(const struct runtime_cgroup *cg, struct err *err) MUST_USE;

/* ---- child.c: between clone and exec */

enum sync_type { SYNC_READY = 1, SYNC_ERROR, SYNC_HOOKS, SYNC_USERNS, SYNC_GO };

struct sync_msg {
	uint32_t type;
	struct err err; /* SYNC_ERROR; msg of SYNC_READY is the warning */
};

struct child {
	const struct plan *plan;
	const struct runtime_cgroup *cg;
	int sync; /* our end of the socket pair */
	int io[3];
	int netns; /* -1 */
	int pidfd; /* of the container's init, for an exec; -1 */
	int kept;  /* the maker's end, or -1: see PLAN_F_DETACHED */
	uint16_t rows, cols;
	char warning[256];

	/* filled on the way */
	int root;	   /* O_PATH of the new root */
	int proc;	   /* the container's own procfs, or -1 */
	int cwd;	   /* O_PATH */
	int label;	   /* /proc/self/attr/... opened while it was the host's, or -1 */
	int master, slave; /* of the terminal */
	int *bind_fd;	   /* one per mount of the plan: detached copies made ahead, or -1 */
	struct user *user;
	struct strv env;
	char *exe; /* the program's path in the container */
};

_Noreturn void runtime_child_create(struct child *c);
_Noreturn void runtime_child_exec(struct child *c);
int runtime_sync_send(int sock, enum sync_type type, const struct err *err, const char *text,
		      int fd) MUST_USE;
int runtime_sync_receive(int sock, struct sync_msg *ret,
			 int *ret_fd) MUST_USE; /* 0: the other side is gone */

/* ---- rootfs.c, mounts.c, devices.c */

int runtime_rootfs_setup(struct child *c,
			 struct err *err) MUST_USE; /* everything, before the pivot */
int runtime_rootfs_pivot(struct child *c, struct err *err) MUST_USE;
int runtime_mounts_prepare(struct child *c,
			   struct err *err) MUST_USE; /* sources, while the host is visible */
int runtime_mounts_attach(struct child *c, struct err *err) MUST_USE;
int runtime_mounts_mask(struct child *c, struct err *err) MUST_USE;
int runtime_devices_setup(struct child *c, struct err *err) MUST_USE;
int runtime_console_setup(struct child *c, bool bind, struct err *err) MUST_USE;
int runtime_sysctls_write(struct child *c, struct err *err) MUST_USE;

/* ---- process.c */

int runtime_process_label_open(struct child *c, struct err *err) MUST_USE;
int runtime_process_user(struct child *c,
			 struct err *err) MUST_USE; /* resolves user, groups, HOME */
int runtime_process_limits(struct child *c,
			   struct err *err) MUST_USE; /* rlimits, oom, priorities */
int runtime_process_become(struct child *c,
			   struct err *err) MUST_USE; /* setuid; caps still permitted */
int runtime_process_find(struct child *c, struct err *err) MUST_USE; /* the program */
int runtime_process_run(struct child *c, struct err *err) MUST_USE;  /* returns only on error */

/* ---- hooks.c */

int runtime_hooks_wanted(const struct plan *plan, enum runtime_stage stage);
char *runtime_hooks_state(const struct plan *plan, const char *status,
			  pid_t pid); /* caller frees */
