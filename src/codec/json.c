/*
 * json.c - a C struct and its JSON, bound by one table
 *
 * One row of kinds[] per enum jkind holds how that kind is parsed, printed, freed and
 * asked whether it is empty.
 *
 * (1) After a failed parse every member is either as before or wholly replaced, so
 *     json_unbind() is always safe.
 */
#include "codec/json.h"

#include <assert.h>

/* The length of the valid UTF-8 sequence at s, or 0. RFC 3629: no surrogates, no overlong. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

	if (len == 0 || len > n)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static bool utf8_valid(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_sequence((const unsigned char *)s + i, n - i);

		if (!len)
			return false;
		i += len;
	}
	return true;
}

static void utf8_repair(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_sequence((const unsigned char *)s + i, n - i);

		if (len) {
			buf_add(out, s + i, len);
			i += len;
		} else {
			buf_adds(out, "\xef\xbf\xbd");
			i++;
		}
	}
}

json_t *json_parse(const char *text, size_t n, struct err *err)
{
	AUTO(buf) struct buf repaired = {0};
	json_error_t je;
	json_t *j;

	if (!utf8_valid(text, n)) {
		utf8_repair(&repaired, text, n);
		text = repaired.p;
		n = repaired.len;
	}
	j = json_loadb(text, n, JSON_DECODE_ANY, &je);
	if (!j)
		err_set(err, ERR_INVALID, "invalid JSON at line %d, column %d: %s", je.line, je.column,
			je.text);
	return j;
}

json_t *json_strn(const char *s, size_t n)
{
	AUTO(buf) struct buf repaired = {0};

	if (utf8_valid(s, n))
		return json_stringn_nocheck(s, n);
	utf8_repair(&repaired, s, n);
	return json_stringn_nocheck(repaired.p, repaired.len);
}

json_t *json_str(const char *s)
{
	return s ? json_strn(s, strlen(s)) : json_string_nocheck("");
}

json_t *json_strs(const struct strv *sv)
{
	json_t *a = json_array();

	for (size_t i = 0; i < sv->n; i++)
		json_array_append_new(a, json_str(sv->v[i]));
	return a;
}

static void set_member(json_t *obj, const char *key, json_t *value)
{
	AUTO(buf) struct buf repaired = {0};

	if (!utf8_valid(key, strlen(key))) {
		utf8_repair(&repaired, key, strlen(key));
		key = repaired.p;
	}
	json_object_set_new_nocheck(obj, key, value);
}

json_t *json_str_map(const struct map *map)
{
	json_t *o = json_object();

	map_for_each(it, map)
		set_member(o, it->key, json_str(it->value));
	return o;
}

char *json_text(const json_t *value, size_t flags)
{
	char *s = json_dumps(value, flags ? flags : JSON_COMPACT | JSON_ENCODE_ANY);

	CHECK(s);
	return s;
}

const char *json_get_str(const json_t *obj, const char *key, const char *fallback)
{
	const char *s = json_string_value(json_object_get(obj, key));

	return s ? s : fallback;
}

int64_t json_get_int(const json_t *obj, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool json_get_bool(const json_t *obj, const char *key, bool fallback)
{
	const json_t *v = json_object_get(obj, key);

	return json_is_boolean(v) ? json_is_true(v) : fallback;
}

void *jarray_add(struct jarray *a, size_t size)
{
	a->v = xrealloc(a->v, (a->n + 1) * size);
	return memset((char *)a->v + size * a->n++, 0, size);
}

static const char *type_name(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a boolean";
	default:
		return "null";
	}
}

static int mismatch(struct err *err, const char *wanted, const json_t *got)
{
	return err_set(err, ERR_INVALID, "expected %s, got %s", wanted, type_name(got));
}

static int parse_bool(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	if (!json_is_boolean(v))
		return mismatch(err, "a boolean", v);
	*(bool *)p = json_is_true(v);
	return 0;
}

static int parse_int(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	if (!json_is_integer(v))
		return mismatch(err, "an integer", v);
	*(int64_t *)p = json_integer_value(v);
	return 0;
}

static int parse_uint(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	if (!json_is_integer(v))
		return mismatch(err, "an integer", v);
	if (json_integer_value(v) < 0)
		return err_set(err, ERR_INVALID, "expected a number that is not negative");
	*(uint64_t *)p = (uint64_t)json_integer_value(v);
	return 0;
}

static int parse_double(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	if (!json_is_number(v))
		return mismatch(err, "a number", v);
	*(double *)p = json_number_value(v);
	return 0;
}

static int parse_str(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	if (!json_is_string(v))
		return mismatch(err, "a string", v);
	free(*(char **)p);
	*(char **)p = xstrdup(json_string_value(v));
	return 0;
}

static int parse_strv(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	AUTO(strv) struct strv sv = {0};
	const json_t *e;
	size_t i;

	if ((f->flags & J_SCALAR_OK) && json_is_string(v)) {
		strv_add(&sv, json_string_value(v));
	} else if (!json_is_array(v)) {
		return mismatch(err, "an array of strings", v);
	} else {
		json_array_foreach(v, i, e) {
			if (!json_is_string(e))
				return mismatch(err, "an array of strings", e);
			strv_add(&sv, json_string_value(e));
		}
	}
	if (!sv.v)
		sv.v = xcalloc(1, sizeof(*sv.v)); /* given, though empty */
	strv_done(p);
	*(struct strv *)p = sv;
	sv = (struct strv){0};
	return 0;
}

