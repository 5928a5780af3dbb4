/*
 * spec-net.c - networks, hosts, links, addresses
 */
#include <ctype.h>

#include "cli/spec.h"

int spec_bool(const char *s)
{
	static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
	static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++)
		if (streq(s, yes[i]) || streq(s, no[i]))
			return streq(s, yes[i]);
	return -1;
}

int spec_csv(const char *s, struct strv *ret, struct err *err)
{
	for (;;) {
		AUTO(buf) struct buf field = {0};
		bool quoted = *s == '"', closed = !quoted;

		for (s += quoted; *s; s++) {
			if (quoted && *s == '"' && s[1] == '"') {
				buf_addc(&field, *s++);
				continue;
			}
			if (quoted ? *s == '"' : *s == ',') {
				closed = true;
				break;
			}
			if (!quoted && *s == '"')
				return err_set(err, ERR_INVALID,
					       "parse error on line 1, column %zu: bare \" in "
					       "non-quoted-field",
					       field.len + 1);
			buf_addc(&field, *s);
		}
		if (quoted)
			s += *s == '"';
		if (!closed || (*s && *s != ','))
			return err_set(err, ERR_INVALID,
				       "parse error on line 1, column %zu: extraneous or missing \" "
				       "in quoted-field",
				       field.len + 2);
		strv_take(ret, buf_take(&field));
		if (!*s++)
			return 0;
	}
}

/* --- --network ----------------------------------------------------------------------------- */

static json_t *sub(json_t *j, const char *key, json_t *fresh)
{
	json_t *at = json_object_get(j, key);

	if (at) {
		json_decref(fresh);
		return at;
	}
	json_object_set_new(j, key, fresh);
	return fresh;
}

static int network_field(json_t *ep, const char *field, char **name, struct err *err)
{
	const char *eq = strchr(field, '='), *v, *opt_eq;
	AUTO(free) char *key = NULL, *opt = NULL;
	int64_t n;

	if (!eq || eq == field)
		return err_set(err, ERR_INVALID, "invalid field %s", field);
	key = xstrndup(field, (size_t)(eq - field));
	str_lower(key);
	for (v = eq + 1; *v == ' '; v++)
		;
	if (streq(key, "name")) {
		free(*name);
		*name = xstrdup(v);
	} else if (streq(key, "alias")) {
		json_array_append_new(sub(ep, "Aliases", json_array()), json_string(v));
	} else if (streq(key, "ip")) {
		json_object_set_new(sub(ep, "IPAMConfig", json_object()), "IPv4Address",
				    json_string(v));
	} else if (streq(key, "ip6")) {
		json_object_set_new(sub(ep, "IPAMConfig", json_object()), "IPv6Address",
				    json_string(v));
	} else if (streq(key, "link-local-ip")) {
		json_t *ipam = sub(ep, "IPAMConfig", json_object());

		json_array_append_new(sub(ipam, "LinkLocalIPs", json_array()), json_string(v));
	} else if (streq(key, "mac-address")) {
		json_object_set_new(ep, "MacAddress", json_string(v));
	} else if (streq(key, "driver-opt")) {
		opt_eq = strchr(v, '=');
		if (!opt_eq || opt_eq == v)
			return err_set(err, ERR_INVALID,
				       "invalid key value pair format in driver options");
		opt = xstrndup(v, (size_t)(opt_eq - v));
		json_object_set_new(sub(ep, "DriverOpts", json_object()), opt,
				    json_string(opt_eq + 1));
	} else if (streq(key, "gw-priority")) {
		if (str_to_i64(v, 10, &n) < 0)
			return err_set(err, ERR_INVALID,
				       "invalid gw-priority (%s): strconv.Atoi: parsing \"%s\": "
				       "invalid syntax",
				       v, v);
		json_object_set_new(ep, "GwPriority", json_integer(n));
	} else {
		return err_set(err, ERR_INVALID, "invalid field key %s", key);
	}
	return 0;
}

/* The long form has a "name=..." or other known field; everything else is a name. */
static bool is_long(const char *s)
{
	return strchr(s, '=') != NULL;
}

int spec_network(const char *s, char **ret_name, json_t **ret, struct err *err)
{
	AUTO(strv) struct strv fields = {0};
	AUTO(free) char *name = NULL;
	json_t *ep = json_object();
	int r = 0;

	if (!*s) {
		r = err_set(err, ERR_INVALID, "no name set for network");
	} else if (!is_long(s)) {
		name = xstrdup(s);
	} else {
		r = spec_csv(s, &fields, err);
		for (size_t i = 0; r == 0 && i < fields.n; i++)
			r = network_field(ep, fields.v[i], &name, err);
		if (r == 0 && (!name || !*name))
			r = err_set(err, ERR_INVALID, "network name/id is not specified");
	}
	if (r < 0) {
		json_decref(ep);
		return -1;
	}
	*ret_name = TAKE_PTR(name);
	*ret = ep;
	return 0;
}

int check_network(const char *s, struct err *err)
{
	AUTO(free) char *name = NULL;
	json_t *ep;

	if (!*s) /* said later, as docker does */
		return 0;
	if (spec_network(s, &name, &ep, err) < 0)
		return -1;
	json_decref(ep);
	return 0;
}

/* --- names and addresses ---------------------------------------------------------------------- */

int check_ip(const char *s, struct err *err)
{
	while (isspace((unsigned char)*s))
		s++;
	if (spec_is_ip(s, strcspn(s, " \t\n")))
		return 0;
	return err_set(err, ERR_INVALID, "IP address is not correctly formatted: %s", s);
}

/* Letters somewhere, labels of letters, digits, '-' and '_' between dots. */
int check_domain(const char *s, struct err *err)
{
	size_t n = strlen(s), label = 0;
	bool alpha = streq(s, ".");

	if (streq(s, "."))
		return 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c == '.' && (label == 0 || i == 0))
			goto bad;
		label = c == '.' ? 0 : label + 1;
		alpha |= isalpha(c) != 0;
		if ((!isalnum(c) && c != '-' && c != '_' && c != '.') || label > 63 ||
		    (c == '-' && (label == 1 || i + 1 == n || s[i + 1] == '.')))
			goto bad;
	}
	if (n && n <= 255 && alpha)
		return 0;
bad:
	return err_set(err, ERR_INVALID, "%s is not a valid domain", s);
}

int spec_add_host(const char *s, char **ret, struct err *err)
{
	const char *sep = strchr(s, '='), *ip;
	size_t n;

	if (!sep)
		sep = strchr(s, ':');
	if (!sep || sep == s || !sep[1])
		return err_set(err, ERR_INVALID, "bad format for add-host: \"%s\"", s);
	ip = sep + 1;
	n = strlen(ip);
	if (n > 2 && ip[0] == '[' && ip[n - 1] == ']') {
		ip++;
		n -= 2;
	}
	if (!streq(sep + 1, "host-gateway") && !spec_is_ip(ip, n))
		return err_set(err, ERR_INVALID, "invalid IP address in add-host: \"%s\"", sep + 1);
	*ret = xasprintf("%.*s:%.*s", (int)(sep - s), s, (int)n, ip);
	return 0;
}

int check_add_host(const char *s, struct err *err)
{
	AUTO(free) char *line = NULL;

	return spec_add_host(s, &line, err);
}

int check_link(const char *s, struct err *err)
{
	const char *colon = strchr(s, ':');

	if (!*s)
		return err_set(err, ERR_INVALID, "empty string specified for links");
	if (colon && strchr(colon + 1, ':'))
		return err_set(err, ERR_INVALID, "bad format for links: %s", s);
	return 0;
}
