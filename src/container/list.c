/*
 * list.c - GET /containers/json: filters and rows
 */
#include "container/inspect.h"

#include "codec/filters.h"
#include "container/health.h"

static const char *const allowed[] = {
	"ancestor", "before", "exited", "expose", "health", "id", "is-task", "isolation", "label",
	"name", "network", "publish", "since", "status", "volume", NULL,
};

struct query {
	struct filters f;
	const struct container_list_options *o;
	struct container **v; /* newest first */
	size_t n;
	int64_t before_ns, since_ns; /* creation times, 0: any */
	struct strv ancestors;	     /* image ids */
	bool all;
};

static int check_values(const struct filters *f, struct err *err)
{
	const struct strv *status = filters_get(f, "status"), *exited = filters_get(f, "exited");
	const struct strv *health = filters_get(f, "health");
	static const char *const healths[] = {"starting", "healthy", "unhealthy", "none"};
	int64_t v;

	for (size_t i = 0; status && i < status->n; i++) {
		bool known = false;

		for (size_t k = 0; k < ST_COUNT; k++)
			known = known || streq(status_names[k], status->v[i]);
		if (!known)
			return err_set(err, ERR_INVALID, "invalid filter 'status=%s'", status->v[i]);
	}
	for (size_t i = 0; health && i < health->n; i++) {
		bool known = false;

		for (size_t k = 0; k < ARRAY_LEN(healths); k++)
			known = known || streq(healths[k], health->v[i]);
		if (!known)
			return err_set(err, ERR_INVALID, "invalid filter 'health=%s'", health->v[i]);
	}
	for (size_t i = 0; exited && i < exited->n; i++)
		if (str_to_i64(exited->v[i], 10, &v) < 0)
			return err_set(err, ERR_INVALID, "invalid filter 'exited=%s'", exited->v[i]);
	return 0;
}

static int creation_of(struct containers *cs, const struct filters *f, const char *key, int64_t *ret,
		       struct err *err)
{
	const struct strv *sv = filters_get(f, key);
	AUTO(container) struct container *c = NULL;

	if (!sv || !sv->n)
		return 0;
	c = container_get(cs, sv->v[0], err);
	if (!c)
		return -1;
	*ret = c->created_ns;
	return 0;
}

static void find_ancestors(struct containers *cs, struct query *q)
{
	const struct strv *sv = filters_get(&q->f, "ancestor");

	for (size_t i = 0; sv && i < sv->n; i++) {
		struct image *img;

		if (image_get(cs->cfg.images, sv->v[i], &img, NULL) < 0)
			continue;
		strv_add(&q->ancestors, img->id);
		image_unref(img);
	}
}

static int newest_first(const void *a, const void *b)
{
	const struct container *x = *(struct container *const *)a, *y = *(struct container *const *)b;

	return x->created_ns < y->created_ns ? 1 : x->created_ns > y->created_ns ? -1 : strcmp(y->id, x->id);
}

static int query_open(struct containers *cs, const struct container_list_options *o, struct query *q,
		      struct err *err)
{
	*q = (struct query){.o = o};
	if (o->filters) {
		AUTO(free) char *text = json_text(o->filters, 0);

		if (filters_parse(text, &q->f, err) < 0)
			return -1;
	}
	if (filters_check(&q->f, allowed, err) < 0 || check_values(&q->f, err) < 0 ||
	    creation_of(cs, &q->f, "before", &q->before_ns, err) < 0 ||
	    creation_of(cs, &q->f, "since", &q->since_ns, err) < 0)
		return -1;
	find_ancestors(cs, q);
	q->all = o->all || o->limit > 0 || q->before_ns || q->since_ns || filters_has(&q->f, "status") ||
		 filters_has(&q->f, "exited");
	q->v = table_snapshot(cs, &q->n);
	qsort(q->v, q->n, sizeof(struct container *), newest_first);
	return 0;
}

static void query_done(struct query *q)
{
	filters_done(&q->f);
	strv_done(&q->ancestors);
	if (q->v)
		table_snapshot_free(q->v, q->n);
}

