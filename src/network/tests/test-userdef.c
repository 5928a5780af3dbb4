/*
 * test-userdef.c - networks that users make; several networks on one container; views
 */
#include "codec/json.h"
#include "network/tests/host.h"

static int make(struct network_mgr *mgr, const char *name, const char *subnet, struct err *err)
{
	struct network_subnet s = {.subnet = subnet};
	struct network_create c = {.name = name, .subnets = &s, .nsubnets = subnet != NULL};
	char id[NETWORK_ID_LEN + 1];

	return network_create(mgr, &c, id, err);
}

static int attach_to(struct network_mgr *mgr, const char *id, const struct network_request *req, size_t n)
{
	struct network_spec spec = {.id = id, .name = id, .requests = req, .n = n};
	struct err err = ERR_INIT;
	int ns = -1;

	if (network_attach(mgr, &spec, &ns, &err) < 0)
		printf("# attach: %s\n", err.msg);
	return ns;
}

static void test_life(void)
{
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	AUTO(free) char *id = NULL;
	AUTO(strv) struct strv gone = {};

	if (!host_make())
		return;
	mgr = open_mgr(NULL);
	ok_eq(make(mgr, "net1", NULL, &err), 0);
	ok_eq(make(mgr, "net1", NULL, &err), -1);
	ok_str(err.msg, "network with name net1 already exists");
	ok_eq(err.kind, ERR_CONFLICT);
	ok_eq(make(mgr, "net2", "172.18.5.0/24", &err), -1);
	ok_str(err.msg, "Pool overlaps with other one on this address space");
	ok_eq(make(mgr, "net2", "10.77.0.0/24", &err), 0);
	ok_eq(make(mgr, "net3", "10.77.0.5/24", &err), -1);
	ok_eq(make(mgr, "bridge", NULL, &err), -1);
	ok_eq(err.kind, ERR_FORBIDDEN);
	ok_eq(make(mgr, "", NULL, &err), -1);
	ok_eq(network_resolve(mgr, "net1", &id, NULL, &err), 0);
	network_close(mgr);

	mgr = open_mgr(NULL); /* they are kept */
	AUTO(free) char *start = xstrndup(id, 12);
	AUTO(free) char *name = NULL;
	ok_eq(network_resolve(mgr, start, NULL, &name, &err), 0);
	ok_str(name, "net1");
	ok_eq(network_remove(mgr, "host", &err), -1);
	ok_str(err.msg, "host is a pre-defined network and cannot be removed");
	ok_eq(network_remove(mgr, start, &err), 0);
	ok_eq(network_remove(mgr, "net1", &err), -1);
	ok_str(err.msg, "network net1 not found");
	ok_eq(network_prune(mgr, NULL, NULL, NULL, &gone, &err), 0);
	ok_eq(gone.n, 1);
	ok_str(gone.v[0], "net2");
	teardown(mgr);
}

