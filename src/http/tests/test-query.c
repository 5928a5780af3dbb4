#include "http/http.h"

#include <errno.h>

#include "base/tap.h"

static void test_pairs(void)
{
	AUTO(http_query) struct http_query q = {0};
	struct err err = ERR_INIT;

	ok_eq(http_query_parse("a=1&b=x%2Fy+z&c&a=2&&d=%7B%22q%22%7D", &q, &err), 0);
	ok_eq(q.keys.n, 5);
	ok_str(http_query_get(&q, "a"), "1");
	ok_str(http_query_get(&q, "b"), "x/y z");
	ok_str(http_query_get(&q, "c"), "");
	ok_str(http_query_get(&q, "d"), "{\"q\"}");
	ok(http_query_get(&q, "e") == NULL);
	ok_eq(http_query_parse("", &q, &err), 0);
	ok_eq(q.keys.n, 0);
}

static void test_broken(void)
{
	AUTO(http_query) struct http_query q = {0};
	AUTO(buf) struct buf many = {0};
	struct err err = ERR_INIT;

	ok_eq(http_query_parse("a=%zz", &q, &err), -1);
	ok_str(err.msg, "invalid URL escape \"%zz\"");
	ok_eq(http_query_parse("a=%4", &q, &err), -1);
	ok_eq(http_query_parse("a=%00", &q, &err), -1);
	ok_eq(http_query_parse("a=1;b=2", &q, &err), -1);
	for (int i = 0; i < 2000; i++)
		buf_adds(&many, "a&");
	ok_eq(http_query_parse(many.p, &q, &err), -1);
}

int main(void)
{
	test_run(test_pairs);
	test_run(test_broken);
	return test_done();
}
