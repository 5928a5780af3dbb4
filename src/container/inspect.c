/*
 * inspect.c - a container as GET /containers/{id}/json shows it
 *
 * (1) The order of the members is docker's, since people read it.
 */
#include "container/inspect.h"

#include "container/health.h"

static json_t *time_json(int64_t ns)
{
	char s[CLOCK_RFC3339_MAX];

	if (!ns)
		return json_string("0001-01-01T00:00:00Z");
	clock_format_rfc3339(s, ns);
	return json_string(s);
}

static json_t *state_json(const struct container *c)
{
	const struct state *s = &c->state;
	json_t *j = json_pack("{s:s,s:b,s:b,s:b,s:b,s:b,s:I,s:I,s:o,s:o,s:o}", "Status",
			 status_names[s->status], "Running", is_running(c), "Paused",
			 s->status == ST_PAUSED, "Restarting", s->status == ST_RESTARTING, "OOMKilled",
			 s->oom_killed, "Dead", s->status == ST_DEAD, "Pid", (json_int_t)s->pid,
			 "ExitCode", (json_int_t)s->exit_code, "Error", json_str(s->error), "StartedAt",
			 time_json(s->started_ns), "FinishedAt", time_json(s->finished_ns));

	if (health_configured(c))
		json_object_set_new(j, "Health", health_json(c));
	return j;
}

json_t *inspect_mounts(const struct container *c)
{
	json_t *a = json_array();

	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *mp = (struct mount_point *)c->mounts.v + i;
		json_t *m = json_pack("{s:s}", "Type", mp->type);

		if (mp->name)
			json_object_set_new(m, "Name", json_str(mp->name));
		json_object_set_new(m, "Source", json_str(mp->source));
		json_object_set_new(m, "Destination", json_str(mp->destination));
		if (mp->driver)
			json_object_set_new(m, "Driver", json_str(mp->driver));
		json_object_set_new(m, "Mode", json_str(mp->mode));
		json_object_set_new(m, "RW", json_boolean(mp->rw));
		json_object_set_new(m, "Propagation", json_str(mp->propagation));
		json_array_append_new(a, m);
	}
	return a;
}

static json_t *host_config_json(const struct container *c)
{
	json_t *h = json_print(&host_config_type, &c->host);

	if (!c->host.masked_paths.n)
		json_object_set_new(h, "MaskedPaths", json_null());
	if (!c->host.readonly_paths.n)
		json_object_set_new(h, "ReadonlyPaths", json_null());
	return h;
}

static json_t *graph_driver(struct container *c, const struct strv *lower)
{
	AUTO(free) char *lowers = strv_join(lower, ":");
	json_t *data = json_object();

	json_object_set_new(data, "ID", json_str(c->id));
	json_object_set_new(data, "LowerDir", json_str(lowers));
	json_object_set_new(data, "MergedDir", json_sprintf("%s/merged", c->dir));
	json_object_set_new(data, "UpperDir", json_sprintf("%s/upper", c->dir));
	json_object_set_new(data, "WorkDir", json_sprintf("%s/work", c->dir));
	return json_pack("{s:o,s:s}", "Data", data, "Name", "overlay2");
}

static json_t *exec_ids(const struct container *c)
{
	json_t *a = json_array();

	map_for_each(it, &c->execs) {
		const struct exec *x = it->value;

		if (!x->started || x->running)
			json_array_append_new(a, json_str(it->key));
	}
	if (json_array_size(a))
		return a;
	json_decref(a);
	return json_null();
}

static void add_file(json_t *j, const struct container *c, const char *key, const char *name)
{
	AUTO(free) char *path = path_join(c->run_dir, name);

	json_object_set_new(j, key, access(path, F_OK) == 0 ? json_str(path) : json_string(""));
}

static json_t *head(struct container *c)
{
	json_t *j = json_object();
	AUTO(free) char *log = log_path(c);

	json_object_set_new(j, "Id", json_str(c->id));
	json_object_set_new(j, "Created", time_json(c->created_ns));
	json_object_set_new(j, "Path", json_str(c->path));
	json_object_set_new(j, "Args", json_strs(&c->args));
	json_object_set_new(j, "State", state_json(c));
	json_object_set_new(j, "Image", json_str(c->image_id));
	add_file(j, c, "ResolvConfPath", "resolv.conf");
	add_file(j, c, "HostnamePath", "hostname");
	add_file(j, c, "HostsPath", "hosts");
	json_object_set_new(j, "LogPath", json_str(log));
	json_object_set_new(j, "Name", json_sprintf("/%s", c->name));
	json_object_set_new(j, "RestartCount", json_integer(c->state.restarts));
	json_object_set_new(j, "Driver", json_string("overlay2"));
	json_object_set_new(j, "Platform", json_str(c->platform));
	json_object_set_new(j, "MountLabel", json_string(""));
	json_object_set_new(j, "ProcessLabel", json_string(""));
	json_object_set_new(j, "AppArmorProfile", json_string(""));
	json_object_set_new(j, "ExecIDs", exec_ids(c));
	json_object_set_new(j, "HostConfig", host_config_json(c));
	return j;
}

/* What no lock may be held for: the networks, and the sizes on disk. */
static void tail(struct container *c, bool size, json_t *j, int pid)
{
	struct err err = ERR_INIT;
	struct netspec ns;

	if (netspec_build(c, &ns, &err) == 0) {
		if (net_container_ref(c)) {
			json_object_set_new(j, "NetworkSettings", json_pack("{s:{}}", "Networks"));
		} else {
			json_object_set_new(j, "NetworkSettings",
					    network_settings(c->cs->cfg.networks, &ns.spec,
							     &c->config.exposed_ports, pid));
		}
		netspec_done(&ns);
	}
	if (size) {
		int64_t rw, root;

		container_sizes(c, &rw, &root);
		json_object_set_new(j, "SizeRw", json_integer(rw));
		json_object_set_new(j, "SizeRootFs", json_integer(root));
	}
}

json_t *container_inspect(struct containers *cs, const char *ref, bool size, unsigned api_version,
			  struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	AUTO(strv) struct strv lower = {0};
	json_t *j;
	int pid;

	if (!c)
		return NULL;
	ignore_result(container_lower_layers(c, &lower, NULL) < 0); /* then none */
	op_lock(c); /* a container in the making is seen whole; mounts and config stay put */
	cs_lock(cs);
	j = head(c);
	pid = (int)c->state.pid;
	json_object_set_new(j, "GraphDriver", graph_driver(c, &lower));
	json_object_set_new(j, "Mounts", inspect_mounts(c));
	json_object_set_new(j, "Config", json_print(&container_config_type, &c->config));
	cs_unlock(cs);
	tail(c, size, j, pid);
	op_unlock(c);
	return j;
}
