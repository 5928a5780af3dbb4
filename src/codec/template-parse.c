/*
 * template-parse.c - builds the tree of a template from its tokens
 *
 * (1) Nodes, names and texts live in the template's arena; constants in its values array.
 * (2) The first error ends the parse; every function returns NULL after it.
 * (3) Nesting of blocks and parentheses is bounded by TMPL_MAX_NESTING.
 * (4) A variable is known from its declaration to the end of the block it stands in.
 */
#include <errno.h>

#include "codec/template-priv.h"

struct parser {
	struct tmpl *t;
	struct token_list tokens;
	size_t i;	  /* the next token */
	struct strv vars; /* names in scope, "$" first */
	int range_depth, depth;
	int action_line; /* where the current action began; 0: in text */
	bool failed;
	struct err *err;
};

static struct node *parse_text_or_action(struct parser *p);
static struct node *parse_pipeline(struct parser *p, const char *context, enum tok end);
static struct node *parse_control(struct parser *p, enum node_kind kind, const char *context,
				  size_t pos, int line);

/* --- errors --- */

static void *fail(struct parser *p, const char *fmt, ...) PRINTF(2, 3);
static void *fail(struct parser *p, const char *fmt, ...)
{
	size_t i = p->i ? p->i - 1 : 0;
	char msg[800];
	va_list ap;

	if (p->failed)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	err_set(p->err, ERR_INVALID, "template: :%d: %s", p->tokens.t[i].line, msg);
	p->failed = true;
	return NULL;
}

static const char *token_name(struct parser *p, const struct token *t)
{
	AUTO(buf) struct buf b = {0};
	const char *s = p->t->text + t->pos;

	if (t->typ == T_ERROR)
		return t->msg;
	if (t->typ == T_EOF)
		return "EOF";
	if (t->typ > T_KEYWORDS)
		return arena_printf(&p->t->arena, "<%.*s>", (int)t->len, s);
	if (t->len > 10) {
		size_t n = 0, left = t->len;

		for (int runes = 0; runes < 10 && left; runes++) {
			uint32_t rune;
			size_t k = utf8_decode(s + n, left, &rune);

			n += k;
			left -= k;
		}
		go_append_quote(&b, s, n, false);
		if (left)
			buf_adds(&b, "...");
	} else {
		go_append_quote(&b, s, t->len, false);
	}
	return arena_strdup(&p->t->arena, b.p);
}

static void *unexpected(struct parser *p, const struct token *t, const char *context)
{
	const char *name = token_name(p, t), *extra = "";

	if (t->typ != T_ERROR)
		return fail(p, "unexpected %s in %s", name, context);
	if (p->action_line && p->action_line != t->line)
		extra = arena_printf(&p->t->arena, "%s started at :%d",
				     str_ends(name, " action") ? "" : " in action", p->action_line);
	return fail(p, "%s%s", name, extra);
}

/* --- tokens --- */

static const struct token *next(struct parser *p)
{
	const struct token *t = &p->tokens.t[p->i];

	if (p->i + 1 < p->tokens.n)
		p->i++;
	return t;
}

/* The last token is never passed, so that going back is not always one step. */
static void back_to(struct parser *p, const struct token *t)
{
	p->i = (size_t)(t - p->tokens.t);
}

static const struct token *peek(struct parser *p)
{
	return &p->tokens.t[p->i];
}

static const struct token *next_solid(struct parser *p)
{
	const struct token *t;

	do {
		t = next(p);
	} while (t->typ == T_SPACE);
	return t;
}

static const struct token *peek_solid(struct parser *p)
{
	const struct token *t = next_solid(p);

	back_to(p, t);
	return t;
}

static bool expect(struct parser *p, enum tok typ, const char *context)
{
	const struct token *t = next_solid(p);

	if (t->typ != typ)
		unexpected(p, t, context);
	return t->typ == typ;
}

/* --- nodes --- */

static struct node *new_node(struct parser *p, enum node_kind kind, size_t pos, int line)
{
	struct node *n = arena_alloc(&p->t->arena, sizeof(*n));

	n->kind = kind;
	n->pos = pos;
	n->line = line;
	return n;
}

static void *grow(struct parser *p, void *v, size_t n, size_t *cap)
{
	void *bigger;

	if (n < *cap)
		return v;
	*cap = *cap ? *cap * 2 : 4;
	bigger = arena_alloc(&p->t->arena, *cap * sizeof(void *));
	if (n)
		memcpy(bigger, v, n * sizeof(void *));
	return bigger;
}

