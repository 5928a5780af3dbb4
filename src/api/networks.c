/*
 * networks.c - /networks
 */
#include "network/network.h"

#include "api/private.h"
#include "container/container.h"
#include "event/event.h"

static int list(struct call *c, struct err *err)
{
	AUTO(filters) struct filters f = {0};
	json_t *filters, *arr = NULL, *net;
	size_t i;
	int r;

	if (param_filters(c, &f, err) < 0)
		return -1;
	filters = filters_json(&f);
	r = network_list(c->api->config.networks, filters, &arr, err);
	json_decref(filters);
	if (r < 0)
		return -1;
	json_array_foreach(arr, i, net)
		if (c->version < 148)
			json_object_del(net, "EnableIPv4");
	reply_json(c, 200, arr);
	return 0;
}

static int inspect(struct call *c, struct err *err)
{
	json_t *net = NULL;

	if (network_inspect(c->api->config.networks, c->arg, &net, err) < 0)
		return -1;
	if (c->version < 148)
		json_object_del(net, "EnableIPv4");
	reply_json(c, 200, net);
	return 0;
}

static struct network_mgr *mgr(const struct call *c)
{
	return c->api->config.networks;
}

/* For the event of what happens to a network: its name and driver. */
static void publish(struct call *c, const char *action, const char *id, const char *name,
		    const char *driver, const char *container)
{
	AUTO(map) struct map attrs = {0};

	if (!c->api->config.events)
		return;
	map_set_str(&attrs, "name", name);
	map_set_str(&attrs, "type", driver);
	if (container)
		map_set_str(&attrs, "container", container);
	event_publish(c->api->config.events, "network", action, id, &attrs);
}

static const char *text(const json_t *obj, const char *key)
{
	const char *s = json_get_str(obj, key, "");

	return *s ? s : NULL;
}

static int refuse_unsupported(const json_t *body, struct err *err)
{
	static const char *const never[] = {"ConfigOnly", "Ingress"};

	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (json_get_bool(body, never[i], false))
			return err_set(err, ERR_INVALID, "networks with %s are not supported: they belong to "
				       "a cluster", never[i]);
	if (text(json_object_get(body, "ConfigFrom"), "Network"))
		return err_set(err, ERR_INVALID, "networks with ConfigFrom are not supported");
	return 0;
}

static int create(struct call *c, struct err *err)
{
	const json_t *ipam, *config, *one;
	struct network_subnet *subnets;
	char id[NETWORK_ID_LEN + 1];
	struct network_create nc;
	size_t i;
	int r;

	if (need_body(c, err) < 0 || refuse_unsupported(c->body, err) < 0)
		return -1;
	ipam = json_object_get(c->body, "IPAM");
	config = json_object_get(ipam, "Config");
	subnets = xnew_n(struct network_subnet, json_array_size(config) + 1);
	json_array_foreach(config, i, one)
		subnets[i] = (struct network_subnet){.subnet = text(one, "Subnet"),
						     .range = text(one, "IPRange"),
						     .gateway = text(one, "Gateway"),
						     .aux = json_object_get(one, "AuxiliaryAddresses")};
	nc = (struct network_create){.name = json_get_str(c->body, "Name", ""),
				     .driver = text(c->body, "Driver"),
				     .internal = json_get_bool(c->body, "Internal", false),
				     .attachable = json_get_bool(c->body, "Attachable", false),
				     .ipv6 = json_get_bool(c->body, "EnableIPv6", false),
				     .ipam_driver = text(ipam, "Driver"),
				     .ipam_options = json_object_get(ipam, "Options"),
				     .options = json_object_get(c->body, "Options"),
				     .labels = json_object_get(c->body, "Labels"),
				     .subnets = subnets,
				     .nsubnets = json_array_size(config)};
	r = network_create(mgr(c), &nc, id, err);
	if (r == 0) {
		publish(c, "create", id, nc.name, nc.driver ? nc.driver : "bridge", NULL);
		reply_json(c, 201, json_pack("{s:s,s:s}", "Id", id, "Warning", ""));
	}
	free(subnets);
	return r;
}

static int remove_network(struct call *c, struct err *err)
{
	AUTO(free) char *id = NULL;
	AUTO(free) char *name = NULL;

	if (network_resolve(mgr(c), c->arg, &id, &name, err) < 0 || network_remove(mgr(c), c->arg, err) < 0)
		return -1;
	publish(c, "destroy", id, name, "bridge", NULL);
	reply_empty(c, 204);
	return 0;
}

static int prune(struct call *c, struct err *err)
{
	AUTO(filters) struct filters f = {0};
	AUTO(strv) struct strv removed = {0};
	json_t *filters;
	int r;

	if (param_filters(c, &f, err) < 0)
		return -1;
	filters = filters_json(&f);
	r = network_prune(mgr(c), filters, NULL, NULL, &removed, err);
	json_decref(filters);
	if (r < 0)
		return -1;
	reply_json(c, 200, json_pack("{s:o}", "NetworksDeleted", removed.n ? json_strs(&removed) : json_null()));
	return 0;
}

/* connect and disconnect: the container's side does it, this tells of it. */
static int change(struct call *c, bool connect, struct err *err)
{
	AUTO(free) char *id = NULL;
	AUTO(free) char *name = NULL;
	AUTO(free) char *container = NULL;
	struct containers *cs = c->api->config.containers;
	const char *ref;
	int r;

	if (need_body(c, err) < 0)
		return -1;
	ref = json_get_str(c->body, "Container", "");
	if (network_resolve(mgr(c), c->arg, &id, &name, err) < 0)
		return -1;
	container = container_resolve(cs, ref, err);
	if (!container)
		return -1;
	r = connect ? container_network_connect(cs, container, name,
						json_object_get(c->body, "EndpointConfig"), err) :
		      container_network_disconnect(cs, container, name,
						   json_get_bool(c->body, "Force", false), err);
	if (r < 0)
		return -1;
	publish(c, connect ? "connect" : "disconnect", id, name, "bridge", container);
	reply_empty(c, 200);
	return 0;
}

static int connect_network(struct call *c, struct err *err)
{
	return change(c, true, err);
}

static int disconnect_network(struct call *c, struct err *err)
{
	return change(c, false, err);
}

const struct route network_routes[] = {
    {"GET", "/networks", list, 0, 0, NEEDS_NETWORKS},
    {"GET", "/networks/{}", inspect, 0, 0, NEEDS_NETWORKS},
    {"POST", "/networks/create", create, 0, R_JSON, NEEDS_NETWORKS},
    {"POST", "/networks/prune", prune, 125, 0, NEEDS_NETWORKS},
    {"POST", "/networks/{}/connect", connect_network, 0, R_JSON, NEEDS_NETWORKS},
    {"POST", "/networks/{}/disconnect", disconnect_network, 0, R_JSON, NEEDS_NETWORKS},
    {"DELETE", "/networks/{}", remove_network, 0, 0, NEEDS_NETWORKS},
    {0},
};
