/*
 * config.c - what was asked for: merged with the image, completed, checked
 *
 * The texts of the refusals are docker's, since people and scripts look for them.
 */
#include "container/spec.h"

#include <math.h>
#include <sys/sysinfo.h>

static void default_str(char **s, const char *value)
{
	if (!*s || !**s) {
		free(*s);
		*s = xstrdup(value);
	}
}

static void add_missing(struct strv *dst, const struct strv *src)
{
	for (size_t i = 0; i < src->n; i++)
		if (!strv_has(dst, src->v[i]))
			strv_add(dst, src->v[i]);
}

/* The image's variables first, in their order; the user's replace or follow. */
static void merge_env(struct strv *env, const struct strv *image_env)
{
	struct strv merged = {0};

	for (size_t i = 0; i < image_env->n; i++) {
		const char *e = image_env->v[i];
		AUTO(free) char *key = xstrndup(e, strcspn(e, "="));

		if (!env_get(env, key))
			strv_add(&merged, e);
	}
	for (size_t i = 0; i < env->n; i++)
		strv_add(&merged, env->v[i]);
	strv_done(env);
	*env = merged;
}

static void merge_health(struct container_config *config, const struct image_health *h)
{
	struct health_config *own = config->healthcheck;

	if (!own)
		own = config->healthcheck = xnew(struct health_config);
	if (own->test.n == 0)
		strv_copy(&own->test, &h->test);
	if (!own->interval)
		own->interval = h->interval;
	if (!own->timeout)
		own->timeout = h->timeout;
	if (!own->start_period)
		own->start_period = h->start_period;
	if (!own->start_interval)
		own->start_interval = h->start_interval;
	if (!own->retries)
		own->retries = h->retries;
}

/* Entrypoint and command: the image's command serves only the image's entrypoint. */
static void merge_command(struct container_config *c, const struct image_config *ic)
{
	if (c->entrypoint.n == 0) {
		if (c->cmd.n == 0)
			strv_copy(&c->cmd, &ic->cmd);
		strv_copy(&c->entrypoint, &ic->entrypoint);
	} else if (c->entrypoint.n == 1 && !*c->entrypoint.v[0]) {
		strv_done(&c->entrypoint); /* --entrypoint "" clears it */
	}
}

int config_merge_image(struct container *c, const struct image *img, struct err *err)
{
	struct container_config *config = &c->config;
	const struct image_config *ic = &img->config;
	struct map labels = {0};

	default_str(&config->user, str_or(ic->user));
	default_str(&config->working_dir, str_or(ic->working_dir));
	if (ic->stop_signal)
		default_str(&config->stop_signal, ic->stop_signal);
	if (!config->stop_timeout.set && ic->stop_timeout >= 0)
		config->stop_timeout = (struct opt_int){true, ic->stop_timeout};
	add_missing(&config->exposed_ports, &ic->exposed_ports);
	add_missing(&config->volumes, &ic->volumes);
	strv_sort(&config->exposed_ports);
	strv_sort(&config->volumes);
	merge_env(&config->env, &ic->env);
	map_copy_str(&labels, &ic->labels);
	map_copy_str(&labels, &config->labels);
	map_done(&config->labels);
	config->labels = labels;
	if (ic->has_health)
		merge_health(config, &ic->health);
	merge_command(config, ic);
	if (config->shell.n == 0)
		strv_copy(&config->shell, &ic->shell);
	if (config->entrypoint.n == 0 && config->cmd.n == 0)
		return err_set(err, ERR_INVALID, "no command specified");
	return 0;
}

