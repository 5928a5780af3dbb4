/*
 * view.c - networks and endpoints as the Engine API shows them
 *
 * (1) A member that docker always has is always there, empty if need be: clients index without asking.
 */
#include "network/private.h"

#include "base/clock.h"
#include "codec/json.h"

static void set(json_t *o, const char *key, json_t *value)
{
	json_object_set_new(o, key, value);
}

static json_t *addr_json(uint32_t addr)
{
	char text[ADDR_TEXT] = "";

	if (addr)
		addr4_format(text, addr);
	return json_string(text);
}

static json_t *mac_json(const struct endpoint *ep)
{
	char text[18] = "";

	if (ep && ep->addr)
		mac_format(text, ep->mac);
	return json_string(text);
}

static json_t *copy_or_null(json_t *v)
{
	return v ? json_deep_copy(v) : json_null();
}

static json_t *ipam_json(const struct network *net)
{
	json_t *ipam = json_object(), *list = NULL, *c;
	char text[SUBNET_TEXT];

	set(ipam, "Driver", json_string("default"));
	set(ipam, "Options", copy_or_null(net->ipam_options));
	if (net->driver != DRIVER_BRIDGE) {
		set(ipam, "Config", json_null());
		return ipam;
	}
	list = json_array();
	c = json_object();
	subnet4_format(text, net->subnet);
	set(c, "Subnet", json_string(text));
	if (net->has_range) {
		subnet4_format(text, net->range);
		set(c, "IPRange", json_string(text));
	}
	set(c, "Gateway", addr_json(net->gateway));
	if (json_object_size(net->aux) > 0)
		set(c, "AuxiliaryAddresses", json_deep_copy(net->aux));
	json_array_append_new(list, c);
	set(ipam, "Config", list);
	return ipam;
}

static json_t *network_json(const struct network *net)
{
	char created[CLOCK_RFC3339_MAX];
	json_t *o = json_object();

	clock_format_rfc3339(created, net->created_ns);
	set(o, "Name", json_str(net->name));
	set(o, "Id", json_string(net->id));
	set(o, "Created", json_string(created));
	set(o, "Scope", json_string("local"));
	set(o, "Driver", json_string(driver_name(net->driver)));
	set(o, "EnableIPv4", json_true());
	set(o, "EnableIPv6", json_false());
	set(o, "IPAM", ipam_json(net));
	set(o, "Internal", json_boolean(net->internal));
	set(o, "Attachable", json_boolean(net->attachable));
	set(o, "Ingress", json_false());
	set(o, "ConfigFrom", json_pack("{s:s}", "Network", ""));
	set(o, "ConfigOnly", json_false());
	set(o, "Containers", json_object());
	set(o, "Options", json_deep_copy(net->options));
	set(o, "Labels", json_deep_copy(net->labels));
	return o;
}

static void add_member(json_t *containers, const struct sandbox *sb, const struct endpoint *ep)
{
	json_t *o = json_object();
	char text[ADDR_TEXT];

	set(o, "Name", json_str(sb->name));
	set(o, "EndpointID", json_string(ep->id));
	set(o, "MacAddress", mac_json(ep));
	if (ep->addr) {
		addr4_format(text, ep->addr);
		set(o, "IPv4Address", json_sprintf("%s/%u", text, ep->net->subnet.len));
	} else {
		set(o, "IPv4Address", json_string(""));
	}
	set(o, "IPv6Address", json_string(""));
	set(containers, sb->container_id, o);
}

int network_inspect(struct network_mgr *mgr, const char *name, json_t **ret, struct err *err)
{
	const struct network *net;
	json_t *o = NULL;

	pthread_mutex_lock(&mgr->lock);
	net = mgr_find(mgr, name, err);
	if (net) {
		o = network_json(net);
		map_for_each(it, &mgr->sandboxes) {
			const struct sandbox *sb = it->value;

			for (size_t i = 0; i < sb->n; i++)
				if (sb->ep[i]->net == net)
					add_member(json_object_get(o, "Containers"), sb, sb->ep[i]);
		}
	}
	pthread_mutex_unlock(&mgr->lock);
	if (!o)
		return -1;
	*ret = o;
	return 0;
}

