/*
 * test-bridge.c - the default bridge in a private namespace, with real traffic
 *
 * Numbers in parentheses are invariants of the file named.
 */
#include "base/clock.h"
#include "network/tests/host.h"

static void test_outside(void)
{
	struct network_mgr *mgr;
	char addr[16];
	int ns, server;

	if (!host_make())
		return;
	mgr = open_mgr(&(struct network_config){.ready = 2});
	ok(mgr != NULL);
	if (!mgr)
		return;
	if (!mgr->firewall) {
		network_close(mgr);
		test_skip("no nftables here");
		return;
	}
	ns = attach(mgr, "c1");
	ok(ns >= 0);
	ok(network_address(mgr, "c1", addr));
	ok_str(addr, "172.17.0.2");
	server = listen_in(host.outside, OUTSIDE, 80);
	ok_str(talk(ns, OUTSIDE, 80, server), UPLINK);
	close(server);
	server = listen_in(ns, "0.0.0.0", 80); /* from the host, and back */
	ok_str(talk(host.ns, addr, 80, server), "172.17.0.1");
	close(server);
	close(ns);
	network_detach(mgr, "c1");
	teardown(mgr);
	ok_eq(veths_settle(0), 0);
}

static void test_between_containers(void)
{
	struct network_mgr *mgr;
	int a, b, server;

	if (!host_make())
		return;
	mgr = open_mgr(NULL);
	a = attach(mgr, "a");
	b = attach(mgr, "b");
	server = listen_in(b, "172.17.0.3", 8000);
	ok_str(talk(a, "172.17.0.3", 8000, server), "172.17.0.2");
	close(server);
	network_detach(mgr, "a");
	network_detach(mgr, "b");
	close(a);
	close(b);
	teardown(mgr);

	mgr = open_mgr(&(struct network_config){.no_icc = true});
	a = attach(mgr, "a");
	b = attach(mgr, "b");
	server = listen_in(b, "172.17.0.3", 8000);
	ok_str(talk(a, "172.17.0.3", 8000, server), "");
	ok_str(talk(host.ns, "172.17.0.3", 8000, server), "172.17.0.1");
	close(server);
	network_detach(mgr, "a");
	network_detach(mgr, "b");
	close(a);
	close(b);
	teardown(mgr);
}

/* The next container gets the address at once, while the old namespace still lives. (3) of attach.c */
static void test_address_again(void)
{
	struct network_mgr *mgr;
	int a, b, server;

	if (!host_make())
		return;
	mgr = open_mgr(&(struct network_config){.ready = 2});
	a = attach(mgr, "a");
	server = listen_in(a, "172.17.0.2", 8000);
	ok_str(talk(host.ns, "172.17.0.2", 8000, server), "172.17.0.1");
	close(server);
	network_detach(mgr, "a");
	b = attach(mgr, "b");
	for (int i = 0; i < 3; i++) {
		server = listen_in(b, "172.17.0.2", 8000 + (unsigned)i);
		ok_str(talk(host.ns, "172.17.0.2", 8000 + (unsigned)i, server), "172.17.0.1");
		close(server);
	}
	close(a);
	network_detach(mgr, "b");
	close(b);
	teardown(mgr);
}

static void test_restart(void)
{
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	char addr[16];
	int a, b, c, server;

	if (!host_make())
		return;
	mgr = open_mgr(NULL);
	a = attach(mgr, "a");
	b = attach(mgr, "b");
	network_close(mgr); /* the daemon dies; both run on */
	mgr = open_mgr(NULL);
	ok_eq(network_adopt(mgr, "b", b, &err), 0);
	ok_eq(network_adopt(mgr, "x", -1, &err), -1);
	ok_eq(err.kind, ERR_NOT_FOUND);
	c = attach(mgr, "c"); /* a is not swept yet, its address is taken */
	ok(network_address(mgr, "c", addr));
	ok_str(addr, "172.17.0.4");
	network_sweep(mgr);
	ok(!network_address(mgr, "a", addr));
	close(a);
	a = attach(mgr, "d");
	ok(network_address(mgr, "d", addr));
	ok_str(addr, "172.17.0.2");
	ok(network_address(mgr, "b", addr));
	ok_str(addr, "172.17.0.3");
	server = listen_in(host.outside, OUTSIDE, 81);
	ok_str(talk(b, OUTSIDE, 81, server), mgr->firewall ? UPLINK : "");
	close(server);
	network_detach(mgr, "b");
	network_detach(mgr, "c");
	network_detach(mgr, "d");
	close(a);
	close(b);
	close(c);
	teardown(mgr);
	ok_eq(veths_settle(0), 0);
}

