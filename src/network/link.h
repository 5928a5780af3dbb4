/*
 * link.h - links, addresses and routes, and new network namespaces (private)
 *
 * nl is a NETLINK_ROUTE socket of the namespace meant. Everything returns >= 0 or -errno.
 */
#pragma once

#include "network/addr.h"
#include "sys/netlink.h"

#define LINK_NAME   16 /* IFNAMSIZ */
#define LINK_ALIAS  128
#define LINK_INSIDE 2 /* index of a container's first link: lo is 1 */

/* A new namespace with lo up, and a socket in it. The calling thread returns to host_ns. */
int ns_new(int host_ns, int *ret_ns, int *ret_nl) MUST_USE;
int ns_open_nl(int host_ns, int ns) MUST_USE; /* a socket in an existing one */

struct link {
	int index, master; /* master: of the bridge it is in, 0: none */
	bool bridge, up;
	unsigned mtu;
	char name[LINK_NAME], alias[LINK_ALIAS];
};
/* 1: found; 0: no such link. */
int link_get(int nl, const char *name, struct link *ret) MUST_USE;
bool link_name(int index, char ret[LINK_NAME]); /* in the calling thread's namespace */
int link_each(int nl, int (*fn)(void *ctx, const struct link *l), void *ctx) MUST_USE;
int link_delete(int nl, const char *name) MUST_USE;

struct bridge {
	const char *name, *alias;
	uint32_t addr;
	unsigned len, mtu;
};
int link_make_bridge(int nl, const struct bridge *br, int *ret_index) MUST_USE; /* with address and up */
int link_add_address(int nl, int index, uint32_t addr, unsigned len) MUST_USE;

struct veth {
	const char *host_name, *inner_name;
	int inner_index; /* in the container's namespace */
	int bridge;	 /* index */
	int ns;		 /* the inner end's */
	unsigned mtu;
	bool isolated; /* port does not reach other isolated ones */
};
int link_make_veth(int nl, const struct veth *v) MUST_USE; /* the outer end is up and in the bridge */
int link_set_master(int nl, const char *host_name, int bridge) MUST_USE;
/* Packets may leave by the port they came in: a container that reaches itself through a published
 * port needs it where bridged packets see the rules (br_netfilter). */
int link_set_hairpin(int nl, const char *host_name) MUST_USE;
int link_up(int ns_nl, int index) MUST_USE;

struct inner {
	int index;
	uint8_t mac[6];
	uint32_t addr;
	unsigned len;
	uint32_t gateway; /* 0: no default route */
};
int link_configure(int ns_nl, const struct inner *in) MUST_USE; /* MAC, address, up, route in one request */
int link_set_gateway(int ns_nl, uint32_t gateway) MUST_USE;     /* replaces the default route */

/* Cuts a port off at once, without waiting: nothing passes any more and its addresses are forgotten. */
int link_mute_port(int nl, const char *host_name) MUST_USE;

/* IPv4 subnets of addresses and routes but the default one and those of the link skip; appended to *v. */
struct taken {
	struct subnet4 *v;
	size_t n;
	int skip;
	int default_link; /* link of the default route, 0: none */
};
int link_taken(int nl, struct taken *t) MUST_USE;
/* The first IPv4 address on a link. 0: none. */
int link_address(int nl, int index, uint32_t *ret_addr, unsigned *ret_len) MUST_USE;
