/*
 * table.c - all containers, by id and by name
 *
 * (1) A name is in by_name before its container is recorded, so that two creations cannot take
 *     the same one; it leaves by_name after the record is gone.
 * (2) by_id holds a reference; a container that left it may live on in its users' hands, with
 *     removed set.
 */
#include "container/health.h"

const char *const status_names[] = {
	[ST_CREATED] = "created", [ST_RUNNING] = "running", [ST_PAUSED] = "paused",
	[ST_RESTARTING] = "restarting", [ST_REMOVING] = "removing", [ST_EXITED] = "exited",
	[ST_DEAD] = "dead",
};
static_assert(ARRAY_LEN(status_names) == ST_COUNT, "a name for each status");

struct container *container_new(struct containers *cs)
{
	struct container *c = xnew(struct container);
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutex_init(&c->op, &attr);
	pthread_mutexattr_destroy(&attr);
	c->cs = cs;
	c->refs = 1;
	list_init(&c->waiters);
	list_init(&c->log_readers);
	return c;
}

void container_set_dirs(struct container *c)
{
	c->dir = xasprintf("%s/containers/%s", c->cs->cfg.data_root, c->id);
	c->run_dir = xasprintf("%s/containers/%s", c->cs->cfg.exec_root, c->id);
}

struct container *container_ref(struct container *c)
{
	cs_lock(c->cs);
	c->refs++;
	cs_unlock(c->cs);
	return c;
}

extern const struct jtype container_type; /* store.c */

void container_put(struct container *c)
{
	bool last;

	if (!c)
		return;
	cs_lock(c->cs);
	last = --c->refs == 0;
	cs_unlock(c->cs);
	if (!last)
		return;
	CHECK(!c->shim && c->npending == 0);
	health_done(c);
	free(c->dir);
	free(c->run_dir);
	free(c->log_file);
	free(c->log_attrs);
	map_done(&c->execs);
	pthread_mutex_destroy(&c->op);
	json_unbind(&container_type, c); /* last: it zeroes all */
	free(c);
}

/* Under lock: the only container whose id starts so, or NULL; *ret_many if several do. */
static struct container *by_prefix(struct containers *cs, const char *ref, bool *ret_many)
{
	struct container *found = NULL;
	size_t n = strlen(ref);

	*ret_many = false;
	if (n == 0 || n > CONTAINER_ID_LEN)
		return NULL;
	map_for_each(it, &cs->by_id) {
		if (strncmp(it->key, ref, n) != 0)
			continue;
		if (found) {
			*ret_many = true;
			return NULL;
		}
		found = it->value;
	}
	return found;
}

struct container *container_get(struct containers *cs, const char *ref, struct err *err)
{
	const char *name = *ref == '/' ? ref + 1 : ref;
	struct container *c;
	bool many = false;
	char *id;

	cs_lock(cs);
	c = map_get(&cs->by_id, ref);
	if (!c) {
		id = map_get(&cs->by_name, name);
		c = id ? map_get(&cs->by_id, id) : NULL;
	}
	if (!c)
		c = by_prefix(cs, ref, &many);
	if (c)
		c->refs++;
	cs_unlock(cs);
	if (many)
		err_set(err, ERR_INVALID, "Multiple IDs found with provided prefix: %s", ref);
	else if (!c)
		err_set(err, ERR_NOT_FOUND, "No such container: %s", ref);
	return c;
}

char *container_resolve(struct containers *cs, const char *ref, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);

	return c ? xstrdup(c->id) : NULL;
}

int check_container_name(const char *name, struct err *err)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
	const char *s = *name == '/' ? name + 1 : name;
	size_t n = strlen(s);

	if (n < 2 || n > 255 || !strchr(first, s[0]) ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") != n)
		return err_set(err, ERR_INVALID,
			       "Invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
			       name);
	return 0;
}

int table_reserve_name(struct containers *cs, const char *name, const char *id, struct err *err)
{
	char *holder;
	int r = 0;

	cs_lock(cs);
	holder = map_get(&cs->by_name, name);
	if (holder && !streq(holder, id))
		r = err_set(err, ERR_CONFLICT,
			    "Conflict. The container name \"/%s\" is already in use by container "
			    "\"%s\". You have to remove (or rename) that container to be able to "
			    "reuse that name.",
			    name, holder);
	else
		map_set_str(&cs->by_name, name, id);
	cs_unlock(cs);
	return r;
}

void table_release_name(struct containers *cs, const char *name, const char *id)
{
	cs_lock(cs);
	if (streq(map_get(&cs->by_name, name), id))
		map_remove(&cs->by_name, name);
	cs_unlock(cs);
}

char *table_generate_name(struct containers *cs, const char *id)
{
	for (unsigned attempt = 0;; attempt++) {
		char *name = random_name(attempt);

		if (table_reserve_name(cs, name, id, NULL) == 0)
			return name;
		free(name);
	}
}

void table_add(struct container *c)
{
	cs_lock(c->cs);
	c->refs++;
	map_set(&c->cs->by_id, c->id, c);
	cs_unlock(c->cs);
}

void table_drop(struct container *c)
{
	bool had;

	cs_lock(c->cs);
	had = map_take(&c->cs->by_id, c->id) != NULL;
	c->removed = true;
	if (streq(map_get(&c->cs->by_name, c->name), c->id))
		map_remove(&c->cs->by_name, c->name);
	cs_unlock(c->cs);
	if (had)
		container_put(c);
}

struct container **table_snapshot(struct containers *cs, size_t *ret_n)
{
	struct container **v;
	size_t n = 0;

	cs_lock(cs);
	v = xnew_n(struct container *, cs->by_id.n + 1);
	map_for_each(it, &cs->by_id) {
		v[n] = it->value;
		v[n++]->refs++;
	}
	cs_unlock(cs);
	*ret_n = n;
	return v;
}

void table_snapshot_free(struct container **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		container_put(v[i]);
	free(v);
}

void containers_count(struct containers *cs, struct containers_count *ret)
{
	*ret = (struct containers_count){0};
	cs_lock(cs);
	map_for_each(it, &cs->by_id) {
		const struct container *c = it->value;

		ret->all++;
		if (c->state.status == ST_PAUSED)
			ret->paused++;
		else if (is_running(c))
			ret->running++;
		else
			ret->stopped++;
	}
	cs_unlock(cs);
}

char *containers_using_image(struct containers *cs, const char *image_id, bool *ret_running)
{
	char *id = NULL;

	*ret_running = false;
	cs_lock(cs);
	map_for_each(it, &cs->by_id) {
		const struct container *c = it->value;

		if (!streq(c->image_id, image_id) || (id && !is_running(c)))
			continue;
		free(id);
		id = xstrdup(c->id);
		*ret_running = is_running(c);
		if (*ret_running)
			break;
	}
	cs_unlock(cs);
	return id;
}