static void test_many(void)
{
	struct network_mgr *mgr;
	int64_t start, spent = 0;
	int fds;

	if (!host_make())
		return;
	mgr = open_mgr(NULL);
	fds = count_fds();
	for (int i = 0; i < 100; i++) {
		int ns;

		start = clock_mono_ns();
		ns = attach(mgr, "many");
		spent += clock_mono_ns() - start;
		ok(ns >= 0);
		network_detach(mgr, "many");
		close(ns);
	}
	printf("# attach without ready namespaces: %lld us each\n", (long long)(spent / 100000));
	ok_eq(count_fds(), fds);
	teardown(mgr);
	ok_eq(veths_settle(0), 0);

	mgr = open_mgr(&(struct network_config){.ready = 3});
	spent = 0;
	for (int i = 0; i < 50; i++) {
		int ns;

		usleep(60000);
		start = clock_mono_ns();
		ns = attach(mgr, "many");
		spent += clock_mono_ns() - start;
		network_detach(mgr, "many");
		close(ns);
	}
	printf("# attach with ready namespaces: %lld us each\n", (long long)(spent / 50000));
	teardown(mgr);
	ok_eq(veths_settle(0), 0);
	ok(!fs_exists(AT_FDCWD, "/proc/sys/net/ipv4/conf/cove0")); /* of this namespace; /sys is not */
}

static void test_overlap(void)
{
	AUTO(close) int nl = -1;
	struct network_mgr *mgr;
	struct bridge docker = {.name = "docker0", .alias = "", .addr = 0xac110001, .len = 16, .mtu = 1500};
	char addr[16];
	int index, ns;

	if (!host_make())
		return;
	nl = nl_open(NETLINK_ROUTE);
	ok_eq(link_make_bridge(nl, &docker, &index), 0);
	ok_eq(fs_remove_tree(AT_FDCWD, host.dir), 0);
	ok_eq(mkdir(host.dir, 0700), 0);
	mgr = open_mgr(NULL);
	ns = attach(mgr, "c");
	ok(network_address(mgr, "c", addr));
	ok_str(addr, "172.18.0.2");
	network_detach(mgr, "c");
	close(ns);
	ok_eq(link_delete(nl, "docker0"), 0);
	network_close(mgr);
	mgr = open_mgr(NULL); /* (2) of bridge.c: it stays where it was */
	ok_str(network_host_gateway(mgr), "172.18.0.1");
	teardown(mgr);
	ok_eq(fs_remove_tree(AT_FDCWD, host.dir), 0);
	ok_eq(mkdir(host.dir, 0700), 0);
}

