/*
 * images.c - /images: list, inspect, history, tag, removal, prune
 *
 * What moves images in and out is in transfer.c.
 */
#include "image/image.h"

#include "api/private.h"
#include "base/clock.h"
#include "container/container.h"
#include "event/event.h"

static struct image_store *store(const struct call *c)
{
	return c->api->config.images;
}

/* --- shapes ------------------------------------------------------------------------------------- */

static json_t *strings_or_null(const struct strv *sv)
{
	return sv->n ? json_strs(sv) : json_null();
}

static json_t *set_or_null(const struct strv *sv)
{
	json_t *obj;

	if (!sv->n)
		return json_null();
	obj = json_object();
	strv_for_each(s, sv)
		json_object_set_new_nocheck(obj, s, json_object());
	return obj;
}

static json_t *map_or_null(const struct map *m)
{
	json_t *obj;

	if (!m->n)
		return json_null();
	obj = json_object();
	map_for_each(it, m)
		json_object_set_new_nocheck(obj, it->key, json_str(it->value));
	return obj;
}

static void set_health(json_t *obj, const struct image_health *h)
{
	const struct {
		const char *key;
		int64_t v;
	} fields[] = {
	    {"Interval", h->interval},
	    {"Timeout", h->timeout},
	    {"StartPeriod", h->start_period},
	    {"StartInterval", h->start_interval},
	    {"Retries", h->retries},
	};
	json_t *check = json_object();

	if (h->test.n)
		json_object_set_new(check, "Test", json_strs(&h->test));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (fields[i].v)
			json_object_set_new(check, fields[i].key, json_integer(fields[i].v));
	json_object_set_new(obj, "Healthcheck", check);
}

/* What older clients see though no image has it. */
static void set_never(json_t *obj, const char *const *strs, const char *const *bools)
{
	for (; *strs; strs++)
		json_object_set_new(obj, *strs, json_string(""));
	for (; *bools; bools++)
		json_object_set_new(obj, *bools, json_false());
}

static json_t *config_json(const struct image_config *cfg, unsigned version)
{
	static const char *const strs[] = {"Hostname", "Domainname", "Image", NULL};
	static const char *const bools[] = {"AttachStdin", "AttachStdout", "AttachStderr", "Tty",
					    "OpenStdin", "StdinOnce", NULL};
	json_t *obj = json_object();

	if (version < 150)
		set_never(obj, strs, bools);
	json_object_set_new(obj, "User", json_str(cfg->user));
	if (cfg->exposed_ports.n)
		json_object_set_new(obj, "ExposedPorts", set_or_null(&cfg->exposed_ports));
	json_object_set_new(obj, "Env", strings_or_null(&cfg->env));
	json_object_set_new(obj, "Cmd", strings_or_null(&cfg->cmd));
	if (cfg->has_health)
		set_health(obj, &cfg->health);
	if (cfg->args_escaped)
		json_object_set_new(obj, "ArgsEscaped", json_true());
	json_object_set_new(obj, "Volumes", set_or_null(&cfg->volumes));
	json_object_set_new(obj, "WorkingDir", json_str(cfg->working_dir));
	json_object_set_new(obj, "Entrypoint", strings_or_null(&cfg->entrypoint));
	json_object_set_new(obj, "OnBuild", strings_or_null(&cfg->onbuild));
	json_object_set_new(obj, "Labels", map_or_null(&cfg->labels));
	if (cfg->stop_signal && *cfg->stop_signal)
		json_object_set_new(obj, "StopSignal", json_str(cfg->stop_signal));
	if (cfg->stop_timeout >= 0 && version < 150)
		json_object_set_new(obj, "StopTimeout", json_integer(cfg->stop_timeout));
	if (cfg->shell.n)
		json_object_set_new(obj, "Shell", json_strs(&cfg->shell));
	return obj;
}

static json_t *graph_driver(const struct image *img)
{
	json_t *obj = json_object(), *data = json_object();
	AUTO(strv) struct strv lower = {0};
	AUTO(free) char *text = NULL;

	for (size_t i = 1; i < img->layers.n; i++)
		strv_add(&lower, img->layers.v[i]);
	text = strv_join(&lower, ":");
	if (lower.n)
		json_object_set_new(data, "LowerDir", json_str(text));
	if (img->layers.n)
		json_object_set_new(data, "UpperDir", json_str(img->layers.v[0]));
	json_object_set_new(obj, "Data", data);
	json_object_set_new(obj, "Name", json_string("overlay2"));
	return obj;
}

