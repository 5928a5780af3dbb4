/*
 * mem.h - allocation that aborts, and locals that release themselves
 *
 * Small allocations abort when memory ends. A size that comes from outside the program
 * is compared with a named limit before it reaches these.
 */
#pragma once

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"

void *xmalloc(size_t size);		  /* free() it */
void *xcalloc(size_t n, size_t size);	  /* zeroed; free() it */
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);		  /* NULL gives NULL */
char *xstrndup(const char *s, size_t n);
void *xmemdup(const void *p, size_t n);
char *xasprintf(const char *fmt, ...) PRINTF(1, 2);
char *xvasprintf(const char *fmt, va_list ap) PRINTF(1, 0);

#define xnew(type) ((type *)xcalloc(1, sizeof(type)))
#define xnew_n(type, n) ((type *)xcalloc((n), sizeof(type)))

/*
 * AUTO(x) releases the variable when it goes out of scope, by auto_x(). Every AUTO
 * variable is initialised where it is declared; TAKE_PTR and TAKE_FD move out of it.
 */
#define AUTO(what) __attribute__((cleanup(auto_##what)))

static inline void auto_free(void *p)
{
	free(*(void **)p);
}

static inline void auto_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void auto_fclose(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define TAKE_PTR(p)                                                                                \
	({                                                                                         \
		__typeof__(p) take_tmp_ = (p);                                                     \
		(p) = NULL;                                                                        \
		take_tmp_;                                                                         \
	})
#define TAKE_FD(fd)                                                                                \
	({                                                                                         \
		int take_tmp_ = (fd);                                                              \
		(fd) = -1;                                                                         \
		take_tmp_;                                                                         \
	})

/* For a struct foo with foo_free(struct foo *): gives AUTO(foo) for a struct foo *. */
#define DEFINE_AUTO_PTR(name, type, free_fn)                                                       \
	static inline void auto_##name(type **p)                                                   \
	{                                                                                          \
		if (*p)                                                                            \
			free_fn(*p);                                                               \
	}

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

static inline bool streq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* If s starts with prefix: what follows it, else NULL. */
const char *str_after(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);

/* An empty string for NULL. */
static inline const char *str_or(const char *s)
{
	return s ? s : "";
}

/*
 * arena: what lives as long as one request or one document. arena_done() frees all of
 * it at once; nothing from it is freed alone. A zeroed struct arena is an empty one.
 */
struct arena {
	struct arena_block *head;
};

void *arena_alloc(struct arena *a, size_t size); /* zeroed, aligned to 16 */
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
void arena_done(struct arena *a);
