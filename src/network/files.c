/*
 * files.c - the texts of /etc/resolv.conf, /etc/hosts and /etc/hostname in a container
 *
 * Pure functions: text in, text out. The host's resolv.conf is input like any other.
 *
 * (1) A loopback name server of the host never reaches a container on a bridge: nobody would
 *     answer there.
 * (2) A resolv.conf with no server left gets two public ones, as docker's does.
 */
#include <arpa/inet.h>
#include <fcntl.h>

#include "base/fs.h"
#include "network/network.h"

#define RESOLV_MAX (256 * 1024)

static const char *const fallback_dns[] = {"8.8.8.8", "8.8.4.4"};

char *network_hostname(const char *hostname)
{
	return xasprintf("%s\n", hostname);
}

static bool parse_ip(const char *s, int *ret_family, unsigned char addr[16])
{
	AUTO(free) char *plain = xstrdup(s);
	char *zone = strchr(plain, '%');

	if (zone)
		*zone = '\0';
	if (inet_pton(AF_INET, plain, addr) == 1)
		*ret_family = AF_INET;
	else if (inet_pton(AF_INET6, plain, addr) == 1)
		*ret_family = AF_INET6;
	else
		return false;
	return true;
}

static bool usable_server(const char *s, bool ipv6)
{
	static const unsigned char loop6[16] = {[15] = 1};
	unsigned char addr[16];
	int family;

	if (!parse_ip(s, &family, addr))
		return false;
	if (family == AF_INET)
		return addr[0] != 127;
	return ipv6 && memcmp(addr, loop6, 16) != 0;
}

struct resolv {
	struct strv servers, search, options;
};

static void resolv_done(struct resolv *r)
{
	strv_done(&r->servers);
	strv_done(&r->search);
	strv_done(&r->options);
}

static void add_words(struct strv *sv, char *rest)
{
	char *save = NULL;

	for (char *w = strtok_r(rest, " \t\r", &save); w; w = strtok_r(NULL, " \t\r", &save))
		strv_add(sv, w);
}

static void parse_line(char *line, struct resolv *r)
{
	char *save = NULL, *key = strtok_r(line, " \t\r", &save);

	if (!key || key[0] == '#' || key[0] == ';')
		return;
	if (streq(key, "nameserver")) {
		char *server = strtok_r(NULL, " \t\r", &save);

		if (server)
			strv_add(&r->servers, server);
	} else if (streq(key, "search") || streq(key, "domain")) {
		strv_done(&r->search); /* the last line wins, resolv.conf(5) */
		add_words(&r->search, save);
	} else if (streq(key, "options")) {
		add_words(&r->options, save);
	}
}

static void parse_resolv(const char *text, struct resolv *r)
{
	AUTO(free) char *copy = xstrdup(str_or(text));
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		parse_line(line, r);
}

static bool given(const struct strv *sv)
{
	return sv && sv->n > 0;
}

static void drop_unusable(struct strv *servers, bool ipv6)
{
	for (size_t i = 0; i < servers->n;) {
		if (usable_server(servers->v[i], ipv6))
			i++;
		else
			strv_remove(servers, i);
	}
	if (servers->n == 0)
		for (size_t i = 0; i < ARRAY_LEN(fallback_dns); i++)
			strv_add(servers, fallback_dns[i]);
}

char *network_resolv_conf(const char *host_text, const struct network_resolv *opt)
{
	struct resolv r = {};
	struct buf out = {};

	if (opt->copy && !given(opt->dns) && !given(opt->search) && !given(opt->options))
		return xstrdup(str_or(host_text));

	parse_resolv(host_text, &r);
	if (given(opt->dns))
		strv_copy(&r.servers, opt->dns);
	else if (!opt->copy)
		drop_unusable(&r.servers, opt->ipv6);
	if (given(opt->search))
		strv_copy(&r.search, opt->search);
	if (given(opt->options))
		strv_copy(&r.options, opt->options);

	strv_for_each(s, &r.servers)
		buf_addf(&out, "nameserver %s\n", s);
	if (r.search.n > 0 && !(r.search.n == 1 && streq(r.search.v[0], "."))) {
		AUTO(free) char *line = strv_join(&r.search, " ");

		buf_addf(&out, "search %s\n", line);
	}
	if (r.options.n > 0) {
		AUTO(free) char *line = strv_join(&r.options, " ");

		buf_addf(&out, "options %s\n", line);
	}
	resolv_done(&r);
	return buf_take(&out);
}