static void test_two_engines(void)
{
	struct network_config cfg = {};
	struct network_mgr *one, *two = NULL;
	struct err err = ERR_INIT;
	AUTO(free) char *dir = NULL;

	if (!host_make())
		return;
	one = open_mgr(NULL);
	dir = path_join(host.dir, "two");
	ok_eq(mkdir(dir, 0700), 0);
	cfg.data_root = cfg.exec_root = dir;
	cfg.bridge = "cove0";
	ok_eq(network_open(&cfg, &two, NULL, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	cfg.bridge = NULL;
	ok_eq(network_open(&cfg, &two, NULL, &err), 0);
	ok_str(network_bridge(one), "cove0");
	ok_str(network_bridge(two), "cove1");
	ok_str(network_host_gateway(two), "172.18.0.1");
	ok_str(two->table, "cove-cove1");
	teardown(two);
	teardown(one);
}

/* What a killed engine left is used again, unless a container is on it. */
static void test_dead_engine(void)
{
	AUTO(close) int nl = -1;
	struct bridge dead = {.name = "cove0", .alias = "cove 0123", .addr = 0xac110001, .len = 16, .mtu = 1500};
	struct bridge used = {.name = "cove1", .alias = "cove 4567", .addr = 0xac120001, .len = 16, .mtu = 1500};
	struct veth v = {.host_name = "left", .inner_name = "eth0", .inner_index = LINK_INSIDE, .mtu = 1500};
	struct network_config cfg = {};
	struct network_mgr *mgr = NULL, *two = NULL;
	struct err err = ERR_INIT;
	AUTO(free) char *dir = NULL;
	int index, ns, ns_nl;

	if (!host_make())
		return;
	nl = nl_open(NETLINK_ROUTE);
	ok_eq(ns_new(host.ns, &ns, &ns_nl), 0);
	ok_eq(link_make_bridge(nl, &dead, &index), 0);
	ok_eq(link_make_bridge(nl, &used, &v.bridge), 0);
	v.ns = ns;
	ok_eq(link_make_veth(nl, &v), 0);
	mgr = open_mgr(NULL);
	ok_str(network_bridge(mgr), "cove0");
	dir = path_join(host.dir, "three");
	ok_eq(mkdir(dir, 0700), 0);
	cfg.data_root = cfg.exec_root = dir;
	ok_eq(network_open(&cfg, &two, NULL, &err), 0);
	ok_str(network_bridge(two), "cove2");
	network_close(two);
	network_close(mgr);
	close(ns);
	close(ns_nl);
	ok_eq(link_delete(nl, "cove1"), 0);
}

static void test_errors(void)
{
	struct network_request req = {.network = "nope"};
	struct network_spec spec = {.id = "e", .name = "e", .requests = &req, .n = 1};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	int ns = -1;

	if (!host_make())
		return;
	mgr = open_mgr(&(struct network_config){.bip = "10.9.0.1/30"});
	ok_eq(network_attach(mgr, &spec, &ns, &err), -1);
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok_str(err.msg, "network nope not found");
	req = (struct network_request){.network = "bridge", .ipv4 = "10.9.0.2"};
	ok_eq(network_attach(mgr, &spec, &ns, &err), -1);
	ok_eq(err.kind, ERR_INVALID);
	req = (struct network_request){.network = "bridge", .mac = "01:00:00:00:00:01"};
	ok_eq(network_attach(mgr, &spec, &ns, &err), -1);
	req = (struct network_request){.network = "bridge", .mac = "02:00:00:00:00:01"};
	ok_eq(network_attach(mgr, &spec, &ns, &err), 0);
	close(ns);
	ok_eq(network_attach(mgr, &spec, &ns, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	spec.id = "f"; /* a /30 has one address but the gateway's */
	ok_eq(network_attach(mgr, &spec, &ns, &err), -1);
	ok_eq(err.kind, ERR_UNAVAILABLE);
	network_detach(mgr, "e");
	network_detach(mgr, "never there");
	teardown(mgr);
}

/* (2) of link.c */
static void test_no_link_local(void)
{
	AUTO(buf) struct buf text = {};
	struct network_mgr *mgr;
	int ns;

	if (!host_make())
		return;
	for (unsigned ready = 0; ready < 2; ready++) {
		mgr = open_mgr(&(struct network_config){.ready = ready});
		usleep(ready * 50000);
		ns = attach(mgr, "six");
		usleep(100000);
		CHECK(setns(ns, CLONE_NEWNET) == 0);
		buf_reset(&text);
		ok_eq(fs_read_file(AT_FDCWD, "/proc/thread-self/net/if_inet6", 4096, &text), 0);
		CHECK(setns(host.ns, CLONE_NEWNET) == 0);
		ok(!strstr(str_or(text.p), "fe80"));
		network_detach(mgr, "six");
		close(ns);
		teardown(mgr);
	}
}

static void test_none_and_host(void)
{
	struct network_request req = {.network = "none"};
	struct network_spec spec = {.id = "n", .name = "n", .requests = &req, .n = 1};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	json_t *view = NULL;
	char addr[16];
	int ns = -1, server;

	if (!host_make())
		return;
	mgr = open_mgr(&(struct network_config){.ready = 1});
	ok_eq(network_attach(mgr, &spec, &ns, &err), 0);
	ok(ns >= 0);
	ok(!network_address(mgr, "n", addr));
	server = listen_in(ns, "127.0.0.1", 80);
	ok_str(talk(ns, "127.0.0.1", 80, server), "127.0.0.1"); /* lo is up */
	close(server);
	close(ns);
	req.network = "host";
	spec.id = "h";
	ok_eq(network_attach(mgr, &spec, &ns, &err), 0);
	ok_eq(ns, -1);
	ok_eq(network_inspect(mgr, "host", &view, &err), 0);
	ok(json_object_get(json_object_get(view, "Containers"), "h") != NULL);
	json_decref(view);
	network_detach(mgr, "n");
	network_detach(mgr, "h");
	teardown(mgr);
}

int main(void)
{
	test_run(test_outside);
	test_run(test_between_containers);
	test_run(test_address_again);
	test_run(test_restart);
	test_run(test_many);
	test_run(test_overlap);
	test_run(test_two_engines);
	test_run(test_dead_engine);
	test_run(test_errors);
	test_run(test_none_and_host);
	test_run(test_no_link_local);
	host_done();
	return test_done();
}
