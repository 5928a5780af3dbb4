#include "codec/filters.h"

#include "base/tap.h"

static void test_forms(void)
{
	AUTO(filters) struct filters f = {0};
	struct err err = ERR_INIT;

	ok_eq(filters_parse("{\"label\":[\"a=b\",\"c\"],\"x\":{\"y\":true,\"z\":false}}", &f, &err), 0);
	ok(filters_has(&f, "label"));
	ok_eq(filters_get(&f, "label")->n, 2);
	ok(strv_has(filters_get(&f, "x"), "y"));
	ok(!strv_has(filters_get(&f, "x"), "z"));
	ok_eq(filters_parse(NULL, &f, &err), 0);
	ok(!filters_has(&f, "label"));
	ok_eq(filters_parse("{}", &f, &err), 0);
}

static void test_bad(void)
{
	static const char *const bad[] = {"bad", "[]", "\"x\"", "{\"a\":\"b\"}", "{\"a\":[1]}",
					  "{\"a\":{\"b\":1}}", "{", "null"};
	AUTO(filters) struct filters f = {0};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		ok_eq(filters_parse(bad[i], &f, &err), -1);
		ok_str(err.msg, "invalid filter");
		ok_eq(err.kind, ERR_INVALID);
	}
}

static void test_matching(void)
{
	static const char *const allowed[] = {"name", "label", NULL};
	AUTO(filters) struct filters f = {0};
	AUTO(map) struct map labels = {0};
	struct err err = ERR_INIT;
	bool b;

	map_set_str(&labels, "a", "b");
	map_set_str(&labels, "empty", "");
	filters_add(&f, "name", "^/we");
	filters_add(&f, "label", "a");
	ok(filters_match(&f, "name", "/web"));
	ok(!filters_match(&f, "name", "/nope"));
	ok(!filters_exact(&f, "name", "/web"));
	ok(filters_exact(&f, "absent", "q"));
	ok(filters_labels(&f, "label", &labels));
	filters_add(&f, "label", "a=c");
	ok(!filters_labels(&f, "label", &labels));
	filters_add(&f, "label!", "empty=");
	ok(!filters_labels_not(&f, "label!", &labels));
	ok(filters_labels_not(&f, "label!", NULL));
	ok_eq(filters_check(&f, allowed, &err), -1);
	ok_str(err.msg, "invalid filter 'label!'");
	filters_add(&f, "event", "exec_create");
	ok(filters_prefix(&f, "event", "exec_create: ls"));
	filters_add(&f, "hostile", "((a{255}){255}){255}");
	ok(!filters_match(&f, "hostile", "aaa"));
	filters_add(&f, "dangling", "true");
	ok_eq(filters_bool(&f, "dangling", false, &b, &err), 0);
	ok(b);
	filters_add(&f, "dangling", "zz");
	filters_add(&f, "dangling", "false");
	ok_eq(filters_bool(&f, "dangling", false, &b, &err), -1);
	ok_str(err.msg, "invalid filter 'dangling=[true zz false]'");
}

int main(void)
{
	test_run(test_forms);
	test_run(test_bad);
	test_run(test_matching);
	return test_done();
}
