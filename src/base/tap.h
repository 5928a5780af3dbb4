/*
 * tap.h - what unit tests are written with: TAP on standard output
 *
 *	int main(void)
 *	{
 *		test_run(test_join);
 *		return test_done();
 *	}
 */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed, tap_bad;
static const char *tap_skip_reason;

#define ok(cond)                                                                                   \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			tap_bad++;                                                                 \
			printf("# %s:%d: failed: %s\n", __FILE__, __LINE__, #cond);                \
		}                                                                                  \
	} while (0)
#define ok_eq(a, b)                                                                                \
	do {                                                                                       \
		long long tap_a = (long long)(a), tap_b = (long long)(b);                          \
		if (tap_a != tap_b) {                                                              \
			tap_bad++;                                                                 \
			printf("# %s:%d: %s is %lld, expected %lld\n", __FILE__, __LINE__, #a,     \
			       tap_a, tap_b);                                                      \
		}                                                                                  \
	} while (0)
#define ok_str(a, b)                                                                               \
	do {                                                                                       \
		const char *tap_a = (a), *tap_b = (b);                                             \
		if (!tap_a || !tap_b ? tap_a != tap_b : strcmp(tap_a, tap_b) != 0) {               \
			tap_bad++;                                                                 \
			printf("# %s:%d: %s is \"%s\", expected \"%s\"\n", __FILE__, __LINE__, #a, \
			       tap_a ? tap_a : "(null)", tap_b ? tap_b : "(null)");                \
		}                                                                                  \
	} while (0)
/* In a test: reports it as skipped, with what is missing; return right after. */
#define test_skip(reason) (tap_skip_reason = (reason))

#define test_run(fn) test_run_named(fn, #fn)
static inline void test_run_named(void (*fn)(void), const char *name)
{
	tap_bad = 0;
	tap_skip_reason = NULL;
	fn();
	tap_failed += tap_bad > 0;
	printf("%s %d - %s%s%s\n", tap_bad ? "not ok" : "ok", ++tap_count, name,
	       tap_skip_reason ? " # SKIP " : "", tap_skip_reason ? tap_skip_reason : "");
	fflush(stdout);
}

static inline int test_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed ? 1 : 0;
}
