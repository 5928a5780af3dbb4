/*
 * network-connect.c - cove network connect
 */
#include "cli/calls.h"
#include "cli/spec.h"

struct opts {
	struct strv alias, driver_opt, link, link_local_ip;
	const char *ip, *ip6;
	int64_t gw_priority;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"alias", 0, CLI_STRINGS, O(alias), "Add network-scoped alias for the container"},
	{"driver-opt", 0, CLI_STRINGS, O(driver_opt), "driver options for the network"},
	{"gw-priority", 0, CLI_INT, O(gw_priority),
	 "Highest gw-priority provides the default gateway. Accepts positive and negative values."},
	{"ip", 0, CLI_STRING, O(ip), "IPv4 address (e.g., \"172.30.100.104\")"},
	{"ip6", 0, CLI_STRING, O(ip6), "IPv6 address (e.g., \"2001:db8::33\")"},
	{"link", 0, CLI_LIST, O(link), "Add link to another container", .check = check_link},
	{"link-local-ip", 0, CLI_STRINGS, O(link_local_ip),
	 "Add a link-local address for the container"},
	CLI_OPT_END,
};

static json_t *list(const struct strv *sv)
{
	json_t *a = json_array();

	strv_for_each(s, sv)
		json_array_append_new(a, json_string(s));
	return a;
}

static int make_endpoint(const struct opts *o, json_t *ep, struct err *err)
{
	json_t *ipam = json_object(), *options = json_object();

	json_object_set_new(ep, "IPAMConfig", ipam);
	json_object_set_new(ep, "DriverOpts", options);
	if (*o->ip)
		json_object_set_new(ipam, "IPv4Address", json_string(o->ip));
	if (*o->ip6)
		json_object_set_new(ipam, "IPv6Address", json_string(o->ip6));
	if (o->link_local_ip.n)
		json_object_set_new(ipam, "LinkLocalIPs", list(&o->link_local_ip));
	if (o->alias.n)
		json_object_set_new(ep, "Aliases", list(&o->alias));
	if (o->link.n)
		json_object_set_new(ep, "Links", list(&o->link));
	if (o->gw_priority)
		json_object_set_new(ep, "GwPriority", json_integer(o->gw_priority));
	strv_for_each(s, &o->driver_opt) {
		const char *eq = strchr(s, '=');
		AUTO(free) char *key = xstrndup(s, eq ? (size_t)(eq - s) : 0);

		if (!*key)
			return err_set(err, ERR_INVALID,
				       "invalid key/value pair format in driver options");
		json_object_set_new(options, key, json_string(eq + 1));
	}
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	json_t *ep = json_object(), *body;
	AUTO(buf) struct buf path = {0};
	int r;

	body = json_pack("{s:s, s:o}", "Container", args[1], "EndpointConfig", ep);
	if (!body)
		return err_set(err, ERR_INVALID, "names must be UTF-8");
	path_object(&path, "networks", args[0], "connect");
	r = make_endpoint(opts, ep, err);
	if (r == 0)
		r = call(cli, "POST", path.p, body, NULL, err);
	json_decref(body);
	return r < 0 ? -1 : 0;
}

const struct cli_command cmd_network_connect = {
	.paths = CLI_PATHS("network connect"),
	.args = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Connect a container to a network",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
