/*
 * opt.c - command line options by table, with the semantics of Go's pflag
 *
 * --flag=value, --flag value, -f value, -fvalue, -f=value, clusters of short ones (-it),
 * booleans with =false, repeated options, "--" as the end.
 *
 * (1) Texts of errors are pflag's and strconv's: scripts and people know them.
 * (2) Values borrow from argv; lists own copies.
 */
#include <ctype.h>
#include <errno.h>

#include "base/clock.h"
#include "cli/private.h"

static void *value_of(const struct cli_opt *o, void *opts)
{
	return (char *)opts + o->offset;
}

/* --- setting one value ------------------------------------------------------------------ */

static int set_bool(void *p, const char *v, struct err *err)
{
	static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
	static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};

	for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
		if (streq(v, yes[i]) || streq(v, no[i])) {
			*(bool *)p = streq(v, yes[i]);
			return 0;
		}
	}
	return err_set(err, ERR_INVALID, "strconv.ParseBool: parsing \"%s\": invalid syntax", v);
}

static int set_string(void *p, const char *v, struct err *err)
{
	*(const char **)p = v;
	return 0;
}

static int set_list(void *p, const char *v, struct err *err)
{
	strv_add(p, v);
	return 0;
}

/* One line of CSV: fields may be quoted, "" inside quotes is a quote. */
static int set_strings(void *p, const char *v, struct err *err)
{
	struct strv *sv = p;

	if (!*v)
		return 0;
	for (;;) {
		AUTO(buf) struct buf field = {0};
		bool quoted = *v == '"';

		for (v += quoted; *v && (quoted || *v != ','); v++) {
			if (quoted && *v == '"' && v[1] != '"')
				break;
			if (quoted && *v == '"')
				v++;
			buf_addc(&field, *v);
		}
		if (quoted && *v++ != '"')
			return err_set(err, ERR_INVALID, "parse error on line 1, column %zu: "
				       "extraneous or missing \" in quoted-field", field.len + 2);
		if (*v && *v != ',')
			return err_set(err, ERR_INVALID, "parse error on line 1, column %zu: "
				       "extraneous or missing \" in quoted-field", field.len + 3);
		strv_take(sv, buf_take(&field));
		if (!*v++)
			return 0;
	}
}

static int set_filter(void *p, const char *v, struct err *err)
{
	AUTO(free) char *name = NULL;
	const char *eq = strchr(v, '='), *end;

	if (!*v)
		return 0;
	if (!eq)
		return err_set(err, ERR_INVALID, "bad format of filter (expected name=value)");
	for (end = eq; end > v && isspace((unsigned char)end[-1]); end--)
		;
	while (v < end && isspace((unsigned char)*v))
		v++;
	name = xstrndup(v, (size_t)(end - v));
	str_lower(name);
	for (v = eq + 1; isspace((unsigned char)*v); v++)
		;
	for (end = v + strlen(v); end > v && isspace((unsigned char)end[-1]); end--)
		;
	strv_addf(p, "%s=%.*s", name, (int)(end - v), v);
	return 0;
}

static int set_int(void *p, const char *v, struct err *err)
{
	int64_t n;
	int r = str_to_i64(v, 0, &n);

	if (r < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%s\": %s", v,
			       r == -ERANGE ? "value out of range" : "invalid syntax");
	*(int64_t *)p = n;
	return 0;
}

static int set_unsigned(void *p, const char *v, uint64_t max, struct err *err)
{
	uint64_t n;
	int r = str_to_u64(v, 0, &n);

	if (r == 0 && n > max)
		r = -ERANGE;
	if (r < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseUint: parsing \"%s\": %s", v,
			       r == -ERANGE ? "value out of range" : "invalid syntax");
	*(int64_t *)p = (int64_t)n;
	return 0;
}

static int set_uint(void *p, const char *v, struct err *err)
{
	return set_unsigned(p, v, INT64_MAX, err);
}

static int set_uint16(void *p, const char *v, struct err *err)
{
	return set_unsigned(p, v, UINT16_MAX, err);
}

static int set_bytes(void *p, const char *v, struct err *err)
{
	return cli_parse_bytes(v, p, err);
}

static int set_swap(void *p, const char *v, struct err *err)
{
	if (streq(v, "-1")) {
		*(int64_t *)p = -1;
		return 0;
	}
	return cli_parse_bytes(v, p, err);
}

