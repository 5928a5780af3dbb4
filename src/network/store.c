/*
 * store.c - networks as files under <data_root>/networks: ID.json, and the engine's own name
 *
 * (1) A network is in memory only if its file could be read whole and makes sense; one that does
 *     not is reported and left where it is.
 * (2) Names and ids are unique among the networks in memory.
 */
#include "network/private.h"

#include <errno.h>
#include <fcntl.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/json.h"

#define RECORD_MAX (1024 * 1024)

static const char *const driver_names[] = {
	[DRIVER_NULL] = "null", [DRIVER_HOST] = "host", [DRIVER_BRIDGE] = "bridge"};

const char *driver_name(enum driver d)
{
	return driver_names[d];
}

struct record {
	char *name, *id, *driver, *bridge, *subnet, *range, *gateway;
	int64_t created, mtu;
	bool predefined, is_default, internal, attachable, foreign, masquerade, icc;
	json_t *options, *labels, *ipam_options, *aux;
};

static const struct jfield record_fields[] = {
	JF(struct record, name, "Name", J_STR, 0),
	JF(struct record, id, "Id", J_STR, 0),
	JF(struct record, driver, "Driver", J_STR, 0),
	JF(struct record, created, "Created", J_INT, 0),
	JF(struct record, predefined, "Predefined", J_BOOL, J_OMITEMPTY),
	JF(struct record, is_default, "Default", J_BOOL, J_OMITEMPTY),
	JF(struct record, internal, "Internal", J_BOOL, J_OMITEMPTY),
	JF(struct record, attachable, "Attachable", J_BOOL, J_OMITEMPTY),
	JF(struct record, foreign, "Foreign", J_BOOL, J_OMITEMPTY),
	JF(struct record, masquerade, "Masquerade", J_BOOL, J_OMITEMPTY),
	JF(struct record, icc, "Icc", J_BOOL, J_OMITEMPTY),
	JF(struct record, bridge, "Bridge", J_STR, J_OMITEMPTY),
	JF(struct record, subnet, "Subnet", J_STR, J_OMITEMPTY),
	JF(struct record, range, "Range", J_STR, J_OMITEMPTY),
	JF(struct record, gateway, "Gateway", J_STR, J_OMITEMPTY),
	JF(struct record, mtu, "Mtu", J_INT, J_OMITEMPTY),
	JF(struct record, options, "Options", J_RAW, 0),
	JF(struct record, labels, "Labels", J_RAW, 0),
	JF(struct record, ipam_options, "IpamOptions", J_RAW, 0),
	JF(struct record, aux, "Aux", J_RAW, 0),
};
static const struct jtype record_type = JTYPE(struct record, record_fields);

struct network *network_new(const char *name, enum driver driver)
{
	struct network *net = xnew(struct network);

	random_hex(net->id, NETWORK_ID_LEN);
	net->name = xstrdup(name);
	net->driver = driver;
	net->created_ns = clock_real_ns();
	net->options = json_object();
	net->labels = json_object();
	net->aux = json_object();
	net->icc = true;
	return net;
}

void network_free(struct network *net)
{
	if (!net)
		return;
	free(net->name);
	json_decref(net->options);
	json_decref(net->labels);
	json_decref(net->ipam_options);
	json_decref(net->aux);
	ipam_done(&net->ipam);
	free(net);
}

static json_t *object_or_empty(json_t *v)
{
	return json_is_object(v) ? json_incref(v) : json_object();
}

static bool reserve_fixed(struct network *net)
{
	const char *name;
	json_t *v;

	if (!subnet4_has(net->subnet, net->gateway))
		return false;
	ipam_take(&net->ipam, net->gateway);
	json_object_foreach(net->aux, name, v) {
		uint32_t addr;

		if (addr4_parse(json_string_value(v), &addr))
			ipam_take(&net->ipam, addr);
	}
	return true;
}

static bool fill_bridge(struct network *net, const struct record *rec)
{
	size_t n = strlen(str_or(rec->bridge));

	if (n == 0 || n >= LINK_NAME || strpbrk(rec->bridge, "/ \t\n\"") || rec->mtu < 68 || rec->mtu > 65535)
		return false;
	memcpy(net->bridge, rec->bridge, n + 1);
	net->mtu = (unsigned)rec->mtu;
	if (!subnet4_parse(rec->subnet, &net->subnet, NULL) || !addr4_parse(rec->gateway, &net->gateway))
		return false;
	net->has_range = rec->range && *rec->range;
	net->range = net->subnet;
	if (net->has_range && !subnet4_parse(rec->range, &net->range, NULL))
		return false;
	return reserve_fixed(net);
}

static int driver_from_name(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(driver_names); i++)
		if (streq(s, driver_names[i]))
			return (int)i;
	return -1;
}

static struct network *from_record(const struct record *rec)
{
	int driver = driver_from_name(rec->driver);
	struct network *net;

	if (driver < 0 || !rec->name || !*rec->name || !rec->id || !is_hex(rec->id, NETWORK_ID_LEN))
		return NULL;
	net = network_new(rec->name, (enum driver)driver);
	memcpy(net->id, rec->id, sizeof(net->id));
	net->created_ns = rec->created;
	net->predefined = rec->predefined;
	net->is_default = rec->is_default;
	net->internal = rec->internal;
	net->attachable = rec->attachable;
	net->foreign = rec->foreign;
	net->masquerade = rec->masquerade;
	net->icc = rec->icc;
	json_decref(net->options);
	json_decref(net->labels);
	json_decref(net->aux);
	net->options = object_or_empty(rec->options);
	net->labels = object_or_empty(rec->labels);
	net->aux = object_or_empty(rec->aux);
	net->ipam_options = json_is_object(rec->ipam_options) ? json_incref(rec->ipam_options) : NULL;
	if (net->driver == DRIVER_BRIDGE && !fill_bridge(net, rec)) {
		network_free(net);
		return NULL;
	}
	return net;
}

