/*
 * network-create.c - cove network create
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "cli/calls.h"
#include "cli/spec.h"

struct opts {
	bool attachable, config_only, ingress, internal, ipv4, ipv6;
	const char *config_from, *driver, *ipam_driver, *scope;
	struct strv aux_address, gateway, ip_range, ipam_opt, label, opt, subnet;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"attachable", 0, CLI_BOOL, O(attachable), "Enable manual container attachment"},
	{"aux-address", 0, CLI_MAP, O(aux_address),
	 "Auxiliary IPv4 or IPv6 addresses used by Network driver", .shown_default = "map[]"},
	{"config-from", 0, CLI_STRING, O(config_from),
	 "The network from which to copy the configuration"},
	{"config-only", 0, CLI_BOOL, O(config_only), "Create a configuration only network"},
	{"driver", 'd', CLI_STRING, O(driver), "Driver to manage the Network", .init = "bridge"},
	{"gateway", 0, CLI_STRINGS, O(gateway), "IPv4 or IPv6 Gateway for the master subnet"},
	{"ingress", 0, CLI_BOOL, O(ingress), "Create swarm routing-mesh network",
	 .flags = CLI_HIDDEN},
	{"internal", 0, CLI_BOOL, O(internal), "Restrict external access to the network"},
	{"ip-range", 0, CLI_STRINGS, O(ip_range), "Allocate container ip from a sub-range"},
	{"ipam-driver", 0, CLI_STRING, O(ipam_driver), "IP Address Management Driver",
	 .init = "default"},
	{"ipam-opt", 0, CLI_MAP, O(ipam_opt), "Set IPAM driver specific options",
	 .shown_default = "map[]"},
	{"ipv4", 0, CLI_BOOL, O(ipv4), "Enable or disable IPv4 address assignment", .init = "true"},
	{"ipv6", 0, CLI_BOOL, O(ipv6), "Enable or disable IPv6 address assignment"},
	{"label", 0, CLI_LIST, O(label), "Set metadata on a network", .check = check_label},
	{"opt", 'o', CLI_MAP, O(opt), "Set driver specific options", .shown_default = "map[]"},
	{"scope", 0, CLI_STRING, O(scope), "Control the network's scope"},
	{"subnet", 0, CLI_STRINGS, O(subnet),
	 "Subnet in CIDR format that represents a network segment"},
	CLI_OPT_END,
};

/* Whether an address (with or without "/bits") lies in a subnet "a.b.c.d/bits". */
static bool in_subnet(const char *subnet, const char *address)
{
	AUTO(free) char *net = xstrndup(subnet, strcspn(subnet, "/"));
	AUTO(free) char *ip = xstrndup(address, strcspn(address, "/"));
	unsigned char a[16], b[16];
	int family = strchr(net, ':') ? AF_INET6 : AF_INET;
	int64_t bits = 0;

	if (!strchr(subnet, '/') || str_to_i64(strchr(subnet, '/') + 1, 10, &bits) < 0 ||
	    bits < 0 || bits > (family == AF_INET ? 32 : 128) || inet_pton(family, net, a) != 1 ||
	    inet_pton(family, ip, b) != 1)
		return false;
	for (int64_t i = 0; i < bits; i++)
		if ((a[i / 8] ^ b[i / 8]) & (0x80 >> (i % 8)))
			return false;
	return true;
}

static json_t *config_of(json_t *configs, const char *address)
{
	json_t *c;
	size_t i;

	json_array_foreach(configs, i, c)
		if (in_subnet(str_or(json_string_value(json_object_get(c, "Subnet"))), address))
			return c;
	return NULL;
}

static int put_address(json_t *configs, const char *key, const char *what, const char *address,
		       struct err *err)
{
	json_t *c = config_of(configs, address);

	if (!c)
		return err_set(err, ERR_INVALID, "no matching subnet for %s %s", what, address);
	if (json_object_get(c, key))
		return err_set(err, ERR_INVALID, "cannot configure multiple %ss (%s) on the same "
			       "subnet", what, address);
	json_object_set_new(c, key, json_string(address));
	return 0;
}

