/*
 * template-lex.c - splits a template into tokens
 *
 * (1) The whole text is split before it is parsed; the list ends at the first error.
 * (2) Tokens point into the text; a token's line is that of its first byte.
 */
#include "codec/template-priv.h"

struct lexer {
	const char *in;
	size_t len, pos, start;
	int line, start_line, parens;
	struct arena *arena;
	struct token_list *out;
	bool failed;
};

static const struct {
	const char *word;
	enum tok typ;
} keywords[] = {
	{"block", T_BLOCK},   {"break", T_BREAK},	{"continue", T_CONTINUE},
	{"define", T_DEFINE}, {"else", T_ELSE},		{"end", T_END},
	{"if", T_IF},	      {"nil", T_NIL},		{"range", T_RANGE},
	{"with", T_WITH},     {"template", T_TEMPLATE}, {"true", T_BOOL},
	{"false", T_BOOL},
};

static void push(struct lexer *l, struct token t)
{
	struct token_list *out = l->out;

	if (out->n == out->cap) {
		out->cap = out->cap ? out->cap * 2 : 32;
		out->t = xrealloc(out->t, out->cap * sizeof(*out->t));
	}
	out->t[out->n++] = t;
}

static void ignore(struct lexer *l)
{
	for (size_t i = l->start; i < l->pos; i++)
		l->line += l->in[i] == '\n';
	l->start = l->pos;
	l->start_line = l->line;
}

static void emit(struct lexer *l, enum tok typ)
{
	push(l,
	     (struct token){
		     .typ = typ, .pos = l->start, .len = l->pos - l->start, .line = l->start_line});
	ignore(l);
}

