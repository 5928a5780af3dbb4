/*
 * create.c - the create body from the options, and the call that makes the container
 *
 * (1) The body starts as what the daemon calls empty in docker's own requests, so that inspect
 *     shows the same for both clients; each given option is put over it.
 * (2) Nothing is sent before every option has been read.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <strings.h>

#include "base/fs.h"
#include "cli/calls.h"
#include "cli/create.h"
#include "cli/spec.h"
#include "client/client.h"
#include "codec/reference.h"

#define BODY_EMPTY                                                                                 \
	"{\"Volumes\":{},\"Labels\":{},\"HostConfig\":{\"LogConfig\":{\"Type\":\"\",\"Config\":{}}," \
	"\"NetworkMode\":\"default\",\"PortBindings\":{},\"Dns\":[],\"DnsOptions\":[],"            \
	"\"DnsSearch\":[],\"BlkioWeightDevice\":[],\"BlkioDeviceReadBps\":[],"                     \
	"\"BlkioDeviceWriteBps\":[],\"BlkioDeviceReadIOps\":[],\"BlkioDeviceWriteIOps\":[],"       \
	"\"Devices\":[],\"Ulimits\":[],\"MemorySwappiness\":-1,\"OomKillDisable\":false,"          \
	"\"PidsLimit\":0}}"

struct maker {
	struct cli *cli;
	const struct create_opts *o;
	json_t *body, *host; /* host: body.HostConfig */
};

/* --- rows with a place of their own ----------------------------------------------------- */

static json_t *strv_json(const struct strv *sv)
{
	json_t *a = json_array();

	strv_for_each(s, sv)
		json_array_append_new(a, json_string(s));
	return a;
}

static void put_pair(json_t *object, const char *pair)
{
	const char *eq = strchr(pair, '=');
	AUTO(free) char *key = xstrndup(pair, eq ? (size_t)(eq - pair) : strlen(pair));

	json_object_set_new(object, key, json_string(eq ? eq + 1 : ""));
}

static json_t *strv_json_map(const struct strv *sv)
{
	json_t *j = json_object();

	strv_for_each(s, sv)
		put_pair(j, s);
	return j;
}

static json_t *opt_json(const struct cli_opt *o, const void *value)
{
	switch (o->kind) {
	case CLI_BOOL:
		return json_boolean(*(const bool *)value);
	case CLI_STRING:
		return json_string(*(const char *const *)value);
	case CLI_MAP:
		return strv_json_map(value);
	case CLI_LIST:
	case CLI_STRINGS:
	case CLI_FILTER:
		return strv_json(value);
	default:
		return json_integer(*(const int64_t *)value);
	}
}

/* Puts a value at "HostConfig.LogConfig.Type". */
static void put_at(json_t *j, const char *where, json_t *value)
{
	const char *dot;

	while ((dot = strchr(where, '.'))) {
		AUTO(free) char *key = xstrndup(where, (size_t)(dot - where));
		json_t *next = json_object_get(j, key);

		if (!next) {
			next = json_object();
			json_object_set_new(j, key, next);
		}
		j = next;
		where = dot + 1;
	}
	json_object_set_new(j, where, value);
}

static int put_rows(struct maker *m)
{
	const struct cli_opt *table = m->cli->cmd->opts;

	for (const struct cli_opt *o = table; o->name; o++) {
		const char *value = (const char *)m->o + o->offset;
		json_t *j;

		if (!o->json || !m->cli->changed[o - table])
			continue;
		j = opt_json(o, value);
		if (!j) /* invalid UTF-8 */
			return -1;
		put_at(m->body, o->json, j);
	}
	return 0;
}

/* --- the other parts ----------------------------------------------------------------------- */