int network_resolve(struct network_mgr *mgr, const char *name, char **ret_id, char **ret_name, struct err *err)
{
	const struct network *net;

	pthread_mutex_lock(&mgr->lock);
	net = mgr_find(mgr, name, err);
	if (net && ret_id)
		*ret_id = xstrdup(net->id);
	if (net && ret_name)
		*ret_name = xstrdup(net->name);
	pthread_mutex_unlock(&mgr->lock);
	return net ? 0 : -1;
}

int network_filters(const json_t *spec, struct filters *ret, struct err *err)
{
	AUTO(free) char *text = NULL;

	if (!spec || json_is_null(spec))
		return 0;
	text = json_text(spec, 0);
	return filters_parse(text, ret, err);
}

void network_labels(const struct network *net, struct map *ret)
{
	const char *key;
	json_t *v;

	json_object_foreach(net->labels, key, v)
		map_set_str(ret, key, str_or(json_string_value(v)));
}

static bool matches(const struct filters *f, const struct network *net)
{
	AUTO(map) struct map labels = {.free_value = free};

	network_labels(net, &labels);
	return filters_exact(f, "driver", driver_name(net->driver)) && filters_match(f, "id", net->id) &&
	       filters_match(f, "name", net->name) && filters_exact(f, "scope", "local") &&
	       filters_exact(f, "type", net->predefined ? "builtin" : "custom") &&
	       filters_labels(f, "label", &labels);
}

static int check_filters(const struct filters *f, struct err *err)
{
	static const char *const known[] = {"driver", "id", "label", "name", "scope", "type", "dangling", NULL};
	const struct strv *types;

	if (filters_check(f, known, err) < 0)
		return -1;
	types = filters_get(f, "type");
	for (size_t i = 0; types && i < types->n; i++)
		if (!streq(types->v[i], "builtin") && !streq(types->v[i], "custom"))
			return err_set(err, ERR_INVALID, "invalid filter: 'type'='%.64s'", types->v[i]);
	return 0;
}

int network_list(struct network_mgr *mgr, const json_t *filters, json_t **ret_array, struct err *err)
{
	AUTO(filters) struct filters f = {};
	bool dangling = false;
	json_t *list;

	if (network_filters(filters, &f, err) < 0 || check_filters(&f, err) < 0 ||
	    filters_bool(&f, "dangling", false, &dangling, err) < 0)
		return -1;
	list = json_array();
	pthread_mutex_lock(&mgr->lock);
	for (size_t i = 0; i < mgr->nnets; i++) {
		const struct network *net = mgr->nets[i];

		if (net->is_default && !mgr->bridge[0])
			continue;
		if (filters_has(&f, "dangling") && dangling != (net->users == 0 && !net->predefined))
			continue;
		if (matches(&f, net))
			json_array_append_new(list, network_json(net));
	}
	pthread_mutex_unlock(&mgr->lock);
	*ret_array = list;
	return 0;
}

/* Names others may find it by, on networks that have names: name, aliases, short id, host name. */
static json_t *dns_names(const struct network *net, const struct network_spec *spec, const struct strv *aliases)
{
	AUTO(strv) struct strv names = {};
	char short_id[13];

	if (!net || net->predefined)
		return json_null();
	snprintf(short_id, sizeof(short_id), "%s", spec->id);
	strv_add(&names, str_or(spec->name));
	for (size_t i = 0; aliases && i < aliases->n; i++)
		if (!strv_has(&names, aliases->v[i]))
			strv_add(&names, aliases->v[i]);
	if (!strv_has(&names, short_id))
		strv_add(&names, short_id);
	if (spec->hostname && *spec->hostname && !strv_has(&names, spec->hostname))
		strv_add(&names, spec->hostname);
	return json_strs(&names);
}

