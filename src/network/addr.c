/*
 * addr.c - IPv4 arithmetic: text, pools of subnets, addresses in use
 *
 * (1) ipam.used is sorted and has no duplicates.
 * (2) The first and last address of a subnet are never handed out.
 */
#include "network/addr.h"

#include <arpa/inet.h>

#define SUBNET_LEN_MAX 30 /* a gateway and one container */

bool addr4_parse(const char *s, uint32_t *ret)
{
	struct in_addr a;

	if (!s || inet_pton(AF_INET, s, &a) != 1)
		return false;
	*ret = ntohl(a.s_addr);
	return true;
}

void addr4_format(char ret[ADDR_TEXT], uint32_t addr)
{
	struct in_addr a = {htonl(addr)};

	CHECK(inet_ntop(AF_INET, &a, ret, ADDR_TEXT));
}

bool subnet4_parse(const char *s, struct subnet4 *ret, uint32_t *ret_addr)
{
	const char *slash = s ? strchr(s, '/') : NULL;
	uint32_t addr;
	uint64_t len;

	if (!slash || slash - s >= ADDR_TEXT)
		return false;
	AUTO(free) char *text = xstrndup(s, (size_t)(slash - s));
	if (!addr4_parse(text, &addr) || str_to_u64(slash + 1, 10, &len) < 0 || len > 32)
		return false;
	ret->len = (unsigned)len;
	ret->base = addr & mask4(ret->len);
	if (ret_addr)
		*ret_addr = addr;
	return true;
}

void subnet4_format(char ret[SUBNET_TEXT], struct subnet4 s)
{
	char text[ADDR_TEXT];

	addr4_format(text, s.base);
	snprintf(ret, SUBNET_TEXT, "%s/%u", text, s.len);
}

bool mac_parse(const char *s, uint8_t ret[6])
{
	unsigned b[6];
	int end = 0;

	if (!s || strlen(s) != 17 || strspn(s, "0123456789abcdefABCDEF:-") != 17)
		return false;
	if (sscanf(s, "%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%*1[:-]%2x%n", &b[0], &b[1], &b[2],
		   &b[3], &b[4], &b[5], &end) != 6 || end != 17)
		return false;
	for (int i = 0; i < 6; i++)
		ret[i] = (uint8_t)b[i];
	return !(ret[0] & 1) && (ret[0] | ret[1] | ret[2] | ret[3] | ret[4] | ret[5]);
}

void mac_format(char ret[18], const uint8_t mac[6])
{
	snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void mac_from_addr(uint8_t ret[6], uint32_t addr)
{
	ret[0] = 0x02;
	ret[1] = 0x42;
	ret[2] = (uint8_t)(addr >> 24);
	ret[3] = (uint8_t)(addr >> 16);
	ret[4] = (uint8_t)(addr >> 8);
	ret[5] = (uint8_t)addr;
}

void ipam_done(struct ipam *ipam)
{
	free(ipam->used);
	*ipam = (struct ipam){};
}

/* Index of the first element >= addr. */
static size_t position(const struct ipam *ipam, uint32_t addr)
{
	size_t lo = 0, hi = ipam->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (ipam->used[mid] < addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

bool ipam_has(const struct ipam *ipam, uint32_t addr)
{
	size_t i = position(ipam, addr);

	return i < ipam->n && ipam->used[i] == addr;
}

bool ipam_take(struct ipam *ipam, uint32_t addr)
{
	size_t i = position(ipam, addr);

	if (i < ipam->n && ipam->used[i] == addr)
		return false;
	if (ipam->n == ipam->cap) {
		ipam->cap = ipam->cap ? ipam->cap * 2 : 16;
		ipam->used = xrealloc(ipam->used, ipam->cap * sizeof(*ipam->used));
	}
	memmove(ipam->used + i + 1, ipam->used + i, (ipam->n - i) * sizeof(*ipam->used));
	ipam->used[i] = addr;
	ipam->n++;
	return true;
}

void ipam_give(struct ipam *ipam, uint32_t addr)
{
	size_t i = position(ipam, addr);

	if (i == ipam->n || ipam->used[i] != addr)
		return;
	ipam->n--;
	memmove(ipam->used + i, ipam->used + i + 1, (ipam->n - i) * sizeof(*ipam->used));
}

bool ipam_next(struct ipam *ipam, struct subnet4 subnet, struct subnet4 range, uint32_t *ret)
{
	uint32_t first = MAX(range.base, subnet.base + 1);
	uint32_t last = MIN(subnet4_last(range), subnet4_last(subnet) - 1);
	uint64_t addr = first;

	for (size_t i = position(ipam, first); addr <= last && i < ipam->n && ipam->used[i] == addr; i++)
		addr++;
	if (addr > last)
		return false;
	*ret = (uint32_t)addr;
	return ipam_take(ipam, *ret);
}

static const char *const default_pools[] = {
	"172.17.0.0/16,16", "172.18.0.0/16,16", "172.19.0.0/16,16",  "172.20.0.0/14,16",
	"172.24.0.0/14,16", "172.28.0.0/14,16", "192.168.0.0/16,20",
};

static bool parse_pool(const char *s, struct pool *ret)
{
	const char *comma = strchr(s, ',');
	uint64_t size;

	if (!comma || comma - s >= SUBNET_TEXT)
		return false;
	AUTO(free) char *text = xstrndup(s, (size_t)(comma - s));
	if (!subnet4_parse(text, &ret->base, NULL) || str_to_u64(comma + 1, 10, &size) < 0)
		return false;
	ret->size = (unsigned)size;
	return size >= ret->base.len && size <= SUBNET_LEN_MAX && ret->base.len > 0;
}

int pools_init(struct pools *pools, const struct strv *specs, const char **ret_bad)
{
	bool ours = !specs || specs->n == 0;
	size_t n = ours ? ARRAY_LEN(default_pools) : specs->n;

	pools->v = xnew_n(struct pool, n);
	pools->n = n;
	for (size_t i = 0; i < n; i++) {
		const char *s = ours ? default_pools[i] : specs->v[i];

		if (!parse_pool(s, &pools->v[i])) {
			if (ret_bad)
				*ret_bad = s;
			pools_done(pools);
			return -1;
		}
	}
	return 0;
}

void pools_done(struct pools *pools)
{
	free(pools->v);
	*pools = (struct pools){};
}

bool pools_next(const struct pools *pools, const struct subnet4 *taken, size_t n, struct subnet4 *ret)
{
	for (size_t i = 0; i < pools->n; i++) {
		const struct pool *p = &pools->v[i];
		uint64_t step = 1ull << (32 - p->size), base = p->base.base;

		while (base <= subnet4_last(p->base)) {
			struct subnet4 s = {(uint32_t)base, p->size};
			uint64_t next = base + step;
			bool hit = false;

			for (size_t j = 0; j < n; j++) {
				if (!subnet4_overlap(s, taken[j]))
					continue;
				hit = true;
				next = MAX(next, (uint64_t)subnet4_last(taken[j]) + 1);
			}
			if (!hit) {
				*ret = s;
				return true;
			}
			base = (next + step - 1) / step * step;
		}
	}
	return false;
}