static int put_modes(struct maker *m, struct err *err)
{
	const struct create_opts *o = m->o;

	if (o->memory_swappiness != -1 && (o->memory_swappiness < 0 || o->memory_swappiness > 100))
		return err_set(err, ERR_INVALID,
			       "invalid value: %lld. Valid memory swappiness range is 0-100",
			       (long long)o->memory_swappiness);
	if (*o->pid && !streq(o->pid, "host") &&
	    !(str_after(o->pid, "container:") && *str_after(o->pid, "container:")))
		return err_set(err, ERR_INVALID, "--pid: invalid PID mode");
	if (*o->uts && !streq(o->uts, "host"))
		return err_set(err, ERR_INVALID, "--uts: invalid UTS mode");
	if (*o->userns && !streq(o->userns, "host"))
		return err_set(err, ERR_INVALID, "--userns: invalid USER mode");
	if (*o->cgroupns && !streq(o->cgroupns, "host") && !streq(o->cgroupns, "private"))
		return err_set(err, ERR_INVALID, "--cgroupns: invalid CGROUP mode");
	if (o->api_socket)
		return err_set(err, ERR_UNSUPPORTED,
			       "--use-api-socket is not supported: mount the socket with -v");
	return 0;
}

static int put_ports(struct maker *m, struct err *err)
{
	json_t *exposed = json_object(), *bindings = json_object_get(m->host, "PortBindings");
	int r = 0;

	json_object_set_new(m->body, "ExposedPorts", exposed);
	for (size_t i = 0; r == 0 && i < m->o->publish.n; i++)
		r = spec_publish(m->o->publish.v[i], exposed, bindings, err);
	for (size_t i = 0; r == 0 && i < m->o->expose.n; i++)
		r = spec_expose(m->o->expose.v[i], exposed, err);
	if (!json_object_size(exposed))
		json_object_del(m->body, "ExposedPorts");
	return r;
}

static int put_mounts(struct maker *m, struct err *err)
{
	json_t *binds = json_array(), *volumes = json_object_get(m->body, "Volumes");
	json_t *mounts = json_array(), *tmpfs = json_object(), *j;
	int r = 0;

	json_object_set_new(m->host, "Binds", binds);
	json_object_set_new(m->host, "Mounts", mounts);
	json_object_set_new(m->host, "Tmpfs", tmpfs);
	for (size_t i = 0; r == 0 && i < m->o->volume.n; i++)
		r = spec_volume(m->o->volume.v[i], binds, volumes, err);
	for (size_t i = 0; r == 0 && i < m->o->mount.n; i++)
		if ((r = spec_mount(m->o->mount.v[i], &j, err)) == 0)
			json_array_append_new(mounts, j);
	strv_for_each(s, &m->o->tmpfs)
		spec_tmpfs(s, tmpfs);
	if (!json_array_size(binds))
		json_object_set_new(m->host, "Binds", json_null());
	if (!json_array_size(mounts))
		json_object_del(m->host, "Mounts");
	if (!json_object_size(tmpfs))
		json_object_del(m->host, "Tmpfs");
	return r;
}

static int weight(const char *s, json_t **ret, struct err *err)
{
	return spec_weight_device(s, ret, err);
}

static int rate_bytes(const char *s, json_t **ret, struct err *err)
{
	return spec_rate_device(s, true, ret, err);
}

static int rate_ios(const char *s, json_t **ret, struct err *err)
{
	return spec_rate_device(s, false, ret, err);
}

/* The last value for a name counts; sorted by name, as docker sends them. */
static void sort_ulimits(json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		for (size_t k = i + 1; k < json_array_size(list); k++) {
			json_t *a = json_array_get(list, i), *b = json_array_get(list, k);
			int order = strcmp(json_string_value(json_object_get(a, "Name")),
					   json_string_value(json_object_get(b, "Name")));

			if (order < 0)
				continue;
			json_incref(a);
			json_array_set(list, i, b);
			if (order == 0)
				json_array_remove(list, k--);
			else
				json_array_set(list, k, a);
			json_decref(a);
		}
	}
}

/* "sys_admin" is CAP_SYS_ADMIN; sorted, each once. */
static void put_capabilities(json_t *host, const char *key, const struct strv *given)
{
	AUTO(strv) struct strv names = {0};

	strv_for_each(s, given) {
		AUTO(buf) struct buf name = {0};

		for (const char *p = s; *p; p++)
			buf_addc(&name, (char)toupper((unsigned char)*p));
		if (name.len && !streq(name.p, "ALL") && !streq(name.p, "RESET") &&
		    !str_after(name.p, "CAP_")) {
			AUTO(free) char *bare = buf_take(&name);

			buf_addf(&name, "CAP_%s", bare);
		}
		if (name.len && !strv_has(&names, name.p))
			strv_add(&names, name.p);
	}
	strv_sort(&names);
	if (names.n)
		json_object_set_new(host, key, strv_json(&names));
}

