/*
 * template-fmt.c - Go's package fmt over template values
 *
 * (1) A verb that does not fit its operand prints as Go's %!verb(type=value).
 * (2) Widths and precisions are bounded by WIDTH_MAX, so that one format stays small.
 */
#include <math.h>

#include "base/clock.h"
#include "codec/template-priv.h"

#define WIDTH_MAX 10000
#define DEPTH_MAX 200

struct spec {
	bool minus, plus, sharp, space, zero;
	bool plus_v, sharp_v;
	int width, prec; /* -1: not given */
	char verb;
};

/* --- runes --- */

size_t utf8_decode(const char *s, size_t n, uint32_t *ret)
{
	const unsigned char *u = (const unsigned char *)s;
	size_t need = u[0] >= 0xf0 ? 4 : u[0] >= 0xe0 ? 3 : u[0] >= 0xc2 ? 2 : 1;
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t v;

	*ret = 0xfffd;
	if (u[0] < 0x80) {
		*ret = u[0];
		return 1;
	}
	if (need == 1 || need > n || u[0] > 0xf4)
		return 1;
	v = u[0] & (0xffu >> (need + 1));
	for (size_t i = 1; i < need; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | (u[i] & 0x3f);
	}
	if (v < least[need] || v > 0x10ffff || (v >= 0xd800 && v < 0xe000))
		return 1;
	*ret = v;
	return need;
}

