/*
 * types.h - the Engine API's own documents about containers, bound to JSON
 *
 * Member names follow the API's; a member's place in its table is its place in the output,
 * which is docker's. What is null, empty or left out when unset is stated per field in
 * types.c and is what dockerd prints.
 */
#pragma once

#include "codec/json.h"

struct health_config {
	struct strv test;
	int64_t interval, timeout, start_period, start_interval; /* nanoseconds */
	int64_t retries;
};

struct container_config {
	char *hostname, *domainname, *user;
	bool attach_stdin, attach_stdout, attach_stderr;
	struct strv exposed_ports;
	bool tty, open_stdin, stdin_once;
	struct strv env, cmd;
	struct health_config *healthcheck;
	bool args_escaped;
	char *image;
	struct strv volumes;
	char *working_dir;
	struct strv entrypoint;
	bool network_disabled;
	char *mac_address;
	struct strv on_build;
	struct map labels;
	char *stop_signal;
	struct opt_int stop_timeout;
	struct strv shell;
};

struct log_config {
	char *type;
	struct map config;
};

struct restart_policy {
	char *name;
	int64_t maximum_retry_count;
};

struct device_mapping {
	char *path_on_host, *path_in_container, *cgroup_permissions;
};

struct weight_device {
	char *path;
	int64_t weight;
};

struct throttle_device {
	char *path;
	uint64_t rate;
};

struct ulimit {
	char *name;
	int64_t hard, soft;
};

struct bind_options {
	char *propagation;
	bool non_recursive, create_mountpoint, read_only_non_recursive, read_only_force_recursive;
};

struct volume_driver_config {
	char *name;
	struct map options;
};

struct volume_options {
	bool no_copy;
	struct map labels;
	struct volume_driver_config *driver_config;
	char *subpath;
};

struct tmpfs_options {
	int64_t size_bytes;
	int64_t mode;
	json_t *options;
};

struct image_options {
	char *subpath;
};

struct mount_spec {
	char *type, *source, *target;
	bool read_only;
	char *consistency;
	struct bind_options *bind_options;
	struct volume_options *volume_options;
	struct image_options *image_options;
	struct tmpfs_options *tmpfs_options;
};

struct host_config {
	struct strv binds;
	char *container_id_file;
	struct log_config log_config;
	char *network_mode;
	json_t *port_bindings; /* {"80/tcp": [{"HostIp","HostPort"}]} */
	struct restart_policy restart_policy;
	bool auto_remove;
	char *volume_driver;
	struct strv volumes_from;
	json_t *console_size; /* [height, width] */
	struct map annotations;
	struct strv cap_add, cap_drop;
	char *cgroupns_mode;
	struct strv dns, dns_options, dns_search, extra_hosts, group_add;
	char *ipc_mode, *cgroup;
	struct strv links;
	int64_t oom_score_adj;
	char *pid_mode;
	bool privileged, publish_all_ports, readonly_rootfs;
	struct strv security_opt;
	struct map storage_opt, tmpfs;
	char *uts_mode, *userns_mode;
	int64_t shm_size;
	struct map sysctls;
	char *runtime, *isolation;
	int64_t cpu_shares, memory, nano_cpus;
	char *cgroup_parent;
	int64_t blkio_weight;
	struct jarray blkio_weight_device;
	struct jarray blkio_device_read_bps, blkio_device_write_bps;
	struct jarray blkio_device_read_iops, blkio_device_write_iops;
	int64_t cpu_period, cpu_quota, cpu_realtime_period, cpu_realtime_runtime;
	char *cpuset_cpus, *cpuset_mems;
	struct jarray devices;
	struct strv device_cgroup_rules;
	json_t *device_requests;
	int64_t kernel_memory, kernel_memory_tcp, memory_reservation, memory_swap;
	struct opt_int memory_swappiness;
	struct opt_bool oom_kill_disable;
	struct opt_int pids_limit;
	struct jarray ulimits;
	int64_t cpu_count, cpu_percent, io_maximum_iops, io_maximum_bandwidth;
	struct jarray mounts;
	struct strv masked_paths, readonly_paths;
	bool masked_paths_set, readonly_paths_set; /* present in the request, even empty */
	struct opt_bool init;
};

struct ipam_address {
	char *ipv4_address, *ipv6_address;
	struct strv link_local_ips;
};

/* What a client asks of one network at create or connect; what it got is network/'s to say. */
struct endpoint_config {
	struct ipam_address *ipam_config;
	struct strv links, aliases;
	char *mac_address, *network_id;
	struct map driver_opts;
	int64_t gw_priority;
};

struct networking_config {
	struct map endpoints_config; /* name -> struct endpoint_config */
};

struct exec_config {
	char *user;
	bool privileged, tty;
	json_t *console_size;
	bool attach_stdin, attach_stderr, attach_stdout, detach;
	char *detach_keys;
	struct strv env;
	char *working_dir;
	struct strv cmd;
};

extern const struct jtype health_config_type, container_config_type, host_config_type,
    endpoint_config_type, networking_config_type, exec_config_type, restart_policy_type,
    mount_spec_type, ulimit_type, device_mapping_type, weight_device_type, throttle_device_type;
