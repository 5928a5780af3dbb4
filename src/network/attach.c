/*
 * attach.c - containers join and leave networks
 *
 * (1) What an attach has taken it gives back if it fails: addresses, ports, links, record.
 * (2) A sandbox is changed by one call at a time: whoever does so sets busy under the lock.
 * (3) Detaching never waits for links: the port is muted, so that the address can be given to the
 *     next container at once, and the pair goes with its namespace.
 */
#include "network/private.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"

#define ENDPOINTS_MAX 64

static bool good_id(const char *id)
{
	size_t n = strlen(id);

	return n > 0 && n <= 128 && !strchr(id, '/') && id[0] != '.';
}

static int choose_address(struct endpoint *ep, const char *asked, struct err *err)
{
	struct network *net = ep->net;
	uint32_t addr;

	if (!asked || !*asked) {
		if (!ipam_next(&net->ipam, net->subnet, net->range, &ep->addr))
			return err_set(err, ERR_UNAVAILABLE, "no available IPv4 addresses on this network's "
				       "address pools: %s (%s)", net->name, net->id);
		return 0;
	}
	if (!addr4_parse(asked, &addr))
		return err_set(err, ERR_INVALID, "invalid IPv4 address: %.64s", asked);
	if (net->is_default)
		return err_set(err, ERR_INVALID, "user specified IP address is supported on user defined "
			       "networks only");
	if (!subnet4_has(net->subnet, addr) || addr == net->subnet.base || addr == subnet4_last(net->subnet))
		return err_set(err, ERR_INVALID, "no configured subnet contains IP address %s", asked);
	if (!ipam_take(&net->ipam, addr))
		return err_set(err, ERR_CONFLICT, "Address already in use");
	ep->addr = addr;
	ep->addr_given = true;
	return 0;
}

static int fill_endpoint(struct endpoint *ep, const struct network_request *req, struct err *err)
{
	if (req->aliases)
		strv_copy(&ep->aliases, req->aliases);
	if (req->links)
		strv_copy(&ep->links, req->links);
	ep->driver_opts = req->driver_opts ? json_deep_copy(req->driver_opts) : NULL;
	ep->gw_priority = req->gw_priority;
	if (ep->net->driver != DRIVER_BRIDGE)
		return 0;
	if (req->ipv6 && *req->ipv6)
		return err_set(err, ERR_UNSUPPORTED, "IPv6 addresses are not supported on network %s", ep->net->name);
	if (choose_address(ep, req->ipv4, err) < 0)
		return -1;
	mac_from_addr(ep->mac, ep->addr);
	if (req->mac && *req->mac) {
		if (!mac_parse(req->mac, ep->mac))
			return err_set(err, ERR_INVALID, "invalid MAC address: %.64s", req->mac);
		ep->mac_given = true;
	}
	return 0;
}

static int add_endpoint(struct network_mgr *mgr, struct sandbox *sb, const struct network_request *req,
			struct err *err)
{
	struct network *net = mgr_find(mgr, str_or(req->network), err);
	struct endpoint *ep;

	if (!net)
		return -1;
	for (size_t i = 0; i < sb->n; i++)
		if (sb->ep[i]->net == net)
			return err_set(err, ERR_CONFLICT, "endpoint with name %s already exists in network %s",
				       sb->name, net->name);
	if (net->driver == DRIVER_BRIDGE && bridge_ensure(mgr, net, err) < 0)
		return -1;
	if (sb->n >= ENDPOINTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d networks", ENDPOINTS_MAX);
	ep = endpoint_new(net);
	sandbox_add(sb, ep);
	return fill_endpoint(ep, req, err);
}

/* The default bridge's endpoint first: its link is made already. Then numbers and names. */
static void number_links(struct sandbox *sb)
{
	for (size_t i = 1; i < sb->n; i++)
		if (sb->ep[i]->net->is_default) {
			struct endpoint *ep = sb->ep[i];

			memmove(sb->ep + 1, sb->ep, i * sizeof(*sb->ep));
			sb->ep[0] = ep;
		}
	for (size_t i = 0; i < sb->n; i++) {
		struct endpoint *ep = sb->ep[i];

		if (ep->net->driver != DRIVER_BRIDGE)
			continue;
		snprintf(ep->ifname, sizeof(ep->ifname), "eth%zu", i);
		ep->inner_index = LINK_INSIDE + (int)i;
	}
}

/* The endpoint that gets the default route: highest priority, then first name. NULL: none. */
static struct endpoint *choose_gateway(struct sandbox *sb)
{
	struct endpoint *best = NULL;

