/*
 * log.c - log lines: time="..." level=info msg="..." key=value
 *
 * (1) A line is one write(), so that lines of several programs on one stderr stay whole.
 */
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"

static enum log_level current = LOG_LVL_INFO;
static const char *const names[] = {"fatal", "error", "warn", "info", "debug"};

void log_set_level(enum log_level level)
{
	current = level;
}

int log_level_from_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	return strcmp(name, "warning") == 0 ? LOG_LVL_WARN : -22;
}

bool log_debug_on(void)
{
	return current >= LOG_LVL_DEBUG;
}

static const char *program;

void log_set_program(const char *name)
{
	program = name;
}

static void add_quoted(struct buf *b, const char *s)
{
	buf_addc(b, '"');
	for (; *s; s++) {
		if (*s == '\n')
			buf_adds(b, "\\n");
		else if (*s == '"' || *s == '\\')
			buf_addf(b, "\\%c", *s);
		else if ((unsigned char)*s < 32)
			buf_addf(b, "\\x%02x", (unsigned char)*s);
		else
			buf_addc(b, *s);
	}
	buf_addc(b, '"');
}

void log_write(enum log_level level, const char *msg, const char *fmt, ...)
{
	AUTO(buf) struct buf b = {0};
	char now[CLOCK_RFC3339_MAX];
	va_list ap;

	if (level > current)
		return;
	clock_format_rfc3339(now, clock_real_ns());
	buf_addf(&b, "time=\"%s\" level=%s ", now, names[level]);
	if (program)
		buf_addf(&b, "program=%s ", program);
	buf_adds(&b, "msg=");
	add_quoted(&b, msg);
	if (fmt && *fmt) {
		AUTO(free) char *values = NULL;

		va_start(ap, fmt);
		values = xvasprintf(fmt, ap);
		va_end(ap);
		buf_addc(&b, ' ');
		for (char *p = values; *p; p++)
			buf_addc(&b, *p == '\n' ? ' ' : *p);
	}
	buf_addc(&b, '\n');
	ignore_result(write(2, b.p, b.len) < 0); /* nowhere else to say it */
}