static char *read_text(const char *path)
{
	AUTO(buf) struct buf b = {};

	if (fs_read_file(AT_FDCWD, path, RESOLV_MAX, &b) < 0 || !b.p)
		return NULL;
	return buf_take(&b);
}

char *network_host_resolv_conf(void)
{
	AUTO(free) char *text = read_text("/etc/resolv.conf");
	struct resolv r = {};
	bool stub;

	if (!text)
		return xstrdup("");
	parse_resolv(text, &r);
	stub = r.servers.n == 1 && streq(r.servers.v[0], "127.0.0.53");
	resolv_done(&r);
	if (stub) {
		char *real = read_text("/run/systemd/resolve/resolv.conf");

		if (real)
			return real;
	}
	return TAKE_PTR(text);
}

/* "name:ip" or "name=ip"; the first separator counts, an address may hold colons. */
static bool split_extra(const char *s, char **ret_name, const char **ret_ip)
{
	size_t n = strcspn(s, ":=");

	if (n == 0 || s[n] == '\0' || s[n + 1] == '\0')
		return false;
	*ret_name = xstrndup(s, n);
	*ret_ip = s + n + 1;
	return true;
}

/* "[::1]" as well as "::1". Caller frees. */
static char *unbracket(const char *ip)
{
	size_t n = strlen(ip);

	if (n > 2 && ip[0] == '[' && ip[n - 1] == ']')
		return xstrndup(ip + 1, n - 2);
	return xstrdup(ip);
}

int network_check_extra_host(const char *s, struct err *err)
{
	AUTO(free) char *name = NULL;
	AUTO(free) char *plain = NULL;
	unsigned char addr[16];
	const char *ip;
	int family;

	if (!split_extra(s, &name, &ip) || strpbrk(name, " \t\n"))
		return err_set(err, ERR_INVALID, "bad format for add-host: \"%.255s\"", s);
	plain = unbracket(ip);
	if (!streq(plain, "host-gateway") && !parse_ip(plain, &family, addr))
		return err_set(err, ERR_INVALID, "invalid IP address in add-host: \"%.255s\"", ip);
	return 0;
}

static void add_extra(struct buf *out, const char *s, const char *host_gateway)
{
	AUTO(free) char *name = NULL;
	AUTO(free) char *plain = NULL;
	const char *ip;

	if (!split_extra(s, &name, &ip))
		return;
	plain = unbracket(ip);
	if (streq(plain, "host-gateway"))
		ip = str_or(host_gateway);
	else
		ip = plain;
	if (*ip)
		buf_addf(out, "%s\t%s\n", ip, name);
}

char *network_hosts(const struct network_hosts_line *own, size_t n, const struct strv *extra,
		    const char *host_gateway, bool ipv6)
{
	struct buf out = {};

	buf_adds(&out, "127.0.0.1\tlocalhost\n");
	if (ipv6)
		buf_adds(&out, "::1\tlocalhost ip6-localhost ip6-loopback\n"
			       "fe00::\tip6-localnet\n"
			       "ff00::\tip6-mcastprefix\n"
			       "ff02::1\tip6-allnodes\n"
			       "ff02::2\tip6-allrouters\n");
	if (extra)
		strv_for_each(s, extra)
			add_extra(&out, s, host_gateway);
	for (size_t i = 0; i < n; i++)
		buf_addf(&out, "%s\t%s\n", own[i].ip, own[i].names);
	return buf_take(&out);
}
