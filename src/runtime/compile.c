/*
 * compile.c - runtime-spec documents to plans
 *
 * Everything that can be decided before the container exists is decided here, once: names
 * become numbers, options become flags, limits become writes to files.
 *
 * (1) What the document asks for and we do not have is an error, never left out in silence.
 */
#include "runtime/compile.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>

#include "base/fs.h"

#define INIT_PLACE "/sbin/docker-init"

static void align(struct writer *w)
{
	while (w->b.len % 8)
		buf_addc(&w->b, 0);
}

plan_str plan_write_str_always(struct writer *w, const char *s)
{
	plan_str off = (plan_str)w->b.len;

	if (!s)
		return 0;
	buf_add(&w->b, s, strlen(s) + 1);
	return off;
}

plan_str plan_write_str(struct writer *w, const char *s)
{
	return s && *s ? plan_write_str_always(w, s) : 0;
}

struct plan_vec plan_write_vec(struct writer *w, const void *v, size_t n, size_t size)
{
	struct plan_vec ret = {.n = (uint32_t)n};

	if (!n)
		return ret;
	align(w);
	ret.off = (uint32_t)w->b.len;
	buf_add(&w->b, v, n * size);
	return ret;
}

struct plan_vec plan_write_strv(struct writer *w, const struct strv *sv)
{
	AUTO(free) plan_str *offs = xnew_n(plan_str, sv->n);

	for (size_t i = 0; i < sv->n; i++)
		offs[i] = plan_write_str_always(w, sv->v[i]);
	return plan_write_vec(w, offs, sv->n, sizeof(*offs));
}

struct plan_vec plan_compile_idmap(struct writer *w, const struct jarray *maps)
{
	AUTO(free) struct plan_idmap *v = xnew_n(struct plan_idmap, maps->n);
	size_t n = 0;

	oci_for_each(struct oci_id_mapping, m, maps) v[n++] = (struct plan_idmap){
		(uint32_t)m->container_id, (uint32_t)m->host_id, (uint32_t)m->size};
	return plan_write_vec(w, v, n, sizeof(*v));
}

static void begin(struct writer *w)
{
	struct plan_head empty = {0};

	buf_add(&w->b, &empty, sizeof(empty));
}

static int finish(struct writer *w, struct plan_head *h, enum plan_kind kind, struct buf *ret,
		  struct err *err)
{
	struct plan check;

	align(w);
	h->magic = PLAN_MAGIC;
	h->version = PLAN_VERSION;
	h->kind = kind;
	h->size = w->b.len;
	memcpy(w->b.p, h, sizeof(*h));
	if (w->b.len > PLAN_MAX_SIZE)
		return err_set(err, ERR_INVALID, "the container's configuration is too large");
	if (plan_open(w->b.p, w->b.len, &check, err) < 0) /* e.g. an empty path that must not be */
		return err_wrap(err, "incomplete configuration");
	buf_add(ret, w->b.p, w->b.len);
	return 0;
}

/* ---- namespaces */

static const struct {
	const char *type;
	uint32_t flag;
} namespaces[] = {
	{"user", CLONE_NEWUSER}, {"cgroup", CLONE_NEWCGROUP}, {"ipc", CLONE_NEWIPC},
	{"uts", CLONE_NEWUTS},	 {"network", CLONE_NEWNET},   {"pid", CLONE_NEWPID},
	{"mount", CLONE_NEWNS},
};

static int namespace_flag(const char *type, uint32_t *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++)
		if (streq(namespaces[i].type, type)) {
			*ret = namespaces[i].flag;
			return 0;
		}
	if (streq(type, "time"))
		return err_set(err, ERR_UNSUPPORTED, "time namespaces are not supported");
	return err_set(err, ERR_INVALID, "unknown namespace '%s'", str_or(type));
}

static int compile_namespaces(struct writer *w, const struct oci_spec *spec, struct plan_head *h,
			      struct err *err)
{
	struct plan_ns join[ARRAY_LEN(namespaces)];
	uint32_t seen = 0, joined = 0, n = 0, flag;

