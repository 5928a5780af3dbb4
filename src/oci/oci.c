/*
 * oci.c - one table per struct of the runtime-spec document
 *
 * Numbers of 64 unsigned bits ("unlimited" is 2^64-1 for many writers) do not fit jansson's
 * integers: those above 2^63-1 are read as that, which limits take for unlimited as well.
 *
 * (1) A member of a struct in oci.h has exactly one row here; parse, print and free come from it.
 */
#include "oci/oci.h"

#define S(m, key)    JF(STRUCT, m, key, J_STR, J_OMITEMPTY)
#define SR(m, key)   JF(STRUCT, m, key, J_STR, 0)
#define I(m, key)    JF(STRUCT, m, key, J_INT, 0)
#define U(m, key)    JF(STRUCT, m, key, J_UINT, 0)
#define B(m, key)    JF(STRUCT, m, key, J_BOOL, J_OMITEMPTY)
#define BR(m, key)   JF(STRUCT, m, key, J_BOOL, 0)
#define SV(m, key)   JF(STRUCT, m, key, J_STRV, J_OMITEMPTY)
#define OI(m, key)   JF(STRUCT, m, key, J_OPT_INT, J_OMITEMPTY)
#define OB(m, key)   JF(STRUCT, m, key, J_OPT_BOOL, J_OMITEMPTY)
#define RAW(m, key)  JF(STRUCT, m, key, J_RAW, J_OMITEMPTY)
#define MAP(m, key)  JF(STRUCT, m, key, J_STRMAP, J_OMITEMPTY)
#define P(m, key, t) JFT(STRUCT, m, key, J_PTR, J_OMITEMPTY, t)
#define A(m, key, t) JFT(STRUCT, m, key, J_ARR, J_OMITEMPTY, t)
#define O(m, key, t) JFT(STRUCT, m, key, J_OBJ, 0, t)

#define STRUCT struct oci_user
static const struct jfield user_fields[] = {
	I(uid, "uid"),		 I(gid, "gid"),
	OI(umask, "umask"),	 RAW(additional_gids, "additionalGids"),
	S(username, "username"),
};
static const struct jtype user_type = JTYPE(struct oci_user, user_fields);
#undef STRUCT

#define STRUCT struct oci_caps
static const struct jfield caps_fields[] = {
	SV(bounding, "bounding"),   SV(effective, "effective"), SV(inheritable, "inheritable"),
	SV(permitted, "permitted"), SV(ambient, "ambient"),
};
static const struct jtype caps_type = JTYPE(struct oci_caps, caps_fields);
#undef STRUCT

#define STRUCT struct oci_rlimit
static const struct jfield rlimit_fields[] = {
	SR(type, "type"),
	U(hard, "hard"),
	U(soft, "soft"),
};
static const struct jtype rlimit_type = JTYPE(struct oci_rlimit, rlimit_fields);
#undef STRUCT

#define STRUCT struct oci_console
static const struct jfield console_fields[] = {U(height, "height"), U(width, "width")};
static const struct jtype console_type = JTYPE(struct oci_console, console_fields);
#undef STRUCT

#define STRUCT struct oci_io_priority
static const struct jfield io_priority_fields[] = {SR(class_, "class"), I(priority, "priority")};
static const struct jtype io_priority_type = JTYPE(struct oci_io_priority, io_priority_fields);
#undef STRUCT

#define STRUCT struct oci_scheduler
static const struct jfield scheduler_fields[] = {
	SR(policy, "policy"),  I(nice, "nice"),		I(priority, "priority"), SV(flags, "flags"),
	U(runtime, "runtime"), U(deadline, "deadline"), U(period, "period"),
};
static const struct jtype scheduler_type = JTYPE(struct oci_scheduler, scheduler_fields);
#undef STRUCT

#define STRUCT struct oci_affinity
static const struct jfield affinity_fields[] = {S(initial, "initial"), S(final, "final")};
static const struct jtype affinity_type = JTYPE(struct oci_affinity, affinity_fields);
#undef STRUCT

