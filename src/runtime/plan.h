/*
 * plan.h - the layout of a plan blob (private to runtime/)
 *
 * A blob is written and read by programs of one build on one machine and one boot: the version
 * changes with any change here. Offsets count from the start of the blob; 0 is "none".
 */
#pragma once

#include "runtime/runtime.h"

#define PLAN_MAGIC   0x31616c7065766f63ull /* "covepla1" in memory order */
#define PLAN_VERSION 1

typedef uint32_t plan_str; /* offset of a terminated string */

struct plan_vec {
	uint32_t off, n; /* n elements; their type is in the table of plan.c */
};

enum plan_kind { PLAN_CREATE = 1, PLAN_EXEC, PLAN_UPDATE };

enum {
	PLAN_F_CLAMP_RLIMITS = 1 << 0,
	PLAN_F_DIE_WITH_PARENT = 1 << 1,
	PLAN_F_NO_PIVOT = 1 << 2,
	PLAN_F_NO_KEYRING = 1 << 3,
	PLAN_F_ROOT_READONLY = 1 << 4,
	PLAN_F_CGROUP_V2 = 1 << 5,
	PLAN_F_LOOPBACK_UP = 1 << 6, /* a network namespace of our own making */
	PLAN_F_DETACHED = 1 << 8,    /* the child keeps the maker's end of the socket, too */
	PLAN_F_DEV_SETUP = 1 << 7,   /* /dev is a file system of ours: nodes and links go in */
};

enum {
	PLAN_P_TERMINAL = 1 << 0,
	PLAN_P_NO_NEW_PRIVS = 1 << 1,
	PLAN_P_OOM_ADJ = 1 << 2,
	PLAN_P_UMASK = 1 << 3,
	PLAN_P_CAPS = 1 << 4,
	PLAN_P_HOME = 1 << 5, /* env has no HOME: take it from the passwd file */
	PLAN_P_IOPRIO = 1 << 6,
	PLAN_P_SCHED = 1 << 7,
	PLAN_P_SUPP_GID = 1 << 8, /* docker's way: the gid is among the groups too */
	PLAN_P_PERSONALITY = 1 << 9,
};

struct plan_rlimit {
	uint32_t resource, unused;
	uint64_t soft, hard;
};

struct plan_process {
	uint32_t flags;
	uint32_t uid, gid, umask;
	plan_str user;	   /* docker's user string, else uid and gid are it */
	plan_str cwd;
	struct plan_vec args, env; /* strings */
	struct plan_vec gids;	   /* uint32_t */
	struct plan_vec group_add; /* strings */
	uint64_t caps_bounding, caps_effective, caps_permitted, caps_inheritable, caps_ambient;
	struct plan_vec rlimits;
	int32_t oom_score_adj;
	uint32_t seccomp_flags;	 /* SECCOMP_FILTER_FLAG_* */
	struct plan_vec seccomp; /* struct sock_filter */
	plan_str apparmor, selinux;
	uint16_t rows, cols;
	uint32_t ioprio;
	uint32_t sched_policy, sched_flags;
	int32_t sched_nice, sched_priority;
	uint64_t sched_runtime, sched_deadline, sched_period;
	uint32_t personality, unused;
};

struct plan_idmap {
	uint32_t inside, outside, count;
};

struct plan_ns {
	uint32_t type; /* CLONE_NEW* */
	plan_str path;
};

enum plan_mount_kind { PLAN_MOUNT_FS = 1, PLAN_MOUNT_BIND, PLAN_MOUNT_CGROUP };
enum {
	PLAN_M_RECURSIVE = 1 << 0,
	PLAN_M_COPYUP = 1 << 1,
	PLAN_M_PROPAGATE_REC = 1 << 2,
	PLAN_M_NOFOLLOW = 1 << 3, /* bind the link, not what it leads to */
	PLAN_M_SUBPATH = 1 << 5,  /* the first option is a path inside the source, never out of it */
	PLAN_M_PROC_OK = 1 << 4,  /* its place is below /proc, as written */
};

struct plan_mount {
	uint32_t kind, flags;
	plan_str dest, source, fstype;
	uint32_t propagation; /* MS_PRIVATE and the like, 0: as it comes */
	uint64_t set, clear;  /* MOUNT_ATTR_* of the mount itself */
	uint64_t rec_set, rec_clear; /* and of everything below */
	struct plan_vec options;     /* strings for the file system: "size=64m" */
	struct plan_vec uidmap, gidmap;
};

struct plan_device {
	plan_str path;
	uint32_t mode; /* type included */
	uint32_t major, minor, uid, gid;
};

struct plan_pair {
	plan_str key, value;
};

enum { PLAN_CG_OPTIONAL = 1 };
struct plan_cgset { /* one write */
	uint32_t ctl; /* enum cgroup_ctl */
	uint32_t flags;
	plan_str file, value;
};

struct plan_hook {
	plan_str path;
	uint32_t stage; /* enum runtime_stage */
	int32_t timeout; /* seconds, 0: none */
	struct plan_vec args, env;
};

struct plan_head {
	uint64_t magic;
	uint32_t version, kind;
	uint64_t size;
	uint32_t flags;
	uint32_t preserve_fds;
	struct plan_process process;

	plan_str id, bundle, hostname, domainname;
	plan_str init_path; /* on the host: made a sealed copy of and bound at /sbin/docker-init */
	uint32_t ns_new;    /* CLONE_NEW* to make */
	struct plan_vec ns_join;
	struct plan_vec uidmap, gidmap;

	plan_str root; /* directory, unless there are lowers */
	struct plan_vec lower;
	plan_str upper, work;
	uint32_t root_propagation; /* MS_* | MS_REC of the old root before anything */

	struct plan_vec mounts, devices, masked, readonly, sysctls, hooks;

	plan_str cgroup;
	uint32_t cgroup_ctls; /* hierarchies to be in (v1), controllers to enable (v2) */
	struct plan_vec cgroup_sets;
	struct plan_vec device_bpf; /* struct bpf_insn as uint64_t */
	uint32_t unused;
};

/* Only for blobs that plan_open() accepted. */
static inline const char *plan_cstr(const struct plan *p, plan_str off)
{
	return off ? (const char *)p->head + off : NULL;
}

static inline const void *plan_vec(const struct plan *p, const struct plan_vec *v)
{
	return v->n ? (const char *)p->head + v->off : NULL;
}

/* The i-th of a vector of strings. */
static inline const char *plan_nth(const struct plan *p, const struct plan_vec *v, uint32_t i)
{
	return plan_cstr(p, ((const plan_str *)plan_vec(p, v))[i]);
}

#define plan_for_each(type, it, p, v)                                                              \
	for (const type *it = plan_vec(p, v), *it##_end = it ? it + (v)->n : it; it != it##_end; it++)