	for (size_t i = 0; i < sb->n; i++) {
		struct endpoint *ep = sb->ep[i];

		ep->gateway = false;
		if (ep->net->driver != DRIVER_BRIDGE || ep->net->internal)
			continue;
		if (!best || ep->gw_priority > best->gw_priority ||
		    (ep->gw_priority == best->gw_priority && strcmp(ep->net->name, best->net->name) < 0))
			best = ep;
	}
	if (best)
		best->gateway = true;
	return best;
}

static int check_alone(const struct sandbox *sb, struct err *err)
{
	for (size_t i = 0; i < sb->n && sb->n > 1; i++)
		if (sb->ep[i]->net->driver != DRIVER_BRIDGE)
			return err_set(err, ERR_INVALID, "conflicting options: cannot attach both user-defined and "
				       "non-user-defined network-modes");
	return 0;
}

/* Names, addresses and ports; nothing in the kernel but bridges and held ports. Under lock. */
static int plan(struct network_mgr *mgr, struct sandbox *sb, const struct network_spec *spec, struct err *err)
{
	static const struct network_request plain = {.network = "default"};
	const struct endpoint *gw;

	for (size_t i = 0; i < spec->n; i++)
		if (add_endpoint(mgr, sb, &spec->requests[i], err) < 0)
			return -1;
	if (spec->n == 0 && add_endpoint(mgr, sb, &plain, err) < 0)
		return -1;
	if (check_alone(sb, err) < 0)
		return -1;
	number_links(sb);
	gw = choose_gateway(sb);
	if (!gw) /* host, none, internal: docker drops published ports too */
		return 0;
	if (publish_take(mgr, spec->ports, spec->nports, gw->addr, &sb->ports, &sb->nports, err) < 0)
		return err_wrap(err, "driver failed programming external connectivity on endpoint %s (%s)",
				sb->name, gw->id);
	return 0;
}

static int add_link(const struct endpoint *ep, int host_nl, int ns)
{
	struct veth v = {
		.host_name = ep->host_if,
		.inner_name = ep->ifname,
		.inner_index = ep->inner_index,
		.bridge = ep->net->ifindex,
		.ns = ns,
		.mtu = ep->net->mtu,
		.isolated = !ep->net->icc,
	};

	return link_make_veth(host_nl, &v);
}

static int configure(const struct endpoint *ep, int ns_nl)
{
	struct inner in = {
		.index = ep->inner_index,
		.addr = ep->addr,
		.len = ep->net->subnet.len,
		.gateway = ep->gateway ? ep->net->gateway : 0,
	};

	memcpy(in.mac, ep->mac, sizeof(in.mac));
	return link_configure(ns_nl, &in);
}

/* Links that are not there yet, then addresses and routes. */
static int connect_links(struct sandbox *sb, size_t first, int ns, int ns_nl, struct err *err)
{
	AUTO(close) int host_nl = -1;

	for (size_t i = first; i < sb->n; i++) {
		struct endpoint *ep = sb->ep[i];
		int r = 0;

		if (!ep->host_if[0]) {
			veth_name(ep->host_if);
			host_nl = host_nl >= 0 ? host_nl : nl_open(NETLINK_ROUTE);
			r = host_nl < 0 ? host_nl : add_link(ep, host_nl, ns);
		}
		if (r == 0)
			r = configure(ep, ns_nl);
		if (r < 0)
			return err_sys(err, -r, "set up %s for network '%s'", ep->ifname, ep->net->name);
	}
	return 0;
}

/*
 * What published ports need of the bridge: packets from the host's loopback addresses may be led
 * out by it, and packets back to where they came from. Without either only some clients fail.
 */
static void prepare_bridge(const struct sandbox *sb)
{
	for (size_t i = 0; i < sb->n && sb->nports > 0; i++) {
		AUTO(free) char *path = NULL;
		AUTO(close) int nl = -1;

		if (!sb->ep[i]->gateway)
			continue;
		path = xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", sb->ep[i]->net->bridge);
		ignore_result(fs_write_kernel(AT_FDCWD, path, "1"));
		nl = nl_open(NETLINK_ROUTE);
		if (nl >= 0)
			ignore_result(link_set_hairpin(nl, sb->ep[i]->host_if));
	}
}

/* The kernel's part of an attach. */
static int build(struct network_mgr *mgr, struct sandbox *sb, int *ret_ns, struct err *err)
{
	bool pooled = sb->n > 0 && sb->ep[0]->net->is_default;
	struct ready_ns ready = {};
	AUTO(close) int ns = -1;
	AUTO(close) int ns_nl = -1;

	if (sb->ep[0]->net->driver != DRIVER_HOST) {
		if (ready_take(mgr, pooled, &ready, err) < 0)
			return -1;
		ns = ready.ns;
		ns_nl = ready.nl;
	}
	if (pooled)
		memcpy(sb->ep[0]->host_if, ready.host_if, sizeof(ready.host_if));
	if (sb->ep[0]->net->driver == DRIVER_BRIDGE && connect_links(sb, 0, ns, ns_nl, err) < 0)
		return -1;
	if (sandbox_save(mgr, sb, err) < 0)
		return -1;
	prepare_bridge(sb);
	if (rules_add_ports(mgr, sb->ports, sb->nports, err) < 0) {
		sandbox_forget(mgr, sb->container_id);
		return -1;
	}
	*ret_ns = TAKE_FD(ns);
	return 0;
}

static void mute(const struct sandbox *sb)
{
	AUTO(close) int nl = -1;

	for (size_t i = 0; i < sb->n; i++) {
		if (!sb->ep[i]->host_if[0])
			continue;
		nl = nl >= 0 ? nl : nl_open(NETLINK_ROUTE);
		if (nl >= 0)
			ignore_result(link_mute_port(nl, sb->ep[i]->host_if)); /* gone with its namespace */
	}
}

int network_attach(struct network_mgr *mgr, const struct network_spec *spec, int *ret_netns_fd, struct err *err)
{
	struct sandbox *sb;
	int r;

	if (!good_id(spec->id))
		return err_set(err, ERR_INVALID, "invalid container id");
	pthread_mutex_lock(&mgr->lock);
	if (sandbox_find(mgr, spec->id)) {
		pthread_mutex_unlock(&mgr->lock);
		return err_set(err, ERR_CONFLICT, "container %s is connected already", spec->id);
	}
	sb = xnew(struct sandbox);
	random_hex(sb->id, NETWORK_ID_LEN);
	sb->container_id = xstrdup(spec->id);
	sb->name = xstrdup(str_or(spec->name));
	sb->hostname = xstrdup(str_or(spec->hostname));
	sb->adopted = sb->busy = true;
	r = plan(mgr, sb, spec, err);
	if (r == 0)
		map_set(&mgr->sandboxes, spec->id, sb);
	else
		sandbox_free(sb);
	pthread_mutex_unlock(&mgr->lock);
	if (r < 0)
		return -1;

	r = build(mgr, sb, ret_netns_fd, err);
	if (r < 0)
		mute(sb);
	pthread_mutex_lock(&mgr->lock);
	sb->busy = false;
	if (r < 0) { /* (1) */
		map_take(&mgr->sandboxes, spec->id);
		sandbox_free(sb);
	}
	pthread_mutex_unlock(&mgr->lock);
	foreign_poke(mgr);
	return r;
}

void network_detach(struct network_mgr *mgr, const char *container_id)
{
	struct sandbox *sb;

	pthread_mutex_lock(&mgr->lock);
	sb = sandbox_find(mgr, container_id);
	if (sb && sb->busy)
		sb = NULL;
	if (sb)
		sb->busy = true;
	pthread_mutex_unlock(&mgr->lock);
	if (!sb)
		return;
	mute(sb);
	rules_del_ports(mgr, sb->ports, sb->nports);
	sandbox_forget(mgr, container_id);
	pthread_mutex_lock(&mgr->lock);
	map_take(&mgr->sandboxes, container_id);
	sandbox_free(sb);
	pthread_mutex_unlock(&mgr->lock);
}

/* A sandbox for a call that changes it. */
static struct sandbox *begin_change(struct network_mgr *mgr, const char *container_id, struct err *err)
{
	struct sandbox *sb = sandbox_find(mgr, container_id);

