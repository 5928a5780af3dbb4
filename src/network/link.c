/*
 * link.c - rtnetlink requests for bridges, veth pairs, addresses and routes
 *
 * (1) A veth pair is made by one request with the inner end already in its namespace.
 * (2) No link-local IPv6 address appears on links of containers: the address generation mode is
 *     set before a link comes up.
 * (3) Nothing here deletes a veth pair: it goes with its namespace. See link_mute_port().
 */
#include "network/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

static struct nlmsghdr *begin_link(struct nl_batch *b, uint16_t flags, int index, bool up)
{
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = nl_begin(b, RTM_NEWLINK, flags, sizeof(*ifi), &ifi);

	ifi->ifi_family = AF_UNSPEC;
	ifi->ifi_index = index;
	if (up)
		ifi->ifi_flags = ifi->ifi_change = IFF_UP;
	return nlh;
}

/* (2): a message of its own, since a change of flags comes first within one */
static void put_no_link_local(struct nl_batch *b, int index, const char *name)
{
	struct nlmsghdr *nlh = begin_link(b, 0, index, false);
	struct nlattr *spec, *inet6;

	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	spec = mnl_attr_nest_start(nlh, IFLA_AF_SPEC);
	inet6 = mnl_attr_nest_start(nlh, AF_INET6);
	mnl_attr_put_u8(nlh, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	mnl_attr_nest_end(nlh, inet6);
	mnl_attr_nest_end(nlh, spec);
}

/* A boolean attribute of a bridge's port. */
static void put_port_flag(struct nl_batch *b, const char *name, uint16_t attr)
{
	struct nlmsghdr *nlh = begin_link(b, 0, 0, false);
	struct nlattr *info, *data;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_SLAVE_KIND, "bridge");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(nlh, attr, 1);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

static int parse_link(const struct nlmsghdr *nlh, struct link *ret)
{
	const struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const uint32_t *mtu, *master;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifi))
		return -EBADMSG;
	nl_attrs(tb, ARRAY_LEN(tb), nlh, sizeof(*ifi));
	nl_attrs_nested(info, ARRAY_LEN(info), tb[IFLA_LINKINFO]);
	mtu = nl_data(tb[IFLA_MTU], sizeof(*mtu));
	master = nl_data(tb[IFLA_MASTER], sizeof(*master));
	*ret = (struct link){
		.index = ifi->ifi_index,
		.master = master ? (int)*master : 0,
		.up = ifi->ifi_flags & IFF_UP,
		.mtu = mtu ? *mtu : 0,
		.bridge = streq(nl_str(info[IFLA_INFO_KIND]), "bridge"),
	};
	snprintf(ret->name, sizeof(ret->name), "%s", nl_str(tb[IFLA_IFNAME]));
	snprintf(ret->alias, sizeof(ret->alias), "%s", nl_str(tb[IFLA_IFALIAS]));
	return 0;
}

static int take_one_link(void *ctx, const struct nlmsghdr *nlh)
{
	return nlh->nlmsg_type == RTM_NEWLINK ? parse_link(nlh, ctx) : 0;
}

int link_get(int nl, const char *name, struct link *ret)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = nl_begin(&b, RTM_GETLINK, 0, sizeof(*ifi), &ifi);
	struct link l = {};
	int r;

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	r = nl_query(nl, &b, take_one_link, &l);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	*ret = l;
	return l.index > 0;
}

bool link_name(int index, char ret[LINK_NAME])
{
	return if_indextoname((unsigned)index, ret) != NULL;
}

struct each_link {
	int (*fn)(void *ctx, const struct link *l);
	void *ctx;
};

static int take_each_link(void *ctx, const struct nlmsghdr *nlh)
{
	const struct each_link *each = ctx;
	struct link l;
	int r;

	if (nlh->nlmsg_type != RTM_NEWLINK)
		return 0;
	r = parse_link(nlh, &l);
	return r < 0 ? r : each->fn(each->ctx, &l);
}

int link_each(int nl, int (*fn)(void *ctx, const struct link *l), void *ctx)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct each_link each = {fn, ctx};
	struct ifinfomsg *ifi;

	nl_begin(&b, RTM_GETLINK, NLM_F_DUMP, sizeof(*ifi), &ifi);
	return nl_query(nl, &b, take_each_link, &each);
}

int link_delete(int nl, const char *name)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh = nl_begin(&b, RTM_DELLINK, 0, sizeof(*ifi), &ifi);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	return nl_send(nl, &b);
}

static void put_address(struct nl_batch *b, int index, uint32_t addr, unsigned len)
{
	struct ifaddrmsg *ifa;
	struct nlmsghdr *nlh = nl_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*ifa), &ifa);

	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = (uint8_t)len;
	ifa->ifa_index = (unsigned)index;
	mnl_attr_put_u32(nlh, IFA_LOCAL, htonl(addr));
	mnl_attr_put_u32(nlh, IFA_ADDRESS, htonl(addr));
	if (len < 31)
		mnl_attr_put_u32(nlh, IFA_BROADCAST, htonl(addr | ~mask4(len)));
}

