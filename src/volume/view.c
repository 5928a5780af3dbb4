/*
 * view.c - volumes as the Engine API shows them; list and prune with their filters
 */
#include <fcntl.h>

#include "base/clock.h"
#include "volume/private.h"

int volume_filters_from(const json_t *spec, struct filters *ret, struct err *err)
{
	AUTO(free) char *text = NULL;

	if (!spec || json_is_null(spec))
		return 0;
	text = json_text(spec, 0);
	return filters_parse(text, ret, err);
}

void volume_labels_map(const struct volume *vol, struct map *ret)
{
	const char *key;
	json_t *v;

	json_object_foreach(vol->labels, key, v)
		map_set_str(ret, key, str_or(json_string_value(v)));
}

static json_t *copy_or_null(json_t *v)
{
	return v ? json_deep_copy(v) : json_null();
}

json_t *volume_json(const struct volume_store *store, const struct volume *vol)
{
	AUTO(free) char *path = volume_data_path(store, vol->name);
	char created[CLOCK_RFC3339_MAX];
	json_t *o = json_object();

	clock_format_rfc3339(created, vol->created_ns / NS_PER_SEC * NS_PER_SEC);
	json_object_set_new(o, "CreatedAt", json_string(created));
	json_object_set_new(o, "Driver", json_string("local"));
	json_object_set_new(o, "Labels", copy_or_null(vol->labels));
	json_object_set_new(o, "Mountpoint", json_str(path));
	json_object_set_new(o, "Name", json_string(vol->name));
	json_object_set_new(o, "Options", copy_or_null(vol->options));
	json_object_set_new(o, "Scope", json_string("local"));
	return o;
}

int volume_inspect(struct volume_store *store, const char *name, json_t **ret, struct err *err)
{
	const struct volume *vol;

	pthread_mutex_lock(&store->lock);
	vol = store_need(store, name, err);
	if (vol)
		*ret = volume_json(store, vol);
	pthread_mutex_unlock(&store->lock);
	return vol ? 0 : -1;
}

static bool matches(const struct filters *f, const struct volume *vol, bool only_dangling, bool dangling)
{
	AUTO(map) struct map labels = {.free_value = free};

	volume_labels_map(vol, &labels);
	if (only_dangling && dangling != (vol->users.n == 0))
		return false;
	return filters_match(f, "name", vol->name) && filters_exact(f, "driver", "local") &&
	       filters_labels(f, "label", &labels);
}

static int by_name(const void *a, const void *b)
{
	const struct volume *x = *(struct volume *const *)a, *y = *(struct volume *const *)b;

	return strcmp(x->name, y->name);
}

/* All volumes by name; the caller frees the array. Under lock. */
static struct volume **sorted(struct volume_store *store, size_t *ret_n)
{
	struct volume **v = xnew_n(struct volume *, store->volumes.n + 1);
	size_t n = 0;

	map_for_each(it, &store->volumes)
		v[n++] = it->value;
	qsort(v, n, sizeof(*v), by_name);
	*ret_n = n;
	return v;
}

int volume_list(struct volume_store *store, const json_t *filters, json_t **ret_array, struct err *err)
{
	static const char *const known[] = {"dangling", "driver", "label", "name", NULL};
	AUTO(filters) struct filters f = {};
	AUTO(free) struct volume **v = NULL;
	bool dangling = false;
	json_t *list;
	size_t n;

	if (volume_filters_from(filters, &f, err) < 0 || filters_check(&f, known, err) < 0 ||
	    filters_bool(&f, "dangling", false, &dangling, err) < 0)
		return -1;
	list = json_array();
	pthread_mutex_lock(&store->lock);
	v = sorted(store, &n);
	for (size_t i = 0; i < n; i++)
		if (matches(&f, v[i], filters_has(&f, "dangling"), dangling))
			json_array_append_new(list, volume_json(store, v[i]));
	pthread_mutex_unlock(&store->lock);
	*ret_array = list;
	return 0;
}

int volume_usage(struct volume_store *store, json_t **ret_array, struct err *err)
{
	AUTO(free) struct volume **v = NULL;
	AUTO(strv) struct strv names = {};
	json_t *list = json_array(), *o;
	size_t n, i;

	pthread_mutex_lock(&store->lock);
	v = sorted(store, &n);
	for (i = 0; i < n; i++) {
		o = volume_json(store, v[i]);
		json_object_set_new(o, "UsageData",
				    json_pack("{s:i,s:i}", "RefCount", (int)v[i]->users.n, "Size", -1));
		json_array_append_new(list, o);
		strv_add(&names, v[i]->name);
	}
	pthread_mutex_unlock(&store->lock);
	json_array_foreach(list, i, o) { /* without the lock: it takes as long as the trees are large */
		AUTO(free) char *path = xasprintf("%s/_data", names.v[i]);

		json_object_set_new(json_object_get(o, "UsageData"), "Size",
				    json_integer((json_int_t)tree_size(store->dirfd, path)));
	}
	*ret_array = list;
	return 0;
}

int volume_prune(struct volume_store *store, const json_t *filters, struct strv *ret_removed,
		 uint64_t *ret_bytes, struct err *err)
{
	static const char *const known[] = {"all", "label", "label!", NULL};
	AUTO(filters) struct filters f = {};
	AUTO(strv) struct strv names = {};
	AUTO(free) struct volume **v = NULL;
	bool all = false;
	int r = 0;
	size_t n;

	if (volume_filters_from(filters, &f, err) < 0 || filters_check(&f, known, err) < 0 ||
	    filters_bool(&f, "all", false, &all, err) < 0)
		return -1;
	pthread_mutex_lock(&store->lock);
	v = sorted(store, &n);
	for (size_t i = 0; i < n; i++)
		strv_add(&names, v[i]->name);
	for (size_t i = 0; i < n && r == 0; i++) { /* by name: the lock is let go while a tree goes */
		struct volume *vol = volstore_find(store, names.v[i]);
		AUTO(map) struct map labels = {.free_value = free};
		AUTO(free) char *path = xasprintf("%s/_data", names.v[i]);
		uint64_t bytes;

		if (!vol || vol->users.n > 0 || vol->busy || (!all && !vol->anonymous))
			continue;
		volume_labels_map(vol, &labels);
		if (!filters_labels(&f, "label", &labels) || !filters_labels_not(&f, "label!", &labels))
			continue;
		bytes = tree_size(store->dirfd, path);
		r = store_drop(store, vol, err);
		if (r == 0) {
			*ret_bytes += bytes;
			strv_add(ret_removed, names.v[i]);
		}
	}
	pthread_mutex_unlock(&store->lock);
	return r;
}