static void fail(struct lexer *l, const char *fmt, ...) PRINTF(2, 3);
static void fail(struct lexer *l, const char *fmt, ...)
{
	char msg[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	push(l, (struct token){.typ = T_ERROR,
			       .pos = l->start,
			       .line = l->start_line,
			       .msg = arena_strdup(l->arena, msg)});
	l->failed = true;
}

static bool at(const struct lexer *l, size_t pos, const char *s)
{
	size_t n = strlen(s);

	return pos <= l->len && l->len - pos >= n && memcmp(l->in + pos, s, n) == 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Letters and digits of ASCII, and every byte of a longer character. */
static bool is_word(char c)
{
	return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c & 0x80);
}

static bool left_trim(const struct lexer *l, size_t pos)
{
	return pos + 1 < l->len && l->in[pos] == '-' && is_space(l->in[pos + 1]);
}

static bool right_trim(const struct lexer *l, size_t pos)
{
	return pos + 1 < l->len && is_space(l->in[pos]) && l->in[pos + 1] == '-';
}

static bool at_right(const struct lexer *l, bool *ret_trim)
{
	*ret_trim = right_trim(l, l->pos) && at(l, l->pos + 2, "}}");
	return *ret_trim || at(l, l->pos, "}}");
}

static bool at_end_of_word(const struct lexer *l)
{
	char c;

	if (l->pos >= l->len)
		return true;
	c = l->in[l->pos];
	return is_space(c) || strchr(".,|:)(", c) || at(l, l->pos, "}}");
}

static void skip_space(struct lexer *l)
{
	while (l->pos < l->len && is_space(l->in[l->pos]))
		l->pos++;
	ignore(l);
}

/* Go's %#U of the character at pos. */
static void format_rune(const struct lexer *l, size_t pos, char *ret, size_t size)
{
	uint32_t rune;
	size_t n = utf8_decode(l->in + pos, l->len - pos, &rune);

	if (rune >= 0x20 && rune != 0x7f)
		snprintf(ret, size, "U+%04X '%.*s'", rune, (int)n, l->in + pos);
	else
		snprintf(ret, size, "U+%04X", rune);
}

static void bad_character(struct lexer *l, const char *what)
{
	char rune[32];

	format_rune(l, l->pos, rune, sizeof(rune));
	fail(l, "%s %s", what, rune);
}

static void lex_right(struct lexer *l)
{
	bool trim;

	at_right(l, &trim);
	if (trim) {
		l->pos += 2;
		ignore(l);
	}
	l->pos += 2;
	emit(l, T_RIGHT);
	if (trim)
		skip_space(l);
}

static void lex_comment(struct lexer *l)
{
	const char *end;
	bool trim;

	l->pos += 2;
	end = memmem(l->in + l->pos, l->len - l->pos, "*/", 2);
	if (!end) {
		fail(l, "unclosed comment");
		return;
	}
	l->pos = (size_t)(end - l->in) + 2;
	if (!at_right(l, &trim)) {
		fail(l, "comment ends before closing delimiter");
		return;
	}
	l->pos += trim ? 4 : 2;
	ignore(l);
	if (trim)
		skip_space(l);
}

/* Text up to the next action, and the action's left delimiter. False: nothing follows. */
static bool lex_text(struct lexer *l)
{
	const char *x = memmem(l->in + l->pos, l->len - l->pos, "{{", 2);
	size_t end = x ? (size_t)(x - l->in) : l->len, text = end;
	bool trim = x && left_trim(l, end + 2);

	while (trim && text > l->pos && is_space(l->in[text - 1]))
		text--;
	if (text > l->pos) {
		l->pos = text;
		emit(l, T_TEXT);
	}
	l->pos = end;
	ignore(l);
	if (!x)
		return false;
	if (at(l, l->pos + 2 + (trim ? 2 : 0), "/*")) {
		l->pos += 2 + (trim ? 2 : 0);
		lex_comment(l);
		return !l->failed;
	}
	l->pos += 2;
	emit(l, T_LEFT);
	l->pos += trim ? 2 : 0;
	ignore(l);
	l->parens = 0;
	return true;
}

static bool lex_space(struct lexer *l)
{
	size_t n = 0;

	while (l->pos < l->len && is_space(l->in[l->pos])) {
		l->pos++;
		n++;
	}
	if (right_trim(l, l->pos - 1) && at(l, l->pos + 1, "}}")) {
		l->pos--;
		if (n == 1) {
			lex_right(l);
			return true;
		}
	}
	emit(l, T_SPACE);
	return false;
}

/* A quoted thing that ends with quote and does not cross a line. */
static void lex_quoted(struct lexer *l, char quote, enum tok typ, const char *unterminated)
{
	for (;;) {
		char c = l->pos < l->len ? l->in[l->pos] : '\n';

		if (c == '\\' && l->pos + 1 < l->len && l->in[l->pos + 1] != '\n') {
			l->pos += 2;
			continue;
		}
		if (c == '\n' || c == '\\') {
			fail(l, "%s", unterminated);
			return;
		}
		l->pos++;
		if (c == quote)
			break;
	}
	emit(l, typ);
}

static void lex_raw_quote(struct lexer *l)
{
	const char *end = memchr(l->in + l->pos, '`', l->len - l->pos);

	if (!end) {
		fail(l, "unterminated raw quoted string");
		return;
	}
	l->pos = (size_t)(end - l->in) + 1;
	emit(l, T_RAWSTRING);
}

static bool accept(struct lexer *l, const char *set)
{
	if (l->pos < l->len && l->in[l->pos] && strchr(set, l->in[l->pos])) {
		l->pos++;
		return true;
	}
	return false;
}

static void accept_run(struct lexer *l, const char *set)
{
	while (accept(l, set))
		;
}

static void lex_number(struct lexer *l)
{
	const char *digits = "0123456789_";
	bool ten = true, hex = false;

	accept(l, "+-");
	if (accept(l, "0")) {
		ten = false;
		if (accept(l, "xX")) {
			digits = "0123456789abcdefABCDEF_";
			hex = true;
		} else if (accept(l, "oO")) {
			digits = "01234567_";
		} else if (accept(l, "bB")) {
			digits = "01_";
		} else {
			ten = true;
		}
	}
	accept_run(l, digits);
	if (accept(l, "."))
		accept_run(l, digits);
	if ((ten && accept(l, "eE")) || (hex && accept(l, "pP"))) {
		accept(l, "+-");
		accept_run(l, "0123456789_");
	}
	if (l->pos < l->len && is_word(l->in[l->pos])) {
		AUTO(buf) struct buf q = {0};
		uint32_t rune;

		l->pos += utf8_decode(l->in + l->pos, l->len - l->pos, &rune);
		go_append_quote(&q, l->in + l->start, l->pos - l->start, false);
		fail(l, "bad number syntax: %.150s", q.p);
		return;
	}
	emit(l, T_NUMBER);
}

static void lex_word(struct lexer *l)
{
	size_t n;
	const char *w;

	while (l->pos < l->len && is_word(l->in[l->pos]))
		l->pos++;
	if (!at_end_of_word(l)) {
		bad_character(l, "bad character");
		return;
	}
	w = l->in + l->start;
	n = l->pos - l->start;
	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (strlen(keywords[i].word) == n && memcmp(keywords[i].word, w, n) == 0) {
			emit(l, keywords[i].typ);
			return;
		}
	}
	emit(l, T_IDENT);
}

