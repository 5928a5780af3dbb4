/*
 * test-output.c - what docker printed for the same answers of the API
 *
 * data/X.json are answers; data/lists.golden.json has [kind, flags, format, output] or
 * [kind, flags, format, null, error], inspect.golden.json [kind, format, output], recorded from
 * docker 28.2.2 talking to a server that gave those answers.
 */
#include <time.h>

#include "base/tap.h"
#include "cli/output.h"

static json_t *load(const char *name)
{
	AUTO(free) char *path = xasprintf("%s/%s.json", str_or(getenv("TEST_DATA")), name);
	json_error_t why;
	json_t *j = json_load_file(path, JSON_ALLOW_NUL, &why);

	if (!j)
		printf("# %s: %s\n", path, why.text);
	return j;
}

static const struct {
	const char *name;
	const struct format_list *list;
	json_t *(*rows)(json_t *answer, const struct format_options *opt);
} kinds[] = {
	{"containers", &format_containers, NULL},
	{"images", &format_images, images_rows},
	{"history", &format_history, NULL},
	{"networks", &format_networks, sorted_rows},
	{"volumes", &format_volumes, volumes_rows},
	{"stats", &format_stats, NULL},
	{"df", &format_df, df_rows},
	{"search", &format_search, NULL},
};

static bool has_flag(json_t *flags, const char *name)
{
	json_t *f;
	size_t i;

	json_array_foreach(flags, i, f) if (streq(json_string_value(f), name)) return true;
	return false;
}

static void check_list(size_t k, json_t *one)
{
	json_t *flags = json_array_get(one, 1), *answer = load(kinds[k].name), *rows;
	const char *want = json_string_value(json_array_get(one, 3));
	struct format_options opt = {
		.format = json_string_value(json_array_get(one, 2)),
		.quiet = has_flag(flags, "quiet"),
		.no_trunc = has_flag(flags, "no-trunc"),
		.size = has_flag(flags, "size"),
		.digests = has_flag(flags, "digests"),
		.raw_numbers = has_flag(flags, "raw-numbers"),
	};
	AUTO(buf) struct buf out = {0};
	struct err err = ERR_INIT;
	int r;

	rows = kinds[k].rows ? kinds[k].rows(answer, &opt) : json_incref(answer);
	r = format_list_print(kinds[k].list, rows, &opt, &out, &err);
	if (want) {
		ok_str(err.msg, "");
		ok_str(str_or(out.p), want);
	} else {
		ok_eq(r, -1);
		ok_str(err.msg, json_string_value(json_array_get(one, 4)));
		ok_eq(out.len, 0);
	}
	json_decref(rows);
	json_decref(answer);
}

static void test_lists(void)
{
	json_t *golden = load("lists.golden"), *one;
	size_t i;

	output_now_ns = json_integer_value(json_object_get(golden, "now")) * NS_PER_SEC;
	json_array_foreach(
		json_object_get(golden, "cases"), i,
		one) for (size_t k = 0; k < ARRAY_LEN(kinds);
			  k++) if (streq(kinds[k].name, json_string_value(json_array_get(one, 0))))
		check_list(k, one);
	ok(i > 100);
	json_decref(golden);
}

static void check_inspect(json_t *one)
{
	static const char *const names[] = {"container", "image", "network", "volume"};
	const char *kind = json_string_value(json_array_get(one, 0));
	const char *want = json_string_value(json_array_get(one, 2));
	json_t *object = load(kind);
	AUTO(free) char *raw = json_dumps(object, JSON_COMPACT);
	AUTO(buf) struct buf out = {0};
	struct inspect ins = {0};
	struct err err = ERR_INIT;
	size_t k = 0;
	int r;

	while (!streq(names[k], kind))
		k++;
	r = inspect_begin(&ins, json_string_value(json_array_get(one, 1)), &err);
	if (r == 0)
		r = inspect_add(&ins, (enum inspect_kind)k, raw, strlen(raw), &err);
	inspect_end(&ins, &out);
	if (want) {
		ok_str(err.kind == ERR_NONE || r == 0 ? "" : err.msg, "");
		ok_str(str_or(out.p), want);
	} else {
		ok_eq(r, -1);
		ok_str(err.msg, json_string_value(json_array_get(one, 3)));
	}
	json_decref(object);
}

