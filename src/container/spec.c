/*
 * spec.c - a container as a runtime-spec document, and that as a plan
 */
#include "container/spec.h"

char *spec_cgroup_path(struct container *c)
{
	const char *parent = str_or(c->host.cgroup_parent);

	while (*parent == '/')
		parent++;
	if (!*parent)
		parent = c->cs->cfg.cgroup_parent ? c->cs->cfg.cgroup_parent : "cove";
	return path_join(parent, c->id);
}

/* The process of another container, whose namespaces this one joins. */
static int other_pid(struct container *c, const char *ref, const char *what, pid_t *ret, struct err *err)
{
	AUTO(container) struct container *other = container_get(c->cs, ref, err);

	if (!other)
		return err_wrap(err, "cannot join %s of a container", what);
	cs_lock(c->cs);
	*ret = is_running(other) ? (pid_t)other->state.pid : 0;
	cs_unlock(c->cs);
	if (!*ret)
		return err_set(err, ERR_CONFLICT, "cannot join %s of a non running container: %s", what,
			       other->id);
	return 0;
}

/* Joins, shares with the host, or makes anew. */
static int add_ns(struct container *c, struct oci_spec *spec, const char *mode, const char *type,
		  const char *file, const char *what, struct err *err)
{
	const char *ref = str_after(str_or(mode), "container:");
	AUTO(free) char *path = NULL;
	pid_t pid;

	if (streq(str_or(mode), "host"))
		return 0;
	if (ref) {
		if (other_pid(c, ref, what, &pid, err) < 0)
			return -1;
		path = xasprintf("/proc/%d/ns/%s", (int)pid, file);
	}
	oci_add_namespace(spec, type, path);
	return 0;
}

static int check_shareable(struct container *c, const char *ref, struct err *err)
{
	AUTO(container) struct container *other = container_get(c->cs, ref, err);
	const char *mode;

	if (!other)
		return err_wrap(err, "cannot join IPC of a container");
	mode = str_or(other->host.ipc_mode);
	if (streq(mode, "none") || streq(mode, "private"))
		return err_set(err, ERR_INVALID,
			       "cannot join IPC of a container: non-shareable IPC (hint: use "
			       "IpcMode:shareable for the donor container)");
	return 0;
}

/* Another container's IPC namespace comes with its /dev/shm. */
static int share_shm(struct container *c, struct oci_spec *spec, struct err *err)
{
	const char *ref = str_after(str_or(c->host.ipc_mode), "container:");
	AUTO(free) char *root = NULL;
	struct oci_mount *m;
	pid_t pid;

	if (!ref)
		return 0;
	if (check_shareable(c, ref, err) < 0)
		return -1;
	if (other_pid(c, ref, "IPC", &pid, err) < 0)
		return -1;
	/* its root is its own: /dev/shm may be a link there, and must not lead to the host */
	root = xasprintf("/proc/%d/root", (int)pid);
	m = oci_add_mount(spec, "/dev/shm", "bind", root, "rbind,rprivate,nosuid,noexec,nodev");
	strv_add(&m->options, PLAN_SUBPATH_OPTION "dev/shm");
	return 0;
}

static int namespaces(struct container *c, struct oci_spec *spec, struct err *err)
{
	const struct host_config *h = &c->host;

	oci_add_namespace(spec, "mount", NULL);
	if (!net_is(c, "host")) /* made by network/: the shim has its descriptor */
		oci_add_namespace(spec, "network", NULL);
	if (add_ns(c, spec, h->uts_mode, "uts", "uts", "UTS", err) < 0 ||
	    add_ns(c, spec, h->pid_mode, "pid", "pid", "PID", err) < 0 ||
	    add_ns(c, spec, h->ipc_mode, "ipc", "ipc", "IPC", err) < 0)
		return -1;
	if (streq(h->cgroupns_mode, "private"))
		oci_add_namespace(spec, "cgroup", NULL);
	return share_shm(c, spec, err);
}

static void environment(const struct container *c, bool tty, struct strv *env)
{
	strv_add(env, "PATH=" DEFAULT_PATH);
	if (*str_or(c->config.hostname))
		strv_addf(env, "HOSTNAME=%s", c->config.hostname);
	if (tty)
		strv_add(env, "TERM=xterm");
	for (size_t i = 0; i < c->config.env.n; i++)
		env_put(env, c->config.env.v[i]);
}

static int capabilities(struct container *c, bool privileged, struct oci_process *p, struct err *err)
{
	struct oci_caps *caps = p->capabilities = xnew(struct oci_caps);

	if (caps_for(&c->host, privileged, &caps->bounding, err) < 0)
		return -1;
	strv_copy(&caps->effective, &caps->bounding);
	strv_copy(&caps->permitted, &caps->bounding);
	return 0;
}

static int rlimits(const struct host_config *h, struct oci_process *p, struct err *err)
{
	for (size_t i = 0; i < h->ulimits.n; i++) {
		const struct ulimit *u = (struct ulimit *)h->ulimits.v + i;
		AUTO(free) char *type = xasprintf("RLIMIT_%s", str_or(u->name));

		for (char *s = type; *s; s++)
			if (*s >= 'a' && *s <= 'z')
				*s = (char)(*s - 32);
		oci_add_rlimit(p, type, (uint64_t)u->soft, (uint64_t)u->hard);
	}
	return 0;
}

