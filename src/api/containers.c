/*
 * containers.c - /containers: what a container is and does
 *
 * Streams (attach, logs, stats, wait) are in streams.c, files and images made from containers
 * in files.c.
 */
#include "container/container.h"

#include "api/private.h"

static struct containers *cs(const struct call *c)
{
	return c->api->config.containers;
}

/* Answers with value, or -1 where there is none. */
static int reply_value(struct call *c, json_t *value)
{
	if (!value)
		return -1;
	reply_json(c, 200, value);
	return 0;
}

static int reply_ok(struct call *c, int r)
{
	if (r == 0)
		reply_empty(c, 204);
	return r;
}

static json_t *warnings_json(const struct strv *warnings)
{
	json_t *obj = json_object();

	json_object_set_new(obj, "Warnings", json_strs(warnings));
	return obj;
}

/* --- looking ---------------------------------------------------------------------------------- */

static int list(struct call *c, struct err *err)
{
	AUTO(filters) struct filters f = {0};
	struct container_list_options opts = {.api_version = c->version};
	int64_t limit;
	json_t *filters, *value;

	if (param_filters(c, &f, err) < 0 || param_int(c, "limit", 0, &limit, err) < 0)
		return -1;
	opts.all = param_bool(c, "all", false);
	opts.size = param_bool(c, "size", false);
	opts.limit = (int)MIN(MAX(limit, (int64_t)0), (int64_t)1 << 30);
	opts.filters = filters = filters_json(&f);
	value = containers_list(cs(c), &opts, err);
	json_decref(filters);
	return reply_value(c, value);
}

static int inspect(struct call *c, struct err *err)
{
	return reply_value(c, container_inspect(cs(c), c->arg, param_bool(c, "size", false), c->version, err));
}

static int top(struct call *c, struct err *err)
{
	const char *args = param(c, "ps_args");

	return reply_value(c, container_top(cs(c), c->arg, args && *args ? args : NULL, err));
}

static int changes(struct call *c, struct err *err)
{
	return reply_value(c, container_changes(cs(c), c->arg, err));
}

/* --- changing --------------------------------------------------------------------------------- */

static int create(struct call *c, struct err *err)
{
	AUTO(strv) struct strv warnings = {0};
	AUTO(free) char *id = NULL;
	const char *name = param(c, "name");
	json_t *obj;

	if (need_body(c, err) < 0)
		return -1;
	if (container_create(cs(c), name && *name ? name : NULL, c->body, c->version, &id, &warnings, err) < 0)
		return -1;
	obj = json_object();
	json_object_set_new(obj, "Id", json_str(id));
	json_object_set_new(obj, "Warnings", json_strs(&warnings));
	reply_json(c, 201, obj);
	return 0;
}

static int start(struct call *c, struct err *err)
{
	if (c->req->body_len > 7)
		return err_set(err, ERR_INVALID,
			       "starting container with non-empty request body was deprecated since API v1.22 "
			       "and removed in v1.24");
	return reply_ok(c, container_start(cs(c), c->arg, param(c, "detachKeys"), err));
}

/* The parameter t; *ret points to timeout where it was given, else is NULL. */
static int param_timeout(struct call *c, int *timeout, const int **ret, struct err *err)
{
	const char *t = param(c, "t");
	int64_t v;

	*ret = NULL;
	if (!t || !*t)
		return 0;
	if (param_int(c, "t", 0, &v, err) < 0)
		return -1;
	*timeout = (int)MIN(MAX(v, (int64_t)-1), (int64_t)INT32_MAX);
	*ret = timeout;
	return 0;
}

static const char *param_signal(struct call *c)
{
	const char *sig = c->version >= 142 ? param(c, "signal") : NULL;

	return sig && *sig ? sig : NULL;
}

static int stop(struct call *c, struct err *err)
{
	const int *timeout;
	int seconds;

	if (param_timeout(c, &seconds, &timeout, err) < 0)
		return -1;
	call_hold(c);
	container_stop(cs(c), c->arg, param_signal(c), timeout, reply_when_done, c);
	return 0;
}

static int restart(struct call *c, struct err *err)
{
	const int *timeout;
	int seconds;

	if (param_timeout(c, &seconds, &timeout, err) < 0)
		return -1;
	call_hold(c);
	container_restart(cs(c), c->arg, param_signal(c), timeout, reply_when_done, c);
	return 0;
}

static int do_kill(struct call *c, struct err *err)
{
	call_hold(c);
	container_kill(cs(c), c->arg, param(c, "signal"), reply_when_done, c);
	return 0;
}

