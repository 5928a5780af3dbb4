/*
 * nft.c - nfnetlink messages for nftables
 *
 * (1) All changes of a batch happen or none does: they stand between BATCH_BEGIN and BATCH_END.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>

#include "sys/nft.h"

static struct nlmsghdr *begin(struct nl_batch *b, int msg, uint16_t flags, int family)
{
	struct nfgenmsg *g;
	struct nlmsghdr *nlh = nl_begin(b, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | msg), flags,
					sizeof(*g), &g);

	g->nfgen_family = (uint8_t)family;
	g->version = NFNETLINK_V0;
	return nlh;
}

static void batch_mark(struct nl_batch *b, uint16_t type)
{
	struct nfgenmsg *g;

	nl_begin(b, type, 0, sizeof(*g), &g);
	g->nfgen_family = AF_UNSPEC;
	g->version = NFNETLINK_V0;
	g->res_id = htons(NFNL_SUBSYS_NFTABLES);
}

void nft_begin(struct nl_batch *b)
{
	batch_mark(b, NFNL_MSG_BATCH_BEGIN);
}

int nft_commit(int fd, struct nl_batch *b)
{
	batch_mark(b, NFNL_MSG_BATCH_END);
	return nl_send(fd, b);
}

static void put_value(struct nlmsghdr *nlh, uint16_t type, const void *data, size_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	CHECK(len <= NFT_KEY_MAX);
	mnl_attr_put(nlh, NFTA_DATA_VALUE, len, data);
	mnl_attr_nest_end(nlh, nest);
}

static void put_elem(struct nl_batch *b, int msg, uint16_t flags, int family, const char *table,
		     const char *set, const struct nft_elem *e)
{
	struct nlmsghdr *nlh = begin(b, msg, flags, family);
	struct nlattr *list, *elem;

	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
	if (!e)
		return;
	list = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
	elem = mnl_attr_nest_start(nlh, 1);
	if (e->interval_end)
		mnl_attr_put_u32(nlh, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
	put_value(nlh, NFTA_SET_ELEM_KEY, e->key, e->key_len);
	if (e->key_end)
		put_value(nlh, NFTA_SET_ELEM_KEY_END, e->key_end, e->key_len);
	if (e->data && msg == NFT_MSG_NEWSETELEM)
		put_value(nlh, NFTA_SET_ELEM_DATA, e->data, e->data_len);
	mnl_attr_nest_end(nlh, elem);
	mnl_attr_nest_end(nlh, list);
}

void nft_elem_add(struct nl_batch *b, int family, const char *table, const char *set, const struct nft_elem *e)
{
	put_elem(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, family, table, set, e);
}

void nft_elem_del(struct nl_batch *b, int family, const char *table, const char *set, const struct nft_elem *e)
{
	put_elem(b, NFT_MSG_DELSETELEM, 0, family, table, set, e);
}

void nft_set_flush(struct nl_batch *b, int family, const char *table, const char *set)
{
	put_elem(b, NFT_MSG_DELSETELEM, 0, family, table, set, NULL);
}

void nft_table_del(struct nl_batch *b, int family, const char *table)
{
	struct nlmsghdr *nlh = begin(b, NFT_MSG_DELTABLE, 0, family);

	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
}

static int exists(int fd, struct nl_batch *b)
{
	int r = nl_query(fd, b, NULL, NULL);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : 1;
}

int nft_chain_exists(int fd, int family, const char *table, const char *chain)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct nlmsghdr *nlh = begin(&b, NFT_MSG_GETCHAIN, 0, family);

	mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, chain);
	return exists(fd, &b);
}

int nft_set_exists(int fd, int family, const char *table, const char *set)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct nlmsghdr *nlh = begin(&b, NFT_MSG_GETSET, 0, family);

	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, table);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, set);
	return exists(fd, &b);
}

struct each_chain {
	int (*fn)(void *ctx, const struct nft_base_chain *c);
	void *ctx;
};

static unsigned get_be32(const struct nlattr *attr)
{
	const uint32_t *v = nl_data(attr, sizeof(*v));

	return v ? ntohl(*v) : 0;
}

static int take_chain(void *ctx, const struct nlmsghdr *nlh)
{
	const struct each_chain *each = ctx;
	const struct nlattr *tb[NFTA_CHAIN_MAX + 1], *hook[NFTA_HOOK_MAX + 1];
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct nft_base_chain c = {};

	nl_attrs(tb, ARRAY_LEN(tb), nlh, sizeof(*g));
	if (!tb[NFTA_CHAIN_HOOK] || !tb[NFTA_CHAIN_POLICY])
		return 0;
	nl_attrs_nested(hook, ARRAY_LEN(hook), tb[NFTA_CHAIN_HOOK]);
	c.family = g->nfgen_family;
	c.table = nl_str(tb[NFTA_CHAIN_TABLE]);
	c.name = nl_str(tb[NFTA_CHAIN_NAME]);
	c.hook = get_be32(hook[NFTA_HOOK_HOOKNUM]);
	c.policy = get_be32(tb[NFTA_CHAIN_POLICY]);
	return each->fn(each->ctx, &c);
}

int nft_each_base_chain(int fd, int (*fn)(void *ctx, const struct nft_base_chain *c), void *ctx)
{
	AUTO(nl_batch) struct nl_batch b = {};
	struct each_chain each = {fn, ctx};

	begin(&b, NFT_MSG_GETCHAIN, NLM_F_DUMP, AF_UNSPEC);
	return nl_query(fd, &b, take_chain, &each);
}