void utf8_append(struct buf *out, uint32_t r)
{
	if (r > 0x10ffff || (r >= 0xd800 && r < 0xe000))
		r = 0xfffd;
	if (r < 0x80) {
		buf_addc(out, (char)r);
	} else if (r < 0x800) {
		buf_addc(out, (char)(0xc0 | r >> 6));
		buf_addc(out, (char)(0x80 | (r & 0x3f)));
	} else if (r < 0x10000) {
		buf_addc(out, (char)(0xe0 | r >> 12));
		buf_addc(out, (char)(0x80 | (r >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (r & 0x3f)));
	} else {
		buf_addc(out, (char)(0xf0 | r >> 18));
		buf_addc(out, (char)(0x80 | (r >> 12 & 0x3f)));
		buf_addc(out, (char)(0x80 | (r >> 6 & 0x3f)));
		buf_addc(out, (char)(0x80 | (r & 0x3f)));
	}
}

static size_t rune_count(const char *s, size_t n)
{
	size_t count = 0;

	while (n) {
		uint32_t rune;
		size_t k = utf8_decode(s, n, &rune);

		s += k;
		n -= k;
		count++;
	}
	return count;
}

void go_append_quote(struct buf *out, const char *s, size_t len, bool ascii_only)
{
	static const char letters[] = "abfnrtv", bytes[] = "\a\b\f\n\r\t\v";

	buf_addc(out, '"');
	while (len) {
		uint32_t r;
		size_t k = utf8_decode(s, len, &r);
		const char *at = r && r < 0x20 ? strchr(bytes, (int)r) : NULL;

		if (r == '"' || r == '\\') {
			buf_addc(out, '\\');
			buf_addc(out, (char)r);
		} else if (at) {
			buf_addc(out, '\\');
			buf_addc(out, letters[at - bytes]);
		} else if (r == 0xfffd && k == 1) {
			buf_addf(out, "\\x%02x", (unsigned char)*s);
		} else if (r < 0x20 || r == 0x7f) {
			buf_addf(out, "\\x%02x", r);
		} else if (r < 0x80 || (!ascii_only && r >= 0xa1 && r != 0xad && r != 0xfeff &&
					!(r >= 0x2000 && r <= 0x200f) &&
					!(r >= 0x2028 && r <= 0x202f) && r != 0x3000)) {
			buf_add(out, s, k);
		} else {
			buf_addf(out, r > 0xffff ? "\\U%08x" : "\\u%04x", r);
		}
		s += k;
		len -= k;
	}
	buf_addc(out, '"');
}

/* --- numbers --- */

/* C pads exponents to two digits as Go does; the sign is always there. */
static void shortest(char ret[64], double d, char verb)
{
	char fmt[8] = "%.*";

	fmt[3] = verb;
	fmt[4] = '\0';
	for (int prec = verb == 'g' ? 1 : 0; prec <= 17; prec++) {
		snprintf(ret, 64, fmt, prec, d);
		if (strtod(ret, NULL) == d)
			return;
	}
}

/* Go's 'g' with the shortest precision: exponents below -4 and from 6 on. */
static void shortest_g(struct buf *out, double d, char verb)
{
	char e[64];
	int digits, exp;

	shortest(e, d, 'e');
	exp = atoi(strchr(e, 'e') + 1);
	digits = (int)(strchr(e, 'e') - e) - (e[0] == '-') - (strchr(e, '.') != NULL);
	if (verb == 'G')
		*strchr(e, 'e') = 'E';
	if (exp < -4 || exp >= 6)
		buf_adds(out, e);
	else
		buf_addf(out, "%.*f", MAX(digits - 1 - exp, 0), d);
}

static void shortest_f(struct buf *out, double d)
{
	char e[64];
	int digits, exp;

	shortest(e, d, 'e');
	exp = atoi(strchr(e, 'e') + 1);
	digits = (int)(strchr(e, 'e') - e) - (e[0] == '-') - (strchr(e, '.') != NULL);
	buf_addf(out, "%.*f", MAX(digits - 1 - exp, 0), d);
}

void go_append_float(struct buf *out, double d, char verb, int prec)
{
	char fmt[8] = "%.*";

	if (isnan(d) || isinf(d)) {
		buf_adds(out, isnan(d) ? "NaN" : d > 0 ? "+Inf" : "-Inf");
	} else if (prec >= 0) {
		fmt[3] = verb;
		fmt[4] = '\0';
		buf_addf(out, fmt, MIN(prec, 1000), d);
	} else if ((verb | 32) == 'g') {
		shortest_g(out, d, verb);
	} else {
		shortest_f(out, d);
	}
}

/* --- padding --- */

static void pad(struct buf *out, const struct spec *sp, const char *s, size_t n, bool zero)
{
	size_t count = rune_count(s, n);
	size_t fill = sp->width > 0 && (size_t)sp->width > count ? (size_t)sp->width - count : 0;

	if (sp->minus)
		buf_add(out, s, n);
	for (size_t i = 0; i < fill; i++)
		buf_addc(out, zero && !sp->minus ? '0' : ' ');
	if (!sp->minus)
		buf_add(out, s, n);
}

/* Digits of a number with its sign; zeros go between them. */
static void pad_number(struct buf *out, const struct spec *sp, bool neg, const char *digits)
{
	AUTO(buf) struct buf b = {0};
	int sign = neg ? '-' : sp->plus ? '+' : sp->space ? ' ' : 0;
	int n = (int)strlen(digits) + (sign != 0);

	if (sign)
		buf_addc(&b, (char)sign);
	if (sp->zero && !sp->minus)
		for (; n < sp->width; n++)
			buf_addc(&b, '0');
	buf_adds(&b, digits);
	pad(out, sp, b.p, b.len, false);
}

/* --- verbs --- */

static void bad_verb(struct buf *out, const struct spec *sp, struct val v);
static bool print_verb(struct buf *out, const struct spec *sp, struct val v, int depth);

static void digits_of(struct buf *b, uint64_t u, int base, bool upper)
{
	char tmp[65];
	int i = 64;

	tmp[i] = '\0';
	do {
		tmp[--i] = (upper ? "0123456789ABCDEF" : "0123456789abcdef")[u % (unsigned)base];
		u /= (unsigned)base;
	} while (u);
	buf_adds(b, tmp + i);
}

static void print_char(struct buf *out, const struct spec *sp, int64_t i)
{
	AUTO(buf) struct buf b = {0};
	uint32_t r = i < 0 || i > 0x10ffff ? 0xfffd : (uint32_t)i;

	if (sp->verb == 'c') {
		utf8_append(&b, r);
	} else if (sp->verb == 'q') {
		AUTO(buf) struct buf c = {0};

		utf8_append(&c, r);
		go_append_quote(&b, c.p, c.len, sp->plus);
		b.p[0] = b.p[b.len - 1] = '\'';
	} else {
		buf_addf(&b, "U+%04X", r);
		if (sp->sharp) {
			buf_adds(&b, " '");
			utf8_append(&b, r);
			buf_addc(&b, '\'');
		}
	}
	pad(out, sp, b.p, b.len, sp->zero);
}

static bool print_int(struct buf *out, const struct spec *sp, int64_t i)
{
	static const struct {
		char verb, base;
		const char *prefix;
	} verbs[] = {
		{'v', 10, ""},	{'d', 10, ""},	 {'b', 2, "0b"},  {'o', 8, "0"},
		{'O', 8, "0o"}, {'x', 16, "0x"}, {'X', 16, "0X"},
	};
	uint64_t u = i < 0 ? -(uint64_t)i : (uint64_t)i;

	if (strchr("cqU", sp->verb)) {
		print_char(out, sp, i);
		return true;
	}
	for (size_t k = 0; k < ARRAY_LEN(verbs); k++) {
		AUTO(buf) struct buf b = {0}, d = {0};
		struct spec s = *sp;

		if (verbs[k].verb != sp->verb)
			continue;
		digits_of(&d, u, verbs[k].base, sp->verb == 'X');
		if ((sp->sharp && sp->verb != 'v') || sp->verb == 'O')
			buf_adds(&b, verbs[k].prefix);
		if (s.prec >= 0)
			s.zero = false;
		for (size_t n = d.len; s.prec >= 0 && n < (size_t)s.prec; n++)
			buf_addc(&b, '0');
		buf_add(&b, d.p, d.len);
		pad_number(out, &s, i < 0, b.p);
		return true;
	}
	return false;
}

static bool print_float(struct buf *out, const struct spec *sp, double d)
{
	AUTO(buf) struct buf b = {0};
	struct spec s = *sp;
	char verb = sp->verb == 'v' ? 'g' : sp->verb == 'F' ? 'f' : sp->verb;
	int prec = sp->prec;

	if (!strchr("eEfgG", verb))
		return false;
	if (prec < 0 && (verb | 32) != 'g')
		prec = 6;
	go_append_float(&b, d, verb, prec);
	if (isnan(d) || isinf(d))
		s.zero = false;
	pad_number(out, &s, b.p[0] == '-', b.p + (b.p[0] == '-' || b.p[0] == '+'));
	return true;
}

static bool print_string(struct buf *out, const struct spec *sp, const char *s, size_t n)
{
	AUTO(buf) struct buf b = {0};

	if (sp->prec >= 0 && strchr("svq", sp->verb)) {
		size_t k = 0;

		for (int runes = 0; runes < sp->prec && k < n; runes++) {
			uint32_t r;

			k += utf8_decode(s + k, n - k, &r);
		}
		n = k;
	}
	switch (sp->verb) {
	case 'v':
		if (sp->sharp_v) {
			go_append_quote(&b, s, n, false);
			break;
		}
		/* fall through */
	case 's':
		pad(out, sp, s, n, sp->zero);
		return true;
	case 'q':
		if (sp->sharp && !memchr(s, '`', n)) {
			buf_addc(&b, '`');
			buf_add(&b, s, n);
			buf_addc(&b, '`');
		} else {
			go_append_quote(&b, s, n, sp->plus);
		}
		break;
	case 'x':
	case 'X':
		if (sp->prec >= 0 && (size_t)sp->prec < n)
			n = (size_t)sp->prec;
		if (sp->sharp && n)
			buf_adds(&b, sp->verb == 'x' ? "0x" : "0X");
		for (size_t i = 0; i < n; i++) {
			if (i && sp->space)
				buf_adds(&b, sp->sharp ? (sp->verb == 'x' ? " 0x" : " 0X") : " ");
			buf_addf(&b, sp->verb == 'x' ? "%02x" : "%02X", (unsigned char)s[i]);
		}
		break;
	default:
		return false;
	}
	pad(out, sp, b.p ? b.p : "", b.len, sp->zero);
	return true;
}

/* Go's time.Time.String(), in UTC as the API gives it. */
static bool print_time(struct buf *out, const struct spec *sp, struct val v)
{
	char text[CLOCK_RFC3339_MAX + 16] = "0001-01-01 00:00:00 +0000 UTC";
	size_t n;
	int64_t ns;

	if (clock_parse_rfc3339(val_str(v, &n), &ns) == 0) {
		clock_format_rfc3339(text, ns);
		text[10] = ' ';
		strcpy(text + strlen(text) - 1, " +0000 UTC");
	}
	return print_string(out, sp, text, strlen(text));
}

/* An element of a map, list or struct: wrong verbs show at the element. */
static void print_inner(struct buf *out, const struct spec *sp, struct val v, int depth)
{
	if (depth > DEPTH_MAX || !print_verb(out, sp, v, depth))
		bad_verb(out, sp, v);
}

static void print_map(struct buf *out, const struct spec *sp, struct val v, int depth)
{
	static const struct tmpl_type string = {.kind = TMPL_STRING};
	size_t n;
	AUTO(free) const char **keys = val_sorted_keys(v, &n);

	if (sp->sharp_v)
		val_type_name(v, out);
	buf_adds(out, sp->sharp_v ? "{" : "map[");
	for (size_t i = 0; i < n; i++) {
		json_t *key = json_string_nocheck(keys[i]);

		if (i)
			buf_adds(out, sp->sharp_v ? ", " : " ");
		print_inner(out, sp, (struct val){.j = key, .type = &string}, depth);
		json_decref(key);
		buf_addc(out, ':');
		print_inner(out, sp, val_key(v, keys[i], strlen(keys[i])), depth);
	}
	buf_addc(out, sp->sharp_v ? '}' : ']');
}

static void print_list(struct buf *out, const struct spec *sp, struct val v, int depth)
{
	size_t n = val_len(v);

	if (sp->sharp_v)
		val_type_name(v, out);
	buf_addc(out, sp->sharp_v ? '{' : '[');
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_adds(out, sp->sharp_v ? ", " : " ");
		print_inner(out, sp, val_at(v, i), depth);
	}
	buf_addc(out, sp->sharp_v ? '}' : ']');
}

