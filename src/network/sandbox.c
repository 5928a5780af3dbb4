/*
 * sandbox.c - what a container has while it runs, and its record under <exec_root>/network
 *
 * Records are not synced: they are of use only until the machine boots again.
 *
 * (1) A sandbox in memory pins its networks, and its addresses are taken in them.
 * (2) A record that cannot be read is reported and removed: no container can use it any more.
 */
#include "network/private.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "codec/json.h"

#define RECORD_MAX (4 * 1024 * 1024)

struct ep_record {
	char *id, *network, *address, *mac, *host_if, *ifname;
	int64_t index, priority;
	bool gateway, addr_given, mac_given;
	struct strv aliases, links;
	json_t *driver_opts;
};

static const struct jfield ep_fields[] = {
	JF(struct ep_record, id, "Id", J_STR, 0),
	JF(struct ep_record, network, "Network", J_STR, 0),
	JF(struct ep_record, address, "Address", J_STR, J_OMITEMPTY),
	JF(struct ep_record, mac, "Mac", J_STR, J_OMITEMPTY),
	JF(struct ep_record, host_if, "HostLink", J_STR, J_OMITEMPTY),
	JF(struct ep_record, ifname, "Link", J_STR, J_OMITEMPTY),
	JF(struct ep_record, index, "Index", J_INT, J_OMITEMPTY),
	JF(struct ep_record, priority, "Priority", J_INT, J_OMITEMPTY),
	JF(struct ep_record, gateway, "Gateway", J_BOOL, J_OMITEMPTY),
	JF(struct ep_record, addr_given, "AddressGiven", J_BOOL, J_OMITEMPTY),
	JF(struct ep_record, mac_given, "MacGiven", J_BOOL, J_OMITEMPTY),
	JF(struct ep_record, aliases, "Aliases", J_STRV, J_OMITEMPTY),
	JF(struct ep_record, links, "Links", J_STRV, J_OMITEMPTY),
	JF(struct ep_record, driver_opts, "DriverOpts", J_RAW, J_OMITEMPTY),
};
static const struct jtype ep_type = JTYPE(struct ep_record, ep_fields);

struct port_record {
	char *proto, *host_addr, *dest;
	int64_t container_port, host_port;
};

static const struct jfield port_fields[] = {
	JF(struct port_record, proto, "Proto", J_STR, 0),
	JF(struct port_record, host_addr, "HostAddress", J_STR, 0),
	JF(struct port_record, host_port, "HostPort", J_INT, 0),
	JF(struct port_record, dest, "Address", J_STR, 0),
	JF(struct port_record, container_port, "Port", J_INT, 0),
};
static const struct jtype port_type = JTYPE(struct port_record, port_fields);

struct record {
	char *container, *name, *hostname, *id;
	struct jarray eps, ports;
};

static const struct jfield record_fields[] = {
	JF(struct record, container, "Container", J_STR, 0),
	JF(struct record, name, "Name", J_STR, 0),
	JF(struct record, hostname, "Hostname", J_STR, 0),
	JF(struct record, id, "Id", J_STR, 0),
	JFT(struct record, eps, "Endpoints", J_ARR, 0, &ep_type),
	JFT(struct record, ports, "Ports", J_ARR, 0, &port_type),
};
static const struct jtype record_type = JTYPE(struct record, record_fields);

struct endpoint *endpoint_new(struct network *net)
{
	struct endpoint *ep = xnew(struct endpoint);

	random_hex(ep->id, NETWORK_ID_LEN);
	ep->net = net;
	net->users++;
	return ep;
}

void endpoint_free(struct endpoint *ep)
{
	if (ep->addr)
		ipam_give(&ep->net->ipam, ep->addr);
	ep->net->users--;
	strv_done(&ep->aliases);
	strv_done(&ep->links);
	json_decref(ep->driver_opts);
	free(ep);
}

void sandbox_free(struct sandbox *sb)
{
	if (!sb)
		return;
	publish_release(sb->ports, sb->nports);
	for (size_t i = 0; i < sb->n; i++)
		endpoint_free(sb->ep[i]);
	free(sb->ep);
	free(sb->ports);
	free(sb->container_id);
	free(sb->name);
	free(sb->hostname);
	free(sb);
}