#define STRUCT struct oci_process
static const struct jfield process_fields[] = {
	B(terminal, "terminal"),
	P(console_size, "consoleSize", &console_type),
	O(user, "user", &user_type),
	SV(args, "args"),
	SV(env, "env"),
	SR(cwd, "cwd"),
	P(capabilities, "capabilities", &caps_type),
	A(rlimits, "rlimits", &rlimit_type),
	B(no_new_privileges, "noNewPrivileges"),
	S(apparmor_profile, "apparmorProfile"),
	OI(oom_score_adj, "oomScoreAdj"),
	S(selinux_label, "selinuxLabel"),
	P(io_priority, "ioPriority", &io_priority_type),
	P(scheduler, "scheduler", &scheduler_type),
	P(exec_cpu_affinity, "execCPUAffinity", &affinity_type),
};
const struct jtype oci_process_type = JTYPE(struct oci_process, process_fields);
#undef STRUCT

#define STRUCT struct oci_root
static const struct jfield root_fields[] = {SR(path, "path"), B(readonly, "readonly")};
static const struct jtype root_type = JTYPE(struct oci_root, root_fields);
#undef STRUCT

#define STRUCT struct oci_id_mapping
static const struct jfield id_mapping_fields[] = {
	U(container_id, "containerID"),
	U(host_id, "hostID"),
	U(size, "size"),
};
static const struct jtype id_mapping_type = JTYPE(struct oci_id_mapping, id_mapping_fields);
#undef STRUCT

#define STRUCT struct oci_mount
static const struct jfield mount_fields[] = {
	SR(destination, "destination"),
	S(type, "type"),
	S(source, "source"),
	SV(options, "options"),
	A(uid_mappings, "uidMappings", &id_mapping_type),
	A(gid_mappings, "gidMappings", &id_mapping_type),
};
const struct jtype oci_mount_type = JTYPE(struct oci_mount, mount_fields);
#undef STRUCT

#define STRUCT struct oci_hook
static const struct jfield hook_fields[] = {
	SR(path, "path"),
	SV(args, "args"),
	SV(env, "env"),
	OI(timeout, "timeout"),
};
const struct jtype oci_hook_type = JTYPE(struct oci_hook, hook_fields);
#undef STRUCT

#define STRUCT struct oci_hooks
static const struct jfield hooks_fields[] = {
	A(prestart, "prestart", &oci_hook_type),
	A(create_runtime, "createRuntime", &oci_hook_type),
	A(create_container, "createContainer", &oci_hook_type),
	A(start_container, "startContainer", &oci_hook_type),
	A(poststart, "poststart", &oci_hook_type),
	A(poststop, "poststop", &oci_hook_type),
};
static const struct jtype hooks_type = JTYPE(struct oci_hooks, hooks_fields);
#undef STRUCT

#define STRUCT struct oci_namespace
static const struct jfield namespace_fields[] = {SR(type, "type"), S(path, "path")};
static const struct jtype namespace_type = JTYPE(struct oci_namespace, namespace_fields);
#undef STRUCT

#define STRUCT struct oci_device
static const struct jfield device_fields[] = {
	SR(path, "path"),	   SR(type, "type"), I(major, "major"), I(minor, "minor"),
	OI(file_mode, "fileMode"), OI(uid, "uid"),   OI(gid, "gid"),
};
static const struct jtype device_type = JTYPE(struct oci_device, device_fields);
#undef STRUCT

#define STRUCT struct oci_device_rule
static const struct jfield device_rule_fields[] = {
	BR(allow, "allow"), S(type, "type"),	 OI(major, "major"),
	OI(minor, "minor"), S(access, "access"),
};
const struct jtype oci_device_rule_type = JTYPE(struct oci_device_rule, device_rule_fields);
#undef STRUCT

#define STRUCT struct oci_memory
static const struct jfield memory_fields[] = {
	OI(limit, "limit"),
	OI(reservation, "reservation"),
	OI(swap, "swap"),
	OI(kernel, "kernel"),
	OI(kernel_tcp, "kernelTCP"),
	OI(swappiness, "swappiness"),
	OB(disable_oom_killer, "disableOOMKiller"),
	OB(use_hierarchy, "useHierarchy"),
	OB(check_before_update, "checkBeforeUpdate"),
};
static const struct jtype memory_type = JTYPE(struct oci_memory, memory_fields);
#undef STRUCT