static void print_fields(struct buf *out, const struct spec *sp, struct val v, int depth)
{
	const struct tmpl_field *f = v.type ? v.type->fields : NULL;

	if (!f) {
		print_map(out, sp, v, depth);
		return;
	}
	if (sp->sharp_v)
		val_type_name(v, out);
	buf_addc(out, '{');
	for (const struct tmpl_field *first = f; f->name; f++) {
		if (f != first)
			buf_adds(out, sp->sharp_v ? ", " : " ");
		if (sp->plus_v || sp->sharp_v)
			buf_addf(out, "%s:", f->name);
		print_inner(out, sp, val_field(v, f), depth);
	}
	buf_addc(out, '}');
}

static bool print_verb(struct buf *out, const struct spec *sp, struct val v, int depth)
{
	size_t n;
	const char *s;

	if (sp->verb == 'T') {
		AUTO(buf) struct buf b = {0};
		struct spec plain = *sp;

		val_type_name(v, &b);
		plain.verb = 's';
		return print_string(out, &plain, b.p, b.len);
	}
	switch (val_kind(v)) {
	case V_INVALID:
	case V_NIL:
		if (sp->verb != 'v')
			return false;
		pad(out, sp, "<nil>", 5, false);
		return true;
	case V_BOOL:
		if (sp->verb != 't' && sp->verb != 'v')
			return false;
		pad(out, sp, val_bool(v) ? "true" : "false", val_bool(v) ? 4 : 5, false);
		return true;
	case V_INT:
		return print_int(out, sp, val_int(v));
	case V_FLOAT:
		return print_float(out, sp, val_float(v));
	case V_STRING:
		if (v.type && v.type->kind == TMPL_TIME)
			return print_time(out, sp, v);
		s = val_str(v, &n);
		return print_string(out, sp, s, n);
	case V_LIST:
		print_list(out, sp, v, depth + 1);
		return true;
	case V_MAP:
		print_map(out, sp, v, depth + 1);
		return true;
	case V_STRUCT:
		print_fields(out, sp, v, depth + 1);
		return true;
	}
	return false;
}