static json_t *metadata(const struct image *img)
{
	char text[CLOCK_RFC3339_MAX] = "0001-01-01T00:00:00Z";
	json_t *obj = json_object();

	if (img->tagged_ns)
		clock_format_rfc3339(text, img->tagged_ns);
	json_object_set_new(obj, "LastTagTime", json_string(text));
	return obj;
}

static json_t *inspect_json(const struct image *img, unsigned version)
{
	json_t *obj = json_object(), *rootfs = json_object();

	json_object_set_new(obj, "Id", json_str(img->id));
	json_object_set_new(obj, "RepoTags", json_strs(&img->repo_tags));
	json_object_set_new(obj, "RepoDigests", json_strs(&img->repo_digests));
	json_object_set_new(obj, "Parent", json_str(img->parent));
	json_object_set_new(obj, "Comment", json_str(img->comment));
	if (img->created || version < 144)
		json_object_set_new(obj, "Created", json_str(img->created ? img->created : "0001-01-01T00:00:00Z"));
	if (version < 145) {
		json_object_set_new(obj, "Container", json_string(""));
		json_object_set_new(obj, "ContainerConfig", json_null());
	}
	json_object_set_new(obj, "DockerVersion", json_str(img->docker_version));
	json_object_set_new(obj, "Author", json_str(img->author));
	json_object_set_new(obj, "Config", config_json(&img->config, version));
	json_object_set_new(obj, "Architecture", json_str(img->architecture));
	if (img->variant && *img->variant)
		json_object_set_new(obj, "Variant", json_str(img->variant));
	json_object_set_new(obj, "Os", json_str(img->os));
	json_object_set_new(obj, "Size", json_integer(img->size));
	if (version < 144)
		json_object_set_new(obj, "VirtualSize", json_integer(img->size));
	json_object_set_new(obj, "GraphDriver", graph_driver(img));
	json_object_set_new(rootfs, "Type", json_string("layers"));
	json_object_set_new(rootfs, "Layers", json_strs(&img->diff_ids));
	json_object_set_new(obj, "RootFS", rootfs);
	json_object_set_new(obj, "Metadata", metadata(img));
	return obj;
}

/* Clients before 1.43 want names for what has none. */
static json_t *names_json(const struct strv *names, const char *none, unsigned version)
{
	json_t *arr = json_strs(names);

	if (!names->n && version < 143)
		json_array_append_new(arr, json_string(none));
	return arr;
}

static json_t *summary_json(const struct image *img, int64_t shared, int64_t containers, unsigned version)
{
	json_t *obj = json_object();
	bool nameless = !img->repo_tags.n && !img->repo_digests.n;

	json_object_set_new(obj, "Containers", json_integer(containers));
	json_object_set_new(obj, "Created", json_integer(img->created_ns / NS_PER_SEC));
	json_object_set_new(obj, "Id", json_str(img->id));
	json_object_set_new(obj, "Labels", map_or_null(&img->config.labels));
	json_object_set_new(obj, "ParentId", json_str(img->parent));
	json_object_set_new(obj, "RepoDigests", names_json(&img->repo_digests, "<none>@<none>", nameless ? version : 143));
	json_object_set_new(obj, "RepoTags", names_json(&img->repo_tags, "<none>:<none>", version));
	json_object_set_new(obj, "SharedSize", json_integer(shared));
	json_object_set_new(obj, "Size", json_integer(img->size));
	if (version < 144)
		json_object_set_new(obj, "VirtualSize", json_integer(img->size));
	return obj;
}

/* --- looking ------------------------------------------------------------------------------------- */

static const char *first(const struct filters *f, const char *key)
{
	const struct strv *sv = filters_get(f, key);

	return sv && sv->n ? sv->v[0] : NULL;
}

static void copy_values(const struct filters *f, const char *key, struct strv *ret)
{
	const struct strv *sv = filters_get(f, key);

	if (sv)
		strv_copy(ret, sv);
}

static void filter_done(struct image_filter *f)
{
	strv_done(&f->reference);
	strv_done(&f->label);
	strv_done(&f->label_not);
}

