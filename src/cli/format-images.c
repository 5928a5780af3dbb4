/*
 * format-images.c - the rows of images and history
 *
 * (1) An image is listed once per tag, or per tag and digest when digests are asked for; one
 *     without either shows <none>.
 */
#include <time.h>

#include "cli/format-priv.h"

#define CREATED_BY_WIDTH 45
#define NONE		 "<none>"
#define SINCE		 "{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}"
#define IMAGES		 "table {{.Repository}}\t{{.Tag}}\t{{.ID}}\t" SINCE "\t{{.Size}}"
#define IMAGES_DIGEST	 "table {{.Repository}}\t{{.Tag}}\t{{.Digest}}\t{{.ID}}\t" SINCE "\t{{.Size}}"
#define RAW_HEAD	 "repository: {{.Repository}}\n{{if .Tag}}tag: {{.Tag}}\n{{end}}"
#define RAW_TAIL	 "image_id: {{.ID}}\ncreated_at: {{.CreatedAt}}\nvirtual_size: {{.Size}}\n"

/* --- images --- */

/* Cuts "repo:tag" or "repo@digest"; false if there is no such part. */
static bool split_ref(const char *ref, bool digest, char **ret_repo, char **ret_rest)
{
	const char *at = strchr(ref, '@'), *slash = strrchr(ref, '/');
	const char *cut = digest ? at : strrchr(slash ? slash : ref, ':');
	AUTO(free) char *repo = NULL;

	if (!cut || (!digest && at))
		return false;
	repo = xstrndup(ref, (size_t)(cut - ref));
	*ret_repo = familiar_name(repo);
	*ret_rest = xstrdup(cut + 1);
	return true;
}

static void add_row(json_t *rows, json_t *image, const char *repo, const char *tag,
		    const char *digest)
{
	json_t *r = json_copy(image);

	json_object_set_new(r, "Repository", json_string(repo));
	json_object_set_new(r, "Tag", json_string(tag));
	json_object_set_new(r, "Digest", json_string(digest));
	json_array_append_new(rows, r);
}

/* Digests of a repository, in order. */
static void digests_of(json_t *image, const char *repo, struct strv *ret)
{
	json_t *ref;
	size_t i;

	json_array_foreach(json_object_get(image, "RepoDigests"), i, ref)
	{
		AUTO(free) char *name = NULL, *digest = NULL;

		if (split_ref(str_or(json_string_value(ref)), true, &name, &digest) &&
		    streq(name, repo))
			strv_add(ret, digest);
	}
}

static void add_tagged(json_t *rows, json_t *image, bool digests, struct strv *repos)
{
	json_t *ref;
	size_t i;

	json_array_foreach(json_object_get(image, "RepoTags"), i, ref)
	{
		AUTO(free) char *repo = NULL, *tag = NULL;
		AUTO(strv) struct strv d = {0};

		if (!split_ref(str_or(json_string_value(ref)), false, &repo, &tag) ||
		    streq(repo, NONE))
			continue;
		if (!strv_has(repos, repo))
			strv_add(repos, repo);
		if (digests)
			digests_of(image, repo, &d);
		if (!d.n)
			add_row(rows, image, repo, tag, NONE);
		for (size_t k = 0; k < d.n; k++)
			add_row(rows, image, repo, tag, d.v[k]);
	}
}

static void add_digests(json_t *rows, json_t *image, bool digests, struct strv *repos)
{
	json_t *ref;
	size_t i;

	json_array_foreach(json_object_get(image, "RepoDigests"), i, ref)
	{
		AUTO(free) char *repo = NULL, *digest = NULL;
		AUTO(strv) struct strv d = {0};

		if (!split_ref(str_or(json_string_value(ref)), true, &repo, &digest) ||
		    streq(repo, NONE) || strv_has(repos, repo))
			continue;
		strv_add(repos, repo);
		digests_of(image, repo, &d);
		for (size_t k = 0; digests && k < d.n; k++)
			add_row(rows, image, repo, NONE, d.v[k]);
		if (!digests)
			add_row(rows, image, repo, NONE, "");
	}
}

json_t *images_rows(json_t *images, const struct format_options *opt)
{
	bool digests = opt->digests || format_mentions(opt, "Digest");
	json_t *rows = json_array(), *image;
	size_t i;

	json_array_foreach(images, i, image)
	{
		AUTO(strv) struct strv repos = {0};
		size_t before = json_array_size(rows);

		add_tagged(rows, image, digests, &repos);
		add_digests(rows, image, opt->digests, &repos);
		if (json_array_size(rows) == before)
			add_row(rows, image, NONE, NONE, NONE);
	}
	return rows;
}

static json_t *size_string(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);

	if (!v || json_integer_value(v) < 0)
		return json_string("N/A");
	return take_string(human_size((double)get_int(o, key)));
}