static int put_devices(struct maker *m, struct err *err)
{
	const struct {
		const struct strv *values;
		const char *key;
		int (*parse)(const char *s, json_t **ret, struct err *err);
	} lists[] = {
		{&m->o->device, "Devices", spec_device},
		{&m->o->ulimit, "Ulimits", spec_ulimit},
		{&m->o->weight_device, "BlkioWeightDevice", weight},
		{&m->o->read_bps, "BlkioDeviceReadBps", rate_bytes},
		{&m->o->write_bps, "BlkioDeviceWriteBps", rate_bytes},
		{&m->o->read_iops, "BlkioDeviceReadIOps", rate_ios},
		{&m->o->write_iops, "BlkioDeviceWriteIOps", rate_ios},
	};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		json_t *list = json_object_get(m->host, lists[i].key), *j;

		strv_for_each(s, lists[i].values) {
			if (lists[i].parse == spec_device && check_device(s, err) < 0)
				return -1;
			if (lists[i].parse(s, &j, err) < 0)
				return -1;
			json_array_append_new(list, j);
		}
	}
	sort_ulimits(json_object_get(m->host, "Ulimits"));
	put_capabilities(m->host, "CapAdd", &m->o->cap_add);
	put_capabilities(m->host, "CapDrop", &m->o->cap_drop);
	return 0;
}

static int put_environment(struct maker *m, struct err *err)
{
	AUTO(strv) struct strv env = {0}, labels = {0};
	json_t *map = json_object_get(m->body, "Labels"), *list;

	strv_for_each(path, &m->o->env_file)
		if (spec_kv_file(path, true, &env, err) < 0)
			return -1;
	strv_for_each(s, &m->o->env)
		strv_take(&env, spec_env(s));
	if (env.n) {
		list = strv_json(&env);
		if (json_array_size(list) != env.n) {
			json_decref(list);
			return err_set(err, ERR_INVALID, "environment variables must be UTF-8");
		}
		json_object_set_new(m->body, "Env", list);
	}
	strv_for_each(path, &m->o->label_file)
		if (spec_kv_file(path, false, &labels, err) < 0)
			return -1;
	strv_for_each(s, &m->o->label)
		strv_add(&labels, s);
	strv_for_each(s, &labels)
		put_pair(map, s);
	return 0;
}

static int put_health(struct maker *m, struct err *err)
{
	const struct create_opts *o = m->o;
	const struct {
		const char *option, *key;
		int64_t value;
	} numbers[] = {
		{"health-interval", "Interval", o->health_interval},
		{"health-timeout", "Timeout", o->health_timeout},
		{"health-retries", "Retries", o->health_retries},
		{"health-start-period", "StartPeriod", o->health_start_period},
		{"health-start-interval", "StartInterval", o->health_start_interval},
	};
	json_t *health = json_object();

	json_object_set_new(m->body, "Healthcheck", health);
	if (*o->health_cmd)
		json_object_set_new(health, "Test", json_pack("[s, s]", "CMD-SHELL", o->health_cmd));
	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (numbers[i].value < 0)
			return err_set(err, ERR_INVALID, "--%s cannot be negative",
				       numbers[i].option);
		if (numbers[i].value)
			json_object_set_new(health, numbers[i].key, json_integer(numbers[i].value));
	}
	if (o->no_healthcheck && json_object_size(health))
		return err_set(err, ERR_INVALID, "--no-healthcheck conflicts with --health-* options");
	if (o->no_healthcheck)
		json_object_set_new(health, "Test", json_pack("[s]", "NONE"));
	if (!json_object_size(health))
		json_object_del(m->body, "Healthcheck");
	return 0;
}

static int put_security(struct maker *m, struct err *err)
{
	json_t *opts = json_array();
	bool systempaths = false;

	json_object_set_new(m->host, "SecurityOpt", opts);
	strv_for_each(s, &m->o->security_opt)
		if (spec_security_opt(s, opts, &systempaths, err) < 0)
			return -1;
	if (!json_array_size(opts))
		json_object_set_new(m->host, "SecurityOpt", json_null());
	if (systempaths) {
		json_object_set_new(m->host, "MaskedPaths", json_array());
		json_object_set_new(m->host, "ReadonlyPaths", json_array());
	}
	return 0;
}