static const char *const default_masked[] = {
	"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
	"/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
	"/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
};
static const char *const default_readonly[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

static void paths_default(struct container *c)
{
	struct host_config *h = &c->host;

	if (!h->privileged && !h->masked_paths_set)
		for (size_t i = 0; i < ARRAY_LEN(default_masked); i++)
			strv_add(&h->masked_paths, default_masked[i]);
	if (!h->privileged && !h->readonly_paths_set)
		for (size_t i = 0; i < ARRAY_LEN(default_readonly); i++)
			strv_add(&h->readonly_paths, default_readonly[i]);
}

static void command_path(struct container *c)
{
	const struct strv *first = c->config.entrypoint.n ? &c->config.entrypoint : &c->config.cmd;

	c->path = xstrdup(first->v[0]);
	for (size_t i = 1; i < c->config.entrypoint.n; i++)
		strv_add(&c->args, c->config.entrypoint.v[i]);
	for (size_t i = c->config.entrypoint.n ? 0 : 1; i < c->config.cmd.n; i++)
		strv_add(&c->args, c->config.cmd.v[i]);
}

static void json_default(json_t **j, json_t *value)
{
	if (*j)
		json_decref(value);
	else
		*j = value;
}

/* docker's: with a limit and no word about swap, as much swap again. */
static void memory_default(struct host_config *h)
{
	if (h->memory > 0 && h->memory_swap == 0)
		h->memory_swap = h->memory > INT64_MAX / 2 ? INT64_MAX : h->memory * 2;
	if (h->pids_limit.set && h->pids_limit.v <= 0)
		h->pids_limit.set = false;
	if (h->memory_swappiness.set && h->memory_swappiness.v == -1)
		h->memory_swappiness.set = false;
	if (!h->oom_kill_disable.set)
		h->oom_kill_disable = (struct opt_bool){false, false};
}

int config_defaults(struct container *c, struct err *err)
{
	struct host_config *h = &c->host;
	const struct containers_config *cfg = &c->cs->cfg;
	struct runtime_cgroup cg;

	default_str(&h->network_mode, "bridge");
	if (streq(h->network_mode, "default"))
		default_str((free(h->network_mode), h->network_mode = NULL, &h->network_mode), "bridge");
	if (c->config.network_disabled && streq(h->network_mode, "bridge")) {
		free(h->network_mode);
		h->network_mode = xstrdup("none");
	}
	default_str(&h->ipc_mode, "private");
	default_str(&h->runtime, "cove-runtime");
	default_str(&h->restart_policy.name, "no");
	if (!h->cgroupns_mode || !*h->cgroupns_mode) {
		bool v2 = runtime_cgroup_at("", &cg, NULL) == 0 && cg.v2;

		default_str(&h->cgroupns_mode, v2 && !h->privileged ? "private" : "host");
	}
	default_str(&h->log_config.type, cfg->default_log_driver ? cfg->default_log_driver : "json-file");
	if (streq(h->log_config.type, str_or(cfg->default_log_driver)) && h->log_config.config.n == 0)
		map_copy_str(&h->log_config.config, &cfg->default_log_opts);
	if (h->shm_size == 0)
		h->shm_size = DEFAULT_SHM_SIZE;
	json_default(&h->port_bindings, json_object());
	json_default(&h->console_size, json_pack("[i,i]", 0, 0));
	paths_default(c);
	memory_default(h);
	if (!c->config.hostname || !*c->config.hostname) {
		char host[65] = "";

		free(c->config.hostname);
		if (net_is(c, "host") && gethostname(host, sizeof(host) - 1) == 0)
			c->config.hostname = xstrdup(host);
		else if (net_container_ref(c))
			c->config.hostname = xstrdup("");
		else
			c->config.hostname = xstrndup(c->id, 12);
	}
	command_path(c);
	return 0;
}

int config_check_restart(const struct restart_policy *p, bool auto_remove, struct err *err)
{
	bool on_failure = streq(p->name, "on-failure");

	if (!streq(p->name, "no") && !streq(p->name, "always") && !streq(p->name, "unless-stopped") &&
	    !on_failure)
		return err_set(err, ERR_INVALID,
			       "invalid restart policy: unknown policy '%s'; use one of 'no', "
			       "'always', 'on-failure', or 'unless-stopped'",
			       p->name);
	if (p->maximum_retry_count && !on_failure)
		return err_set(err, ERR_INVALID,
			       "invalid restart policy: maximum retry count can only be used with "
			       "'on-failure'");
	if (p->maximum_retry_count < 0)
		return err_set(err, ERR_INVALID,
			       "invalid restart policy: maximum retry count cannot be negative");
	if (auto_remove && !streq(p->name, "no"))
		return err_set(err, ERR_INVALID,
			       "can't create 'AutoRemove' container with restart policy");
	return 0;
}

static int check_memory(const struct host_config *h, bool update, struct err *err)
{
	if (h->memory < 0 || (h->memory > 0 && h->memory < 6 << 20))
		return err_set(err, ERR_INVALID, "Minimum memory limit allowed is 6MB");
	if (h->memory > 0 && h->memory_swap > 0 && h->memory_swap < h->memory)
		return err_set(err, ERR_INVALID,
			       "Minimum memoryswap limit should be larger than memory limit, see usage");
	if (h->memory == 0 && h->memory_swap > 0 && !update)
		return err_set(err, ERR_INVALID,
			       "You should always set the Memory limit when using Memoryswap limit, "
			       "see usage");
	if (h->memory_swap < -1)
		return err_set(err, ERR_INVALID, "invalid memory swap value: %lld",
			       (long long)h->memory_swap);
	if (h->memory_swappiness.set && (h->memory_swappiness.v < -1 || h->memory_swappiness.v > 100))
		return err_set(err, ERR_INVALID,
			       "Invalid value: %lld, valid memory swappiness range is 0-100",
			       (long long)h->memory_swappiness.v);
	if (h->memory_reservation < 0 ||
	    (h->memory_reservation > 0 && h->memory_reservation < 6 << 20))
		return err_set(err, ERR_INVALID, "Minimum memory reservation allowed is 6MB");
	if (h->memory > 0 && h->memory_reservation > h->memory)
		return err_set(err, ERR_INVALID,
			       "Minimum memory limit can not be less than memory reservation limit, "
			       "see usage");
	if (h->kernel_memory || h->kernel_memory_tcp)
		return err_set(err, ERR_INVALID,
			       "kernel memory limits are gone from the kernel: leave --kernel-memory out");
	return 0;
}

static int check_cpu(const struct host_config *h, struct err *err)
{
	int cpus = get_nprocs();

	if (h->nano_cpus < 0 || h->nano_cpus > cpus * 1000000000LL)
		return err_set(err, ERR_INVALID,
			       "Range of CPUs is from 0.01 to %d.00, as there are only %d CPUs available",
			       cpus, cpus);
	if (h->nano_cpus && (h->cpu_period || h->cpu_quota))
		return err_set(err, ERR_INVALID,
			       "Conflicting options: Nano CPUs and CPU %s cannot both be set.",
			       h->cpu_period ? "Period" : "Quota");
	if (h->cpu_period && (h->cpu_period < 1000 || h->cpu_period > 1000000))
		return err_set(err, ERR_INVALID,
			       "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s "
			       "(i.e. 1000000)");
	if (h->cpu_quota > 0 && h->cpu_quota < 1000)
		return err_set(err, ERR_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
	if (h->cpu_shares < 0)
		return err_set(err, ERR_INVALID, "invalid CPU shares (%lld): value must be a positive integer",
			       (long long)h->cpu_shares);
	if (h->cpu_realtime_runtime || h->cpu_realtime_period)
		return err_set(err, ERR_INVALID,
			       "real-time CPU limits are not supported: leave --cpu-rt-runtime and "
			       "--cpu-rt-period out");
	return 0;
}

/* "0-2,5": each number below limit. */
static bool cpuset_valid(const char *s, long limit)
{
	while (*s) {
		char *end;
		long a = strtol(s, &end, 10), b = a;

		if (end == s || a < 0)
			return false;
		if (*end == '-') {
			s = end + 1;
			b = strtol(s, &end, 10);
			if (end == s)
				return false;
		}
		if (b < a || b >= limit)
			return false;
		if (*end && *end++ != ',')
			return false;
		s = end;
	}
	return true;
}

static int check_sets(const struct host_config *h, struct err *err)
{
	int cpus = get_nprocs_conf();

	if (h->cpuset_cpus && *h->cpuset_cpus && !cpuset_valid(h->cpuset_cpus, cpus))
		return err_set(err, ERR_INVALID,
			       "Requested CPUs are not available - requested %s, available: 0-%d",
			       h->cpuset_cpus, cpus - 1);
	if (h->cpuset_mems && *h->cpuset_mems && !cpuset_valid(h->cpuset_mems, 1024))
		return err_set(err, ERR_INVALID, "Invalid value %s for cpuset mems", h->cpuset_mems);
	if (h->blkio_weight && (h->blkio_weight < 10 || h->blkio_weight > 1000))
		return err_set(err, ERR_INVALID, "Range of blkio weight is from 10 to 1000");
	if (h->oom_score_adj < -1000 || h->oom_score_adj > 1000)
		return err_set(err, ERR_INVALID,
			       "Invalid value %lld, range for oom score adj is [-1000, 1000]",
			       (long long)h->oom_score_adj);
	if (h->shm_size < 0)
		return err_set(err, ERR_INVALID, "SHM size can not be less than 0");
	return 0;
}

int config_check_resources(struct host_config *h, bool update, struct strv *warnings, struct err *err)
{
	if (check_memory(h, update, err) < 0 || check_cpu(h, err) < 0 || check_sets(h, err) < 0)
		return -1;
	if (h->memory == 0 && h->oom_kill_disable.v)
		strv_add(warnings, "OOM killer is disabled for the container, but no memory limit is "
				   "set, this can result in the system running out of resources.");
	return 0;
}

static int check_modes(const struct container *c, struct err *err)
{
	static const char *const cgroupns[] = {"private", "host"};
	const struct host_config *h = &c->host;

	if (!streq(h->cgroupns_mode, cgroupns[0]) && !streq(h->cgroupns_mode, cgroupns[1]))
		return err_set(err, ERR_INVALID, "invalid cgroup namespace mode: %s", h->cgroupns_mode);
	if (h->pid_mode && *h->pid_mode && !streq(h->pid_mode, "host") &&
	    !str_after(h->pid_mode, "container:"))
		return err_set(err, ERR_INVALID, "invalid PID mode: %s", h->pid_mode);
	if (!streq(h->ipc_mode, "private") && !streq(h->ipc_mode, "shareable") &&
	    !streq(h->ipc_mode, "host") && !streq(h->ipc_mode, "none") &&
	    !str_after(h->ipc_mode, "container:"))
		return err_set(err, ERR_INVALID, "invalid IPC mode: %s", h->ipc_mode);
	if (h->uts_mode && *h->uts_mode && !streq(h->uts_mode, "host"))
		return err_set(err, ERR_INVALID, "invalid UTS mode: %s", h->uts_mode);
	if (h->userns_mode && *h->userns_mode && !streq(h->userns_mode, "host"))
		return err_set(err, ERR_INVALID, "invalid USER mode: %s", h->userns_mode);
	if (h->isolation && *h->isolation && !streq(h->isolation, "default"))
		return err_set(err, ERR_INVALID, "invalid isolation '%s' for this host: only 'default' "
						 "is supported", h->isolation);
	if (!streq(h->runtime, "cove-runtime") && !streq(h->runtime, "runc") &&
	    !streq(h->runtime, "io.containerd.runc.v2"))
		return err_set(err, ERR_INVALID, "unknown or invalid runtime name: %s", h->runtime);
	return 0;
}

static int check_unsupported(const struct container *c, struct err *err)
{
	const struct host_config *h = &c->host;

	if (h->storage_opt.n)
		return err_set(err, ERR_INVALID,
			       "--storage-opt is not supported: the overlay of this engine has no "
			       "size limit of its own");
	if (json_array_size(h->device_requests) > 0)
		return err_set(err, ERR_INVALID,
			       "could not select device driver: device requests (--gpus) are not supported");
	if (h->links.n)
		return err_set(err, ERR_INVALID,
			       "legacy links are not supported: put the containers on a network of their own");
	if (h->cpu_count || h->cpu_percent || h->io_maximum_iops || h->io_maximum_bandwidth)
		return err_set(err, ERR_INVALID, "Windows resource limits are not supported on Linux");
	if (h->volume_driver && *h->volume_driver && !streq(h->volume_driver, "local"))
		return err_set(err, ERR_NOT_FOUND, "error looking up volume plugin %s: plugin \"%s\" not found",
			       h->volume_driver, h->volume_driver);
	return 0;
}

static int check_env(const struct container_config *config, struct err *err)
{
	for (size_t i = 0; i < config->env.n; i++)
		if (!*config->env.v[i] || config->env.v[i][0] == '=')
			return err_set(err, ERR_INVALID, "invalid environment variable: %s",
				       config->env.v[i]);
	return 0;
}

static int check_health(const struct health_config *h, struct err *err)
{
	const struct {
		const char *name;
		int64_t v;
	} times[] = {
		{"Interval", h->interval}, {"Timeout", h->timeout},
		{"StartPeriod", h->start_period}, {"StartInterval", h->start_interval},
	};

	for (size_t i = 0; i < ARRAY_LEN(times); i++)
		if (times[i].v != 0 && times[i].v < NS_PER_MS)
			return err_set(err, ERR_INVALID, "%s in Healthcheck cannot be less than 1ms",
				       times[i].name);
	if (h->retries < 0)
		return err_set(err, ERR_INVALID, "Retries in Healthcheck cannot be negative");
	return 0;
}

int config_check(struct container *c, struct strv *warnings, struct err *err)
{
	const struct container_config *config = &c->config;
	AUTO(strv) struct strv caps = {0};

	if (config->working_dir && *config->working_dir && *config->working_dir != '/')
		return err_set(err, ERR_INVALID,
			       "the working directory '%s' is invalid, it needs to be an absolute path",
			       config->working_dir);
	if (config->stop_signal && *config->stop_signal && signal_from_name(config->stop_signal) < 0)
		return err_set(err, ERR_INVALID, "invalid signal: %s", config->stop_signal);
	if (config->hostname && strlen(config->hostname) > 64)
		return err_set(err, ERR_INVALID, "invalid hostname format: %s", config->hostname);
	if (config->healthcheck && check_health(config->healthcheck, err) < 0)
		return -1;
	if (check_env(config, err) < 0 || check_modes(c, err) < 0 || check_unsupported(c, err) < 0 ||
	    config_check_restart(&c->host.restart_policy, c->host.auto_remove, err) < 0 ||
	    config_check_resources(&c->host, false, warnings, err) < 0 || log_check(&c->host, err) < 0)
		return -1;
	if (caps_for(&c->host, c->host.privileged, &caps, err) < 0)
		return -1;
	for (size_t i = 0; i < c->host.extra_hosts.n; i++)
		if (network_check_extra_host(c->host.extra_hosts.v[i], err) < 0)
			return -1;
	return config_security(c, err);
}

static int security_pair(struct container *c, const char *key, const char *value, struct err *err)
{
	if (streq(key, "seccomp")) {
		free(c->seccomp_profile);
		c->seccomp_profile = streq(value, "builtin") ? NULL : xstrdup(value);
		return 0;
	}
	if (streq(key, "no-new-privileges")) {
		if (!streq(value, "true") && !streq(value, "false"))
			return err_set(err, ERR_INVALID, "invalid --security-opt 2: \"%s=%s\"", key, value);
		c->no_new_privileges = streq(value, "true");
		return 0;
	}
	if (streq(key, "systempaths") && streq(value, "unconfined")) {
		strv_done(&c->host.masked_paths);
		strv_done(&c->host.readonly_paths);
		return 0;
	}
	if (streq(key, "label")) {
		if (streq(value, "disable"))
			return 0;
		return err_set(err, ERR_INVALID, "security option label=%s needs SELinux, which this "
						 "host does not have", value);
	}
	if (streq(key, "apparmor")) {
		if (streq(value, "unconfined"))
			return 0;
		return err_set(err, ERR_INVALID,
			       "security option apparmor=%s: profiles of AppArmor are not applied by this "
			       "engine, only unconfined is accepted",
			       value);
	}
	return err_set(err, ERR_INVALID, "invalid --security-opt 2: \"%s=%s\"", key, value);
}

int config_security(struct container *c, struct err *err)
{
	const struct strv *opts = &c->host.security_opt;

	for (size_t i = 0; i < opts->n; i++) {
		const char *opt = opts->v[i];
		size_t n = strcspn(opt, "=:");
		AUTO(free) char *key = xstrndup(opt, n);

		if (streq(opt, "no-new-privileges")) {
			c->no_new_privileges = true;
			continue;
		}
		if (!opt[n])
			return err_set(err, ERR_INVALID, "invalid --security-opt 1: \"%s\"", opt);
		if (security_pair(c, key, opt + n + 1, err) < 0)
			return -1;
	}
	return 0;
}
