/*
 * system.c - _ping, version, info, system/df
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "api/private.h"
#include "base/clock.h"
#include "base/fs.h"
#include "container/container.h"
#include "event/event.h"
#include "image/image.h"
#include "volume/volume.h"

#define SMALL_FILE (64u << 10)

static int ping(struct call *c, struct err *err)
{
	static const struct {
		const char *name, *value;
	} headers[] = {
	    {"Builder-Version", "1"},
	    {"Swarm", "inactive"},
	    {"Cache-Control", "no-cache, no-store, must-revalidate"},
	    {"Pragma", "no-cache"},
	};

	for (size_t i = 0; i < ARRAY_LEN(headers); i++)
		http_set(c->req, headers[i].name, headers[i].value);
	http_reply(c->req, 200, "text/plain; charset=utf-8", "OK", 2);
	return 0;
}

static const char *go_arch(const char *machine)
{
	static const struct {
		const char *machine, *go;
	} names[] = {
	    {"x86_64", "amd64"}, {"aarch64", "arm64"}, {"i686", "386"},	   {"armv7l", "arm"},
	    {"ppc64le", "ppc64le"}, {"s390x", "s390x"}, {"riscv64", "riscv64"},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (streq(names[i].machine, machine))
			return names[i].go;
	return machine;
}

static void set_version_fields(json_t *obj, bool details)
{
	struct utsname u = {0};

	ignore_result(uname(&u) < 0); /* cannot fail with a valid buffer */
	json_object_set_new(obj, "ApiVersion", json_sprintf("%d.%d", API_VERSION_MAX / 100, API_VERSION_MAX % 100));
	json_object_set_new(obj, "Arch", json_string(go_arch(u.machine)));
	json_object_set_new(obj, "BuildTime", json_string(""));
	if (details)
		json_object_set_new(obj, "Experimental", json_string("false"));
	json_object_set_new(obj, "GitCommit", json_string(""));
	json_object_set_new(obj, "GoVersion", json_string(""));
	json_object_set_new(obj, "KernelVersion", json_str(u.release));
	json_object_set_new(obj, "MinAPIVersion", json_sprintf("%d.%d", API_VERSION_MIN / 100, API_VERSION_MIN % 100));
	json_object_set_new(obj, "Os", json_string("linux"));
}

static int version(struct call *c, struct err *err)
{
	json_t *obj = json_object(), *platform = json_object(), *engine = json_object();
	json_t *details = json_object(), *components = json_array();

	json_object_set_new(platform, "Name", json_string("Cove"));
	json_object_set_new(obj, "Platform", platform);
	json_object_set_new(engine, "Name", json_string("Engine"));
	json_object_set_new(engine, "Version", json_string(COVE_VERSION));
	set_version_fields(details, true);
	json_object_set_new(engine, "Details", details);
	json_array_append_new(components, engine);
	json_object_set_new(obj, "Components", components);
	json_object_set_new(obj, "Version", json_string(COVE_VERSION));
	set_version_fields(obj, false);
	reply_json(c, 200, obj);
	return 0;
}

/* --- info ---------------------------------------------------------------------------------------- */

static bool is_cgroup_v2(void)
{
	struct statfs fs;

	return statfs("/sys/fs/cgroup", &fs) == 0 && fs.f_type == 0x63677270; /* CGROUP2_SUPER_MAGIC */
}

/* Whether a limit can be set: the file of v1, or the controller of v2. */
static bool has_limit(bool v2, const char *v1_file, const char *controller)
{
	AUTO(buf) struct buf b = {0};
	AUTO(strv) struct strv names = {0};
	AUTO(free) char *path = NULL;

	if (!v2) {
		path = xasprintf("/sys/fs/cgroup/%s", v1_file);
		return fs_exists(AT_FDCWD, path);
	}
	if (!controller || fs_read_file(AT_FDCWD, "/sys/fs/cgroup/cgroup.controllers", SMALL_FILE, &b) < 0)
		return false;
	b.p[strcspn(b.p, "\n")] = '\0';
	strv_split(&names, b.p, ' ');
	return strv_has(&names, controller);
}

