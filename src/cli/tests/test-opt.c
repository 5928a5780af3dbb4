#include "base/tap.h"
#include "cli/private.h"

struct opts {
	bool a, b;
	const char *s;
	struct strv list, strings, filter;
	int64_t n, u, u16, bytes, swap, dur, dec;
};

#define O(f) offsetof(struct opts, f)

static int refuse_x(const char *v, struct err *err)
{
	return streq(v, "x") ? err_set(err, ERR_INVALID, "no x") : 0;
}

static const struct cli_opt table[] = {
	{"all", 'a', CLI_BOOL, O(a), "All of it"},
	{"bool", 'b', CLI_BOOL, O(b), "On", .init = "true"},
	{"str", 's', CLI_STRING, O(s), "A string", .init = "dflt"},
	{"list", 'l', CLI_LIST, O(list), "A list", .check = refuse_x},
	{"strings", 0, CLI_STRINGS, O(strings), "CSV"},
	{"filter", 'f', CLI_FILTER, O(filter), "Filter"},
	{"num", 'n', CLI_INT, O(n), "A number", .init = "-1"},
	{"uint", 0, CLI_UINT, O(u), ""},
	{"uint16", 0, CLI_UINT16, O(u16), ""},
	{"bytes", 'm', CLI_BYTES, O(bytes), ""},
	{"swap", 0, CLI_SWAP, O(swap), ""},
	{"dur", 0, CLI_DURATION, O(dur), ""},
	{"cpus", 0, CLI_DECIMAL, O(dec), ""},
	CLI_OPT_END,
};

/* Parses a line split at spaces; the result as one line of text. */
static char *parse(const char *line, unsigned flags)
{
	AUTO(strv) struct strv argv = {0}, args = {0};
	struct opts o = {0};
	bool changed[ARRAY_LEN(table)] = {0}, help = false;
	struct err err = ERR_INIT;
	struct buf out = {0};

	strv_split(&argv, line, ' ');
	opt_init(table, &o);
	if (opt_parse(table, flags, &o, changed, argv.v, &args, &help, &err) < 0) {
		buf_adds(&out, err.msg);
	} else if (help) {
		buf_adds(&out, "help");
	} else {
		AUTO(free) char *l = strv_join(&o.list, ","), *c = strv_join(&o.strings, "|");
		AUTO(free) char *f = strv_join(&o.filter, ","), *rest = strv_join(&args, " ");

		buf_addf(&out, "%s%s%s", o.a ? "a " : "", o.b ? "b " : "", o.s);
		if (*l)
			buf_addf(&out, " l:%s", l);
		if (*c)
			buf_addf(&out, " c:%s", c);
		if (*f)
			buf_addf(&out, " f:%s", f);
		buf_addf(&out, " %lld", (long long)(o.n + o.u + o.u16 + o.bytes + o.swap + o.dur +
						    o.dec));
		if (*rest)
			buf_addf(&out, " [%s]", rest);
	}
	opt_done(table, &o);
	return buf_take(&out);
}