static int put_aux(json_t *configs, const char *pair, struct err *err)
{
	const char *eq = strchr(pair, '=');
	AUTO(free) char *name = xstrndup(pair, eq ? (size_t)(eq - pair) : strlen(pair));
	json_t *c = eq ? config_of(configs, eq + 1) : NULL, *aux;

	if (!c)
		return err_set(err, ERR_INVALID, "no matching subnet for aux-address %s",
			       eq ? eq + 1 : pair);
	aux = json_object_get(c, "AuxiliaryAddresses");
	if (!aux) {
		aux = json_object();
		json_object_set_new(c, "AuxiliaryAddresses", aux);
	}
	json_object_set_new(aux, name, json_string(eq + 1));
	return 0;
}

static int put_configs(const struct opts *o, json_t *configs, struct err *err)
{
	if (o->subnet.n < o->ip_range.n || o->subnet.n < o->gateway.n)
		return err_set(err, ERR_INVALID,
			       "every ip-range or gateway must have a corresponding subnet");
	strv_for_each(s, &o->subnet) {
		if (!in_subnet(s, s))
			return err_set(err, ERR_INVALID, "invalid CIDR address: %s", s);
		json_array_append_new(configs, json_pack("{s:s}", "Subnet", s));
	}
	strv_for_each(s, &o->ip_range)
		if (put_address(configs, "IPRange", "ip-range", s, err) < 0)
			return -1;
	strv_for_each(s, &o->gateway)
		if (put_address(configs, "Gateway", "gateway", s, err) < 0)
			return -1;
	strv_for_each(s, &o->aux_address)
		if (put_aux(configs, s, err) < 0)
			return -1;
	return 0;
}

static json_t *pairs(const struct strv *sv)
{
	json_t *j = json_object();

	strv_for_each(s, sv) {
		const char *eq = strchr(s, '=');
		AUTO(free) char *key = xstrndup(s, eq ? (size_t)(eq - s) : strlen(s));

		json_object_set_new(j, key, json_string(eq ? eq + 1 : ""));
	}
	return j;
}

static int make_body(struct cli *cli, const struct opts *o, const char *name, json_t **ret,
		     struct err *err)
{
	json_t *configs = json_array(), *body, *ipam;

	if (put_configs(o, configs, err) < 0) {
		json_decref(configs);
		return -1;
	}
	ipam = json_pack("{s:s, s:o, s:o}", "Driver", o->ipam_driver, "Options",
			 pairs(&o->ipam_opt), "Config", configs);
	body = json_pack("{s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:o, s:o, s:o}", "Name", name,
			 "Driver", o->driver, "Scope", o->scope, "Internal", o->internal,
			 "Attachable", o->attachable, "Ingress", o->ingress, "ConfigOnly",
			 o->config_only, "Options", pairs(&o->opt), "Labels", pairs(&o->label),
			 "IPAM", ipam);
	if (!body)
		return err_set(err, ERR_INVALID, "option values must be UTF-8");
	if (cli_changed(cli, "ipv4"))
		json_object_set_new(body, "EnableIPv4", json_boolean(o->ipv4));
	if (cli_changed(cli, "ipv6"))
		json_object_set_new(body, "EnableIPv6", json_boolean(o->ipv6));
	if (*o->config_from)
		json_object_set_new(body, "ConfigFrom",
				    json_pack("{s:s}", "Network", o->config_from));
	*ret = body;
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	json_t *body, *answer = NULL;
	const char *warning;
	int r;

	if (make_body(cli, opts, args[0], &body, err) < 0)
		return -1;
	r = call(cli, "POST", "/networks/create", body, &answer, err);
	json_decref(body);
	if (r < 0)
		return -1;
	warning = json_string_value(json_object_get(answer, "Warning"));
	if (warning && *warning)
		fprintf(stderr, "%s\n", warning);
	print_line(str_or(json_string_value(json_object_get(answer, "Id"))));
	json_decref(answer);
	return 0;
}

const struct cli_command cmd_network_create = {
	.paths = CLI_PATHS("network create"),
	.args = "[OPTIONS] NETWORK",
	.summary = "Create a network",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
