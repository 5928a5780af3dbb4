/*
 * format-containers.c - the rows of ps
 */
#include "cli/format-priv.h"

#define COMMAND_WIDTH 20
#define MOUNT_WIDTH   15

#define TABLE                                                                                      \
	"table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t"      \
	"{{.Names}}"
#define RAW                                                                                        \
	"container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n"                        \
	"created_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\n" \
	"names: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n"

/* --- ports --- */

struct port {
	const char *ip, *type;
	int inner, outer;
};

struct port_group {
	const struct port *key;
	int first, last;
};

static int compare_ports(const void *pa, const void *pb)
{
	const struct port *a = pa, *b = pb;
	int r;

	if (a->inner != b->inner)
		return a->inner - b->inner;
	r = strcmp(a->ip, b->ip);
	if (!r)
		r = a->outer - b->outer;
	return r ? r : strcmp(a->type, b->type);
}

static void separate(struct buf *out)
{
	if (out->len)
		buf_adds(out, ", ");
}

static void add_host(struct buf *out, const char *ip)
{
	buf_addf(out, strchr(ip, ':') ? "[%s]:" : "%s:", ip);
}

static void add_group(struct buf *out, const struct port_group *g)
{
	char range[32];

	if (g->first == g->last)
		snprintf(range, sizeof(range), "%d", g->first);
	else
		snprintf(range, sizeof(range), "%d-%d", g->first, g->last);
	separate(out);
	if (*g->key->ip) {
		add_host(out, g->key->ip);
		buf_addf(out, "%s->", range);
	}
	buf_addf(out, "%s/%s", range, g->key->type);
}

static struct port_group *find_group(struct port_group *groups, size_t n, const struct port *p)
{
	for (size_t i = 0; i < n; i++)
		if (streq(groups[i].key->ip, p->ip) && streq(groups[i].key->type, p->type))
			return &groups[i];
	return NULL;
}

char *display_ports(json_t *list)
{
	size_t n = json_array_size(list), ngroups = 0;
	AUTO(free) struct port *ports = xnew_n(struct port, n + 1);
	AUTO(free) struct port_group *groups = xnew_n(struct port_group, n + 1);
	AUTO(buf) struct buf mapped = {0};
	struct buf out = {0};

	for (size_t i = 0; i < n; i++) {
		json_t *p = json_array_get(list, i);

		ports[i] = (struct port){get_str(p, "IP"), get_str(p, "Type"),
					 (int)get_int(p, "PrivatePort"),
					 (int)get_int(p, "PublicPort")};
	}
	qsort(ports, n, sizeof(*ports), compare_ports);
	for (size_t i = 0; i < n; i++) {
		const struct port *p = &ports[i];
		struct port_group *g = find_group(groups, ngroups, p);

		if (*p->ip && p->outer != p->inner) {
			separate(&mapped);
			add_host(&mapped, p->ip);
			buf_addf(&mapped, "%d->%d/%s", p->outer, p->inner, p->type);
		} else if (!g) {
			groups[ngroups++] = (struct port_group){p, p->inner, p->inner};
		} else if (p->inner == g->last + 1) {
			g->last = p->inner;
		} else {
			add_group(&out, g);
			g->first = g->last = p->inner;
		}
	}
	for (size_t i = 0; i < ngroups; i++)
		add_group(&out, &groups[i]);
	if (mapped.len) {
		separate(&out);
		buf_add(&out, mapped.p, mapped.len);
	}
	return buf_take(&out);
}

/* --- columns --- */

/* A truncated name shows the image as people write it, without digest. */
static json_t *image_of(json_t *c, bool trunc)
{
	const char *image = get_str(c, "Image"), *id = get_str(c, "ImageID"), *at;
	AUTO(free) char *short_image = short_id(image), *short_of_id = short_id(id), *name = NULL;

	if (!*image)
		return json_string("<no image>");
	if (!trunc)
		return json_string(image);
	if (*id && streq(short_image, short_of_id))
		return json_string(short_of_id);
	at = strchr(image, '@');
	name = familiar_name(image);
	if (at && strchr(name, '@'))
		*strchr(name, '@') = '\0';
	return json_string(name);
}

static json_t *command_of(json_t *c, bool trunc)
{
	const char *command = get_str(c, "Command");
	AUTO(free) char *cut = trunc ? ellipsis(command, COMMAND_WIDTH) : xstrdup(command);

	return take_string(go_quote(cut));
}

