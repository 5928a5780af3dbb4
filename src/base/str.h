/*
 * str.h - growing byte strings, string vectors, string-keyed maps, intrusive lists
 */
#pragma once

#include "base/mem.h"

/* A growing byte string; p is always terminated (or NULL while empty). Zeroed is empty. */
struct buf {
	char *p;
	size_t len, cap;
};

void buf_done(struct buf *b);
void buf_reserve(struct buf *b, size_t more); /* room for more bytes and a terminator */
void buf_add(struct buf *b, const void *data, size_t n);
void buf_adds(struct buf *b, const char *s);
void buf_addc(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
void buf_consume(struct buf *b, size_t n); /* drops the first n bytes */
void buf_reset(struct buf *b);		   /* empty, keeps the memory */
char *buf_take(struct buf *b);		   /* the string, never NULL; the caller frees; b is empty */

static inline void auto_buf(struct buf *b)
{
	buf_done(b);
}

/* A vector of owned strings, NULL-terminated at v[n] (v is NULL while empty). Zeroed is empty. */
struct strv {
	char **v;
	size_t n, cap;
};

void strv_done(struct strv *sv);
void strv_add(struct strv *sv, const char *s);	/* copies */
void strv_take(struct strv *sv, char *s);	/* takes over s */
void strv_addf(struct strv *sv, const char *fmt, ...) PRINTF(2, 3);
void strv_copy(struct strv *dst, const struct strv *src); /* dst's old content is freed */
void strv_remove(struct strv *sv, size_t i);	/* keeps the order */
bool strv_has(const struct strv *sv, const char *s);
bool strv_equal(const struct strv *a, const struct strv *b);
char *strv_join(const struct strv *sv, const char *sep); /* caller frees; never NULL */
void strv_split(struct strv *dst, const char *s, char sep); /* appends; keeps empty fields */
void strv_sort(struct strv *sv);

/* KEY=value vectors: the value of key, or NULL; and set (replace or append). */
const char *env_get(const struct strv *env, const char *key);
void env_set(struct strv *env, const char *key, const char *value);
void env_put(struct strv *env, const char *assignment); /* "K=V" replaces K; "K" alone removes K */

static inline void auto_strv(struct strv *sv)
{
	strv_done(sv);
}

#define strv_for_each(s, sv)                                                                       \
	for (size_t i_##s = 0; i_##s < (sv)->n; i_##s++)                                           \
		for (const char *s = (sv)->v[i_##s]; s; s = NULL)

/*
 * A map from strings to strings or pointers that keeps the order of insertion. The keys
 * are copied. With free_value set, values are owned and freed by it. Zeroed is empty.
 */
struct map_entry {
	char *key; /* NULL: a removed entry */
	void *value;
	uint32_t hash;
};

struct map {
	struct map_entry *e;
	size_t len, cap; /* entries in e, removed ones included */
	size_t n;	 /* live entries */
	uint32_t *index; /* open addressing over e; 0 is empty, else entry + 1 */
	size_t index_size;
	void (*free_value)(void *);
};

void map_done(struct map *m);
void *map_get(const struct map *m, const char *key);		/* NULL: absent */
bool map_has(const struct map *m, const char *key);
void map_set(struct map *m, const char *key, void *value);	/* replaces, freeing the old value */
void map_set_str(struct map *m, const char *key, const char *value); /* copies; values are free()d */
void *map_take(struct map *m, const char *key);			/* removes without freeing the value */
bool map_remove(struct map *m, const char *key);
void map_copy_str(struct map *dst, const struct map *src);	/* string maps only */

static inline void auto_map(struct map *m)
{
	map_done(m);
}

/* for each live entry: struct map_entry *it. Removing the current entry is allowed. */
#define map_for_each(it, m)                                                                        \
	for (struct map_entry *it = (m)->e; it && it < (m)->e + (m)->len; it++)                    \
		if (it->key)

/* Intrusive, circular, doubly linked. list_init() the head and every node before use. */
struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_add_tail(struct list *head, struct list *node)
{
	node->prev = head->prev;
	node->next = head;
	head->prev->next = node;
	head->prev = node;
}
static inline void list_del(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	list_init(node);
}
#define list_for_each(pos, head)                                                                   \
	for (struct list *pos = (head)->next, *pos##_next = pos->next; pos != (head);              \
	     pos = pos##_next, pos##_next = pos->next)

/* Numbers with nothing around them. Return 0, or -EINVAL / -ERANGE and leave *ret alone. */
int str_to_i64(const char *s, int base, int64_t *ret) MUST_USE;
int str_to_u64(const char *s, int base, uint64_t *ret) MUST_USE;
int str_to_double(const char *s, double *ret) MUST_USE;

/* Random lower-case hex; n digits (even) and a terminator into ret. Aborts if the kernel has none. */
void random_hex(char *ret, size_t n);
bool is_hex(const char *s, size_t n); /* exactly n lower-case hex digits, then the end */
void hex_encode(char *ret, const void *data, size_t n); /* 2n digits and a terminator */

/* Lower-cases ASCII in place. */
void str_lower(char *s);
/* The name of a signal without SIG ("TERM"), or NULL; and number by "9", "TERM" or "SIGTERM", or -EINVAL. */
int signal_from_name(const char *s);
const char *signal_name(int sig);
