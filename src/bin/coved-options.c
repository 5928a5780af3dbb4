/*
 * coved-options.c - the daemon's flags and its configuration file, by one table
 *
 * (1) What the table does not know, or this engine cannot do, is refused by name.
 * (2) An option stands in the flags or in the file, not in both.
 */
#include "coved-options.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "codec/json.h"

#define CONFIG_MAX (1u << 20)
#define DEFAULT_CONFIG "/etc/cove/daemon.json"

enum kind { O_BOOL, O_STR, O_INT, O_LIST, O_MAP, O_POOLS, O_REFUSED };

struct option {
	const char *flag; /* NULL: only in the file */
	char letter;	  /* 0: none */
	const char *key;  /* in the file; NULL: the flag's name; "" not there */
	enum kind kind;
	size_t at;
	const char *help;
};

#define AT(member) offsetof(struct coved_options, member)

static const struct option options[] = {
    {"bip", 0, NULL, O_STR, AT(bip), "address and subnet of the default bridge (CIDR)"},
    {"bridge", 'b', NULL, O_STR, AT(bridge), "link to use as the default bridge, or none"},
    {"cgroup-parent", 0, NULL, O_STR, AT(cgroup_parent), "parent cgroup of all containers"},
    {"config-file", 0, "", O_STR, AT(config_file), "configuration file (default " DEFAULT_CONFIG ")"},
    {"data-root", 0, NULL, O_STR, AT(data_root), "directory of persistent state (default /var/lib/cove)"},
    {"debug", 'D', NULL, O_BOOL, AT(debug), "log everything"},
    {"default-address-pool", 0, "default-address-pools", O_POOLS, AT(pools),
     "base=CIDR,size=N: where networks get their subnets from"},
    {"dns", 0, NULL, O_LIST, AT(dns), "DNS server of containers"},
    {"dns-opt", 0, "dns-opts", O_LIST, AT(dns_opts), "DNS option of containers"},
    {"dns-search", 0, NULL, O_LIST, AT(dns_search), "DNS search domain of containers"},
    {"exec-opt", 0, "exec-opts", O_LIST, AT(exec_opts), "native.cgroupdriver=cgroupfs or systemd"},
    {"exec-root", 0, NULL, O_STR, AT(exec_root), "directory of run-time state (default /run/cove)"},
    {"group", 'G', NULL, O_STR, AT(group), "group of the Unix socket (default cove or docker, where there is one)"},
    {"help", 0, "", O_BOOL, AT(help), "show this"},
    {"host", 'H', "hosts", O_LIST, AT(hosts), "socket to serve: unix://PATH, tcp://127.0.0.1:PORT or fd://"},
    {"host-gateway-ip", 0, NULL, O_STR, AT(host_gateway), "what host-gateway means in --add-host"},
    {"icc", 0, NULL, O_BOOL, AT(icc), "containers of the default bridge reach each other (default true)"},
    {"insecure-registry", 0, "insecure-registries", O_LIST, AT(insecure_registries), "shown by info; there are no registries yet"},
    {"ip", 0, NULL, O_STR, AT(host_binding), "address that published ports bind to (default 0.0.0.0)"},
    {"ip-forward", 0, NULL, O_BOOL, AT(ip_forward), "switch on net.ipv4.ip_forward (default true)"},
    {"ip-masq", 0, NULL, O_BOOL, AT(ip_masq), "masquerade the default bridge (default true)"},
    {"iptables", 0, NULL, O_BOOL, AT(iptables), "make firewall rules (default true)"},
    {"label", 0, "labels", O_LIST, AT(labels), "key=value label of the engine"},
    {"live-restore", 0, NULL, O_BOOL, AT(live_restore), "always on: containers live on without the engine"},
    {"log-driver", 0, NULL, O_STR, AT(log_driver), "default log driver (default json-file)"},
    {"log-level", 'l', NULL, O_STR, AT(log_level), "debug, info, warn, error or fatal (default info)"},
    {"log-opt", 0, "log-opts", O_MAP, AT(log_opts), "key=value option of the default log driver"},
    {"mtu", 0, NULL, O_INT, AT(mtu), "MTU of the default bridge"},
    {"pidfile", 'p', NULL, O_STR, AT(pidfile), "file for the process id (default /run/cove.pid)"},
    {"raw-logs", 0, NULL, O_BOOL, AT(raw_logs), "accepted: logs are plain anyway"},
    {"registry-mirror", 0, "registry-mirrors", O_LIST, AT(registry_mirrors), "shown by info; there are no registries yet"},
    {"shutdown-timeout", 0, NULL, O_INT, AT(shutdown_timeout), "seconds given to answers under way (default 5)"},
    {"storage-driver", 's', NULL, O_STR, AT(storage_driver), "overlay2 is the only one"},
    {"userland-proxy", 0, NULL, O_BOOL, AT(userland_proxy), "accepted: there is no proxy process"},
    {"validate", 0, "", O_BOOL, AT(validate), "check flags and configuration file, and exit"},
    {"version", 'v', "", O_BOOL, AT(version), "show the version"},
    {"add-runtime", 0, "runtimes", O_REFUSED, 0, NULL},
    {"allow-nondistributable-artifacts", 0, NULL, O_REFUSED, 0, NULL},
    {"api-cors-header", 0, NULL, O_REFUSED, 0, NULL},
    {"authorization-plugin", 0, "authorization-plugins", O_REFUSED, 0, NULL},
    {"bip6", 0, NULL, O_REFUSED, 0, NULL},
    {"cdi-spec-dir", 0, "cdi-spec-dirs", O_REFUSED, 0, NULL},
    {"containerd", 0, NULL, O_REFUSED, 0, NULL},
    {"containerd-namespace", 0, NULL, O_REFUSED, 0, NULL},
    {"containerd-plugins-namespace", 0, NULL, O_REFUSED, 0, NULL},
    {"cpu-rt-period", 0, NULL, O_REFUSED, 0, NULL},
    {"cpu-rt-runtime", 0, NULL, O_REFUSED, 0, NULL},
    {"cri-containerd", 0, NULL, O_REFUSED, 0, NULL},
    {"default-cgroupns-mode", 0, NULL, O_REFUSED, 0, NULL},
    {"default-gateway", 0, NULL, O_REFUSED, 0, NULL},
    {"default-gateway-v6", 0, NULL, O_REFUSED, 0, NULL},
    {"default-ipc-mode", 0, NULL, O_REFUSED, 0, NULL},
    {"default-network-opt", 0, "default-network-opts", O_REFUSED, 0, NULL},
    {"default-runtime", 0, NULL, O_REFUSED, 0, NULL},
    {"default-shm-size", 0, NULL, O_REFUSED, 0, NULL},
    {"default-ulimit", 0, "default-ulimits", O_REFUSED, 0, NULL},
    {"experimental", 0, NULL, O_REFUSED, 0, NULL},
    {"feature", 0, "features", O_REFUSED, 0, NULL},
    {"fixed-cidr", 0, NULL, O_REFUSED, 0, NULL},
    {"fixed-cidr-v6", 0, NULL, O_REFUSED, 0, NULL},
    {"http-proxy", 0, "proxies", O_REFUSED, 0, NULL},
    {"https-proxy", 0, "", O_REFUSED, 0, NULL},
    {"init", 0, NULL, O_REFUSED, 0, NULL},
    {"init-path", 0, NULL, O_REFUSED, 0, NULL},
    {"ip6tables", 0, NULL, O_REFUSED, 0, NULL},
    {"ipv6", 0, NULL, O_REFUSED, 0, NULL},
    {"log-format", 0, NULL, O_REFUSED, 0, NULL},
    {"max-concurrent-downloads", 0, NULL, O_REFUSED, 0, NULL},
    {"max-concurrent-uploads", 0, NULL, O_REFUSED, 0, NULL},
    {"max-download-attempts", 0, NULL, O_REFUSED, 0, NULL},
    {"metrics-addr", 0, NULL, O_REFUSED, 0, NULL},
    {"network-control-plane-mtu", 0, NULL, O_REFUSED, 0, NULL},
    {"no-new-privileges", 0, NULL, O_REFUSED, 0, NULL},
    {"no-proxy", 0, "", O_REFUSED, 0, NULL},
    {"node-generic-resource", 0, "node-generic-resources", O_REFUSED, 0, NULL},
    {"oom-score-adjust", 0, NULL, O_REFUSED, 0, NULL},
    {"rootless", 0, NULL, O_REFUSED, 0, NULL},
    {"seccomp-profile", 0, NULL, O_REFUSED, 0, NULL},
    {"selinux-enabled", 0, NULL, O_REFUSED, 0, NULL},
    {"storage-opt", 0, "storage-opts", O_REFUSED, 0, NULL},
    {"swarm-default-advertise-addr", 0, NULL, O_REFUSED, 0, NULL},
    {"tls", 0, NULL, O_REFUSED, 0, NULL},
    {"tlscacert", 0, NULL, O_REFUSED, 0, NULL},
    {"tlscert", 0, NULL, O_REFUSED, 0, NULL},
    {"tlskey", 0, NULL, O_REFUSED, 0, NULL},
    {"tlsverify", 0, NULL, O_REFUSED, 0, NULL},
    {"userland-proxy-path", 0, NULL, O_REFUSED, 0, NULL},
    {"userns-remap", 0, NULL, O_REFUSED, 0, NULL},
};