/* Strings point into f. */
static int to_image_filter(const struct filters *f, struct image_filter *ret, struct err *err)
{
	const char *until = first(f, "until");
	bool dangling;

	*ret = (struct image_filter){.dangling = -1, .before = first(f, "before"), .since = first(f, "since")};
	if (filters_has(f, "dangling")) {
		if (filters_bool(f, "dangling", false, &dangling, err) < 0)
			return -1;
		ret->dangling = dangling;
	}
	if (until && clock_parse_moment(until, clock_real_ns(), &ret->until_ns) < 0)
		return err_set(err, ERR_INVALID, "invalid filter 'until=[%s]'", until);
	copy_values(f, "reference", &ret->reference);
	copy_values(f, "label", &ret->label);
	copy_values(f, "label!", &ret->label_not);
	return 0;
}

static int list(struct call *c, struct err *err)
{
	static const char *const known[] = {"before", "dangling", "label", "reference", "since", "until", NULL};
	AUTO(filters) struct filters f = {0};
	struct image_filter filter = {0};
	struct image_list images = {0};
	bool shared = c->version >= 142 && param_bool(c, "shared-size", false);
	const char *name = c->version < 141 ? param(c, "filter") : NULL;
	json_t *arr;
	int r;

	if (param_filters(c, &f, err) < 0 || filters_check(&f, known, err) < 0 ||
	    to_image_filter(&f, &filter, err) < 0)
		return -1;
	if (name && *name)
		strv_add(&filter.reference, name);
	filter.all = param_bool(c, "all", false);
	r = image_list(store(c), &filter, &images, err);
	filter_done(&filter);
	if (r < 0)
		return -1;
	arr = json_array();
	for (size_t i = 0; i < images.n; i++)
		json_array_append_new(arr, summary_json(images.v[i], shared ? image_shared_size(store(c), images.v[i]) : -1,
							-1, c->version));
	image_list_done(&images);
	reply_json(c, 200, arr);
	return 0;
}

static int inspect(struct call *c, struct err *err)
{
	AUTO(image) struct image *img = NULL;

	if (image_get(store(c), c->arg, &img, err) < 0)
		return -1;
	reply_json(c, 200, inspect_json(img, c->version));
	return 0;
}

static json_t *history_json(const struct image *img, const struct image_history *h, bool top)
{
	json_t *obj = json_object();
	int64_t created = 0;

	if (h->created && clock_parse_rfc3339(h->created, &created) < 0)
		created = 0;
	json_object_set_new(obj, "Comment", json_str(h->comment));
	json_object_set_new(obj, "Created", json_integer(created / NS_PER_SEC));
	json_object_set_new(obj, "CreatedBy", json_str(h->created_by));
	json_object_set_new(obj, "Id", json_str(top ? img->id : "<missing>"));
	json_object_set_new(obj, "Size", json_integer(h->size));
	json_object_set_new(obj, "Tags", top && img->repo_tags.n ? json_strs(&img->repo_tags) : json_null());
	return obj;
}

static int history(struct call *c, struct err *err)
{
	AUTO(image) struct image *img = NULL;
	json_t *arr;

	if (image_get(store(c), c->arg, &img, err) < 0)
		return -1;
	arr = json_array();
	for (size_t i = img->nhistory; i-- > 0;)
		json_array_append_new(arr, history_json(img, &img->history[i], i + 1 == img->nhistory));
	reply_json(c, 200, arr);
	return 0;
}

static int64_t count_containers(const json_t *containers, const char *image_id)
{
	json_t *ct;
	size_t i;
	int64_t n = 0;

	json_array_foreach(containers, i, ct)
		n += streq(json_string_value(json_object_get(ct, "ImageID")), image_id);
	return n;
}

json_t *images_disk_usage(struct call *c, int64_t *ret_layers, struct err *err)
{
	struct container_list_options all = {.all = true, .api_version = c->version};
	struct image_filter any = {.dangling = -1};
	struct image_list images = {0};
	json_t *arr, *containers = NULL;
	size_t n;

	if (image_list(store(c), &any, &images, err) < 0)
		return NULL;
	if (c->api->config.containers)
		containers = containers_list(c->api->config.containers, &all, NULL);
	arr = json_array();
	for (size_t i = 0; i < images.n; i++)
		json_array_append_new(arr, summary_json(images.v[i], image_shared_size(store(c), images.v[i]),
							count_containers(containers, images.v[i]->id), c->version));
	json_decref(containers);
	image_list_done(&images);
	*ret_layers = image_layers_size(store(c), &n);
	return arr;
}

/* --- changing ------------------------------------------------------------------------------------ */

