/*
 * path.c - request paths: escaping, queries, filters
 */
#include <ctype.h>

#include "client/private.h"

void client_path_escape(struct buf *path, const char *text)
{
	for (; *text; text++) {
		unsigned char ch = (unsigned char)*text;

		if (isalnum(ch) || strchr("-._~", ch))
			buf_addc(path, *text);
		else
			buf_addf(path, "%%%02X", ch);
	}
}

void client_query(struct buf *path, const char *key, const char *value)
{
	buf_addc(path, path->p && strchr(path->p, '?') ? '&' : '?');
	client_path_escape(path, key);
	buf_addc(path, '=');
	client_path_escape(path, value);
}

void client_query_bool(struct buf *path, const char *key, bool value)
{
	if (value)
		client_query(path, key, "1");
}

void client_query_filters(struct buf *path, const struct strv *filters)
{
	AUTO(free) char *text = NULL;
	json_t *all;

	if (!filters->n)
		return;
	all = json_object();
	strv_for_each(f, filters) {
		const char *eq = strchr(f, '=');
		AUTO(free) char *key = xstrndup(f, eq ? (size_t)(eq - f) : strlen(f));
		json_t *values = json_object_get(all, key);

		if (!values) {
			values = json_object();
			json_object_set_new(all, key, values);
		}
		json_object_set_new(values, eq ? eq + 1 : "", json_true());
	}
	text = json_dumps(all, JSON_COMPACT);
	json_decref(all);
	if (text)
		client_query(path, "filters", text);
}
