/*
 * map.c - a string-keyed map that keeps insertion order
 *
 * Entries stand in one array in the order they came; an open-addressing index holds
 * entry numbers. A removed entry keeps its place with key NULL until the next rebuild.
 *
 * (1) index_size is a power of two, at least twice len, whenever index is set.
 */
#include "base/str.h"

static uint32_t hash_key(const char *s)
{
	uint32_t h = 2166136261u; /* FNV-1a */

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 16777619u;
	return h;
}

static void free_value(struct map *m, void *v)
{
	if (m->free_value && v)
		m->free_value(v);
}

void map_done(struct map *m)
{
	void (*fv)(void *) = m->free_value;

	for (size_t i = 0; i < m->len; i++) {
		if (!m->e[i].key)
			continue;
		free(m->e[i].key);
		free_value(m, m->e[i].value);
	}
	free(m->e);
	free(m->index);
	*m = (struct map){.free_value = fv};
}

static struct map_entry *find(const struct map *m, const char *key, uint32_t h)
{
	if (!m->index)
		return NULL;
	for (size_t i = h & (m->index_size - 1);; i = (i + 1) & (m->index_size - 1)) {
		struct map_entry *e;

		if (!m->index[i])
			return NULL;
		e = &m->e[m->index[i] - 1];
		if (e->key && e->hash == h && strcmp(e->key, key) == 0)
			return e;
	}
}

static void index_put(struct map *m, size_t entry)
{
	size_t i = m->e[entry].hash & (m->index_size - 1);

	while (m->index[i])
		i = (i + 1) & (m->index_size - 1);
	m->index[i] = (uint32_t)entry + 1;
}

static void rebuild(struct map *m)
{
	size_t len = 0;

	for (size_t i = 0; i < m->len; i++)
		if (m->e[i].key)
			m->e[len++] = m->e[i];
	m->len = len;
	if (m->len + 1 > m->cap / 2 * 1) {
		m->cap = MAX(m->cap * 2, (size_t)8);
		m->e = xrealloc(m->e, m->cap * sizeof(*m->e));
	}
	m->index_size = m->cap * 2;
	free(m->index);
	m->index = xcalloc(m->index_size, sizeof(*m->index));
	for (size_t i = 0; i < m->len; i++)
		index_put(m, i);
}

void *map_get(const struct map *m, const char *key)
{
	struct map_entry *e = find(m, key, hash_key(key));

	return e ? e->value : NULL;
}

bool map_has(const struct map *m, const char *key)
{
	return find(m, key, hash_key(key)) != NULL;
}

void map_set(struct map *m, const char *key, void *value)
{
	uint32_t h = hash_key(key);
	struct map_entry *e = find(m, key, h);

	if (e) {
		if (e->value != value)
			free_value(m, e->value);
		e->value = value;
		return;
	}
	if (m->len == m->cap)
		rebuild(m);
	m->e[m->len] = (struct map_entry){.key = xstrdup(key), .value = value, .hash = h};
	index_put(m, m->len++);
	m->n++;
}

void map_set_str(struct map *m, const char *key, const char *value)
{
	CHECK(!m->free_value || m->free_value == free);
	m->free_value = free;
	map_set(m, key, xstrdup(value));
}

void *map_take(struct map *m, const char *key)
{
	struct map_entry *e = find(m, key, hash_key(key));
	void *v;

	if (!e)
		return NULL;
	v = e->value;
	free(e->key);
	e->key = NULL;
	e->value = NULL;
	m->n--;
	return v;
}

bool map_remove(struct map *m, const char *key)
{
	bool had = map_has(m, key);

	if (had)
		free_value(m, map_take(m, key));
	return had;
}

void map_copy_str(struct map *dst, const struct map *src)
{
	map_for_each(it, src)
		map_set_str(dst, it->key, it->value);
}