static const char *key_of(const struct option *op)
{
	return op->key ? op->key : op->flag;
}

/* --- values -------------------------------------------------------------------------------------- */

static int set_bool(bool *p, const char *v)
{
	static const char *const yes[] = {"true", "1", "t", "T", "TRUE", "True"};
	static const char *const no[] = {"false", "0", "f", "F", "FALSE", "False"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (streq(v, yes[i]) || streq(v, no[i])) {
			*p = streq(v, yes[i]);
			return 0;
		}
	}
	return -EINVAL;
}

/* "base=172.80.0.0/16,size=24" gives "172.80.0.0/16,24". */
static int add_pool(struct strv *pools, const char *v)
{
	AUTO(strv) struct strv parts = {0};
	const char *base = NULL, *size = NULL;

	strv_split(&parts, v, ',');
	strv_for_each(part, &parts) {
		if (str_after(part, "base="))
			base = str_after(part, "base=");
		else if (str_after(part, "size="))
			size = str_after(part, "size=");
		else
			return -EINVAL;
	}
	if (!base || !size)
		return -EINVAL;
	strv_addf(pools, "%s,%s", base, size);
	return 0;
}

static int add_pair(struct map *m, const char *v)
{
	const char *eq = strchr(v, '=');
	AUTO(free) char *key = NULL;

	if (!eq || eq == v)
		return -EINVAL;
	key = xstrndup(v, eq - v);
	map_set_str(m, key, eq + 1);
	return 0;
}

