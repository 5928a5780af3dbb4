/*
 * text.c - objects that are shown as text of their own: events, info, version
 */
#include <time.h>

#include "cli/format-priv.h"

/* --- events --- */

/* Local time with nine digits: "2025-01-02T15:04:05.000000000Z". */
static void add_time(struct buf *out, int64_t ns)
{
	time_t t = (time_t)(ns / NS_PER_SEC);
	struct tm tm;
	char date[32], zone[16];

	localtime_r(&t, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	strftime(zone, sizeof(zone), "%z", &tm);
	buf_addf(out, "%s.%09lld", date, (long long)(ns % NS_PER_SEC));
	if (tm.tm_gmtoff)
		buf_addf(out, "%.3s:%s ", zone, zone + 3);
	else
		buf_adds(out, "Z ");
}

void event_line(json_t *e, struct buf *out)
{
	json_t *actor = json_object_get(e, "Actor"), *v;
	int64_t nano = json_integer_value(json_object_get(e, "timeNano"));
	int64_t sec = json_integer_value(json_object_get(e, "time"));
	AUTO(strv) struct strv attrs = {0};
	AUTO(free) char *joined = NULL;
	const char *key;

	if (nano || sec)
		add_time(out, nano ? nano : sec * NS_PER_SEC);
	buf_addf(out, "%s %s %s", str_or(json_string_value(json_object_get(e, "Type"))),
		 str_or(json_string_value(json_object_get(e, "Action"))),
		 str_or(json_string_value(json_object_get(actor, "ID"))));
	json_object_foreach(json_object_get(actor, "Attributes"), key, v)
		strv_addf(&attrs, "%s=%s", key, str_or(json_string_value(v)));
	strv_sort(&attrs);
	joined = strv_join(&attrs, ", ");
	if (attrs.n)
		buf_addf(out, " (%s)", joined);
	buf_addc(out, '\n');
}

/* --- info --- */

static void add_line(struct buf *out, const char *indent, const char *title, const char *value)
{
	buf_addf(out, "%s%s: %s\n", indent, title, value);
}

/* Members that are shown as they are, in this order. */
struct shown {
	const char *title, *key;
	char kind; /* s string, S string if not empty, i number, b bool, m memory */
};

static void add_shown(struct buf *out, json_t *info, const struct shown *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct shown *s = &list[i];
		AUTO(free) char *size = NULL;

		if (s->kind == 'S' && !*get_str(info, s->key))
			continue;
		switch (s->kind) {
		case 'i':
			buf_addf(out, " %s: %lld\n", s->title, (long long)get_int(info, s->key));
			break;
		case 'b':
			add_line(out, " ", s->title,
				 json_is_true(json_object_get(info, s->key)) ? "true" : "false");
			break;
		case 'm':
			size = human_bytes((double)get_int(info, s->key));
			add_line(out, " ", s->title, size);
			break;
		default:
			add_line(out, " ", s->title, get_str(info, s->key));
		}
	}
}

static char *join(json_t *list)
{
	AUTO(strv) struct strv sv = {0};
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v) strv_add(&sv, str_or(json_string_value(v)));
	return strv_join(&sv, " ");
}

static void add_list(struct buf *out, const char *title, json_t *list)
{
	json_t *v;
	size_t i;

	if (json_array_size(list))
		buf_addf(out, " %s:\n", title);
	json_array_foreach(list, i, v) buf_addf(out, "  %s\n", str_or(json_string_value(v)));
}

static void add_driver(struct buf *out, json_t *info)
{
	json_t *pair;
	size_t i;

	add_line(out, " ", "Storage Driver", get_str(info, "Driver"));
	json_array_foreach(json_object_get(info, "DriverStatus"), i, pair)
		buf_addf(out, "  %s: %s\n", str_or(json_string_value(json_array_get(pair, 0))),
			 str_or(json_string_value(json_array_get(pair, 1))));
}

static void add_plugins(struct buf *out, json_t *info)
{
	static const char *const names[] = {"Volume", "Network", "Authorization", "Log"};
	json_t *plugins = json_object_get(info, "Plugins");

	buf_adds(out, " Plugins:\n");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		json_t *list = json_object_get(plugins, names[i]);
		AUTO(free) char *text = join(list);

		if (json_array_size(list) || i != 2)
			add_line(out, "  ", names[i], text);
	}
	add_list(out, "CDI spec directories", json_object_get(info, "CDISpecDirs"));
}

