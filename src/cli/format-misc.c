/*
 * format-misc.c - the rows of networks, volumes, stats and system df
 */
#include "cli/format-priv.h"

#define DESCRIPTION_WIDTH 45

#define STATS                                                                                      \
	"table {{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t"        \
	"{{.BlockIO}}\t{{.PIDs}}"
#define SEARCH "table {{.Name}}\t{{.Description}}\t{{.StarCount}}\t{{.IsOfficial}}"
#define DF     "table {{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}"

/* --- networks --- */

/* Go's time.Time.String() of an RFC 3339 time, nanoseconds kept. */
static json_t *time_string(const char *rfc3339)
{
	char out[CLOCK_RFC3339_MAX];
	int64_t ns;

	if (clock_parse_rfc3339(rfc3339, &ns) < 0)
		return json_string("0001-01-01 00:00:00 +0000 UTC");
	clock_format_rfc3339(out, ns);
	out[strlen(out) - 1] = '\0';
	out[10] = ' ';
	return json_sprintf("%s +0000 UTC", out);
}

static json_t *bool_string(json_t *o, const char *key)
{
	return json_string(json_is_true(json_object_get(o, key)) ? "true" : "false");
}

static json_t *network_row(json_t *n, const struct format_options *opt)
{
	json_t *r = json_object();

	json_object_set_new(r, "ID", id_string(get_str(n, "Id"), !opt->no_trunc));
	json_object_set_new(r, "Name", json_string(get_str(n, "Name")));
	json_object_set_new(r, "Driver", json_string(get_str(n, "Driver")));
	json_object_set_new(r, "Scope", json_string(get_str(n, "Scope")));
	json_object_set_new(r, "IPv4", bool_string(n, "EnableIPv4"));
	json_object_set_new(r, "IPv6", bool_string(n, "EnableIPv6"));
	json_object_set_new(r, "Internal", bool_string(n, "Internal"));
	json_object_set_new(r, "Labels", joined_labels(json_object_get(n, "Labels")));
	json_object_set_new(r, "CreatedAt", time_string(get_str(n, "Created")));
	keep_labels(r, json_object_get(n, "Labels"));
	return r;
}

static const char *network_standard(const struct format_options *opt, const char *format)
{
	if (streq(format, "table"))
		return opt->quiet ? "{{.ID}}" : "table {{.ID}}\t{{.Name}}\t{{.Driver}}\t{{.Scope}}";
	if (streq(format, "raw"))
		return opt->quiet ? "network_id: {{.ID}}"
				  : "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\n"
				    "scope: {{.Scope}}\n";
	return NULL;
}

static const struct format_column network_columns[] = {
	{"ID", "NETWORK ID"},
	{"Name", "NAME"},
	{"Driver", "DRIVER"},
	{"Scope", "SCOPE"},
	{"IPv4", "IPV4"},
	{"IPv6", "IPV6"},
	{"Internal", "INTERNAL"},
	{"Labels", "LABELS"},
	{"CreatedAt", "CREATED AT"},
	{NULL, NULL},
};

const struct format_list format_networks = {
	.type = "*network.networkContext",
	.columns = network_columns,
	.standard = network_standard,
	.row = network_row,
	.labels = true,
};

/* --- volumes --- */

static json_t *volume_row(json_t *v, const struct format_options *opt)
{
	json_t *r = json_object(), *usage = json_object_get(v, "UsageData");
	bool known = json_is_object(usage);

	json_object_set_new(r, "Name", json_string(get_str(v, "Name")));
	json_object_set_new(r, "Driver", json_string(get_str(v, "Driver")));
	json_object_set_new(r, "Scope", json_string(get_str(v, "Scope")));
	json_object_set_new(r, "Mountpoint", json_string(get_str(v, "Mountpoint")));
	json_object_set_new(r, "Labels", joined_labels(json_object_get(v, "Labels")));
	json_object_set_new(r, "Links",
			    known ? json_sprintf("%lld", (long long)get_int(usage, "RefCount"))
				  : json_string("N/A"));
	json_object_set_new(r, "Size",
			    known ? take_string(human_size((double)get_int(usage, "Size")))
				  : json_string("N/A"));
	json_object_set_new(r, "Group", json_string("N/A"));
	json_object_set_new(r, "Availability", json_string("N/A"));
	json_object_set_new(r, "Status", json_string("N/A"));
	keep_labels(r, json_object_get(v, "Labels"));
	return r;
}

