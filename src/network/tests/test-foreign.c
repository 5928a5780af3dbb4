/*
 * test-foreign.c - beside others whose forward chains drop: dockerd's, ufw's, somebody's own
 */
#include "network/tests/host.h"

static bool nft(const char *script)
{
	struct err err = ERR_INIT;

	if (nft_program(script, &err) == 0)
		return true;
	printf("# nft: %s\n", err.msg);
	return false;
}

#define DOCKER                                                                                     \
	"table ip filter {\n"                                                                      \
	"	chain DOCKER-USER { counter return; }\n"                                           \
	"	chain FORWARD { type filter hook forward priority 0; policy drop; counter jump DOCKER-USER; }\n" \
	"}\n"
#define UFW "table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; }; }\n"
#define OWN "table inet mine { chain fw { type filter hook forward priority 0; policy drop; }; }\n"

static bool reaches_outside(int ns)
{
	int server = listen_in(host.outside, OUTSIDE, 80);
	bool yes = strcmp(talk(ns, OUTSIDE, 80, server), UPLINK) == 0;

	close(server);
	return yes;
}

static bool can_run(void)
{
	if (!host_make())
		return false;
	if (nft("add table inet probe\ndelete table inet probe\n"))
		return true;
	test_skip("no nftables here");
	return false;
}

static void beside(const char *rules, const char *chain)
{
	AUTO(free) char *list = xasprintf("nft list chain ip filter %s | grep -q cove", chain);
	struct network_mgr *mgr;
	int ns;

	ok(nft(rules));
	mgr = open_mgr(NULL);
	ns = attach(mgr, "c");
	ok(reaches_outside(ns));
	ok_eq(system(list), 0);
	close(ns);
	network_detach(mgr, "c");
	teardown(mgr);
	ok(system(list) != 0); /* (1): nothing of ours is left */
	ok(nft("delete table ip filter\n"));
}

static void test_docker_before(void)
{
	if (can_run())
		beside(DOCKER, "DOCKER-USER");
}

static void test_ufw(void)
{
	if (can_run())
		beside(UFW, "FORWARD");
}

static void test_docker_after(void)
{
	struct network_mgr *mgr;
	int a, b;

	if (!can_run())
		return;
	mgr = open_mgr(NULL);
	a = attach(mgr, "a");
	ok(reaches_outside(a));
	ok(nft(DOCKER));
	ok(!reaches_outside(a));
	b = attach(mgr, "b"); /* the next attach sees it, for all */
	ok(reaches_outside(a));
	ok(reaches_outside(b));
	close(a);
	close(b);
	network_detach(mgr, "a");
	network_detach(mgr, "b");
	teardown(mgr);
	ok(nft("delete table ip filter\n"));
}

static void test_flushed(void)
{
	struct network_port port = {.container_port = 80, .host_first = 8080, .host_last = 8080};
	struct network_spec spec = {.id = "p", .name = "p", .ports = &port, .nports = 1};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	int a, b, server;

	if (!can_run())
		return;
	mgr = open_mgr(NULL);
	ok_eq(network_attach(mgr, &spec, &a, &err), 0);
	ok(nft("flush ruleset\n")); /* as a restart of nftables.service does */
	ok(!reaches_outside(a));
	b = attach(mgr, "b");
	ok(reaches_outside(a));
	ok(reaches_outside(b));
	server = listen_in(a, "0.0.0.0", 80);
	ok_str(talk(host.outside, UPLINK, 8080, server), OUTSIDE);
	close(server);
	close(a);
	close(b);
	network_detach(mgr, "p");
	network_detach(mgr, "b");
	network_close(mgr); /* nothing in use: all is taken back */
	ok(system("nft list tables | grep -q cove") != 0);
	ok(!fs_exists(AT_FDCWD, "/proc/sys/net/ipv4/conf/cove0"));
}

static void test_unknown(void) /* (2) */
{
	struct network_config cfg = {.data_root = host.dir, .exec_root = host.dir};
	AUTO(strv) struct strv warnings = {};
	struct network_mgr *mgr;
	struct err err = ERR_INIT;
	bool told = false;

	if (!can_run())
		return;
	cfg.data_root = cfg.exec_root = host.dir;
	ok(nft(OWN));
	ok_eq(network_open(&cfg, &mgr, &warnings, &err), 0);
	strv_for_each(w, &warnings)
		told = told || strstr(w, "table inet mine, chain fw drops forwarded packets");
	ok(told);
	teardown(mgr);
	ok(nft("delete table inet mine\n"));
}

/* What was not forwarded before is not forwarded after. (3) of rules.c */
static void test_guard(void)
{
	struct veth v = {.host_name = "lan", .inner_name = "eth0", .inner_index = LINK_INSIDE, .mtu = 1500};
	struct inner in = {.index = LINK_INSIDE, .len = 24, .addr = 0xcb007102, .gateway = 0xcb007101,
			   .mac = {2, 0, 0, 0, 0, 3}};
	int nl = nl_open(NETLINK_ROUTE), lan, lan_nl, out_nl, server;
	struct network_mgr *mgr;
	struct link l;

	if (!can_run()) {
		close(nl);
		return;
	}
	ok_eq(fs_write_kernel(AT_FDCWD, "/proc/sys/net/ipv4/ip_forward", "0"), 0);
	CHECK(ns_new(host.ns, &lan, &lan_nl) == 0);
	v.ns = lan;
	CHECK(link_make_veth(nl, &v) == 0 && link_get(nl, "lan", &l) == 1);
	CHECK(link_add_address(nl, l.index, 0xcb007101, 24) == 0 && link_configure(lan_nl, &in) == 0);
	out_nl = ns_open_nl(host.ns, host.outside);
	CHECK(link_set_gateway(out_nl, 0xc6336401) == 0);
	server = listen_in(lan, "0.0.0.0", 80);
	ok_str(talk(host.outside, "203.0.113.2", 80, server), ""); /* as before the engine */
	mgr = open_mgr(NULL);
	ok_str(talk(host.outside, "203.0.113.2", 80, server), "");
	ok_str(talk(host.ns, "203.0.113.2", 80, server), "203.0.113.1");
	teardown(mgr);
	close(server);
	close(lan);
	close(lan_nl);
	close(out_nl);
	close(nl);
}

int main(void)
{
	test_run(test_docker_before);
	test_run(test_docker_after);
	test_run(test_ufw);
	test_run(test_flushed);
	test_run(test_unknown);
	test_run(test_guard);
	host_done();
	return test_done();
}