static int parse_strmap(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	struct map m = {.free_value = free};
	const char *key;
	json_t *e;

	if (!json_is_object(v))
		return mismatch(err, "an object of strings", v);
	json_object_foreach((json_t *)v, key, e) {
		if (!json_is_string(e) && !json_is_null(e)) {
			map_done(&m);
			return mismatch(err, "an object of strings", e);
		}
		map_set_str(&m, key, str_or(json_string_value(e)));
	}
	map_done(p);
	*(struct map *)p = m;
	return 0;
}

static int parse_set(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	const char *key;
	json_t *e;

	if (!json_is_object(v))
		return mismatch(err, "an object", v);
	strv_done(p);
	json_object_foreach((json_t *)v, key, e)
		strv_add(p, key);
	return 0;
}

static int parse_obj(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	return json_bind(f->type, v, p, err);
}

static int parse_ptr(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	if (!*(void **)p)
		*(void **)p = xcalloc(1, f->type->size);
	return json_bind(f->type, v, *(void **)p, err);
}

static void free_arr(const struct jfield *f, void *p)
{
	struct jarray *a = p;

	for (size_t i = 0; i < a->n; i++)
		json_unbind(f->type, (char *)a->v + i * f->type->size);
	free(a->v);
	*a = (struct jarray){0};
}

static int parse_arr(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	size_t i;
	json_t *e;

	if (!json_is_array(v))
		return mismatch(err, "an array", v);
	free_arr(f, p);
	((struct jarray *)p)->v = xcalloc(1, f->type->size); /* given, though maybe empty */
	json_array_foreach((json_t *)v, i, e) {
		if (json_bind(f->type, e, jarray_add(p, f->type->size), err) < 0)
			return err_wrap(err, "[%zu]", i);
	}
	return 0;
}

static void free_map(const struct jfield *f, void *p)
{
	struct map *m = p;

	map_for_each(it, m) {
		if (it->value)
			json_unbind(f->type, it->value);
		free(it->value);
		it->value = NULL;
	}
	map_done(m);
}

static int parse_map(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	const char *key;
	json_t *e;

	if (!json_is_object(v))
		return mismatch(err, "an object", v);
	free_map(f, p);
	json_object_foreach((json_t *)v, key, e) {
		void *elem = json_is_null(e) ? NULL : xcalloc(1, f->type->size);

		map_set(p, key, elem);
		if (elem && json_bind(f->type, e, elem, err) < 0)
			return err_wrap(err, "%s", key);
	}
	return 0;
}

static int parse_opt_int(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	struct opt_int *o = p;

	if (parse_int(f, v, &o->v, err) < 0)
		return -1;
	o->set = true;
	return 0;
}

static int parse_opt_bool(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	struct opt_bool *o = p;

	if (parse_bool(f, v, &o->v, err) < 0)
		return -1;
	o->set = true;
	return 0;
}

static int parse_raw(const struct jfield *f, const json_t *v, void *p, struct err *err)
{
	json_decref(*(json_t **)p);
	*(json_t **)p = json_deep_copy(v);
	return 0;
}

static json_t *print_bool(const struct jfield *f, const void *p)
{
	return json_boolean(*(const bool *)p);
}

static json_t *print_int(const struct jfield *f, const void *p)
{
	return json_integer(*(const int64_t *)p);
}

