/*
 * filters.c - docker's "filters" parameter
 *
 * (1) Nothing bigger than FILTERS_MAX_BYTES is parsed and no more than FILTERS_MAX_VALUES kept.
 */
#include "codec/filters.h"

#include <errno.h>
#include <regex.h>

#include "codec/json.h"

#define MAX_PATTERN 512

static void free_values(void *p)
{
	strv_done(p);
	free(p);
}

void filters_done(struct filters *f)
{
	map_done(&f->m);
}

void filters_move(struct filters *dst, struct filters *src)
{
	filters_done(dst);
	*dst = *src;
	*src = (struct filters){0};
}

void filters_add(struct filters *f, const char *key, const char *value)
{
	struct strv *sv = map_get(&f->m, key);

	f->m.free_value = free_values;
	if (!sv) {
		sv = xnew(struct strv);
		map_set(&f->m, key, sv);
	}
	if (!strv_has(sv, value))
		strv_add(sv, value);
}

/* Adds the values under one key; -1 where their form is neither of the two. */
static int add_values(struct filters *f, const char *key, const json_t *v, size_t *n)
{
	const char *name;
	json_t *item;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach(v, i, item) {
			if (!json_is_string(item) || ++*n > FILTERS_MAX_VALUES)
				return -1;
			filters_add(f, key, json_string_value(item));
		}
		return 0;
	}
	if (!json_is_object(v))
		return json_is_null(v) ? 0 : -1;
	json_object_foreach((json_t *)v, name, item) {
		if (!json_is_boolean(item) || ++*n > FILTERS_MAX_VALUES)
			return -1;
		if (json_is_true(item))
			filters_add(f, key, name);
	}
	return 0;
}

int filters_parse(const char *json, struct filters *ret, struct err *err)
{
	AUTO(filters) struct filters f = {0};
	json_t *root, *v;
	const char *key;
	size_t len, n = 0;
	int r = 0;

	filters_done(ret);
	if (!json || !*json)
		return 0;
	len = strlen(json);
	if (len > FILTERS_MAX_BYTES)
		return err_set(err, ERR_INVALID, "invalid filter: too long");
	root = json_parse(json, len, NULL);
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, ERR_INVALID, "invalid filter");
	}
	json_object_foreach(root, key, v) {
		r = add_values(&f, key, v, &n);
		if (r < 0)
			break;
	}
	json_decref(root);
	if (r < 0)
		return err_set(err, ERR_INVALID, "invalid filter");
	filters_move(ret, &f);
	return 0;
}

int filters_check(const struct filters *f, const char *const *allowed, struct err *err)
{
	map_for_each(it, &f->m) {
		const char *const *a = allowed;

		while (*a && !streq(*a, it->key))
			a++;
		if (!*a)
			return err_set(err, ERR_INVALID, "invalid filter '%s'", it->key);
	}
	return 0;
}

const struct strv *filters_get(const struct filters *f, const char *key)
{
	return map_get(&f->m, key);
}

bool filters_has(const struct filters *f, const char *key)
{
	const struct strv *sv = filters_get(f, key);

	return sv && sv->n > 0;
}

bool filters_exact(const struct filters *f, const char *key, const char *s)
{
	return !filters_has(f, key) || strv_has(filters_get(f, key), str_or(s));
}

bool filters_prefix(const struct filters *f, const char *key, const char *s)
{
	if (!filters_has(f, key))
		return true;
	strv_for_each(v, filters_get(f, key))
		if (str_after(str_or(s), v))
			return true;
	return false;
}

static bool regexp_finds(const char *pattern, const char *s)
{
	regex_t re;
	bool found;

	if (strlen(pattern) > MAX_PATTERN || regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
		return false;
	found = regexec(&re, s, 0, NULL, 0) == 0;
	regfree(&re);
	return found;
}

/* POSIX repetition of repetitions ("((a{255}){255}){255}") takes memory without bound. */
static bool is_plain(const char *pattern)
{
	return !strpbrk(pattern, "{}");
}

bool filters_match(const struct filters *f, const char *key, const char *s)
{
	if (filters_exact(f, key, s))
		return true;
	strv_for_each(v, filters_get(f, key))
		if (is_plain(v) && regexp_finds(v, str_or(s)))
			return true;
	return false;
}

static bool label_matches(const char *want, const struct map *attrs)
{
	const char *eq = strchr(want, '=');
	AUTO(free) char *key = eq ? xstrndup(want, eq - want) : xstrdup(want);

	if (!attrs || !map_has(attrs, key))
		return false;
	return !eq || streq(str_or(map_get(attrs, key)), eq + 1);
}

bool filters_labels(const struct filters *f, const char *key, const struct map *attrs)
{
	if (!filters_has(f, key))
		return true;
	strv_for_each(v, filters_get(f, key))
		if (!label_matches(v, attrs))
			return false;
	return true;
}

bool filters_labels_not(const struct filters *f, const char *key, const struct map *attrs)
{
	if (!filters_has(f, key))
		return true;
	strv_for_each(v, filters_get(f, key))
		if (label_matches(v, attrs))
			return false;
	return true;
}

int filters_bool(const struct filters *f, const char *key, bool dflt, bool *ret, struct err *err)
{
	const struct strv *sv = filters_get(f, key);
	bool yes, no;

	if (!filters_has(f, key)) {
		*ret = dflt;
		return 0;
	}
	yes = strv_has(sv, "1") || strv_has(sv, "true");
	no = strv_has(sv, "0") || strv_has(sv, "false");
	if (yes == no || sv->n > 2) {
		AUTO(free) char *all = strv_join(sv, " ");

		return err_set(err, ERR_INVALID, "invalid filter '%s=[%s]'", key, all);
	}
	*ret = yes;
	return 0;
}
