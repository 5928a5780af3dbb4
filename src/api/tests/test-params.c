#include "api/private.h"
#include "base/clock.h"
#include "base/tap.h"

static struct call call;

static void query(const char *s)
{
	ok_eq(http_query_parse(s, &call.query, NULL), 0);
}

static void test_bools(void)
{
	query("a=&b=0&c=no&d=FALSE&e=none&f=+false+&g=1&h=true&i=x");
	for (char name[2] = "a"; name[0] <= 'f'; name[0]++)
		ok(!param_bool(&call, name, true));
	for (char name[2] = "g"; name[0] <= 'i'; name[0]++)
		ok(param_bool(&call, name, false));
	ok(param_bool(&call, "zz", true));
}

static void test_ints(void)
{
	struct err err = ERR_INIT;
	int64_t v;

	query("a=12&b=-3&c=x&d=&e=99999999999999999999");
	ok_eq(param_int(&call, "a", 7, &v, &err), 0);
	ok_eq(v, 12);
	ok_eq(param_int(&call, "b", 7, &v, &err), 0);
	ok_eq(v, -3);
	ok_eq(param_int(&call, "d", 7, &v, &err), 0);
	ok_eq(v, 7);
	ok_eq(param_int(&call, "c", 7, &v, &err), -1);
	ok_str(err.msg, "strconv.ParseInt: parsing \"x\": invalid syntax");
	ok_eq(param_int(&call, "e", 7, &v, &err), -1);
	ok(strstr(err.msg, "value out of range"));
}

static void test_others(void)
{
	AUTO(filters) struct filters f = {0};
	AUTO(strv) struct strv all = {0};
	AUTO(free) char *text = NULL;
	struct err err = ERR_INIT;
	json_t *json;
	int64_t t;

	query("since=10.5&until=0&n=a&n=b&filters=%7B%22label%22%3A%7B%22x%22%3Atrue%7D%7D&bad=zz");
	ok_eq(param_moment(&call, "since", &t, &err), 0);
	ok_eq(t, 10 * NS_PER_SEC + NS_PER_SEC / 2);
	ok_eq(param_moment(&call, "until", &t, &err), 0);
	ok_eq(t, 0);
	ok_eq(param_moment(&call, "bad", &t, &err), -1);
	param_all(&call, "n", &all);
	ok_eq(all.n, 2);
	ok_eq(param_filters(&call, &f, &err), 0);
	json = filters_json(&f);
	text = json_text(json, 0);
	ok_str(text, "{\"label\":[\"x\"]}");
	json_decref(json);
}

int main(void)
{
	test_run(test_bools);
	test_run(test_ints);
	test_run(test_others);
	http_query_done(&call.query);
	return test_done();
}
