/*
 * private.h - what the files of network/ share
 *
 * Lock order: mgr->lock, then mgr->nft_lock or ready's own. Kernel requests about one container
 * are made without mgr->lock; what they need is copied or pinned first (network.users).
 */
#pragma once

#include <pthread.h>

#include "codec/filters.h"
#include "network/link.h"
#include "network/network.h"

#define NETWORKS_MAX 1024

enum driver { DRIVER_NULL, DRIVER_HOST, DRIVER_BRIDGE };

struct network {
	char id[NETWORK_ID_LEN + 1];
	char *name;
	enum driver driver;
	bool predefined, is_default; /* is_default: the bridge network */
	int64_t created_ns;
	bool internal, attachable;
	json_t *options, *labels, *ipam_options, *aux; /* objects, never NULL but ipam_options */
	/* bridges */
	struct subnet4 subnet;
	struct subnet4 range; /* addresses are chosen from here; the subnet if none was given */
	bool has_range;
	uint32_t gateway;
	char bridge[LINK_NAME];
	bool foreign; /* somebody else's link: neither changed nor removed */
	bool masquerade, icc;
	unsigned mtu;
	/* while the daemon runs */
	int ifindex; /* 0: not made yet */
	struct ipam ipam;
	unsigned users; /* endpoints, and calls that need it to stay */
};

struct endpoint {
	char id[NETWORK_ID_LEN + 1];
	struct network *net; /* pinned by users */
	uint32_t addr;	     /* 0: none (null and host driver) */
	uint8_t mac[6];
	char host_if[LINK_NAME], ifname[LINK_NAME];
	int inner_index;
	bool gateway; /* has the default route */
	int gw_priority;
	bool addr_given, mac_given;
	struct strv aliases, links;
	json_t *driver_opts; /* or NULL */
};

struct binding {
	enum network_proto proto;
	uint16_t container_port, host_port;
	uint32_t host_addr; /* 0: any */
	uint32_t dest;	    /* the container's */
	int fd;		    /* holds the port; -1: not held */
};

struct sandbox {
	char id[NETWORK_ID_LEN + 1];
	char *container_id, *name, *hostname;
	struct endpoint **ep;
	size_t n;
	struct binding *ports;
	size_t nports;
	bool busy;    /* being made, changed or taken down by some call */
	bool adopted; /* or made by this daemon */
};

struct ready;

struct network_mgr {
	pthread_mutex_t lock;
	char *data_root, *exec_root;
	int netdir;	/* <data_root>/networks */
	int sandboxdir; /* <exec_root>/network */
	int name_lock;	/* abstract socket: this bridge name is ours in this network namespace */
	int host_ns;
	int nl; /* under lock, for bridges */
	char engine[33];	/* whose links these are */
	char bridge[LINK_NAME]; /* of the default bridge; "": none */
	char table[LINK_NAME + 8];
	char host_gateway[46];
	uint32_t host_binding;
	unsigned mtu;
	bool no_ip_forward, firewall, rules_loaded;
	bool complete; /* opened without error */
	struct strv dns, dns_search, dns_options;
	struct pools pools;
	struct network **nets; /* in order of creation, predefined ones first */
	size_t nnets;
	struct map sandboxes; /* by container id */
	pthread_mutex_t nft_lock;
	int nft; /* NETLINK_NETFILTER, under nft_lock */
	unsigned opened; /* places where accept rules of ours are, under nft_lock */
	struct ready *ready;
};

/* store.c: networks on disk */
const char *driver_name(enum driver d);
struct network *network_new(const char *name, enum driver driver);
void network_free(struct network *net);
int netstore_load(struct network_mgr *mgr, struct strv *warnings, struct err *err) MUST_USE;
int netstore_save(struct network_mgr *mgr, const struct network *net, bool durable, struct err *err) MUST_USE;
int store_forget(struct network_mgr *mgr, const struct network *net, struct err *err) MUST_USE;
int store_engine_id(struct network_mgr *mgr, struct err *err) MUST_USE;
void mgr_add_network(struct network_mgr *mgr, struct network *net); /* under lock */
/* Under lock. By name, id, or unique start of an id. */
struct network *mgr_find(struct network_mgr *mgr, const char *name, struct err *err);
struct network *mgr_default(struct network_mgr *mgr); /* NULL: there is none */