/* What does not fit the 64 signed bits of an integer here is "unlimited" in practice. */
static json_t *print_uint(const struct jfield *f, const void *p)
{
	uint64_t v = *(const uint64_t *)p;

	return json_integer((json_int_t)MIN(v, (uint64_t)INT64_MAX));
}

static json_t *print_double(const struct jfield *f, const void *p)
{
	return json_real(*(const double *)p);
}

static json_t *print_str(const struct jfield *f, const void *p)
{
	return json_str(*(char *const *)p);
}

static json_t *print_strv(const struct jfield *f, const void *p)
{
	return json_strs(p);
}

static json_t *print_strmap(const struct jfield *f, const void *p)
{
	return json_str_map(p);
}

static json_t *print_set(const struct jfield *f, const void *p)
{
	const struct strv *sv = p;
	json_t *o = json_object();

	for (size_t i = 0; i < sv->n; i++)
		set_member(o, sv->v[i], json_object());
	return o;
}

static json_t *print_obj(const struct jfield *f, const void *p)
{
	return json_print(f->type, p);
}

static json_t *print_ptr(const struct jfield *f, const void *p)
{
	const void *obj = *(void *const *)p;

	return obj ? json_print(f->type, obj) : json_null();
}

static json_t *print_arr(const struct jfield *f, const void *p)
{
	const struct jarray *a = p;
	json_t *out = json_array();

	for (size_t i = 0; i < a->n; i++)
		json_array_append_new(out, json_print(f->type, (char *)a->v + i * f->type->size));
	return out;
}

static json_t *print_map(const struct jfield *f, const void *p)
{
	json_t *o = json_object();

	map_for_each(it, (const struct map *)p)
		set_member(o, it->key, it->value ? json_print(f->type, it->value) : json_null());
	return o;
}

static json_t *print_opt_int(const struct jfield *f, const void *p)
{
	const struct opt_int *o = p;

	return o->set ? json_integer(o->v) : json_null();
}

static json_t *print_opt_bool(const struct jfield *f, const void *p)
{
	const struct opt_bool *o = p;

	return o->set ? json_boolean(o->v) : json_null();
}

static json_t *print_raw(const struct jfield *f, const void *p)
{
	json_t *v = *(json_t *const *)p;

	return v ? json_deep_copy(v) : json_null();
}

static bool empty_bool(const void *p)
{
	return !*(const bool *)p;
}

static bool empty_int(const void *p)
{
	return *(const int64_t *)p == 0;
}

static bool empty_double(const void *p)
{
	return !(*(const double *)p < 0 || *(const double *)p > 0);
}

static bool empty_str(const void *p)
{
	const char *s = *(char *const *)p;

	return !s || !*s;
}

static bool empty_strv(const void *p)
{
	return ((const struct strv *)p)->n == 0;
}

static bool empty_map(const void *p)
{
	return ((const struct map *)p)->n == 0;
}

static bool empty_never(const void *p)
{
	return false;
}

static bool empty_ptr(const void *p)
{
	return !*(void *const *)p;
}

static bool empty_arr(const void *p)
{
	return ((const struct jarray *)p)->n == 0;
}

static bool empty_opt_int(const void *p)
{
	return !((const struct opt_int *)p)->set;
}

static bool empty_opt_bool(const void *p)
{
	return !((const struct opt_bool *)p)->set;
}

static void free_nothing(const struct jfield *f, void *p)
{
}

static void free_str(const struct jfield *f, void *p)
{
	free(*(char **)p);
}

static void free_strv(const struct jfield *f, void *p)
{
	strv_done(p);
}

static void free_strmap(const struct jfield *f, void *p)
{
	map_done(p);
}

static void free_obj(const struct jfield *f, void *p)
{
	json_unbind(f->type, p);
}

static void free_ptr(const struct jfield *f, void *p)
{
	if (*(void **)p)
		json_unbind(f->type, *(void **)p);
	free(*(void **)p);
}

static void free_raw(const struct jfield *f, void *p)
{
	json_decref(*(json_t **)p);
}

