/*
 * filters.h - docker's "filters" parameter: {"label":["a=b"],"status":["running"]}
 *
 * Also the old form {"label":{"a=b":true}}. Values of one key are alternatives ("or") except
 * for labels, where all must match.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

#define FILTERS_MAX_BYTES  (256u << 10)
#define FILTERS_MAX_VALUES 1024

/* Zeroed is empty. key -> struct strv * (owned). */
struct filters {
	struct map m;
};

/* NULL or "" gives an empty one. ERR_INVALID "invalid filter". */
int filters_parse(const char *json, struct filters *ret, struct err *err) MUST_USE;
void filters_done(struct filters *f);
static inline void auto_filters(struct filters *f)
{
	filters_done(f);
}
void filters_move(struct filters *dst, struct filters *src); /* src is empty afterwards */
void filters_add(struct filters *f, const char *key, const char *value);

/* ERR_INVALID "invalid filter 'x'" for a key that is not in allowed (NULL-terminated). */
int filters_check(const struct filters *f, const char *const *allowed, struct err *err) MUST_USE;

bool filters_has(const struct filters *f, const char *key);
const struct strv *filters_get(const struct filters *f, const char *key); /* NULL: absent */

/* Each is true where the key is absent, else whether one of its values... */
bool filters_exact(const struct filters *f, const char *key, const char *s);  /* equals s */
bool filters_prefix(const struct filters *f, const char *key, const char *s); /* begins s (or equals) */
bool filters_match(const struct filters *f, const char *key, const char *s);  /* equals, or as regexp is found in s */
/* Every "k" or "k=v" under key is in the string map attrs (NULL: an empty one). */
bool filters_labels(const struct filters *f, const char *key, const struct map *attrs);
/* No "k" or "k=v" under key matches ("label!"). */
bool filters_labels_not(const struct filters *f, const char *key, const struct map *attrs);

/* One bool ("true", "1", "false", "0"), dflt if absent. ERR_INVALID "invalid filter 'dangling=[x]'". */
int filters_bool(const struct filters *f, const char *key, bool dflt, bool *ret, struct err *err) MUST_USE;
