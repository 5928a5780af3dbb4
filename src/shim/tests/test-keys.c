/* test-keys.c - detach keys: their syntax, and finding them in input: keys.c (1) */
#include "base/tap.h"
#include "shim/keys.h"

static void test_syntax(void)
{
	uint8_t seq[SHIM_KEYS_MAX];
	struct err err = ERR_INIT;
	size_t n = 99;

	ok(shim_detach_keys("ctrl-p,ctrl-q", seq, &n, &err) == 0);
	ok(n == 2 && seq[0] == 16 && seq[1] == 17);
	ok(shim_detach_keys("", seq, &n, &err) == 0 && n == 0);
	ok(shim_detach_keys("a,b,ctrl-@,ctrl-[,ctrl-_", seq, &n, &err) == 0);
	ok(n == 5 && memcmp(seq, "ab\0\033\037", 5) == 0);
	ok(shim_detach_keys(",", seq, &n, &err) == 0 && n == 1 && seq[0] == ',');
	ok(shim_detach_keys("ctrl-p,", seq, &n, &err) < 0 && err.kind == ERR_INVALID);
	ok(shim_detach_keys("ctrl-P", seq, &n, &err) < 0);
	ok(shim_detach_keys("shift-a", seq, &n, &err) < 0);
	ok_str(err.msg, "unknown character: 'shift-a'");
	ok(shim_detach_keys("a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a", seq,
			    &n, &err) < 0);
}

/* Feeds in, byte by byte or whole; gives what passed. */
static bool feed(const char *seq, const char *in, bool bytewise, char *out)
{
	struct keys k;
	size_t total = 0, n, step = bytewise ? 1 : strlen(in);
	bool hit = false;

	keys_init(&k, (const uint8_t *)seq, strlen(seq));
	for (size_t i = 0; i < strlen(in) && !hit; i += step) {
		hit = keys_feed(&k, (const uint8_t *)in + i, step, (uint8_t *)out + total, &n);
		total += n;
	}
	out[total] = 0;
	return hit;
}

static void test_feed(void)
{
	static const struct {
		const char *seq, *in, *out;
		bool hit;
	} cases[] = {
	    {"\x10\x11", "hello\x10\x11more", "hello", true},
	    {"\x10\x11", "\x10x\x10\x10\x11", "\x10x\x10", true},
	    {"\x10\x11", "ab\x10", "ab", false},
	    {"aab", "aaaab", "aa", true},
	    {"aab", "aacaab", "aac", true},
	    {"abac", "ababac", "ab", true},
	    {"x", "abx", "ab", true},
	    {"", "anything", "anything", false},
	};
	char out[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (int b = 0; b < 2; b++) {
			ok(feed(cases[i].seq, cases[i].in, b, out) == cases[i].hit);
			ok_str(out, cases[i].out);
		}
}

int main(void)
{
	test_run(test_syntax);
	test_run(test_feed);
	return test_done();
}