#define STRUCT struct oci_cpu
static const struct jfield cpu_fields[] = {
	OI(shares, "shares"),
	OI(quota, "quota"),
	OI(burst, "burst"),
	OI(period, "period"),
	OI(realtime_runtime, "realtimeRuntime"),
	OI(realtime_period, "realtimePeriod"),
	OI(idle, "idle"),
	S(cpus, "cpus"),
	S(mems, "mems"),
};
static const struct jtype cpu_type = JTYPE(struct oci_cpu, cpu_fields);
#undef STRUCT

#define STRUCT struct oci_pids
static const struct jfield pids_fields[] = {OI(limit, "limit")};
static const struct jtype pids_type = JTYPE(struct oci_pids, pids_fields);
#undef STRUCT

#define STRUCT struct oci_weight_device
static const struct jfield weight_device_fields[] = {
	I(major, "major"),
	I(minor, "minor"),
	OI(weight, "weight"),
	OI(leaf_weight, "leafWeight"),
};
static const struct jtype weight_device_type =
	JTYPE(struct oci_weight_device, weight_device_fields);
#undef STRUCT

#define STRUCT struct oci_throttle_device
static const struct jfield throttle_fields[] = {
	I(major, "major"),
	I(minor, "minor"),
	U(rate, "rate"),
};
static const struct jtype throttle_type = JTYPE(struct oci_throttle_device, throttle_fields);
#undef STRUCT

#define STRUCT struct oci_block_io
static const struct jfield block_io_fields[] = {
	OI(weight, "weight"),
	OI(leaf_weight, "leafWeight"),
	A(weight_device, "weightDevice", &weight_device_type),
	A(throttle_read_bps, "throttleReadBpsDevice", &throttle_type),
	A(throttle_write_bps, "throttleWriteBpsDevice", &throttle_type),
	A(throttle_read_iops, "throttleReadIOPSDevice", &throttle_type),
	A(throttle_write_iops, "throttleWriteIOPSDevice", &throttle_type),
};
static const struct jtype block_io_type = JTYPE(struct oci_block_io, block_io_fields);
#undef STRUCT

#define STRUCT struct oci_hugepage_limit
static const struct jfield hugepage_fields[] = {SR(page_size, "pageSize"), U(limit, "limit")};
static const struct jtype hugepage_type = JTYPE(struct oci_hugepage_limit, hugepage_fields);
#undef STRUCT

#define STRUCT struct oci_priority
static const struct jfield priority_fields[] = {SR(name, "name"), U(priority, "priority")};
static const struct jtype priority_type = JTYPE(struct oci_priority, priority_fields);
#undef STRUCT

#define STRUCT struct oci_network
static const struct jfield network_fields[] = {
	OI(class_id, "classID"),
	A(priorities, "priorities", &priority_type),
};
static const struct jtype network_type = JTYPE(struct oci_network, network_fields);
#undef STRUCT

#define STRUCT struct oci_resources
static const struct jfield resources_fields[] = {
	A(devices, "devices", &oci_device_rule_type),
	P(memory, "memory", &memory_type),
	P(cpu, "cpu", &cpu_type),
	P(pids, "pids", &pids_type),
	P(block_io, "blockIO", &block_io_type),
	A(hugepage_limits, "hugepageLimits", &hugepage_type),
	P(network, "network", &network_type),
	RAW(rdma, "rdma"),
	MAP(unified, "unified"),
};
const struct jtype oci_resources_type = JTYPE(struct oci_resources, resources_fields);
#undef STRUCT

#define STRUCT struct oci_seccomp_arg
static const struct jfield seccomp_arg_fields[] = {
	U(index, "index"),
	U(value, "value"),
	JF(STRUCT, value_two, "valueTwo", J_UINT, J_OMITEMPTY),
	SR(op, "op"),
};
static const struct jtype seccomp_arg_type = JTYPE(struct oci_seccomp_arg, seccomp_arg_fields);
#undef STRUCT

