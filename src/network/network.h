/*
 * network.h - networks, addresses, and the network namespaces of containers
 *
 * A network manager belongs to one daemon. It keeps the list of networks (none, host, the
 * default bridge and those users make), the addresses in use, the bridge links and one
 * nftables table of its own. What a container has while it runs is its sandbox: a network
 * namespace and one endpoint per network.
 *
 * Networks are stored under <data_root>/networks, sandboxes under <exec_root>/network: the
 * former live as long as the data, the latter until the machine boots again. A restarted
 * daemon opens the manager, calls network_adopt() for every container that still runs and
 * network_sweep() once; addresses stay with their containers meanwhile.
 *
 * Every function may be called by any thread, after network_open() returned. They block for
 * up to some milliseconds: call them on workers. Kinds are named per function; ERR_SYSTEM is
 * possible wherever an err is taken.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

struct network_mgr;

struct network_config {
	const char *data_root;	   /* must exist */
	const char *exec_root;	   /* must exist */
	const char *bridge;	   /* default bridge's link; NULL: cove0, or the next free coveN; "none": no default bridge */
	const char *bip;	   /* "172.30.0.1/16": address and subnet of the default bridge; NULL: first free pool */
	const struct strv *pools;  /* "172.80.0.0/16,24": base and size of what is handed out; NULL: docker's */
	unsigned mtu;		   /* 0: that of the default route's link, at most 1500 */
	unsigned ready;		   /* namespaces kept ready for the default bridge; 0: none are */
	const char *host_binding;  /* address published ports bind to by default; NULL: 0.0.0.0 */
	const struct strv *dns, *dns_search, *dns_options; /* daemon-wide; NULL: the host's */
	const char *host_gateway;  /* what "host-gateway" in extra hosts means; NULL: the default bridge's address */
	bool no_ip_forward;	   /* do not touch net.ipv4.ip_forward */
	bool no_firewall;	   /* no nftables table: no masquerade, no published ports */
	bool no_masquerade;	   /* default bridge only */
	bool no_icc;		   /* default bridge: containers do not reach each other */
};

/* Must be given an empty *ret_warnings: gets lines the caller logs (may be NULL). ERR_INVALID for a
 * bad configuration, ERR_CONFLICT if another running daemon has the same bridge. */
int network_open(const struct network_config *cfg, struct network_mgr **ret, struct strv *ret_warnings,
		 struct err *err) MUST_USE;
/*
 * If there is any sandbox, leaves all links and rules as they are for the next daemon; else removes
 * them, as network_teardown() does. NULL is fine.
 */
void network_close(struct network_mgr *mgr);
/* Removes bridges, table and rules (not the stored networks), as on the engine's removal. Then close. */
int network_teardown(struct network_mgr *mgr, struct err *err) MUST_USE;

/* ---- what a container asks for ---- */

struct network_request {
	const char *network;	     /* name, id, unique start of an id; "default" is the default bridge */
	const char *ipv4, *ipv6;     /* asked for by the user; NULL: chosen */
	const char *mac;	     /* NULL: made from the address */
	const struct strv *aliases;  /* NULL: none */
	const struct strv *links;    /* as given, for inspect only */
	const json_t *driver_opts;   /* object or NULL */
	int gw_priority;
};

enum network_proto { NETWORK_TCP, NETWORK_UDP, NETWORK_SCTP };

struct network_port {
	enum network_proto proto;
	uint16_t container_port;
	const char *host_ip;		/* "" or NULL: the default */
	uint16_t host_first, host_last; /* 0, 0: any free port; a range: the first free one of it */
};

struct network_spec {
	const char *id, *name, *hostname; /* container's full id; name without slash */
	/* n == 0: attached to the default bridge, shown with no network. none and host stand alone */
	const struct network_request *requests;
	size_t n;
	const struct network_port *ports;
	size_t nports;
};

/*
 * Makes the container's sandbox: takes or makes a namespace, allocates addresses, attaches
 * to every network, publishes ports. *ret_netns_fd is a descriptor the caller owns and closes
 * once whoever holds the container has it (the namespace lives as long as a process or
 * descriptor does); -1 for the host network. All or nothing.
 * ERR_NOT_FOUND: no such network. ERR_CONFLICT: the container has a sandbox already, address
 * in use, host port in use. ERR_INVALID: bad address. ERR_UNAVAILABLE: no address left.
 */
int network_attach(struct network_mgr *mgr, const struct network_spec *spec, int *ret_netns_fd,
		   struct err *err) MUST_USE;

/*
 * Gives addresses and ports back and forgets the sandbox; a container without one is fine.
 * Never waits for the links to go: they go with the namespace, when its last holder closes it.
 */
void network_detach(struct network_mgr *mgr, const char *container_id);

/*
 * After a restart of the daemon: the container still runs. netns_fd (borrowed, may be -1) is its
 * namespace; its links are checked and what is missing outside of it is put back (bridge, rules,
 * held ports). ERR_NOT_FOUND: no record of a sandbox.
 */
int network_adopt(struct network_mgr *mgr, const char *container_id, int netns_fd, struct err *err) MUST_USE;
/* Once, after all adoptions: forgets sandboxes nobody adopted, and brings the rules in line. */
void network_sweep(struct network_mgr *mgr);

/* For a running container; netns_fd borrowed. ERR_CONFLICT if it is (not) on that network already. */
int network_connect(struct network_mgr *mgr, const char *container_id, int netns_fd,
		    const struct network_request *req, struct err *err) MUST_USE;