int link_add_address(int nl, int index, uint32_t addr, unsigned len)
{
	AUTO(nl_batch) struct nl_batch b = {};

	put_address(&b, index, addr, len);
	return nl_send(nl, &b);
}

int link_make_bridge(int nl, const struct bridge *br, int *ret_index)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct nlmsghdr *nlh = begin_link(&b, NLM_F_CREATE | NLM_F_EXCL, 0, false);
	struct nlattr *info;
	struct link l;
	uint8_t mac[6];
	int r;

	mac_from_addr(mac, br->addr); /* a fixed one: else it would be that of the lowest port */
	mnl_attr_put_strz(nlh, IFLA_IFNAME, br->name);
	mnl_attr_put(nlh, IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(nlh, IFLA_MTU, br->mtu);
	info = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "bridge");
	mnl_attr_nest_end(nlh, info);
	r = nl_send(nl, &b);
	if (r < 0 && r != -EEXIST)
		return r;
	r = link_get(nl, br->name, &l);
	if (r <= 0 || !l.bridge)
		return r < 0 ? r : -EEXIST;

	nlh = begin_link(&b, 0, l.index, true);
	mnl_attr_put_strz(nlh, IFLA_IFALIAS, br->alias);
	put_address(&b, l.index, br->addr, br->len);
	r = nl_send(nl, &b);
	if (r < 0)
		return r;
	*ret_index = l.index;
	return 0;
}

static void put_peer(struct nlmsghdr *nlh, const struct veth *v)
{
	struct nlattr *info = mnl_attr_nest_start(nlh, IFLA_LINKINFO), *data, *peer;
	struct ifinfomsg *ifi;

	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	ifi = mnl_nlmsg_get_payload_tail(nlh);
	memset(ifi, 0, sizeof(*ifi));
	ifi->ifi_index = v->inner_index;
	nlh->nlmsg_len += MNL_ALIGN(sizeof(*ifi));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, v->inner_name);
	mnl_attr_put_u32(nlh, IFLA_MTU, v->mtu);
	mnl_attr_put_u32(nlh, IFLA_NET_NS_FD, (uint32_t)v->ns);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, info);
}

int link_make_veth(int nl, const struct veth *v)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct nlmsghdr *nlh = begin_link(&b, NLM_F_CREATE | NLM_F_EXCL, 0, false); /* (1) */

	mnl_attr_put_strz(nlh, IFLA_IFNAME, v->host_name);
	mnl_attr_put_u32(nlh, IFLA_MTU, v->mtu);
	put_peer(nlh, v);

	put_no_link_local(&b, 0, v->host_name); /* creation does not look at IFLA_AF_SPEC */
	nlh = begin_link(&b, 0, 0, true);
	mnl_attr_put_strz(nlh, IFLA_IFNAME, v->host_name);
	mnl_attr_put_u32(nlh, IFLA_MASTER, (uint32_t)v->bridge);
	if (v->isolated)
		put_port_flag(&b, v->host_name, IFLA_BRPORT_ISOLATED);
	return nl_send(nl, &b);
}

int link_set_master(int nl, const char *host_name, int bridge)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct nlmsghdr *nlh = begin_link(&b, 0, 0, true);

	mnl_attr_put_strz(nlh, IFLA_IFNAME, host_name);
	mnl_attr_put_u32(nlh, IFLA_MASTER, (uint32_t)bridge);
	return nl_send(nl, &b);
}

int link_set_hairpin(int nl, const char *host_name)
{
	AUTO(nl_batch) struct nl_batch b = {};

	put_port_flag(&b, host_name, IFLA_BRPORT_MODE);
	return nl_send(nl, &b);
}

int link_up(int ns_nl, int index)
{
	AUTO(nl_batch) struct nl_batch b = {};

	if (index != 1) /* lo keeps ::1 */
		put_no_link_local(&b, index, NULL);
	begin_link(&b, 0, index, true);
	return nl_send(ns_nl, &b);
}

static void put_default_route(struct nl_batch *b, uint32_t gateway)
{
	struct rtmsg *rt;
	struct nlmsghdr *nlh = nl_begin(b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof(*rt), &rt);

	rt->rtm_family = AF_INET;
	rt->rtm_table = RT_TABLE_MAIN;
	rt->rtm_protocol = RTPROT_BOOT;
	rt->rtm_scope = RT_SCOPE_UNIVERSE;
	rt->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_GATEWAY, htonl(gateway));
}

int link_configure(int ns_nl, const struct inner *in)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct nlmsghdr *nlh;

	put_no_link_local(&b, in->index, NULL);
	nlh = begin_link(&b, 0, in->index, true);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, in->mac);
	put_address(&b, in->index, in->addr, in->len);
	if (in->gateway)
		put_default_route(&b, in->gateway);
	return nl_send(ns_nl, &b);
}

