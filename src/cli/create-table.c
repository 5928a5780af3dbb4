/*
 * create-table.c - the options of run and create, one row each
 *
 * A row says what is parsed, and with .json where in the create body the value goes. The rest
 * is read by create.c.
 *
 * (1) Sorted by name: the help prints them in this order.
 * (2) run has all rows; create has none of those that say how to attach.
 */
#include "cli/create.h"
#include "cli/spec.h"

#define O(field) offsetof(struct create_opts, field)

/* clang-format off */
#define ROWS_A_TO_C \
	{"add-host", 0, CLI_LIST, O(add_host), "Add a custom host-to-IP mapping (host:ip)", \
	 .check = check_add_host}, \
	{"annotation", 0, CLI_MAP, O(annotation), \
	 "Add an annotation to the container (passed through to the OCI runtime)", \
	 .shown_default = "map[]", .json = "HostConfig.Annotations"}, \
	{"attach", 'a', CLI_LIST, O(attach), "Attach to STDIN, STDOUT or STDERR", \
	 .check = check_attach}, \
	{"blkio-weight", 0, CLI_UINT16, O(blkio_weight), \
	 "Block IO (relative weight), between 10 and 1000, or 0 to disable", \
	 .shown_default = "0", .json = "HostConfig.BlkioWeight"}, \
	{"blkio-weight-device", 0, CLI_LIST, O(weight_device), \
	 "Block IO weight (relative device weight)", \
	 .shown_default = "[]", .check = check_weight_device}, \
	{"cap-add", 0, CLI_LIST, O(cap_add), "Add Linux capabilities"}, \
	{"cap-drop", 0, CLI_LIST, O(cap_drop), "Drop Linux capabilities"}, \
	{"cgroup-parent", 0, CLI_STRING, O(cgroup_parent), \
	 "Optional parent cgroup for the container", \
	 .json = "HostConfig.CgroupParent"}, \
	{"cgroupns", 0, CLI_STRING, O(cgroupns), \
	 "Cgroup namespace to use (host|private)\n'host':    Run the container in the " \
	 "Docker host's cgroup namespace\n'private': Run the container in its own " \
	 "private cgroup namespace\n'':        Use the cgroup namespace as configured by" \
	 " the\n           default-cgroupns-mode option on the daemon (default)", \
	 .json = "HostConfig.CgroupnsMode"}, \
	{"cidfile", 0, CLI_STRING, O(cidfile), "Write the container ID to the file"}, \
	{"cpu-count", 0, CLI_INT, O(cpu_count), "CPU count (Windows only)", \
	 .check = check_windows}, \
	{"cpu-percent", 0, CLI_INT, O(cpu_percent), "CPU percent (Windows only)", \
	 .check = check_windows}, \
	{"cpu-period", 0, CLI_INT, O(cpu_period), \
	 "Limit CPU CFS (Completely Fair Scheduler) period", \
	 .json = "HostConfig.CpuPeriod"}, \
	{"cpu-quota", 0, CLI_INT, O(cpu_quota), "Limit CPU CFS (Completely Fair Scheduler) quota", \
	 .json = "HostConfig.CpuQuota"}, \
	{"cpu-rt-period", 0, CLI_INT, O(cpu_rt_period), \
	 "Limit CPU real-time period in microseconds", \
	 .json = "HostConfig.CpuRealtimePeriod"}, \
	{"cpu-rt-runtime", 0, CLI_INT, O(cpu_rt_runtime), \
	 "Limit CPU real-time runtime in microseconds", \
	 .json = "HostConfig.CpuRealtimeRuntime"}, \
	{"cpu-shares", 'c', CLI_INT, O(cpu_shares), "CPU shares (relative weight)", \
	 .json = "HostConfig.CpuShares"}, \
	{"cpus", 0, CLI_DECIMAL, O(cpus), "Number of CPUs", .json = "HostConfig.NanoCpus"}, \
	{"cpuset-cpus", 0, CLI_STRING, O(cpuset_cpus), \
	 "CPUs in which to allow execution (0-3, 0,1)", \
	 .json = "HostConfig.CpusetCpus"}, \
	{"cpuset-mems", 0, CLI_STRING, O(cpuset_mems), \
	 "MEMs in which to allow execution (0-3, 0,1)", \
	 .json = "HostConfig.CpusetMems"},