static json_t *strs_or_null(const struct strv *sv)
{
	return sv && sv->n > 0 ? json_strs(sv) : json_null();
}

static json_t *asked_ipam(const char *ipv4, const char *ipv6)
{
	json_t *o;

	if ((!ipv4 || !*ipv4) && (!ipv6 || !*ipv6))
		return json_null();
	o = json_object();
	if (ipv4 && *ipv4)
		set(o, "IPv4Address", json_str(ipv4));
	if (ipv6 && *ipv6)
		set(o, "IPv6Address", json_str(ipv6));
	return o;
}

/* EndpointSettings; ep NULL: the container does not run. */
static json_t *endpoint_json(const struct network *net, const struct endpoint *ep, const struct network_spec *spec,
			     const struct network_request *req)
{
	const struct strv *aliases = ep ? &ep->aliases : req->aliases;
	bool has = ep && ep->addr;
	char text[ADDR_TEXT] = "";
	json_t *o = json_object();

	if (has && ep->addr_given)
		addr4_format(text, ep->addr);
	set(o, "IPAMConfig", ep ? asked_ipam(text, NULL) : asked_ipam(req->ipv4, req->ipv6));
	set(o, "Links", strs_or_null(ep ? &ep->links : req->links));
	set(o, "Aliases", strs_or_null(aliases));
	set(o, "MacAddress", ep ? mac_json(ep) : json_str(str_or(req->mac)));
	set(o, "DriverOpts", ep ? copy_or_null(ep->driver_opts) : copy_or_null((json_t *)req->driver_opts));
	set(o, "GwPriority", json_integer(ep ? ep->gw_priority : req->gw_priority));
	set(o, "NetworkID", json_string(ep && net ? net->id : ""));
	set(o, "EndpointID", json_string(ep ? ep->id : ""));
	set(o, "Gateway", addr_json(has && !net->internal ? net->gateway : 0));
	set(o, "IPAddress", addr_json(has ? ep->addr : 0));
	set(o, "IPPrefixLen", json_integer(has ? net->subnet.len : 0));
	set(o, "IPv6Gateway", json_string(""));
	set(o, "GlobalIPv6Address", json_string(""));
	set(o, "GlobalIPv6PrefixLen", json_integer(0));
	set(o, "DNSNames", ep ? dns_names(net, spec, aliases) : json_null());
	return o;
}

static json_t *endpoints_json(struct network_mgr *mgr, const struct network_spec *spec, const struct sandbox *sb)
{
	json_t *o = json_object();

	for (size_t i = 0; sb && i < sb->n; i++)
		set(o, sb->ep[i]->net->name, endpoint_json(sb->ep[i]->net, sb->ep[i], spec, NULL));
	for (size_t i = 0; !sb && i < spec->n; i++) {
		const struct network_request *req = &spec->requests[i];
		const struct network *net = mgr_find(mgr, str_or(req->network), NULL);

		set(o, net ? net->name : str_or(req->network), endpoint_json(net, NULL, spec, req));
	}
	return o;
}

json_t *network_endpoints(struct network_mgr *mgr, const struct network_spec *spec)
{
	json_t *o;

	pthread_mutex_lock(&mgr->lock);
	o = endpoints_json(mgr, spec, sandbox_find(mgr, spec->id));
	pthread_mutex_unlock(&mgr->lock);
	return o;
}

