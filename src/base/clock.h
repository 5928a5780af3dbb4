/*
 * clock.h - times and durations, in nanoseconds
 */
#pragma once

#include <stdint.h>

#include "base/err.h"

#define NS_PER_SEC 1000000000LL
#define NS_PER_MS  1000000LL
#define CLOCK_RFC3339_MAX 40

int64_t clock_real_ns(void); /* since 1970 */
int64_t clock_mono_ns(void);

/* "2026-11-23T13:18:00.123456789Z" as Go's RFC3339Nano prints it in UTC (trailing zeros cut). */
void clock_format_rfc3339(char ret[CLOCK_RFC3339_MAX], int64_t real_ns);
/* Always nine digits of fraction, as docker's log timestamps are. */
void clock_format_rfc3339_fixed(char ret[CLOCK_RFC3339_MAX], int64_t real_ns);
/* Any RFC 3339 time, with offset and up to nine digits of fraction. -EINVAL. A time beyond
 * int64 nanoseconds (Go's zero time) gives the nearest that fits. */
int clock_parse_rfc3339(const char *s, int64_t *ret_ns) MUST_USE;
/*
 * What docker takes for --since and --until: RFC 3339 (also without zone or seconds), a date,
 * unix seconds with fraction, or a Go duration meaning "ago". -EINVAL.
 */
int clock_parse_moment(const char *s, int64_t now_ns, int64_t *ret_ns) MUST_USE;
/* Go's duration syntax: "1h15m30.5s", "300ms", "-1.5h", "0". -EINVAL or -ERANGE. */
int clock_parse_duration(const char *s, int64_t *ret_ns) MUST_USE;
