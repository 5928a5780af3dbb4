/*
 * template-func.c - the functions a template can call: Go's own and docker's
 *
 * (1) Arguments come checked against the parameters of the table at the end.
 * (2) What a function makes belongs to call->keep and counts against TMPL_MAX_OUTPUT.
 */
#include <ctype.h>

#include "codec/template-priv.h"

struct val call_keep(struct call *c, json_t *json)
{
	json_array_append_new(c->keep, json);
	return (struct val){.j = json};
}

static int give_string(struct call *c, struct val *ret, const char *s, size_t n)
{
	*c->bytes += n;
	if (*c->bytes > TMPL_MAX_OUTPUT)
		return err_set(c->err, ERR_INVALID, "too much output");
	*ret = call_keep(c, json_stringn_nocheck(s ? s : "", n));
	return 0;
}

static int give_buf(struct call *c, struct val *ret, const struct buf *b)
{
	return give_string(c, ret, b->p, b->len);
}

static int give_bool(struct val *ret, bool b)
{
	*ret = (struct val){.j = json_boolean(b)};
	return 0;
}

static int fail(struct call *c, const char *msg)
{
	return err_set(c->err, ERR_INVALID, "%s", msg);
}

static int fail_type(struct call *c, const char *what, struct val v)
{
	AUTO(buf) struct buf b = {0};

	val_type_name(v, &b);
	return err_set(c->err, ERR_INVALID, "%s %.200s", what, b.p);
}

/* --- print, escape --- */

static int do_print(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	AUTO(buf) struct buf b = {0};

	go_sprint(&b, args, n);
	return give_buf(c, ret, &b);
}

static int do_println(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	AUTO(buf) struct buf b = {0};

	go_sprintln(&b, args, n);
	return give_buf(c, ret, &b);
}

static int do_printf(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	AUTO(buf) struct buf b = {0};
	size_t len;
	const char *fmt = val_str(args[0], &len);

	go_sprintf(&b, fmt, len, args + 1, n - 1);
	return give_buf(c, ret, &b);
}

/* What the escaping functions work on: one string as it is, anything else printed. */
static void flatten(struct buf *b, const struct val *args, size_t n)
{
	static const struct tmpl_type string = {.kind = TMPL_STRING};
	AUTO(free) struct val *shown = xnew_n(struct val, n + 1);
	json_t *nothing = json_string("<no value>");

	for (size_t i = 0; i < n; i++) {
		enum val_kind k = val_kind(args[i]);

		shown[i] = k == V_NIL || k == V_INVALID
				   ? (struct val){.j = nothing, .type = &string}
				   : args[i];
	}
	go_sprint(b, shown, n);
	json_decref(nothing);
}

static int do_html(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	static const char from[] = "<>&'\"";
	static const char *const to[] = {"&lt;", "&gt;", "&amp;", "&#39;", "&#34;"};
	AUTO(buf) struct buf in = {0}, b = {0};

	flatten(&in, args, n);
	for (size_t i = 0; i < in.len; i++) {
		const char *at = in.p[i] ? strchr(from, in.p[i]) : NULL;

		if (!in.p[i])
			buf_adds(&b, "\xef\xbf\xbd");
		else if (at)
			buf_adds(&b, to[at - from]);
		else
			buf_addc(&b, in.p[i]);
	}
	return give_buf(c, ret, &b);
}

static int do_js(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	static const char from[] = "\\'\"<>&=";
	static const char *const to[] = {"\\\\",    "\\'",     "\\\"",	 "\\u003C",
					 "\\u003E", "\\u0026", "\\u003D"};
	AUTO(buf) struct buf in = {0}, b = {0};

	flatten(&in, args, n);
	for (size_t i = 0; i < in.len; i++) {
		const char *at = in.p[i] ? strchr(from, in.p[i]) : NULL;

		if (at)
			buf_adds(&b, to[at - from]);
		else if ((unsigned char)in.p[i] < 0x20)
			buf_addf(&b, "\\u%04X", (unsigned char)in.p[i]);
		else
			buf_addc(&b, in.p[i]);
	}
	return give_buf(c, ret, &b);
}