void sandbox_add(struct sandbox *sb, struct endpoint *ep)
{
	sb->ep = xrealloc(sb->ep, (sb->n + 1) * sizeof(*sb->ep));
	sb->ep[sb->n++] = ep;
}

struct sandbox *sandbox_find(struct network_mgr *mgr, const char *container_id)
{
	return map_get(&mgr->sandboxes, container_id);
}

static void print_endpoint(struct ep_record *rec, const struct endpoint *ep)
{
	char text[18];

	rec->id = xstrdup(ep->id);
	rec->network = xstrdup(ep->net->id);
	rec->host_if = xstrdup(ep->host_if);
	rec->ifname = xstrdup(ep->ifname);
	rec->index = ep->inner_index;
	rec->priority = ep->gw_priority;
	rec->gateway = ep->gateway;
	rec->addr_given = ep->addr_given;
	rec->mac_given = ep->mac_given;
	strv_copy(&rec->aliases, &ep->aliases);
	strv_copy(&rec->links, &ep->links);
	rec->driver_opts = json_incref(ep->driver_opts);
	if (!ep->addr)
		return;
	mac_format(text, ep->mac);
	rec->mac = xstrdup(text);
	addr4_format(text, ep->addr);
	rec->address = xstrdup(text);
}

static void print_port(struct port_record *rec, const struct binding *b)
{
	char text[ADDR_TEXT];

	rec->proto = xstrdup(network_proto_name(b->proto));
	addr4_format(text, b->host_addr);
	rec->host_addr = xstrdup(text);
	addr4_format(text, b->dest);
	rec->dest = xstrdup(text);
	rec->host_port = b->host_port;
	rec->container_port = b->container_port;
}

int sandbox_save(struct network_mgr *mgr, const struct sandbox *sb, struct err *err)
{
	AUTO(free) char *file = xasprintf("%s.json", sb->container_id);
	struct record rec = {
		.container = xstrdup(sb->container_id),
		.name = xstrdup(sb->name),
		.hostname = xstrdup(sb->hostname),
		.id = xstrdup(sb->id),
	};
	AUTO(free) char *text = NULL;
	json_t *value;
	int r;

	for (size_t i = 0; i < sb->n; i++)
		print_endpoint(jarray_add(&rec.eps, sizeof(struct ep_record)), sb->ep[i]);
	for (size_t i = 0; i < sb->nports; i++)
		print_port(jarray_add(&rec.ports, sizeof(struct port_record)), &sb->ports[i]);
	value = json_print(&record_type, &rec);
	json_unbind(&record_type, &rec);
	text = json_text(value, 0);
	json_decref(value);
	r = fs_replace(mgr->sandboxdir, file, text, strlen(text), 0600, 0);
	if (r < 0)
		return err_sys(err, -r, "write %s/network/%s", mgr->exec_root, file);
	return 0;
}

void sandbox_forget(struct network_mgr *mgr, const char *container_id)
{
	AUTO(free) char *file = xasprintf("%s.json", container_id);

	unlinkat(mgr->sandboxdir, file, 0);
}

static bool read_bridge_endpoint(struct endpoint *ep, const struct ep_record *rec)
{
	if (!addr4_parse(rec->address, &ep->addr) || !mac_parse(rec->mac, ep->mac)) {
		ep->addr = 0;
		return false;
	}
	if (!subnet4_has(ep->net->subnet, ep->addr) || !ipam_take(&ep->net->ipam, ep->addr)) { /* (1) */
		ep->addr = 0;
		return false;
	}
	snprintf(ep->host_if, sizeof(ep->host_if), "%s", str_or(rec->host_if));
	snprintf(ep->ifname, sizeof(ep->ifname), "%s", str_or(rec->ifname));
	return rec->index >= LINK_INSIDE && rec->index < INT32_MAX;
}

