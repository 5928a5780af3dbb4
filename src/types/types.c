/*
 * types.c - the tables of types.h
 *
 * (1) The order of the rows is the order in docker's own output.
 */
#include "types/types.h"

static const struct jfield health_config_fields[] = {
	JF(struct health_config, test, "Test", J_STRV, J_OMITEMPTY),
	JF(struct health_config, interval, "Interval", J_INT, J_OMITEMPTY),
	JF(struct health_config, timeout, "Timeout", J_INT, J_OMITEMPTY),
	JF(struct health_config, start_period, "StartPeriod", J_INT, J_OMITEMPTY),
	JF(struct health_config, start_interval, "StartInterval", J_INT, J_OMITEMPTY),
	JF(struct health_config, retries, "Retries", J_INT, J_OMITEMPTY),
};
const struct jtype health_config_type = JTYPE(struct health_config, health_config_fields);

#define C struct container_config
static const struct jfield container_config_fields[] = {
	JF(C, hostname, "Hostname", J_STR, 0),
	JF(C, domainname, "Domainname", J_STR, 0),
	JF(C, user, "User", J_STR, 0),
	JF(C, attach_stdin, "AttachStdin", J_BOOL, 0),
	JF(C, attach_stdout, "AttachStdout", J_BOOL, 0),
	JF(C, attach_stderr, "AttachStderr", J_BOOL, 0),
	JF(C, exposed_ports, "ExposedPorts", J_SET, J_OMITEMPTY),
	JF(C, tty, "Tty", J_BOOL, 0),
	JF(C, open_stdin, "OpenStdin", J_BOOL, 0),
	JF(C, stdin_once, "StdinOnce", J_BOOL, 0),
	JF(C, env, "Env", J_STRV, J_NULL),
	JF(C, cmd, "Cmd", J_STRV, J_NULL | J_SCALAR_OK),
	JFT(C, healthcheck, "Healthcheck", J_PTR, J_OMITEMPTY, &health_config_type),
	JF(C, args_escaped, "ArgsEscaped", J_BOOL, J_OMITEMPTY),
	JF(C, image, "Image", J_STR, 0),
	JF(C, volumes, "Volumes", J_SET, J_NULL),
	JF(C, working_dir, "WorkingDir", J_STR, 0),
	JF(C, entrypoint, "Entrypoint", J_STRV, J_NULL | J_SCALAR_OK),
	JF(C, network_disabled, "NetworkDisabled", J_BOOL, J_OMITEMPTY),
	JF(C, mac_address, "MacAddress", J_STR, J_OMITEMPTY),
	JF(C, on_build, "OnBuild", J_STRV, J_NULL),
	JF(C, labels, "Labels", J_STRMAP, 0),
	JF(C, stop_signal, "StopSignal", J_STR, J_OMITEMPTY),
	JF(C, stop_timeout, "StopTimeout", J_OPT_INT, J_OMITEMPTY),
	JF(C, shell, "Shell", J_STRV, J_OMITEMPTY | J_SCALAR_OK),
};
#undef C
const struct jtype container_config_type = JTYPE(struct container_config, container_config_fields);

static const struct jfield log_config_fields[] = {
	JF(struct log_config, type, "Type", J_STR, 0),
	JF(struct log_config, config, "Config", J_STRMAP, 0),
};
static const struct jtype log_config_type = JTYPE(struct log_config, log_config_fields);

static const struct jfield restart_policy_fields[] = {
	JF(struct restart_policy, name, "Name", J_STR, 0),
	JF(struct restart_policy, maximum_retry_count, "MaximumRetryCount", J_INT, 0),
};
const struct jtype restart_policy_type = JTYPE(struct restart_policy, restart_policy_fields);

static const struct jfield device_mapping_fields[] = {
	JF(struct device_mapping, path_on_host, "PathOnHost", J_STR, 0),
	JF(struct device_mapping, path_in_container, "PathInContainer", J_STR, 0),
	JF(struct device_mapping, cgroup_permissions, "CgroupPermissions", J_STR, 0),
};
const struct jtype device_mapping_type = JTYPE(struct device_mapping, device_mapping_fields);

static const struct jfield weight_device_fields[] = {
	JF(struct weight_device, path, "Path", J_STR, 0),
	JF(struct weight_device, weight, "Weight", J_INT, 0),
};
const struct jtype weight_device_type = JTYPE(struct weight_device, weight_device_fields);