static int put_logging(struct maker *m, struct err *err)
{
	json_t *config = json_object_get(json_object_get(m->host, "LogConfig"), "Config");
	json_t *storage;

	if (streq(m->o->log_driver, "none") && m->o->log_opt.n)
		return err_set(err, ERR_INVALID, "invalid logging opts for driver none");
	strv_for_each(s, &m->o->log_opt)
		put_pair(config, s);
	if (!m->o->storage_opt.n)
		return 0;
	storage = json_object();
	json_object_set_new(m->host, "StorageOpt", storage);
	strv_for_each(s, &m->o->storage_opt) {
		if (!strchr(s, '='))
			return err_set(err, ERR_INVALID, "invalid storage option");
		put_pair(storage, s);
	}
	return 0;
}

static bool streams_has(const struct strv *attach, const char *name)
{
	strv_for_each(s, attach)
		if (strcasecmp(s, name) == 0)
			return true;
	return false;
}

static void put_streams(struct maker *m)
{
	const struct create_opts *o = m->o;
	bool all = !o->attach.n, in = o->interactive || streams_has(&o->attach, "stdin");
	bool once = o->interactive && in && !o->detach;

	json_object_set_new(m->body, "AttachStdin", json_boolean(in && !o->detach));
	json_object_set_new(m->body, "AttachStdout",
			    json_boolean(!o->detach && (all || streams_has(&o->attach, "stdout"))));
	json_object_set_new(m->body, "AttachStderr",
			    json_boolean(!o->detach && (all || streams_has(&o->attach, "stderr"))));
	json_object_set_new(m->body, "Tty", json_boolean(o->tty));
	json_object_set_new(m->body, "OpenStdin", json_boolean(o->interactive));
	json_object_set_new(m->body, "StdinOnce", json_boolean(once));
}

static void put_command(struct maker *m, char **args)
{
	json_t *cmd = json_array();

	json_object_set_new(m->body, "Image", json_string(args[0]));
	for (char **a = args + 1; *a; a++)
		json_array_append_new(cmd, json_string(*a));
	if (json_array_size(cmd))
		json_object_set_new(m->body, "Cmd", cmd);
	else
		json_decref(cmd);
	if (cli_changed(m->cli, "entrypoint"))
		json_object_set_new(m->body, "Entrypoint", json_pack("[s]", m->o->entrypoint));
}

/* --- networks --------------------------------------------------------------------------- */

static bool mac_ok(const char *s)
{
	for (int i = 0; i < 6; i++, s += 3)
		if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]) ||
		    s[2] != (i < 5 ? (s[2] == '-' ? '-' : ':') : 0))
			return false;
	return true;
}

static bool is_user_defined(const char *name)
{
	return !streq(name, "default") && !streq(name, "bridge") && !streq(name, "host") &&
	       !streq(name, "none") && strncmp(name, "container:", 10) != 0;
}

static json_t *ipam_of(json_t *ep)
{
	json_t *ipam = json_object_get(ep, "IPAMConfig");

	if (!ipam) {
		ipam = json_object();
		json_object_set_new(ep, "IPAMConfig", ipam);
	}
	return ipam;
}

