/*
 * param.c - query parameters by docker's rules
 */
#include <ctype.h>
#include <errno.h>

#include "api/private.h"
#include "base/clock.h"

const char *param(const struct call *c, const char *name)
{
	return http_query_get(&c->query, name);
}

bool param_bool(const struct call *c, const char *name, bool dflt)
{
	static const char *const falses[] = {"", "0", "no", "false", "none"};
	const char *v = param(c, name);
	AUTO(free) char *s = NULL;
	char *p;

	if (!v)
		return dflt;
	s = xstrdup(v);
	str_lower(s);
	p = s + strspn(s, " \t\r\n");
	for (size_t n = strlen(p); n && isspace((unsigned char)p[n - 1]); n--)
		p[n - 1] = '\0';
	for (size_t i = 0; i < ARRAY_LEN(falses); i++)
		if (streq(p, falses[i]))
			return false;
	return true;
}

int param_int(const struct call *c, const char *name, int64_t dflt, int64_t *ret, struct err *err)
{
	const char *v = param(c, name);
	int r;

	*ret = dflt;
	if (!v || !*v)
		return 0;
	r = str_to_i64(v, 10, ret);
	if (r < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%.64s\": %s", v,
			       r == -ERANGE ? "value out of range" : "invalid syntax");
	return 0;
}

int param_moment(const struct call *c, const char *name, int64_t *ret_ns, struct err *err)
{
	const char *v = param(c, name);

	*ret_ns = 0;
	if (!v || !*v || streq(v, "0"))
		return 0;
	if (clock_parse_moment(v, clock_real_ns(), ret_ns) < 0)
		return err_set(err, ERR_INVALID, "invalid value for \"%s\": failed to parse value as time or duration: \"%.64s\"", name, v);
	return 0;
}

void param_all(const struct call *c, const char *name, struct strv *ret)
{
	for (size_t i = 0; i < c->query.keys.n; i++)
		if (streq(c->query.keys.v[i], name))
			strv_add(ret, c->query.values.v[i]);
}

int param_filters(const struct call *c, struct filters *ret, struct err *err)
{
	return filters_parse(param(c, "filters"), ret, err);
}

json_t *filters_json(const struct filters *f)
{
	json_t *obj = json_object();

	map_for_each(it, &f->m)
		json_object_set_new_nocheck(obj, it->key, json_strs(it->value));
	return obj;
}

int need_body(const struct call *c, struct err *err)
{
	if (!c->body)
		return err_set(err, ERR_INVALID, "invalid JSON: got EOF while reading request body");
	return 0;
}