static int do_urlquery(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	AUTO(buf) struct buf in = {0}, b = {0};

	flatten(&in, args, n);
	for (size_t i = 0; i < in.len; i++) {
		unsigned char ch = (unsigned char)in.p[i];

		if (ch == ' ')
			buf_addc(&b, '+');
		else if ((ch < 0x80 && isalnum(ch)) || (ch && strchr("-_.~", ch)))
			buf_addc(&b, (char)ch);
		else
			buf_addf(&b, "%%%02X", ch);
	}
	return give_buf(c, ret, &b);
}

/* --- collections --- */

/* An index into something of len elements, or into its end where allowed. */
static int index_arg(struct call *c, struct val v, size_t len, size_t *ret)
{
	enum val_kind k = val_kind(v);

	if (k == V_INVALID || k == V_NIL)
		return fail(c, "cannot index slice/array with nil");
	if (k != V_INT)
		return fail_type(c, "cannot index slice/array with type", v);
	if (val_int(v) < 0 || (uint64_t)val_int(v) > len)
		return err_set(c->err, ERR_INVALID, "index out of range: %lld",
			       (long long)val_int(v));
	*ret = (size_t)val_int(v);
	return 0;
}

static int index_one(struct call *c, struct val *item, struct val idx)
{
	enum val_kind k = val_kind(*item);
	size_t i, len;
	const char *s;

	switch (k) {
	case V_INVALID:
	case V_NIL:
		return fail(c, "index of nil pointer");
	case V_LIST:
		if (index_arg(c, idx, val_len(*item), &i) < 0)
			return -1;
		if (i >= val_len(*item))
			return fail(c, "reflect: slice index out of range");
		*item = val_at(*item, i);
		return 0;
	case V_STRING:
		s = val_str(*item, &len);
		if (index_arg(c, idx, len, &i) < 0)
			return -1;
		if (i >= len)
			return fail(c, "reflect: string index out of range");
		*item = call_keep(c, json_integer((unsigned char)s[i]));
		return 0;
	case V_MAP:
		if (val_kind(idx) == V_INVALID || val_kind(idx) == V_NIL)
			return fail(c, "value is nil; should be of type string");
		if (val_kind(idx) != V_STRING) {
			AUTO(buf) struct buf b = {0};

			val_type_name(idx, &b);
			return err_set(c->err, ERR_INVALID,
				       "value has type %.200s; should be string", b.p);
		}
		s = val_str(idx, &len);
		*item = val_key(*item, s, len);
		return 0;
	default:
		return fail_type(c, "can't index item of type", *item);
	}
}

static int do_index(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	struct val item = args[0];

	if (val_kind(item) == V_INVALID || val_kind(item) == V_NIL)
		return fail(c, "index of untyped nil");
	for (size_t i = 1; i < n; i++) {
		const struct tmpl_type *elem = item.type ? item.type->elem : NULL;

		if (index_one(c, &item, args[i]) < 0)
			return -1;
		/* A missing key of a typed map gives the type's zero value. */
		if (!item.j && elem && elem->kind != TMPL_ANY)
			item = (struct val){.j = json_null(), .type = elem};
		else if (!item.j)
			item = (struct val){.j = json_null(), .iface = true};
	}
	*ret = item;
	return 0;
}

static int do_slice(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	struct val item = args[0];
	enum val_kind k = val_kind(item);
	size_t idx[3] = {0}, len;
	json_t *part;

	if (k == V_INVALID || k == V_NIL)
		return fail(c, "slice of untyped nil");
	if (n > 4)
		return err_set(c->err, ERR_INVALID, "too many slice indexes: %zu", n - 1);
	if (k == V_STRING && n == 4)
		return fail(c, "cannot 3-index slice a string");
	if (k != V_STRING && k != V_LIST)
		return fail_type(c, "can't slice item of type", item);
	len = val_len(item);
	idx[1] = len;
	for (size_t i = 1; i < n; i++)
		if (index_arg(c, args[i], len, &idx[i - 1]) < 0)
			return -1;
	if (idx[0] > idx[1] || (n == 4 && idx[1] > idx[2]))
		return err_set(c->err, ERR_INVALID, "invalid slice index: %zu > %zu",
			       idx[0] > idx[1] ? idx[0] : idx[1],
			       idx[0] > idx[1] ? idx[1] : idx[2]);
	if (k == V_STRING)
		return give_string(c, ret, val_str(item, &len) + idx[0], idx[1] - idx[0]);
	part = json_array();
	for (size_t i = idx[0]; i < idx[1]; i++)
		json_array_append(part, json_array_get(item.j, i));
	*ret = call_keep(c, part);
	ret->type = item.type;
	*c->bytes += (idx[1] - idx[0]) * sizeof(void *);
	return 0;
}