static json_t *port_map(const struct sandbox *sb, const struct strv *exposed)
{
	json_t *o = json_object();

	for (size_t i = 0; exposed && i < exposed->n; i++)
		set(o, exposed->v[i], json_null());
	for (size_t i = 0; i < sb->nports; i++) {
		const struct binding *b = &sb->ports[i];
		AUTO(free) char *key = xasprintf("%u/%s", b->container_port, network_proto_name(b->proto));
		json_t *list = json_object_get(o, key), *one;
		char text[ADDR_TEXT];

		if (!json_is_array(list)) {
			set(o, key, json_array());
			list = json_object_get(o, key);
		}
		addr4_format(text, b->host_addr);
		one = json_pack("{s:s}", "HostIp", text);
		set(one, "HostPort", json_sprintf("%u", b->host_port));
		json_array_append_new(list, one);
	}
	return o;
}

/* Members that repeat the default bridge's endpoint. */
static void add_default_members(json_t *o, json_t *networks)
{
	static const char *const members[] = {
		"EndpointID",	       "Gateway",     "GlobalIPv6Address", "GlobalIPv6PrefixLen",
		"IPAddress",	       "IPPrefixLen", "IPv6Gateway",	   "MacAddress",
	};
	json_t *ep = json_object_get(networks, "bridge");

	for (size_t i = 0; i < ARRAY_LEN(members); i++) {
		json_t *v = json_object_get(ep, members[i]);

		if (v)
			json_object_set(o, members[i], v);
		else
			set(o, members[i], str_ends(members[i], "Len") ? json_integer(0) : json_string(""));
	}
}

json_t *network_settings(struct network_mgr *mgr, const struct network_spec *spec, const struct strv *exposed,
			 int pid)
{
	const struct sandbox *sb;
	json_t *o = json_object(), *networks;

	pthread_mutex_lock(&mgr->lock);
	sb = sandbox_find(mgr, spec->id);
	networks = endpoints_json(mgr, spec, sb);
	set(o, "Bridge", json_string(""));
	set(o, "SandboxID", json_string(sb ? sb->id : ""));
	set(o, "SandboxKey", sb && pid > 0 ? json_sprintf("/proc/%d/ns/net", pid) : json_string(""));
	set(o, "Ports", sb ? port_map(sb, exposed) : json_object());
	pthread_mutex_unlock(&mgr->lock);
	set(o, "HairpinMode", json_false());
	set(o, "LinkLocalIPv6Address", json_string(""));
	set(o, "LinkLocalIPv6PrefixLen", json_integer(0));
	set(o, "SecondaryIPAddresses", json_null());
	set(o, "SecondaryIPv6Addresses", json_null());
	add_default_members(o, networks);
	set(o, "Networks", networks);
	return o;
}

static bool is_published(const struct sandbox *sb, uint16_t port, enum network_proto proto)
{
	for (size_t i = 0; sb && i < sb->nports; i++)
		if (sb->ports[i].container_port == port && sb->ports[i].proto == proto)
			return true;
	return false;
}

json_t *network_ports(struct network_mgr *mgr, const char *container_id, const struct strv *exposed)
{
	const struct sandbox *sb;
	json_t *list = json_array();

	pthread_mutex_lock(&mgr->lock);
	sb = sandbox_find(mgr, container_id);
	for (size_t i = 0; sb && i < sb->nports; i++) {
		const struct binding *b = &sb->ports[i];
		char text[ADDR_TEXT];

		addr4_format(text, b->host_addr);
		json_array_append_new(list, json_pack("{s:s,s:i,s:i,s:s}", "IP", text, "PrivatePort",
						      (int)b->container_port, "PublicPort", (int)b->host_port,
						      "Type", network_proto_name(b->proto)));
	}
	for (size_t i = 0; sb && exposed && i < exposed->n; i++) {
		enum network_proto proto;
		uint16_t port;

		if (network_parse_port(exposed->v[i], &port, &proto) == 0 && !is_published(sb, port, proto))
			json_array_append_new(list, json_pack("{s:i,s:s}", "PrivatePort", (int)port, "Type",
							      network_proto_name(proto)));
	}
	pthread_mutex_unlock(&mgr->lock);
	return list;
}
