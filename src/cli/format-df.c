/*
 * format-df.c - disk usage: the table of `system df` and the sections of `system df -v`
 */
#include "cli/format-priv.h"

static void add_row(json_t *rows, const char *type, size_t total, size_t active, int64_t size,
		    char *reclaimable)
{
	json_t *r = json_object();

	json_object_set_new(r, "Type", json_string(type));
	json_object_set_new(r, "TotalCount", json_sprintf("%zu", total));
	json_object_set_new(r, "Active", json_sprintf("%zu", active));
	json_object_set_new(r, "Size", take_string(human_size((double)size)));
	json_object_set_new(r, "Reclaimable", take_string(reclaimable));
	json_array_append_new(rows, r);
}

/* "800MB (81%)" */
static char *share(int64_t part, int64_t whole)
{
	AUTO(free) char *size = human_size((double)part);

	return whole > 0 ? xasprintf("%s (%lld%%)", size, (long long)(part * 100 / whole))
			 : xstrdup(size);
}

static void images(json_t *df, json_t *rows)
{
	json_t *list = json_object_get(df, "Images"), *i;
	int64_t total = get_int(df, "LayersSize"), used = 0;
	size_t k, active = 0;

	json_array_foreach(list, k, i)
	{
		int64_t size = get_int(i, "Size"), shared = get_int(i, "SharedSize");

		active += get_int(i, "Containers") > 0;
		if (get_int(i, "Containers") != 0 && size != -1 && shared != -1)
			used += size - shared;
	}
	add_row(rows, "Images", json_array_size(list), active, total, share(total - used, total));
}

static bool is_active(json_t *c)
{
	const char *state = get_str(c, "State");

	return streq(state, "running") || streq(state, "paused") || streq(state, "restarting");
}

static void containers(json_t *df, json_t *rows)
{
	json_t *list = json_object_get(df, "Containers"), *c;
	int64_t total = 0, idle = 0;
	size_t k, active = 0;

	json_array_foreach(list, k, c)
	{
		active += is_active(c);
		total += get_int(c, "SizeRw");
		idle += is_active(c) ? 0 : get_int(c, "SizeRw");
	}
	add_row(rows, "Containers", json_array_size(list), active, total, share(idle, total));
}

static void volumes(json_t *df, json_t *rows)
{
	json_t *list = json_object_get(df, "Volumes"), *v;
	int64_t total = 0, idle = 0;
	size_t k, active = 0;

	json_array_foreach(list, k, v)
	{
		json_t *usage = json_object_get(v, "UsageData");
		int64_t size = get_int(usage, "Size");

		active += get_int(usage, "RefCount") > 0;
		if (!json_is_object(usage) || size == -1)
			continue;
		total += size;
		idle += get_int(usage, "RefCount") == 0 ? size : 0;
	}
	add_row(rows, "Local Volumes", json_array_size(list), active, total, share(idle, total));
}

static int64_t cache_size(json_t *df, bool idle_only, size_t *ret_active)
{
	json_t *b;
	int64_t size = 0;
	size_t k;

	*ret_active = 0;
	json_array_foreach(json_object_get(df, "BuildCache"), k, b)
	{
		bool in_use = json_is_true(json_object_get(b, "InUse"));

		*ret_active += in_use;
		if (!json_is_true(json_object_get(b, "Shared")) && !(idle_only && in_use))
			size += get_int(b, "Size");
	}
	return size;
}

json_t *df_rows(json_t *df, const struct format_options *opt)
{
	json_t *rows = json_array();
	size_t active;
	int64_t total = cache_size(df, false, &active), idle = cache_size(df, true, &active);

	images(df, rows);
	containers(df, rows);
	volumes(df, rows);
	add_row(rows, "Build Cache", json_array_size(json_object_get(df, "BuildCache")), active,
		total, human_size((double)idle));
	return rows;
}

/* --- the sections of -v --- */

#define IMAGES                                                                                     \
	"table "                                                                                   \
	"{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t"      \
	"{{.UniqueSize}}\t{{.Containers}}"
