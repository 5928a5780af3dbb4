/*
 * oci.h - the Linux part of a runtime-spec 1.3 config.json as a C struct, and back
 *
 * Every string and vector is owned by the struct; oci_spec_done() frees it all. A zeroed struct
 * is an empty document; oci_spec_init() adds the version. Numbers that may be absent are
 * struct opt_int. Members have the spec's names in lower_case.
 */
#pragma once

#include "codec/json.h"

#define OCI_VERSION "1.3.0"
#define OCI_SPEC_MAX (4u << 20) /* bytes of a config.json that we read */

struct oci_user {
	int64_t uid, gid;
	struct opt_int umask;
	json_t *additional_gids; /* array of integers or NULL; oci_user_add_gid() */
	char *username;
};

struct oci_caps {
	struct strv bounding, effective, inheritable, permitted, ambient; /* "CAP_CHOWN" */
};

struct oci_rlimit {
	char *type; /* "RLIMIT_NOFILE" */
	uint64_t hard, soft;
};

struct oci_console {
	uint64_t height, width;
};

struct oci_io_priority {
	char *class_; /* "IOPRIO_CLASS_BE" */
	int64_t priority;
};

struct oci_scheduler {
	char *policy; /* "SCHED_OTHER" */
	int64_t nice, priority;
	struct strv flags;
	uint64_t runtime, deadline, period;
};

struct oci_affinity {
	char *initial, *final;
};

struct oci_process {
	bool terminal;
	struct oci_console *console_size;
	struct oci_user user;
	struct strv args, env;
	char *cwd;
	struct oci_caps *capabilities; /* NULL: none at all */
	struct jarray rlimits;	       /* struct oci_rlimit */
	bool no_new_privileges;
	char *apparmor_profile;
	struct opt_int oom_score_adj;
	char *selinux_label;
	struct oci_io_priority *io_priority;
	struct oci_scheduler *scheduler;
	struct oci_affinity *exec_cpu_affinity;
};

struct oci_root {
	char *path;
	bool readonly;
};

struct oci_id_mapping {
	uint64_t container_id, host_id, size;
};

struct oci_mount {
	char *destination, *type, *source;
	struct strv options;
	struct jarray uid_mappings, gid_mappings; /* struct oci_id_mapping */
};

struct oci_hook {
	char *path;
	struct strv args, env;
	struct opt_int timeout;
};

struct oci_hooks {
	struct jarray prestart, create_runtime, create_container, start_container, poststart,
		poststop; /* struct oci_hook */
};

struct oci_namespace {
	char *type; /* pid network mount ipc uts user cgroup time */
	char *path;
};

struct oci_device {
	char *type; /* "c" "b" "u" "p" */
	char *path;
	int64_t major, minor;
	struct opt_int file_mode, uid, gid;
};

struct oci_device_rule {
	bool allow;
	char *type;		      /* "a" "c" "b"; NULL is "a" */
	struct opt_int major, minor; /* unset or -1: all */
	char *access;		      /* "rwm"; NULL is all */
};

