/*
 * err.h - the one error value of every layer above sys/
 *
 * Functions of base/ and sys/ return a value >= 0 or -errno. Every layer above returns
 * 0 (or a value >= 0) or -1 and fills the caller's struct err. It has a fixed size and
 * allocates nothing, so it works after fork and crosses a pipe in one write().
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF(a, b) __attribute__((format(printf, a, b)))

enum err_kind {
	ERR_NONE = 0,
	ERR_INVALID,	   /* the caller asked for something malformed       (HTTP 400) */
	ERR_UNAUTHORIZED,  /* credentials missing or wrong                   (401) */
	ERR_FORBIDDEN,	   /* understood and refused                         (403) */
	ERR_NOT_FOUND,	   /* the named object does not exist                (404) */
	ERR_CONFLICT,	   /* in use, already exists, wrong state            (409) */
	ERR_NOT_MODIFIED,  /* already as asked; not a failure to a user      (304) */
	ERR_UNSUPPORTED,   /* valid, but we or this kernel cannot            (501) */
	ERR_UNAVAILABLE,   /* try again later                                (503) */
	ERR_SYSTEM,	   /* a system call failed; see .sys                 (500) */
	ERR_CORRUPT,	   /* state or input that fails its own checks       (500) */
	ERR_CANCELLED,	   /* the caller went away or said stop              (499) */
	ERR_CMD_NOT_FOUND, /* the container's program is missing             (exit 127) */
	ERR_CMD_DENIED,	   /* the container's program cannot be executed     (exit 126) */
	ERR_KINDS
};

struct err {
	enum err_kind kind;
	int sys;	/* errno, 0 if none */
	char msg[1016]; /* lower case, without full stop; always terminated */
};

#define ERR_INIT {0}

/* Sets kind and message; always returns -1. err may be NULL. */
int err_set(struct err *err, enum err_kind kind, const char *fmt, ...) PRINTF(3, 4);

/* ERR_SYSTEM with ": <strerror(errnum)>" appended; errnum is positive. Returns -1. */
int err_sys(struct err *err, int errnum, const char *fmt, ...) PRINTF(3, 4);

/* Puts "<fmt>: " before the message that is there; keeps kind and sys. Returns -1. */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

int err_vset(struct err *err, enum err_kind kind, const char *fmt, va_list ap) PRINTF(3, 0);

/* "invalid", "not found": for logs. */
const char *err_kind_name(enum err_kind kind);

#define ignore_result(x)                                                                           \
	do {                                                                                       \
		if (x) {                                                                           \
		}                                                                                  \
	} while (0)

/* A bug, not an input error: prints where and aborts. Stays in release builds. */
#define CHECK(cond)                                                                                \
	do {                                                                                       \
		if (__builtin_expect(!(cond), 0))                                                  \
			check_failed(#cond, __FILE__, __LINE__);                                   \
	} while (0)
void check_failed(const char *cond, const char *file, int line) __attribute__((noreturn));
