/*
 * foreign.c - forward chains of others that drop what they do not know
 *
 * A verdict "accept" in our table does not overrule "drop" in another. dockerd and ufw set the
 * policy of iptables' FORWARD chain to drop; dockerd leaves the chain DOCKER-USER to rules like
 * ours. So accept rules for our default bridge are put there, with the comment "cove", by the
 * program the chain was made with. A dockerd started later is seen at the next attach.
 *
 * (1) Nothing but rules carrying our comment and bridge is added or removed.
 * (2) Where packets would be dropped and there is no known place for a rule, one warning says so.
 */
#include "network/private.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>

#include "base/fs.h"
#include "sys/nft.h"

enum place { PLACE_NFT = 1, PLACE_LEGACY = 2 };

/* iptables arguments after the chain, for a bridge */
static const char *const matches[][5] = {
	{"-i", NULL},
	{"-o", "-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED,DNAT"},
};

struct chains {
	bool docker_user, forward_drops;
	char unknown[128]; /* a chain that drops and is not iptables' */
	const char *own_table;
};

static int look_at_chain(void *ctx, const struct nft_base_chain *c)
{
	struct chains *ch = ctx;

	if (c->hook != NF_INET_FORWARD || c->policy != NF_DROP)
		return 0;
	if (c->family == NFPROTO_IPV4 && streq(c->table, "filter") && streq(c->name, "FORWARD"))
		ch->forward_drops = true;
	else if ((c->family == NFPROTO_IPV4 || c->family == NFPROTO_INET) && !streq(c->table, ch->own_table))
		snprintf(ch->unknown, sizeof(ch->unknown), "table %s %s, chain %s",
			 c->family == NFPROTO_INET ? "inet" : "ip", c->table, c->name);
	return 0;
}

static int iptables(const char *program, const char *action, const char *chain, const char *bridge,
		    size_t match, struct err *err)
{
	const char *argv[20] = {program, "-w", "5", action, chain};
	size_t n = 5;

	for (size_t i = 0; i < ARRAY_LEN(matches[0]) && matches[match][i]; i++) {
		argv[n++] = matches[match][i];
		if (i == 0)
			argv[n++] = bridge;
	}
	argv[n++] = "-m";
	argv[n++] = "comment";
	argv[n++] = "--comment";
	argv[n++] = "cove";
	argv[n++] = "-j";
	argv[n++] = "ACCEPT";
	return run_program(argv, NULL, err) == 0 ? 0 : -1;
}

static int put_rules(const char *program, const char *chain, const char *bridge, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(matches); i++)
		if (iptables(program, "-C", chain, bridge, i, NULL) < 0 &&
		    iptables(program, "-I", chain, bridge, i, err) < 0)
			return -1;
	return 0;
}

static void take_rules(const char *program, const char *chain, const char *bridge)
{
	for (size_t i = 0; i < ARRAY_LEN(matches); i++)
		for (int n = 0; n < 8 && iptables(program, "-D", chain, bridge, i, NULL) == 0; n++)
			;
}

/* Rules that nft put: found by their comment in a listing. */
static void take_nft_rules(const char *chain, const char *bridge)
{
	AUTO(free) char *cmd = NULL;
	char path[64];

	if (!find_program("nft", path))
		return;
	cmd = xasprintf("%s -a list chain ip filter %s 2>/dev/null | "
			"sed -n 's/.*ifname \"%s\".*comment \"cove\" # handle \\([0-9]*\\)$/delete rule ip filter %s "
			"handle \\1/p' | %s -f -",
			path, chain, bridge, chain, path);
	ignore_result(run_program((const char *const[]){"/bin/sh", "-c", cmd, NULL}, NULL, NULL));
}

/* Without the iptables program (a machine that only has nft): the same rules in nft's words. */
static int put_nft_rules(const char *chain, const char *bridge, struct err *err)
{
	AUTO(free) char *script = xasprintf(
		"insert rule ip filter %s iifname \"%s\" counter accept comment \"cove\"\n"
		"insert rule ip filter %s oifname \"%s\" ct state related,established counter accept comment \"cove\"\n"
		"insert rule ip filter %s oifname \"%s\" ct status dnat counter accept comment \"cove\"\n",
		chain, bridge, chain, bridge, chain, bridge);

	take_nft_rules(chain, bridge); /* of an engine that was killed */
	return nft_program(script, err);
}