static void test_forms(void)
{
	static const struct {
		const char *line, *expect;
		unsigned flags;
	} t[] = {
		{"x", "b dflt -1 [x]", 0},
		{"-a x", "a b dflt -1 [x]", 0},
		{"-ab=false x", "a dflt -1 [x]", 0},
		{"--all=0 --bool=F x", "dflt -1 [x]", 0},
		{"--str=v x", "b v -1 [x]", 0},
		{"--str v x", "b v -1 [x]", 0},
		{"--str= x", "b  -1 [x]", 0},
		{"-sv x", "b v -1 [x]", 0},
		{"-s=v x", "b v -1 [x]", 0},
		{"-as v x", "a b v -1 [x]", 0},
		{"-asv x", "a b v -1 [x]", 0},
		{"-s -a x", "b -a -1 [x]", 0},
		{"-l 1 --list 2 x -l 3", "b dflt l:1,2,3 -1 [x]", 0},
		{"-l 1 x -l 3", "b dflt l:1 -1 [x -l 3]", CLI_OPTS_FIRST},
		{"-- -a x", "b dflt -1 [-a x]", 0},
		{"x -- -a", "b dflt -1 [x -a]", 0},
		{"x -- -a", "b dflt -1 [x -- -a]", CLI_OPTS_FIRST},
		{"- x", "b dflt -1 [- x]", 0},
		{"x -z", "b dflt -1 [x -z]", CLI_RAW_ARGS},
		{"--strings 1,2 --strings \"3,4\",5 x", "b dflt c:1|2|3,4|5 -1 [x]", 0},
		{"-f Name=Foo x", "b dflt f:name=Foo -1 [x]", 0},
		{"-n 0x10 x", "b dflt 16 [x]", 0},
		{"-n 0 --bytes 1k x", "b dflt 1024 [x]", 0},
		{"-n 0 --swap -1 x", "b dflt -1 [x]", 0},
		{"-n 0 --dur 1ms x", "b dflt 1000000 [x]", 0},
		{"-n 0 --cpus 1.5 x", "b dflt 1500000000 [x]", 0},
		{"-n 0 --cpus .000000001 x", "b dflt 1 [x]", 0},
		{"--help x", "help", 0},
		{"x --help", "help", 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO(free) char *got = parse(t[i].line, t[i].flags);

		ok_str(got, t[i].expect);
	}
}

static void test_mistakes(void)
{
	static const struct {
		const char *line, *expect;
	} t[] = {
		{"--foo", "unknown flag: --foo"},
		{"--foo=3", "unknown flag: --foo"},
		{"-az", "unknown shorthand flag: 'z' in -z"},
		{"-zx", "unknown shorthand flag: 'z' in -zx"},
		{"--str", "flag needs an argument: --str"},
		{"-as", "flag needs an argument: 's' in -s"},
		{"--=x", "bad flag syntax: --=x"},
		{"---x", "bad flag syntax: ---x"},
		{"--all=maybe", "invalid argument \"maybe\" for \"-a, --all\" flag: "
				"strconv.ParseBool: parsing \"maybe\": invalid syntax"},
		{"-n x", "invalid argument \"x\" for \"-n, --num\" flag: strconv.ParseInt: parsing "
			 "\"x\": invalid syntax"},
		{"-n 99999999999999999999", "invalid argument \"99999999999999999999\" for \"-n, "
					    "--num\" flag: strconv.ParseInt: parsing "
					    "\"99999999999999999999\": value out of range"},
		{"--uint -1", "invalid argument \"-1\" for \"--uint\" flag: strconv.ParseUint: "
			      "parsing \"-1\": invalid syntax"},
		{"--uint16 65536", "invalid argument \"65536\" for \"--uint16\" flag: "
				   "strconv.ParseUint: parsing \"65536\": value out of range"},
		{"-m 1x", "invalid argument \"1x\" for \"-m, --bytes\" flag: invalid suffix: 'x'"},
		{"-m -1", "invalid argument \"-1\" for \"-m, --bytes\" flag: invalid size: '-1'"},
		{"-m=", "invalid argument \"\" for \"-m, --bytes\" flag: invalid size: ''"},
		{"--dur 5", "invalid argument \"5\" for \"--dur\" flag: time: invalid duration "
			    "\"5\""},
		{"--cpus 1.0000000001", "invalid argument \"1.0000000001\" for \"--cpus\" flag: "
					"value is too precise"},
		{"--cpus x", "invalid argument \"x\" for \"--cpus\" flag: failed to parse x as a "
			     "rational number"},
		{"-l x", "invalid argument \"x\" for \"-l, --list\" flag: no x"},
		{"-f x", "invalid argument \"x\" for \"-f, --filter\" flag: bad format of filter "
			 "(expected name=value)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		AUTO(free) char *got = parse(t[i].line, 0);

		ok_str(got, t[i].expect);
	}
}

static void test_bytes(void)
{
	static const struct {
		const char *s;
		int64_t v;
	} t[] = {
		{"5", 5}, {"1b", 1}, {"1k", 1024}, {"1kb", 1024}, {"1KiB", 1024}, {"1 k", 1024},
		{"1.5g", 1610612736}, {".5m", 524288}, {"2T", 2199023255552}, {"", -1}, {"k", -1},
		{"1kk", -1}, {"1ki", -1}, {"1e", -1}, {"-5", -1}, {"1.2.3", -1}, {"9999999p", -1},
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct err err = ERR_INIT;
		int64_t v = -1;

		ok_eq(cli_parse_bytes(t[i].s, &v, &err), t[i].v < 0 ? -1 : 0);
		ok_eq(v, t[i].v);
	}
}

/* Every command: sorted help rows, options initialised, defaults that parse, paths unique. */
static void test_registry(void)
{
	AUTO(map) struct map seen = {0};

	for (size_t i = 0; cli_commands[i]; i++) {
		const struct cli_command *c = cli_commands[i];
		AUTO(free) void *opts = xcalloc(1, MAX(c->opts_size, 1));
		AUTO(buf) struct buf help = {0};

		opt_init(c->opts, opts);
		opt_done(c->opts, opts);
		for (const char *const *p = c->paths; *p; p++) {
			ok(!map_has(&seen, *p));
			map_set(&seen, *p, (void *)c);
		}
		help_command(&help, c, c->paths[0]);
		ok(help.len > 0 && help.len < 32768);
		for (const struct cli_opt *o = c->opts; o && o->name; o++) {
			ok(o->offset < c->opts_size);
			ok(opt_find(c->opts, o->name) == o);
		}
	}
}

static void test_help(void)
{
	AUTO(buf) struct buf out = {0};

	help_options(&out, (const struct cli_opt[]){
		{"all", 'a', CLI_BOOL, 0, "Show all"},
		{"name", 0, CLI_STRING, 0,
		 "A long text that does not fit into one line of eighty columns, so it wraps",
		 .init = "x"},
		CLI_OPT_END,
	});
	ok_str(out.p, "  -a, --all           Show all\n"
		      "      --name string   A long text that does not fit into one line of\n"
		      "                      eighty columns, so it wraps (default \"x\")\n");
}

/* A row named help shows it; it works with and without one. */
static void test_help_row(void)
{
	static const struct cli_opt with[] = {{"help", 0, CLI_BOOL, O(a), "Print usage"},
					      CLI_OPT_END};
	AUTO(strv) struct strv args = {0};
	char flag[] = "--help", *argv[] = {flag, NULL};
	struct opts o = {0};
	struct err err = ERR_INIT;
	bool changed[2] = {0}, help = false;

	ok_eq(opt_parse(with, CLI_OPTS_FIRST, &o, changed, argv, &args, &help, &err), 0);
	ok(help);
}

static void test_suggest(void)
{
	ok_str(suggest_command("", "rn"), "rm");
	ok_str(suggest_command("", "satrt"), "start");
	ok_str(suggest_command("container", "stat"), "container start");
	ok(suggest_command("", "completely-else") == NULL);
}

int main(void)
{
	test_run(test_forms);
	test_run(test_mistakes);
	test_run(test_bytes);
	test_run(test_registry);
	test_run(test_help);
	test_run(test_help_row);
	test_run(test_suggest);
	return test_done();
}
