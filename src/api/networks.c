/*
 * networks.c - /networks: what there is; making and joining some is refused
 */
#include "network/network.h"

#include "api/private.h"

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

static int refuse(struct call *c, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "user-defined networks are not supported: use bridge, host or none");
}

const struct route network_routes[] = {
    {"GET", "/networks", list, 0, 0, NEEDS_NETWORKS},
    {"GET", "/networks/{}", inspect, 0, 0, NEEDS_NETWORKS},
    {"POST", "/networks/create", refuse, 0, R_LOOP, NEEDS_NETWORKS},
    {"POST", "/networks/prune", refuse, 125, R_LOOP, NEEDS_NETWORKS},
    {"POST", "/networks/{}/connect", refuse, 0, R_LOOP, NEEDS_NETWORKS},
    {"POST", "/networks/{}/disconnect", refuse, 0, R_LOOP, NEEDS_NETWORKS},
    {"DELETE", "/networks/{}", refuse, 0, R_LOOP, NEEDS_NETWORKS},
    {0},
};