static const char *volume_standard(const struct format_options *opt, const char *format)
{
	if (streq(format, "table"))
		return opt->quiet ? "{{.Name}}" : "table {{.Driver}}\t{{.Name}}";
	if (streq(format, "raw"))
		return opt->quiet ? "name: {{.Name}}" : "name: {{.Name}}\ndriver: {{.Driver}}\n";
	return NULL;
}

static const struct format_column volume_columns[] = {
	{"Name", "VOLUME NAME"},
	{"Driver", "DRIVER"},
	{"Scope", "SCOPE"},
	{"Mountpoint", "MOUNTPOINT"},
	{"Labels", "LABELS"},
	{"Links", "LINKS"},
	{"Size", "SIZE"},
	{"Group", "GROUP"},
	{"Availability", "AVAILABILITY"},
	{"Status", "STATUS"},
	{NULL, NULL},
};

const struct format_list format_volumes = {
	.type = "*formatter.volumeContext",
	.columns = volume_columns,
	.standard = volume_standard,
	.row = volume_row,
	.labels = true,
};

/* --- search --- */

static json_t *search_row(json_t *s, const struct format_options *opt)
{
	json_t *r = json_object();
	char *text = xstrdup(get_str(s, "description"));
	/* As a whole object the truth is spelled out. */
	bool as_json = streq(opt->format, "json") || streq(opt->format, "{{json .}}");
	bool official = json_is_true(json_object_get(s, "is_official"));

	for (char *p = text; *p; p++)
		if (*p == '\n' || *p == '\r')
			*p = ' ';
	if (!opt->no_trunc) {
		char *cut = ellipsis(text, DESCRIPTION_WIDTH);

		free(text);
		text = cut;
	}
	json_object_set_new(r, "Name", json_string(get_str(s, "name")));
	json_object_set_new(r, "Description", take_string(text));
	json_object_set_new(r, "StarCount",
			    json_sprintf("%lld", (long long)get_int(s, "star_count")));
	json_object_set_new(r, "IsOfficial",
			    json_string(as_json	   ? (official ? "true" : "false")
					: official ? "[OK]"
						   : ""));
	return r;
}

static const char *search_standard(const struct format_options *opt, const char *format)
{
	return streq(format, "table") ? SEARCH : NULL;
}

static const struct format_column search_columns[] = {
	{"Name", "NAME"},	{"Description", "DESCRIPTION"},
	{"StarCount", "STARS"}, {"IsOfficial", "OFFICIAL"},
	{NULL, NULL},
};

const struct format_list format_search = {
	.type = "*registry.searchContext",
	.columns = search_columns,
	.standard = search_standard,
	.row = search_row,
};

/* --- stats --- */

