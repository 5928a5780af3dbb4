/*
 * netspec.c - what a container wants of network/, out of its configuration
 */
#include "container/private.h"

bool net_is(const struct container *c, const char *mode)
{
	return streq(c->host.network_mode, mode);
}

const char *net_container_ref(const struct container *c)
{
	return str_after(str_or(c->host.network_mode), "container:");
}

static const char *canonical(const char *network)
{
	return streq(network, "default") ? "bridge" : network;
}

void netspec_request(struct network_request *rq, const char *network, const struct endpoint_config *e)
{
	*rq = (struct network_request){.network = network};
	if (!e)
		return;
	if (e->ipam_config) {
		rq->ipv4 = e->ipam_config->ipv4_address && *e->ipam_config->ipv4_address ?
				   e->ipam_config->ipv4_address : NULL;
		rq->ipv6 = e->ipam_config->ipv6_address && *e->ipam_config->ipv6_address ?
				   e->ipam_config->ipv6_address : NULL;
	}
	rq->mac = e->mac_address && *e->mac_address ? e->mac_address : NULL;
	rq->aliases = e->aliases.n ? &e->aliases : NULL;
	rq->links = e->links.n ? &e->links : NULL;
	rq->gw_priority = (int)e->gw_priority;
}

static void add_requests(struct container *c, struct netspec *ns)
{
	const struct map *endpoints = &c->net.endpoints_config;
	const char *mode = canonical(c->host.network_mode);
	struct network_request *rq =
		arena_alloc(&ns->arena, sizeof(*rq) * (endpoints->n + 1));
	size_t n = 1;

	rq[0].network = mode;
	map_for_each(it, endpoints) {
		if (streq(canonical(it->key), mode))
			netspec_request(&rq[0], mode, it->value);
		else
			netspec_request(&rq[n++], it->key, it->value);
	}
	if (!rq[0].mac && c->config.mac_address && *c->config.mac_address)
		rq[0].mac = c->config.mac_address;
	ns->spec.requests = rq;
	ns->spec.n = n;
}

static int host_range(const char *s, struct network_port *p)
{
	const char *dash = strchr(s, '-');
	AUTO(free) char *first = xstrndup(s, dash ? (size_t)(dash - s) : strlen(s));
	uint64_t a, b;

	if (!*s)
		return 0;
	if (str_to_u64(first, 10, &a) < 0 || a > 65535)
		return -1;
	b = a;
	if (dash && (str_to_u64(dash + 1, 10, &b) < 0 || b > 65535 || b < a))
		return -1;
	p->host_first = (uint16_t)a;
	p->host_last = (uint16_t)b;
	return 0;
}

static size_t count_ports(const struct container *c)
{
	size_t n = c->host.publish_all_ports ? c->config.exposed_ports.n : 0;
	const char *key;
	json_t *list;

	json_object_foreach(c->host.port_bindings, key, list)
		n += MAX(json_array_size(list), (size_t)1);
	return n;
}

static int add_binding(struct network_port *p, const char *port, const json_t *binding, struct err *err)
{
	if (network_parse_port(port, &p->container_port, &p->proto) < 0)
		return err_set(err, ERR_INVALID, "invalid port specification: \"%s\"", port);
	p->host_ip = json_get_str(binding, "HostIp", "");
	if (host_range(json_get_str(binding, "HostPort", ""), p) < 0)
		return err_set(err, ERR_INVALID, "invalid port specification: \"%s\"",
			       json_get_str(binding, "HostPort", ""));
	return 0;
}

static int add_ports(struct container *c, struct netspec *ns, struct err *err)
{
	struct network_port *p = arena_alloc(&ns->arena, sizeof(*p) * (count_ports(c) + 1));
	json_t *list, *binding;
	const char *key;
	size_t n = 0, i;

	json_object_foreach(c->host.port_bindings, key, list) {
		if (json_array_size(list) == 0 && add_binding(&p[n++], key, NULL, err) < 0)
			return -1;
		json_array_foreach(list, i, binding)
			if (add_binding(&p[n++], key, binding, err) < 0)
				return -1;
	}
	for (i = 0; c->host.publish_all_ports && i < c->config.exposed_ports.n; i++) {
		const char *port = c->config.exposed_ports.v[i];

		if (!json_object_get(c->host.port_bindings, port) &&
		    add_binding(&p[n++], port, NULL, err) < 0)
			return -1;
	}
	ns->spec.ports = p;
	ns->spec.nports = n;
	return 0;
}

int netspec_build(struct container *c, struct netspec *ns, struct err *err)
{
	*ns = (struct netspec){.spec = {.id = c->id, .name = c->name, .hostname = c->config.hostname}};
	if (!net_container_ref(c))
		add_requests(c, ns);
	if (net_is(c, "host") || net_is(c, "none") || net_container_ref(c))
		return 0;
	if (add_ports(c, ns, err) < 0) {
		netspec_done(ns);
		return -1;
	}
	return 0;
}

void netspec_done(struct netspec *ns)
{
	arena_done(&ns->arena);
}