static int do_remove(struct call *c, struct err *err)
{
	call_hold(c);
	container_remove(cs(c), c->arg, param_bool(c, "force", false), param_bool(c, "v", false),
			 param_bool(c, "link", false), reply_when_done, c);
	return 0;
}

static int do_pause(struct call *c, struct err *err)
{
	return reply_ok(c, container_pause(cs(c), c->arg, err));
}

static int unpause(struct call *c, struct err *err)
{
	return reply_ok(c, container_unpause(cs(c), c->arg, err));
}

static int do_rename(struct call *c, struct err *err)
{
	return reply_ok(c, container_rename(cs(c), c->arg, str_or(param(c, "name")), err));
}

static int param_size(struct call *c, const char *name, const char *what, unsigned *ret, struct err *err)
{
	int64_t v;

	if (str_to_i64(str_or(param(c, name)), 10, &v) < 0 || v < 0 || v > UINT32_MAX)
		return err_set(err, ERR_INVALID, "invalid resize %s \"%.32s\": invalid syntax", what,
			       str_or(param(c, name)));
	*ret = (unsigned)v;
	return 0;
}

static int resize(struct call *c, struct err *err)
{
	unsigned h, w;

	if (param_size(c, "h", "height", &h, err) < 0 || param_size(c, "w", "width", &w, err) < 0)
		return -1;
	if (container_resize(cs(c), c->arg, h, w, err) < 0)
		return -1;
	reply_empty(c, 200);
	return 0;
}

static int update(struct call *c, struct err *err)
{
	AUTO(strv) struct strv warnings = {0};

	if (need_body(c, err) < 0 || container_update(cs(c), c->arg, c->body, &warnings, err) < 0)
		return -1;
	reply_json(c, 200, warnings_json(&warnings));
	return 0;
}

static int prune(struct call *c, struct err *err)
{
	static const char *const known[] = {"label", "label!", "until", NULL};
	AUTO(filters) struct filters f = {0};
	json_t *filters, *value;

	if (param_filters(c, &f, err) < 0 || filters_check(&f, known, err) < 0)
		return -1;
	filters = filters_json(&f);
	value = containers_prune(cs(c), filters, err);
	json_decref(filters);
	return reply_value(c, value);
}

/* --- exec --------------------------------------------------------------------------------------- */

static int exec_create(struct call *c, struct err *err)
{
	AUTO(free) char *id = NULL;
	json_t *obj;

	if (need_body(c, err) < 0 || container_exec_create(cs(c), c->arg, c->body, &id, err) < 0)
		return -1;
	obj = json_object();
	json_object_set_new(obj, "Id", json_str(id));
	reply_json(c, 201, obj);
	return 0;
}

static int exec_inspect(struct call *c, struct err *err)
{
	return reply_value(c, container_exec_inspect(cs(c), c->arg, err));
}

static int exec_resize(struct call *c, struct err *err)
{
	unsigned h, w;

	if (param_size(c, "h", "height", &h, err) < 0 || param_size(c, "w", "width", &w, err) < 0)
		return -1;
	if (container_exec_resize(cs(c), c->arg, h, w, err) < 0)
		return -1;
	reply_empty(c, 200);
	return 0;
}

const struct route exec_routes[] = {
    {"POST", "/containers/{}/exec", exec_create, 0, R_JSON, NEEDS_CONTAINERS},
    {"POST", "/exec/{}/resize", exec_resize, 0, 0, NEEDS_CONTAINERS},
    {"GET", "/exec/{}/json", exec_inspect, 0, 0, NEEDS_CONTAINERS},
    {0},
};

const struct route container_routes[] = {
    {"GET", "/containers/json", list, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/create", create, 0, R_JSON, NEEDS_CONTAINERS},
    {"POST", "/containers/prune", prune, 125, 0, NEEDS_CONTAINERS},
    {"GET", "/containers/{}/json", inspect, 0, 0, NEEDS_CONTAINERS},
    {"GET", "/containers/{}/top", top, 0, 0, NEEDS_CONTAINERS},
    {"GET", "/containers/{}/changes", changes, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/start", start, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/stop", stop, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/restart", restart, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/kill", do_kill, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/pause", do_pause, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/unpause", unpause, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/rename", do_rename, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/resize", resize, 0, 0, NEEDS_CONTAINERS},
    {"POST", "/containers/{}/update", update, 0, R_JSON, NEEDS_CONTAINERS},
    {"DELETE", "/containers/{}", do_remove, 0, 0, NEEDS_CONTAINERS},
    {0},
};
