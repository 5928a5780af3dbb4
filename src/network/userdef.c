/*
 * userdef.c - networks that users make and remove
 *
 * (1) A network is stored before it is acknowledged, and its link is made before it is stored.
 * (2) Options this engine does not know are refused, not ignored.
 */
#include "network/private.h"

#include <errno.h>

#include "base/clock.h"
#include "codec/json.h"

static bool is_true(const char *s)
{
	return streq(s, "true") || streq(s, "1") || streq(s, "t") || streq(s, "T") || streq(s, "TRUE") || streq(s, "True");
}

static bool is_bool(const char *s)
{
	return is_true(s) || streq(s, "false") || streq(s, "0") || streq(s, "f") || streq(s, "F") || streq(s, "FALSE") ||
	       streq(s, "False");
}

static int bool_option(bool *dst, const char *key, const char *value, struct err *err)
{
	if (!is_bool(value))
		return err_set(err, ERR_INVALID, "invalid value for option %s: '%.64s'", key, value);
	*dst = is_true(value);
	return 0;
}

static int option(struct network *net, const char *key, const char *value, struct err *err)
{
	uint64_t mtu;

	if (streq(key, "com.docker.network.bridge.name")) {
		size_t n = strlen(value);

		if (n == 0 || n >= LINK_NAME || strpbrk(value, "/ \t\n\"") || value[0] == '.')
			return err_set(err, ERR_INVALID, "invalid bridge name '%.64s'", value);
		memcpy(net->bridge, value, n + 1);
		return 0;
	}
	if (streq(key, "com.docker.network.driver.mtu")) {
		if (str_to_u64(value, 10, &mtu) < 0 || mtu < 68 || mtu > 65535)
			return err_set(err, ERR_INVALID, "invalid mtu '%.64s'", value);
		net->mtu = (unsigned)mtu;
		return 0;
	}
	if (streq(key, "com.docker.network.bridge.enable_ip_masquerade"))
		return bool_option(&net->masquerade, key, value, err);
	if (streq(key, "com.docker.network.bridge.enable_icc"))
		return bool_option(&net->icc, key, value, err);
	return err_set(err, ERR_UNSUPPORTED, "network option %.128s is not supported", key); /* (2) */
}

static int check_object(const json_t *o, const char *what, struct err *err)
{
	const char *key;
	json_t *v;

	if (o && !json_is_object(o) && !json_is_null(o))
		return err_set(err, ERR_INVALID, "%s: expected an object of strings", what);
	json_object_foreach((json_t *)o, key, v)
		if (!json_is_string(v))
			return err_set(err, ERR_INVALID, "%s.%.128s: expected a string", what, key);
	return 0;
}

static void take_object(json_t **dst, const json_t *src)
{
	if (!json_is_object(src))
		return;
	json_decref(*dst);
	*dst = json_deep_copy(src);
}

static int apply_options(struct network *net, const struct network_create *c, struct err *err)
{
	const char *key;
	json_t *v;

	if (check_object(c->options, "Options", err) < 0 || check_object(c->labels, "Labels", err) < 0 ||
	    check_object(c->ipam_options, "IPAM.Options", err) < 0)
		return -1;
	json_object_foreach((json_t *)c->options, key, v)
		if (option(net, key, json_string_value(v), err) < 0)
			return -1;
	take_object(&net->options, c->options);
	take_object(&net->labels, c->labels);
	take_object(&net->ipam_options, c->ipam_options);
	if (!net->ipam_options)
		net->ipam_options = json_object();
	return 0;
}

static int take_aux(struct network *net, const json_t *aux, struct err *err)
{
	const char *key;
	uint32_t addr;
	json_t *v;

	if (check_object(aux, "AuxiliaryAddresses", err) < 0)
		return -1;
	json_object_foreach((json_t *)aux, key, v) {
		if (!addr4_parse(json_string_value(v), &addr) || !subnet4_has(net->subnet, addr))
			return err_set(err, ERR_INVALID, "auxiliary address: %.64s is not in the subnet",
				       json_string_value(v));
		if (!ipam_take(&net->ipam, addr))
			return err_set(err, ERR_INVALID, "auxiliary address: %.64s is given twice",
				       json_string_value(v));
	}
	take_object(&net->aux, aux);
	return 0;
}

