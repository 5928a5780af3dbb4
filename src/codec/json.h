/*
 * json.h - a C struct and its JSON, bound by one table
 *
 * A table of struct jfield says for each member its key, kind and offset; parsing,
 * printing and freeing come from it. The habits are those of Go's encoding/json, since
 * our clients have them: keys match exactly first, else without regard to case; unknown
 * keys are ignored; null leaves a member as it is (a J_PTR becomes NULL); invalid UTF-8
 * becomes U+FFFD. Values are jansson's (https://jansson.readthedocs.io): integers are
 * 64-bit and exact.
 *
 *	struct point { int64_t x; char *name; };
 *	static const struct jfield point_fields[] = {
 *		JF(struct point, x, "X", J_INT, 0),
 *		JF(struct point, name, "Name", J_STR, J_OMITEMPTY),
 *	};
 *	const struct jtype point_type = JTYPE(struct point, point_fields);
 */
#pragma once

#include <jansson.h>

#include "base/str.h"

enum jkind {
	J_BOOL,	   /* bool */
	J_INT,	   /* int64_t */
	J_UINT,	   /* uint64_t; a negative number is refused */
	J_DOUBLE,  /* double */
	J_STR,	   /* char *, owned; NULL prints as "" */
	J_STRV,	   /* struct strv */
	J_STRMAP,  /* struct map of strings */
	J_SET,	   /* struct strv, in JSON an object {"a": {}, "b": {}} */
	J_OBJ,	   /* an embedded struct of .type */
	J_PTR,	   /* a pointer to a heap struct of .type, or NULL */
	J_ARR,	   /* struct jarray of structs of .type */
	J_MAP,	   /* struct map of heap structs of .type; a NULL value prints as null */
	J_OPT_INT, /* struct opt_int: null or absent is unset */
	J_OPT_BOOL,
	J_RAW,	   /* json_t *, an owned reference; NULL prints as null */
	J_KINDS
};

enum {
	J_OMITEMPTY = 1 << 0, /* print nothing for false, 0, "", NULL, unset and empty */
	J_NULL = 1 << 1,      /* print null instead of an empty map or string, and for a list that
			       * was absent or null; one that was [] prints as [] */
	J_SCALAR_OK = 1 << 2, /* J_STRV: a single string is a vector of one (docker's Cmd) */
};

struct opt_int {
	bool set;
	int64_t v;
};

struct opt_bool {
	bool set, v;
};

struct jarray {
	void *v; /* n structs of the field's type, one after another */
	size_t n;
};

struct jtype;

struct jfield {
	const char *name;
	enum jkind kind;
	unsigned flags;
	size_t offset;
	const struct jtype *type;
};

struct jtype {
	const char *name; /* in error messages */
	size_t size;
	const struct jfield *fields;
	size_t nfields;
};

#define JF(stype, member, key, knd, flg)                                                           \
	{                                                                                          \
		.name = (key), .kind = (knd), .flags = (flg), .offset = offsetof(stype, member)    \
	}
#define JFT(stype, member, key, knd, flg, typ)                                                     \
	{                                                                                          \
		.name = (key), .kind = (knd), .flags = (flg), .offset = offsetof(stype, member),   \
		.type = (typ)                                                                      \
	}
#define JTYPE(stype, table)                                                                        \
	{                                                                                          \
		.name = #stype, .size = sizeof(stype), .fields = (table),                          \
		.nfields = sizeof(table) / sizeof((table)[0])                                      \
	}

/*
 * Bytes to a value; the caller decrefs. Invalid UTF-8 becomes U+FFFD first. Errors are
 * ERR_INVALID with the line and what was expected. The caller limits n.
 */
json_t *json_parse(const char *text, size_t n, struct err *err) MUST_USE;

/*
 * Fills obj, which is zeroed or holds defaults that absent keys leave alone; vectors, maps
 * and strings that are present replace what was there. On error obj is still fit for
 * json_unbind(). The error names the path: "HostConfig.Memory: expected an integer".
 */
int json_bind(const struct jtype *type, const json_t *value, void *obj, struct err *err) MUST_USE;

json_t *json_print(const struct jtype *type, const void *obj); /* never NULL; caller decrefs */
void json_unbind(const struct jtype *type, void *obj);	       /* frees the members, zeroes obj */

/* A deep copy into dst, which is zeroed. */
void json_bind_copy(const struct jtype *type, void *dst, const void *src);

/* json_dumps with compact separators (flags 0) or jansson's flags; never NULL; caller frees. */
char *json_text(const json_t *value, size_t flags);

/* A string value whatever its bytes are; invalid UTF-8 becomes U+FFFD; NULL gives "". */
json_t *json_str(const char *s);
json_t *json_strn(const char *s, size_t n);
json_t *json_strs(const struct strv *sv);    /* array of strings */
json_t *json_str_map(const struct map *map); /* object of strings */

/* The member, or the fallback if absent, null or of another type. Keys exact. */
const char *json_get_str(const json_t *obj, const char *key, const char *fallback);
int64_t json_get_int(const json_t *obj, const char *key, int64_t fallback);
bool json_get_bool(const json_t *obj, const char *key, bool fallback);

/* One more zeroed element at the end of a jarray of structs of this size. */
void *jarray_add(struct jarray *a, size_t size);

DEFINE_AUTO_PTR(json, json_t, json_decref)
