/*
 * test-publish.c - published ports: from outside, from this machine, from containers
 */
#include "network/tests/host.h"

static int run(struct network_mgr *mgr, const char *id, const struct network_port *ports, size_t n, struct err *err)
{
	struct network_spec spec = {.id = id, .name = id, .ports = ports, .nports = n};
	int ns = -1;

	return network_attach(mgr, &spec, &ns, err) < 0 ? -1 : ns;
}

static bool open_with_rules(struct network_mgr **ret)
{
	if (!host_make())
		return false;
	*ret = open_mgr(&(struct network_config){.ready = 1});
	if (!*ret || (*ret)->firewall)
		return *ret != NULL;
	network_close(*ret);
	test_skip("no nftables here");
	return false;
}

static void every_way(void)
{
	struct network_port port = {.container_port = 80, .host_first = 8080, .host_last = 8080};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	int web, other, server;

	if (!open_with_rules(&mgr))
		return;
	web = run(mgr, "web", &port, 1, &err);
	other = attach(mgr, "other");
	server = listen_in(web, "0.0.0.0", 80);
	ok_str(talk(host.outside, UPLINK, 8080, server), OUTSIDE); /* the client's address is kept */
	ok_str(talk(host.ns, UPLINK, 8080, server), UPLINK);
	ok_str(talk(host.ns, "127.0.0.1", 8080, server), "172.17.0.1");
	ok_str(talk(host.ns, "172.17.0.1", 8080, server), "172.17.0.1");
	ok_str(talk(other, "172.17.0.1", 8080, server), "172.17.0.1");
	ok_str(talk(other, UPLINK, 8080, server), "172.17.0.1");
	ok_str(talk(web, UPLINK, 8080, server), "172.17.0.1"); /* itself by the host's address */
	ok_str(talk(host.outside, UPLINK, 8081, server), "");
	ok_eq(listen_in(host.ns, "0.0.0.0", 8080), -1); /* nobody else gets the port */
	close(server);

	server = listen_in(host.ns, "127.0.0.1", 9000); /* the host's loopback stays its own */
	ok_str(talk(web, "127.0.0.1", 9000, server), "");
	close(server);
	close(web);
	network_detach(mgr, "web");
	server = listen_in(host.ns, "0.0.0.0", 8080); /* free again */
	ok(server >= 0);
	ok_str(talk(host.outside, UPLINK, 8080, server), OUTSIDE);
	close(server);
	close(other);
	network_detach(mgr, "other");
	teardown(mgr);
}

#define BRIDGED "/proc/sys/net/bridge/bridge-nf-call-iptables"

static void test_every_way(void)
{
	if (host_make() && fs_exists(AT_FDCWD, BRIDGED))
		ok_eq(fs_write_kernel(AT_FDCWD, BRIDGED, "0"), 0);
	every_way();
}

static void test_every_way_bridged(void)
{
	if (!host_make())
		return;
	if (fs_write_kernel(AT_FDCWD, BRIDGED, "1") < 0) {
		test_skip("br_netfilter is not loaded");
		return;
	}
	every_way();
}

/* A container is reached from outside only through what it published. */
static void test_unpublished(void)
{
	struct network_mgr *mgr;
	AUTO(close) int nl = -1;
	int web, server, r;

	if (!open_with_rules(&mgr))
		return;
	nl = ns_open_nl(host.ns, host.outside);
	web = attach(mgr, "web");
	server = listen_in(web, "0.0.0.0", 80);
	r = link_set_gateway(nl, 0xc6336401); /* a neighbour that routes to us */
	ok_eq(r, 0);
	ok_str(talk(host.outside, "172.17.0.2", 80, server), "");
	close(server);
	close(web);
	network_detach(mgr, "web");
	teardown(mgr);
}