static const struct jfield throttle_device_fields[] = {
	JF(struct throttle_device, path, "Path", J_STR, 0),
	JF(struct throttle_device, rate, "Rate", J_UINT, 0),
};
const struct jtype throttle_device_type = JTYPE(struct throttle_device, throttle_device_fields);

static const struct jfield ulimit_fields[] = {
	JF(struct ulimit, name, "Name", J_STR, 0),
	JF(struct ulimit, hard, "Hard", J_INT, 0),
	JF(struct ulimit, soft, "Soft", J_INT, 0),
};
const struct jtype ulimit_type = JTYPE(struct ulimit, ulimit_fields);

static const struct jfield bind_options_fields[] = {
	JF(struct bind_options, propagation, "Propagation", J_STR, J_OMITEMPTY),
	JF(struct bind_options, non_recursive, "NonRecursive", J_BOOL, J_OMITEMPTY),
	JF(struct bind_options, create_mountpoint, "CreateMountpoint", J_BOOL, J_OMITEMPTY),
	JF(struct bind_options, read_only_non_recursive, "ReadOnlyNonRecursive", J_BOOL, J_OMITEMPTY),
	JF(struct bind_options, read_only_force_recursive, "ReadOnlyForceRecursive", J_BOOL, J_OMITEMPTY),
};
static const struct jtype bind_options_type = JTYPE(struct bind_options, bind_options_fields);

static const struct jfield volume_driver_config_fields[] = {
	JF(struct volume_driver_config, name, "Name", J_STR, J_OMITEMPTY),
	JF(struct volume_driver_config, options, "Options", J_STRMAP, J_OMITEMPTY),
};
static const struct jtype volume_driver_config_type =
	JTYPE(struct volume_driver_config, volume_driver_config_fields);

static const struct jfield volume_options_fields[] = {
	JF(struct volume_options, no_copy, "NoCopy", J_BOOL, J_OMITEMPTY),
	JF(struct volume_options, labels, "Labels", J_STRMAP, J_OMITEMPTY),
	JFT(struct volume_options, driver_config, "DriverConfig", J_PTR, J_OMITEMPTY,
	    &volume_driver_config_type),
	JF(struct volume_options, subpath, "Subpath", J_STR, J_OMITEMPTY),
};
static const struct jtype volume_options_type = JTYPE(struct volume_options, volume_options_fields);

static const struct jfield tmpfs_options_fields[] = {
	JF(struct tmpfs_options, size_bytes, "SizeBytes", J_INT, J_OMITEMPTY),
	JF(struct tmpfs_options, mode, "Mode", J_INT, J_OMITEMPTY),
	JF(struct tmpfs_options, options, "Options", J_RAW, J_OMITEMPTY),
};
static const struct jtype tmpfs_options_type = JTYPE(struct tmpfs_options, tmpfs_options_fields);

static const struct jfield image_options_fields[] = {
	JF(struct image_options, subpath, "Subpath", J_STR, J_OMITEMPTY),
};
static const struct jtype image_options_type = JTYPE(struct image_options, image_options_fields);

static const struct jfield mount_spec_fields[] = {
	JF(struct mount_spec, type, "Type", J_STR, J_OMITEMPTY),
	JF(struct mount_spec, source, "Source", J_STR, J_OMITEMPTY),
	JF(struct mount_spec, target, "Target", J_STR, J_OMITEMPTY),
	JF(struct mount_spec, read_only, "ReadOnly", J_BOOL, J_OMITEMPTY),
	JF(struct mount_spec, consistency, "Consistency", J_STR, J_OMITEMPTY),
	JFT(struct mount_spec, bind_options, "BindOptions", J_PTR, J_OMITEMPTY, &bind_options_type),
	JFT(struct mount_spec, volume_options, "VolumeOptions", J_PTR, J_OMITEMPTY, &volume_options_type),
	JFT(struct mount_spec, image_options, "ImageOptions", J_PTR, J_OMITEMPTY, &image_options_type),
	JFT(struct mount_spec, tmpfs_options, "TmpfsOptions", J_PTR, J_OMITEMPTY, &tmpfs_options_type),
};
const struct jtype mount_spec_type = JTYPE(struct mount_spec, mount_spec_fields);