	if (!sb)
		err_set(err, ERR_NOT_FOUND, "container %s has no network", container_id);
	else if (sb->busy)
		err_set(err, ERR_CONFLICT, "container %s is being changed", container_id);
	else
		sb->busy = true;
	return sb && err->kind == ERR_NONE ? sb : NULL;
}

int network_adopt(struct network_mgr *mgr, const char *container_id, int netns_fd, struct err *err)
{
	AUTO(close) int nl = nl_open(NETLINK_ROUTE);
	struct sandbox *sb;
	int r = 0;

	if (nl < 0)
		return err_sys(err, -nl, "netlink");
	pthread_mutex_lock(&mgr->lock);
	sb = sandbox_find(mgr, container_id);
	if (!sb)
		r = err_set(err, ERR_NOT_FOUND, "no network record of container %s", container_id);
	for (size_t i = 0; r == 0 && i < sb->n; i++) {
		struct endpoint *ep = sb->ep[i];

		if (ep->net->driver != DRIVER_BRIDGE)
			continue;
		r = bridge_ensure(mgr, ep->net, err);
		if (r == 0) /* the bridge may have been made anew */
			ignore_result(link_set_master(nl, ep->host_if, ep->net->ifindex));
	}
	for (size_t i = 0; r == 0 && i < sb->nports; i++)
		publish_hold_again(&sb->ports[i]);
	if (r == 0) {
		prepare_bridge(sb);
		sb->adopted = true;
	}
	pthread_mutex_unlock(&mgr->lock);
	return r;
}

static int find_stray_bridge(void *ctx, const struct link *l)
{
	struct {
		struct network_mgr *mgr;
		struct strv names;
	} *stray = ctx;
	char alias[LINK_ALIAS];

	bridge_alias(stray->mgr, alias);
	if (!l->bridge || !streq(l->alias, alias))
		return 0;
	for (size_t i = 0; i < stray->mgr->nnets; i++)
		if (streq(stray->mgr->nets[i]->bridge, l->name))
			return 0;
	strv_add(&stray->names, l->name);
	return 0;
}

void network_sweep(struct network_mgr *mgr)
{
	struct {
		struct network_mgr *mgr;
		struct strv names;
	} stray = {.mgr = mgr};

	pthread_mutex_lock(&mgr->lock);
	map_for_each(it, &mgr->sandboxes) {
		struct sandbox *sb = it->value;

		if (sb->adopted)
			continue;
		mute(sb);
		sandbox_forget(mgr, sb->container_id);
		map_take(&mgr->sandboxes, sb->container_id);
		sandbox_free(sb);
	}
	ignore_result(rules_reset(mgr, NULL)); /* old elements stay until the next try */
	if (link_each(mgr->nl, find_stray_bridge, &stray) == 0)
		strv_for_each(name, &stray.names)
			ignore_result(link_delete(mgr->nl, name)); /* tried again at the next start */
	strv_done(&stray.names);
	pthread_mutex_unlock(&mgr->lock);
}

/* Moves the default route to where it belongs after a change; 0 or -errno. */
static int settle_gateway(struct sandbox *sb, int ns_nl)
{
	struct endpoint *before = NULL, *now;

	for (size_t i = 0; i < sb->n; i++)
		if (sb->ep[i]->gateway)
			before = sb->ep[i];
	now = choose_gateway(sb);
	return now && now != before ? link_set_gateway(ns_nl, now->net->gateway) : 0;
}

static int next_index(const struct sandbox *sb)
{
	int index = LINK_INSIDE;

	for (size_t i = 0; i < sb->n; i++)
		index = MAX(index, sb->ep[i]->inner_index + 1);
	return index;
}

static void drop_last(struct sandbox *sb)
{
	endpoint_free(sb->ep[--sb->n]);
}

int network_connect(struct network_mgr *mgr, const char *container_id, int netns_fd,
		    const struct network_request *req, struct err *err)
{
	AUTO(close) int ns_nl = ns_open_nl(mgr->host_ns, netns_fd);
	struct err sub = ERR_INIT;
	struct sandbox *sb;
	struct endpoint *ep = NULL;
	int r = -1;

	if (ns_nl < 0)
		return err_sys(err, -ns_nl, "enter the container's network namespace");
	pthread_mutex_lock(&mgr->lock);
	sb = begin_change(mgr, container_id, &sub);
	if (sb) {
		size_t n = sb->n;
		int index = next_index(sb);

		r = add_endpoint(mgr, sb, req, &sub);
		if (r == 0)
			r = check_alone(sb, &sub);
		if (r == 0) {
			ep = sb->ep[n];
			ep->inner_index = index;
			snprintf(ep->ifname, sizeof(ep->ifname), "eth%d", index - LINK_INSIDE);
		} else if (sb->n > n) {
			drop_last(sb);
		}
		sb->busy = r == 0;
	}
	pthread_mutex_unlock(&mgr->lock);
	if (r == 0) {
		r = connect_links(sb, sb->n - 1, netns_fd, ns_nl, &sub);
		pthread_mutex_lock(&mgr->lock);
		if (r < 0)
			drop_last(sb);
		else if (settle_gateway(sb, ns_nl) < 0 || sandbox_save(mgr, sb, &sub) < 0)
			r = sub.kind ? -1 : 0; /* the route is the container's to set */
		sb->busy = false;
		pthread_mutex_unlock(&mgr->lock);
	}
	if (r < 0 && err)
		*err = sub;
	return r;
}

static struct endpoint *take_endpoint(struct sandbox *sb, const struct network *net)
{
	for (size_t i = 0; i < sb->n; i++)
		if (sb->ep[i]->net == net) {
			struct endpoint *ep = sb->ep[i];

			memmove(sb->ep + i, sb->ep + i + 1, (--sb->n - i) * sizeof(*sb->ep));
			return ep;
		}
	return NULL;
}

int network_disconnect(struct network_mgr *mgr, const char *container_id, int netns_fd, const char *network,
		       struct err *err)
{
	AUTO(close) int ns_nl = ns_open_nl(mgr->host_ns, netns_fd);
	struct network *net;
	struct endpoint *ep = NULL;
	struct sandbox *sb;
	int r = -1;

