/*
 * volumes.c - /volumes
 */
#include "volume/volume.h"

#include "api/private.h"
#include "event/event.h"

static struct volume_store *store(const struct call *c)
{
	return c->api->config.volumes;
}

static void publish(struct call *c, const char *action, const char *name)
{
	AUTO(map) struct map attrs = {0};

	if (!c->api->config.events)
		return;
	map_set_str(&attrs, "driver", "local");
	event_publish(c->api->config.events, "volume", action, name, &attrs);
}

static int list(struct call *c, struct err *err)
{
	AUTO(filters) struct filters f = {0};
	json_t *filters, *arr = NULL, *obj;
	int r;

	if (param_filters(c, &f, err) < 0)
		return -1;
	filters = filters_json(&f);
	r = volume_list(store(c), filters, &arr, err);
	json_decref(filters);
	if (r < 0)
		return -1;
	obj = json_object();
	json_object_set_new(obj, "Volumes", arr);
	json_object_set_new(obj, "Warnings", json_null());
	reply_json(c, 200, obj);
	return 0;
}

static int inspect(struct call *c, struct err *err)
{
	json_t *obj = NULL;

	if (volume_inspect(store(c), c->arg, &obj, err) < 0)
		return -1;
	reply_json(c, 200, obj);
	return 0;
}

static const char *text(const json_t *obj, const char *key)
{
	return str_or(json_string_value(json_object_get(obj, key)));
}

static int create(struct call *c, struct err *err)
{
	struct volume_create vc = {
	    .name = text(c->body, "Name"),
	    .driver = text(c->body, "Driver"),
	    .options = json_object_get(c->body, "DriverOpts"),
	    .labels = json_object_get(c->body, "Labels"),
	};
	AUTO(free) char *name = NULL;
	json_t *obj = NULL;
	bool existed;

	if (need_body(c, err) < 0)
		return -1;
	existed = *vc.name && volume_exists(store(c), vc.name);
	vc.anonymous = !*vc.name;
	if (json_is_null(vc.options))
		vc.options = NULL;
	if (json_is_null(vc.labels))
		vc.labels = NULL;
	if (volume_create(store(c), &vc, &name, err) < 0 || volume_inspect(store(c), name, &obj, err) < 0)
		return -1;
	if (!existed)
		publish(c, "create", name);
	reply_json(c, 201, obj);
	return 0;
}

static int do_remove(struct call *c, struct err *err)
{
	if (volume_remove(store(c), c->arg, param_bool(c, "force", false), err) < 0)
		return -1;
	publish(c, "destroy", c->arg);
	reply_empty(c, 204);
	return 0;
}

static int prune(struct call *c, struct err *err)
{
	AUTO(filters) struct filters f = {0};
	AUTO(strv) struct strv removed = {0};
	uint64_t bytes = 0;
	json_t *filters, *obj;
	int r;

	if (param_filters(c, &f, err) < 0)
		return -1;
	if (c->version < 142 && !filters_has(&f, "all"))
		filters_add(&f, "all", "true"); /* before 1.42 named ones went too */
	filters = filters_json(&f);
	r = volume_prune(store(c), filters, &removed, &bytes, err);
	json_decref(filters);
	if (r < 0)
		return -1;
	strv_for_each(name, &removed)
		publish(c, "destroy", name);
	obj = json_object();
	json_object_set_new(obj, "VolumesDeleted", json_strs(&removed));
	json_object_set_new(obj, "SpaceReclaimed", json_integer((json_int_t)bytes));
	reply_json(c, 200, obj);
	return 0;
}

const struct route volume_routes[] = {
    {"GET", "/volumes", list, 0, 0, NEEDS_VOLUMES},
    {"POST", "/volumes/create", create, 0, R_JSON, NEEDS_VOLUMES},
    {"POST", "/volumes/prune", prune, 125, 0, NEEDS_VOLUMES},
    {"GET", "/volumes/{}", inspect, 0, 0, NEEDS_VOLUMES},
    {"DELETE", "/volumes/{}", do_remove, 0, 0, NEEDS_VOLUMES},
    {0},
};