static void add_node(struct parser *p, struct node_vec *vec, struct node *n)
{
	vec->v = grow(p, vec->v, vec->n, &vec->cap);
	vec->v[vec->n++] = n;
}

static void add_name(struct parser *p, struct name_vec *vec, const char *s, size_t len)
{
	char *name = arena_alloc(&p->t->arena, len + 1);

	memcpy(name, s, len);
	vec->v = grow(p, vec->v, vec->n, &vec->cap);
	vec->v[vec->n++] = name;
}

static void set_text(struct parser *p, struct node *n, const struct token *t)
{
	char *s = arena_alloc(&p->t->arena, t->len + 1);

	memcpy(s, p->t->text + t->pos, t->len);
	n->text = s;
	n->len = t->len;
}

static void set_value(struct parser *p, struct node *n, json_t *value)
{
	n->value = value;
	json_array_append_new(p->t->values, value);
}

/* --- constants --- */

static int hex_value(char c)
{
	return c >= '0' && c <= '9'		    ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

/* \x, \u, \U or octal, after the backslash. Returns what it took, 0 if it is malformed. */
static size_t unescape_number(const char *s, size_t n, struct buf *out)
{
	int base = s[0] >= '0' && s[0] <= '7' ? 8 : 16;
	size_t digits = base == 8 ? 3 : s[0] == 'x' ? 2 : s[0] == 'u' ? 4 : 8;
	size_t i = base == 8 ? 0 : 1;
	uint32_t v = 0;

	if (n < i + digits)
		return 0;
	for (size_t end = i + digits; i < end; i++) {
		int d = hex_value(s[i]);

		if (d < 0 || d >= base)
			return 0;
		v = v * (uint32_t)base + (uint32_t)d;
	}
	if (s[0] == 'u' || s[0] == 'U') {
		if (v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
			return 0;
		utf8_append(out, v);
	} else {
		if (v > 255)
			return 0;
		buf_addc(out, (char)v);
	}
	return i;
}

/* The inside of an interpreted string or of a character constant. */
static bool unquote(const char *s, size_t n, char quote, struct buf *out)
{
	static const char letters[] = "abfnrtv\\", bytes[] = "\a\b\f\n\r\t\v\\";

	for (size_t i = 0; i < n; i++) {
		const char *at;
		size_t took;

		if (s[i] != '\\') {
			buf_addc(out, s[i]);
			continue;
		}
		if (++i >= n)
			return false;
		at = strchr(letters, s[i]);
		if (at && *at) {
			buf_addc(out, bytes[at - letters]);
		} else if (s[i] == quote) {
			buf_addc(out, quote);
		} else if (strchr("xuU01234567", s[i])) {
			took = unescape_number(s + i, n - i, out);
			if (!took)
				return false;
			i += took - 1;
		} else {
			return false;
		}
	}
	return true;
}

/* json_stringn() refuses bytes that are not UTF-8; Go does not. */
static json_t *string_value(const char *s, size_t n)
{
	return json_stringn_nocheck(s ? s : "", n);
}

static struct node *parse_string(struct parser *p, const struct token *t)
{
	struct node *n = new_node(p, N_STRING, t->pos, t->line);
	AUTO(buf) struct buf b = {0};

	set_text(p, n, t);
	if (t->typ == T_RAWSTRING)
		buf_add(&b, n->text + 1, n->len - 2);
	else if (!unquote(n->text + 1, n->len - 2, '"', &b))
		return fail(p, "invalid syntax");
	set_value(p, n, string_value(b.p, b.len));
	return n;
}

static struct node *parse_char(struct parser *p, struct node *n)
{
	AUTO(buf) struct buf b = {0};
	uint32_t rune;

	if (!unquote(n->text + 1, n->len - 2, '\'', &b) || !b.len ||
	    utf8_decode(b.p, b.len, &rune) != b.len)
		return fail(p, "malformed character constant: %.100s", n->text);
	if (b.len == 1)
		rune = (unsigned char)b.p[0];
	set_value(p, n, json_integer(rune));
	return n;
}

static struct node *parse_number(struct parser *p, const struct token *t)
{
	struct node *n = new_node(p, N_NUMBER, t->pos, t->line);
	char clean[64], *end;
	size_t k = 0;
	long long v;
	double d;
	bool hex, neg;

	set_text(p, n, t);
	if (t->typ == T_CHARCONST)
		return parse_char(p, n);
	for (size_t i = 0; i < n->len && k < sizeof(clean) - 1; i++)
		if (n->text[i] != '_')
			clean[k++] = n->text[i];
	clean[k] = '\0';
	neg = clean[0] == '-';
	end = clean + (neg || clean[0] == '+');
	hex = end[0] == '0' && (end[1] | 32) == 'x';
	if (n->len >= sizeof(clean) || !end[0] || strstr(n->text, "__") || str_ends(n->text, "_"))
		return fail(p, "illegal number syntax: \"%.60s\"", n->text);
	if (strpbrk(end, hex ? ".pP" : ".eEpP")) {
		errno = 0;
		d = strtod(clean, &end);
		if (*end || errno)
			return fail(p, "illegal number syntax: \"%.60s\"", n->text);
		set_value(p, n, json_real(d));
		return n;
	}
	if (end[0] == '0' && ((end[1] | 32) == 'o' || (end[1] | 32) == 'b')) {
		int base = (end[1] | 32) == 'o' ? 8 : 2;

		errno = 0;
		v = strtoll(end + 2, &end, base);
		v = neg ? -v : v;
	} else {
		errno = 0;
		v = strtoll(clean, &end, 0);
	}
	if (errno == ERANGE)
		return fail(p, "integer overflow: \"%.60s\"", n->text);
	if (*end)
		return fail(p, "illegal number syntax: \"%.60s\"", n->text);
	set_value(p, n, json_integer(v));
	return n;
}

/* --- operands --- */

static struct node *parse_variable(struct parser *p, const struct token *t)
{
	struct node *n = new_node(p, N_VARIABLE, t->pos, t->line);
	const char *name;

	add_name(p, &n->ids, p->t->text + t->pos, t->len);
	name = n->ids.v[0];
	if (!strv_has(&p->vars, name))
		return fail(p, "undefined variable \"%s\"", name);
	return n;
}

static struct node *parse_paren(struct parser *p)
{
	struct node *pipe;

	if (++p->depth > TMPL_MAX_NESTING)
		return fail(p, "nested too deeply");
	pipe = parse_pipeline(p, "parenthesized pipeline", T_RPAREN);
	p->depth--;
	return pipe;
}

static struct node *parse_ident(struct parser *p, const struct token *t)
{
	struct node *n = new_node(p, N_IDENT, t->pos, t->line);

	set_text(p, n, t);
	if (!tmpl_find_func(n->text, n->len))
		return fail(p, "function \"%s\" not defined", n->text);
	return n;
}

/* NULL without failure: no term is here. */
static struct node *parse_term(struct parser *p)
{
	const struct token *t = next_solid(p);
	struct node *n;

	switch (t->typ) {
	case T_IDENT:
		return parse_ident(p, t);
	case T_DOT:
		return new_node(p, N_DOT, t->pos, t->line);
	case T_NIL:
		return new_node(p, N_NIL, t->pos, t->line);
	case T_VARIABLE:
		return parse_variable(p, t);
	case T_FIELD:
		n = new_node(p, N_FIELD, t->pos, t->line);
		add_name(p, &n->ids, p->t->text + t->pos + 1, t->len - 1);
		return n;
	case T_BOOL:
		n = new_node(p, N_BOOL, t->pos, t->line);
		set_text(p, n, t);
		set_value(p, n, json_boolean(n->text[0] == 't'));
		return n;
	case T_CHARCONST:
	case T_NUMBER:
		return parse_number(p, t);
	case T_LPAREN:
		return parse_paren(p);
	case T_STRING:
	case T_RAWSTRING:
		return parse_string(p, t);
	default:
		back_to(p, t);
		return NULL;
	}
}

static struct node *parse_operand(struct parser *p)
{
	struct node *n = parse_term(p), *chain;
	size_t pos;

	if (!n || peek(p)->typ != T_FIELD)
		return n;
	if (n->kind == N_BOOL || n->kind == N_STRING || n->kind == N_NUMBER || n->kind == N_NIL ||
	    n->kind == N_DOT) {
		AUTO(buf) struct buf b = {0}, q = {0};

		tmpl_node_print(n, &b);
		go_append_quote(&q, b.p, b.len, false);
		return fail(p, "unexpected . after term %s", q.p);
	}
	pos = peek(p)->pos;
	chain = n;
	if (n->kind != N_FIELD && n->kind != N_VARIABLE) {
		chain = new_node(p, N_CHAIN, pos, peek(p)->line);
		chain->pipe = n;
	}
	chain->pos = pos;
	while (peek(p)->typ == T_FIELD) {
		const struct token *t = next(p);

		add_name(p, &chain->ids, p->t->text + t->pos + 1, t->len - 1);
	}
	return chain;
}

static struct node *parse_command(struct parser *p)
{
	const struct token *t = peek_solid(p);
	struct node *cmd = new_node(p, N_COMMAND, t->pos, t->line);

	for (;;) {
		struct node *arg;

		peek_solid(p);
		arg = parse_operand(p);
		if (p->failed)
			return NULL;
		if (arg)
			add_node(p, &cmd->kids, arg);
		t = next(p);
		if (t->typ == T_SPACE)
			continue;
		if (t->typ == T_RIGHT || t->typ == T_RPAREN)
			back_to(p, t);
		else if (t->typ != T_PIPE)
			return unexpected(p, t, "operand");
		break;
	}
	if (!cmd->kids.n)
		return fail(p, "empty command");
	return cmd;
}

/* --- pipelines --- */

static void add_decl(struct parser *p, struct node *pipe, const struct token *t)
{
	struct node *n = new_node(p, N_VARIABLE, t->pos, t->line);

	add_name(p, &n->ids, p->t->text + t->pos, t->len);
	add_node(p, &pipe->decl, n);
	strv_add(&p->vars, n->ids.v[0]);
}

/* The variables at the start of a pipeline, if there are. */
static void parse_decls(struct parser *p, struct node *pipe, const char *context)
{
	for (;;) {
		const struct token *v = peek_solid(p), *after;

		if (v->typ != T_VARIABLE)
			return;
		next_solid(p);
		after = next_solid(p);
		if (after->typ == T_ASSIGN || after->typ == T_DECLARE) {
			pipe->assign = after->typ == T_ASSIGN;
			add_decl(p, pipe, v);
			return;
		}
		if (after->typ != T_CHAR || p->t->text[after->pos] != ',') {
			back_to(p, v);
			return;
		}
		add_decl(p, pipe, v);
		if (!streq(context, "range") || pipe->decl.n >= 2) {
			fail(p, "too many declarations in %s", context);
			return;
		}
		after = peek_solid(p);
		if (after->typ != T_VARIABLE && after->typ != T_RIGHT && after->typ != T_RPAREN) {
			fail(p, "range can only initialize variables");
			return;
		}
	}
}

static void check_pipeline(struct parser *p, const struct node *pipe, const char *context)
{
	if (!pipe->kids.n) {
		fail(p, "missing value for %s", context);
		return;
	}
	for (size_t i = 1; i < pipe->kids.n; i++) {
		enum node_kind k = pipe->kids.v[i]->kids.v[0]->kind;

		if (k == N_BOOL || k == N_DOT || k == N_NIL || k == N_NUMBER || k == N_STRING)
			fail(p, "non executable command in pipeline stage %zu", i + 1);
	}
}

static bool starts_operand(enum tok typ)
{
	return typ == T_BOOL || typ == T_CHARCONST || typ == T_DOT || typ == T_FIELD ||
	       typ == T_IDENT || typ == T_NUMBER || typ == T_NIL || typ == T_RAWSTRING ||
	       typ == T_STRING || typ == T_VARIABLE || typ == T_LPAREN;
}

static struct node *parse_pipeline(struct parser *p, const char *context, enum tok end)
{
	const struct token *t = peek_solid(p);
	struct node *pipe = new_node(p, N_PIPE, t->pos, t->line);

	parse_decls(p, pipe, context);
	while (!p->failed) {
		struct node *cmd;

		t = next_solid(p);
		if (t->typ == end) {
			check_pipeline(p, pipe, context);
			break;
		}
		if (!starts_operand(t->typ))
			return unexpected(p, t, context);
		back_to(p, t);
		cmd = parse_command(p);
		if (cmd)
			add_node(p, &pipe->kids, cmd);
	}
	return p->failed ? NULL : pipe;
}

/* --- blocks --- */

static void drop_vars(struct parser *p, size_t n)
{
	while (p->vars.n > n)
		strv_remove(&p->vars, p->vars.n - 1);
}

/* Up to the end or else that closes it, which is returned in ret_next. */
static struct node *parse_list(struct parser *p, struct node **ret_next)
{
	const struct token *t = peek_solid(p);
	struct node *list = new_node(p, N_LIST, t->pos, t->line);

	if (++p->depth > TMPL_MAX_NESTING)
		return fail(p, "nested too deeply");
	while (peek_solid(p)->typ != T_EOF) {
		struct node *n = parse_text_or_action(p);

		if (!n)
			return NULL;
		if (n->kind == N_END || n->kind == N_ELSE) {
			p->depth--;
			*ret_next = n;
			return list;
		}
		add_node(p, &list->kids, n);
	}
	next_solid(p);
	return fail(p, "unexpected EOF");
}

static const char *end_name(const struct node *n)
{
	return n->kind == N_ELSE ? "{{else}}" : "{{end}}";
}

/* What follows the else of an if, with or range. */
static struct node *parse_else(struct parser *p, enum node_kind kind, const char *context,
			       const struct node *otherwise)
{
	const struct token *t = peek_solid(p);
	struct node *list, *end = NULL, *inner;

	if ((kind == N_IF && t->typ == T_IF) || (kind == N_WITH && t->typ == T_WITH)) {
		next_solid(p);
		list = new_node(p, N_LIST, otherwise->pos, otherwise->line);
		if (++p->depth > TMPL_MAX_NESTING)
			return fail(p, "nested too deeply");
		inner = parse_control(p, kind, context, t->pos, t->line);
		p->depth--;
		if (!inner)
			return NULL;
		add_node(p, &list->kids, inner);
		return list;
	}
	list = parse_list(p, &end);
	if (list && end->kind != N_END)
		return fail(p, "expected end; found %s", end_name(end));
	return list;
}

static struct node *parse_control(struct parser *p, enum node_kind kind, const char *context,
				  size_t pos, int line)
{
	struct node *n = new_node(p, kind, pos, line), *end = NULL;
	size_t vars = p->vars.n;

	n->pipe = parse_pipeline(p, context, T_RIGHT);
	if (!n->pipe)
		return NULL;
	p->range_depth += kind == N_RANGE;
	n->list = parse_list(p, &end);
	p->range_depth -= kind == N_RANGE;
	if (!n->list)
		return NULL;
	if (end->kind == N_ELSE) {
		n->els = parse_else(p, kind, context, end);
		if (!n->els)
			return NULL;
	}
	drop_vars(p, vars);
	return n;
}

static struct node *parse_jump(struct parser *p, enum node_kind kind, const struct token *at)
{
	const char *name = kind == N_BREAK ? "{{break}}" : "{{continue}}";
	const struct token *t = next_solid(p);

	if (t->typ != T_RIGHT)
		return unexpected(p, t, name);
	if (!p->range_depth)
		return fail(p, "%s outside {{range}}", name);
	return new_node(p, kind, at->pos, at->line);
}

static const char *parse_name(struct parser *p, const char *context)
{
	const struct token *t = next_solid(p);
	struct node *n;

	if (t->typ != T_STRING && t->typ != T_RAWSTRING)
		return unexpected(p, t, context);
	n = parse_string(p, t);
	return n ? arena_strdup(&p->t->arena, json_string_value(n->value)) : NULL;
}

/* The body of a define or block; it sees no variables but $. */
static struct node *parse_body(struct parser *p, const char *context)
{
	struct strv outer = p->vars;
	int range_depth = p->range_depth;
	struct node *list, *end = NULL;

	memset(&p->vars, 0, sizeof(p->vars));
	strv_add(&p->vars, "$");
	p->range_depth = 0;
	list = parse_list(p, &end);
	strv_done(&p->vars);
	p->vars = outer;
	p->range_depth = range_depth;
	if (list && end->kind != N_END)
		return fail(p, "unexpected %s in %s", end_name(end), context);
	return list;
}

/* A definition replaces an earlier one, unless it is empty and the earlier one is not. */
static void define(struct parser *p, const char *name, struct node *body)
{
	bool empty = true;

	for (size_t i = 0; i < body->kids.n; i++) {
		const struct node *k = body->kids.v[i];

		if (k->kind != N_TEXT || strspn(k->text, " \t\r\n") < k->len)
			empty = false;
	}
	if (!empty || !map_has(&p->t->defined, name))
		map_set(&p->t->defined, name, body);
}

static struct node *parse_template(struct parser *p, const struct token *at, bool block)
{
	const char *context = block ? "block clause" : "template clause";
	struct node *n = new_node(p, N_TEMPLATE, at->pos, at->line), *body;

	n->pos = peek_solid(p)->pos;
	n->text = parse_name(p, context);
	if (!n->text)
		return NULL;
	if (!block && peek_solid(p)->typ == T_RIGHT) {
		next_solid(p);
		return n;
	}
	n->pipe = parse_pipeline(p, context, T_RIGHT);
	if (!n->pipe || !block)
		return n->pipe ? n : NULL;
	body = parse_body(p, context);
	if (!body)
		return NULL;
	define(p, n->text, body);
	return n;
}

static void parse_define(struct parser *p)
{
	const char *name = parse_name(p, "define clause");
	struct node *body;

	if (!name || !expect(p, T_RIGHT, "define clause"))
		return;
	p->action_line = 0;
	body = parse_body(p, "define clause");
	if (body)
		define(p, name, body);
}

static struct node *parse_action(struct parser *p)
{
	const struct token *t = next_solid(p);
	struct node *n;

	switch (t->typ) {
	case T_BLOCK:
		return parse_template(p, t, true);
	case T_TEMPLATE:
		return parse_template(p, t, false);
	case T_BREAK:
		return parse_jump(p, N_BREAK, t);
	case T_CONTINUE:
		return parse_jump(p, N_CONTINUE, t);
	case T_IF:
		return parse_control(p, N_IF, "if", t->pos, t->line);
	case T_WITH:
		return parse_control(p, N_WITH, "with", t->pos, t->line);
	case T_RANGE:
		return parse_control(p, N_RANGE, "range", t->pos, t->line);
	case T_ELSE:
		n = new_node(p, N_ELSE, t->pos, t->line);
		t = peek_solid(p);
		if (t->typ == T_IF || t->typ == T_WITH)
			return n;
		return expect(p, T_RIGHT, "else") ? n : NULL;
	case T_END:
		n = new_node(p, N_END, t->pos, t->line);
		return expect(p, T_RIGHT, "end") ? n : NULL;
	default:
		back_to(p, t);
		t = peek(p);
		n = new_node(p, N_ACTION, t->pos, t->line);
		n->pipe = parse_pipeline(p, "command", T_RIGHT);
		return n->pipe ? n : NULL;
	}
}

static struct node *parse_text_or_action(struct parser *p)
{
	const struct token *t = next_solid(p);
	struct node *n;

	if (t->typ == T_TEXT) {
		n = new_node(p, N_TEXT, t->pos, t->line);
		set_text(p, n, t);
		return n;
	}
	if (t->typ != T_LEFT)
		return unexpected(p, t, "input");
	p->action_line = t->line;
	n = parse_action(p);
	p->action_line = 0;
	return n;
}

static void parse_top(struct parser *p)
{
	struct node *n;

	p->t->root = new_node(p, N_LIST, 0, 1);
	while (!p->failed && peek(p)->typ != T_EOF) {
		const struct token *t = peek(p);

		if (t->typ == T_LEFT) {
			p->action_line = t->line;
			next(p);
			if (next_solid(p)->typ == T_DEFINE) {
				parse_define(p);
				continue;
			}
			back_to(p, t);
		}
		n = parse_text_or_action(p);
		if (!n)
			return;
		if (n->kind == N_END || n->kind == N_ELSE)
			fail(p, "unexpected %s", end_name(n));
		add_node(p, &p->t->root->kids, n);
	}
}

int tmpl_parse(const char *text, struct tmpl **ret, struct err *err)
{
	AUTO(tmpl) struct tmpl *t = NULL;
	struct parser p = {.err = err};
	size_t len = strlen(text);

	if (len > TMPL_MAX_TEXT)
		return err_set(err, ERR_INVALID, "template: :1: longer than %d bytes",
			       TMPL_MAX_TEXT);
	t = xnew(struct tmpl);
	t->text = xstrdup(text);
	t->values = json_array();
	p.t = t;
	strv_add(&p.vars, "$");
	tmpl_lex(t->text, len, &t->arena, &p.tokens);
	parse_top(&p);
	free(p.tokens.t);
	strv_done(&p.vars);
	if (p.failed)
		return -1;
	*ret = TAKE_PTR(t);
	return 0;
}

void tmpl_free(struct tmpl *t)
{
	if (!t)
		return;
	map_done(&t->defined);
	json_decref(t->values);
	arena_done(&t->arena);
	free(t->text);
	free(t);
}