static void set_limits(json_t *obj, unsigned version)
{
	static const struct {
		const char *key, *v1_file, *controller;
	} limits[] = {
	    {"MemoryLimit", "memory/memory.limit_in_bytes", "memory"},
	    {"SwapLimit", "memory/memory.memsw.limit_in_bytes", "memory"},
	    {"CpuCfsPeriod", "cpu/cpu.cfs_period_us", "cpu"},
	    {"CpuCfsQuota", "cpu/cpu.cfs_quota_us", "cpu"},
	    {"CPUShares", "cpu/cpu.shares", "cpu"},
	    {"CPUSet", "cpuset/cpuset.cpus", "cpuset"},
	    {"PidsLimit", "pids", "pids"},
	    {"OomKillDisable", "memory/memory.oom_control", NULL},
	};
	bool v2 = is_cgroup_v2();

	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		json_object_set_new(obj, limits[i].key,
				    json_boolean(has_limit(v2, limits[i].v1_file, limits[i].controller)));
	if (version < 142)
		json_object_set_new(obj, "KernelMemory", json_false());
	json_object_set_new(obj, "CgroupVersion", json_string(v2 ? "2" : "1"));
}

/* A value of /etc/os-release. */
static json_t *os_release(const char *key)
{
	AUTO(buf) struct buf b = {0};
	AUTO(strv) struct strv lines = {0};

	if (fs_read_file(AT_FDCWD, "/etc/os-release", SMALL_FILE, &b) < 0 &&
	    fs_read_file(AT_FDCWD, "/usr/lib/os-release", SMALL_FILE, &b) < 0)
		return json_string("");
	strv_split(&lines, b.p, '\n');
	strv_for_each(line, &lines) {
		const char *v = str_after(line, key);
		size_t n;

		if (!v || *v++ != '=')
			continue;
		n = strlen(v);
		if (n >= 2 && (*v == '"' || *v == '\'') && v[n - 1] == *v)
			return json_strn(v + 1, n - 2);
		return json_str(v);
	}
	return json_string("");
}

static const char *backing_fs(const char *path)
{
	static const struct {
		unsigned long magic;
		const char *name;
	} names[] = {
	    {0xef53, "extfs"}, {0x58465342, "xfs"}, {0x9123683e, "btrfs"},
	    {0x01021994, "tmpfs"}, {0x2fc12fc1, "zfs"}, {0x794c7630, "overlayfs"}, {0xf2f52010, "f2fs"},
	};
	struct statfs fs;

	if (statfs(path, &fs) < 0)
		return "<unknown>";
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if ((unsigned long)fs.f_type == names[i].magic)
			return names[i].name;
	return "<unknown>";
}

static void set_driver(json_t *obj, const struct api_config *cfg)
{
	json_object_set_new(obj, "Driver", json_string("overlay2"));
	json_object_set_new(obj, "DriverStatus",
			    json_pack("[[ss][ss][ss][ss]]", "Backing Filesystem", backing_fs(cfg->data_root),
				      "Supports d_type", "true", "Native Overlay Diff", "true", "userxattr",
				      "false"));
	json_object_set_new(obj, "Plugins",
			    json_pack("{s[s]s[sss]sns[sss]}", "Volume", "local", "Network", "bridge", "host",
				      "null", "Authorization", "Log", "json-file", "local", "none"));
}

static json_t *strings(const struct strv *sv)
{
	return sv ? json_strs(sv) : json_array();
}

static void set_registries(json_t *obj, const struct api_config *cfg)
{
	json_t *hub = json_pack("{sssosbsb}", "Name", "docker.io", "Mirrors", strings(cfg->registry_mirrors),
				"Secure", 1, "Official", 1);
	json_t *reg = json_object(), *indexes = json_object(), *cidrs = json_array();

	json_array_append_new(cidrs, json_string("::1/128"));
	json_array_append_new(cidrs, json_string("127.0.0.0/8"));
	json_object_set_new(indexes, "docker.io", hub);
	json_object_set_new(reg, "InsecureRegistryCIDRs", cidrs);
	json_object_set_new(reg, "IndexConfigs", indexes);
	json_object_set_new(reg, "Mirrors", strings(cfg->registry_mirrors));
	json_object_set_new(obj, "IndexServerAddress", json_string("https://index.docker.io/v1/"));
	json_object_set_new(obj, "RegistryConfig", reg);
}

