/*
 * units.c - sizes, durations and identifiers as people read them
 */
#include <time.h>

#include "cli/output.h"

int64_t output_now_ns;

static char *scaled(double v, double base, const char *const *units, size_t n, int digits)
{
	size_t i = 0;

	for (; v >= base && i + 1 < n; i++)
		v /= base;
	return xasprintf("%.*g%s", digits, v, units[i]);
}

char *human_size_prec(double bytes, int digits)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB"};

	return scaled(bytes, 1000, units, ARRAY_LEN(units), digits);
}

char *human_size(double bytes)
{
	return human_size_prec(bytes, 4);
}

char *human_bytes(double bytes)
{
	static const char *const units[] = {"B",   "KiB", "MiB", "GiB", "TiB",
					    "PiB", "EiB", "ZiB", "YiB"};

	return scaled(bytes, 1024, units, ARRAY_LEN(units), 4);
}

char *human_duration(int64_t ns)
{
	int64_t seconds = ns / NS_PER_SEC, minutes = seconds / 60;
	/* Hours are rounded, all others cut. */
	int64_t hours = (int64_t)((double)ns / NS_PER_SEC / 3600 + 0.5);

	if (seconds < 1)
		return xstrdup("Less than a second");
	if (seconds == 1)
		return xstrdup("1 second");
	if (seconds < 60)
		return xasprintf("%lld seconds", (long long)seconds);
	if (minutes == 1)
		return xstrdup("About a minute");
	if (minutes < 60)
		return xasprintf("%lld minutes", (long long)minutes);
	if (hours == 1)
		return xstrdup("About an hour");
	if (hours < 48)
		return xasprintf("%lld hours", (long long)hours);
	if (hours < 24 * 7 * 2)
		return xasprintf("%lld days", (long long)hours / 24);
	if (hours < 24 * 30 * 2)
		return xasprintf("%lld weeks", (long long)hours / 24 / 7);
	if (hours < 24 * 365 * 2)
		return xasprintf("%lld months", (long long)hours / 24 / 30);
	return xasprintf("%lld years", (long long)(seconds / 3600 / 24 / 365));
}

char *human_ago(int64_t unix_seconds)
{
	int64_t now = output_now_ns ? output_now_ns : clock_real_ns();
	AUTO(free) char *d = human_duration(now - unix_seconds * NS_PER_SEC);

	return xasprintf("%s ago", d);
}

char *go_time_string(int64_t unix_seconds)
{
	time_t t = (time_t)unix_seconds;
	struct tm tm;
	char b[80];

	localtime_r(&t, &tm);
	strftime(b, sizeof(b), "%Y-%m-%d %H:%M:%S %z %Z", &tm);
	return xstrdup(b);
}

char *short_id(const char *id)
{
	const char *colon = strchr(id, ':');

	return xstrndup(colon ? colon + 1 : id, 12);
}