static void test_choice_of_ports(void)
{
	struct network_port any = {.container_port = 80}, range = {.container_port = 80, .host_first = 7000, .host_last = 7001};
	struct network_port local = {.container_port = 80, .host_first = 7100, .host_last = 7100, .host_ip = "127.0.0.1"};
	struct network_port six = {.container_port = 80, .host_first = 7100, .host_last = 7100, .host_ip = "::1"};
	struct network_port udp = {.proto = NETWORK_UDP, .container_port = 53, .host_first = 7000, .host_last = 7000};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	json_t *ports;
	int a, b, c, server;

	if (!open_with_rules(&mgr))
		return;
	a = run(mgr, "a", (struct network_port[]){any, range, udp}, 3, &err);
	b = run(mgr, "b", &range, 1, &err);
	ok(a >= 0 && b >= 0);
	ok_eq(run(mgr, "c", &range, 1, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	ok(str_ends(err.msg, "): Bind for 0.0.0.0:7000 failed: port is already allocated"));
	ok(str_after(err.msg, "driver failed programming external connectivity on endpoint c ("));
	ok_eq(run(mgr, "c", &six, 1, &err), -1);
	ok_eq(err.kind, ERR_UNSUPPORTED);
	ports = network_ports(mgr, "a", NULL);
	ok_eq(json_array_size(ports), 3);
	ok(json_integer_value(json_object_get(json_array_get(ports, 0), "PublicPort")) > 1024);
	ok_eq(json_integer_value(json_object_get(json_array_get(ports, 1), "PublicPort")), 7000);
	json_decref(ports);
	ports = network_ports(mgr, "b", NULL);
	ok_eq(json_integer_value(json_object_get(json_array_get(ports, 0), "PublicPort")), 7001);
	json_decref(ports);
	c = run(mgr, "c", &local, 1, &err);
	server = listen_in(c, "0.0.0.0", 80);
	ok_str(talk(host.ns, "127.0.0.1", 7100, server), "172.17.0.1");
	ok_str(talk(host.outside, UPLINK, 7100, server), "");
	close(server);
	close(a);
	close(b);
	close(c);
	network_detach(mgr, "a");
	network_detach(mgr, "b");
	network_detach(mgr, "c");
	teardown(mgr);
}

static void test_udp(void)
{
	struct network_port port = {.proto = NETWORK_UDP, .container_port = 53, .host_first = 5353, .host_last = 5353};
	struct timeval limit = {.tv_sec = 1};
	struct sockaddr_in here = sa("0.0.0.0", 53), to = sa(UPLINK, 5353), from = {};
	socklen_t len = sizeof(from);
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	char word[8] = "";
	int web, server, client;

	if (!open_with_rules(&mgr))
		return;
	web = run(mgr, "dns", &port, 1, &err);
	server = socket_in(web, SOCK_DGRAM);
	client = socket_in(host.outside, SOCK_DGRAM);
	setsockopt(server, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	ok_eq(bind(server, (struct sockaddr *)&here, sizeof(here)), 0);
	ok_eq(sendto(client, "ask", 3, 0, (struct sockaddr *)&to, sizeof(to)), 3);
	ok_eq(recvfrom(server, word, 3, 0, (struct sockaddr *)&from, &len), 3);
	ok_eq(sendto(server, "say", 3, 0, (struct sockaddr *)&from, len), 3);
	ok_eq(recvfrom(client, word, 3, 0, (struct sockaddr *)&from, &len), 3);
	ok_str(word, "say");
	ok_eq(ntohs(from.sin_port), 5353);
	close(server);
	close(client);
	close(web);
	network_detach(mgr, "dns");
	teardown(mgr);
}

static void test_restart_keeps_ports(void)
{
	struct network_port port = {.container_port = 80, .host_first = 8080, .host_last = 8080};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	int web, gone, server;

	if (!open_with_rules(&mgr))
		return;
	web = run(mgr, "web", &port, 1, &err);
	port.host_first = port.host_last = 8090;
	gone = run(mgr, "gone", &port, 1, &err);
	server = listen_in(web, "0.0.0.0", 80);
	network_close(mgr);
	ok_str(talk(host.outside, UPLINK, 8080, server), OUTSIDE); /* while no daemon runs */
	mgr = open_mgr(NULL);
	ok_eq(network_adopt(mgr, "web", web, &err), 0);
	network_sweep(mgr);
	ok_str(talk(host.outside, UPLINK, 8080, server), OUTSIDE);
	ok_eq(listen_in(host.ns, "0.0.0.0", 8080), -1);
	close(server);
	server = listen_in(host.ns, "0.0.0.0", 8090);
	ok_str(talk(host.outside, UPLINK, 8090, server), OUTSIDE);
	close(server);
	close(web);
	close(gone);
	network_detach(mgr, "web");
	teardown(mgr);
}

int main(void)
{
	test_run(test_every_way);
	test_run(test_every_way_bridged);
	test_run(test_unpublished);
	test_run(test_choice_of_ports);
	test_run(test_udp);
	test_run(test_restart_keeps_ports);
	host_done();
	return test_done();
}
