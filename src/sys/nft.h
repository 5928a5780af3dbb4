/*
 * nft.h - elements of nftables sets and maps, and questions about chains, by nfnetlink
 *
 * The static rules are loaded by the nft program; what changes with containers goes through here,
 * as one transaction: nft_begin(), any number of changes, nft_commit(). Functions return >= 0 or -errno.
 */
#pragma once

#include <linux/netfilter/nf_tables.h>

#include "sys/netlink.h"

#define NFT_KEY_MAX 64 /* bytes; parts of a concatenation are padded to 4 */

struct nft_elem {
	const void *key, *key_end; /* key_end: of concatenations with ranges; NULL */
	size_t key_len;
	const void *data; /* a map's value, NULL for sets */
	size_t data_len;
	bool interval_end;	   /* of plain interval sets: the first key after the range */
};

/* family: NFPROTO_INET, NFPROTO_IPV4... */
void nft_begin(struct nl_batch *b);
void nft_elem_add(struct nl_batch *b, int family, const char *table, const char *set, const struct nft_elem *e);
void nft_elem_del(struct nl_batch *b, int family, const char *table, const char *set, const struct nft_elem *e);
void nft_set_flush(struct nl_batch *b, int family, const char *table, const char *set);
void nft_table_del(struct nl_batch *b, int family, const char *table);
int nft_commit(int fd, struct nl_batch *b) MUST_USE;

/* 1: there; 0: not there. */
int nft_chain_exists(int fd, int family, const char *table, const char *chain) MUST_USE;
int nft_set_exists(int fd, int family, const char *table, const char *set) MUST_USE;

struct nft_base_chain {
	int family;
	const char *table, *name;
	unsigned hook;	 /* NF_INET_FORWARD... */
	unsigned policy; /* NF_DROP, NF_ACCEPT */
};

/* Every base chain of every family; non-zero from fn stops it and is returned. */
int nft_each_base_chain(int fd, int (*fn)(void *ctx, const struct nft_base_chain *c), void *ctx) MUST_USE;