static int set_value(struct coved_options *o, const struct option *op, const char *v)
{
	void *p = (char *)o + op->at;

	switch (op->kind) {
	case O_BOOL:
		return set_bool(p, v);
	case O_INT:
		return str_to_i64(v, 10, p);
	case O_STR:
		free(*(char **)p);
		*(char **)p = xstrdup(v);
		return 0;
	case O_LIST:
		strv_add(p, v);
		return 0;
	case O_MAP:
		return add_pair(p, v);
	case O_POOLS:
		return add_pool(p, v);
	case O_REFUSED:
		break;
	}
	return -EINVAL;
}

/* --- flags ---------------------------------------------------------------------------------------- */

static const struct option *find_flag(const char *name, size_t n)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].flag && strlen(options[i].flag) == n && strncmp(options[i].flag, name, n) == 0)
			return &options[i];
	return NULL;
}

static const struct option *find_letter(char c)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (options[i].letter == c)
			return &options[i];
	return NULL;
}

struct flags {
	int argc, i;
	char *const *argv;
	bool seen[ARRAY_LEN(options)];
};

/* One option with what follows it on the command line; value NULL: in the next argument. */
static int take_flag(struct flags *fl, struct coved_options *o, const struct option *op, const char *shown,
		     const char *value, struct err *err)
{
	if (op->kind == O_REFUSED)
		return err_set(err, ERR_INVALID, "the flag --%s is not supported", op->flag);
	if (!value && op->kind == O_BOOL)
		value = "true";
	if (!value && fl->i + 1 < fl->argc)
		value = fl->argv[++fl->i];
	if (!value)
		return err_set(err, ERR_INVALID, "flag needs an argument: %s", shown);
	if (set_value(o, op, value) < 0)
		return err_set(err, ERR_INVALID, "invalid argument \"%s\" for \"--%s\" flag", value, op->flag);
	fl->seen[op - options] = true;
	return 0;
}

/* "-D", "-lDEBUG", "-l=debug", "-Dl debug" */
static int take_letters(struct flags *fl, struct coved_options *o, const char *arg, struct err *err)
{
	for (const char *p = arg + 1; *p; p++) {
		const struct option *op = find_letter(*p);
		char shown[3] = {'-', *p, '\0'};
		const char *rest = p[1] ? p + 1 + (p[1] == '=') : NULL;

		if (!op)
			return err_set(err, ERR_INVALID, "unknown shorthand flag: '%c' in %s", *p, arg);
		if (op->kind == O_BOOL && p[1] != '=') {
			if (take_flag(fl, o, op, shown, "true", err) < 0)
				return -1;
			continue;
		}
		return take_flag(fl, o, op, shown, rest, err);
	}
	return 0;
}