static void set_machine(json_t *obj)
{
	struct utsname u = {0};
	struct sysinfo si = {0};

	ignore_result(uname(&u) < 0); /* cannot fail with a valid buffer */
	ignore_result(sysinfo(&si) < 0);
	json_object_set_new(obj, "KernelVersion", json_str(u.release));
	json_object_set_new(obj, "OperatingSystem", os_release("PRETTY_NAME"));
	json_object_set_new(obj, "OSVersion", os_release("VERSION_ID"));
	json_object_set_new(obj, "OSType", json_string("linux"));
	json_object_set_new(obj, "Architecture", json_str(u.machine));
	json_object_set_new(obj, "NCPU", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	json_object_set_new(obj, "MemTotal", json_integer((json_int_t)si.totalram * si.mem_unit));
	json_object_set_new(obj, "Name", json_str(u.nodename));
}

static void set_runtimes(json_t *obj, unsigned version)
{
	const char *commits[] = {"ContainerdCommit", "RuncCommit", "InitCommit"};
	json_t *rt = json_object();

	json_object_set_new(rt, "path", json_string("cove-runtime"));
	json_object_set_new(obj, "Runtimes", json_pack("{so}", "cove", rt));
	json_object_set_new(obj, "DefaultRuntime", json_string("cove"));
	for (size_t i = 0; i < ARRAY_LEN(commits); i++) {
		json_t *commit = json_pack("{ss}", "ID", "");

		if (version < 149)
			json_object_set_new(commit, "Expected", json_string(""));
		json_object_set_new(obj, commits[i], commit);
	}
	json_object_set_new(obj, "InitBinary", json_string("cove-init"));
}

static void set_counts(json_t *obj, const struct api_config *cfg)
{
	struct containers_count n = {0};
	struct image_filter any = {.dangling = -1};
	struct image_list images = {0};
	size_t nimages = 0;

	if (cfg->containers)
		containers_count(cfg->containers, &n);
	if (cfg->images && image_list(cfg->images, &any, &images, NULL) == 0) {
		nimages = images.n;
		image_list_done(&images);
	}
	json_object_set_new(obj, "Containers", json_integer((json_int_t)n.all));
	json_object_set_new(obj, "ContainersRunning", json_integer((json_int_t)n.running));
	json_object_set_new(obj, "ContainersPaused", json_integer((json_int_t)n.paused));
	json_object_set_new(obj, "ContainersStopped", json_integer((json_int_t)n.stopped));
	json_object_set_new(obj, "Images", json_integer((json_int_t)nimages));
}

static int count_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	++*(int *)ctx;
	return 0;
}