static int given_subnet(struct network_mgr *mgr, struct network *net, const struct network_subnet *s, struct err *err)
{
	uint32_t addr;

	if (strchr(s->subnet, ':'))
		return err_set(err, ERR_UNSUPPORTED, "IPv6 subnets are not supported");
	if (!subnet4_parse(s->subnet, &net->subnet, &addr) || net->subnet.len > 30 || net->subnet.len == 0)
		return err_set(err, ERR_INVALID, "invalid subnet %.64s", s->subnet);
	if (addr != net->subnet.base)
		return err_set(err, ERR_INVALID, "invalid subnet %.64s: it should be the first address of the range",
			       s->subnet);
	for (size_t i = 0; i < mgr->nnets; i++)
		if (mgr->nets[i]->driver == DRIVER_BRIDGE && subnet4_overlap(mgr->nets[i]->subnet, net->subnet))
			return err_set(err, ERR_FORBIDDEN, "Pool overlaps with other one on this address space");
	return 0;
}

static int choose_addresses(struct network_mgr *mgr, struct network *net, const struct network_subnet *s,
			    struct err *err)
{
	if (s && s->subnet && *s->subnet) {
		if (given_subnet(mgr, net, s, err) < 0)
			return -1;
	} else if (s && ((s->range && *s->range) || (s->gateway && *s->gateway))) {
		return err_set(err, ERR_INVALID, "a range or gateway needs a subnet");
	} else if (bridge_pick_subnet(mgr, &net->subnet, err) < 0) {
		return -1;
	}
	net->range = net->subnet;
	net->has_range = s && s->range && *s->range;
	if (net->has_range && (!subnet4_parse(s->range, &net->range, NULL) || net->range.len < net->subnet.len ||
			       !subnet4_has(net->subnet, net->range.base)))
		return err_set(err, ERR_INVALID, "invalid range %.64s", s->range);
	net->gateway = net->range.base == net->subnet.base ? net->subnet.base + 1 : net->range.base;
	if (s && s->gateway && *s->gateway) {
		if (!addr4_parse(s->gateway, &net->gateway) || !subnet4_has(net->subnet, net->gateway) ||
		    net->gateway == net->subnet.base || net->gateway == subnet4_last(net->subnet))
			return err_set(err, ERR_INVALID, "invalid gateway %.64s", s->gateway);
	}
	ipam_take(&net->ipam, net->gateway);
	return take_aux(net, s ? s->aux : NULL, err);
}

static int check_name(const char *name, struct err *err)
{
	if (!name || !*name)
		return err_set(err, ERR_INVALID, "network name is required");
	if (strlen(name) > 255 || name[strspn(name, " \t")] == '\0')
		return err_set(err, ERR_INVALID, "invalid network name");
	for (const char *s = name; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f || *s == '/')
			return err_set(err, ERR_INVALID, "invalid character in network name");
	return 0;
}

static int check(struct network_mgr *mgr, const struct network_create *c, struct err *err)
{
	static const char *const predefined[] = {"bridge", "host", "none", "default"};

	if (check_name(c->name, err) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(predefined); i++)
		if (streq(c->name, predefined[i]))
			return err_set(err, ERR_FORBIDDEN, "operation is not permitted on predefined %s network",
				       c->name);
	if (str_after(c->name, "container:"))
		return err_set(err, ERR_INVALID, "invalid network name: %s", c->name);
	if (c->driver && *c->driver && !streq(c->driver, "bridge"))
		return err_set(err, ERR_NOT_FOUND, "could not find plugin %.64s in v1 plugin registry: plugin not found",
			       c->driver);
	if (c->ipam_driver && *c->ipam_driver && !streq(c->ipam_driver, "default"))
		return err_set(err, ERR_NOT_FOUND, "could not find plugin %.64s in v1 plugin registry: plugin not found",
			       c->ipam_driver);
	if (c->ipv6)
		return err_set(err, ERR_UNSUPPORTED, "IPv6 networks are not supported");
	if (c->nsubnets > 1)
		return err_set(err, ERR_UNSUPPORTED, "a bridge network has one IPv4 subnet");
	for (size_t i = 0; i < mgr->nnets; i++)
		if (streq(mgr->nets[i]->name, c->name))
			return err_set(err, ERR_CONFLICT, "network with name %s already exists", c->name);
	if (mgr->nnets >= NETWORKS_MAX)
		return err_set(err, ERR_UNAVAILABLE, "more than %d networks", NETWORKS_MAX);
	return 0;
}

static int check_bridge_name(struct network_mgr *mgr, const struct network *net, struct err *err)
{
	struct link l;
	int r = 0;

	for (size_t i = 0; i < mgr->nnets; i++)
		if (streq(mgr->nets[i]->bridge, net->bridge))
			return err_set(err, ERR_FORBIDDEN, "conflicts with network %s (%s): networks have same bridge name",
				       mgr->nets[i]->id, mgr->nets[i]->name);
	r = link_get(mgr->nl, net->bridge, &l);
	if (r < 0)
		return err_sys(err, -r, "look up link %s", net->bridge);
	if (r == 1)
		return err_set(err, ERR_CONFLICT, "link %s is there already", net->bridge);
	return 0;
}