void publish_image(struct call *c, const char *action, const char *id, const char *name)
{
	AUTO(map) struct map attrs = {0};
	AUTO(image) struct image *img = NULL;

	if (!c->api->config.events)
		return;
	if (image_get(store(c), id, &img, NULL) == 0)
		map_copy_str(&attrs, &img->config.labels);
	map_set_str(&attrs, "name", name);
	event_publish(c->api->config.events, "image", action, id, &attrs);
}

static int tag(struct call *c, struct err *err)
{
	AUTO(image) struct image *img = NULL;
	AUTO(free) char *name = NULL;

	if (image_get(store(c), c->arg, &img, err) < 0)
		return -1;
	if (image_tag_parts(store(c), img->id, str_or(param(c, "repo")), param(c, "tag"), &name, err) < 0)
		return -1;
	publish_image(c, "tag", img->id, name);
	reply_empty(c, 201);
	return 0;
}

/* ids: of the images there were (what else is deleted are layers); untagged: the one that lost names. */
static json_t *removals_json(struct call *c, const struct image_removals *r, const struct strv *ids, const char *untagged)
{
	json_t *arr = json_array();

	for (size_t i = 0; i < r->n; i++) {
		const struct image_removal *it = &r->v[i];
		json_t *obj = json_object();

		json_object_set_new(obj, it->untagged ? "Untagged" : "Deleted",
				    json_str(it->untagged ? it->untagged : it->deleted));
		json_array_append_new(arr, obj);
		if (it->deleted && strv_has(ids, it->deleted))
			publish_image(c, "delete", it->deleted, it->deleted);
		else if (it->untagged && untagged)
			publish_image(c, "untag", untagged, untagged);
	}
	return arr;
}

static void all_ids(struct call *c, struct strv *ret)
{
	struct image_filter any = {.dangling = -1, .all = true};
	struct image_list images = {0};

	if (image_list(store(c), &any, &images, NULL) < 0)
		return;
	for (size_t i = 0; i < images.n; i++)
		strv_add(ret, images.v[i]->id);
	image_list_done(&images);
}

static int do_remove(struct call *c, struct err *err)
{
	AUTO(strv) struct strv ids = {0};
	AUTO(image) struct image *img = NULL;
	struct image_removals removals = {0};
	json_t *arr;

	all_ids(c, &ids);
	if (image_get(store(c), c->arg, &img, err) < 0 ||
	    image_remove(store(c), c->arg, param_bool(c, "force", false), !param_bool(c, "noprune", false),
			 &removals, err) < 0)
		return -1;
	arr = removals_json(c, &removals, &ids, img->id);
	image_removals_done(&removals);
	reply_json(c, 200, arr);
	return 0;
}

static int prune(struct call *c, struct err *err)
{
	static const char *const known[] = {"dangling", "label", "label!", "until", NULL};
	AUTO(filters) struct filters f = {0};
	struct image_filter filter = {0};
	struct image_removals removals = {0};
	AUTO(strv) struct strv ids = {0};
	bool dangling = true;
	json_t *obj, *arr;
	int r;

	if (param_filters(c, &f, err) < 0 || filters_check(&f, known, err) < 0 ||
	    filters_bool(&f, "dangling", true, &dangling, err) < 0 || to_image_filter(&f, &filter, err) < 0)
		return -1;
	filter.dangling = -1;
	all_ids(c, &ids);
	r = image_prune(store(c), &filter, !dangling, &removals, err);
	filter_done(&filter);
	if (r < 0)
		return -1;
	obj = json_object();
	arr = removals_json(c, &removals, &ids, NULL);
	json_object_set_new(obj, "ImagesDeleted", removals.n ? arr : json_null());
	if (!removals.n)
		json_decref(arr);
	json_object_set_new(obj, "SpaceReclaimed", json_integer(removals.freed));
	image_removals_done(&removals);
	reply_json(c, 200, obj);
	return 0;
}

const struct route image_routes[] = {
    {"GET", "/images/json", list, 0, 0, NEEDS_IMAGES},
    {"POST", "/images/prune", prune, 125, 0, NEEDS_IMAGES},
    {"GET", "/images/{}/json", inspect, 0, 0, NEEDS_IMAGES},
    {"GET", "/images/{}/history", history, 0, 0, NEEDS_IMAGES},
    {"POST", "/images/{}/tag", tag, 0, 0, NEEDS_IMAGES},
    {"DELETE", "/images/{}", do_remove, 0, 0, NEEDS_IMAGES},
    {0},
};