	oci_for_each(struct oci_namespace, ns, &spec->linux_->namespaces)
	{
		if (namespace_flag(ns->type, &flag, err) < 0)
			return -1;
		if (seen & flag)
			return err_set(err, ERR_INVALID, "duplicated namespace '%s'", ns->type);
		seen |= flag;
		if (ns->path && *ns->path)
			joined |= flag;
		else
			h->ns_new |= flag;
	}
	for (size_t i = 0; i < ARRAY_LEN(namespaces); i++) /* in the table's order: user first */
		oci_for_each(struct oci_namespace, ns,
			     &spec->linux_->namespaces) if (joined & namespaces[i].flag &&
							    streq(ns->type, namespaces[i].type))
			join[n++] =
				(struct plan_ns){namespaces[i].flag, plan_write_str(w, ns->path)};
	if (!(h->ns_new & CLONE_NEWNS))
		return err_set(err, joined & CLONE_NEWNS ? ERR_UNSUPPORTED : ERR_INVALID,
			       "the container needs a mount namespace of its own");
	if (joined & CLONE_NEWUSER)
		return err_set(err, ERR_UNSUPPORTED,
			       "joining an existing user namespace is not supported");
	if (h->ns_new & CLONE_NEWUSER &&
	    (!spec->linux_->uid_mappings.n || !spec->linux_->gid_mappings.n))
		return err_set(err, ERR_INVALID,
			       "a user namespace needs uidMappings and gidMappings");
	if (!(h->ns_new & CLONE_NEWUSER) &&
	    (spec->linux_->uid_mappings.n || spec->linux_->gid_mappings.n))
		return err_set(err, ERR_INVALID, "uidMappings without a user namespace");
	if ((*str_or(spec->hostname) || *str_or(spec->domainname)) && !(seen & CLONE_NEWUTS))
		return err_set(err, ERR_INVALID,
			       "a host name needs a uts namespace of the container's own");
	if (h->ns_new & CLONE_NEWNET)
		h->flags |= PLAN_F_LOOPBACK_UP;
	h->ns_join = plan_write_vec(w, join, n, sizeof(*join));
	h->uidmap = plan_compile_idmap(w, &spec->linux_->uid_mappings);
	h->gidmap = plan_compile_idmap(w, &spec->linux_->gid_mappings);
	return 0;
}

/* ---- sysctls */

/* Settings that each belong to one namespace; the container must not change the host's. */
static const struct {
	const char *prefix;
	bool exact;
	const char *ns;
	uint32_t flag;
} sysctl_namespaces[] = {
	{"net/", false, "network", CLONE_NEWNET},
	{"fs/mqueue/", false, "ipc", CLONE_NEWIPC},
	{"kernel/msgmax", true, "ipc", CLONE_NEWIPC},
	{"kernel/msgmnb", true, "ipc", CLONE_NEWIPC},
	{"kernel/msgmni", true, "ipc", CLONE_NEWIPC},
	{"kernel/sem", true, "ipc", CLONE_NEWIPC},
	{"kernel/shmall", true, "ipc", CLONE_NEWIPC},
	{"kernel/shmmax", true, "ipc", CLONE_NEWIPC},
	{"kernel/shmmni", true, "ipc", CLONE_NEWIPC},
	{"kernel/shm_rmid_forced", true, "ipc", CLONE_NEWIPC},
	{"kernel/domainname", true, "uts", CLONE_NEWUTS},
};

/* "net.ipv4.ip_forward" and "net/ipv4/conf/eth0.1/forwarding": the first separator decides. */
static char *sysctl_path(const char *key)
{
	char *path = xstrdup(key);

	if (path[strcspn(path, "./")] == '.')
		for (char *p = path; *p; p++)
			*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	return path;
}

static bool has_namespace(const struct oci_spec *spec, const char *type)
{
	oci_for_each(struct oci_namespace, ns,
		     &spec->linux_->namespaces) if (streq(ns->type, type)) return true;
	return false;
}

static int check_sysctl(const struct oci_spec *spec, const char *key, const char *path,
			struct err *err)
{
	if (*path == '/' || strstr(path, ".."))
		return err_set(err, ERR_INVALID, "invalid sysctl '%s'", key);
	for (size_t i = 0; i < ARRAY_LEN(sysctl_namespaces); i++) {
		const char *prefix = sysctl_namespaces[i].prefix;

		if (sysctl_namespaces[i].exact ? !streq(path, prefix) : !str_after(path, prefix))
			continue;
		if (has_namespace(spec, sysctl_namespaces[i].ns))
			return 0;
	}
	return err_set(err, ERR_INVALID, "sysctl \"%s\" is not in a separate kernel namespace",
		       key);
}

static int compile_sysctls(struct writer *w, const struct oci_spec *spec, struct plan_head *h,
			   struct err *err)
{
	AUTO(free) struct plan_pair *v = xnew_n(struct plan_pair, spec->linux_->sysctl.len);
	size_t n = 0;

	map_for_each (it, &spec->linux_->sysctl) {
		AUTO(free) char *path = sysctl_path(it->key);

		if (check_sysctl(spec, it->key, path, err) < 0)
			return -1;
		v[n++] = (struct plan_pair){plan_write_str_always(w, path),
					    plan_write_str_always(w, str_or(it->value))};
	}
	h->sysctls = plan_write_vec(w, v, n, sizeof(*v));
	return 0;
}

/* ---- hooks, root */