static bool match_names(const struct filters *f, const struct container *c)
{
	AUTO(free) char *slashed = xasprintf("/%s", c->name);

	return filters_match(f, "name", c->name) || filters_match(f, "name", slashed);
}

static bool match_volume(const struct filters *f, const struct container *c)
{
	if (!filters_has(f, "volume"))
		return true;
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *mp = (struct mount_point *)c->mounts.v + i;

		if ((mp->name && filters_exact(f, "volume", mp->name)) ||
		    filters_exact(f, "volume", mp->destination))
			return true;
	}
	return false;
}

static bool match_network(struct containers *cs, const struct filters *f, const struct container *c)
{
	if (!filters_has(f, "network"))
		return true;
	if (filters_exact(f, "network", c->host.network_mode))
		return true;
	map_for_each(it, &c->net.endpoints_config)
		if (filters_exact(f, "network", it->key))
			return true;
	return false;
}

static bool match_port(const struct filters *f, const char *key, const struct strv *exposed,
		       const json_t *bindings)
{
	const struct strv *wanted = filters_get(f, key);

	if (!wanted)
		return true;
	for (size_t i = 0; i < wanted->n; i++) {
		AUTO(free) char *port = strchr(wanted->v[i], '/') ? xstrdup(wanted->v[i]) :
								    xasprintf("%s/tcp", wanted->v[i]);

		if (json_object_get(bindings, port) || (exposed && strv_has(exposed, port)))
			return true;
	}
	return false;
}

static bool match_state(const struct query *q, const struct container *c)
{
	char code[24];

	if (!q->all && !is_running(c))
		return false;
	snprintf(code, sizeof(code), "%lld", (long long)c->state.exit_code);
	if (filters_has(&q->f, "exited") &&
	    (!filters_exact(&q->f, "exited", code) || is_running(c) || c->state.status == ST_CREATED))
		return false;
	return filters_exact(&q->f, "status", status_names[c->state.status]) &&
	       filters_exact(&q->f, "health", health_name(c));
}

static bool match(struct containers *cs, const struct query *q, const struct container *c)
{
	const struct filters *f = &q->f;

	if (!match_state(q, c) || !match_names(f, c) || !filters_prefix(f, "id", c->id) ||
	    !filters_labels(f, "label", &c->config.labels))
		return false;
	if ((q->before_ns && c->created_ns >= q->before_ns) || (q->since_ns && c->created_ns <= q->since_ns))
		return false;
	if (filters_has(f, "ancestor") && !strv_has(&q->ancestors, c->image_id))
		return false;
	return match_volume(f, c) && match_network(cs, f, c) &&
	       match_port(f, "publish", NULL, c->host.port_bindings) &&
	       match_port(f, "expose", &c->config.exposed_ports, c->host.port_bindings);
}

/* The name it was asked for by, unless that name means another image by now. */
static json_t *image_name(struct containers *cs, const struct container *c)
{
	struct image *img;
	bool same;

	if (image_get(cs->cfg.images, c->image_name, &img, NULL) < 0)
		return json_str(c->image_id);
	same = streq(img->id, c->image_id);
	image_unref(img);
	return same ? json_str(c->image_name) : json_str(c->image_id);
}

static json_t *command_text(const struct container *c)
{
	AUTO(free) char *args = strv_join(&c->args, " ");
	AUTO(free) char *text = xasprintf("%s%s%s", c->path, c->args.n ? " " : "", args);

	return json_str(text);
}

static json_t *row_head(struct container *c)
{
	AUTO(free) char *status = status_text(c);
	json_t *j = json_object();

	json_object_set_new(j, "Id", json_str(c->id));
	json_object_set_new(j, "Names", json_pack("[o]", json_sprintf("/%s", c->name)));
	json_object_set_new(j, "Image", json_null());
	json_object_set_new(j, "ImageID", json_str(c->image_id));
	json_object_set_new(j, "Command", command_text(c));
	json_object_set_new(j, "Created", json_integer(c->created_ns / NS_PER_SEC));
	json_object_set_new(j, "Ports", json_array());
	json_object_set_new(j, "Labels", json_str_map(&c->config.labels));
	json_object_set_new(j, "State", json_string(status_names[c->state.status]));
	json_object_set_new(j, "Status", json_str(status));
	json_object_set_new(j, "HostConfig", json_pack("{s:o}", "NetworkMode", json_str(c->host.network_mode)));
	json_object_set_new(j, "NetworkSettings", json_pack("{s:{}}", "Networks"));
	json_object_set_new(j, "Mounts", inspect_mounts(c));
	return j;
}

