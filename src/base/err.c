/*
 * err.c - fixed-size errors
 *
 * (1) No function here allocates; all are safe between fork and exec.
 */
#include "base/err.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
	[ERR_NONE] = "none",
	[ERR_INVALID] = "invalid",
	[ERR_UNAUTHORIZED] = "unauthorized",
	[ERR_FORBIDDEN] = "forbidden",
	[ERR_NOT_FOUND] = "not found",
	[ERR_CONFLICT] = "conflict",
	[ERR_NOT_MODIFIED] = "not modified",
	[ERR_UNSUPPORTED] = "unsupported",
	[ERR_UNAVAILABLE] = "unavailable",
	[ERR_SYSTEM] = "system",
	[ERR_CORRUPT] = "corrupt",
	[ERR_CANCELLED] = "cancelled",
	[ERR_CMD_NOT_FOUND] = "command not found",
	[ERR_CMD_DENIED] = "command cannot be executed",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == ERR_KINDS, "a name for each kind");

const char *err_kind_name(enum err_kind kind)
{
	if ((unsigned)kind >= ERR_KINDS)
		return "unknown";
	return kind_names[kind];
}

int err_vset(struct err *err, enum err_kind kind, const char *fmt, va_list ap)
{
	if (!err)
		return -1;
	err->kind = kind;
	err->sys = 0;
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	return -1;
}

int err_set(struct err *err, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	err_vset(err, kind, fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *err, int errnum, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	if (!err)
		return -1;
	va_start(ap, fmt);
	err_vset(err, ERR_SYSTEM, fmt, ap);
	va_end(ap);
	err->sys = errnum;
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerrordesc_np(errnum) ?: "unknown");
	return -1;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char old[sizeof(err->msg)];
	va_list ap;
	size_t n;

	if (!err)
		return -1;
	memcpy(old, err->msg, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	n = strlen(err->msg);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %.*s", (int)(sizeof(old) - 1), old);
	return -1;
}

void check_failed(const char *cond, const char *file, int line)
{
	fprintf(stderr, "cove: bug at %s:%d: %s\n", file, line, cond);
	abort();
}