struct oci_memory {
	struct opt_int limit, reservation, swap, kernel, kernel_tcp, swappiness;
	struct opt_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct oci_cpu {
	struct opt_int shares, quota, burst, period, realtime_runtime, realtime_period, idle;
	char *cpus, *mems;
};

struct oci_pids {
	struct opt_int limit;
};

struct oci_weight_device {
	int64_t major, minor;
	struct opt_int weight, leaf_weight;
};

struct oci_throttle_device {
	int64_t major, minor;
	uint64_t rate;
};

struct oci_block_io {
	struct opt_int weight, leaf_weight;
	struct jarray weight_device; /* struct oci_weight_device */
	struct jarray throttle_read_bps, throttle_write_bps, throttle_read_iops,
		throttle_write_iops; /* struct oci_throttle_device */
};

struct oci_hugepage_limit {
	char *page_size; /* "2MB" */
	uint64_t limit;
};

struct oci_priority {
	char *name;
	uint64_t priority;
};

struct oci_network {
	struct opt_int class_id;
	struct jarray priorities; /* struct oci_priority */
};

struct oci_resources {
	struct jarray devices; /* struct oci_device_rule */
	struct oci_memory *memory;
	struct oci_cpu *cpu;
	struct oci_pids *pids;
	struct oci_block_io *block_io;
	struct jarray hugepage_limits; /* struct oci_hugepage_limit */
	struct oci_network *network;
	json_t *rdma;
	struct map unified; /* file -> value, cgroup v2 */
};

struct oci_seccomp_arg {
	uint64_t index, value, value_two;
	char *op; /* "SCMP_CMP_EQ" */
};

struct oci_seccomp_call {
	struct strv names;
	char *action;
	struct opt_int errno_ret;
	struct jarray args; /* struct oci_seccomp_arg */
};

struct oci_seccomp {
	char *default_action;
	struct opt_int default_errno_ret;
	struct strv architectures, flags;
	char *listener_path, *listener_metadata;
	struct jarray syscalls; /* struct oci_seccomp_call */
};

struct oci_personality {
	char *domain; /* "LINUX" "LINUX32" */
	struct strv flags;
};

struct oci_intel_rdt {
	char *clos_id;
	struct strv schemata;
	char *l3_cache_schema, *mem_bw_schema;
};

struct oci_time_offset {
	int64_t secs;
	uint64_t nanosecs;
};

struct oci_linux {
	struct jarray uid_mappings, gid_mappings; /* struct oci_id_mapping */
	struct map sysctl;
	struct oci_resources *resources;
	char *cgroups_path;
	struct jarray namespaces; /* struct oci_namespace */
	struct jarray devices;	  /* struct oci_device */
	json_t *net_devices;
	struct oci_seccomp *seccomp;
	char *rootfs_propagation;
	struct strv masked_paths, readonly_paths;
	char *mount_label;
	struct oci_intel_rdt *intel_rdt;
	json_t *memory_policy;
	struct oci_personality *personality;
	json_t *time_offsets;
};

struct oci_spec {
	char *oci_version;
	struct oci_root *root;
	struct oci_process *process;
	char *hostname, *domainname;
	struct jarray mounts; /* struct oci_mount */
	struct oci_hooks *hooks;
	struct map annotations;
	struct oci_linux *linux_; /* "linux" is a predefined macro in gnu17 */
};

extern const struct jtype oci_spec_type, oci_process_type, oci_resources_type, oci_seccomp_type;
extern const struct jtype oci_mount_type, oci_device_rule_type, oci_hook_type;

void oci_spec_init(struct oci_spec *spec); /* zeroed, with oci_version, process, root, linux_ */
void oci_spec_done(struct oci_spec *spec);
void oci_process_done(struct oci_process *process);

/* A config.json; at most OCI_SPEC_MAX bytes. ERR_INVALID. *ret need not be initialised before. */
int oci_spec_parse(const char *text, size_t n, struct oci_spec *ret, struct err *err) MUST_USE;
int oci_process_parse(const char *text, size_t n, struct oci_process *ret, struct err *err) MUST_USE;
int oci_resources_parse(const char *text, size_t n, struct oci_resources *ret, struct err *err) MUST_USE;

char *oci_spec_text(const struct oci_spec *spec); /* caller frees */

void oci_user_add_gid(struct oci_user *user, int64_t gid);

/* Additions that save callers the vectors; the struct returned is in the spec. */
struct oci_mount *oci_add_mount(struct oci_spec *spec, const char *destination, const char *type,
				const char *source, const char *options); /* "nosuid,ro" or NULL */
struct oci_namespace *oci_add_namespace(struct oci_spec *spec, const char *type, const char *path);
struct oci_rlimit *oci_add_rlimit(struct oci_process *process, const char *type, uint64_t soft,
				  uint64_t hard);
struct oci_device_rule *oci_add_device_rule(struct oci_spec *spec, bool allow, const char *type,
					    int64_t major, int64_t minor, const char *access);

static inline void auto_oci_spec(struct oci_spec *spec)
{
	oci_spec_done(spec);
}

/* for (struct oci_mount *m; ...) over a jarray */
#define oci_for_each(type, it, array)                                                              \
	for (type *it = (array)->v; it && it < (type *)(array)->v + (array)->n; it++)