static void bad_verb(struct buf *out, const struct spec *sp, struct val v)
{
	struct spec plain = {.width = -1, .prec = -1, .verb = 'v'};

	buf_addf(out, "%%!%c(", sp->verb);
	if (val_kind(v) == V_NIL || val_kind(v) == V_INVALID) {
		buf_adds(out, "<nil>");
	} else {
		val_type_name(v, out);
		buf_addc(out, '=');
		print_verb(out, &plain, v, 0);
	}
	buf_addc(out, ')');
}

void go_print_value(struct buf *out, struct val v)
{
	struct spec plain = {.width = -1, .prec = -1, .verb = 'v'};

	print_verb(out, &plain, v, 0);
}

void go_sprint(struct buf *out, const struct val *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i && val_kind(v[i]) != V_STRING && val_kind(v[i - 1]) != V_STRING)
			buf_addc(out, ' ');
		go_print_value(out, v[i]);
	}
}

void go_sprintln(struct buf *out, const struct val *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i)
			buf_addc(out, ' ');
		go_print_value(out, v[i]);
	}
	buf_addc(out, '\n');
}

/* --- formats --- */

struct scan {
	const char *p, *end;
	const struct val *v;
	size_t n, arg;
	bool reordered, good_index;
};

static int scan_number(struct scan *s)
{
	int v = -1;

	while (s->p < s->end && *s->p >= '0' && *s->p <= '9') {
		v = (v < 0 ? 0 : v) * 10 + (*s->p++ - '0');
		if (v > WIDTH_MAX)
			v = WIDTH_MAX;
	}
	return v;
}

