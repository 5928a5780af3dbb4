/*
 * template-value.c - JSON values as Go would see them
 *
 * (1) A value with a type but with null or wrong JSON is the type's zero value.
 * (2) Without a type an object is a map[string]any, an array an []any.
 */
#include "codec/template-priv.h"

static enum val_kind json_kind(const json_t *j)
{
	switch (json_typeof(j)) {
	case JSON_OBJECT:
		return V_MAP;
	case JSON_ARRAY:
		return V_LIST;
	case JSON_STRING:
		return V_STRING;
	case JSON_INTEGER:
		return V_INT;
	case JSON_REAL:
		return V_FLOAT;
	case JSON_TRUE:
	case JSON_FALSE:
		return V_BOOL;
	default:
		return V_NIL;
	}
}

enum val_kind val_kind(struct val v)
{
	static const enum val_kind kinds[] = {
		[TMPL_ANY] = V_NIL,	[TMPL_STRUCT] = V_STRUCT, [TMPL_MAP] = V_MAP,
		[TMPL_LIST] = V_LIST,	[TMPL_STRING] = V_STRING, [TMPL_INT] = V_INT,
		[TMPL_FLOAT] = V_FLOAT, [TMPL_BOOL] = V_BOOL,	  [TMPL_TIME] = V_STRING,
	};

	if (!v.j)
		return V_INVALID;
	if (!v.type || v.type->kind == TMPL_ANY)
		return json_kind(v.j);
	if (v.type->pointer && !json_is_object(v.j) && v.type->kind == TMPL_STRUCT)
		return V_NIL;
	return kinds[v.type->kind];
}

const char *val_str(struct val v, size_t *ret_len)
{
	*ret_len = json_string_length(v.j);
	return str_or(json_string_value(v.j));
}

int64_t val_int(struct val v)
{
	return json_is_real(v.j) ? (int64_t)json_real_value(v.j) : json_integer_value(v.j);
}

double val_float(struct val v)
{
	return json_number_value(v.j);
}

bool val_bool(struct val v)
{
	return json_is_true(v.j);
}

size_t val_len(struct val v)
{
	if (json_is_object(v.j))
		return json_object_size(v.j);
	return json_is_array(v.j) ? json_array_size(v.j) : json_string_length(v.j);
}

bool val_true(struct val v)
{
	switch (val_kind(v)) {
	case V_INVALID:
	case V_NIL:
		return false;
	case V_BOOL:
		return val_bool(v);
	case V_INT:
	case V_FLOAT:
		return val_float(v) != 0;
	case V_STRING:
	case V_LIST:
	case V_MAP:
		return val_len(v) > 0;
	case V_STRUCT:
		break;
	}
	return true;
}

static struct val inside(struct val container, json_t *j)
{
	const struct tmpl_type *elem = container.type ? container.type->elem : NULL;

	return (struct val){.j = j, .type = elem, .iface = j && (!elem || elem->kind == TMPL_ANY)};
}

struct val val_at(struct val list, size_t i)
{
	return inside(list, json_array_get(list.j, i));
}

struct val val_key(struct val map, const char *key, size_t len)
{
	return inside(map, json_object_getn(map.j, key, len));
}

struct val val_field(struct val v, const struct tmpl_field *field)
{
	json_t *j = json_object_get(v.j, field->key ? field->key : field->name);

	return (struct val){.j = j ? j : json_null(),
			    .type = field->type,
			    .iface = !field->type ||
				     (field->type->kind == TMPL_ANY && !field->type->pointer)};
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char **val_sorted_keys(struct val map, size_t *ret_n)
{
	const char **keys = xnew_n(const char *, json_object_size(map.j) + 1);
	const char *key;
	json_t *j;
	size_t n = 0;

	json_object_foreach(map.j, key, j) keys[n++] = key;
	qsort(keys, n, sizeof(*keys), compare_keys);
	*ret_n = n;
	return keys;
}

static void type_name(const struct tmpl_type *type, struct buf *out)
{
	static const char *const names[] = {
		[TMPL_ANY] = "interface {}", [TMPL_STRUCT] = "struct", [TMPL_STRING] = "string",
		[TMPL_INT] = "int",	     [TMPL_FLOAT] = "float64", [TMPL_BOOL] = "bool",
		[TMPL_TIME] = "time.Time",
	};

	if (!type) {
		buf_adds(out, "interface {}");
	} else if (type->name) {
		buf_adds(out, type->name);
	} else if (type->kind == TMPL_MAP || type->kind == TMPL_LIST) {
		buf_adds(out, type->kind == TMPL_MAP ? "map[string]" : "[]");
		type_name(type->elem, out);
	} else {
		buf_adds(out, names[type->kind]);
	}
}

void val_type_name(struct val v, struct buf *out)
{
	static const char *const names[] = {
		[V_INVALID] = "<nil>",	     [V_NIL] = "<nil>",
		[V_BOOL] = "bool",	     [V_INT] = "int",
		[V_FLOAT] = "float64",	     [V_STRING] = "string",
		[V_LIST] = "[]interface {}", [V_MAP] = "map[string]interface {}",
		[V_STRUCT] = "struct",
	};

	if (v.type && v.type->kind != TMPL_ANY)
		type_name(v.type, out);
	else
		buf_adds(out, names[val_kind(v)]);
}