static int process(struct container *c, struct oci_spec *spec, struct err *err)
{
	struct oci_process *p = spec->process;

	p->terminal = c->config.tty;
	p->cwd = xstrdup(*str_or(c->config.working_dir) ? c->config.working_dir : "/");
	strv_add(&p->args, c->path);
	for (size_t i = 0; i < c->args.n; i++)
		strv_add(&p->args, c->args.v[i]);
	environment(c, c->config.tty, &p->env);
	if (capabilities(c, c->host.privileged, p, err) < 0)
		return -1;
	p->no_new_privileges = c->no_new_privileges;
	if (c->host.oom_score_adj)
		p->oom_score_adj = (struct opt_int){true, c->host.oom_score_adj};
	return rlimits(&c->host, p, err);
}

/* docker's: unprivileged ports and ping work for everyone in a network of one's own. */
static void sysctls(const struct container *c, struct oci_spec *spec)
{
	if (!net_is(c, "host") && !net_container_ref(c)) {
		map_set_str(&spec->linux_->sysctl, "net.ipv4.ip_unprivileged_port_start", "0");
		map_set_str(&spec->linux_->sysctl, "net.ipv4.ping_group_range", "0 2147483647");
	}
	map_copy_str(&spec->linux_->sysctl, &c->host.sysctls);
}

static int fill_spec(struct container *c, struct oci_spec *spec, struct err *err)
{
	oci_spec_init(spec);
	spec->root->readonly = c->host.readonly_rootfs;
	if (!streq(str_or(c->host.uts_mode), "host")) {
		spec->hostname = xstrdup(str_or(c->config.hostname));
		spec->domainname = *str_or(c->config.domainname) ? xstrdup(c->config.domainname) : NULL;
	}
	map_copy_str(&spec->annotations, &c->host.annotations);
	if (process(c, spec, err) < 0 || spec_mounts(c, spec, err) < 0 || namespaces(c, spec, err) < 0 ||
	    spec_resources(c, &spec->linux_->resources, err) < 0 || spec_devices(c, spec, err) < 0)
		return -1;
	sysctls(c, spec);
	strv_copy(&spec->linux_->masked_paths, &c->host.masked_paths);
	strv_copy(&spec->linux_->readonly_paths, &c->host.readonly_paths);
	return 0;
}

static void seccomp_choice(const struct container *c, bool privileged, struct plan_opts *o)
{
	if (c->seccomp_profile && !streq(c->seccomp_profile, "unconfined")) {
		o->seccomp = PLAN_SECCOMP_PROFILE;
		o->seccomp_profile = c->seccomp_profile;
	} else if (c->seccomp_profile || privileged) {
		o->seccomp = PLAN_SECCOMP_UNCONFINED;
	} else {
		o->seccomp = PLAN_SECCOMP_DEFAULT;
	}
}

int spec_build_plan(struct container *c, struct buf *ret_plan, struct err *err)
{
	AUTO(oci_spec) struct oci_spec spec = {0};
	AUTO(strv) struct strv lower = {0};
	AUTO(free) char *upper = path_join(c->dir, "upper");
	AUTO(free) char *work = path_join(c->dir, "work");
	AUTO(free) char *cgroup = spec_cgroup_path(c);
	AUTO(free) char *init = path_join(c->cs->cfg.libexec_dir, "cove-init");
	struct plan_opts o = {.lower = &lower,
			      .upper = upper,
			      .work = work,
			      .user = str_or(c->config.user),
			      .group_add = &c->host.group_add,
			      .init_path = c->host.init.set && c->host.init.v ? init : NULL,
			      .cgroup_driver = c->cs->cfg.systemd_cgroup ? "systemd" : "cgroupfs",
			      .cgroup_path = cgroup,
			      .die_with_parent = true,
			      .id = c->id};

	if (container_lower_layers(c, &lower, err) < 0)
		return -1;
	if (fill_spec(c, &spec, err) < 0)
		return -1;
	seccomp_choice(c, c->host.privileged, &o);
	return plan_compile(&spec, &o, ret_plan, err);
}

int spec_build_exec_plan(struct container *c, const struct exec_config *x, struct buf *ret,
			 struct err *err)
{
	struct oci_process p = {0};
	struct plan_opts o = {.user = *str_or(x->user) ? x->user : str_or(c->config.user),
			      .group_add = &c->host.group_add,
			      .die_with_parent = true};
	int r = -1;

	p.terminal = x->tty;
	p.cwd = xstrdup(*str_or(x->working_dir) ? x->working_dir :
			*str_or(c->config.working_dir) ? c->config.working_dir : "/");
	strv_copy(&p.args, &x->cmd);
	environment(c, x->tty, &p.env);
	for (size_t i = 0; i < x->env.n; i++)
		env_put(&p.env, x->env.v[i]);
	p.no_new_privileges = c->no_new_privileges;
	seccomp_choice(c, c->host.privileged || x->privileged, &o);
	if (capabilities(c, c->host.privileged || x->privileged, &p, err) == 0 &&
	    rlimits(&c->host, &p, err) == 0)
		r = plan_compile_exec(&p, NULL, &o, ret, err);
	oci_process_done(&p);
	return r;
}

int spec_build_update(struct container *c, struct buf *ret, struct err *err)
{
	AUTO(free) char *cgroup = spec_cgroup_path(c);
	struct oci_resources *r = NULL;
	int rc = -1;

	if (spec_resources(c, &r, err) == 0) {
		for (size_t i = 0; i < r->devices.n; i++) /* the rules stay as they are */
			json_unbind(&oci_device_rule_type, (struct oci_device_rule *)r->devices.v + i);
		free(r->devices.v);
		r->devices = (struct jarray){0};
		rc = plan_compile_update(r, cgroup, ret, err);
	}
	if (r)
		json_unbind(&oci_resources_type, r);
	free(r);
	return rc;
}
