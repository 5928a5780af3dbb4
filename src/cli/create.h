/*
 * create.h - the options of run and create, and the create body they make
 */
#pragma once

#include "cli/cli.h"

struct create_opts {
	/* those that code looks at */
	struct strv attach, env, env_file, label, label_file, publish, expose, volume, mount, tmpfs;
	struct strv network, network_alias, link, link_local_ip, add_host, device, ulimit, sysctl;
	struct strv annotation, security_opt, log_opt, storage_opt, dns, dns_option, dns_search;
	struct strv weight_device, read_bps, read_iops, write_bps, write_iops, cap_add, cap_drop;
	struct strv group_add, volumes_from, cgroup_rule, gpus;
	const char *cidfile, *entrypoint, *health_cmd, *ip, *ip6, *log_driver, *mac, *name;
	const char *platform, *pull, *restart, *detach_keys, *pid, *ipc, *uts, *userns, *cgroupns;
	const char *hostname, *domainname, *user, *workdir, *stop_signal, *cgroup_parent;
	const char *cpuset_cpus, *cpuset_mems, *runtime, *isolation, *volume_driver;
	bool detach, interactive, tty, rm, sig_proxy, no_healthcheck, quiet, publish_all, privileged;
	bool read_only, init, oom_kill_disable, content_trust, api_socket, help;
	int64_t blkio_weight, cpu_count, cpu_percent, cpu_period, cpu_quota, cpu_rt_period;
	int64_t cpu_rt_runtime, cpu_shares, cpus, health_interval, health_retries;
	int64_t health_start_interval, health_start_period, health_timeout, io_bandwidth, io_iops;
	int64_t kernel_memory, memory, memory_reservation, memory_swap, memory_swappiness;
	int64_t oom_score_adj, pids_limit, shm_size, stop_timeout;
};

extern const struct cli_opt create_table[], run_table[];

/* The create body from the parsed options; args: IMAGE [COMMAND...]. A new reference. */
int create_body(struct cli *cli, const struct create_opts *o, char **args, json_t **ret,
		struct err *err) MUST_USE;

/*
 * Makes the container, pulling the image when it is missing (or --pull says so). *ret_id is
 * the new id, to free(). Writes --cidfile. Warnings go to standard error.
 */
int create_container(struct cli *cli, const struct create_opts *o, const char *image, json_t *body,
		     char **ret_id, struct err *err) MUST_USE;