static int set_duration(void *p, const char *v, struct err *err)
{
	if (clock_parse_duration(v, p) < 0)
		return err_set(err, ERR_INVALID, "time: invalid duration \"%s\"", v);
	return 0;
}

/* "1.5" to billionths, exactly. */
static int set_decimal(void *p, const char *v, struct err *err)
{
	const char *s = v;
	int64_t whole = 0, frac = 0, scale = 1000000000;
	bool digits = false, negative = *s == '-';

	s += *s == '-' || *s == '+';
	for (; isdigit((unsigned char)*s); s++, digits = true) {
		if (whole > 1000000000)
			return err_set(err, ERR_INVALID, "value out of range");
		whole = whole * 10 + (*s - '0');
	}
	if (*s == '.')
		for (s++; isdigit((unsigned char)*s); s++, digits = true) {
			if (scale == 1 && *s != '0')
				return err_set(err, ERR_INVALID, "value is too precise");
			if (scale > 1) {
				scale /= 10;
				frac += (*s - '0') * scale;
			}
		}
	if (*s || !digits)
		return err_set(err, ERR_INVALID, "failed to parse %s as a rational number", v);
	if (whole > 9000000000LL)
		return err_set(err, ERR_INVALID, "value out of range");
	*(int64_t *)p = (whole * 1000000000 + frac) * (negative ? -1 : 1);
	return 0;
}

static int (*const setters[])(void *p, const char *v, struct err *err) = {
	[CLI_BOOL] = set_bool,	       [CLI_STRING] = set_string, [CLI_LIST] = set_list,
	[CLI_STRINGS] = set_strings,   [CLI_MAP] = set_list,	  [CLI_FILTER] = set_filter,
	[CLI_INT] = set_int,	       [CLI_UINT] = set_uint,	  [CLI_UINT16] = set_uint16,
	[CLI_BYTES] = set_bytes,       [CLI_DURATION] = set_duration,
	[CLI_SWAP] = set_swap,	       [CLI_DECIMAL] = set_decimal,
};
static_assert(ARRAY_LEN(setters) == CLI_OPT_KINDS, "a setter for each kind");

static bool is_list(const struct cli_opt *o)
{
	return o->kind == CLI_LIST || o->kind == CLI_STRINGS || o->kind == CLI_MAP ||
	       o->kind == CLI_FILTER;
}

int opt_set(const struct cli_opt *o, void *opts, const char *value, struct err *err)
{
	if (o->check && o->check(value, err) < 0)
		return -1;
	return setters[o->kind](value_of(o, opts), value, err);
}

void opt_init(const struct cli_opt *table, void *opts)
{
	for (const struct cli_opt *o = table; o && o->name; o++) {
		struct err err = ERR_INIT;

		if (o->kind == CLI_STRING)
			*(const char **)value_of(o, opts) = o->init ? o->init : "";
		else if (o->init)
			CHECK(setters[o->kind](value_of(o, opts), o->init, &err) == 0);
	}
}

void opt_done(const struct cli_opt *table, void *opts)
{
	for (const struct cli_opt *o = table; o && o->name; o++)
		if (is_list(o))
			strv_done(value_of(o, opts));
}

const struct cli_opt *opt_find(const struct cli_opt *table, const char *name)
{
	for (const struct cli_opt *o = table; o && o->name; o++)
		if (streq(o->name, name))
			return o;
	return NULL;
}

/* --- the command line ---------------------------------------------------------------------- */

struct parse {
	const struct cli_opt *table;
	unsigned flags;
	void *opts;
	bool *changed;
	char **argv;
	struct strv *args;
	bool *help;
};

static int assign(struct parse *p, const struct cli_opt *o, const char *value, struct err *err)
{
	struct err why = ERR_INIT;

	if (opt_set(o, p->opts, value, &why) < 0) {
		if (o->abbr)
			return err_set(err, ERR_INVALID,
				       "invalid argument \"%s\" for \"-%c, --%s\" flag: %s", value,
				       o->abbr, o->name, why.msg);
		return err_set(err, ERR_INVALID, "invalid argument \"%s\" for \"--%s\" flag: %s",
			       value, o->name, why.msg);
	}
	p->changed[o - p->table] = true;
	return 0;
}

static int want_help(struct parse *p, const char *value)
{
	*p->help = !value || streq(value, "true") || streq(value, "1");
	return 0;
}