static void open_nft(struct network_mgr *mgr, const char *chain, struct strv *warnings)
{
	struct err err = ERR_INIT;
	char path[64];
	const char *program = find_program("iptables-nft", path);
	int r;

	if (!program)
		program = find_program("iptables", path);
	if (program)
		r = put_rules(program, chain, mgr->bridge, &err);
	else
		r = put_nft_rules(chain, mgr->bridge, &err);
	if (r == 0)
		mgr->opened |= PLACE_NFT;
	else if (warnings)
		strv_addf(warnings, "forwarding for %s is dropped by chain %s of table ip filter, and no rule "
			  "could be added there: %s", mgr->bridge, chain, err.msg);
}

static bool legacy_in_use(void)
{
	AUTO(buf) struct buf names = {};

	return fs_read_file(AT_FDCWD, "/proc/net/ip_tables_names", 4096, &names) >= 0 && names.p &&
	       strstr(names.p, "filter\n");
}

static void open_legacy(struct network_mgr *mgr)
{
	const char *chains[] = {"DOCKER-USER", "FORWARD"};
	char path[64];
	const char *program = find_program("iptables-legacy", path);

	for (size_t i = 0; program && i < ARRAY_LEN(chains); i++)
		if (put_rules(program, chains[i], mgr->bridge, NULL) == 0) {
			mgr->opened |= PLACE_LEGACY;
			return;
		}
}

/* Under nft_lock. */
static void look(struct network_mgr *mgr, struct strv *warnings)
{
	struct chains ch = {.own_table = mgr->table};

	if (nft_each_base_chain(mgr->nft, look_at_chain, &ch) < 0)
		return;
	ch.docker_user = nft_chain_exists(mgr->nft, NFPROTO_IPV4, "filter", "DOCKER-USER") == 1;
	if (!(mgr->opened & PLACE_NFT) && (ch.docker_user || ch.forward_drops))
		open_nft(mgr, ch.docker_user ? "DOCKER-USER" : "FORWARD", warnings);
	if (!(mgr->opened & PLACE_LEGACY) && legacy_in_use())
		open_legacy(mgr);
	if (ch.unknown[0] && warnings) /* (2) */
		strv_addf(warnings, "%s drops forwarded packets by default: accept those of %s there", ch.unknown,
			  mgr->bridge);
}

void foreign_open(struct network_mgr *mgr, struct strv *warnings)
{
	if (!mgr->firewall || !mgr->bridge[0])
		return;
	pthread_mutex_lock(&mgr->nft_lock);
	look(mgr, warnings);
	pthread_mutex_unlock(&mgr->nft_lock);
}

void foreign_poke(struct network_mgr *mgr)
{
	if (!mgr->firewall || !mgr->bridge[0])
		return;
	pthread_mutex_lock(&mgr->nft_lock);
	if (!(mgr->opened & PLACE_NFT) &&
	    nft_chain_exists(mgr->nft, NFPROTO_IPV4, "filter", "DOCKER-USER") == 1)
		look(mgr, NULL);
	pthread_mutex_unlock(&mgr->nft_lock);
}

void foreign_close(struct network_mgr *mgr)
{
	static const char *const chains[] = {"DOCKER-USER", "FORWARD"};
	char path[64];
	const char *program;

	pthread_mutex_lock(&mgr->nft_lock);
	program = find_program("iptables-nft", path);
	if (!program)
		program = find_program("iptables", path);
	for (size_t i = 0; i < ARRAY_LEN(chains) && (mgr->opened & PLACE_NFT); i++) {
		if (program)
			take_rules(program, chains[i], mgr->bridge);
		else
			take_nft_rules(chains[i], mgr->bridge);
	}
	program = find_program("iptables-legacy", path);
	for (size_t i = 0; i < ARRAY_LEN(chains) && program && (mgr->opened & PLACE_LEGACY); i++)
		take_rules(program, chains[i], mgr->bridge);
	mgr->opened = 0;
	pthread_mutex_unlock(&mgr->nft_lock);
}