/* After a dot or a dollar sign. */
static void lex_field(struct lexer *l, enum tok typ)
{
	if (at_end_of_word(l)) {
		emit(l, typ == T_FIELD ? T_DOT : typ);
		return;
	}
	while (l->pos < l->len && is_word(l->in[l->pos]))
		l->pos++;
	if (!at_end_of_word(l)) {
		bad_character(l, "bad character");
		return;
	}
	emit(l, typ);
}

static void lex_colon(struct lexer *l)
{
	if (l->pos >= l->len || l->in[l->pos] != '=') {
		fail(l, "expected :=");
		return;
	}
	l->pos++;
	emit(l, T_DECLARE);
}

static void lex_paren(struct lexer *l, char c)
{
	l->parens += c == '(' ? 1 : -1;
	if (l->parens < 0)
		fail(l, "unexpected right paren");
	else
		emit(l, c == '(' ? T_LPAREN : T_RPAREN);
}

static bool digit_at(const struct lexer *l, size_t pos)
{
	return pos < l->len && l->in[pos] >= '0' && l->in[pos] <= '9';
}

/* One token of an action. True: the action ends with it. */
static bool lex_action(struct lexer *l)
{
	bool trim;
	char c;

	if (at_right(l, &trim)) {
		if (l->parens)
			fail(l, "unclosed left paren");
		else
			lex_right(l);
		return true;
	}
	if (l->pos >= l->len) {
		fail(l, "unclosed action");
		return true;
	}
	c = l->in[l->pos];
	if (is_space(c))
		return lex_space(l);
	if (c == '+' || c == '-' || digit_at(l, l->pos) || (c == '.' && digit_at(l, l->pos + 1))) {
		lex_number(l);
		return false;
	}
	if (is_word(c)) {
		lex_word(l);
		return false;
	}
	if (c < 0x20 || c == 0x7f) {
		bad_character(l, "unrecognized character in action:");
		return false;
	}
	l->pos++;
	switch (c) {
	case '=':
		emit(l, T_ASSIGN);
		break;
	case ':':
		lex_colon(l);
		break;
	case '|':
		emit(l, T_PIPE);
		break;
	case '"':
		lex_quoted(l, '"', T_STRING, "unterminated quoted string");
		break;
	case '\'':
		lex_quoted(l, '\'', T_CHARCONST, "unterminated character constant");
		break;
	case '`':
		lex_raw_quote(l);
		break;
	case '$':
		lex_field(l, T_VARIABLE);
		break;
	case '.':
		lex_field(l, T_FIELD);
		break;
	case '(':
	case ')':
		lex_paren(l, c);
		break;
	default:
		emit(l, T_CHAR);
	}
	return false;
}

void tmpl_lex(const char *text, size_t len, struct arena *arena, struct token_list *ret)
{
	struct lexer l = {
		.in = text, .len = len, .line = 1, .start_line = 1, .arena = arena, .out = ret};

	while (!l.failed && lex_text(&l)) {
		if (!ret->n || ret->t[ret->n - 1].typ != T_LEFT)
			continue;
		while (!l.failed && !lex_action(&l))
			;
	}
	if (!l.failed)
		emit(&l, T_EOF);
}