int network_disconnect(struct network_mgr *mgr, const char *container_id, int netns_fd,
		       const char *network, struct err *err) MUST_USE;
/* The container has a new name: for `network inspect` and names. */
void network_rename(struct network_mgr *mgr, const char *container_id, const char *name);

/* ---- networks ---- */

struct network_subnet {
	const char *subnet, *range, *gateway; /* "10.1.0.0/16", "10.1.4.0/24", "10.1.0.1"; NULL where not given */
	const json_t *aux;		      /* object of name: address; or NULL */
};

struct network_create {
	const char *name;
	const char *driver;	/* NULL or "bridge" */
	bool internal, attachable, ipv6;
	const char *ipam_driver;	/* NULL or "default" */
	const json_t *ipam_options;	/* objects or NULL, copied */
	const json_t *options, *labels;
	const struct network_subnet *subnets;
	size_t nsubnets;
};

#define NETWORK_ID_LEN 64

/* Durable when it returns. ERR_CONFLICT: name taken, subnet overlaps. ERR_INVALID, ERR_FORBIDDEN (predefined). */
int network_create(struct network_mgr *mgr, const struct network_create *c, char ret_id[NETWORK_ID_LEN + 1],
		   struct err *err) MUST_USE;
/* ERR_NOT_FOUND; ERR_FORBIDDEN: predefined, or with active endpoints (as docker: 403). */
int network_remove(struct network_mgr *mgr, const char *name, struct err *err) MUST_USE;
/* Full id and name of the network; each ret is freed by the caller and may be NULL. ERR_NOT_FOUND. */
int network_resolve(struct network_mgr *mgr, const char *name, char **ret_id, char **ret_name,
		    struct err *err) MUST_USE;
/*
 * Removes user-defined networks without endpoints for which keep() (may be NULL) says no;
 * names of the removed ones are appended. filters: see network_list(); "until", "label", "label!".
 */
int network_prune(struct network_mgr *mgr, const json_t *filters, bool (*keep)(void *ctx, const char *id),
		  void *ctx, struct strv *ret_removed, struct err *err) MUST_USE;

/* ---- views, in the Engine API's shape; the caller owns what is returned ---- */

/*
 * filters is the decoded query parameter or NULL: {"driver": ["bridge"]} or {"driver": {"bridge": true}};
 * driver, id, label, name, scope, type, dangling. ERR_INVALID for others.
 */
int network_list(struct network_mgr *mgr, const json_t *filters, json_t **ret_array, struct err *err) MUST_USE;
/* One Network object, with Containers. ERR_NOT_FOUND. */
int network_inspect(struct network_mgr *mgr, const char *name, json_t **ret, struct err *err) MUST_USE;
/*
 * NetworkSettings of a container's inspect, running (has a sandbox) or not (what was asked for).
 * exposed is "80/tcp"... or NULL; pid > 0 gives SandboxKey. Never NULL.
 */
json_t *network_settings(struct network_mgr *mgr, const struct network_spec *spec, const struct strv *exposed,
			 int pid);
/* The Networks object alone, as GET /containers/json has it. */
json_t *network_endpoints(struct network_mgr *mgr, const struct network_spec *spec);
/* Ports array of GET /containers/json. */
json_t *network_ports(struct network_mgr *mgr, const char *container_id, const struct strv *exposed);

/* The first IPv4 address of the container, for its hosts file; false if it has none. */
bool network_address(struct network_mgr *mgr, const char *container_id, char ret[16]);
/* The default bridge's address ("172.17.0.1"), or what the configuration says for host-gateway; "" if none. */
const char *network_host_gateway(struct network_mgr *mgr);
const char *network_bridge(struct network_mgr *mgr); /* link name of the default bridge, "" if none */

/* ---- the three files in /etc; pure functions giving text the caller frees ---- */

struct network_resolv {
	const struct strv *dns, *search, *options; /* --dns...; NULL or empty: the host's */
	bool copy;  /* host and none: the host's text as it is, unless something is given */
	bool ipv6;  /* the container has IPv6: keep such servers */
};
/* search "." alone means no search line. host_text may be NULL. */
char *network_resolv_conf(const char *host_text, const struct network_resolv *r);
/* The host's resolv.conf: that of systemd-resolved behind its stub, if it is the stub. Caller frees; never NULL. */
char *network_host_resolv_conf(void);
/* For a container of this manager: daemon-wide dns options fill what the container left out. */
char *network_container_resolv_conf(struct network_mgr *mgr, const char *host_text,
				    const struct network_resolv *r);

struct network_hosts_line {
	const char *ip;
	const char *names; /* separated by blanks */
};
/*
 * Docker's lines (those of IPv6 if the kernel has it), then the extra hosts ("name:ip" or "name=ip", ip may be "host-gateway"), then the
 * given lines (own address with host name). host_gateway is what that word stands for.
 */
char *network_hosts(const struct network_hosts_line *own, size_t n, const struct strv *extra,
		    const char *host_gateway, bool ipv6);
/* For an extra host as the user wrote it: ERR_INVALID with docker's text. */
int network_check_extra_host(const char *s, struct err *err) MUST_USE;
char *network_hostname(const char *hostname); /* hostname and a newline */

/* "80", "80/tcp", "53/udp": as exposed ports are written. -1: malformed. */
int network_parse_port(const char *s, uint16_t *ret_port, enum network_proto *ret_proto);
const char *network_proto_name(enum network_proto p);