/* --ip and its like, for the first network; each may not be given there too. */
static int merge_endpoint(struct maker *m, const char *network, json_t *ep, struct err *err)
{
	const struct create_opts *o = m->o;
	json_t *ipam = json_object_get(ep, "IPAMConfig");

	if (o->network_alias.n && !is_user_defined(network))
		return err_set(err, ERR_INVALID, "network-scoped aliases are only supported for "
						 "user-defined networks");
	if (o->network_alias.n && json_object_get(ep, "Aliases"))
		return err_set(err, ERR_INVALID, "conflicting options: cannot specify both "
						 "--network-alias and per-network alias");
	if (o->link.n && json_object_get(ep, "Links"))
		return err_set(err, ERR_INVALID,
			       "conflicting options: cannot specify both --link and per-network links");
	if (*o->ip && json_object_get(ipam, "IPv4Address"))
		return err_set(err, ERR_INVALID, "conflicting options: cannot specify both --ip "
						 "and per-network IPv4 address");
	if (*o->ip6 && json_object_get(ipam, "IPv6Address"))
		return err_set(err, ERR_INVALID, "conflicting options: cannot specify both --ip6 "
						 "and per-network IPv6 address");
	if (*o->mac && json_object_get(ep, "MacAddress"))
		return err_set(err, ERR_INVALID, "conflicting options: cannot specify both "
						 "--mac-address and per-network MAC address");
	if (*o->mac && !mac_ok(o->mac))
		return err_set(err, ERR_INVALID, "%s is not a valid mac address", o->mac);
	if (o->network_alias.n)
		json_object_set_new(ep, "Aliases", strv_json(&o->network_alias));
	if (o->link.n && is_user_defined(network))
		json_object_set_new(ep, "Links", strv_json(&o->link));
	if (*o->ip)
		json_object_set_new(ipam_of(ep), "IPv4Address", json_string(o->ip));
	if (*o->ip6)
		json_object_set_new(ipam_of(ep), "IPv6Address", json_string(o->ip6));
	if (o->link_local_ip.n)
		json_object_set_new(ipam_of(ep), "LinkLocalIPs", strv_json(&o->link_local_ip));
	if (*o->mac)
		json_object_set_new(ep, "MacAddress", json_string(o->mac));
	return 0;
}

static int put_network(struct maker *m, json_t *endpoints, const char *spec, bool first,
		       struct err *err)
{
	AUTO(free) char *name = NULL;
	json_t *ep;

	if (spec_network(spec, &name, &ep, err) < 0)
		return -1;
	if (first)
		json_object_set_new(m->host, "NetworkMode", json_string(name));
	if (json_object_get(endpoints, name)) {
		json_decref(ep);
		return err_set(err, ERR_INVALID, "network \"%s\" is specified multiple times", name);
	}
	json_object_set_new(endpoints, name, ep);
	if (m->o->network.n > 1 && !is_user_defined(name))
		return err_set(err, ERR_INVALID, "conflicting options: cannot attach both user-defined "
						 "and non-user-defined network-modes");
	return first ? merge_endpoint(m, name, ep, err) : 0;
}

static int put_networks(struct maker *m, struct err *err)
{
	json_t *endpoints = json_object(), *hosts = json_array();
	bool first = true;

	put_at(m->body, "NetworkingConfig.EndpointsConfig", endpoints);
	if (!m->o->network.n && put_network(m, endpoints, "default", true, err) < 0)
		goto fail;
	strv_for_each(s, &m->o->network) {
		if (put_network(m, endpoints, s, first, err) < 0)
			goto fail;
		first = false;
	}
	strv_for_each(s, &m->o->add_host) {
		AUTO(free) char *line = NULL;

		if (spec_add_host(s, &line, err) < 0)
			goto fail;
		json_array_append_new(hosts, json_string(line));
	}
	json_object_set_new(m->host, "ExtraHosts", m->o->add_host.n ? json_incref(hosts) : json_null());
	if (m->o->link.n)
		json_object_set_new(m->host, "Links", strv_json(&m->o->link));
	json_decref(hosts);
	return 0;
fail:
	json_decref(hosts);
	return -1;
}

static int put_restart(struct maker *m, struct err *err)
{
	json_t *policy;

	if (spec_restart(m->o->restart, &policy, err) < 0)
		return -1;
	json_object_set_new(m->host, "RestartPolicy", policy);
	if (m->o->rm && *m->o->restart && !streq(m->o->restart, "no"))
		return err_set(err, ERR_INVALID,
			       "conflicting options: cannot specify both --restart and --rm");
	return 0;
}

int create_body(struct cli *cli, const struct create_opts *o, char **args, json_t **ret,
		struct err *err)
{
	static int (*const parts[])(struct maker *m, struct err *err) = {
		put_modes,    put_ports,  put_mounts,  put_environment, put_security, put_logging,
		put_networks, put_health, put_devices, put_restart,
	};
	struct maker m = {.cli = cli, .o = o, .body = json_loads(BODY_EMPTY, 0, NULL)};