static double number(json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static double cpu_percent(json_t *s)
{
	json_t *now = json_object_get(s, "cpu_stats"), *before = json_object_get(s, "precpu_stats");
	json_t *usage = json_object_get(now, "cpu_usage");
	double cpu = number(usage, "total_usage") -
		     number(json_object_get(before, "cpu_usage"), "total_usage");
	double system = number(now, "system_cpu_usage") - number(before, "system_cpu_usage");
	double cpus = number(now, "online_cpus");

	if (cpus == 0)
		cpus = (double)json_array_size(json_object_get(usage, "percpu_usage"));
	return system > 0 && cpu > 0 ? cpu / system * cpus * 100 : 0;
}

/* Without the page cache that could be dropped: v1 and v2 name it differently. */
static double memory_used(json_t *s)
{
	json_t *m = json_object_get(s, "memory_stats"), *stats = json_object_get(m, "stats");
	double usage = number(m, "usage"), cache = number(stats, "total_inactive_file");

	if (json_object_get(stats, "total_inactive_file") && cache < usage)
		return usage - cache;
	cache = number(stats, "inactive_file");
	return cache < usage ? usage - cache : usage;
}

static json_t *pair(double a, double b, char *(*human)(double))
{
	AUTO(free) char *sa = human(a), *sb = human(b);

	return json_sprintf("%s / %s", sa, sb);
}

static char *size3(double bytes)
{
	return human_size_prec(bytes, 3);
}

static json_t *net_io(json_t *s)
{
	double rx = 0, tx = 0;
	const char *name;
	json_t *n;

	json_object_foreach(json_object_get(s, "networks"), name, n)
	{
		rx += number(n, "rx_bytes");
		tx += number(n, "tx_bytes");
	}
	return pair(rx, tx, size3);
}

static json_t *block_io(json_t *s)
{
	json_t *list = json_object_get(json_object_get(s, "blkio_stats"),
				       "io_service_bytes_recursive"),
	       *e;
	double in = 0, out = 0;
	size_t i;

	json_array_foreach(list, i, e)
	{
		char op = get_str(e, "op")[0] | 32;

		in += op == 'r' ? number(e, "value") : 0;
		out += op == 'w' ? number(e, "value") : 0;
	}
	return pair(in, out, size3);
}

static void stats_values(json_t *r, json_t *s)
{
	double used = memory_used(s), limit = number(json_object_get(s, "memory_stats"), "limit");

	json_object_set_new(r, "CPUPerc", json_sprintf("%.2f%%", cpu_percent(s)));
	json_object_set_new(r, "MemUsage", pair(used, limit, human_bytes));
	json_object_set_new(r, "MemPerc",
			    json_sprintf("%.2f%%", limit != 0 ? used / limit * 100 : 0));
	json_object_set_new(r, "NetIO", net_io(s));
	json_object_set_new(r, "BlockIO", block_io(s));
	json_object_set_new(r, "PIDs",
			    json_sprintf("%lld", (long long)number(json_object_get(s, "pids_stats"),
								   "current")));
}

/* An object of the stats API with "Container" (as asked for) added; "Invalid": nothing known. */
static json_t *stats_row(json_t *s, const struct format_options *opt)
{
	json_t *r = json_object();
	const char *name = get_str(s, "name");

	json_object_set_new(r, "Container", json_string(get_str(s, "Container")));
	json_object_set_new(r, "Name", json_string(strlen(name) > 1 ? name + 1 : "--"));
	json_object_set_new(r, "ID", id_string(get_str(s, "id"), !opt->no_trunc));
	stats_values(r, s);
	if (json_is_true(json_object_get(s, "Invalid"))) {
		static const char *const single[] = {"CPUPerc", "MemPerc", "NetIO", "BlockIO",
						     "PIDs"};

		for (size_t i = 0; i < ARRAY_LEN(single); i++)
			json_object_set_new(r, single[i], json_string("--"));
		json_object_set_new(r, "MemUsage", json_string("-- / --"));
	}
	return r;
}

static const char *stats_standard(const struct format_options *opt, const char *format)
{
	return streq(format, "table") ? STATS : NULL;
}

static const struct format_column stats_columns[] = {
	{"Container", "CONTAINER"},
	{"ID", "CONTAINER ID"},
	{"Name", "NAME"},
	{"CPUPerc", "CPU %"},
	{"MemUsage", "MEM USAGE / LIMIT"},
	{"MemPerc", "MEM %"},
	{"NetIO", "NET I/O"},
	{"BlockIO", "BLOCK I/O"},
	{"PIDs", "PIDS"},
	{NULL, NULL},
};

const struct format_list format_stats = {
	.type = "*container.statsContext",
	.columns = stats_columns,
	.standard = stats_standard,
	.row = stats_row,
};

/* --- system df: rows come finished, see df_rows() --- */

static json_t *df_row(json_t *r, const struct format_options *opt)
{
	return json_incref(r);
}

static const char *df_standard(const struct format_options *opt, const char *format)
{
	return streq(format, "table") ? DF : NULL;
}

static const struct format_column df_columns[] = {
	{"Type", "TYPE"}, {"TotalCount", "TOTAL"},	  {"Active", "ACTIVE"},
	{"Size", "SIZE"}, {"Reclaimable", "RECLAIMABLE"}, {NULL, NULL},
};

const struct format_list format_df = {
	.type = "*formatter.diskUsageImagesContext",
	.columns = df_columns,
	.standard = df_standard,
	.row = df_row,
};