static int do_len(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	enum val_kind k = val_kind(args[0]);

	if (k == V_NIL)
		return fail(c, "len of nil pointer");
	if (k == V_INVALID)
		return fail(c, "reflect: call of reflect.Value.Type on zero Value");
	if (k != V_STRING && k != V_LIST && k != V_MAP)
		return fail_type(c, "len of type", args[0]);
	*ret = call_keep(c, json_integer((json_int_t)val_len(args[0])));
	return 0;
}

/* --- logic --- */

static int do_not(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	return give_bool(ret, !val_true(args[0]));
}

/* and, or: the executor evaluates them itself; these are reached by nobody. */
static int do_last(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	*ret = args[n - 1];
	return 0;
}

static bool is_nil(struct val v)
{
	return val_kind(v) == V_INVALID || val_kind(v) == V_NIL;
}

static int compare_strings(struct val a, struct val b)
{
	size_t na, nb;
	const char *sa = val_str(a, &na), *sb = val_str(b, &nb);
	int r = memcmp(sa, sb, MIN(na, nb));

	return r ? r : na < nb ? -1 : na > nb;
}

static int equal(struct call *c, struct val a, struct val b, bool *ret)
{
	enum val_kind ka = val_kind(a), kb = val_kind(b);

	*ret = false;
	if (is_nil(a) || is_nil(b)) {
		*ret = is_nil(a) && is_nil(b);
		return 0;
	}
	if (ka == V_LIST || ka == V_MAP || kb == V_LIST || kb == V_MAP) {
		AUTO(buf) struct buf m = {0};
		struct val odd = ka == V_LIST || ka == V_MAP ? a : b;

		if (ka != kb && (ka <= V_STRING || kb <= V_STRING))
			return fail(c, "incompatible types for comparison");
		buf_adds(&m, "non-comparable type ");
		go_print_value(&m, odd);
		buf_adds(&m, ": ");
		val_type_name(odd, &m);
		return err_set(c->err, ERR_INVALID, "%.500s", m.p);
	}
	if (ka != kb)
		return fail(c, "incompatible types for comparison");
	switch (ka) {
	case V_BOOL:
		*ret = val_bool(a) == val_bool(b);
		break;
	case V_INT:
		*ret = val_int(a) == val_int(b);
		break;
	case V_FLOAT:
		*ret = val_float(a) == val_float(b);
		break;
	case V_STRING:
		*ret = compare_strings(a, b) == 0;
		break;
	default:
		*ret = json_equal(a.j, b.j);
	}
	return 0;
}

static int do_eq(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	bool same = false;

	if (n < 2)
		return fail(c, "missing argument for comparison");
	for (size_t i = 1; i < n && !same; i++)
		if (equal(c, args[0], args[i], &same) < 0)
			return -1;
	return give_bool(ret, same);
}

static int do_ne(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	bool same;

	if (equal(c, args[0], args[1], &same) < 0)
		return -1;
	return give_bool(ret, !same);
}

static int less(struct call *c, struct val a, struct val b, bool *ret)
{
	enum val_kind ka = val_kind(a), kb = val_kind(b);

	if (ka < V_BOOL || ka > V_STRING || kb < V_BOOL || kb > V_STRING)
		return fail(c, "invalid type for comparison");
	if (ka != kb)
		return fail(c, "incompatible types for comparison");
	if (ka == V_BOOL)
		return fail(c, "invalid type for comparison");
	if (ka == V_STRING)
		*ret = compare_strings(a, b) < 0;
	else if (ka == V_INT)
		*ret = val_int(a) < val_int(b);
	else
		*ret = val_float(a) < val_float(b);
	return 0;
}