static json_t *image_row(json_t *i, const struct format_options *opt)
{
	json_t *r = json_object(), *containers = json_object_get(i, "Containers"), *unique;
	int64_t created = get_int(i, "Created");

	json_object_set_new(r, "ID", id_string(get_str(i, "Id"), !opt->no_trunc));
	json_object_set_new(r, "Repository", json_string(get_str(i, "Repository")));
	json_object_set_new(r, "Tag", json_string(get_str(i, "Tag")));
	json_object_set_new(r, "Digest", json_string(get_str(i, "Digest")));
	json_object_set_new(r, "CreatedSince", take_string(human_ago(created)));
	json_object_set_new(r, "CreatedAt", take_string(go_time_string(created)));
	json_object_set_new(r, "Size", take_string(human_size_prec((double)get_int(i, "Size"), 3)));
	json_object_set_new(r, "Containers",
			    !containers || json_integer_value(containers) < 0
				    ? json_string("N/A")
				    : json_sprintf("%lld", (long long)get_int(i, "Containers")));
	json_object_set_new(r, "SharedSize", size_string(i, "SharedSize"));
	unique = get_int(i, "SharedSize") < 0 || !json_object_get(i, "SharedSize")
			 ? json_string("N/A")
			 : take_string(human_size(
				   (double)(get_int(i, "Size") - get_int(i, "SharedSize"))));
	json_object_set_new(r, "UniqueSize", unique);
	json_object_set_new(r, "VirtualSize", take_string(human_size((double)get_int(i, "Size"))));
	return r;
}

static const char *image_standard(const struct format_options *opt, const char *format)
{
	if (streq(format, "table"))
		return opt->quiet ? "{{.ID}}" : opt->digests ? IMAGES_DIGEST : IMAGES;
	if (!streq(format, "raw"))
		return NULL;
	if (opt->quiet)
		return "image_id: {{.ID}}";
	return opt->digests ? RAW_HEAD "{{if .Digest}}digest: {{.Digest}}\n{{end}}" RAW_TAIL
			    : RAW_HEAD RAW_TAIL;
}

static const struct format_column image_columns[] = {
	{"ID", "IMAGE ID"},
	{"Repository", "REPOSITORY"},
	{"Tag", "TAG"},
	{"Digest", "DIGEST"},
	{"CreatedSince", "CREATED"},
	{"CreatedAt", "CREATED AT"},
	{"Size", "SIZE"},
	{"Containers", "CONTAINERS"},
	{"VirtualSize", "SIZE"},
	{"SharedSize", "SHARED SIZE"},
	{"UniqueSize", "UNIQUE SIZE"},
	{NULL, NULL},
};

const struct format_list format_images = {
	.type = "*formatter.imageContext",
	.columns = image_columns,
	.standard = image_standard,
	.row = image_row,
};

/* --- history --- */

static char *rfc3339_local(int64_t unix_seconds)
{
	time_t t = (time_t)unix_seconds;
	struct tm tm;
	char b[64], zone[16];

	localtime_r(&t, &tm);
	strftime(b, sizeof(b), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	if (tm.tm_gmtoff == 0)
		return xasprintf("%sZ", b);
	return xasprintf("%s%.3s:%s", b, zone, zone + 3);
}

static json_t *history_row(json_t *h, const struct format_options *opt)
{
	json_t *r = json_object();
	int64_t created = get_int(h, "Created");
	char *by = xstrdup(get_str(h, "CreatedBy"));

	for (char *p = by; *p; p++)
		if (*p == '\t')
			*p = ' ';
	if (!opt->no_trunc) {
		char *cut = ellipsis(by, CREATED_BY_WIDTH);

		free(by);
		by = cut;
	}
	json_object_set_new(r, "ID", id_string(get_str(h, "Id"), !opt->no_trunc));
	json_object_set_new(r, "CreatedAt", take_string(rfc3339_local(created)));
	json_object_set_new(r, "CreatedSince",
			    opt->raw_numbers
				    ? take_string(rfc3339_local(created))
				    : take_string(created ? human_ago(created) : xstrdup("N/A")));
	json_object_set_new(r, "CreatedBy", take_string(by));
	json_object_set_new(r, "Size",
			    opt->raw_numbers
				    ? json_sprintf("%lld", (long long)get_int(h, "Size"))
				    : take_string(human_size_prec((double)get_int(h, "Size"), 3)));
	json_object_set_new(r, "Comment", json_string(get_str(h, "Comment")));
	return r;
}

static const char *history_standard(const struct format_options *opt, const char *format)
{
	if (!streq(format, "table"))
		return NULL;
	if (opt->quiet)
		return "{{.ID}}";
	return opt->raw_numbers
		       ? "table {{.ID}}\t{{.CreatedAt}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}"
		       : "table "
			 "{{.ID}}\t{{.CreatedSince}}\t{{.CreatedBy}}\t{{.Size}}\t{{.Comment}}";
}

static const struct format_column history_columns[] = {
	{"ID", "IMAGE"},
	{"CreatedSince", "CREATED"},
	{"CreatedAt", "CREATED AT"},
	{"CreatedBy", "CREATED BY"},
	{"Size", "SIZE"},
	{"Comment", "COMMENT"},
	{NULL, NULL},
};

const struct format_list format_history = {
	.type = "*image.historyContext",
	.columns = history_columns,
	.standard = history_standard,
	.row = history_row,
};