#define ROWS_DETACH \
	{"detach", 'd', CLI_BOOL, O(detach), \
	 "Run container in background and print container ID"}, \
	{"detach-keys", 0, CLI_STRING, O(detach_keys), \
	 "Override the key sequence for detaching a container"},

#define ROWS_D_TO_S \
	{"device", 0, CLI_LIST, O(device), "Add a host device to the container"}, \
	{"device-cgroup-rule", 0, CLI_LIST, O(cgroup_rule), \
	 "Add a rule to the cgroup allowed devices list", \
	 .check = check_cgroup_rule, .json = "HostConfig.DeviceCgroupRules"}, \
	{"device-read-bps", 0, CLI_LIST, O(read_bps), \
	 "Limit read rate (bytes per second) from a device", \
	 .shown_default = "[]", .check = check_bps_device}, \
	{"device-read-iops", 0, CLI_LIST, O(read_iops), \
	 "Limit read rate (IO per second) from a device", \
	 .shown_default = "[]", .check = check_iops_device}, \
	{"device-write-bps", 0, CLI_LIST, O(write_bps), \
	 "Limit write rate (bytes per second) to a device", \
	 .shown_default = "[]", .check = check_bps_device}, \
	{"device-write-iops", 0, CLI_LIST, O(write_iops), \
	 "Limit write rate (IO per second) to a device", \
	 .shown_default = "[]", .check = check_iops_device}, \
	{"disable-content-trust", 0, CLI_BOOL, O(content_trust), "Skip image verification", \
	 .init = "true"}, \
	{"dns", 0, CLI_LIST, O(dns), "Set custom DNS servers", \
	 .check = check_ip, .json = "HostConfig.Dns"}, \
	{"dns-opt", 0, CLI_LIST, O(dns_option), "", \
	 .flags = CLI_HIDDEN, .json = "HostConfig.DnsOptions"}, \
	{"dns-option", 0, CLI_LIST, O(dns_option), "Set DNS options", \
	 .json = "HostConfig.DnsOptions"}, \
	{"dns-search", 0, CLI_LIST, O(dns_search), "Set custom DNS search domains", \
	 .check = check_domain, .json = "HostConfig.DnsSearch"}, \
	{"domainname", 0, CLI_STRING, O(domainname), "Container NIS domain name", \
	 .json = "Domainname"}, \
	{"entrypoint", 0, CLI_STRING, O(entrypoint), \
	 "Overwrite the default ENTRYPOINT of the image"}, \
	{"env", 'e', CLI_LIST, O(env), "Set environment variables", .check = check_env}, \
	{"env-file", 0, CLI_LIST, O(env_file), "Read in a file of environment variables"}, \
	{"expose", 0, CLI_LIST, O(expose), "Expose a port or a range of ports"}, \
	{"gpus", 0, CLI_LIST, O(gpus), \
	 "GPU devices to add to the container ('all' to pass all GPUs)", \
	 .type = "gpu-request", .check = check_gpus}, \
	{"group-add", 0, CLI_LIST, O(group_add), "Add additional groups to join", \
	 .json = "HostConfig.GroupAdd"}, \
	{"health-cmd", 0, CLI_STRING, O(health_cmd), "Command to run to check health"}, \
	{"health-interval", 0, CLI_DURATION, O(health_interval), \
	 "Time between running the check (ms|s|m|h)", \
	 .shown_default = "0s"}, \
	{"health-retries", 0, CLI_INT, O(health_retries), \
	 "Consecutive failures needed to report unhealthy"}, \
	{"health-start-interval", 0, CLI_DURATION, O(health_start_interval), \
	 "Time between running the check during the start period (ms|s|m|h)", \
	 .shown_default = "0s"}, \
	{"health-start-period", 0, CLI_DURATION, O(health_start_period), \
	 "Start period for the container to initialize before starting health-retries " \
	 "countdown (ms|s|m|h)", \
	 .shown_default = "0s"}, \
	{"health-timeout", 0, CLI_DURATION, O(health_timeout), \
	 "Maximum time to allow one check to run (ms|s|m|h)", \
	 .shown_default = "0s"}, \
	{"help", 0, CLI_BOOL, O(help), "Print usage"}, \
	{"hostname", 'h', CLI_STRING, O(hostname), "Container host name", .json = "Hostname"}, \
	{"init", 0, CLI_BOOL, O(init), \
	 "Run an init inside the container that forwards signals and reaps processes", \
	 .json = "HostConfig.Init"}, \
	{"interactive", 'i', CLI_BOOL, O(interactive), "Keep STDIN open even if not attached"}, \
	{"io-maxbandwidth", 0, CLI_BYTES, O(io_bandwidth), \
	 "Maximum IO bandwidth limit for the system drive (Windows only)", \
	 .check = check_windows}, \
	{"io-maxiops", 0, CLI_UINT, O(io_iops), \
	 "Maximum IOps limit for the system drive (Windows only)", \
	 .check = check_windows}, \
	{"ip", 0, CLI_STRING, O(ip), "IPv4 address (e.g., 172.30.100.104)"}, \
	{"ip6", 0, CLI_STRING, O(ip6), "IPv6 address (e.g., 2001:db8::33)"}, \
	{"ipc", 0, CLI_STRING, O(ipc), "IPC mode to use", .json = "HostConfig.IpcMode"}, \
	{"isolation", 0, CLI_STRING, O(isolation), "Container isolation technology", \
	 .json = "HostConfig.Isolation"}, \
	{"kernel-memory", 0, CLI_BYTES, O(kernel_memory), "Kernel memory limit"}, \
	{"label", 'l', CLI_LIST, O(label), "Set meta data on a container", .check = check_label}, \
	{"label-file", 0, CLI_LIST, O(label_file), "Read in a line delimited file of labels"}, \
	{"link", 0, CLI_LIST, O(link), "Add link to another container", .check = check_link}, \
	{"link-local-ip", 0, CLI_LIST, O(link_local_ip), \
	 "Container IPv4/IPv6 link-local addresses"}, \
	{"log-driver", 0, CLI_STRING, O(log_driver), "Logging driver for the container", \
	 .json = "HostConfig.LogConfig.Type"}, \
	{"log-opt", 0, CLI_LIST, O(log_opt), "Log driver options"}, \
	{"mac-address", 0, CLI_STRING, O(mac), "Container MAC address (e.g., 92:d0:c6:0a:29:33)"}, \
	{"memory", 'm', CLI_BYTES, O(memory), "Memory limit", .json = "HostConfig.Memory"}, \
	{"memory-reservation", 0, CLI_BYTES, O(memory_reservation), "Memory soft limit", \
	 .json = "HostConfig.MemoryReservation"}, \
	{"memory-swap", 0, CLI_SWAP, O(memory_swap), \
	 "Swap limit equal to memory plus swap: '-1' to enable unlimited swap", \
	 .json = "HostConfig.MemorySwap"}, \
	{"memory-swappiness", 0, CLI_INT, O(memory_swappiness), \
	 "Tune container memory swappiness (0 to 100)", \
	 .init = "-1", .json = "HostConfig.MemorySwappiness"}, \
	{"mount", 0, CLI_LIST, O(mount), "Attach a filesystem mount to the container", \
	 .type = "mount", .check = check_mount}, \
	{"name", 0, CLI_STRING, O(name), "Assign a name to the container"}, \
	{"net", 0, CLI_LIST, O(network), "", \
	 .type = "network", .flags = CLI_HIDDEN, .check = check_network}, \
	{"net-alias", 0, CLI_LIST, O(network_alias), "", .flags = CLI_HIDDEN}, \
	{"network", 0, CLI_LIST, O(network), "Connect a container to a network", \
	 .type = "network", .check = check_network}, \
	{"network-alias", 0, CLI_LIST, O(network_alias), \
	 "Add network-scoped alias for the container"}, \
	{"no-healthcheck", 0, CLI_BOOL, O(no_healthcheck), \
	 "Disable any container-specified HEALTHCHECK"}, \
	{"oom-kill-disable", 0, CLI_BOOL, O(oom_kill_disable), "Disable OOM Killer", \
	 .json = "HostConfig.OomKillDisable"}, \
	{"oom-score-adj", 0, CLI_INT, O(oom_score_adj), \
	 "Tune host's OOM preferences (-1000 to 1000)", \
	 .json = "HostConfig.OomScoreAdj"}, \
	{"pid", 0, CLI_STRING, O(pid), "PID namespace to use", .json = "HostConfig.PidMode"}, \
	{"pids-limit", 0, CLI_INT, O(pids_limit), \
	 "Tune container pids limit (set -1 for unlimited)", \
	 .json = "HostConfig.PidsLimit"}, \
	{"platform", 0, CLI_STRING, O(platform), \
	 "Set platform if server is multi-platform capable"}, \
	{"privileged", 0, CLI_BOOL, O(privileged), "Give extended privileges to this container", \
	 .json = "HostConfig.Privileged"}, \
	{"publish", 'p', CLI_LIST, O(publish), "Publish a container's port(s) to the host"}, \
	{"publish-all", 'P', CLI_BOOL, O(publish_all), \
	 "Publish all exposed ports to random ports", \
	 .json = "HostConfig.PublishAllPorts"}, \
	{"pull", 0, CLI_STRING, O(pull), \
	 "Pull image before running (\"always\", \"missing\", \"never\")", \
	 .init = "missing"}, \
	{"quiet", 'q', CLI_BOOL, O(quiet), "Suppress the pull output"}, \
	{"read-only", 0, CLI_BOOL, O(read_only), \
	 "Mount the container's root filesystem as read only", \
	 .json = "HostConfig.ReadonlyRootfs"}, \
	{"restart", 0, CLI_STRING, O(restart), "Restart policy to apply when a container exits", \
	 .init = "no"}, \
	{"rm", 0, CLI_BOOL, O(rm), \
	 "Automatically remove the container and its associated anonymous volumes when " \
	 "it exits", \
	 .json = "HostConfig.AutoRemove"}, \
	{"runtime", 0, CLI_STRING, O(runtime), "Runtime to use for this container", \
	 .json = "HostConfig.Runtime"}, \
	{"security-opt", 0, CLI_LIST, O(security_opt), "Security Options"}, \
	{"shm-size", 0, CLI_BYTES, O(shm_size), "Size of /dev/shm", .json = "HostConfig.ShmSize"},