static int do_lt(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	bool r = false;

	return less(c, args[0], args[1], &r) < 0 ? -1 : give_bool(ret, r);
}

static int do_ge(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	bool r = false;

	return less(c, args[0], args[1], &r) < 0 ? -1 : give_bool(ret, !r);
}

static int do_le(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	bool lt = false, eq = false;

	if (less(c, args[0], args[1], &lt) < 0 || (!lt && equal(c, args[0], args[1], &eq) < 0))
		return -1;
	return give_bool(ret, lt || eq);
}

static int do_gt(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	if (do_le(c, args, n, ret) < 0)
		return -1;
	return give_bool(ret, !val_bool(*ret));
}

/* --- docker's --- */

static bool header(struct call *c, const struct val *args, struct val *ret)
{
	if (c->flags & TMPL_HEADER)
		*ret = args[0];
	return c->flags & TMPL_HEADER;
}

static int do_json(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	AUTO(buf) struct buf b = {0};

	if (header(c, args, ret))
		return 0;
	tmpl_json(args[0].j, args[0].type, &b);
	return give_buf(c, ret, &b);
}

static int do_split(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	static const struct tmpl_type string = {.kind = TMPL_STRING};
	static const struct tmpl_type strings = {.kind = TMPL_LIST, .elem = &string};
	json_t *parts;
	const char *s, *sep, *end, *at = NULL;
	size_t ns, nsep;

	if (header(c, args, ret))
		return 0;
	s = val_str(args[0], &ns);
	sep = val_str(args[1], &nsep);
	end = s + ns;
	parts = json_array();
	*c->bytes += ns;
	while (nsep ? (at = memmem(s, (size_t)(end - s), sep, nsep)) != NULL : end > s) {
		uint32_t rune;

		if (!nsep)
			at = s + utf8_decode(s, (size_t)(end - s), &rune);
		json_array_append_new(parts, json_stringn_nocheck(s, (size_t)(at - s)));
		s = at + nsep;
	}
	if (nsep)
		json_array_append_new(parts, json_stringn_nocheck(s, (size_t)(end - s)));
	*ret = call_keep(c, parts);
	ret->type = &strings;
	return 0;
}

static int do_join(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	AUTO(buf) struct buf b = {0};
	const char *sep;
	size_t nsep;

	if (header(c, args, ret))
		return 0;
	sep = val_str(args[1], &nsep);
	for (size_t i = 0; i < val_len(args[0]); i++) {
		size_t k;
		const char *s = val_str(val_at(args[0], i), &k);

		if (i)
			buf_add(&b, sep, nsep);
		buf_add(&b, s, k);
		if (b.len > TMPL_MAX_OUTPUT)
			return fail(c, "too much output");
	}
	return give_buf(c, ret, &b);
}

static uint32_t change_case(uint32_t r, bool upper)
{
	uint32_t low = upper ? 'a' : 'A', delta = upper ? (uint32_t)-32 : 32;

	if (r >= low && r < low + 26)
		return r + delta;
	/* Latin-1, Greek and Cyrillic: what names are written in. */
	low = upper ? 0xe0 : 0xc0;
	if (r >= low && r < low + 31 && r != 0xf7 && r != 0xd7)
		return r + delta;
	low = upper ? 0x430 : 0x410;
	if (r >= low && r < low + 32)
		return r + delta;
	low = upper ? 0x3b1 : 0x391;
	if (r >= low && r < low + 25 && r != 0x3c2 && r != 0x3a2)
		return r + delta;
	return r;
}

enum change { TO_LOWER, TO_UPPER, TO_TITLE };

static int change(struct call *c, const struct val *args, struct val *ret, enum change how)
{
	AUTO(buf) struct buf b = {0};
	bool start = true;
	const char *s;
	size_t n;

	if (header(c, args, ret))
		return 0;
	s = val_str(args[0], &n);
	while (n) {
		uint32_t r;
		size_t k = utf8_decode(s, n, &r);
		bool word = r == '_' || r >= 0x80 || isalnum((int)r);

		if (how != TO_TITLE || start)
			utf8_append(&b, change_case(r, how != TO_LOWER));
		else
			utf8_append(&b, r);
		start = !word;
		s += k;
		n -= k;
	}
	return give_buf(c, ret, &b);
}