#define STRUCT struct oci_seccomp_call
static const struct jfield seccomp_call_fields[] = {
	SV(names, "names"),
	SR(action, "action"),
	OI(errno_ret, "errnoRet"),
	A(args, "args", &seccomp_arg_type),
};
static const struct jtype seccomp_call_type = JTYPE(struct oci_seccomp_call, seccomp_call_fields);
#undef STRUCT

#define STRUCT struct oci_seccomp
static const struct jfield seccomp_fields[] = {
	SR(default_action, "defaultAction"),
	OI(default_errno_ret, "defaultErrnoRet"),
	SV(architectures, "architectures"),
	SV(flags, "flags"),
	S(listener_path, "listenerPath"),
	S(listener_metadata, "listenerMetadata"),
	A(syscalls, "syscalls", &seccomp_call_type),
};
const struct jtype oci_seccomp_type = JTYPE(struct oci_seccomp, seccomp_fields);
#undef STRUCT

#define STRUCT struct oci_personality
static const struct jfield personality_fields[] = {SR(domain, "domain"), SV(flags, "flags")};
static const struct jtype personality_type = JTYPE(struct oci_personality, personality_fields);
#undef STRUCT

#define STRUCT struct oci_intel_rdt
static const struct jfield intel_rdt_fields[] = {
	S(clos_id, "closID"),
	SV(schemata, "schemata"),
	S(l3_cache_schema, "l3CacheSchema"),
	S(mem_bw_schema, "memBwSchema"),
};
static const struct jtype intel_rdt_type = JTYPE(struct oci_intel_rdt, intel_rdt_fields);
#undef STRUCT

#define STRUCT struct oci_linux
static const struct jfield linux_fields[] = {
	A(uid_mappings, "uidMappings", &id_mapping_type),
	A(gid_mappings, "gidMappings", &id_mapping_type),
	MAP(sysctl, "sysctl"),
	P(resources, "resources", &oci_resources_type),
	S(cgroups_path, "cgroupsPath"),
	A(namespaces, "namespaces", &namespace_type),
	A(devices, "devices", &device_type),
	RAW(net_devices, "netDevices"),
	P(seccomp, "seccomp", &oci_seccomp_type),
	S(rootfs_propagation, "rootfsPropagation"),
	SV(masked_paths, "maskedPaths"),
	SV(readonly_paths, "readonlyPaths"),
	S(mount_label, "mountLabel"),
	P(intel_rdt, "intelRdt", &intel_rdt_type),
	RAW(memory_policy, "memoryPolicy"),
	P(personality, "personality", &personality_type),
	RAW(time_offsets, "timeOffsets"),
};
static const struct jtype linux_type = JTYPE(struct oci_linux, linux_fields);
#undef STRUCT

#define STRUCT struct oci_spec
static const struct jfield spec_fields[] = {
	SR(oci_version, "ociVersion"),	 P(process, "process", &oci_process_type),
	P(root, "root", &root_type),	 S(hostname, "hostname"),
	S(domainname, "domainname"),	 A(mounts, "mounts", &oci_mount_type),
	P(hooks, "hooks", &hooks_type),	 MAP(annotations, "annotations"),
	P(linux_, "linux", &linux_type),
};
const struct jtype oci_spec_type = JTYPE(struct oci_spec, spec_fields);
#undef STRUCT

void oci_spec_init(struct oci_spec *spec)
{
	*spec = (struct oci_spec){0};
	spec->oci_version = xstrdup(OCI_VERSION);
	spec->root = xnew(struct oci_root);
	spec->process = xnew(struct oci_process);
	spec->linux_ = xnew(struct oci_linux);
}

void oci_spec_done(struct oci_spec *spec)
{
	json_unbind(&oci_spec_type, spec);
}

void oci_process_done(struct oci_process *process)
{
	json_unbind(&oci_process_type, process);
}

/* Is the number of n digits at p above 2^63-1? */
static bool too_big(const char *p, size_t n)
{
	static const char max[] = "9223372036854775807";

	return n > 19 || (n == 19 && memcmp(p, max, 19) > 0);
}

