/*
 * clock.c - times and durations
 */
#include "base/clock.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

int64_t clock_real_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_mono_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

static int format_seconds(char *ret, int64_t ns, int64_t *ret_frac)
{
	int64_t sec = ns / NS_PER_SEC, frac = ns % NS_PER_SEC;
	time_t t;
	struct tm tm;

	if (frac < 0) {
		frac += NS_PER_SEC;
		sec--;
	}
	t = (time_t)sec;
	gmtime_r(&t, &tm);
	*ret_frac = frac;
	return snprintf(ret, CLOCK_RFC3339_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

void clock_format_rfc3339_fixed(char ret[CLOCK_RFC3339_MAX], int64_t ns)
{
	int64_t frac;
	int n = format_seconds(ret, ns, &frac);

	snprintf(ret + n, CLOCK_RFC3339_MAX - (size_t)n, ".%09ldZ", (long)frac);
}

void clock_format_rfc3339(char ret[CLOCK_RFC3339_MAX], int64_t ns)
{
	int64_t frac;
	int n = format_seconds(ret, ns, &frac);

	if (frac) {
		n += snprintf(ret + n, CLOCK_RFC3339_MAX - (size_t)n, ".%09ld", (long)frac);
		while (ret[n - 1] == '0')
			n--;
	}
	strcpy(ret + n, "Z");
}

/* Digits after a '.', at most nine counted, as nanoseconds; moves *s past them. */
static int64_t parse_fraction(const char **s)
{
	int64_t v = 0, unit = NS_PER_SEC / 10;

	for (; isdigit((unsigned char)**s); (*s)++) {
		v += (**s - '0') * unit;
		unit /= 10;
	}
	return v;
}

static int parse_number(const char **s, int digits, int *ret)
{
	int v = 0;

	for (int i = 0; i < digits; i++, (*s)++) {
		if (!isdigit((unsigned char)**s))
			return -EINVAL;
		v = v * 10 + (**s - '0');
	}
	*ret = v;
	return 0;
}

static int parse_date(const char **s, struct tm *tm)
{
	if (parse_number(s, 4, &tm->tm_year) < 0 || *(*s)++ != '-' ||
	    parse_number(s, 2, &tm->tm_mon) < 0 || *(*s)++ != '-' ||
	    parse_number(s, 2, &tm->tm_mday) < 0)
		return -EINVAL;
	if (tm->tm_mon < 1 || tm->tm_mon > 12 || tm->tm_mday < 1 || tm->tm_mday > 31)
		return -EINVAL;
	tm->tm_year -= 1900;
	tm->tm_mon--;
	return 0;
}

/* hh:mm[:ss[.frac]]; seconds may be left out only if lenient. */
static int parse_clock(const char **s, struct tm *tm, int64_t *frac, bool lenient)
{
	if (parse_number(s, 2, &tm->tm_hour) < 0 || *(*s)++ != ':' ||
	    parse_number(s, 2, &tm->tm_min) < 0)
		return -EINVAL;
	if (**s == ':') {
		(*s)++;
		if (parse_number(s, 2, &tm->tm_sec) < 0)
			return -EINVAL;
		if (**s == '.' || **s == ',') {
			(*s)++;
			*frac = parse_fraction(s);
		}
	} else if (!lenient) {
		return -EINVAL;
	}
	if (tm->tm_hour > 23 || tm->tm_min > 59 || tm->tm_sec > 60)
		return -EINVAL;
	return 0;
}

/* Z or +hh:mm to the end; *seconds is the offset east of UTC. */
static int parse_zone(const char *s, int *seconds)
{
	int h, m, sign = *s == '-' ? -1 : 1;

	*seconds = 0;
	if ((*s == 'Z' || *s == 'z') && !s[1])
		return 0;
	if (*s != '+' && *s != '-')
		return -EINVAL;
	s++;
	if (parse_number(&s, 2, &h) < 0 || *s++ != ':' || parse_number(&s, 2, &m) < 0 || *s)
		return -EINVAL;
	*seconds = sign * (h * 3600 + m * 60);
	return 0;
}

/* Go's zero time, year 1, and what else does not fit becomes the nearest that does. */
static int64_t to_ns(int64_t sec, int64_t frac)
{
	if (sec >= INT64_MAX / NS_PER_SEC)
		return INT64_MAX;
	if (sec <= INT64_MIN / NS_PER_SEC)
		return INT64_MIN;
	return sec * NS_PER_SEC + frac;
}

int clock_parse_rfc3339(const char *s, int64_t *ret_ns)
{
	struct tm tm = {0};
	int64_t frac = 0;
	int zone;

	if (parse_date(&s, &tm) < 0 || (*s != 'T' && *s != 't' && *s != ' '))
		return -EINVAL;
	s++;
	if (parse_clock(&s, &tm, &frac, false) < 0 || parse_zone(s, &zone) < 0)
		return -EINVAL;
	*ret_ns = to_ns((int64_t)timegm(&tm) - zone, frac);
	return 0;
}

/* A local time without zone, docker's lenient forms. */
static int parse_local(const char *s, int64_t *ret_ns)
{
	struct tm tm = {.tm_isdst = -1};
	int64_t frac = 0;
	int zone;

	if (parse_date(&s, &tm) < 0)
		return -EINVAL;
	if (*s == 'T') {
		s++;
		if (parse_clock(&s, &tm, &frac, true) < 0)
			return -EINVAL;
	}
	if (!*s) {
		*ret_ns = to_ns((int64_t)mktime(&tm), frac);
		return 0;
	}
	if (parse_zone(s, &zone) < 0)
		return -EINVAL;
	*ret_ns = to_ns((int64_t)timegm(&tm) - zone, frac);
	return 0;
}

int clock_parse_moment(const char *s, int64_t now_ns, int64_t *ret_ns)
{
	const char *p = s;
	int64_t v, sec = 0;

	if (clock_parse_rfc3339(s, ret_ns) == 0 || parse_local(s, ret_ns) == 0)
		return 0;
	if (isdigit((unsigned char)*p)) {
		int digits = 0;

		for (; isdigit((unsigned char)*p) && digits < 12; p++, digits++)
			sec = sec * 10 + (*p - '0');
		if (sec < INT64_MAX / NS_PER_SEC && (!*p || (*p == '.' && p[1]))) {
			v = 0;
			if (*p == '.') {
				p++;
				v = parse_fraction(&p);
			}
			if (!*p) {
				*ret_ns = sec * NS_PER_SEC + v;
				return 0;
			}
		}
	}
	if (clock_parse_duration(s, &v) < 0)
		return -EINVAL;
	*ret_ns = now_ns - v;
	return 0;
}

static const struct {
	const char *name;
	int64_t ns;
} units[] = {
	{"ns", 1}, {"us", 1000}, {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000}, {"ms", NS_PER_MS},
	{"s", NS_PER_SEC}, {"m", 60 * NS_PER_SEC}, {"h", 3600 * NS_PER_SEC},
};

/* The unit at *s: the name up to the next digit or dot. */
static int64_t parse_unit(const char **s)
{
	size_t n = strcspn(*s, "0123456789.");

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (strlen(units[i].name) == n && strncmp(*s, units[i].name, n) == 0) {
			*s += n;
			return units[i].ns;
		}
	}
	return 0;
}

int clock_parse_duration(const char *s, int64_t *ret_ns)
{
	bool negative = *s == '-';
	int64_t total = 0;

	if (*s == '-' || *s == '+')
		s++;
	if (strcmp(s, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	if (!*s)
		return -EINVAL;
	while (*s) {
		int64_t whole = 0, frac = 0, unit, part;
		bool digits = false;

		for (; isdigit((unsigned char)*s); s++, digits = true)
			if (__builtin_mul_overflow(whole, 10, &whole) ||
			    __builtin_add_overflow(whole, *s - '0', &whole))
				return -ERANGE;
		if (*s == '.') {
			s++;
			digits = digits || isdigit((unsigned char)*s);
			frac = parse_fraction(&s);
		}
		if (!digits || !(unit = parse_unit(&s)))
			return -EINVAL;
		if (__builtin_mul_overflow(whole, unit, &part) ||
		    __builtin_add_overflow(total, part, &total) ||
		    __builtin_add_overflow(
			    total, (int64_t)((__int128)frac * unit / NS_PER_SEC), &total))
			return -ERANGE;
	}
	*ret_ns = negative ? -total : total;
	return 0;
}
