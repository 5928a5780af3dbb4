/*
 * test-template.c - templates against what Go's text/template made of them
 *
 * data/template.json: the data, and [template, output] or [template, null, error], recorded
 * from docker's own inspect, whose volume type is rebuilt here.
 */
#include "base/tap.h"
#include "codec/template.h"

static const struct tmpl_type string = {.kind = TMPL_STRING};
static const struct tmpl_type strings = {.kind = TMPL_MAP, .elem = &string};
static const struct tmpl_type any_map = {.kind = TMPL_MAP};
static const struct tmpl_type number = {.kind = TMPL_INT};
static const struct tmpl_field usage_fields[] = {
	{"RefCount", NULL, &number}, {"Size", NULL, &number}, {NULL}};
static const struct tmpl_type usage = {
	.kind = TMPL_STRUCT, .name = "*volume.UsageData", .fields = usage_fields, .pointer = true};
static const struct tmpl_field volume_fields[] = {{"ClusterVolume", NULL, &usage, true},
						  {"CreatedAt", NULL, &string, true},
						  {"Driver", NULL, &string},
						  {"Labels", NULL, &strings},
						  {"Mountpoint", NULL, &string},
						  {"Name", NULL, &string},
						  {"Options", NULL, &strings},
						  {"Scope", NULL, &string},
						  {"Status", NULL, &any_map, true},
						  {"UsageData", NULL, &usage, true},
						  {NULL}};
static const struct tmpl_type volume = {
	.kind = TMPL_STRUCT, .name = "volume.Volume", .fields = volume_fields};

static int run(const char *text, json_t *data, const struct tmpl_type *type, unsigned flags,
	       struct buf *out, struct err *err)
{
	AUTO(tmpl) struct tmpl *t = NULL;

	if (tmpl_parse(text, &t, err) < 0)
		return -1;
	return tmpl_exec(t, data, type, flags, out, err);
}

static void check(json_t *one, json_t *data)
{
	const char *text = json_string_value(json_array_get(one, 0));
	const char *want = json_string_value(json_array_get(one, 1));
	const char *want_err = json_string_value(json_array_get(one, 2));
	AUTO(buf) struct buf out = {0};
	struct err err = ERR_INIT;
	int r = run(text, data, &volume, 0, &out, &err);

	if (want ? r < 0 || !streq(str_or(out.p), want) : r == 0 || !streq(err.msg, want_err))
		printf("# %s\n", text);
	if (want) {
		ok_str(err.msg, "");
		ok_str(str_or(out.p), want);
	} else {
		ok_eq(r, -1);
		ok_str(err.msg, want_err);
	}
}

static void test_as_go(void)
{
	AUTO(free) char *path = xasprintf("%s/template.json", str_or(getenv("TEST_DATA")));
	json_error_t why;
	json_t *all = json_load_file(path, JSON_ALLOW_NUL, &why), *one;
	size_t i;

	ok(json_array_size(json_object_get(all, "cases")) > 200);
	json_array_foreach(json_object_get(all, "cases"), i, one)
		check(one, json_object_get(all, "data"));
	json_decref(all);
}

static void test_missing_is_error(void)
{
	json_t *data = json_loads("{\"a\":{\"b\":null}}", 0, NULL);
	AUTO(buf) struct buf out = {0};
	struct err err = ERR_INIT;

	ok_eq(run("{{.a.b}}", data, NULL, TMPL_MISSING_IS_ERROR, &out, &err), 0);
	ok_str(out.p, "<no value>");
	ok_eq(run("{{.a.c}}", data, NULL, TMPL_MISSING_IS_ERROR, &out, &err), -1);
	ok_str(err.msg, "template: :1:4: executing \"\" at <.a.c>: map has no entry for key \"c\"");
	json_decref(data);
}

static json_t *label(json_t *self, const char *arg)
{
	return json_sprintf("<%s>", arg);
}

static void test_rows(void)
{
	static const struct tmpl_type row = {
		.kind = TMPL_STRUCT, .name = "*x.Row", .method_name = "Label", .method = label};
	json_t *data = json_loads("{\"B\":\"<b>\",\"A\":\"a\",\".hidden\":1}", 0, NULL);
	AUTO(buf) struct buf out = {0};
	struct err err = ERR_INIT;

	ok_eq(run("{{.A}} {{.Label \"x\"}} {{json .}} {{json .B}} {{\"y\" | .Label}}", data, &row,
		  0, &out, &err),
	      0);
	ok_str(out.p, "a <x> {\"A\":\"a\",\"B\":\"\\u003cb\\u003e\"} \"<b>\" <y>");
	ok_eq(run("{{.Foo}}", data, &row, 0, &out, &err), -1);
	ok_str(err.msg,
	       "template: :1:2: executing \"\" at <.Foo>: can't evaluate field Foo in type "
	       "*x.Row");
	ok_eq(run("{{.Label}}", data, &row, 0, &out, &err), -1);
	ok_str(err.msg,
	       "template: :1:2: executing \"\" at <.Label>: wrong number of args for Label: "
	       "want 1 got 0");
	json_decref(data);
}

static void test_limits(void)
{
	AUTO(buf) struct buf out = {0}, deep = {0};
	struct err err = ERR_INIT;

	ok_eq(run("{{range 300000}}{{range 300000}}{{end}}{{end}}", json_null(), NULL, 0, &out,
		  &err),
	      -1);
	ok(strstr(err.msg, "too many steps") != NULL);
	ok_eq(run("{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}", json_null(), NULL,
		  0, &out, &err),
	      -1);
	ok(strstr(err.msg, "exceeded maximum template depth") != NULL);
	for (int i = 0; i < 5000; i++)
		buf_adds(&deep, "{{if (");
	ok_eq(run(deep.p, json_null(), NULL, 0, &out, &err), -1);
	ok(strstr(err.msg, "nested too deeply") || strstr(err.msg, "unexpected"));
	buf_reset(&deep);
	buf_adds(&deep, "{{");
	for (int i = 0; i < 5000; i++)
		buf_addc(&deep, '(');
	ok_eq(run(deep.p, json_null(), NULL, 0, &out, &err), -1);
	ok_str(err.msg, "template: :1: nested too deeply");
	buf_reset(&deep);
	for (int i = 0; i < TMPL_MAX_TEXT + 1; i++)
		buf_addc(&deep, 'x');
	ok_eq(run(deep.p, json_null(), NULL, 0, &out, &err), -1);
	ok_eq(err.kind, ERR_INVALID);
}

/* An argument taken from a variable stays when a later argument sets the variable anew. */
static void test_assign_in_argument(void)
{
	AUTO(buf) struct buf out = {0};
	struct err err = ERR_INIT;

	ok_eq(run("{{$x := print \"a\"}}{{printf \"%s%s\" $x ($x = print \"b\")}}{{$x}}",
		  json_null(), NULL, 0, &out, &err),
	      0);
	ok_str(out.p, "abb");
}

static void test_mentions(void)
{
	struct tmpl *t = NULL;
	struct err err = ERR_INIT;

	ok_eq(tmpl_parse("{{if .A}}{{range (index .B 1)}}{{.C.Size}}{{end}}{{end}}", &t, &err), 0);
	ok(tmpl_mentions(t, "Size") && tmpl_mentions(t, "A") && tmpl_mentions(t, "B"));
	ok(!tmpl_mentions(t, "D"));
	tmpl_free(t);
}

int main(void)
{
	test_run(test_as_go);
	test_run(test_missing_is_error);
	test_run(test_rows);
	test_run(test_limits);
	test_run(test_assign_in_argument);
	test_run(test_mentions);
	return test_done();
}