static int take_long(struct flags *fl, struct coved_options *o, const char *arg, struct err *err)
{
	size_t n = strcspn(arg + 2, "=");
	const struct option *op = find_flag(arg + 2, n);
	AUTO(free) char *shown = xstrndup(arg, n + 2);

	if (!op)
		return err_set(err, ERR_INVALID, "unknown flag: %s", shown);
	return take_flag(fl, o, op, shown, arg[n + 2] ? arg + n + 3 : NULL, err);
}

static int parse_flags(struct flags *fl, struct coved_options *o, struct err *err)
{
	for (fl->i = 1; fl->i < fl->argc; fl->i++) {
		const char *arg = fl->argv[fl->i];
		int r;

		if (arg[0] != '-' || !arg[1])
			return err_set(err, ERR_INVALID, "\"coved\" accepts no arguments, but got \"%s\"", arg);
		r = arg[1] == '-' ? take_long(fl, o, arg, err) : take_letters(fl, o, arg, err);
		if (r < 0)
			return -1;
	}
	return 0;
}

/* --- the file --------------------------------------------------------------------------------------- */

static const struct option *find_key(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++)
		if (streq(key_of(&options[i]), key))
			return &options[i];
	return NULL;
}

static int take_json(struct coved_options *o, const struct option *op, const json_t *v);

static int take_json_list(struct coved_options *o, const struct option *op, const json_t *v)
{
	json_t *item;
	size_t i;

	if (!json_is_array(v))
		return -EINVAL;
	json_array_foreach(v, i, item)
		if (take_json(o, op, item) < 0)
			return -EINVAL;
	return 0;
}

static int take_json_map(struct coved_options *o, const struct option *op, json_t *v)
{
	const char *key;
	json_t *item;

	if (!json_is_object(v))
		return -EINVAL;
	json_object_foreach(v, key, item) {
		AUTO(free) char *pair = xasprintf("%s=%s", key, str_or(json_string_value(item)));

		if (!json_is_string(item) || set_value(o, op, pair) < 0)
			return -EINVAL;
	}
	return 0;
}

static int take_pool(struct coved_options *o, const struct option *op, const json_t *v)
{
	AUTO(free) char *text = xasprintf("base=%s,size=%lld", json_get_str(v, "base", ""),
					  (long long)json_get_int(v, "size", 0));

	return json_is_object(v) ? set_value(o, op, text) : -EINVAL;
}

/* One value, of the form the file has it in. */
static int take_json(struct coved_options *o, const struct option *op, const json_t *v)
{
	if (op->kind == O_BOOL && json_is_boolean(v))
		return set_value(o, op, json_is_true(v) ? "true" : "false");
	if (op->kind == O_INT && json_is_integer(v)) {
		*(int64_t *)((char *)o + op->at) = json_integer_value(v);
		return 0;
	}
	if (op->kind == O_POOLS)
		return take_pool(o, op, v);
	if ((op->kind == O_STR || op->kind == O_LIST) && json_is_string(v))
		return set_value(o, op, json_string_value(v));
	return -EINVAL;
}

static int take_key(struct flags *fl, struct coved_options *o, const char *key, json_t *v, struct err *err)
{
	const struct option *op = find_key(key);
	int r;

	if (!op)
		return err_set(err, ERR_INVALID, "the following directives don't match any configuration option: %s", key);
	if (op->kind == O_REFUSED)
		return err_set(err, ERR_INVALID, "the directive %s is not supported", key);
	if (fl->seen[op - options])
		return err_set(err, ERR_INVALID,
			       "the following directives are specified both as a flag and in the configuration file: %s", key);
	if (op->kind == O_MAP)
		r = take_json_map(o, op, v);
	else if (op->kind == O_LIST || op->kind == O_POOLS)
		r = take_json_list(o, op, v);
	else
		r = take_json(o, op, v);
	return r < 0 ? err_set(err, ERR_INVALID, "the directive %s has a value of a wrong type", key) : 0;
}