#define CONTAINERS                                                                                 \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t" \
	"{{.Status}}\t{{.Names}}"
#define VOLUMES "table {{.Name}}\t{{.Links}}\t{{.Size}}"
#define CACHE                                                                                      \
	"table {{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t"        \
	"{{.UsageCount}}\t{{.Shared}}"

static json_t *ago(const char *rfc3339)
{
	int64_t ns;

	return clock_parse_rfc3339(rfc3339, &ns) < 0 ? json_string("")
						     : take_string(human_ago(ns / NS_PER_SEC));
}

static json_t *cache_row(json_t *b, const struct format_options *opt)
{
	json_t *r = json_object();

	json_object_set_new(r, "ID", id_string(get_str(b, "ID"), true));
	json_object_set_new(r, "CacheType", json_string(get_str(b, "Type")));
	json_object_set_new(r, "Size", take_string(human_size_prec((double)get_int(b, "Size"), 3)));
	json_object_set_new(r, "CreatedSince", ago(get_str(b, "CreatedAt")));
	json_object_set_new(r, "LastUsedSince", ago(get_str(b, "LastUsedAt")));
	json_object_set_new(r, "UsageCount",
			    json_sprintf("%lld", (long long)get_int(b, "UsageCount")));
	json_object_set_new(
		r, "Shared",
		json_string(json_is_true(json_object_get(b, "Shared")) ? "true" : "false"));
	return r;
}

static const struct format_column cache_columns[] = {
	{"ID", "CACHE ID"},
	{"CacheType", "CACHE TYPE"},
	{"Size", "SIZE"},
	{"CreatedSince", "CREATED"},
	{"LastUsedSince", "LAST USED"},
	{"UsageCount", "USAGE"},
	{"Shared", "SHARED"},
	{NULL, NULL},
};

static const struct format_list format_cache = {
	.type = "*formatter.buildCacheContext",
	.columns = cache_columns,
	.row = cache_row,
};

static int section(const char *title, const struct format_list *list, const char *format,
		   json_t *objects, struct buf *out, struct err *err)
{
	struct format_options opt = {.format = format};

	buf_adds(out, title);
	return format_list_print(list, objects, &opt, out, err);
}

/* One line per image: its first tag only. */
static json_t *first_tags(json_t *images)
{
	static const struct format_options opt = {0};
	json_t *rows = json_array(), *i;
	size_t k;

	json_array_foreach(images, k, i)
	{
		json_t *one = json_pack("[O]", i), *all = images_rows(one, &opt);
		json_t *row = json_array_get(all, 0);

		/* Without a tag a repository is not shown here. */
		if (streq(get_str(row, "Tag"), "<none>"))
			json_object_set_new(row, "Repository", json_string("<none>"));
		json_array_append(rows, row);
		json_decref(all);
		json_decref(one);
	}
	return rows;
}

int df_verbose(json_t *df, const struct format_options *opt, struct buf *out, struct err *err)
{
	json_t *rows = first_tags(json_object_get(df, "Images"));
	size_t active, i;
	json_t *c;
	AUTO(free) char *cache = human_size((double)cache_size(df, false, &active));
	AUTO(free) char *title = xasprintf("\nBuild cache usage: %s\n\n", cache);
	int r;

	json_array_foreach(json_object_get(df, "Containers"), i, c)
		json_object_del(c, "SizeRootFs");
	r = section("Images space usage:\n\n", &format_images, IMAGES, rows, out, err);
	json_decref(rows);
	if (r < 0 ||
	    section("\nContainers space usage:\n\n", &format_containers, CONTAINERS,
		    json_object_get(df, "Containers"), out, err) < 0 ||
	    section("\nLocal Volumes space usage:\n\n", &format_volumes, VOLUMES,
		    json_object_get(df, "Volumes"), out, err) < 0)
		return -1;
	return section(title, &format_cache, CACHE, json_object_get(df, "BuildCache"), out, err);
}