/* A copy of the text in which such integers are replaced by 2^63-1, of the same length. */
static char *clamp_integers(const char *text, size_t n)
{
	char *copy = xmalloc(n + 1);
	bool quoted = false;

	memcpy(copy, text, n);
	copy[n] = 0;
	for (size_t i = 0; i < n; i++) {
		size_t k = i;

		if (copy[i] == '"')
			quoted = !quoted;
		else if (quoted && copy[i] == '\\')
			i++;
		if (quoted || copy[i] < '1' || copy[i] > '9')
			continue;
		while (k < n && copy[k] >= '0' && copy[k] <= '9')
			k++;
		if (k - i == 20 || k - i == 19) /* longer ones stay: refused */
			if (too_big(copy + i, k - i) && (k == n || !strchr(".eE", copy[k])) &&
			    (i == 0 || !strchr(".-+eE0123456789", copy[i - 1]))) {
				memset(copy + i, ' ', k - i);
				memcpy(copy + k - 19, "9223372036854775807", 19);
			}
		i = k - 1;
	}
	return copy;
}

static int parse(const struct jtype *type, const char *text, size_t n, void *ret, struct err *err)
{
	AUTO(free) char *copy = NULL;
	AUTO(json) json_t *value = NULL;

	memset(ret, 0, type->size);
	if (n > OCI_SPEC_MAX)
		return err_set(err, ERR_INVALID, "larger than %u bytes", OCI_SPEC_MAX);
	copy = clamp_integers(text, n);
	value = json_parse(copy, n, err);
	if (!value)
		return -1;
	if (json_bind(type, value, ret, err) < 0) {
		json_unbind(type, ret);
		return -1;
	}
	return 0;
}

int oci_spec_parse(const char *text, size_t n, struct oci_spec *ret, struct err *err)
{
	return parse(&oci_spec_type, text, n, ret, err);
}

int oci_process_parse(const char *text, size_t n, struct oci_process *ret, struct err *err)
{
	return parse(&oci_process_type, text, n, ret, err);
}

int oci_resources_parse(const char *text, size_t n, struct oci_resources *ret, struct err *err)
{
	return parse(&oci_resources_type, text, n, ret, err);
}

char *oci_spec_text(const struct oci_spec *spec)
{
	AUTO(json) json_t *value = json_print(&oci_spec_type, spec);

	return json_text(value, 0);
}

void oci_user_add_gid(struct oci_user *user, int64_t gid)
{
	if (!user->additional_gids)
		user->additional_gids = json_array();
	json_array_append_new(user->additional_gids, json_integer(gid));
}

struct oci_mount *oci_add_mount(struct oci_spec *spec, const char *destination, const char *type,
				const char *source, const char *options)
{
	struct oci_mount *m = jarray_add(&spec->mounts, sizeof(*m));

	m->destination = xstrdup(destination);
	m->type = xstrdup(type);
	m->source = xstrdup(source);
	if (options && *options)
		strv_split(&m->options, options, ',');
	return m;
}

struct oci_namespace *oci_add_namespace(struct oci_spec *spec, const char *type, const char *path)
{
	struct oci_namespace *ns = jarray_add(&spec->linux_->namespaces, sizeof(*ns));

	ns->type = xstrdup(type);
	ns->path = xstrdup(path);
	return ns;
}

struct oci_rlimit *oci_add_rlimit(struct oci_process *process, const char *type, uint64_t soft,
				  uint64_t hard)
{
	struct oci_rlimit *rl = jarray_add(&process->rlimits, sizeof(*rl));

	rl->type = xstrdup(type);
	rl->soft = soft;
	rl->hard = hard;
	return rl;
}

static struct opt_int number_or_all(int64_t v)
{
	return (struct opt_int){.set = v >= 0, .v = v};
}

struct oci_device_rule *oci_add_device_rule(struct oci_spec *spec, bool allow, const char *type,
					    int64_t major, int64_t minor, const char *access)
{
	struct oci_device_rule *rule;

	if (!spec->linux_->resources)
		spec->linux_->resources = xnew(struct oci_resources);
	rule = jarray_add(&spec->linux_->resources->devices, sizeof(*rule));
	rule->allow = allow;
	rule->type = xstrdup(type);
	rule->major = number_or_all(major);
	rule->minor = number_or_all(minor);
	rule->access = xstrdup(access);
	return rule;
}