static void add_runtimes(struct buf *out, json_t *info)
{
	AUTO(strv) struct strv names = {0};
	AUTO(free) char *text = NULL;
	const char *name;
	json_t *v;

	add_line(out, " ", "Swarm",
		 *get_str(json_object_get(info, "Swarm"), "LocalNodeState")
			 ? get_str(json_object_get(info, "Swarm"), "LocalNodeState")
			 : "inactive");
	json_object_foreach(json_object_get(info, "Runtimes"), name, v) strv_add(&names, name);
	strv_sort(&names);
	text = strv_join(&names, " ");
	if (names.n) {
		add_line(out, " ", "Runtimes", text);
		add_line(out, " ", "Default Runtime", get_str(info, "DefaultRuntime"));
	}
	add_line(out, " ", "Init Binary", get_str(info, "InitBinary"));
	add_line(out, " ", "containerd version",
		 get_str(json_object_get(info, "ContainerdCommit"), "ID"));
	add_line(out, " ", "runc version", get_str(json_object_get(info, "RuncCommit"), "ID"));
	add_line(out, " ", "init version", get_str(json_object_get(info, "InitCommit"), "ID"));
}

/* "name=seccomp,profile=builtin" becomes the name and, below it, what else is said. */
static void add_security(struct buf *out, json_t *info)
{
	json_t *list = json_object_get(info, "SecurityOptions"), *v;
	size_t i;

	if (json_array_size(list))
		buf_adds(out, " Security Options:\n");
	json_array_foreach(list, i, v)
	{
		AUTO(strv) struct strv parts = {0};

		strv_split(&parts, str_or(json_string_value(v)), ',');
		strv_for_each (part, &parts) {
			const char *name = str_after(part, "name=");
			const char *profile = str_after(part, "profile=");

			if (name)
				buf_addf(out, "  %s\n", name);
			else if (profile)
				buf_addf(out, "   Profile: %s\n", profile);
		}
	}
}

static void add_registries(struct buf *out, json_t *info)
{
	json_t *config = json_object_get(info, "RegistryConfig"), *v;
	json_t *cidrs = json_object_get(config, "InsecureRegistryCIDRs");
	const char *name;
	size_t i;

	if (json_is_object(config))
		buf_adds(out, " Insecure Registries:\n");
	json_object_foreach(json_object_get(config, "IndexConfigs"), name,
			    v) if (json_is_false(json_object_get(v, "Secure")))
		buf_addf(out, "  %s\n", name);
	json_array_foreach(cidrs, i, v) buf_addf(out, "  %s\n", str_or(json_string_value(v)));
	add_list(out, "Registry Mirrors", json_object_get(config, "Mirrors"));
}

static void add_pools(struct buf *out, json_t *info)
{
	json_t *pools = json_object_get(info, "DefaultAddressPools"), *pool;
	size_t i;

	if (json_array_size(pools))
		buf_adds(out, " Default Address Pools:\n");
	json_array_foreach(pools, i, pool)
		buf_addf(out, "   Base: %s, Size: %lld\n", get_str(pool, "Base"),
			 (long long)get_int(pool, "Size"));
}

void info_text(json_t *info, struct buf *out)
{
	static const struct shown head[] = {
		{"Containers", "Containers", 'i'},
		{" Running", "ContainersRunning", 'i'},
		{" Paused", "ContainersPaused", 'i'},
		{" Stopped", "ContainersStopped", 'i'},
		{"Images", "Images", 'i'},
		{"Server Version", "ServerVersion", 's'},
	};
	static const struct shown drivers[] = {
		{"Logging Driver", "LoggingDriver", 's'},
		{"Cgroup Driver", "CgroupDriver", 's'},
		{"Cgroup Version", "CgroupVersion", 'S'},
	};
	static const struct shown machine[] = {
		{"Kernel Version", "KernelVersion", 's'},
		{"Operating System", "OperatingSystem", 's'},
		{"OSType", "OSType", 's'},
		{"Architecture", "Architecture", 's'},
		{"CPUs", "NCPU", 'i'},
		{"Total Memory", "MemTotal", 'm'},
		{"Name", "Name", 's'},
		{"ID", "ID", 's'},
		{"Docker Root Dir", "DockerRootDir", 's'},
		{"Debug Mode", "Debug", 'b'},
	};
	static const struct shown debug[] = {
		{" File Descriptors", "NFd", 'i'},
		{" Goroutines", "NGoroutines", 'i'},
		{" System Time", "SystemTime", 's'},
		{" EventsListeners", "NEventsListener", 'i'},
	};
	static const struct shown proxies[] = {
		{"HTTP Proxy", "HttpProxy", 'S'},
		{"HTTPS Proxy", "HttpsProxy", 'S'},
		{"No Proxy", "NoProxy", 'S'},
	};

	add_shown(out, info, head, ARRAY_LEN(head));
	add_driver(out, info);
	add_shown(out, info, drivers, ARRAY_LEN(drivers));
	add_plugins(out, info);
	add_runtimes(out, info);
	add_security(out, info);
	add_shown(out, info, machine, ARRAY_LEN(machine));
	if (json_is_true(json_object_get(info, "Debug")))
		add_shown(out, info, debug, ARRAY_LEN(debug));
	add_shown(out, info, proxies, ARRAY_LEN(proxies));
	add_list(out, "Labels", json_object_get(info, "Labels"));
	add_shown(out, info, &(struct shown){"Experimental", "ExperimentalBuild", 'b'}, 1);
	add_registries(out, info);
	add_shown(out, info, &(struct shown){"Live Restore Enabled", "LiveRestoreEnabled", 'b'}, 1);
	if (*get_str(info, "ProductLicense"))
		add_line(out, " ", "Product License", get_str(info, "ProductLicense"));
	add_pools(out, info);
	buf_addc(out, '\n');
}