static void test_traffic(void)
{
	struct network_request one = {.network = "one"}, two = {.network = "two", .ipv4 = "10.78.0.9"};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	char addr[16];
	int a, b, c, server;

	if (!host_make())
		return;
	mgr = open_mgr(NULL);
	ok_eq(make(mgr, "one", "10.77.0.0/24", &err), 0);
	ok_eq(make(mgr, "two", "10.78.0.0/24", &err), 0);
	a = attach_to(mgr, "a", &one, 1);
	b = attach_to(mgr, "b", &one, 1);
	c = attach_to(mgr, "c", &two, 1);
	ok(network_address(mgr, "c", addr));
	ok_str(addr, "10.78.0.9");
	server = listen_in(b, "0.0.0.0", 80);
	ok_str(talk(a, "10.77.0.3", 80, server), "10.77.0.2");
	ok_str(talk(c, "10.77.0.3", 80, server), mgr->firewall ? "" : "10.78.0.9"); /* networks are apart */
	ok_eq(network_connect(mgr, "c", c, &(struct network_request){.network = "one"}, &err), 0);
	ok_str(talk(c, "10.77.0.3", 80, server), "10.77.0.4");
	ok_eq(network_connect(mgr, "c", c, &(struct network_request){.network = "one"}, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	ok_eq(network_remove(mgr, "one", &err), -1);
	ok_eq(err.kind, ERR_FORBIDDEN);
	ok_eq(network_disconnect(mgr, "c", c, "one", &err), 0);
	ok_str(talk(c, "10.77.0.3", 80, server), mgr->firewall ? "" : "10.78.0.9");
	ok_eq(network_disconnect(mgr, "c", c, "one", &err), -1);
	close(server);
	server = listen_in(host.outside, OUTSIDE, 80);
	ok_str(talk(c, OUTSIDE, 80, server), mgr->firewall ? UPLINK : "");
	close(server);
	close(a);
	close(b);
	close(c);
	network_detach(mgr, "a");
	network_detach(mgr, "b");
	network_detach(mgr, "c");
	ok_eq(network_remove(mgr, "one", &err), 0);
	ok_eq(network_remove(mgr, "two", &err), 0);
	teardown(mgr);
	ok_eq(veths_settle(0), 0);
}

static void test_internal(void)
{
	struct network_create create = {.name = "inner", .internal = true};
	struct network_request reqs[] = {{.network = "inner"}, {.network = "bridge"}};
	char id[NETWORK_ID_LEN + 1];
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	int a, b, server;

	if (!host_make())
		return;
	mgr = open_mgr(&(struct network_config){.ready = 1});
	ok_eq(network_create(mgr, &create, id, &err), 0);
	a = attach_to(mgr, "a", reqs, 1);
	b = attach_to(mgr, "b", reqs, 2);
	server = listen_in(host.outside, OUTSIDE, 80);
	ok_str(talk(a, OUTSIDE, 80, server), "");
	ok_str(talk(b, OUTSIDE, 80, server), mgr->firewall ? UPLINK : "");
	close(server);
	server = listen_in(b, "172.18.0.3", 80);
	ok_str(talk(a, "172.18.0.3", 80, server), "172.18.0.2");
	close(server);
	close(a);
	close(b);
	network_detach(mgr, "a");
	network_detach(mgr, "b");
	ok_eq(network_remove(mgr, "inner", &err), 0);
	teardown(mgr);
}

static const char *at(const json_t *o, const char *a, const char *b, const char *c)
{
	o = json_object_get(o, a);
	if (b)
		o = json_object_get(o, b);
	if (c)
		o = json_object_get(o, c);
	return json_is_string(o) ? json_string_value(o) : NULL;
}

static void test_views(void)
{
	struct network_request req = {.network = "default"};
	struct network_port port = {.container_port = 80, .host_first = 8080, .host_last = 8080};
	struct network_spec spec = {.id = "aaaabbbbccccdddd", .name = "web", .requests = &req, .n = 1, .ports = &port};
	AUTO(strv) struct strv exposed = {};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	json_t *v, *list;
	int ns;

	if (!host_make())
		return;
	mgr = open_mgr(NULL);
	spec.nports = mgr->firewall;
	strv_add(&exposed, "80/tcp");
	strv_add(&exposed, "443/tcp");
	v = network_settings(mgr, &spec, &exposed, 0);
	ok_str(at(v, "Networks", "bridge", "IPAddress"), "");
	ok_eq(json_object_size(json_object_get(v, "Ports")), 0);
	json_decref(v);

	ok_eq(network_attach(mgr, &spec, &ns, &err), 0);
	v = network_settings(mgr, &spec, &exposed, 42);
	ok_str(at(v, "IPAddress", NULL, NULL), "172.17.0.2");
	ok_str(at(v, "MacAddress", NULL, NULL), "02:42:ac:11:00:02");
	ok_str(at(v, "SandboxKey", NULL, NULL), "/proc/42/ns/net");
	ok_str(at(v, "Networks", "bridge", "Gateway"), "172.17.0.1");
	ok_eq(json_integer_value(json_object_get(v, "IPPrefixLen")), 16);
	ok(json_is_null(json_object_get(json_object_get(v, "Ports"), "443/tcp")));
	if (mgr->firewall) {
		json_t *b = json_array_get(json_object_get(json_object_get(v, "Ports"), "80/tcp"), 0);

		ok_str(json_get_str(b, "HostIp", NULL), "0.0.0.0");
		ok_str(json_get_str(b, "HostPort", NULL), "8080");
		list = network_ports(mgr, spec.id, &exposed);
		ok_eq(json_array_size(list), 2);
		json_decref(list);
	}
	json_decref(v);

	network_rename(mgr, spec.id, "shop");
	ok_eq(network_inspect(mgr, "bridge", &v, &err), 0);
	ok_str(at(v, "Containers", spec.id, "Name"), "shop");
	ok_str(at(v, "Containers", spec.id, "IPv4Address"), "172.17.0.2/16");
	ok_str(json_get_str(json_array_get(json_object_get(json_object_get(v, "IPAM"), "Config"), 0), "Subnet", NULL),
	       "172.17.0.0/16");
	ok_str(at(v, "Options", "com.docker.network.bridge.name", NULL), "cove0");
	json_decref(v);
	network_detach(mgr, spec.id);
	close(ns);

	ok_eq(network_list(mgr, NULL, &list, &err), 0);
	ok_eq(json_array_size(list), 3);
	json_decref(list);
	v = json_pack("{s:[s]}", "name", "^bri");
	ok_eq(network_list(mgr, v, &list, &err), 0);
	ok_eq(json_array_size(list), 1);
	json_decref(list);
	json_decref(v);
	v = json_pack("{s:[s]}", "what", "x");
	ok_eq(network_list(mgr, v, &list, &err), -1);
	json_decref(v);
	teardown(mgr);
}

int main(void)
{
	test_run(test_life);
	test_run(test_traffic);
	test_run(test_internal);
	test_run(test_views);
	host_done();
	return test_done();
}