static int make(struct network_mgr *mgr, struct network *net, const struct network_create *c, struct err *err)
{
	net->internal = c->internal;
	net->attachable = c->attachable;
	net->masquerade = true;
	net->mtu = mgr->mtu ? mgr->mtu : 1500;
	snprintf(net->bridge, sizeof(net->bridge), "br-%.12s", net->id);
	if (apply_options(net, c, err) < 0 ||
	    choose_addresses(mgr, net, c->nsubnets ? &c->subnets[0] : NULL, err) < 0 ||
	    check_bridge_name(mgr, net, err) < 0)
		return -1;
	if (bridge_ensure(mgr, net, err) < 0)
		return -1;
	if (netstore_save(mgr, net, true, err) < 0) { /* (1) */
		ignore_result(bridge_drop(mgr, net, NULL)); /* else the next start finds it astray */
		return -1;
	}
	return 0;
}

int network_create(struct network_mgr *mgr, const struct network_create *c, char ret_id[NETWORK_ID_LEN + 1],
		   struct err *err)
{
	struct network *net;
	int r;

	pthread_mutex_lock(&mgr->lock);
	r = check(mgr, c, err);
	if (r == 0) {
		net = network_new(c->name, DRIVER_BRIDGE);
		r = make(mgr, net, c, err);
		if (r == 0) {
			mgr_add_network(mgr, net);
			memcpy(ret_id, net->id, sizeof(net->id));
		} else {
			network_free(net);
		}
	}
	pthread_mutex_unlock(&mgr->lock);
	return r;
}

/* Under lock. */
static int drop(struct network_mgr *mgr, struct network *net, struct err *err)
{
	size_t i = 0;

	if (store_forget(mgr, net, err) < 0 || bridge_drop(mgr, net, err) < 0)
		return -1;
	while (mgr->nets[i] != net)
		i++;
	memmove(mgr->nets + i, mgr->nets + i + 1, (--mgr->nnets - i) * sizeof(*mgr->nets));
	network_free(net);
	return 0;
}

int network_remove(struct network_mgr *mgr, const char *name, struct err *err)
{
	struct network *net;
	int r = -1;

	pthread_mutex_lock(&mgr->lock);
	net = mgr_find(mgr, name, err);
	if (net && net->predefined)
		err_set(err, ERR_FORBIDDEN, "%s is a pre-defined network and cannot be removed", net->name);
	else if (net && net->users > 0)
		err_set(err, ERR_FORBIDDEN, "error while removing network: network %s id %s has active endpoints",
			net->name, net->id);
	else if (net)
		r = drop(mgr, net, err);
	pthread_mutex_unlock(&mgr->lock);
	return r;
}

static int prune_until(const struct filters *f, int64_t *ret, struct err *err)
{
	const struct strv *until = filters_get(f, "until");

	*ret = INT64_MAX;
	if (!until)
		return 0;
	if (until->n > 1)
		return err_set(err, ERR_INVALID, "more than one until filter specified");
	if (clock_parse_moment(until->v[0], clock_real_ns(), ret) < 0)
		return err_set(err, ERR_INVALID, "invalid until filter: '%.64s'", until->v[0]);
	return 0;
}

static bool prunable(const struct filters *f, int64_t until, const struct network *net)
{
	AUTO(map) struct map labels = {.free_value = free};

	network_labels(net, &labels);
	return !net->predefined && net->users == 0 && net->created_ns <= until &&
	       filters_labels(f, "label", &labels) && filters_labels_not(f, "label!", &labels);
}

int network_prune(struct network_mgr *mgr, const json_t *filters, bool (*keep)(void *ctx, const char *id),
		  void *ctx, struct strv *ret_removed, struct err *err)
{
	static const char *const known[] = {"label", "label!", "until", NULL};
	AUTO(filters) struct filters f = {};
	int64_t until;
	int r = 0;

	if (network_filters(filters, &f, err) < 0 || filters_check(&f, known, err) < 0 ||
	    prune_until(&f, &until, err) < 0)
		return -1;
	pthread_mutex_lock(&mgr->lock);
	for (size_t i = 0; r == 0 && i < mgr->nnets;) {
		struct network *net = mgr->nets[i];
		AUTO(free) char *name = xstrdup(net->name);

		if (!prunable(&f, until, net) || (keep && keep(ctx, net->id))) {
			i++;
			continue;
		}
		r = drop(mgr, net, err);
		if (r == 0)
			strv_add(ret_removed, name);
	}
	pthread_mutex_unlock(&mgr->lock);
	return r;
}