static int compile_hooks(struct writer *w, const struct oci_spec *spec, struct plan_head *h,
			 struct err *err)
{
	const struct oci_hooks *hooks = spec->hooks;
	AUTO(buf) struct buf all = {0};

	if (!hooks)
		return 0;
	const struct jarray *stages[RUNTIME_HOOKS] = {
		[RUNTIME_HOOK_PRESTART] = &hooks->prestart,
		[RUNTIME_HOOK_CREATE_RUNTIME] = &hooks->create_runtime,
		[RUNTIME_HOOK_CREATE_CONTAINER] = &hooks->create_container,
		[RUNTIME_HOOK_START_CONTAINER] = &hooks->start_container,
		[RUNTIME_HOOK_POSTSTART] = &hooks->poststart,
		[RUNTIME_HOOK_POSTSTOP] = &hooks->poststop,
	};

	for (uint32_t stage = 0; stage < RUNTIME_HOOKS; stage++)
		oci_for_each(struct oci_hook, hook, stages[stage])
		{
			struct plan_hook ph = {.stage = stage, .timeout = (int32_t)hook->timeout.v};

			if (!hook->path || *hook->path != '/')
				return err_set(err, ERR_INVALID, "hook path '%s' is not absolute",
					       str_or(hook->path));
			ph.path = plan_write_str(w, hook->path);
			ph.args = plan_write_strv(w, &hook->args);
			ph.env = plan_write_strv(w, &hook->env);
			buf_add(&all, &ph, sizeof(ph));
		}
	h->hooks = plan_write_vec(w, all.p, all.len / sizeof(struct plan_hook),
				  sizeof(struct plan_hook));
	return 0;
}

static const struct {
	const char *name;
	uint32_t flags;
} propagations[] = {
	{"shared", MS_SHARED},
	{"rshared", MS_SHARED | MS_REC},
	{"slave", MS_SLAVE},
	{"rslave", MS_SLAVE | MS_REC},
	{"private", MS_PRIVATE},
	{"rprivate", MS_PRIVATE | MS_REC},
	{"unbindable", MS_UNBINDABLE},
	{"runbindable", MS_UNBINDABLE | MS_REC},
	{"", 0},
};

static int compile_root(struct writer *w, const struct oci_spec *spec, const struct plan_opts *opts,
			struct plan_head *h, struct err *err)
{
	const char *propagation = str_or(spec->linux_->rootfs_propagation);
	size_t i = 0;

	while (i < ARRAY_LEN(propagations) && !streq(propagations[i].name, propagation))
		i++;
	if (i == ARRAY_LEN(propagations))
		return err_set(err, ERR_INVALID, "unknown rootfsPropagation '%s'", propagation);
	h->root_propagation = propagations[i].flags;
	if (spec->root && spec->root->readonly)
		h->flags |= PLAN_F_ROOT_READONLY;
	if (opts->lower && opts->lower->n) {
		if (!opts->upper != !opts->work)
			return err_set(err, ERR_INVALID,
				       "an overlay needs both upper and work, or neither");
		h->lower = plan_write_strv(w, opts->lower);
		h->upper = plan_write_str(w, opts->upper);
		h->work = plan_write_str(w, opts->work);
		return 0;
	}
	if (!spec->root || !spec->root->path || !*spec->root->path)
		return err_set(err, ERR_INVALID, "root.path is missing");
	if (*spec->root->path == '/') {
		h->root = plan_write_str(w, spec->root->path);
	} else {
		AUTO(free)
		char *path = path_join(opts->bundle ? opts->bundle : ".", spec->root->path);

		h->root = plan_write_str(w, path);
	}
	return 0;
}

static char *relative_cgroup(const char *path)
{
	AUTO(free) char *clean = path_clean(path);

	return xstrdup(clean + strspn(clean, "/"));
}

static int compile_cgroup_place(struct writer *w, const struct oci_spec *spec,
				const struct plan_opts *opts, struct plan_head *h, struct err *err)
{
	const char *path = opts->cgroup_path ? opts->cgroup_path : spec->linux_->cgroups_path;
	AUTO(free) char *rel = NULL;

	if (opts->cgroup_driver && streq(opts->cgroup_driver, "systemd"))
		return err_set(err, ERR_UNSUPPORTED,
			       "cgroup driver systemd is not supported: use cgroupfs");
	if (opts->cgroup_driver && *opts->cgroup_driver && !streq(opts->cgroup_driver, "cgroupfs"))
		return err_set(err, ERR_INVALID, "unknown cgroup driver '%s'", opts->cgroup_driver);
	if (!path && opts->id)
		path = opts->id;
	if (!path || !*path)
		return 0;
	rel = relative_cgroup(path);
	if (strlen(rel) >= CGROUP_PATH_MAX || str_after(rel, ".."))
		return err_set(err, ERR_INVALID, "invalid cgroup path '%s'", path);
	return plan_compile_cgroup(w, spec->linux_->resources, rel, h, err);
}

