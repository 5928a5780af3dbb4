/*
 * test-addr.c - addresses, pools, addresses in use; ports as text
 */
#include "base/tap.h"
#include "network/addr.h"
#include "network/network.h"

static void test_text(void)
{
	char text[SUBNET_TEXT];
	struct subnet4 s;
	uint32_t addr;
	uint8_t mac[6];

	ok(subnet4_parse("10.1.2.3/16", &s, &addr));
	ok_eq(addr, 0x0a010203);
	subnet4_format(text, s);
	ok_str(text, "10.1.0.0/16");
	ok(!subnet4_parse("10.1.2.3", &s, &addr));
	ok(!subnet4_parse("10.1.2.3/33", &s, &addr));
	ok(!subnet4_parse("10.1.2/24", &s, &addr));
	ok(!subnet4_parse("10.1.2.3/", &s, &addr));
	ok(!subnet4_parse(NULL, &s, &addr));
	ok(subnet4_parse("0.0.0.0/0", &s, NULL));
	ok_eq(subnet4_last(s), 0xffffffff);
	mac_from_addr(mac, 0xac110002);
	mac_format(text, mac);
	ok_str(text, "02:42:ac:11:00:02");
	ok(mac_parse("02:42:AC:11:00:0f", mac));
	ok_eq(mac[5], 0xf);
	ok(!mac_parse("01:00:00:00:00:01", mac)); /* a group */
	ok(!mac_parse("00:00:00:00:00:00", mac));
	ok(!mac_parse("02:42:ac:11:00", mac));
	ok(!mac_parse("02:42:ac:11:00:0g", mac));
	ok(!mac_parse("0242:ac:11:00:0f:", mac));
}

static void test_ipam(void) /* (1), (2) */
{
	struct subnet4 s, range;
	struct ipam ipam = {};
	uint32_t addr;

	CHECK(subnet4_parse("10.0.0.0/29", &s, NULL));
	for (uint32_t i = 1; i <= 6; i++) {
		ok(ipam_next(&ipam, s, s, &addr));
		ok_eq(addr, s.base + i);
	}
	ok(!ipam_next(&ipam, s, s, &addr));
	ipam_give(&ipam, s.base + 4);
	ipam_give(&ipam, s.base + 2);
	ipam_give(&ipam, s.base + 2);
	ok(!ipam_has(&ipam, s.base + 2));
	ok(ipam_next(&ipam, s, s, &addr));
	ok_eq(addr, s.base + 2);
	ok(!ipam_take(&ipam, s.base + 2));
	CHECK(subnet4_parse("10.0.0.4/30", &range, NULL));
	ok(ipam_next(&ipam, s, range, &addr));
	ok_eq(addr, s.base + 4);
	ok(!ipam_next(&ipam, s, range, &addr));
	for (size_t i = 1; i < ipam.n; i++)
		ok(ipam.used[i - 1] < ipam.used[i]);
	ipam_done(&ipam);
	CHECK(subnet4_parse("255.255.255.0/24", &s, NULL)); /* no overflow at the end */
	for (uint32_t i = 1; i <= 254; i++)
		ok(ipam_next(&ipam, s, s, &addr));
	ok(!ipam_next(&ipam, s, s, &addr));
	ipam_done(&ipam);
}

static void next_is(const struct pools *pools, const char *taken, const char *expected)
{
	AUTO(strv) struct strv words = {};
	struct subnet4 v[8], got;
	char text[SUBNET_TEXT] = "none";
	size_t n = 0;

	if (*taken)
		strv_split(&words, taken, ' ');
	strv_for_each(w, &words)
		CHECK(subnet4_parse(w, &v[n++], NULL));
	if (pools_next(pools, v, n, &got))
		subnet4_format(text, got);
	ok_str(text, expected);
}

static void test_pools(void)
{
	AUTO(strv) struct strv specs = {};
	struct pools pools = {};
	const char *bad = NULL;

	ok_eq(pools_init(&pools, NULL, NULL), 0);
	next_is(&pools, "", "172.17.0.0/16");
	next_is(&pools, "172.17.0.0/16", "172.18.0.0/16");
	next_is(&pools, "172.16.0.0/12", "192.168.0.0/20");
	next_is(&pools, "172.17.5.0/24 172.18.0.1/32 172.19.0.0/16 172.20.0.0/15", "172.22.0.0/16");
	next_is(&pools, "172.16.0.0/12 192.168.0.0/17", "192.168.128.0/20");
	next_is(&pools, "172.16.0.0/12 192.168.0.0/16", "none");
	next_is(&pools, "0.0.0.0/0", "none");
	pools_done(&pools);
	strv_add(&specs, "10.9.0.0/23,24");
	ok_eq(pools_init(&pools, &specs, NULL), 0);
	next_is(&pools, "10.9.0.0/24", "10.9.1.0/24");
	next_is(&pools, "10.9.0.0/23", "none");
	pools_done(&pools);
	strv_add(&specs, "10.9.0.0/23,22");
	ok_eq(pools_init(&pools, &specs, &bad), -1);
	ok_str(bad, "10.9.0.0/23,22");
}

static void test_ports(void)
{
	static const char *const bad[] = {"", "/tcp", "0", "65536", "80/", "80/icmp", "a", "-1", "80/tcp/x", " 80"};
	enum network_proto proto;
	uint16_t port;

	ok_eq(network_parse_port("80", &port, &proto), 0);
	ok_eq(port, 80);
	ok_eq(proto, NETWORK_TCP);
	ok_eq(network_parse_port("65535/UDP", &port, &proto), 0);
	ok_eq(port, 65535);
	ok_str(network_proto_name(proto), "udp");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ok_eq(network_parse_port(bad[i], &port, &proto), -1);
}

int main(void)
{
	test_run(test_text);
	test_run(test_ipam);
	test_run(test_pools);
	test_run(test_ports);
	return test_done();
}