static void test_inspect(void)
{
	json_t *golden = load("inspect.golden"), *one;
	size_t i;

	json_array_foreach(json_object_get(golden, "cases"), i, one) check_inspect(one);
	ok(i > 30);
	json_decref(golden);
}

static void test_texts(void)
{
	json_t *golden = load("texts.golden"), *info = load("info"), *server = load("version");
	json_t *events = load("events"), *df = load("df"), *e;
	json_t *version = json_pack("{s:{}, s:O}", "Client", "Server", server);
	AUTO(buf) struct buf out = {0};
	struct format_options opt = {0};
	struct err err = ERR_INIT;
	size_t i;

	info_text(info, &out);
	ok_str(out.p, json_string_value(json_object_get(golden, "info")));
	buf_reset(&out);
	version_normalize(server);
	version_text(version, &out);
	ok_str(strstr(out.p, "\n\nServer:"), json_string_value(json_object_get(golden, "version")));
	buf_reset(&out);
	json_array_foreach(events, i, e) event_line(e, &out);
	ok_str(out.p, json_string_value(json_object_get(golden, "events")));
	buf_reset(&out);
	ok_eq(df_verbose(df, &opt, &out, &err), 0);
	ok_str(out.p, json_string_value(json_object_get(golden, "df")));
	json_decref(golden);
	json_decref(info);
	json_decref(server);
	json_decref(version);
	json_decref(events);
	json_decref(df);
}

#define OK_TAKE(expr, want)                                                                        \
	do {                                                                                       \
		char *take = (expr);                                                               \
		ok_str(take, want);                                                                \
		free(take);                                                                        \
	} while (0)

static void test_sizes(void)
{
	OK_TAKE(human_size(0), "0B");
	OK_TAKE(human_size(999), "999B");
	OK_TAKE(human_size(1000), "1kB");
	OK_TAKE(human_size(1024), "1.024kB");
	OK_TAKE(human_size(1000000), "1MB");
	OK_TAKE(human_size(3.42e9), "3.42GB");
	OK_TAKE(human_size(5.372e12), "5.372TB");
	OK_TAKE(human_size(2.22e15), "2.22PB");
	OK_TAKE(human_size(1048576), "1.049MB");
	OK_TAKE(human_size(2e27), "2000YB");
	OK_TAKE(human_size_prec(999999, 3), "1e+03kB");
	OK_TAKE(human_size_prec(4261550, 3), "4.26MB");
	OK_TAKE(human_bytes(1024), "1KiB");
	OK_TAKE(human_bytes(1048576), "1MiB");
	OK_TAKE(human_bytes(3.42 * 1024 * 1024 * 1024), "3.42GiB");
	OK_TAKE(human_bytes(25276510208), "23.54GiB");
}

