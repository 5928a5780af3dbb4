#include "base/clock.h"
#include "base/tap.h"

static void check_format(int64_t ns, const char *want)
{
	char s[CLOCK_RFC3339_MAX];
	int64_t back = -1;

	clock_format_rfc3339(s, ns);
	ok_str(s, want);
	ok_eq(clock_parse_rfc3339(s, &back), 0);
	ok_eq(back, ns);
}

static void test_rfc3339(void)
{
	int64_t ns;

	check_format(0, "1970-01-01T00:00:00Z");
	check_format(1700000000123456789LL, "2023-11-14T22:13:20.123456789Z");
	check_format(1700000000100000000LL, "2023-11-14T22:13:20.1Z");
	ok_eq(clock_parse_rfc3339("2023-11-14T23:13:20+01:00", &ns), 0);
	ok_eq(ns, 1700000000LL * NS_PER_SEC);
	ok(clock_parse_rfc3339("2023-11-14", &ns) < 0);
	ok(clock_parse_rfc3339("2023-13-14T00:00:00Z", &ns) < 0);
}

static void check_duration(const char *s, int64_t want)
{
	int64_t ns = -1;

	ok_eq(clock_parse_duration(s, &ns), 0);
	ok_eq(ns, want);
}

static void test_duration(void)
{
	int64_t ns;

	check_duration("0", 0);
	check_duration("1h15m30.5s", (3600 + 900) * NS_PER_SEC + 30500 * NS_PER_MS);
	check_duration("-1.5h", -5400 * NS_PER_SEC);
	check_duration("300ms", 300 * NS_PER_MS);
	check_duration(".5s", 500 * NS_PER_MS);
	ok(clock_parse_duration("", &ns) < 0);
	ok(clock_parse_duration("3", &ns) < 0);
	ok(clock_parse_duration("s", &ns) < 0);
	ok(clock_parse_duration("1h-3m", &ns) < 0);
	ok(clock_parse_duration("9999999999999h", &ns) < 0);
}

static void test_moment(void)
{
	int64_t ns;

	ok_eq(clock_parse_moment("1700000000.5", 0, &ns), 0);
	ok_eq(ns, 1700000000LL * NS_PER_SEC + 500 * NS_PER_MS);
	ok_eq(clock_parse_moment("10s", 100 * NS_PER_SEC, &ns), 0);
	ok_eq(ns, 90 * NS_PER_SEC);
	ok(clock_parse_moment("nonsense", 0, &ns) < 0);
}

int main(void)
{
	test_run(test_rfc3339);
	test_run(test_duration);
	test_run(test_moment);
	return test_done();
}