static bool forwards_ipv4(void)
{
	AUTO(buf) struct buf b = {0};

	return fs_read_file(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", 16, &b) >= 0 && b.len && *b.p == '1';
}

/* Fields that are the same whatever the engine does. */
static void set_constants(json_t *obj, unsigned version)
{
	json_t *swarm = json_pack("{s:s,s:s,s:s,s:b,s:s,s:n}", "NodeID", "", "NodeAddr", "", "LocalNodeState", "inactive",
				  "ControlAvailable", 0, "Error", "", "RemoteManagers");

	json_object_set_new(obj, "Swarm", swarm);
	json_object_set_new(obj, "GenericResources", json_null());
	json_object_set_new(obj, "HttpProxy", json_string(""));
	json_object_set_new(obj, "HttpsProxy", json_string(""));
	json_object_set_new(obj, "NoProxy", json_string(""));
	json_object_set_new(obj, "ExperimentalBuild", json_false());
	json_object_set_new(obj, "Isolation", json_string(""));
	if (version < 150) {
		json_object_set_new(obj, "BridgeNfIptables", json_false());
		json_object_set_new(obj, "BridgeNfIp6tables", json_false());
	}
	if (version >= 144)
		json_object_set_new(obj, "CDISpecDirs", json_array());
}

static int info(struct call *c, struct err *err)
{
	const struct api_config *cfg = &c->api->config;
	json_t *obj = json_object();
	char now[CLOCK_RFC3339_MAX];
	AUTO(close) int fds = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int nfds = 0;

	if (fds >= 0)
		ignore_result(fs_each_entry(fds, ".", count_entry, &nfds) < 0);
	clock_format_rfc3339(now, clock_real_ns());
	json_object_set_new(obj, "ID", json_str(cfg->engine_id));
	set_counts(obj, cfg);
	set_driver(obj, cfg);
	set_limits(obj, c->version);
	json_object_set_new(obj, "IPv4Forwarding", json_boolean(forwards_ipv4()));
	json_object_set_new(obj, "Debug", json_boolean(cfg->debug));
	json_object_set_new(obj, "NFd", json_integer(nfds));
	json_object_set_new(obj, "NGoroutines", json_integer(0));
	json_object_set_new(obj, "SystemTime", json_string(now));
	json_object_set_new(obj, "LoggingDriver", json_str(cfg->log_driver ? cfg->log_driver : "json-file"));
	json_object_set_new(obj, "CgroupDriver", json_str(cfg->cgroup_driver ? cfg->cgroup_driver : "cgroupfs"));
	json_object_set_new(obj, "NEventsListener", json_integer(cfg->events ? event_listeners(cfg->events) : 0));
	set_machine(obj);
	set_registries(obj, cfg);
	json_object_set_new(obj, "DockerRootDir", json_str(cfg->data_root));
	json_object_set_new(obj, "Labels", strings(cfg->labels));
	json_object_set_new(obj, "ServerVersion", json_string(COVE_VERSION));
	set_runtimes(obj, c->version);
	json_object_set_new(obj, "LiveRestoreEnabled", json_true());
	json_object_set_new(obj, "SecurityOptions", json_pack("[s]", c->version >= 142 ? "name=seccomp,profile=builtin"
						       : "name=seccomp,profile=default"));
	set_constants(obj, c->version);
	json_object_set_new(obj, "Warnings", cfg->warnings && cfg->warnings->n ? json_strs(cfg->warnings) : json_null());
	reply_json(c, 200, obj);
	return 0;
}

/* --- system/df ------------------------------------------------------------------------------------ */

static bool wants(const struct strv *types, const char *type)
{
	return types->n == 0 || strv_has(types, type);
}

static int disk_usage(struct call *c, struct err *err)
{
	const struct api_config *cfg = &c->api->config;
	AUTO(strv) struct strv types = {0};
	json_t *obj = json_object(), *images = NULL, *containers = NULL, *volumes = NULL;
	int64_t layers = 0;
	int r = 0;

	param_all(c, "type", &types);
	strv_for_each(type, &types)
		if (!streq(type, "container") && !streq(type, "image") && !streq(type, "volume") &&
		    !streq(type, "build-cache"))
			r = err_set(err, ERR_INVALID, "unknown object type: %s", type);
	if (r == 0 && wants(&types, "image") && cfg->images)
		r = (images = images_disk_usage(c, &layers, err)) ? 0 : -1;
	if (r == 0 && wants(&types, "container") && cfg->containers)
		r = (containers = containers_disk_usage(cfg->containers, err)) ? 0 : -1;
	if (r == 0 && wants(&types, "volume") && cfg->volumes)
		r = volume_usage(cfg->volumes, &volumes, err);
	json_object_set_new(obj, "LayersSize", json_integer(layers));
	json_object_set_new(obj, "Images", images ? images : json_null());
	json_object_set_new(obj, "Containers", containers ? containers : json_null());
	json_object_set_new(obj, "Volumes", volumes ? volumes : json_null());
	json_object_set_new(obj, "BuildCache", wants(&types, "build-cache") ? json_array() : json_null());
	if (r < 0)
		json_decref(obj);
	else
		reply_json(c, 200, obj);
	return r;
}

const struct route system_routes[] = {
    {"GET", "/_ping", ping, 0, R_LOOP, NEEDS_NOTHING},
    {"HEAD", "/_ping", ping, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/version", version, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/info", info, 0, 0, NEEDS_NOTHING},
    {"GET", "/system/df", disk_usage, 125, 0, NEEDS_NOTHING},
    {0},
};