	if (ns_nl < 0)
		return err_sys(err, -ns_nl, "enter the container's network namespace");
	pthread_mutex_lock(&mgr->lock);
	sb = sandbox_find(mgr, container_id);
	net = mgr_find(mgr, network, err);
	if (net && sb && !sb->busy)
		ep = take_endpoint(sb, net);
	if (net && !ep)
		err_set(err, ERR_CONFLICT, "container %s is not connected to network %s", container_id, network);
	if (ep) {
		struct err sub = ERR_INIT;

		ignore_result(link_delete(ns_nl, ep->ifname)); /* the user's process may have removed it */
		endpoint_free(ep);
		ignore_result(settle_gateway(sb, ns_nl)); /* no route left is what was asked for */
		r = sandbox_save(mgr, sb, &sub);
		if (r < 0 && err)
			*err = sub;
	}
	pthread_mutex_unlock(&mgr->lock);
	return r;
}

void network_rename(struct network_mgr *mgr, const char *container_id, const char *name)
{
	struct sandbox *sb;

	pthread_mutex_lock(&mgr->lock);
	sb = sandbox_find(mgr, container_id);
	if (sb) {
		free(sb->name);
		sb->name = xstrdup(name);
		ignore_result(sandbox_save(mgr, sb, NULL)); /* the name in the record is for people */
	}
	pthread_mutex_unlock(&mgr->lock);
}
