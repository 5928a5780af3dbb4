/*
 * rules.c - the nftables table of this engine
 *
 * The static part is loaded once by the nft program; it refers to sets and maps that are filled by
 * netlink. A table of the same version is kept, its sets are filled anew in one transaction: the
 * connections of running containers never see a gap. A table that somebody flushed away is loaded
 * again at the next attach.
 *
 * (1) Every name in the table that changes meaning gets a new RULES_VERSION: a set of that name
 *     tells the version.
 * (2) Nothing else in the machine's rules is changed here.
 * (3) What was not forwarded before the engine switched forwarding on is not forwarded after: new
 *     connections entering by links of that time (set guard) reach only our bridges.
 */
#include "network/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "base/spawn.h"
#include "sys/nft.h"

#define RULES_VERSION "version_2"

/* @ stands for the table's name. */
static const char rules_text[] =
	"add table inet @\n"
	"delete table inet @\n"
	"table inet @ {\n"
	"	set " RULES_VERSION " { type ifname; }\n"
	"	set bridges { type ifname; }\n"
	"	set within { type ifname . ifname; }\n" /* bridge . the same bridge */
	"	set local4 { type ipv4_addr . ifname; flags interval; }\n" /* subnet . its bridge */
	"	set internal { type ifname; }\n"
	"	set masquerade4 { type ipv4_addr; flags interval; }\n"
	"	set guard { type ifname; }\n"
	"	map ports4 { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"	map ports4_at { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	/* route_localnet lets packets for 127.0.0.0/8 in from bridges; none belongs there */
	"	chain spoofed {\n"
	"		type filter hook prerouting priority -300; policy accept;\n"
	"		iifname @bridges ip daddr 127.0.0.0/8 drop\n"
	"	}\n"
	"	chain published {\n"
	"		meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport map @ports4_at\n"
	"		meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @ports4\n"
	"	}\n"
	"	chain prerouting {\n"
	"		type nat hook prerouting priority -100; policy accept;\n"
	"		meta nfproto ipv4 fib daddr type local jump published\n"
	"	}\n"
	"	chain output {\n"
	"		type nat hook output priority -100; policy accept;\n"
	"		meta nfproto ipv4 fib daddr type local jump published\n"
	"	}\n"
	"	chain postrouting {\n"
	"		type nat hook postrouting priority 100; policy accept;\n"
	/* back to where it came from: the answer must come by us; iifname is unknown here */
	"		ip saddr . oifname @local4 ct status dnat masquerade\n"
	"		ip saddr 127.0.0.0/8 oifname @bridges masquerade\n"
	"		ip saddr @masquerade4 oifname != @bridges masquerade\n"
	"	}\n"
	"	chain between {\n"
	"		iifname . oifname @within accept\n"
	"		ct state established,related accept\n"
	"		ct status dnat accept\n"
	"		drop\n"
	"	}\n"
	"	chain inbound {\n"
	"		ct state established,related accept\n"
	"		ct status dnat accept\n"
	"		drop\n"
	"	}\n"
	"	chain forward {\n"
	"		type filter hook forward priority 0; policy accept;\n"
	"		iifname @bridges oifname @bridges goto between\n"
	"		iifname @internal drop\n"
	"		oifname @internal drop\n"
	"		oifname @bridges goto inbound\n"
	"		iifname @guard oifname != @bridges ct state new drop\n"
	"	}\n"
	"}\n";

const char *find_program(const char *name, char ret[64])
{
	static const char *const dirs[] = {"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		snprintf(ret, 64, "%s/%s", dirs[i], name);
		if (access(ret, X_OK) == 0)
			return ret;
	}
	return NULL;
}

static int memory_file(const char *name, const char *text)
{
	AUTO(close) int fd = memfd_create(name, MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fs_write_full(fd, str_or(text), strlen(str_or(text)));
	if (r < 0)
		return r;
	lseek(fd, 0, SEEK_SET);
	return TAKE_FD(fd);
}

int run_program(const char *const *argv, const char *input, struct err *err)
{
	AUTO(close) int in = memory_file("input", input);
	AUTO(close) int out = memory_file("output", NULL);
	AUTO(buf) struct buf text = {};
	const struct spawn_fd fds[] = {{in, 0}, {out, 1}, {out, 2}};
	struct spawn s = {
		.path = argv[0], .exe_fd = -1, .argv = (char *const *)argv, .fds = fds, .nfds = 3};
	pid_t pid;
	int status;

	if (in < 0 || out < 0)
		return err_sys(err, in < 0 ? -in : -out, "memory file for %s", argv[0]);
	pid = spawn_process(&s, NULL);
	if (pid < 0)
		return err_sys(err, -pid, "run %s", argv[0]);
	status = spawn_wait(pid);
	if (status < 0)
		return err_sys(err, -status, "wait for %s", argv[0]);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	lseek(out, 0, SEEK_SET);
	if (fs_read_fd(out, 64 * 1024, &text) >= 0 && text.p)
		text.p[strcspn(text.p, "\n")] = '\0';
	err_set(err, ERR_SYSTEM, "%s: %.500s", argv[0], text.p && *text.p ? text.p : "failed");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int nft_program(const char *script, struct err *err)
{
	char path[64];
	const char *argv[] = {find_program("nft", path), "-f", "-", NULL};

	if (!argv[0])
		return err_set(err, ERR_UNSUPPORTED, "the program nft is not installed");
	return run_program(argv, script, err) == 0 ? 0 : -1;
}

static char *render(const char *text, const char *table)
{
	struct buf out = {};

	for (const char *s = text; *s; s++) {
		if (*s == '@' && (s[1] == '\n' || s[1] == ' '))
			buf_adds(&out, table);
		else
			buf_addc(&out, *s);
	}
	return buf_take(&out);
}

static void name_key(char key[LINK_NAME], const char *name)
{
	memset(key, 0, LINK_NAME);
	memcpy(key, name, strnlen(name, LINK_NAME - 1));
}

struct guard {
	struct network_mgr *mgr;
	struct nl_batch *b;
};

static int guard_link(void *ctx, const struct link *l)
{
	const struct guard *g = ctx;
	char key[LINK_NAME];

	if (streq(l->name, "lo") || str_after(l->alias, "cove "))
		return 0;
	name_key(key, l->name);
	nft_elem_add(g->b, NFPROTO_INET, g->mgr->table, "guard",
		     &(struct nft_elem){.key = key, .key_len = sizeof(key)});
	return 0;
}

#define FORWARD "/proc/sys/net/ipv4/ip_forward"

/* (3): the links are put into the guard before forwarding is switched on */
static int enable_forwarding(struct network_mgr *mgr, struct strv *warnings, struct err *err)
{
	AUTO(nl_batch) struct nl_batch b = {};
	AUTO(buf) struct buf now = {};
	struct guard g = {mgr, &b};
	int r;

	r = fs_read_file(AT_FDCWD, FORWARD, 16, &now);
	if (r < 0)
		return err_sys(err, -r, "read " FORWARD);
	if (now.p && now.p[0] != '0')
		return 0;
	if (mgr->no_ip_forward) {
		strv_add(warnings, "net.ipv4.ip_forward is off: containers reach only this machine");
		return 0;
	}
	if (mgr->firewall) {
		nft_begin(&b);
		r = link_each(mgr->nl, guard_link, &g);
		if (r == 0)
			r = nft_commit(mgr->nft, &b);
		if (r < 0)
			return err_sys(err, -r, "guard links before forwarding is enabled");
	}
	r = fs_write_kernel(AT_FDCWD, FORWARD, "1");
	if (r < 0)
		strv_addf(warnings, "cannot enable net.ipv4.ip_forward (%s): containers reach only this machine",
			  strerror(-r));
	else
		strv_add(warnings, "net.ipv4.ip_forward enabled for containers");
	return 0;
}

struct change {
	struct network_mgr *mgr;
	struct nl_batch b;
	bool del;
};

static void change_elem(struct change *c, const char *set, const struct nft_elem *e)
{
	(c->del ? nft_elem_del : nft_elem_add)(&c->b, NFPROTO_INET, c->mgr->table, set, e);
}

static void change_name(struct change *c, const char *set, const char *name)
{
	char key[LINK_NAME];

	name_key(key, name);
	change_elem(c, set, &(struct nft_elem){.key = key, .key_len = sizeof(key)});
}

static void change_local(struct change *c, const struct network *net)
{
	uint32_t first = htonl(net->subnet.base), last = htonl(subnet4_last(net->subnet));
	char from[4 + LINK_NAME], to[4 + LINK_NAME];

	memcpy(from, &first, 4);
	memcpy(to, &last, 4);
	name_key(from + 4, net->bridge);
	name_key(to + 4, net->bridge);
	change_elem(c, "local4", &(struct nft_elem){.key = from, .key_end = to, .key_len = sizeof(from)});
}

static void change_network(struct change *c, const struct network *net)
{
	char pair[2 * LINK_NAME];

	change_name(c, "bridges", net->bridge);
	name_key(pair, net->bridge);
	name_key(pair + LINK_NAME, net->bridge);
	change_elem(c, "within", &(struct nft_elem){.key = pair, .key_len = sizeof(pair)});
	change_local(c, net);
	if (net->internal)
		change_name(c, "internal", net->bridge);
	if (net->masquerade && !net->internal) {
		uint32_t first = htonl(net->subnet.base), after = htonl(subnet4_last(net->subnet) + 1);

		change_elem(c, "masquerade4", &(struct nft_elem){.key = &first, .key_len = 4});
		change_elem(c, "masquerade4",
			    &(struct nft_elem){.key = &after, .key_len = 4, .interval_end = true});
	}
}

static int commit(struct change *c)
{
	int r;

	pthread_mutex_lock(&c->mgr->nft_lock);
	r = nft_commit(c->mgr->nft, &c->b);
	pthread_mutex_unlock(&c->mgr->nft_lock);
	buf_done(&c->b.data);
	return r;
}

int rules_add_network(struct network_mgr *mgr, const struct network *net, struct err *err)
{
	struct change c = {.mgr = mgr};
	int r;

	if (!mgr->firewall)
		return 0;
	nft_begin(&c.b);
	change_network(&c, net);
	r = commit(&c);
	if (r < 0)
		return err_sys(err, -r, "add network '%s' to the rules", net->name);
	return 0;
}

int rules_del_network(struct network_mgr *mgr, const struct network *net, struct err *err)
{
	struct change c = {.mgr = mgr, .del = true};
	int r;

	if (!mgr->firewall || mgr->nft < 0)
		return 0;
	nft_begin(&c.b);
	change_network(&c, net);
	r = commit(&c);
	if (r < 0 && r != -ENOENT)
		return err_sys(err, -r, "remove network '%s' from the rules", net->name);
	return 0;
}

static const uint8_t protocols[] = {
	[NETWORK_TCP] = IPPROTO_TCP, [NETWORK_UDP] = IPPROTO_UDP, [NETWORK_SCTP] = IPPROTO_SCTP};

static void change_port(struct change *c, const struct binding *p)
{
	uint32_t addr = htonl(p->host_addr), dest = htonl(p->dest);
	uint16_t host = htons(p->host_port), inner = htons(p->container_port);
	uint8_t key[12] = {}, data[8] = {};
	size_t skip = p->host_addr ? 0 : 4;

	memcpy(key, &addr, 4);
	key[4] = protocols[p->proto];
	memcpy(key + 8, &host, 2);
	memcpy(data, &dest, 4);
	memcpy(data + 4, &inner, 2);
	change_elem(c, skip ? "ports4" : "ports4_at",
		    &(struct nft_elem){.key = key + skip, .key_len = sizeof(key) - skip,
				       .data = data, .data_len = sizeof(data)});
}

int rules_add_ports(struct network_mgr *mgr, const struct binding *p, size_t n, struct err *err)
{
	struct change c = {.mgr = mgr};
	int r;

	if (n == 0)
		return 0;
	if (!mgr->firewall)
		return err_set(err, ERR_UNSUPPORTED, "ports cannot be published without packet rules");
	nft_begin(&c.b);
	for (size_t i = 0; i < n; i++)
		change_port(&c, &p[i]);
	r = commit(&c);
	if (r < 0)
		return err_sys(err, -r, "add published ports to the rules");
	return 0;
}

void rules_del_ports(struct network_mgr *mgr, const struct binding *p, size_t n)
{
	for (size_t i = 0; i < n && mgr->firewall; i++) {
		struct change c = {.mgr = mgr, .del = true};

		nft_begin(&c.b);
		change_port(&c, &p[i]);
		ignore_result(commit(&c)); /* one that is gone is fine */
	}
}

int rules_reset(struct network_mgr *mgr, struct err *err)
{
	static const char *const sets[] = {"bridges", "within", "local4", "internal", "masquerade4", "ports4", "ports4_at"};
	struct change c = {.mgr = mgr};
	int r;

	if (!mgr->firewall || mgr->nft < 0)
		return 0;
	nft_begin(&c.b);
	for (size_t i = 0; i < ARRAY_LEN(sets); i++)
		nft_set_flush(&c.b, NFPROTO_INET, mgr->table, sets[i]);
	for (size_t i = 0; i < mgr->nnets; i++)
		if (mgr->nets[i]->driver == DRIVER_BRIDGE && (!mgr->nets[i]->is_default || mgr->bridge[0]))
			change_network(&c, mgr->nets[i]);
	map_for_each(it, &mgr->sandboxes) {
		const struct sandbox *sb = it->value;

		for (size_t i = 0; i < sb->nports; i++)
			change_port(&c, &sb->ports[i]);
	}
	r = commit(&c);
	if (r < 0)
		return err_sys(err, -r, "fill the sets of table inet %s", mgr->table);
	return 0;
}

/* 1: the table was loaded now; 0: it is there. */
static int load_table(struct network_mgr *mgr, struct err *err)
{
	AUTO(free) char *script = NULL;
	int r;

	pthread_mutex_lock(&mgr->nft_lock);
	if (mgr->nft < 0)
		mgr->nft = nl_open(NETLINK_NETFILTER);
	r = mgr->nft < 0 ? mgr->nft : nft_set_exists(mgr->nft, NFPROTO_INET, mgr->table, RULES_VERSION);
	pthread_mutex_unlock(&mgr->nft_lock);
	if (r < 0)
		return err_sys(err, -r, "nftables");
	if (r > 0)
		return 0;
	script = render(rules_text, mgr->table);
	return nft_program(script, err) < 0 ? -1 : 1;
}

int rules_ensure(struct network_mgr *mgr, struct strv *warnings, struct err *err)
{
	AUTO(strv) struct strv unread = {};
	struct err sub = ERR_INIT;
	int r = 0;

	warnings = warnings ? warnings : &unread;
	if (mgr->firewall) {
		r = load_table(mgr, &sub);
		if (r > 0)
			mgr->opened = 0; /* a flush of all rules took those too */
		if (r > 0 || (r == 0 && !mgr->rules_loaded))
			r = rules_reset(mgr, &sub);
	}
	if (r < 0) { /* containers still start, and reach this machine */
		mgr->firewall = false;
		strv_addf(warnings, "no packet rules, containers have no outside connection: %s", sub.msg);
	}
	if (mgr->rules_loaded)
		return 0;
	mgr->rules_loaded = true;
	return enable_forwarding(mgr, warnings, err);
}

int rules_unload(struct network_mgr *mgr, struct err *err)
{
	struct change c = {.mgr = mgr};
	int r;

	if (mgr->nft < 0)
		return 0;
	nft_begin(&c.b);
	nft_table_del(&c.b, NFPROTO_INET, mgr->table);
	r = commit(&c);
	if (r < 0 && r != -ENOENT)
		return err_sys(err, -r, "remove the table inet %s", mgr->table);
	return 0;
}