static int do_lower(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	return change(c, args, ret, TO_LOWER);
}

static int do_upper(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	return change(c, args, ret, TO_UPPER);
}

static int do_title(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	return change(c, args, ret, TO_TITLE);
}

static int do_pad(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	AUTO(buf) struct buf b = {0};
	int64_t before = val_int(args[1]), after = val_int(args[2]);
	size_t len;
	const char *s = val_str(args[0], &len);

	if (before < 0 || after < 0)
		return fail(c, "strings: negative Repeat count");
	if (before > TMPL_MAX_OUTPUT / 2 || after > TMPL_MAX_OUTPUT / 2)
		return fail(c, "too much output");
	if (!len) {
		*ret = args[0];
		return 0;
	}
	buf_addf(&b, "%*s", (int)before, "");
	buf_add(&b, s, len);
	buf_addf(&b, "%*s", (int)after, "");
	return give_buf(c, ret, &b);
}

static int do_truncate(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	int64_t max = val_int(args[1]);
	size_t len;
	const char *s = val_str(args[0], &len);

	if (header(c, args, ret))
		return 0;
	if (max < 0)
		return err_set(c->err, ERR_INVALID,
			       "runtime error: slice bounds out of range [:%lld]", (long long)max);
	return give_string(c, ret, s, MIN((uint64_t)max, len));
}

static int do_call(struct call *c, const struct val *args, size_t n, struct val *ret)
{
	if (val_kind(args[0]) == V_NIL || val_kind(args[0]) == V_INVALID)
		return fail(c, "call of nil");
	return fail_type(c, "non-function of type", args[0]);
}

static const struct func funcs[] = {
	{"and", 1, true, {P_VALUE, P_VALUE}, do_last},
	{"call", 1, true, {P_VALUE, P_VALUE}, do_call},
	{"eq", 1, true, {P_VALUE, P_VALUE}, do_eq},
	{"ge", 2, false, {P_VALUE, P_VALUE}, do_ge},
	{"gt", 2, false, {P_VALUE, P_VALUE}, do_gt},
	{"html", 0, true, {P_ANY}, do_html},
	{"index", 1, true, {P_VALUE, P_VALUE}, do_index},
	{"join", 2, false, {P_STRINGS, P_STRING}, do_join},
	{"js", 0, true, {P_ANY}, do_js},
	{"json", 1, false, {P_ANY}, do_json},
	{"le", 2, false, {P_VALUE, P_VALUE}, do_le},
	{"len", 1, false, {P_VALUE}, do_len},
	{"lower", 1, false, {P_STRING}, do_lower},
	{"lt", 2, false, {P_VALUE, P_VALUE}, do_lt},
	{"ne", 2, false, {P_VALUE, P_VALUE}, do_ne},
	{"not", 1, false, {P_VALUE}, do_not},
	{"or", 1, true, {P_VALUE, P_VALUE}, do_last},
	{"pad", 3, false, {P_STRING, P_INT, P_INT}, do_pad},
	{"print", 0, true, {P_ANY}, do_print},
	{"printf", 1, true, {P_STRING, P_ANY}, do_printf},
	{"println", 0, true, {P_ANY}, do_println},
	{"slice", 1, true, {P_VALUE, P_VALUE}, do_slice},
	{"split", 2, false, {P_STRING, P_STRING}, do_split},
	{"title", 1, false, {P_STRING}, do_title},
	{"truncate", 2, false, {P_STRING, P_INT}, do_truncate},
	{"upper", 1, false, {P_STRING}, do_upper},
	{"urlquery", 0, true, {P_ANY}, do_urlquery},
};

const struct func *tmpl_find_func(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(funcs); i++)
		if (strlen(funcs[i].name) == len && memcmp(funcs[i].name, name, len) == 0)
			return &funcs[i];
	return NULL;
}