/* [n]: which operand comes next. */
static void scan_index(struct scan *s)
{
	const char *close =
		s->p < s->end && *s->p == '[' ? memchr(s->p, ']', (size_t)(s->end - s->p)) : NULL;
	int v;

	if (s->p >= s->end || *s->p != '[')
		return;
	s->reordered = true;
	s->p++;
	v = scan_number(s);
	if (!close || s->p != close || v < 1 || (size_t)v > s->n)
		s->good_index = false;
	else
		s->arg = (size_t)v - 1;
	if (close)
		s->p = close + 1;
}

/* A * takes its number from the operands. */
static int scan_star(struct scan *s, struct buf *out, const char *bad)
{
	int64_t i;

	s->p++;
	if (s->arg >= s->n || val_kind(s->v[s->arg]) != V_INT) {
		s->arg += s->arg < s->n;
		buf_adds(out, bad);
		return -1;
	}
	i = val_int(s->v[s->arg++]);
	if (i > WIDTH_MAX || i < -WIDTH_MAX) {
		buf_adds(out, bad);
		return -1;
	}
	return (int)i;
}

static void scan_flags(struct scan *s, struct spec *sp)
{
	for (; s->p < s->end; s->p++) {
		switch (*s->p) {
		case '#':
			sp->sharp = true;
			break;
		case '0':
			sp->zero = true;
			break;
		case '+':
			sp->plus = true;
			break;
		case '-':
			sp->minus = true;
			break;
		case ' ':
			sp->space = true;
			break;
		default:
			return;
		}
	}
}

static void scan_width(struct scan *s, struct spec *sp, struct buf *out)
{
	scan_index(s);
	if (s->p < s->end && *s->p == '*') {
		sp->width = scan_star(s, out, "%!(BADWIDTH)");
		if (sp->width < -1) {
			sp->width = -sp->width;
			sp->minus = true;
		}
	} else {
		sp->width = scan_number(s);
	}
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		scan_index(s);
		if (s->p < s->end && *s->p == '*') {
			sp->prec = scan_star(s, out, "%!(BADPREC)");
		} else {
			sp->prec = scan_number(s);
			sp->prec = MAX(sp->prec, 0);
		}
	}
	scan_index(s);
}

static void one_verb(struct scan *s, struct buf *out)
{
	struct spec sp = {.width = -1, .prec = -1};
	uint32_t rune;
	size_t k;

	s->good_index = true;
	scan_flags(s, &sp);
	scan_width(s, &sp, out);
	if (s->p >= s->end) {
		buf_adds(out, "%!(NOVERB)");
		return;
	}
	k = utf8_decode(s->p, (size_t)(s->end - s->p), &rune);
	sp.verb = *s->p;
	if (rune == '%') {
		buf_addc(out, '%');
	} else if (!s->good_index) {
		buf_addf(out, "%%!%.*s(BADINDEX)", (int)k, s->p);
	} else if (s->arg >= s->n) {
		buf_addf(out, "%%!%.*s(MISSING)", (int)k, s->p);
	} else {
		if (sp.verb == 'v') {
			sp.sharp_v = sp.sharp;
			sp.plus_v = sp.plus;
			sp.plus = sp.sharp = false;
		}
		if (k > 1 || !print_verb(out, &sp, s->v[s->arg], 0))
			bad_verb(out, &sp, s->v[s->arg]);
		s->arg++;
	}
	s->p += k;
}

void go_sprintf(struct buf *out, const char *fmt, size_t len, const struct val *v, size_t n)
{
	struct scan s = {.p = fmt, .end = fmt + len, .v = v, .n = n};

	while (s.p < s.end) {
		const char *percent = memchr(s.p, '%', (size_t)(s.end - s.p));

		buf_add(out, s.p, (size_t)((percent ? percent : s.end) - s.p));
		if (!percent)
			break;
		s.p = percent + 1;
		one_verb(&s, out);
	}
	if (s.reordered || s.arg >= n)
		return;
	buf_adds(out, "%!(EXTRA ");
	for (size_t i = s.arg; i < n; i++) {
		if (i > s.arg)
			buf_adds(out, ", ");
		val_type_name(v[i], out);
		if (val_kind(v[i]) != V_NIL && val_kind(v[i]) != V_INVALID) {
			buf_addc(out, '=');
			go_print_value(out, v[i]);
		}
	}
	buf_addc(out, ')');
}
