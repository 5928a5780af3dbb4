/* test-files.c - the texts of resolv.conf, hosts and hostname */
#include "base/tap.h"
#include "network/network.h"

static const char host_text[] = "# made by somebody\n"
				"domain old.example\n"
				"nameserver 127.0.0.1\n"
				"nameserver 192.0.2.53\n"
				"nameserver\t192.0.2.54 \r\n"
				"nameserver ::1\n"
				"nameserver 2001:db8::53\n"
				"nameserver fe80::1%eth0\n"
				"search a.example b.example\n"
				"options ndots:2 edns0\n";

static void resolv(const struct network_resolv *r, const char *host, const char *expected)
{
	AUTO(free) char *got = network_resolv_conf(host, r);

	ok_str(got, expected);
}

static void test_resolv_filters_loopback(void) /* (1) */
{
	resolv(&(struct network_resolv){}, host_text,
	       "nameserver 192.0.2.53\nnameserver 192.0.2.54\nsearch a.example b.example\n"
	       "options ndots:2 edns0\n");
	resolv(&(struct network_resolv){.ipv6 = true}, host_text,
	       "nameserver 192.0.2.53\nnameserver 192.0.2.54\nnameserver 2001:db8::53\n"
	       "nameserver fe80::1%eth0\nsearch a.example b.example\noptions ndots:2 edns0\n");
}

static void test_resolv_falls_back(void) /* (2) */
{
	resolv(&(struct network_resolv){}, "nameserver 127.0.0.53\noptions trust-ad\n",
	       "nameserver 8.8.8.8\nnameserver 8.8.4.4\noptions trust-ad\n");
	resolv(&(struct network_resolv){}, NULL, "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
	resolv(&(struct network_resolv){}, "nameserver\nnameserver bogus\n\n;x\n",
	       "nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
}

static void test_resolv_options_override(void)
{
	AUTO(strv) struct strv dns = {}, search = {}, options = {}, none = {};

	strv_add(&dns, "127.0.0.1"); /* the user's word counts */
	strv_add(&dns, "192.0.2.1");
	strv_add(&search, "c.example");
	strv_add(&options, "timeout:1");
	strv_add(&none, ".");
	resolv(&(struct network_resolv){.dns = &dns}, host_text,
	       "nameserver 127.0.0.1\nnameserver 192.0.2.1\nsearch a.example b.example\n"
	       "options ndots:2 edns0\n");
	resolv(&(struct network_resolv){.dns = &dns, .search = &search, .options = &options}, host_text,
	       "nameserver 127.0.0.1\nnameserver 192.0.2.1\nsearch c.example\noptions timeout:1\n");
	resolv(&(struct network_resolv){.dns = &dns, .search = &none}, host_text,
	       "nameserver 127.0.0.1\nnameserver 192.0.2.1\noptions ndots:2 edns0\n");
}

static void test_resolv_copy(void)
{
	AUTO(strv) struct strv search = {};

	resolv(&(struct network_resolv){.copy = true}, host_text, host_text);
	strv_add(&search, "c.example");
	resolv(&(struct network_resolv){.copy = true, .search = &search},
	       "nameserver 127.0.0.53\n#x\nsearch y\n", "nameserver 127.0.0.53\nsearch c.example\n");
}

#define V4 "127.0.0.1\tlocalhost\n"
#define V6                                                                                         \
	"::1\tlocalhost ip6-localhost ip6-loopback\nfe00::\tip6-localnet\nff00::\tip6-mcastprefix\n" \
	"ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"

static void test_hosts(void)
{
	struct network_hosts_line own = {"172.17.0.2", "web.example web"};
	AUTO(strv) struct strv extra = {};
	AUTO(free) char *plain = network_hosts(&own, 1, NULL, NULL, false);
	AUTO(free) char *full = NULL, *none = NULL;

	ok_str(plain, V4 "172.17.0.2\tweb.example web\n");
	strv_add(&extra, "db:192.0.2.7");
	strv_add(&extra, "gw:host-gateway");
	strv_add(&extra, "six:2001:db8::1");
	strv_add(&extra, "six2=[2001:db8::2]");
	full = network_hosts(&own, 1, &extra, "172.17.0.1", true);
	ok_str(full, V4 V6 "192.0.2.7\tdb\n172.17.0.1\tgw\n2001:db8::1\tsix\n2001:db8::2\tsix2\n"
			   "172.17.0.2\tweb.example web\n");
	none = network_hosts(NULL, 0, &extra, NULL, false);
	ok_str(none, V4 "192.0.2.7\tdb\n2001:db8::1\tsix\n2001:db8::2\tsix2\n");
}

static void test_extra_host_check(void)
{
	struct err err = ERR_INIT;

	ok_eq(network_check_extra_host("a:1.2.3.4", &err), 0);
	ok_eq(network_check_extra_host("a=::1", &err), 0);
	ok_eq(network_check_extra_host("a:host-gateway", &err), 0);
	ok_eq(network_check_extra_host("a", &err), -1);
	ok_str(err.msg, "bad format for add-host: \"a\"");
	ok_eq(network_check_extra_host("a:1.2.3", &err), -1);
	ok_str(err.msg, "invalid IP address in add-host: \"1.2.3\"");
	ok_eq(network_check_extra_host(":1.2.3.4", &err), -1);
	ok_eq(network_check_extra_host("a\nb:1.2.3.4", &err), -1);
}

static void test_hostname(void)
{
	AUTO(free) char *h = network_hostname("web");

	ok_str(h, "web\n");
}

int main(void)
{
	test_run(test_resolv_filters_loopback);
	test_run(test_resolv_falls_back);
	test_run(test_resolv_options_override);
	test_run(test_resolv_copy);
	test_run(test_hosts);
	test_run(test_extra_host_check);
	test_run(test_hostname);
	return test_done();
}
