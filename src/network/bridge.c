/*
 * bridge.c - the links of bridge networks, and which name and subnet the default one gets
 *
 * A link of ours carries the alias "cove <engine>", so that two engines, and what an earlier run
 * left, are told apart. While a daemon runs it holds an abstract socket named after its default
 * bridge: abstract names belong to the network namespace, as bridges do.
 *
 * (1) A link without our alias is never changed or removed, but for a bridge that a dead engine left
 *     with no port in it.
 * (2) The subnet of the default bridge stays over restarts; it moves only when the link is gone and
 *     something else on the host took the range meanwhile.
 */
#include "network/private.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#define AUTO_NAMES  100
#define DEFAULT_MTU 1500

void bridge_alias(struct network_mgr *mgr, char ret[LINK_ALIAS])
{
	snprintf(ret, LINK_ALIAS, "cove %s", mgr->engine);
}

static int lock_name(const char *name)
{
	AUTO(close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int n = snprintf(sa.sun_path + 1, sizeof(sa.sun_path) - 1, "cove/bridge/%s", name);

	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sa,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static int is_port_of(void *ctx, const struct link *l)
{
	return l->master == *(int *)ctx;
}

/* What an engine that was killed left, with no container on it: nobody holds the name's lock. */
static bool remove_dead(struct network_mgr *mgr, struct link *l)
{
	if (!l->bridge || !str_after(l->alias, "cove ") || link_each(mgr->nl, is_port_of, &l->index) != 0)
		return false;
	if (link_delete(mgr->nl, l->name) < 0)
		return false;
	*l = (struct link){};
	return true;
}

/* Locks the name if no other engine is there. 1: ours; 0: somebody else's. */
static int claim_name(struct network_mgr *mgr, const char *name, bool strict, struct link *ret_link,
		      struct err *err)
{
	AUTO(close) int fd = lock_name(name);
	char alias[LINK_ALIAS];
	struct link l = {};
	int r;

	if (fd == -EADDRINUSE)
		return 0;
	if (fd < 0)
		return err_sys(err, -fd, "lock the bridge name %s", name);
	r = link_get(mgr->nl, name, &l);
	if (r < 0)
		return err_sys(err, -r, "look up link %s", name);
	bridge_alias(mgr, alias);
	if (r > 0 && !strict && !streq(l.alias, alias) && !remove_dead(mgr, &l))
		return 0;
	if (l.index && !l.bridge)
		return err_set(err, ERR_INVALID, "link %s is not a bridge", name);
	mgr->name_lock = TAKE_FD(fd);
	*ret_link = l;
	return 1;
}

static int choose_name(struct network_mgr *mgr, const char *wanted, const struct network *stored,
		       char ret[LINK_NAME], struct link *ret_link, struct err *err)
{
	int r;

	if (wanted && *wanted) {
		if (strlen(wanted) >= LINK_NAME || strpbrk(wanted, "/ \t\n\"") || streq(wanted, "."))
			return err_set(err, ERR_INVALID, "invalid bridge name '%.64s'", wanted);
		snprintf(ret, LINK_NAME, "%s", wanted);
		r = claim_name(mgr, wanted, true, ret_link, err);
		if (r == 0)
			return err_set(err, ERR_CONFLICT, "another engine runs with bridge %s", wanted);
		return r < 0 ? -1 : 0;
	}
	for (int i = stored ? -1 : 0; i < AUTO_NAMES; i++) {
		if (i < 0)
			snprintf(ret, LINK_NAME, "%s", stored->bridge);
		else
			snprintf(ret, LINK_NAME, "cove%d", i);
		r = claim_name(mgr, ret, false, ret_link, err);
		if (r != 0)
			return r < 0 ? -1 : 0;
	}
	return err_set(err, ERR_CONFLICT, "no free bridge name");
}

/* What the host uses, and our own networks but skip. */
static int collect_taken(struct network_mgr *mgr, const struct network *skip, struct taken *t, struct err *err)
{
	int r = link_taken(mgr->nl, t);

	if (r < 0)
		return err_sys(err, -r, "read addresses and routes");
	for (size_t i = 0; i < mgr->nnets; i++) {
		const struct network *net = mgr->nets[i];

		if (net->driver != DRIVER_BRIDGE || net == skip)
			continue;
		t->v = xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
		t->v[t->n++] = net->subnet;
	}
	return 0;
}

static bool overlaps(const struct taken *t, struct subnet4 s)
{
	for (size_t i = 0; i < t->n; i++)
		if (subnet4_overlap(t->v[i], s))
			return true;
	return false;
}

static int no_pool(struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE,
		       "could not find an available, non-overlapping IPv4 address pool among the defaults "
		       "to assign to the network");
}

int bridge_pick_subnet(struct network_mgr *mgr, struct subnet4 *ret, struct err *err)
{
	struct taken t = {};
	int r = collect_taken(mgr, NULL, &t, err);

	if (r == 0 && !pools_next(&mgr->pools, t.v, t.n, ret))
		r = no_pool(err);
	free(t.v);
	return r;
}

/* The range that the default bridge keeps or gets; its own link's addresses do not count. */
static int choose_subnet(struct network_mgr *mgr, struct network *net, const char *bip,
			 const struct link *l, struct err *err)
{
	struct taken t = {.skip = l->index ? l->index : -1};
	struct subnet4 s;
	uint32_t addr = 0;
	unsigned len;
	int r = 0;

	if (bip && *bip) {
		if (!subnet4_parse(bip, &s, &addr) || s.len > 30 || addr == s.base || addr == subnet4_last(s))
			return err_set(err, ERR_INVALID, "invalid address for the bridge: '%.64s'", bip);
	} else if (l->index && link_address(mgr->nl, l->index, &addr, &len) == 1 && len <= 30) {
		s = (struct subnet4){addr & mask4(len), len};
	} else if (net->foreign) {
		return err_set(err, ERR_INVALID, "bridge %s has no IPv4 address", l->name);
	} else {
		r = collect_taken(mgr, net, &t, err);
		s = net->subnet;
		addr = net->gateway;
		if (r == 0 && (s.len == 0 || overlaps(&t, s))) { /* (2) */
			if (!pools_next(&mgr->pools, t.v, t.n, &s))
				r = no_pool(err);
			addr = s.base + 1;
		}
		free(t.v);
	}
	if (r < 0)
		return -1;
	net->subnet = net->range = s;
	net->has_range = false;
	net->gateway = addr;
	ipam_done(&net->ipam);
	ipam_take(&net->ipam, addr);
	return 0;
}

static unsigned default_mtu(struct network_mgr *mgr)
{
	struct taken t = {.skip = -1};
	unsigned mtu = DEFAULT_MTU;
	char name[LINK_NAME] = "";
	struct link l;

	if (link_taken(mgr->nl, &t) == 0 && t.default_link && link_name(t.default_link, name) &&
	    link_get(mgr->nl, name, &l) == 1 && l.mtu >= 576)
		mtu = MIN(l.mtu, mtu);
	free(t.v);
	return mtu;
}

static void set_options(struct network *net, const char *host_binding)
{
	json_t *o = net->options;

	json_object_clear(o);
	json_object_set_new(o, "com.docker.network.bridge.default_bridge", json_string("true"));
	json_object_set_new(o, "com.docker.network.bridge.enable_icc", json_string(net->icc ? "true" : "false"));
	json_object_set_new(o, "com.docker.network.bridge.enable_ip_masquerade",
			    json_string(net->masquerade ? "true" : "false"));
	json_object_set_new(o, "com.docker.network.bridge.host_binding_ipv4", json_string(host_binding));
	json_object_set_new(o, "com.docker.network.bridge.name", json_string(net->bridge));
	json_object_set_new(o, "com.docker.network.driver.mtu", json_sprintf("%u", net->mtu));
}

int bridge_choose_default(struct network_mgr *mgr, const struct network_config *cfg, struct err *err)
{
	struct network *net = mgr_find(mgr, "bridge", NULL);
	char binding[ADDR_TEXT], name[LINK_NAME], alias[LINK_ALIAS];
	struct link l = {};

	if (streq(cfg->bridge, "none"))
		return 0;
	if (choose_name(mgr, cfg->bridge, net, name, &l, err) < 0)
		return -1;
	if (!net) {
		net = network_new("bridge", DRIVER_BRIDGE);
		net->predefined = net->is_default = true;
		mgr_add_network(mgr, net);
	}
	memcpy(net->bridge, name, sizeof(name));
	memcpy(mgr->bridge, name, sizeof(name));
	bridge_alias(mgr, alias);
	net->foreign = l.index && !str_after(l.alias, "cove ");
	net->masquerade = !cfg->no_masquerade;
	net->icc = !cfg->no_icc;
	mgr->mtu = cfg->mtu ? cfg->mtu : default_mtu(mgr);
	net->mtu = mgr->mtu;
	if (choose_subnet(mgr, net, cfg->bip, &l, err) < 0)
		return -1;
	addr4_format(binding, mgr->host_binding);
	set_options(net, binding);
	return netstore_save(mgr, net, false, err);
}

int bridge_ensure(struct network_mgr *mgr, struct network *net, struct err *err)
{
	char alias[LINK_ALIAS];
	struct bridge br = {.name = net->bridge, .alias = alias, .addr = net->gateway,
			    .len = net->subnet.len, .mtu = net->mtu};
	struct link l;
	int r;

	if (rules_ensure(mgr, NULL, err) < 0)
		return -1;
	r = link_get(mgr->nl, net->bridge, &l);
	if (r == 1 && net->ifindex == l.index)
		return 0;
	bridge_alias(mgr, alias);
	if (r == 1 && net->foreign)
		net->ifindex = l.index; /* (1) */
	else if (r == 1 && !str_after(l.alias, "cove "))
		return err_set(err, ERR_CONFLICT, "link %s belongs to somebody else", net->bridge);
	else if (r >= 0)
		r = link_make_bridge(mgr->nl, &br, &net->ifindex);
	if (r < 0)
		return err_sys(err, -r, "make bridge %s", net->bridge);
	if (rules_add_network(mgr, net, err) < 0) {
		net->ifindex = 0;
		return -1;
	}
	if (net->is_default)
		ready_begin(mgr, net);
	return 0;
}

int bridge_drop(struct network_mgr *mgr, struct network *net, struct err *err)
{
	char alias[LINK_ALIAS];
	struct link l;
	int r;

	if (rules_del_network(mgr, net, err) < 0)
		return -1;
	net->ifindex = 0;
	bridge_alias(mgr, alias);
	r = link_get(mgr->nl, net->bridge, &l);
	if (r == 1 && streq(l.alias, alias) && !net->foreign) /* (1) */
		r = link_delete(mgr->nl, net->bridge);
	if (r < 0)
		return err_sys(err, -r, "remove bridge %s", net->bridge);
	return 0;
}