/* "--name" or "--name=value" */
static int parse_long(struct parse *p, char *arg, struct err *err)
{
	const char *name = arg + 2, *eq = strchr(name, '=');
	AUTO(free) char *key = xstrndup(name, eq ? (size_t)(eq - name) : strlen(name));
	const struct cli_opt *o;

	if (!*key || *key == '-')
		return err_set(err, ERR_INVALID, "bad flag syntax: %s", arg);
	if (streq(key, "help")) /* some tables have a row for it, to show it */
		return want_help(p, eq ? eq + 1 : NULL);
	o = opt_find(p->table, key);
	if (!o)
		return err_set(err, ERR_INVALID, "unknown flag: --%s", key);
	if (eq)
		return assign(p, o, eq + 1, err);
	if (o->kind == CLI_BOOL)
		return assign(p, o, "true", err);
	if (!*p->argv)
		return err_set(err, ERR_INVALID, "flag needs an argument: --%s", key);
	return assign(p, o, *p->argv++, err);
}

static const struct cli_opt *find_short(const struct cli_opt *table, char c)
{
	for (const struct cli_opt *o = table; o && o->name; o++)
		if (o->abbr == c)
			return o;
	return NULL;
}

/* "-it", "-p80", "-p=80", "-p" "80" */
static int parse_short(struct parse *p, char *arg, struct err *err)
{
	for (char *s = arg + 1; *s; s++) {
		const struct cli_opt *o = find_short(p->table, *s);

		if (!o && *s == 'h') {
			fputs("Flag shorthand -h has been deprecated, use --help\n", stderr);
			return want_help(p, NULL);
		}
		if (!o)
			return err_set(err, ERR_INVALID, "unknown shorthand flag: '%c' in -%s", *s,
				       s);
		if (s[1] == '=')
			return assign(p, o, s + 2, err);
		if (o->kind == CLI_BOOL) {
			if (assign(p, o, "true", err) < 0)
				return -1;
			continue;
		}
		if (s[1])
			return assign(p, o, s + 1, err);
		if (!*p->argv)
			return err_set(err, ERR_INVALID, "flag needs an argument: '%c' in -%s", *s,
				       s);
		return assign(p, o, *p->argv++, err);
	}
	return 0;
}

static void rest_are_args(struct parse *p)
{
	while (*p->argv)
		strv_add(p->args, *p->argv++);
}

int opt_parse(const struct cli_opt *table, unsigned cmd_flags, void *opts, bool *changed,
	      char **argv, struct strv *args, bool *help, struct err *err)
{
	struct parse p = {table, cmd_flags, opts, changed, argv, args, help};

	while (*p.argv && !*help) {
		char *arg = *p.argv++;

		if (arg[0] != '-' || !arg[1] ||
		    ((cmd_flags & CLI_RAW_ARGS) && args->n && !streq(arg, "--help"))) {
			strv_add(args, arg);
			if (cmd_flags & CLI_OPTS_FIRST)
				rest_are_args(&p);
		} else if (streq(arg, "--")) {
			rest_are_args(&p);
		} else if ((arg[1] == '-' ? parse_long : parse_short)(&p, arg, err) < 0) {
			return -1;
		}
	}
	return 0;
}

int cli_parse_bytes(const char *s, int64_t *ret, struct err *err)
{
	static const char units[] = "kmgtp";
	size_t len = strlen(s), n = len;
	AUTO(free) char *number = NULL;
	const char *suffix;
	double v, scale = 1;

	while (n && !strchr("0123456789. ", s[n - 1]))
		n--;
	suffix = s + n;
	while (n && s[n - 1] == ' ')
		n--;
	number = xstrndup(s, n);
	if (str_to_double(number, &v) < 0 || v < 0)
		return err_set(err, ERR_INVALID, "invalid size: '%s'", s);
	if (*suffix) {
		const char *u = strchr(units, tolower((unsigned char)*suffix));
		const char *rest = u ? suffix + 1 : suffix;

		for (const char *k = units; u && k <= u; k++)
			scale *= 1024;
		if (u && tolower((unsigned char)*rest) == 'i')
			rest += tolower((unsigned char)rest[1]) == 'b' ? 2 : 0;
		else if (tolower((unsigned char)*rest) == 'b')
			rest++;
		if (*rest)
			return err_set(err, ERR_INVALID, "invalid suffix: '%s'", suffix);
	}
	if (v * scale >= 9.2e18)
		return err_set(err, ERR_INVALID, "invalid size: '%s'", s);
	*ret = (int64_t)(v * scale);
	return 0;
}