#define H struct host_config
static const struct jfield host_config_fields[] = {
	JF(H, binds, "Binds", J_STRV, J_NULL),
	JF(H, container_id_file, "ContainerIDFile", J_STR, 0),
	JFT(H, log_config, "LogConfig", J_OBJ, 0, &log_config_type),
	JF(H, network_mode, "NetworkMode", J_STR, 0),
	JF(H, port_bindings, "PortBindings", J_RAW, 0),
	JFT(H, restart_policy, "RestartPolicy", J_OBJ, 0, &restart_policy_type),
	JF(H, auto_remove, "AutoRemove", J_BOOL, 0),
	JF(H, volume_driver, "VolumeDriver", J_STR, 0),
	JF(H, volumes_from, "VolumesFrom", J_STRV, J_NULL),
	JF(H, console_size, "ConsoleSize", J_RAW, 0),
	JF(H, annotations, "Annotations", J_STRMAP, J_OMITEMPTY),
	JF(H, cap_add, "CapAdd", J_STRV, J_NULL | J_SCALAR_OK),
	JF(H, cap_drop, "CapDrop", J_STRV, J_NULL | J_SCALAR_OK),
	JF(H, cgroupns_mode, "CgroupnsMode", J_STR, 0),
	JF(H, dns, "Dns", J_STRV, J_NULL),
	JF(H, dns_options, "DnsOptions", J_STRV, J_NULL),
	JF(H, dns_search, "DnsSearch", J_STRV, J_NULL),
	JF(H, extra_hosts, "ExtraHosts", J_STRV, J_NULL),
	JF(H, group_add, "GroupAdd", J_STRV, J_NULL),
	JF(H, ipc_mode, "IpcMode", J_STR, 0),
	JF(H, cgroup, "Cgroup", J_STR, 0),
	JF(H, links, "Links", J_STRV, J_NULL),
	JF(H, oom_score_adj, "OomScoreAdj", J_INT, 0),
	JF(H, pid_mode, "PidMode", J_STR, 0),
	JF(H, privileged, "Privileged", J_BOOL, 0),
	JF(H, publish_all_ports, "PublishAllPorts", J_BOOL, 0),
	JF(H, readonly_rootfs, "ReadonlyRootfs", J_BOOL, 0),
	JF(H, security_opt, "SecurityOpt", J_STRV, J_NULL),
	JF(H, storage_opt, "StorageOpt", J_STRMAP, J_OMITEMPTY),
	JF(H, tmpfs, "Tmpfs", J_STRMAP, J_OMITEMPTY),
	JF(H, uts_mode, "UTSMode", J_STR, 0),
	JF(H, userns_mode, "UsernsMode", J_STR, 0),
	JF(H, shm_size, "ShmSize", J_INT, 0),
	JF(H, sysctls, "Sysctls", J_STRMAP, J_OMITEMPTY),
	JF(H, runtime, "Runtime", J_STR, 0),
	JF(H, isolation, "Isolation", J_STR, 0),
	JF(H, cpu_shares, "CpuShares", J_INT, 0),
	JF(H, memory, "Memory", J_INT, 0),
	JF(H, nano_cpus, "NanoCpus", J_INT, 0),
	JF(H, cgroup_parent, "CgroupParent", J_STR, 0),
	JF(H, blkio_weight, "BlkioWeight", J_INT, 0),
	JFT(H, blkio_weight_device, "BlkioWeightDevice", J_ARR, J_NULL, &weight_device_type),
	JFT(H, blkio_device_read_bps, "BlkioDeviceReadBps", J_ARR, J_NULL, &throttle_device_type),
	JFT(H, blkio_device_write_bps, "BlkioDeviceWriteBps", J_ARR, J_NULL, &throttle_device_type),
	JFT(H, blkio_device_read_iops, "BlkioDeviceReadIOps", J_ARR, J_NULL, &throttle_device_type),
	JFT(H, blkio_device_write_iops, "BlkioDeviceWriteIOps", J_ARR, J_NULL, &throttle_device_type),
	JF(H, cpu_period, "CpuPeriod", J_INT, 0),
	JF(H, cpu_quota, "CpuQuota", J_INT, 0),
	JF(H, cpu_realtime_period, "CpuRealtimePeriod", J_INT, 0),
	JF(H, cpu_realtime_runtime, "CpuRealtimeRuntime", J_INT, 0),
	JF(H, cpuset_cpus, "CpusetCpus", J_STR, 0),
	JF(H, cpuset_mems, "CpusetMems", J_STR, 0),
	JFT(H, devices, "Devices", J_ARR, J_NULL, &device_mapping_type),
	JF(H, device_cgroup_rules, "DeviceCgroupRules", J_STRV, J_NULL),
	JF(H, device_requests, "DeviceRequests", J_RAW, 0),
	JF(H, kernel_memory, "KernelMemory", J_INT, J_OMITEMPTY),
	JF(H, kernel_memory_tcp, "KernelMemoryTCP", J_INT, J_OMITEMPTY),
	JF(H, memory_reservation, "MemoryReservation", J_INT, 0),
	JF(H, memory_swap, "MemorySwap", J_INT, 0),
	JF(H, memory_swappiness, "MemorySwappiness", J_OPT_INT, 0),
	JF(H, oom_kill_disable, "OomKillDisable", J_OPT_BOOL, 0),
	JF(H, pids_limit, "PidsLimit", J_OPT_INT, 0),
	JFT(H, ulimits, "Ulimits", J_ARR, J_NULL, &ulimit_type),
	JF(H, cpu_count, "CpuCount", J_INT, 0),
	JF(H, cpu_percent, "CpuPercent", J_INT, 0),
	JF(H, io_maximum_iops, "IOMaximumIOps", J_INT, 0),
	JF(H, io_maximum_bandwidth, "IOMaximumBandwidth", J_INT, 0),
	JFT(H, mounts, "Mounts", J_ARR, J_OMITEMPTY, &mount_spec_type),
	JF(H, masked_paths, "MaskedPaths", J_STRV, 0),
	JF(H, readonly_paths, "ReadonlyPaths", J_STRV, 0),
	JF(H, init, "Init", J_OPT_BOOL, J_OMITEMPTY),
};
#undef H
const struct jtype host_config_type = JTYPE(struct host_config, host_config_fields);

