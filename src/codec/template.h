/*
 * template.h - Go's text/template as `--format` uses it, over jansson values
 *
 * The language is Go's whole text/template: actions, pipelines, variables, range, if, with,
 * break, continue, define, block, template, comments and trim markers, the built-in functions
 * (call excepted: there are no function values), and docker's json, join, split, lower, upper,
 * title, pad and truncate. Texts of errors are Go's, without docker's "template parsing error: ".
 *
 * Data is a json_t plus, optionally, a type that says how Go would see it: the names of a
 * struct's fields, the methods it has, whether it is a struct or a map. Without a type an
 * object is a map[string]any and an array is an []any.
 *
 * Everything is bounded: TMPL_MAX_* below. Nothing here is shared: one thread per template.
 */
#pragma once

#include <jansson.h>

#include "base/str.h"

#define TMPL_MAX_TEXT	 (64 * 1024)	    /* bytes of a template */
#define TMPL_MAX_NESTING 100		    /* of blocks, parentheses and nested templates */
#define TMPL_MAX_OUTPUT	 (16 * 1024 * 1024) /* bytes one execution may write */
#define TMPL_MAX_STEPS	 (1024 * 1024)	    /* nodes one execution may visit */

struct tmpl;

enum tmpl_kind {
	TMPL_ANY,    /* as the JSON says: map, []any, string, float or int, bool, nil */
	TMPL_STRUCT, /* an object with known fields; prints as {a b c} */
	TMPL_MAP,    /* an object with arbitrary keys; prints as map[k:v] */
	TMPL_LIST,
	TMPL_STRING,
	TMPL_INT,
	TMPL_FLOAT,
	TMPL_BOOL,
	TMPL_TIME, /* an RFC 3339 string that prints as Go's time.Time */
};

struct tmpl_type;

struct tmpl_field {
	const char *name;	      /* as templates and Go write it: "ID" */
	const char *key;	      /* in the JSON object; NULL: the same as name */
	const struct tmpl_type *type; /* NULL: TMPL_ANY */
	bool omitempty;		      /* `json` leaves it out when empty */
};

struct tmpl_type {
	enum tmpl_kind kind;
	const char *name;	      /* Go's name for error texts: "*formatter.ContainerContext" */
	const struct tmpl_type *elem; /* TMPL_LIST, TMPL_MAP: of the values; NULL: TMPL_ANY */
	const struct tmpl_field *fields; /* TMPL_STRUCT: ends with an entry without name. NULL:
					  * every key of the object is a field, and a key that is
					  * not there is an error instead of "<no value>". Keys that
					  * begin with a dot are for methods; `json` hides them */
	bool pointer;			 /* a pointer to it: JSON null is nil, not the zero value */
	/* A method that takes one string, such as `.Label "x"`; a new reference. */
	const char *method_name;
	json_t *(*method)(json_t *self, const char *arg);
	/*
	 * A field that is computed when it is asked for, tried when the object has no such key.
	 * Returns a new reference, or NULL: no such field.
	 */
	json_t *(*field)(json_t *self, const char *name);
};

enum tmpl_flags {
	TMPL_MISSING_IS_ERROR = 1 << 0, /* Go's missingkey=error */
	TMPL_HEADER = 1 << 1,		/* docker's table header: json, split, join, ... return
					 * their argument as it is */
};

/* On failure err says "template: :1: unclosed action" and the like (ERR_INVALID). */
int tmpl_parse(const char *text, struct tmpl **ret, struct err *err) MUST_USE;
void tmpl_free(struct tmpl *t);
DEFINE_AUTO_PTR(tmpl, struct tmpl, tmpl_free)

/*
 * Appends what the template makes of data (borrowed) to out. After a failure out holds what
 * was written up to it, as with Go; err has Go's text (ERR_INVALID).
 */
int tmpl_exec(struct tmpl *t, json_t *data, const struct tmpl_type *type, unsigned flags,
	      struct buf *out, struct err *err) MUST_USE;

/* Whether the template mentions .name anywhere: what docker asks before it requests sizes. */
bool tmpl_mentions(const struct tmpl *t, const char *name);

/* Appends v as Go's encoding/json writes it with HTML escaping off; type may be NULL. A
 * TMPL_STRUCT without fields has it on, as the rows of docker's lists. */
void tmpl_json(json_t *v, const struct tmpl_type *type, struct buf *out);