static const struct kind {
	int (*parse)(const struct jfield *f, const json_t *v, void *p, struct err *err);
	json_t *(*print)(const struct jfield *f, const void *p);
	bool (*empty)(const void *p);
	void (*free)(const struct jfield *f, void *p);
} kinds[] = {
	[J_BOOL] = {parse_bool, print_bool, empty_bool, free_nothing},
	[J_INT] = {parse_int, print_int, empty_int, free_nothing},
	[J_UINT] = {parse_uint, print_uint, empty_int, free_nothing},
	[J_DOUBLE] = {parse_double, print_double, empty_double, free_nothing},
	[J_STR] = {parse_str, print_str, empty_str, free_str},
	[J_STRV] = {parse_strv, print_strv, empty_strv, free_strv},
	[J_STRMAP] = {parse_strmap, print_strmap, empty_map, free_strmap},
	[J_SET] = {parse_set, print_set, empty_strv, free_strv},
	[J_OBJ] = {parse_obj, print_obj, empty_never, free_obj},
	[J_PTR] = {parse_ptr, print_ptr, empty_ptr, free_ptr},
	[J_ARR] = {parse_arr, print_arr, empty_arr, free_arr},
	[J_MAP] = {parse_map, print_map, empty_map, free_map},
	[J_OPT_INT] = {parse_opt_int, print_opt_int, empty_opt_int, free_nothing},
	[J_OPT_BOOL] = {parse_opt_bool, print_opt_bool, empty_opt_bool, free_nothing},
	[J_RAW] = {parse_raw, print_raw, empty_ptr, free_raw},
};
static_assert(ARRAY_LEN(kinds) == J_KINDS, "a row for each kind");

static const struct jfield *field_for_key(const struct jtype *type, const char *key)
{
	const struct jfield *loose = NULL;

	for (size_t i = 0; i < type->nfields; i++) {
		if (strcmp(type->fields[i].name, key) == 0)
			return &type->fields[i];
		if (!loose && strcasecmp(type->fields[i].name, key) == 0)
			loose = &type->fields[i];
	}
	return loose;
}

static void set_null(const struct jfield *f, void *p)
{
	if (f->kind != J_PTR && f->kind != J_OPT_INT && f->kind != J_OPT_BOOL && f->kind != J_RAW)
		return;
	kinds[f->kind].free(f, p);
	if (f->kind == J_OPT_INT)
		*(struct opt_int *)p = (struct opt_int){0};
	else if (f->kind == J_OPT_BOOL)
		*(struct opt_bool *)p = (struct opt_bool){0};
	else
		*(void **)p = NULL;
}

int json_bind(const struct jtype *type, const json_t *value, void *obj, struct err *err)
{
	const char *key;
	json_t *v;

	if (!json_is_object(value))
		return mismatch(err, "an object", value);
	json_object_foreach((json_t *)value, key, v) {
		const struct jfield *f = field_for_key(type, key);
		void *p;

		if (!f)
			continue;
		p = (char *)obj + f->offset;
		if (json_is_null(v)) {
			set_null(f, p);
			continue;
		}
		if (kinds[f->kind].parse(f, v, p, err) < 0) {
			bool nested = strncmp(err ? err->msg : "", "expected", 8) != 0;

			return nested ? err_wrap(err, "%s", f->name) :
					err_wrap(err, "invalid value for %s", f->name);
		}
	}
	return 0;
}

/* A list that was [] rather than absent or null: it has memory, though nothing in it. */
static bool given_empty(const struct jfield *f, const void *p)
{
	if (f->kind == J_STRV)
		return ((const struct strv *)p)->v != NULL;
	return f->kind == J_ARR && ((const struct jarray *)p)->v != NULL;
}

json_t *json_print(const struct jtype *type, const void *obj)
{
	json_t *out = json_object();

	for (size_t i = 0; i < type->nfields; i++) {
		const struct jfield *f = &type->fields[i];
		const void *p = (const char *)obj + f->offset;
		const struct kind *k = &kinds[f->kind];

		if ((f->flags & (J_OMITEMPTY | J_NULL)) && k->empty(p) &&
		    !((f->flags & J_NULL) && given_empty(f, p))) {
			if (!(f->flags & J_OMITEMPTY))
				json_object_set_new_nocheck(out, f->name, json_null());
			continue;
		}
		json_object_set_new_nocheck(out, f->name, k->print(f, p));
	}
	return out;
}

void json_unbind(const struct jtype *type, void *obj)
{
	for (size_t i = 0; i < type->nfields; i++) {
		const struct jfield *f = &type->fields[i];

		kinds[f->kind].free(f, (char *)obj + f->offset);
	}
	memset(obj, 0, type->size);
}

void json_bind_copy(const struct jtype *type, void *dst, const void *src)
{
	json_t *j = json_print(type, src);

	CHECK(json_bind(type, j, dst, NULL) == 0);
	json_decref(j);
}