int netstore_save(struct network_mgr *mgr, const struct network *net, bool durable, struct err *err)
{
	char subnet[SUBNET_TEXT] = "", range[SUBNET_TEXT] = "", gateway[ADDR_TEXT] = "";
	struct record rec = {
		.name = net->name, .id = (char *)net->id, .driver = (char *)driver_names[net->driver],
		.bridge = (char *)net->bridge, .subnet = subnet, .range = range, .gateway = gateway,
		.created = net->created_ns, .mtu = net->mtu, .predefined = net->predefined,
		.is_default = net->is_default, .internal = net->internal, .attachable = net->attachable,
		.foreign = net->foreign, .masquerade = net->masquerade, .icc = net->icc,
		.options = net->options, .labels = net->labels, .ipam_options = net->ipam_options,
		.aux = net->aux,
	};
	AUTO(free) char *file = xasprintf("%s.json", net->id);
	AUTO(free) char *text = NULL;
	json_t *value;
	int r;

	if (net->driver == DRIVER_BRIDGE) {
		subnet4_format(subnet, net->subnet);
		addr4_format(gateway, net->gateway);
		if (net->has_range)
			subnet4_format(range, net->range);
	}
	value = json_print(&record_type, &rec);
	text = json_text(value, JSON_INDENT(1));
	json_decref(value);
	r = fs_replace(mgr->netdir, file, text, strlen(text), 0600, durable ? FS_DURABLE : 0);
	if (r < 0)
		return err_sys(err, -r, "store network '%s'", net->name);
	return 0;
}

int store_forget(struct network_mgr *mgr, const struct network *net, struct err *err)
{
	AUTO(free) char *file = xasprintf("%s.json", net->id);

	if (unlinkat(mgr->netdir, file, 0) < 0 && errno != ENOENT)
		return err_sys(err, errno, "remove network '%s'", net->name);
	if (fsync(mgr->netdir) < 0)
		return err_sys(err, errno, "remove network '%s'", net->name);
	return 0;
}

struct loading {
	struct network_mgr *mgr;
	struct strv *warnings;
};

static struct network *read_network(int dirfd, const char *name, struct err *err)
{
	AUTO(buf) struct buf text = {};
	AUTO(json) json_t *value = NULL;
	struct record rec = {};
	struct network *net = NULL;
	int r = fs_read_file(dirfd, name, RECORD_MAX, &text);

	if (r < 0) {
		err_sys(err, -r, "read");
		return NULL;
	}
	value = json_parse(str_or(text.p), text.len, err);
	if (!value)
		return NULL;
	if (json_bind(&record_type, value, &rec, err) == 0) {
		net = from_record(&rec);
		if (!net)
			err_set(err, ERR_CORRUPT, "values make no sense");
	}
	json_unbind(&record_type, &rec);
	return net;
}

static int load_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	const struct loading *l = ctx;
	struct err err = ERR_INIT;
	struct network *net;

	if (!str_ends(name, ".json"))
		return 0;
	net = read_network(dirfd, name, &err);
	if (net && (mgr_find(l->mgr, net->name, NULL) || mgr_find(l->mgr, net->id, NULL))) {
		err_set(&err, ERR_CORRUPT, "a network with this name is there already");
		network_free(net);
		net = NULL;
	}
	if (!net) /* (1) */
		strv_addf(l->warnings, "network record %s/networks/%s left alone: %s", l->mgr->data_root,
			  name, err.msg);
	else
		mgr_add_network(l->mgr, net);
	return 0;
}

static int by_age(const void *a, const void *b)
{
	const struct network *x = *(struct network *const *)a, *y = *(struct network *const *)b;

	if (x->predefined != y->predefined)
		return x->predefined ? -1 : 1;
	return x->created_ns < y->created_ns ? -1 : x->created_ns > y->created_ns;
}

int netstore_load(struct network_mgr *mgr, struct strv *warnings, struct err *err)
{
	static const struct {
		const char *name;
		enum driver driver;
	} predefined[] = {{"none", DRIVER_NULL}, {"host", DRIVER_HOST}};
	struct loading l = {mgr, warnings};
	int r = fs_each_entry(mgr->netdir, ".", load_entry, &l);

	if (r < 0)
		return err_sys(err, -r, "read %s/networks", mgr->data_root);
	if (mgr->nnets > 0)
		qsort(mgr->nets, mgr->nnets, sizeof(*mgr->nets), by_age);
	for (size_t i = 0; i < ARRAY_LEN(predefined); i++) {
		struct network *net;

		if (mgr_find(mgr, predefined[i].name, NULL))
			continue;
		net = network_new(predefined[i].name, predefined[i].driver);
		net->predefined = true;
		mgr_add_network(mgr, net);
		if (netstore_save(mgr, net, false, err) < 0)
			return -1;
	}
	return 0;
}

int store_engine_id(struct network_mgr *mgr, struct err *err)
{
	AUTO(buf) struct buf text = {};
	int r = fs_read_file(mgr->netdir, "engine", 64, &text);

	if (r >= 0 && text.p && is_hex(text.p, 32)) {
		memcpy(mgr->engine, text.p, 33);
		return 0;
	}
	random_hex(mgr->engine, 32);
	r = fs_replace(mgr->netdir, "engine", mgr->engine, 32, 0600, 0);
	if (r < 0)
		return err_sys(err, -r, "write %s/networks/engine", mgr->data_root);
	return 0;
}