static bool read_endpoint(struct network_mgr *mgr, struct sandbox *sb, struct ep_record *rec)
{
	struct network *net = rec->network ? mgr_find(mgr, rec->network, NULL) : NULL;
	struct endpoint *ep;

	if (!net || !rec->id || !is_hex(rec->id, NETWORK_ID_LEN))
		return false;
	ep = endpoint_new(net);
	sandbox_add(sb, ep);
	memcpy(ep->id, rec->id, sizeof(ep->id));
	ep->inner_index = (int)rec->index;
	ep->gw_priority = (int)rec->priority;
	ep->gateway = rec->gateway;
	ep->addr_given = rec->addr_given;
	ep->mac_given = rec->mac_given;
	strv_copy(&ep->aliases, &rec->aliases);
	strv_copy(&ep->links, &rec->links);
	ep->driver_opts = json_is_object(rec->driver_opts) ? json_incref(rec->driver_opts) : NULL;
	return net->driver != DRIVER_BRIDGE || read_bridge_endpoint(ep, rec);
}

static bool read_port(struct binding *b, const struct port_record *rec)
{
	AUTO(free) char *text = xasprintf("%d/%s", (int)rec->container_port, str_or(rec->proto));

	b->fd = -1;
	if (network_parse_port(text, &b->container_port, &b->proto) < 0 || rec->host_port <= 0 ||
	    rec->host_port > 65535)
		return false;
	b->host_port = (uint16_t)rec->host_port;
	return addr4_parse(rec->host_addr, &b->host_addr) && addr4_parse(rec->dest, &b->dest);
}

static bool from_record(struct network_mgr *mgr, struct sandbox *sb, const struct record *rec)
{
	struct ep_record *eps = rec->eps.v;
	struct port_record *ports = rec->ports.v;
	bool good = rec->id && is_hex(rec->id, NETWORK_ID_LEN) && rec->name;

	if (!good)
		return false;
	memcpy(sb->id, rec->id, sizeof(sb->id));
	sb->name = xstrdup(rec->name);
	sb->hostname = xstrdup(str_or(rec->hostname));
	for (size_t i = 0; i < rec->eps.n && good; i++)
		good = read_endpoint(mgr, sb, &eps[i]);
	sb->ports = xnew_n(struct binding, rec->ports.n + 1);
	for (size_t i = 0; i < rec->ports.n && good; i++) {
		good = read_port(&sb->ports[i], &ports[i]);
		sb->nports = i + 1;
	}
	return good;
}

static int load_sandbox(struct network_mgr *mgr, int dirfd, const char *file, struct err *err)
{
	AUTO(free) char *container = xstrndup(file, strlen(file) - strlen(".json"));
	AUTO(buf) struct buf text = {};
	AUTO(json) json_t *value = NULL;
	struct record rec = {};
	struct sandbox *sb;
	bool good;
	int r = fs_read_file(dirfd, file, RECORD_MAX, &text);

	if (r < 0)
		return err_sys(err, -r, "read");
	value = json_parse(str_or(text.p), text.len, err);
	if (!value)
		return -1;
	if (json_bind(&record_type, value, &rec, err) < 0) {
		json_unbind(&record_type, &rec);
		return -1;
	}
	sb = xnew(struct sandbox);
	sb->container_id = TAKE_PTR(container);
	good = streq(rec.container, sb->container_id) && from_record(mgr, sb, &rec);
	json_unbind(&record_type, &rec);
	if (!good) {
		sandbox_free(sb);
		return err_set(err, ERR_CORRUPT, "values make no sense");
	}
	map_set(&mgr->sandboxes, sb->container_id, sb);
	return 0;
}

struct loading {
	struct network_mgr *mgr;
	struct strv *warnings;
};

static int load_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	const struct loading *l = ctx;
	struct err err = ERR_INIT;

	if (!str_ends(name, ".json") || name[0] == '.')
		return 0;
	if (load_sandbox(l->mgr, dirfd, name, &err) < 0) { /* (2) */
		strv_addf(l->warnings, "network record %s/network/%s removed: %s", l->mgr->exec_root, name,
			  err.msg);
		unlinkat(dirfd, name, 0);
	}
	return 0;
}

int sandbox_load_all(struct network_mgr *mgr, struct strv *warnings, struct err *err)
{
	struct loading l = {mgr, warnings};
	int r = fs_each_entry(mgr->sandboxdir, ".", load_entry, &l);

	if (r < 0)
		return err_sys(err, -r, "read %s/network", mgr->exec_root);
	return 0;
}