/* bridge.c: links of networks */
void bridge_alias(struct network_mgr *mgr, char ret[LINK_ALIAS]);
int bridge_choose_default(struct network_mgr *mgr, const struct network_config *cfg, struct err *err) MUST_USE;
/* Makes the link and adds it to the rules if that has not happened; under lock. */
int bridge_ensure(struct network_mgr *mgr, struct network *net, struct err *err) MUST_USE;
int bridge_drop(struct network_mgr *mgr, struct network *net, struct err *err) MUST_USE;
int bridge_pick_subnet(struct network_mgr *mgr, struct subnet4 *ret, struct err *err) MUST_USE;

/* rules.c: the table */
/* Loads the table if it is not there; warnings may be NULL. Under lock. */
int rules_ensure(struct network_mgr *mgr, struct strv *warnings, struct err *err) MUST_USE;
int rules_add_network(struct network_mgr *mgr, const struct network *net, struct err *err) MUST_USE;
int rules_del_network(struct network_mgr *mgr, const struct network *net, struct err *err) MUST_USE;
int rules_add_ports(struct network_mgr *mgr, const struct binding *p, size_t n, struct err *err) MUST_USE;
void rules_del_ports(struct network_mgr *mgr, const struct binding *p, size_t n);
/* Sets and maps hold exactly what networks and sandboxes have; under lock. */
int rules_reset(struct network_mgr *mgr, struct err *err) MUST_USE;
int rules_unload(struct network_mgr *mgr, struct err *err) MUST_USE;
int nft_program(const char *script, struct err *err) MUST_USE;
int run_program(const char *const *argv, const char *input, struct err *err) MUST_USE; /* exit status */
const char *find_program(const char *name, char ret[64]); /* NULL: not there */

/* foreign.c: forward chains of others */
void foreign_open(struct network_mgr *mgr, struct strv *warnings);
void foreign_poke(struct network_mgr *mgr); /* looks again, if something may have changed; cheap */
void foreign_close(struct network_mgr *mgr); /* takes back what was put there */

/* publish.c: host ports */
int publish_take(struct network_mgr *mgr, const struct network_port *ports, size_t n, uint32_t dest,
		 struct binding **ret, size_t *ret_n, struct err *err) MUST_USE;
void publish_release(struct binding *b, size_t n);
bool publish_hold_again(struct binding *b); /* after a restart; false: somebody has the port */

/* ready.c: namespaces made before they are needed */
struct ready_ns {
	int ns, nl;
	char host_if[LINK_NAME]; /* "": no veth in it */
};
int ready_start(struct network_mgr *mgr, unsigned n, struct err *err) MUST_USE;
void ready_stop(struct network_mgr *mgr);
/* The default bridge is up, or was made anew: fill. Under lock. */
void ready_begin(struct network_mgr *mgr, const struct network *net);
/* One with a veth to the default bridge, or a bare one; made now if none is ready. */
int ready_take(struct network_mgr *mgr, bool with_veth, struct ready_ns *ret, struct err *err) MUST_USE;
void veth_name(char ret[LINK_NAME]);

/* sandbox.c */
struct endpoint *endpoint_new(struct network *net); /* under lock */
void endpoint_free(struct endpoint *ep);	    /* under lock */
void sandbox_add(struct sandbox *sb, struct endpoint *ep);
void sandbox_free(struct sandbox *sb);
struct sandbox *sandbox_find(struct network_mgr *mgr, const char *container_id); /* under lock */
int sandbox_save(struct network_mgr *mgr, const struct sandbox *sb, struct err *err) MUST_USE;
void sandbox_forget(struct network_mgr *mgr, const char *container_id);
int sandbox_load_all(struct network_mgr *mgr, struct strv *warnings, struct err *err) MUST_USE;

/* view.c */
int network_filters(const json_t *spec, struct filters *ret, struct err *err) MUST_USE;
void network_labels(const struct network *net, struct map *ret);
