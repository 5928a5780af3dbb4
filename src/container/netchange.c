/*
 * netchange.c - a container joins and leaves networks
 *
 * (1) The record says which networks the next start joins; a running container's namespace is
 *     changed first, so that a failure leaves the record as it was.
 */
#include "container/private.h"

static void endpoint_free(void *p)
{
	json_unbind(&endpoint_config_type, p);
	free(p);
}

static int parse_endpoint(const json_t *j, struct endpoint_config **ret, struct err *err)
{
	struct endpoint_config *e = xnew(struct endpoint_config);

	if (j && !json_is_null(j) && json_bind(&endpoint_config_type, j, e, err) < 0) {
		endpoint_free(e);
		return -1;
	}
	*ret = e;
	return 0;
}

static int netns_of(struct container *c, int *ret, struct err *err)
{
	*ret = -1;
	if (!is_running(c) || !c->shim)
		return 0;
	return shim_fetch_fd(c->shim, "netns", ret, err);
}

static int connect_refused(const struct container *c, const char *network, struct err *err)
{
	if (c->removed || c->state.status == ST_REMOVING)
		return err_set(err, ERR_FORBIDDEN, "container %s is marked for removal", c->id);
	if (net_container_ref(c))
		return err_set(err, ERR_FORBIDDEN,
			       "container sharing network namespace with another container or host cannot "
			       "be connected to any other network");
	if (net_is(c, "host") || net_is(c, "none") || streq(network, "host") || streq(network, "none"))
		return err_set(err, ERR_FORBIDDEN,
			       "container cannot be connected to multiple networks with one of the networks "
			       "in %s mode",
			       net_is(c, "none") || streq(network, "none") ? "private (none)" : "host");
	return 0;
}

int container_network_connect(struct containers *cs, const char *ref, const char *network,
			      const json_t *endpoint, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	struct endpoint_config *e = NULL;
	AUTO(close) int netns = -1;
	struct network_request rq;
	int r;

	if (!c || parse_endpoint(endpoint, &e, err) < 0)
		return -1;
	op_lock(c);
	r = connect_refused(c, network, err);
	if (r == 0)
		r = netns_of(c, &netns, err);
	if (r == 0 && is_running(c)) {
		netspec_request(&rq, network, e);
		r = network_connect(cs->cfg.networks, c->id, netns, &rq, err);
	} else if (r == 0 && (map_has(&c->net.endpoints_config, network) || net_is(c, network))) {
		r = err_set(err, ERR_FORBIDDEN, "endpoint with name %s already exists in network %s", c->name,
			    network);
	}
	if (r == 0) {
		cs_lock(cs);
		if (map_get(&c->net.endpoints_config, network))
			endpoint_free(map_take(&c->net.endpoints_config, network));
		map_set(&c->net.endpoints_config, network, e);
		e = NULL;
		cs_unlock(cs);
		r = store_save(c, err);
	}
	op_unlock(c);
	if (e)
		endpoint_free(e);
	return r;
}

/* The network that --network named is left too: then another takes its place, or none. */
static void forget_network(struct container *c, const char *network)
{
	void *e = map_take(&c->net.endpoints_config, network);
	const char *next = "none";

	if (e)
		endpoint_free(e);
	if (!net_is(c, network))
		return;
	map_for_each(it, &c->net.endpoints_config)
		next = it->key;
	free(c->host.network_mode);
	c->host.network_mode = xstrdup(next);
}

int container_network_disconnect(struct containers *cs, const char *ref, const char *network, bool force,
				 struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	AUTO(close) int netns = -1;
	int r;

	if (!c)
		return -1;
	op_lock(c);
	if (c->removed)
		r = err_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
	else if (!map_has(&c->net.endpoints_config, network) && !net_is(c, network))
		r = force ? 1 : err_set(err, ERR_FORBIDDEN, "container %s is not connected to network %s",
					 c->id, network);
	else
		r = net_is(c, "host") || net_is(c, "none") ?
			    err_set(err, ERR_FORBIDDEN, "container cannot be disconnected from host network "
							"or connected to host network") :
			    netns_of(c, &netns, err);
	if (r == 0 && is_running(c))
		r = network_disconnect(cs->cfg.networks, c->id, netns, network, err);
	if (r == 0) {
		cs_lock(cs);
		forget_network(c, network);
		cs_unlock(cs);
		r = store_save(c, err);
	}
	op_unlock(c);
	return r < 0 ? -1 : 0;
}