static int refuse_unsupported(const struct oci_linux *l, struct err *err)
{
	static const char fmt[] = "linux.%s is not supported";

	if (l->intel_rdt)
		return err_set(err, ERR_UNSUPPORTED, fmt, "intelRdt");
	if (l->memory_policy && json_object_size(l->memory_policy))
		return err_set(err, ERR_UNSUPPORTED, fmt, "memoryPolicy");
	if (l->time_offsets && json_object_size(l->time_offsets))
		return err_set(err, ERR_UNSUPPORTED, fmt, "timeOffsets");
	if (l->net_devices && json_object_size(l->net_devices))
		return err_set(err, ERR_UNSUPPORTED, fmt, "netDevices");
	return 0;
}

static int compile_container(struct writer *w, const struct oci_spec *spec,
			     const struct plan_opts *opts, struct plan_head *h, struct err *err)
{
	if (!spec->linux_ || !spec->process)
		return err_set(err, ERR_INVALID, "'%s' is missing",
			       spec->process ? "linux" : "process");
	if (refuse_unsupported(spec->linux_, err) < 0)
		return -1;
	h->flags |= (opts->die_with_parent ? PLAN_F_DIE_WITH_PARENT : 0) |
		    (opts->detached ? PLAN_F_DETACHED : 0) |
		    (opts->no_pivot ? PLAN_F_NO_PIVOT : 0) |
		    (opts->no_new_keyring ? PLAN_F_NO_KEYRING : 0);
	h->id = plan_write_str(w, opts->id);
	h->bundle = plan_write_str(w, opts->bundle);
	h->hostname = plan_write_str(w, spec->hostname);
	h->domainname = plan_write_str(w, spec->domainname);
	if (compile_namespaces(w, spec, h, err) < 0 || compile_root(w, spec, opts, h, err) < 0 ||
	    plan_compile_mounts(w, spec, opts, h, err) < 0 ||
	    compile_sysctls(w, spec, h, err) < 0 || compile_hooks(w, spec, h, err) < 0 ||
	    compile_cgroup_place(w, spec, opts, h, err) < 0)
		return -1;
	h->masked = plan_write_strv(w, &spec->linux_->masked_paths);
	h->readonly = plan_write_strv(w, &spec->linux_->readonly_paths);
	return plan_compile_process(w, spec->process, spec, opts, h, err);
}

static int with_init(struct writer *w, const struct plan_opts *opts, struct plan_head *h)
{
	AUTO(strv) struct strv args = {0};
	const plan_str *old = (const plan_str *)(const void *)(w->b.p + h->process.args.off);
	AUTO(free) plan_str *all = xnew_n(plan_str, h->process.args.n + 2);
	uint32_t n = h->process.args.n;

	memcpy(all + 2, old, n * sizeof(*all));
	all[0] = plan_write_str(w, INIT_PLACE);
	all[1] = plan_write_str(w, "--");
	h->process.args = plan_write_vec(w, all, n + 2, sizeof(*all));
	return 0;
}

int plan_compile(const struct oci_spec *spec, const struct plan_opts *opts, struct buf *ret_blob,
		 struct err *err)
{
	struct writer w = {0};
	struct plan_head h = {0};
	int r;

	begin(&w);
	r = compile_container(&w, spec, opts, &h, err);
	if (r == 0 && opts->init_path)
		r = with_init(&w, opts, &h);
	if (r == 0)
		r = finish(&w, &h, PLAN_CREATE, ret_blob, err);
	buf_done(&w.b);
	return r;
}

int plan_compile_exec(const struct oci_process *process, const struct oci_spec *spec,
		      const struct plan_opts *opts, struct buf *ret_blob, struct err *err)
{
	struct writer w = {0};
	struct plan_head h = {0};
	int r;

	begin(&w);
	if (opts->die_with_parent)
		h.flags |= PLAN_F_DIE_WITH_PARENT;
	h.flags |= PLAN_F_NO_KEYRING;
	r = plan_compile_process(&w, process, spec, opts, &h, err);
	if (r == 0)
		r = finish(&w, &h, PLAN_EXEC, ret_blob, err);
	buf_done(&w.b);
	return r;
}

int plan_compile_update(const struct oci_resources *resources, const char *cgroup_path,
			struct buf *ret_blob, struct err *err)
{
	AUTO(free) char *rel = relative_cgroup(cgroup_path);
	struct writer w = {0};
	struct plan_head h = {0};
	int r;

	begin(&w);
	r = plan_compile_cgroup(&w, resources, rel, &h, err);
	if (r == 0)
		r = finish(&w, &h, PLAN_UPDATE, ret_blob, err);
	buf_done(&w.b);
	return r;
}