static const struct jfield ipam_address_fields[] = {
	JF(struct ipam_address, ipv4_address, "IPv4Address", J_STR, J_OMITEMPTY),
	JF(struct ipam_address, ipv6_address, "IPv6Address", J_STR, J_OMITEMPTY),
	JF(struct ipam_address, link_local_ips, "LinkLocalIPs", J_STRV, J_OMITEMPTY),
};
static const struct jtype ipam_address_type = JTYPE(struct ipam_address, ipam_address_fields);

#define E struct endpoint_config
static const struct jfield endpoint_config_fields[] = {
	JFT(E, ipam_config, "IPAMConfig", J_PTR, 0, &ipam_address_type),
	JF(E, links, "Links", J_STRV, J_NULL),
	JF(E, aliases, "Aliases", J_STRV, J_NULL),
	JF(E, mac_address, "MacAddress", J_STR, 0),
	JF(E, network_id, "NetworkID", J_STR, 0),
	JF(E, driver_opts, "DriverOpts", J_STRMAP, J_NULL),
	JF(E, gw_priority, "GwPriority", J_INT, 0),
};
#undef E
const struct jtype endpoint_config_type = JTYPE(struct endpoint_config, endpoint_config_fields);

static const struct jfield networking_config_fields[] = {
	JFT(struct networking_config, endpoints_config, "EndpointsConfig", J_MAP, 0,
	    &endpoint_config_type),
};
const struct jtype networking_config_type =
	JTYPE(struct networking_config, networking_config_fields);

#define X struct exec_config
static const struct jfield exec_config_fields[] = {
	JF(X, user, "User", J_STR, 0),
	JF(X, privileged, "Privileged", J_BOOL, 0),
	JF(X, tty, "Tty", J_BOOL, 0),
	JF(X, console_size, "ConsoleSize", J_RAW, J_OMITEMPTY),
	JF(X, attach_stdin, "AttachStdin", J_BOOL, 0),
	JF(X, attach_stderr, "AttachStderr", J_BOOL, 0),
	JF(X, attach_stdout, "AttachStdout", J_BOOL, 0),
	JF(X, detach, "Detach", J_BOOL, 0),
	JF(X, detach_keys, "DetachKeys", J_STR, 0),
	JF(X, env, "Env", J_STRV, J_NULL),
	JF(X, working_dir, "WorkingDir", J_STR, 0),
	JF(X, cmd, "Cmd", J_STRV, J_NULL | J_SCALAR_OK),
};
#undef X
const struct jtype exec_config_type = JTYPE(struct exec_config, exec_config_fields);
