/*
 * filter.c - the filters of list and prune requests, as the API has them
 */
#include "network/private.h"

void filter_values(const json_t *filters, const char *key, struct strv *ret)
{
	json_t *v = json_object_get(filters, key), *item;
	const char *name;
	size_t i;

	if (json_is_string(v))
		strv_add(ret, json_string_value(v));
	json_array_foreach(v, i, item)
		if (json_is_string(item))
			strv_add(ret, json_string_value(item));
	if (json_is_object(v))
		json_object_foreach(v, name, item)
			if (json_is_true(item))
				strv_add(ret, name);
}

int filter_check_keys(const json_t *filters, const char *const *known, size_t n, struct err *err)
{
	const char *key;
	json_t *v;

	json_object_foreach((json_t *)filters, key, v) {
		size_t i = 0;

		while (i < n && !streq(key, known[i]))
			i++;
		if (i == n)
			return err_set(err, ERR_INVALID, "invalid filter '%.128s'", key);
	}
	return 0;
}

bool filter_labels(const struct strv *wanted, const json_t *labels)
{
	strv_for_each(w, wanted) {
		size_t n = strcspn(w, "=");
		AUTO(free) char *key = xstrndup(w, n);
		const char *have = json_string_value(json_object_get(labels, key));

		if (!have || (w[n] == '=' && !streq(have, w + n + 1)))
			return false;
	}
	return true;
}