static int parse_file(struct flags *fl, struct coved_options *o, struct err *err)
{
	const char *path = o->config_file ? o->config_file : DEFAULT_CONFIG;
	AUTO(buf) struct buf b = {0};
	AUTO(json) json_t *root = NULL;
	const char *key;
	json_t *v;
	int r = fs_read_file(AT_FDCWD, path, CONFIG_MAX, &b);

	if (r == -ENOENT && !o->config_file)
		return 0;
	if (r < 0)
		return err_sys(err, -r, "unable to configure the engine with file %s", path);
	if (strspn(str_or(b.p), " \t\r\n") == b.len)
		return 0;
	root = json_parse(b.p, b.len, err);
	if (root && !json_is_object(root))
		err_set(err, ERR_INVALID, "it does not hold a JSON object");
	if (!root || !json_is_object(root))
		return err_wrap(err, "unable to configure the engine with file %s", path);
	json_object_foreach(root, key, v)
		if (take_key(fl, o, key, v, err) < 0)
			return err_wrap(err, "unable to configure the engine with file %s", path);
	return 0;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static int check_exec_opts(const struct coved_options *o, struct err *err)
{
	strv_for_each(v, &o->exec_opts)
		if (!streq(v, "native.cgroupdriver=systemd") && !streq(v, "native.cgroupdriver=cgroupfs"))
			return err_set(err, ERR_INVALID, "invalid option for --exec-opt: %s", v);
	return 0;
}

static int check_log_driver(const struct coved_options *o, struct err *err)
{
	static const char *const known[] = {"json-file", "local", "none"};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (!o->log_driver || streq(o->log_driver, known[i]))
			return 0;
	return err_set(err, ERR_INVALID, "logger: no log driver named '%s' is registered", o->log_driver);
}

static int check(const struct coved_options *o, struct err *err)
{
	if (o->storage_driver && *o->storage_driver && !streq(o->storage_driver, "overlay2") &&
	    !streq(o->storage_driver, "overlay"))
		return err_set(err, ERR_INVALID, "the storage driver '%s' is not supported: overlay2 is the only one",
			       o->storage_driver);
	if (o->mtu < 0 || o->mtu > 65535)
		return err_set(err, ERR_INVALID, "invalid default MTU: %lld", (long long)o->mtu);
	if (o->bridge && *o->bridge && !streq(o->bridge, "none") && o->bip && *o->bip)
		return err_set(err, ERR_INVALID, "bridge and bip are mutually exclusive: the bridge has its address already");
	strv_for_each(label, &o->labels)
		if (!strchr(label, '='))
			return err_set(err, ERR_INVALID, "bad attribute format: %s", label);
	if (check_exec_opts(o, err) < 0)
		return -1;
	return check_log_driver(o, err);
}

int coved_options_parse(int argc, char *const *argv, struct coved_options *ret, struct err *err)
{
	struct flags fl = {.argc = argc, .argv = argv};

	ret->ip_forward = ret->iptables = ret->ip_masq = ret->icc = ret->userland_proxy = true;
	ret->shutdown_timeout = 5;
	if (parse_flags(&fl, ret, err) < 0)
		return -1;
	if (ret->help || ret->version)
		return 0;
	if (parse_file(&fl, ret, err) < 0)
		return -1;
	return check(ret, err);
}

bool coved_systemd_cgroup(const struct coved_options *o)
{
	return o->exec_opts.n && streq(o->exec_opts.v[o->exec_opts.n - 1], "native.cgroupdriver=systemd");
}

void coved_options_done(struct coved_options *o)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		void *p = (char *)o + options[i].at;

		if (options[i].kind == O_STR)
			free(*(char **)p);
		else if (options[i].kind == O_LIST || options[i].kind == O_POOLS)
			strv_done(p);
		else if (options[i].kind == O_MAP)
			map_done(p);
	}
	*o = (struct coved_options){0};
}

void coved_options_help(void)
{
	static const char *const words[] = {
	    [O_BOOL] = "", [O_STR] = " string", [O_INT] = " int", [O_LIST] = " list", [O_MAP] = " map",
	    [O_POOLS] = " pool", [O_REFUSED] = ""};

	printf("Usage:  coved [OPTIONS]\n\nThe engine: serves containers, images and the rest over the Engine API.\n\nOptions:\n");
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		const struct option *op = &options[i];
		char left[64];

		if (!op->help)
			continue;
		snprintf(left, sizeof(left), "%s%c%s --%s%s", op->letter ? "-" : " ", op->letter ? op->letter : ' ',
			 op->letter ? "," : " ", op->flag, words[op->kind]);
		printf("  %-34s %s\n", left, op->help);
	}
}