/* --- version --- */

static void add_padded(struct buf *out, const char *indent, const char *title, const char *value)
{
	char label[64];

	snprintf(label, sizeof(label), "%s:", title);
	buf_addf(out, "%s%-18s%s\n", indent, label, value);
}

/* "2026-05-07T21:09:36.000000000+00:00" as "Thu May  7 21:09:36 2026"; else as it is. */
static char *build_time(const char *s)
{
	struct tm tm = {0};
	char b[64];
	int64_t ns;
	time_t t;

	if (clock_parse_rfc3339(s, &ns) < 0)
		return xstrdup(s);
	t = (time_t)(ns / NS_PER_SEC);
	gmtime_r(&t, &tm);
	strftime(b, sizeof(b), "%a %b %e %H:%M:%S %Y", &tm);
	return xstrdup(b);
}

void version_normalize(json_t *server)
{
	json_t *c;
	size_t i;

	json_array_foreach(json_object_get(server, "Components"), i, c)
	{
		json_t *d = json_object_get(c, "Details");

		if (*get_str(d, "BuildTime"))
			json_object_set_new(d, "BuildTime",
					    take_string(build_time(get_str(d, "BuildTime"))));
	}
}

static void add_client(struct buf *out, json_t *c)
{
	AUTO(free) char *arch = xasprintf("%s/%s", get_str(c, "Os"), get_str(c, "Arch"));

	buf_adds(out, "Client:\n");
	buf_addf(out, " %-18s %s\n", "Version:", get_str(c, "Version"));
	buf_addf(out, " %-18s %s\n", "API version:", get_str(c, "ApiVersion"));
	if (*get_str(c, "GitCommit"))
		buf_addf(out, " %-18s %s\n", "Git commit:", get_str(c, "GitCommit"));
	buf_addf(out, " %-18s %s\n", "OS/Arch:", arch);
	buf_addf(out, " %-18s %s\n", "Context:", get_str(c, "Context"));
}

static void add_engine(struct buf *out, json_t *c)
{
	json_t *d = json_object_get(c, "Details");
	AUTO(free)
	char *api = xasprintf("%s (minimum version %s)", get_str(d, "ApiVersion"),
			      get_str(d, "MinAPIVersion"));
	AUTO(free) char *arch = xasprintf("%s/%s", get_str(d, "Os"), get_str(d, "Arch"));

	add_padded(out, "  ", "Version", get_str(c, "Version"));
	add_padded(out, "  ", "API version", api);
	add_padded(out, "  ", "Go version", get_str(d, "GoVersion"));
	add_padded(out, "  ", "Git commit", get_str(d, "GitCommit"));
	add_padded(out, "  ", "Built", get_str(d, "BuildTime"));
	add_padded(out, "  ", "OS/Arch", arch);
	add_padded(out, "  ", "Experimental", get_str(d, "Experimental"));
}

static void add_component(struct buf *out, json_t *c)
{
	AUTO(strv) struct strv keys = {0};
	json_t *details = json_object_get(c, "Details"), *v;
	const char *key;

	buf_addf(out, " %s:\n", get_str(c, "Name"));
	if (streq(get_str(c, "Name"), "Engine")) {
		add_engine(out, c);
		return;
	}
	add_padded(out, "  ", "Version", get_str(c, "Version"));
	json_object_foreach(details, key, v) strv_add(&keys, key);
	strv_sort(&keys);
	strv_for_each (k, &keys)
		add_padded(out, "  ", k, get_str(details, k));
}

void version_text(json_t *version, struct buf *out)
{
	json_t *server = json_object_get(version, "Server"), *c;
	const char *platform = get_str(json_object_get(server, "Platform"), "Name");
	size_t i;

	add_client(out, json_object_get(version, "Client"));
	if (!json_is_object(server))
		return;
	buf_addf(out, "\nServer:%s%s\n", *platform ? " " : "", platform);
	json_array_foreach(json_object_get(server, "Components"), i, c) add_component(out, c);
}