#define ROWS_SIG_PROXY \
	{"sig-proxy", 0, CLI_BOOL, O(sig_proxy), "Proxy received signals to the process", \
	 .init = "true"},

#define ROWS_S_TO_W \
	{"stop-signal", 0, CLI_STRING, O(stop_signal), "Signal to stop the container", \
	 .json = "StopSignal"}, \
	{"stop-timeout", 0, CLI_INT, O(stop_timeout), "Timeout (in seconds) to stop a container", \
	 .json = "StopTimeout"}, \
	{"storage-opt", 0, CLI_LIST, O(storage_opt), "Storage driver options for the container"}, \
	{"sysctl", 0, CLI_MAP, O(sysctl), "Sysctl options", \
	 .shown_default = "map[]", .check = check_sysctl, .json = "HostConfig.Sysctls"}, \
	{"tmpfs", 0, CLI_LIST, O(tmpfs), "Mount a tmpfs directory"}, \
	{"tty", 't', CLI_BOOL, O(tty), "Allocate a pseudo-TTY"}, \
	{"ulimit", 0, CLI_LIST, O(ulimit), "Ulimit options", \
	 .type = "ulimit", .shown_default = "[]", .check = check_ulimit}, \
	{"use-api-socket", 0, CLI_BOOL, O(api_socket), \
	 "Bind mount Docker API socket and required auth", \
	 .flags = CLI_HIDDEN}, \
	{"user", 'u', CLI_STRING, O(user), "Username or UID (format: <name|uid>[:<group|gid>])", \
	 .json = "User"}, \
	{"userns", 0, CLI_STRING, O(userns), "User namespace to use", \
	 .json = "HostConfig.UsernsMode"}, \
	{"uts", 0, CLI_STRING, O(uts), "UTS namespace to use", .json = "HostConfig.UTSMode"}, \
	{"volume", 'v', CLI_LIST, O(volume), "Bind mount a volume"}, \
	{"volume-driver", 0, CLI_STRING, O(volume_driver), \
	 "Optional volume driver for the container", \
	 .json = "HostConfig.VolumeDriver"}, \
	{"volumes-from", 0, CLI_LIST, O(volumes_from), \
	 "Mount volumes from the specified container(s)", \
	 .json = "HostConfig.VolumesFrom"}, \
	{"workdir", 'w', CLI_STRING, O(workdir), "Working directory inside the container", \
	 .json = "WorkingDir"},
/* clang-format on */

const struct cli_opt create_table[] = {ROWS_A_TO_C ROWS_D_TO_S ROWS_S_TO_W CLI_OPT_END};

const struct cli_opt run_table[] = {
	ROWS_A_TO_C ROWS_DETACH ROWS_D_TO_S ROWS_SIG_PROXY ROWS_S_TO_W CLI_OPT_END,
};
