#include "base/str.h"
#include "base/tap.h"

static void test_buf(void)
{
	AUTO(buf) struct buf b = {0};

	buf_addf(&b, "%s-%d", "x", 7);
	ok_str(b.p, "x-7");
	for (int i = 0; i < 1000; i++)
		buf_addc(&b, 'y');
	ok_eq(b.len, 1003);
	buf_consume(&b, 1002);
	ok_str(b.p, "y");
}

static void test_strv_env(void)
{
	AUTO(strv) struct strv v = {0};
	AUTO(free) char *joined = NULL;

	strv_split(&v, "A=1,B=2,C=", ',');
	ok_eq(v.n, 3);
	ok_str(env_get(&v, "B"), "2");
	ok_str(env_get(&v, "C"), "");
	ok(env_get(&v, "D") == NULL);
	env_put(&v, "B=9");
	env_put(&v, "A");
	env_set(&v, "D", "x=y");
	joined = strv_join(&v, ",");
	ok_str(joined, "B=9,C=,D=x=y");
}

static void test_map_many(void)
{
	AUTO(map) struct map m = {0};
	char key[32];

	for (int i = 0; i < 5000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		map_set_str(&m, key, key);
		if (i % 3 == 0)
			ok(map_remove(&m, key));
	}
	ok_eq(m.n, 3333);
	ok(map_get(&m, "k3") == NULL);
	ok_str(map_get(&m, "k4999"), "k4999");
	map_for_each(it, &m)
		ok_str(it->key, it->value);
}

static void test_numbers(void)
{
	int64_t v = 5;
	uint64_t u = 5;

	ok(str_to_i64("12x", 10, &v) < 0);
	ok(str_to_i64("", 10, &v) < 0);
	ok(str_to_i64(" 1", 10, &v) < 0);
	ok(str_to_i64("99999999999999999999", 10, &v) < 0);
	ok_eq(v, 5);
	ok_eq(str_to_i64("-7", 10, &v), 0);
	ok_eq(v, -7);
	ok(str_to_u64("-7", 10, &u) < 0);
	ok_eq(str_to_u64("1ff", 16, &u), 0);
	ok_eq(u, 0x1ff);
}

static void test_signals(void)
{
	ok_eq(signal_from_name("SIGTERM"), 15);
	ok_eq(signal_from_name("kill"), 9);
	ok_eq(signal_from_name("15"), 15);
	ok_eq(signal_from_name("RTMIN+3"), 37);
	ok(signal_from_name("0") < 0);
	ok(signal_from_name("NOPE") < 0);
}

int main(void)
{
	test_run(test_buf);
	test_run(test_strv_env);
	test_run(test_map_many);
	test_run(test_numbers);
	test_run(test_signals);
	return test_done();
}
