/*
 * spec-port.c - published and exposed ports
 *
 *	publish := [[ip ":"] [host] ":"] container ["/" proto]
 *	host, container := port ["-" port]
 *	or CSV: target=80,published=8080,protocol=tcp[,mode=host]
 *
 * (1) A range of container ports needs a range of host ports of the same length, or none; a
 *     single container port may have a host range, from which the daemon picks.
 */
#include <arpa/inet.h>

#include "cli/spec.h"

struct range {
	unsigned from, to;
};

static int parse_range(const char *s, struct range *ret)
{
	const char *dash = strchr(s, '-');
	AUTO(free) char *first = xstrndup(s, dash ? (size_t)(dash - s) : strlen(s));
	int64_t from, to;

	if (str_to_i64(first, 10, &from) < 0 || from < 0 || from > 65535)
		return -1;
	to = from;
	if (dash && (str_to_i64(dash + 1, 10, &to) < 0 || to < from || to > 65535))
		return -1;
	*ret = (struct range){(unsigned)from, (unsigned)to};
	return 0;
}

bool spec_is_ip(const char *s, size_t n)
{
	AUTO(free) char *text = xstrndup(s, n);
	unsigned char raw[16];

	return inet_pton(AF_INET, text, raw) == 1 || inet_pton(AF_INET6, text, raw) == 1;
}

/* Cuts "/proto" off; *ret_proto is "tcp" if there is none. */
static void split_proto(const char *s, char **ret_port, char **ret_proto)
{
	const char *slash = strchr(s, '/');

	*ret_port = xstrndup(s, slash ? (size_t)(slash - s) : strlen(s));
	*ret_proto = xstrdup(slash && slash[1] ? slash + 1 : "tcp");
	str_lower(*ret_proto);
}

static bool proto_ok(const char *proto)
{
	return streq(proto, "tcp") || streq(proto, "udp") || streq(proto, "sctp");
}

static void add_binding(json_t *bindings, const char *key, const char *ip, const char *host)
{
	json_t *list = json_object_get(bindings, key);

	if (!list) {
		list = json_array();
		json_object_set_new(bindings, key, list);
	}
	json_array_append_new(list, json_pack("{s:s, s:s}", "HostIp", ip, "HostPort", host));
}

static void expose(json_t *exposed, unsigned port, const char *proto)
{
	AUTO(free) char *key = xasprintf("%u/%s", port, proto);

	if (!json_object_get(exposed, key))
		json_object_set_new(exposed, key, json_object());
}

/* Host part of the i-th container port. */
static char *host_port(const struct range *host, const struct range *inside, unsigned i)
{
	if (!host)
		return xstrdup("");
	if (inside->from == inside->to && host->from != host->to)
		return xasprintf("%u-%u", host->from, host->to);
	return xasprintf("%u", host->from + i);
}

static int clean_ip(char *ip, struct err *err)
{
	size_t n = strlen(ip);

	if (n >= 2 && ip[0] == '[' && ip[n - 1] == ']') {
		memmove(ip, ip + 1, n - 2);
		ip[n - 2] = 0;
	}
	if (*ip && !spec_is_ip(ip, strlen(ip)))
		return err_set(err, ERR_INVALID, "invalid IP address: %s", ip);
	return 0;
}

static int publish(const char *spec, char *ip, const char *host, const char *inside,
		   json_t *exposed, json_t *bindings, struct err *err)
{
	AUTO(free) char *port = NULL, *proto = NULL;
	struct range in, out = {0};

	split_proto(inside, &port, &proto);
	if (clean_ip(ip, err) < 0)
		return -1;
	if (!*port)
		return err_set(err, ERR_INVALID, "no port specified: %s<empty>", spec);
	if (parse_range(port, &in) < 0)
		return err_set(err, ERR_INVALID, "invalid containerPort: %s", port);
	if (*host && parse_range(host, &out) < 0)
		return err_set(err, ERR_INVALID, "invalid hostPort: %s", host);
	if (*host && in.to - in.from != out.to - out.from && in.from != in.to)
		return err_set(err, ERR_INVALID,
			       "invalid ranges specified for container and host Ports: %s and %s",
			       port, host);
	if (!proto_ok(proto))
		return err_set(err, ERR_INVALID, "invalid proto: %s", proto);
	for (unsigned i = 0; i <= in.to - in.from; i++) {
		AUTO(free) char *key = xasprintf("%u/%s", in.from + i, proto);
		AUTO(free) char *hp = host_port(*host ? &out : NULL, &in, i);

		expose(exposed, in.from + i, proto);
		add_binding(bindings, key, ip, hp);
	}
	return 0;
}

static int publish_short(const char *s, json_t *exposed, json_t *bindings, struct err *err)
{
	AUTO(free) char *text = xstrdup(s);
	char *inside = strrchr(text, ':'), *host, none[1] = "";

	if (!inside)
		return publish(s, none, "", text, exposed, bindings, err);
	*inside++ = 0;
	host = strrchr(text, ':');
	if (!host)
		return publish(s, none, text, inside, exposed, bindings, err);
	*host++ = 0;
	return publish(s, text, host, inside, exposed, bindings, err);
}

/* target=80,published=8080,protocol=udp */
static int publish_long(const char *s, json_t *exposed, json_t *bindings, struct err *err)
{
	AUTO(strv) struct strv fields = {0};
	AUTO(free) char *inside = NULL, *shown = NULL;
	const char *target = "", *published = "", *proto = "tcp";
	char none[1] = "";

	if (spec_csv(s, &fields, err) < 0)
		return -1;
	strv_for_each(f, &fields) {
		const char *v;

		if (!strchr(f, '='))
			return err_set(err, ERR_INVALID,
				       "invalid publish opts format (should be name=value but got '%s')",
				       f);
		if ((v = str_after(f, "target=")))
			target = v;
		else if ((v = str_after(f, "published=")))
			published = v;
		else if ((v = str_after(f, "protocol=")))
			proto = v;
	}
	inside = xasprintf("%s/%s", target, proto);
	shown = xasprintf("%s:%s", published, inside);
	return publish(shown, none, published, inside, exposed, bindings, err);
}

int spec_publish(const char *s, json_t *exposed, json_t *bindings, struct err *err)
{
	return (strchr(s, '=') ? publish_long : publish_short)(s, exposed, bindings, err);
}

int spec_expose(const char *s, json_t *exposed, struct err *err)
{
	AUTO(free) char *port = NULL, *proto = NULL;
	struct range r;

	if (strchr(s, ':'))
		return err_set(err, ERR_INVALID, "invalid port format for --expose: %s", s);
	split_proto(s, &port, &proto);
	if (!*port)
		return err_set(err, ERR_INVALID,
			       "invalid range format for --expose: %s, error: empty string "
			       "specified for ports",
			       s);
	if (parse_range(port, &r) < 0)
		return err_set(err, ERR_INVALID,
			       "invalid range format for --expose: %s, error: invalid range "
			       "specified for port: %s",
			       s, port);
	if (!proto_ok(proto))
		return err_set(err, ERR_INVALID, "invalid proto: %s", proto);
	for (unsigned p = r.from; p <= r.to; p++)
		expose(exposed, p, proto);
	return 0;
}
