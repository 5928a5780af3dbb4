/*
 * addr.h - IPv4 addresses and subnets as numbers in host order (private)
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define ADDR_TEXT   16 /* "255.255.255.255" */
#define SUBNET_TEXT 20

struct subnet4 {
	uint32_t base; /* no bits below the mask, but see subnet4_parse() */
	unsigned len;  /* prefix length */
};

static inline uint32_t mask4(unsigned len)
{
	return len == 0 ? 0 : 0xffffffffu << (32 - len);
}

static inline uint32_t subnet4_last(struct subnet4 s)
{
	return s.base | ~mask4(s.len);
}

static inline bool subnet4_has(struct subnet4 s, uint32_t addr)
{
	return (addr & mask4(s.len)) == s.base;
}

static inline bool subnet4_overlap(struct subnet4 a, struct subnet4 b)
{
	return subnet4_has(a, b.base) || subnet4_has(b, a.base);
}

bool addr4_parse(const char *s, uint32_t *ret);
void addr4_format(char ret[ADDR_TEXT], uint32_t addr);
/* "10.1.2.3/16"; *ret_addr (may be NULL) is 10.1.2.3, the subnet 10.1.0.0/16. */
bool subnet4_parse(const char *s, struct subnet4 *ret, uint32_t *ret_addr);
void subnet4_format(char ret[SUBNET_TEXT], struct subnet4 s);
bool mac_parse(const char *s, uint8_t ret[6]); /* unicast only */
void mac_format(char ret[18], const uint8_t mac[6]);
void mac_from_addr(uint8_t ret[6], uint32_t addr); /* 02:42:ac:11:00:02, as docker's */

/* Addresses in use, sorted. */
struct ipam {
	uint32_t *used;
	size_t n, cap;
};

void ipam_done(struct ipam *ipam);
bool ipam_has(const struct ipam *ipam, uint32_t addr);
bool ipam_take(struct ipam *ipam, uint32_t addr); /* false: in use */
void ipam_give(struct ipam *ipam, uint32_t addr);
/* The lowest free address of range; the first and the last of subnet are never given. false: none left. */
bool ipam_next(struct ipam *ipam, struct subnet4 subnet, struct subnet4 range, uint32_t *ret);

/* What subnets for new networks are cut from. */
struct pool {
	struct subnet4 base;
	unsigned size; /* prefix length of what is cut */
};

struct pools {
	struct pool *v;
	size_t n;
};

/* specs: "172.80.0.0/16,24"; NULL or empty: docker's. -1: *ret_bad (may be NULL) is the one that is wrong. */
int pools_init(struct pools *pools, const struct strv *specs, const char **ret_bad);
void pools_done(struct pools *pools);
/* The first subnet that overlaps none of taken. */
bool pools_next(const struct pools *pools, const struct subnet4 *taken, size_t n, struct subnet4 *ret);