static json_t *names_of(json_t *c, bool trunc)
{
	struct buf b = {0};
	json_t *name;
	size_t i;

	json_array_foreach(json_object_get(c, "Names"), i, name)
	{
		const char *s = str_or(json_string_value(name));

		s += *s == '/';
		if (trunc && strchr(s, '/'))
			continue;
		if (b.len)
			buf_addc(&b, ',');
		buf_adds(&b, s);
	}
	return take_string(buf_take(&b));
}

static json_t *mounts_of(json_t *c, bool trunc)
{
	struct buf b = {0};
	json_t *m;
	size_t i;

	json_array_foreach(json_object_get(c, "Mounts"), i, m)
	{
		const char *name = get_str(m, "Name");
		AUTO(free) char *cut = NULL;

		if (!*name)
			name = get_str(m, "Source");
		cut = trunc ? ellipsis(name, MOUNT_WIDTH) : xstrdup(name);
		if (i)
			buf_addc(&b, ',');
		buf_adds(&b, cut);
	}
	return take_string(buf_take(&b));
}

static json_t *local_volumes_of(json_t *c)
{
	json_t *m;
	size_t i;
	int n = 0;

	json_array_foreach(json_object_get(c, "Mounts"), i, m) n +=
		streq(get_str(m, "Driver"), "local");
	return json_sprintf("%d", n);
}

static json_t *networks_of(json_t *c)
{
	json_t *nets = json_object_get(json_object_get(c, "NetworkSettings"), "Networks"), *net;
	AUTO(strv) struct strv names = {0};
	const char *name;

	json_object_foreach(nets, name, net) strv_add(&names, name);
	strv_sort(&names);
	return take_string(strv_join(&names, ","));
}

static json_t *size_of(json_t *c)
{
	int64_t root = get_int(c, "SizeRootFs");
	AUTO(free) char *rw = human_size_prec((double)get_int(c, "SizeRw"), 3);
	AUTO(free) char *all = human_size_prec((double)root, 3);

	return root > 0 ? json_sprintf("%s (virtual %s)", rw, all) : json_string(rw);
}

static json_t *row(json_t *c, const struct format_options *opt)
{
	bool trunc = !opt->no_trunc;
	json_t *r = json_object();

	json_object_set_new(r, "ID", id_string(get_str(c, "Id"), trunc));
	json_object_set_new(r, "Image", image_of(c, trunc));
	json_object_set_new(r, "Command", command_of(c, trunc));
	json_object_set_new(r, "CreatedAt", take_string(go_time_string(get_int(c, "Created"))));
	json_object_set_new(r, "RunningFor", take_string(human_ago(get_int(c, "Created"))));
	json_object_set_new(r, "Ports", take_string(display_ports(json_object_get(c, "Ports"))));
	json_object_set_new(r, "State", json_string(get_str(c, "State")));
	json_object_set_new(r, "Status", json_string(get_str(c, "Status")));
	json_object_set_new(r, "Size", size_of(c));
	json_object_set_new(r, "Names", names_of(c, trunc));
	json_object_set_new(r, "Labels", joined_labels(json_object_get(c, "Labels")));
	json_object_set_new(r, "Mounts", mounts_of(c, trunc));
	json_object_set_new(r, "LocalVolumes", local_volumes_of(c));
	json_object_set_new(r, "Networks", networks_of(c));
	json_object_set_new(r, "Platform", json_null());
	keep_labels(r, json_object_get(c, "Labels"));
	return r;
}

static const char *standard(const struct format_options *opt, const char *format)
{
	if (opt->quiet)
		return streq(format, "raw") ? "container_id: {{.ID}}" : "{{.ID}}";
	if (streq(format, "raw"))
		return opt->size ? RAW "size: {{.Size}}\n" : RAW;
	if (streq(format, "table"))
		return opt->size ? TABLE "\t{{.Size}}" : TABLE;
	return NULL;
}

static const struct format_column columns[] = {
	{"ID", "CONTAINER ID"},
	{"Image", "IMAGE"},
	{"Command", "COMMAND"},
	{"CreatedAt", "CREATED AT"},
	{"RunningFor", "CREATED"},
	{"Ports", "PORTS"},
	{"State", "STATE"},
	{"Status", "STATUS"},
	{"Size", "SIZE"},
	{"Names", "NAMES"},
	{"Labels", "LABELS"},
	{"Mounts", "MOUNTS"},
	{"LocalVolumes", "LOCAL VOLUMES"},
	{"Networks", "NETWORKS"},
	{"Platform", "PLATFORM"},
	{NULL, NULL},
};

const struct format_list format_containers = {
	.type = "*formatter.ContainerContext",
	.columns = columns,
	.standard = standard,
	.row = row,
	.labels = true,
};
