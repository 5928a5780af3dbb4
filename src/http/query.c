/*
 * query.c - query strings and percent-encoding
 */
#include "http/http.h"

#include <errno.h>

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int http_unescape(char *s, bool plus)
{
	char *w = s;

	for (; *s; s++) {
		if (*s == '%') {
			int hi = hex_digit(s[1]), lo = hi < 0 ? -1 : hex_digit(s[2]);

			if (lo < 0 || hi * 16 + lo == 0)
				return -EINVAL;
			*w++ = (char)(hi * 16 + lo);
			s += 2;
		} else {
			*w++ = plus && *s == '+' ? ' ' : *s;
		}
	}
	*w = '\0';
	return 0;
}

void http_query_done(struct http_query *q)
{
	strv_done(&q->keys);
	strv_done(&q->values);
}

static int bad_escape(const char *part, struct err *err)
{
	const char *pct = strchr(part, '%');

	return err_set(err, ERR_INVALID, "invalid URL escape \"%.3s\"", pct ? pct : part);
}

int http_query_parse(const char *s, struct http_query *ret, struct err *err)
{
	AUTO(http_query) struct http_query q = {0};
	AUTO(strv) struct strv parts = {0};

	http_query_done(ret);
	strv_split(&parts, s, '&');
	strv_for_each(part, &parts) {
		const char *eq = strchr(part, '=');
		AUTO(free) char *key = eq ? xstrndup(part, eq - part) : xstrdup(part);
		AUTO(free) char *value = xstrdup(eq ? eq + 1 : "");

		if (!*part)
			continue;
		if (strchr(part, ';'))
			return err_set(err, ERR_INVALID, "invalid semicolon separator in query");
		if (q.keys.n >= HTTP_MAX_QUERY_PAIRS)
			return err_set(err, ERR_INVALID, "too many query parameters");
		if (http_unescape(key, true) < 0 || http_unescape(value, true) < 0)
			return bad_escape(part, err);
		strv_take(&q.keys, TAKE_PTR(key));
		strv_take(&q.values, TAKE_PTR(value));
	}
	*ret = q;
	q = (struct http_query){0};
	return 0;
}

const char *http_query_get(const struct http_query *q, const char *key)
{
	for (size_t i = 0; i < q->keys.n; i++)
		if (streq(q->keys.v[i], key))
			return q->values.v[i];
	return NULL;
}