	CHECK(m.body);
	m.host = json_object_get(m.body, "HostConfig");
	put_streams(&m);
	put_command(&m, args);
	if (put_rows(&m) < 0) {
		json_decref(m.body);
		return err_set(err, ERR_INVALID, "option values must be UTF-8");
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i](&m, err) < 0) {
			json_decref(m.body);
			return -1;
		}
	}
	*ret = m.body;
	return 0;
}

/* --- making it -------------------------------------------------------------------------- */

static int check_image(const char *image, struct err *err)
{
	AUTO(reference) struct reference ref = {0};

	if (is_hex(image, 64))
		return 0;
	return reference_parse(image, &ref, err);
}

static int open_cidfile(const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);

	if (fd >= 0)
		return fd;
	if (errno == EEXIST)
		return err_set(err, ERR_CONFLICT,
			       "container ID file found, make sure the other container isn't running "
			       "or delete %s",
			       path);
	return err_set(err, ERR_INVALID, "failed to create the container ID file: open %s: %s", path,
		       errno == ENOENT ? "no such file or directory" : strerror(errno));
}

static int pull(struct cli *cli, const struct create_opts *o, const char *image, struct err *err)
{
	return pull_image(cli, image, o->platform, false, o->quiet, STDERR_FILENO, err);
}

static void say_missing(const struct create_opts *o, const char *image)
{
	AUTO(reference) struct reference ref = {0};
	AUTO(free) char *name = NULL;
	struct err ignored = ERR_INIT;

	if (o->quiet || reference_parse(image, &ref, &ignored) < 0)
		return;
	reference_default_tag(&ref);
	name = reference_familiar(&ref);
	fprintf(stderr, "Unable to find image '%s' locally\n", name);
}

static int create_call(struct cli *cli, const struct create_opts *o, const char *image,
		       json_t *body, json_t **ret, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	int r;

	buf_adds(&path, "/containers/create");
	if (*o->name)
		client_query(&path, "name", o->name);
	if (*o->platform)
		client_query(&path, "platform", o->platform);
	if (streq(o->pull, "always") && pull(cli, o, image, err) < 0)
		return -1;
	r = call(cli, "POST", path.p, body, ret, err);
	if (r >= 0 || err->kind != ERR_NOT_FOUND || !strstr(err->msg, "o such image") ||
	    !streq(o->pull, "missing"))
		return r;
	say_missing(o, image);
	if (pull(cli, o, image, err) < 0)
		return -1;
	return call(cli, "POST", path.p, body, ret, err);
}

/* Daemons before 1.44 take the MAC address of the container as a whole only. */
static int fit_version(struct cli *cli, const struct create_opts *o, json_t *body, struct err *err)
{
	struct client *c;

	if (!*o->mac)
		return 0;
	if (cli_client(cli, &c, err) < 0 || client_negotiate(c, err) < 0)
		return -1;
	if (client_api_minor(c) < 44)
		json_object_set_new(body, "MacAddress", json_string(o->mac));
	return 0;
}

int create_container(struct cli *cli, const struct create_opts *o, const char *image, json_t *body,
		     char **ret_id, struct err *err)
{
	AUTO(close) int cidfile = -1;
	json_t *answer = NULL;
	const char *id;
	int r;

	if (!streq(o->pull, "always") && !streq(o->pull, "missing") && !streq(o->pull, "never"))
		return err_set(err, ERR_INVALID,
			       "invalid pull option: '%s': must be one of \"always\", \"missing\" or "
			       "\"never\"",
			       o->pull);
	if (check_image(image, err) < 0)
		return -1;
	if (*o->cidfile && (cidfile = open_cidfile(o->cidfile, err)) < 0)
		return -1;
	r = fit_version(cli, o, body, err);
	if (r == 0)
		r = create_call(cli, o, image, body, &answer, err);
	id = json_string_value(json_object_get(answer, "Id"));
	if (r >= 0 && (!id || !*id))
		r = err_set(err, ERR_CORRUPT, "the daemon's answer names no container");
	if (r >= 0 && cidfile >= 0 && (r = fs_write_full(cidfile, id, strlen(id))) < 0)
		r = err_sys(err, -r, "failed to write the container ID to the file");
	if (r < 0) {
		if (cidfile >= 0)
			unlink(o->cidfile);
		json_decref(answer);
		return -1;
	}
	show_warnings(answer);
	*ret_id = xstrdup(id);
	json_decref(answer);
	return 0;
}