static void test_durations(void)
{
	static const struct {
		int64_t seconds;
		const char *text;
	} cases[] = {
		{0, "Less than a second"},  {-5, "Less than a second"}, {1, "1 second"},
		{45, "45 seconds"},	    {60, "About a minute"},	{119, "About a minute"},
		{120, "2 minutes"},	    {59 * 60, "59 minutes"},	{3600, "About an hour"},
		{89 * 60, "About an hour"}, {90 * 60, "2 hours"},	{47 * 3600, "47 hours"},
		{48 * 3600, "2 days"},	    {13 * 86400, "13 days"},	{14 * 86400, "2 weeks"},
		{59 * 86400, "8 weeks"},    {60 * 86400, "2 months"},	{729 * 86400, "24 months"},
		{730 * 86400, "2 years"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		OK_TAKE(human_duration(cases[i].seconds * NS_PER_SEC), cases[i].text);
}

static void test_ellipsis(void)
{
	OK_TAKE(ellipsis("t🐳ststring", 3), "t…");
	OK_TAKE(ellipsis("t🐳ststring", 4), "t🐳…");
	OK_TAKE(ellipsis("teststring", 5), "test…");
	OK_TAKE(ellipsis("teststring", 10), "teststring");
	OK_TAKE(ellipsis("teststring", 1), "t");
	OK_TAKE(ellipsis("teststring", 0), "");
	OK_TAKE(ellipsis("", 1), "");
	OK_TAKE(ellipsis("你好", 4), "你好");
	OK_TAKE(ellipsis("你好", 3), "你…");
}

static void tab(const char *in, unsigned minwidth, const char *want)
{
	AUTO(buf) struct buf out = {0};

	tabwrite(&out, in, strlen(in), minwidth, 3);
	ok_str(str_or(out.p), want);
}

static void test_tabs(void)
{
	tab("", 10, "");
	tab("a\tb\n", 10, "a         b\n");
	tab("a-long-first-cell\tb\nc\td\n", 10, "a-long-first-cell   b\nc                   d\n");
	tab("a\tb\nplain\nlonger-cell\td\n", 0, "a   b\nplain\nlonger-cell   d\n");
	tab("a\t\tc\nb\n", 2, "a      c\nb\n");
	tab("日本\tx\ny\tz", 2, "日本   x\ny      z");
}

static void test_json_layout(void)
{
	static const char in[] =
		"{\"a\":[ ],\"b\":{},\"c\":[1,2.50,{\"d\":\"x\\\"{[,\"}], \"e\":null}";
	AUTO(buf) struct buf out = {0};

	json_layout(in, strlen(in), 0, true, &out);
	ok_str(out.p,
	       "{\n    \"a\": [],\n    \"b\": {},\n    \"c\": [\n        1,\n        2.50,\n"
	       "        {\n            \"d\": \"x\\\"{[,\"\n        }\n    ],\n    \"e\": null\n}");
	buf_reset(&out);
	json_layout(in, strlen(in), 0, false, &out);
	ok_str(out.p, "{\"a\":[],\"b\":{},\"c\":[1,2.50,{\"d\":\"x\\\"{[,\"}],\"e\":null}");
	/* Text that is cut anywhere is copied without reading past its end. */
	for (size_t n = 0; n < strlen(in); n++) {
		AUTO(free) char *cut = xmemdup(in, n + 1);
		AUTO(buf) struct buf b = {0};

		json_layout(cut, n, 0, true, &b);
	}
}

static void ports(const char *json, const char *want)
{
	json_t *list = json_loads(json, 0, NULL);

	OK_TAKE(display_ports(list), want);
	json_decref(list);
}

static void test_ports(void)
{
	ports("[]", "");
	ports("[{\"PrivatePort\":80,\"Type\":\"tcp\"}]", "80/tcp");
	ports("[{\"PrivatePort\":81,\"Type\":\"tcp\"},{\"PrivatePort\":80,\"Type\":\"tcp\"},"
	      "{\"PrivatePort\":80,\"Type\":\"udp\"}]",
	      "80-81/tcp, 80/udp");
	ports("[{\"IP\":\"1.2.3.4\",\"PrivatePort\":80,\"PublicPort\":80,\"Type\":\"tcp\"},"
	      "{\"IP\":\"1.2.3.4\",\"PrivatePort\":81,\"PublicPort\":81,\"Type\":\"tcp\"},"
	      "{\"IP\":\"::\",\"PrivatePort\":9,\"PublicPort\":99,\"Type\":\"tcp\"}]",
	      "1.2.3.4:80-81->80-81/tcp, [::]:99->9/tcp");
}

int main(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
	test_run(test_lists);
	test_run(test_inspect);
	test_run(test_texts);
	test_run(test_sizes);
	test_run(test_durations);
	test_run(test_ellipsis);
	test_run(test_tabs);
	test_run(test_json_layout);
	test_run(test_ports);
	return test_done();
}
