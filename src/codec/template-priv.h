/*
 * template-priv.h - what the files of the template engine share
 */
#pragma once

#include "codec/template.h"
#include "codec/text.h"

/* --- tokens --- */

enum tok {
	T_ERROR,
	T_BOOL,
	T_CHAR,
	T_CHARCONST,
	T_ASSIGN,
	T_DECLARE,
	T_EOF,
	T_FIELD,
	T_IDENT,
	T_LEFT,
	T_LPAREN,
	T_NUMBER,
	T_PIPE,
	T_RAWSTRING,
	T_RIGHT,
	T_RPAREN,
	T_SPACE,
	T_STRING,
	T_TEXT,
	T_VARIABLE,
	T_KEYWORDS, /* only to tell the keywords, all below, apart */
	T_BLOCK,
	T_BREAK,
	T_CONTINUE,
	T_DOT,
	T_DEFINE,
	T_ELSE,
	T_END,
	T_IF,
	T_NIL,
	T_RANGE,
	T_TEMPLATE,
	T_WITH,
};

struct token {
	enum tok typ;
	size_t pos, len; /* in the text; T_ERROR: msg instead */
	int line;
	const char *msg;
};

struct token_list {
	struct token *t;
	size_t n, cap;
};

/* Splits text; the list ends with T_EOF or T_ERROR, whose message is in the arena. */
void tmpl_lex(const char *text, size_t len, struct arena *arena, struct token_list *ret);

/* --- the tree --- */

enum node_kind {
	N_LIST,
	N_TEXT,
	N_ACTION,
	N_IF,
	N_RANGE,
	N_WITH,
	N_TEMPLATE,
	N_BREAK,
	N_CONTINUE,
	N_ELSE,
	N_END,
	N_PIPE,
	N_COMMAND,
	N_IDENT,
	N_VARIABLE,
	N_DOT,
	N_NIL,
	N_FIELD,
	N_CHAIN,
	N_BOOL,
	N_NUMBER,
	N_STRING,
};

struct node_vec {
	struct node **v;
	size_t n, cap;
};

struct name_vec {
	const char **v;
	size_t n, cap;
};

struct node {
	enum node_kind kind;
	size_t pos;
	int line;
	struct node_vec kids; /* list: nodes; pipe: commands; command: arguments */
	struct node_vec decl; /* pipe: variables that are set */
	struct name_vec ids;  /* field, chain: names; variable: "$x" and names */
	struct node *pipe;    /* of an action, if, range, with, template; chain: the operand */
	struct node *list, *els;
	const char *text; /* text; identifier; number and string as written; template's name */
	size_t len;	  /* of text */
	bool assign;	  /* pipe: = instead of := */
	json_t *value;	  /* bool, number, string: owned by the template */
};

struct tmpl {
	struct arena arena;
	char *text;
	struct node *root;
	struct map defined; /* name to struct node, in the arena */
	json_t *values;	    /* keeps the constants of the nodes */
};

/* Appends the node as Go prints it in errors. */
void tmpl_node_print(const struct node *n, struct buf *out);

/* --- values --- */

/*
 * A value borrows its JSON. Without JSON it is Go's invalid value, what a missing map entry
 * gives. iface: it was taken out of an any and not unwrapped, which shows in error texts.
 */
struct val {
	json_t *j;
	const struct tmpl_type *type;
	bool iface;
	bool missing; /* no value was given at all */
};

enum val_kind {
	V_INVALID,
	V_NIL, /* nil interface or nil pointer */
	V_BOOL,
	V_INT,
	V_FLOAT,
	V_STRING,
	V_LIST,
	V_MAP,
	V_STRUCT,
};

enum val_kind val_kind(struct val v);
bool val_true(struct val v);
/* The string of a V_STRING (zero value included). */
const char *val_str(struct val v, size_t *ret_len);
int64_t val_int(struct val v);
double val_float(struct val v);
bool val_bool(struct val v);
size_t val_len(struct val v); /* of V_STRING, V_LIST, V_MAP */
struct val val_at(struct val list, size_t i);
/* The value of a key of a V_MAP, or V_INVALID. */
struct val val_key(struct val map, const char *key, size_t len);
/* The field of a V_STRUCT by its place in the type, zero value if it is not in the JSON. */
struct val val_field(struct val v, const struct tmpl_field *field);
/* Keys of an object in Go's order; the caller frees the vector. */
const char **val_sorted_keys(struct val map, size_t *ret_n);
/* Appends Go's name of the type: "map[string]interface {}". */
void val_type_name(struct val v, struct buf *out);

/* --- printing: Go's package fmt --- */

void go_print_value(struct buf *out, struct val v);		/* %v */
void go_sprint(struct buf *out, const struct val *v, size_t n); /* fmt.Sprint */
void go_sprintln(struct buf *out, const struct val *v, size_t n);
void go_sprintf(struct buf *out, const char *fmt, size_t len, const struct val *v, size_t n);

/* --- functions --- */

enum param {
	P_ANY,	 /* interface {} */
	P_VALUE, /* reflect.Value */
	P_STRING,
	P_INT,
	P_STRINGS, /* []string */
};

struct call;

struct func {
	const char *name;
	int nfixed;	      /* parameters before the variadic one */
	bool variadic;	      /* one more, any number of times */
	enum param params[3]; /* the variadic one last */
	/* ret is a new value: call->keep() holds its JSON. Fails with the bare message. */
	int (*call)(struct call *c, const struct val *args, size_t n, struct val *ret);
};

struct call {
	unsigned flags;
	json_t *keep; /* array that owns what functions made */
	size_t *bytes;
	struct err *err;
};

const struct func *tmpl_find_func(const char *name, size_t len);
/* A value that owns json through c->keep. Takes over the reference. */
struct val call_keep(struct call *c, json_t *json);
