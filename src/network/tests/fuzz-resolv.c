/*
 * fuzz-resolv.c - the host's resolv.conf, extra hosts and port texts from outside
 */
#include "network/network.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	AUTO(free) char *filtered = network_resolv_conf(text, &(struct network_resolv){.ipv6 = size & 1});
	AUTO(free) char *again = network_resolv_conf(filtered, &(struct network_resolv){.ipv6 = size & 1});
	AUTO(free) char *hosts = NULL;
	AUTO(strv) struct strv extra = {};
	enum network_proto proto;
	uint16_t port;

	CHECK(strstr(filtered, "nameserver "));
	CHECK(strcmp(filtered, again) == 0); /* what it writes it reads */
	if (network_check_extra_host(text, NULL) == 0) {
		strv_add(&extra, text);
		hosts = network_hosts(NULL, 0, &extra, "192.0.2.1", true);
		CHECK(strchr(hosts, '\n'));
	}
	ignore_result(network_parse_port(text, &port, &proto)); /* only that it ends */
	return 0;
}