int link_set_gateway(int ns_nl, uint32_t gateway)
{
	AUTO(nl_batch) struct nl_batch b = {};

	put_default_route(&b, gateway);
	return nl_send(ns_nl, &b);
}

int link_mute_port(int nl, const char *host_name)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh;
	struct nlattr *port;
	struct link l;
	int r = link_get(nl, host_name, &l);

	if (r <= 0)
		return r;
	/* of family AF_BRIDGE: after a change through IFLA_LINKINFO the kernel looks at the carrier
	 * and enables the port again */
	nlh = nl_begin(&b, RTM_SETLINK, 0, sizeof(*ifi), &ifi);
	ifi->ifi_family = AF_BRIDGE;
	ifi->ifi_index = l.index;
	port = mnl_attr_nest_start(nlh, IFLA_PROTINFO);
	mnl_attr_put_u8(nlh, IFLA_BRPORT_STATE, BR_STATE_DISABLED);
	mnl_attr_put(nlh, IFLA_BRPORT_FLUSH, 0, NULL);
	mnl_attr_nest_end(nlh, port);
	return nl_send(nl, &b);
}

static void add_taken(struct taken *t, uint32_t addr, unsigned len)
{
	t->v = xrealloc(t->v, (t->n + 1) * sizeof(*t->v));
	t->v[t->n++] = (struct subnet4){addr & mask4(len), len};
}

static uint32_t get_be32(const struct nlattr *attr)
{
	const uint32_t *v = nl_data(attr, sizeof(*v));

	return v ? ntohl(*v) : 0;
}

static int take_address(void *ctx, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct taken *t = ctx;

	nl_attrs(tb, ARRAY_LEN(tb), nlh, sizeof(*ifa));
	if (nlh->nlmsg_type == RTM_NEWADDR && ifa->ifa_family == AF_INET && ifa->ifa_prefixlen > 0 &&
	    ifa->ifa_prefixlen <= 32 && (int)ifa->ifa_index != t->skip)
		add_taken(t, get_be32(tb[IFA_ADDRESS]), ifa->ifa_prefixlen);
	return 0;
}

static int take_route(void *ctx, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[RTA_MAX + 1];
	const struct rtmsg *rt = mnl_nlmsg_get_payload(nlh);
	struct taken *t = ctx;
	const uint32_t *oif;

	nl_attrs(tb, ARRAY_LEN(tb), nlh, sizeof(*rt));
	if (nlh->nlmsg_type != RTM_NEWROUTE || rt->rtm_family != AF_INET || rt->rtm_table == RT_TABLE_LOCAL)
		return 0;
	oif = nl_data(tb[RTA_OIF], sizeof(*oif));
	if (rt->rtm_dst_len == 0 && oif && rt->rtm_table == RT_TABLE_MAIN && !t->default_link)
		t->default_link = (int)*oif;
	/* shorter ones are halves of a default route, as VPNs set them */
	if (rt->rtm_dst_len >= 8 && rt->rtm_dst_len <= 32 && (!oif || (int)*oif != t->skip))
		add_taken(t, get_be32(tb[RTA_DST]), rt->rtm_dst_len);
	return 0;
}

int link_taken(int nl, struct taken *t)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct ifaddrmsg *ifa;
	struct rtmsg *rt;
	int r;

	nl_begin(&b, RTM_GETADDR, NLM_F_DUMP, sizeof(*ifa), &ifa);
	ifa->ifa_family = AF_INET;
	r = nl_query(nl, &b, take_address, t);
	if (r < 0)
		return r;
	nl_begin(&b, RTM_GETROUTE, NLM_F_DUMP, sizeof(*rt), &rt);
	rt->rtm_family = AF_INET;
	return nl_query(nl, &b, take_route, t);
}

struct first_address {
	int index;
	uint32_t addr;
	unsigned len;
};

static int take_first(void *ctx, const struct nlmsghdr *nlh)
{
	const struct nlattr *tb[IFA_MAX + 1];
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct first_address *f = ctx;

	nl_attrs(tb, ARRAY_LEN(tb), nlh, sizeof(*ifa));
	if (nlh->nlmsg_type != RTM_NEWADDR || (int)ifa->ifa_index != f->index || f->addr)
		return 0;
	f->addr = get_be32(tb[IFA_LOCAL]);
	f->len = ifa->ifa_prefixlen;
	return 0;
}

int link_address(int nl, int index, uint32_t *ret_addr, unsigned *ret_len)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct first_address f = {.index = index};
	struct ifaddrmsg *ifa;
	int r;

	nl_begin(&b, RTM_GETADDR, NLM_F_DUMP, sizeof(*ifa), &ifa);
	ifa->ifa_family = AF_INET;
	r = nl_query(nl, &b, take_first, &f);
	if (r < 0 || !f.addr || f.len > 32)
		return r < 0 ? r : 0;
	*ret_addr = f.addr;
	*ret_len = f.len;
	return 1;
}