static void row_rest(struct containers *cs, struct container *c, const struct container_list_options *o,
		     json_t *j)
{
	struct netspec ns;

	json_object_set_new(j, "Image", image_name(cs, c));
	if (!net_container_ref(c) && netspec_build(c, &ns, NULL) == 0) {
		json_object_set_new(json_object_get(j, "NetworkSettings"), "Networks",
				    network_endpoints(cs->cfg.networks, &ns.spec));
		json_object_set_new(j, "Ports",
				    network_ports(cs->cfg.networks, c->id, &c->config.exposed_ports));
		netspec_done(&ns);
	}
	if (o->size) {
		int64_t rw, root;

		container_sizes(c, &rw, &root);
		json_object_set_new(j, "SizeRw", json_integer(rw));
		json_object_set_new(j, "SizeRootFs", json_integer(root));
	}
}

json_t *containers_list(struct containers *cs, const struct container_list_options *o, struct err *err)
{
	struct query q;
	json_t *out = NULL;

	if (query_open(cs, o, &q, err) == 0) {
		out = json_array();
		for (size_t i = 0; i < q.n; i++) {
			json_t *j = NULL;

			cs_lock(cs);
			if (!q.v[i]->removed && match(cs, &q, q.v[i]))
				j = row_head(q.v[i]);
			cs_unlock(cs);
			if (!j)
				continue;
			row_rest(cs, q.v[i], o, j);
			json_array_append_new(out, j);
			if (o->limit > 0 && json_array_size(out) >= (size_t)o->limit)
				break;
		}
	}
	query_done(&q);
	return out;
}

json_t *containers_disk_usage(struct containers *cs, struct err *err)
{
	struct container_list_options o = {.all = true, .size = true, .api_version = 150};

	return containers_list(cs, &o, err);
}

json_t *containers_prune(struct containers *cs, const json_t *filters, struct err *err)
{
	static const char *const prune_allowed[] = {"until", "label", "label!", NULL};
	AUTO(filters) struct filters f = {0};
	json_t *deleted = json_array();
	int64_t reclaimed = 0, until = 0;
	struct container **v;
	size_t n;

	if (filters) {
		AUTO(free) char *text = json_text(filters, 0);

		if (filters_parse(text, &f, err) < 0 || filters_check(&f, prune_allowed, err) < 0) {
			json_decref(deleted);
			return NULL;
		}
	}
	if (filters_has(&f, "until") &&
	    clock_parse_moment(filters_get(&f, "until")->v[0], clock_real_ns(), &until) < 0) {
		err_set(err, ERR_INVALID, "invalid filter 'until=%s'", filters_get(&f, "until")->v[0]);
		json_decref(deleted);
		return NULL;
	}
	v = table_snapshot(cs, &n);
	for (size_t i = 0; i < n; i++) {
		struct container *c = v[i];
		int64_t rw = 0, root;

		op_lock(c);
		if (!c->removed && !is_running(c) && c->state.status != ST_REMOVING &&
		    (!until || c->created_ns < until) && filters_labels(&f, "label", &c->config.labels) &&
		    filters_labels_not(&f, "label!", &c->config.labels)) {
			container_sizes(c, &rw, &root);
			if (remove_locked(c, false, NULL) == 0) {
				json_array_append_new(deleted, json_str(c->id));
				reclaimed += rw;
			}
		}
		op_unlock(c);
	}
	table_snapshot_free(v, n);
	if (json_array_size(deleted) == 0) {
		json_decref(deleted);
		deleted = json_null();
	}
	return json_pack("{s:o,s:I}", "ContainersDeleted", deleted, "SpaceReclaimed", (json_int_t)reclaimed);
}
