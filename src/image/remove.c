/*
 * remove.c - docker's rules for `rmi` and `image prune`
 *
 * (1) Who uses an image is asked without the lock. A container made meanwhile has pinned its
 *     layers: the image's record may go, its layers stay.
 * (2) An image that is a parent of another is never removed.
 */
#include "base/fs.h"
#include "image/store-priv.h"

enum { /* what stands in the way */
       CONFLICT_CHILD = 1,
       CONFLICT_RUNNING = 2,
       CONFLICT_NAMED = 4,
       CONFLICT_STOPPED = 8,
       CONFLICT_HARD = CONFLICT_CHILD | CONFLICT_RUNNING,
       CONFLICT_SOFT = CONFLICT_NAMED | CONFLICT_STOPPED,
};

void image_removals_done(struct image_removals *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].untagged);
		free(r->v[i].deleted);
	}
	free(r->v);
	*r = (struct image_removals){0};
}

static struct image_removal *add(struct image_removals *r)
{
	r->v = xrealloc(r->v, (r->n + 1) * sizeof(*r->v));
	r->v[r->n] = (struct image_removal){0};
	return &r->v[r->n++];
}

static char *familiar(const char *full)
{
	AUTO(reference) struct reference ref = {0};

	if (reference_parse(full, &ref, NULL) < 0)
		return xstrdup(full);
	return reference_familiar(&ref);
}

static bool is_digest_name(const char *full)
{
	return strchr(full, '@') != NULL;
}

/* "docker.io/library/nginx" of a full name */
static char *repo_of(const char *full)
{
	AUTO(reference) struct reference ref = {0};

	if (reference_parse(full, &ref, NULL) < 0)
		return xstrdup(full);
	return reference_name(&ref);
}

static bool same_repo(const char *full, const char *repo)
{
	AUTO(free) char *other = repo_of(full);

	return streq(other, repo);
}

/* At most one tag, and all names in one repository. */
static bool single_name(const struct strv *names)
{
	AUTO(free) char *repo = NULL;
	size_t tags = 0;

	if (names->n <= 1)
		return true;
	repo = repo_of(names->v[0]);
	strv_for_each (name, names) {
		tags += !is_digest_name(name);
		if (!same_repo(name, repo))
			return false;
	}
	return tags <= 1;
}

static void names_of(struct image_store *store, const char *id, struct strv *ret)
{
	strv_done(ret);
	*ret = (struct strv){0};
	pthread_mutex_lock(&store->lock);
	image_store_names_of(store, id, ret);
	pthread_mutex_unlock(&store->lock);
}

static bool used_by(struct image_store *store, const char *id, char ret[65], bool *ret_running)
{
	*ret_running = false;
	return store->used && store->used(store->used_ctx, id, ret, ret_running);
}

static bool has_children(struct image_store *store, const char *id)
{
	bool r;

	pthread_mutex_lock(&store->lock);
	r = image_store_has_children(store, id);
	pthread_mutex_unlock(&store->lock);
	return r;
}

static int conflict(const char *id, bool hard, const char *why, const char *container,
		    struct err *err)
{
	char short_id[13], short_container[13];

	image_short_id(short_id, id);
	image_short_id(short_container, container);
	return err_set(err, ERR_CONFLICT, "conflict: unable to delete %s (%s) - %s%s%s", short_id,
		       hard ? "cannot be forced" : "must be forced", why, *container ? " " : "",
		       short_container);
}

/* 0 if nothing of mask stands in the way; *ret_used: a container does. */
static int check(struct image_store *store, const char *id, int mask, bool *ret_used,
		 struct err *err)
{
	AUTO(strv) struct strv names = {0};
	char container[65] = "";
	bool running = false, used;

	*ret_used = false;
	if (mask & CONFLICT_CHILD && has_children(store, id)) /* (2) */
		return conflict(id, true, "image has dependent child images", "", err);
	used = used_by(store, id, container, &running);
	if (mask & CONFLICT_RUNNING && used && running) {
		*ret_used = true;
		return conflict(id, true, "image is being used by running container", container,
				err);
	}
	names_of(store, id, &names);
	if (mask & CONFLICT_NAMED && names.n > 0)
		return conflict(id, false, "image is referenced in multiple repositories", "", err);
	if (mask & CONFLICT_STOPPED && used && !running) {
		*ret_used = true;
		return conflict(id, false, "image is being used by stopped container", container,
				err);
	}
	return 0;
}

static int untag(struct image_store *store, const char *full, struct image_removals *ret,
		 struct err *err)
{
	const char *id;
	struct entry *e;
	int r;

	pthread_mutex_lock(&store->lock);
	id = map_get(&store->names, full);
	e = id ? map_get(&store->images, id) : NULL;
	r = record_begin(store->db, true, err);
	if (r == 0) {
		r = record_run(store->db, err, "DELETE FROM image_names WHERE name = ?1", "s",
			       full);
		if (r < 0)
			record_rollback(store->db);
		else
			r = record_commit(store->db, err);
	}
	if (r == 0) {
		map_remove(&store->names, full);
		if (e) {
			image_store_forget_snapshot(e);
			image_store_write_copy(store, e);
		}
	}
	pthread_mutex_unlock(&store->lock);
	if (r == 0)
		add(ret)->untagged = familiar(full);
	return r;
}

static int untag_all(struct image_store *store, const struct strv *names,
		     struct image_removals *ret, struct err *err)
{
	strv_for_each (name, names)
		if (untag(store, name, ret, err) < 0)
			return -1;
	return 0;
}

/* The record, the config, and layers nobody has any more. *ret_parent: caller frees. */
static int delete_image(struct image_store *store, const char *image_id, struct image_removals *ret,
			char **ret_parent, struct err *err)
{
	AUTO(strv) struct strv chains = {0}, gone = {0};
	AUTO(free) char *id = xstrdup(image_id);
	AUTO(free) char *file = xasprintf("%s.json", image_digest_hex(id));
	struct entry *e;
	int r = -1;

	pthread_mutex_lock(&store->lock);
	e = map_get(&store->images, id);
	if (!e) {
		err_set(err, ERR_NOT_FOUND, "No such image: %s", id);
	} else if (record_begin(store->db, true, err) == 0) {
		r = record_run(store->db, err, "DELETE FROM images WHERE id = ?1", "s", id);
		if (r < 0)
			record_rollback(store->db);
		else
			r = record_commit(store->db, err);
	}
	if (r == 0) {
		*ret_parent = TAKE_PTR(e->parent);
		map_remove(&store->images, id);
		ignore_result(unlinkat(store->imagesfd, file, 0)); /* a copy */
		ignore_result(image_store_remove_blob(store, id)); /* image_gc() finds it else */
		ret->freed += image_store_sweep_layers(store, &chains, &gone);
	}
	pthread_mutex_unlock(&store->lock);
	if (r < 0)
		return -1;
	image_store_remove_gone(store, &gone);
	add(ret)->deleted = TAKE_PTR(id);
	for (size_t i = chains.n; i-- > 0;) /* top first */
		add(ret)->deleted = xstrdup(chains.v[i]);
	return 0;
}

/*
 * Deletes id and, with prune, its nameless parents in turn. quiet: a conflict only ends it (the
 * name is gone already, which was the wish).
 */
static int delete_chain(struct image_store *store, const char *image_id, bool force, bool prune,
			bool quiet, struct image_removals *ret, struct err *err)
{
	AUTO(free) char *id = xstrdup(image_id);

	for (;;) {
		AUTO(strv) struct strv names = {0};
		struct err why = ERR_INIT;
		char *parent = NULL;
		bool used;

		if (check(store, id, CONFLICT_HARD | (force ? 0 : CONFLICT_SOFT), &used, &why) <
		    0) {
			names_of(store, id, &names);
			if (quiet && (names.n > 0 || used || has_children(store, id)))
				return 0;
			if (err)
				*err = why;
			return -1;
		}
		names_of(store, id, &names);
		if (untag_all(store, &names, ret, err) < 0 ||
		    delete_image(store, id, ret, &parent, err) < 0)
			return -1;
		free(id);
		id = parent;
		if (!prune || !id)
			return 0;
		force = false;
		quiet = true;
		pthread_mutex_lock(&store->lock);
		parent = map_get(&store->images, id);
		pthread_mutex_unlock(&store->lock);
		if (!parent)
			return 0;
	}
}

/* A name was given: it goes; the image too if it was the last. *ret_more: go on to delete. */
static int remove_name(struct image_store *store, const char *name, const char *id, bool force,
		       struct image_removals *ret, bool *ret_more, struct err *err)
{
	AUTO(reference) struct reference ref = {0};
	AUTO(strv) struct strv names = {0};
	AUTO(free) char *full = NULL;
	AUTO(free) char *repo = NULL;
	char container[65] = "", short_id[13];
	bool running, tags_left = false;

	names_of(store, id, &names);
	if (!force && single_name(&names) && used_by(store, id, container, &running)) {
		container[12] = 0;
		image_short_id(short_id, id);
		return err_set(
			err, ERR_CONFLICT,
			"conflict: unable to remove repository reference \"%s\" (must force) - "
			"container %s is using its referenced image %s",
			name, container, short_id);
	}
	if (reference_parse(name, &ref, err) < 0)
		return -1;
	if (ref.digest && ref.tag) {
		free(ref.tag);
		ref.tag = NULL;
	}
	reference_default_tag(&ref);
	full = reference_full(&ref);
	repo = reference_name(&ref);
	if (untag(store, full, ret, err) < 0)
		return -1;
	names_of(store, id, &names);
	strv_for_each (left, &names)
		tags_left |= !is_digest_name(left) && same_repo(left, repo);
	if (!ref.digest && !tags_left) { /* digests of a repository go with its last tag */
		strv_for_each (left, &names)
			if (is_digest_name(left) && same_repo(left, repo) &&
			    untag(store, left, ret, err) < 0)
				return -1;
		names_of(store, id, &names);
	}
	*ret_more = names.n == 0;
	return 0;
}

/* Does name name the image by its id? */
static bool is_id(const char *id, const char *name)
{
	return str_after(id, name) || str_after(image_digest_hex(id), name);
}

static int remove_by_id(struct image_store *store, const char *id, bool force,
			struct image_removals *ret, struct err *err)
{
	AUTO(strv) struct strv names = {0};
	bool used;

	names_of(store, id, &names);
	if (!single_name(&names))
		return 0; /* delete_chain() says what is in the way, or is forced */
	if (check(store, id, CONFLICT_HARD | (force ? 0 : CONFLICT_SOFT & ~CONFLICT_NAMED), &used,
		  err) < 0)
		return -1;
	return untag_all(store, &names, ret, err);
}

int image_remove(struct image_store *store, const char *name, bool force, bool prune_parents,
		 struct image_removals *ret, struct err *err)
{
	struct image_removals out = {0};
	char id[IMAGE_ID_SIZE] = "";
	bool more = true, by_id;
	struct entry *e;
	int r;

	pthread_mutex_lock(&store->lock);
	e = image_store_find(store, name, err);
	if (e)
		memcpy(id, e->id, sizeof(id));
	pthread_mutex_unlock(&store->lock);
	if (!*id)
		return -1;
	by_id = is_id(id, name);
	if (by_id)
		r = remove_by_id(store, id, force, &out, err);
	else
		r = remove_name(store, name, id, force, &out, &more, err);
	if (r == 0 && more)
		r = delete_chain(store, id, force, prune_parents, !by_id, &out, err);
	if (r < 0)
		image_removals_done(&out);
	else
		*ret = out;
	return r;
}

int image_prune(struct image_store *store, const struct image_filter *filter, bool all,
		struct image_removals *ret, struct err *err)
{
	struct image_filter f = filter ? *filter : (struct image_filter){0};
	struct image_list l = {0};
	struct image_removals out = {0};
	int r = 0;

	f.dangling = all ? -1 : 1;
	f.all = false;
	if (image_list(store, &f, &l, err) < 0)
		return -1;
	for (size_t i = 0; i < l.n && r == 0; i++) {
		AUTO(strv) struct strv names = {0};
		char container[65];
		bool running;

		if (used_by(store, l.v[i]->id, container, &running) ||
		    has_children(store, l.v[i]->id))
			continue;
		names_of(store, l.v[i]->id, &names);
		if (untag_all(store, &names, &out, err) < 0)
			r = -1;
		else
			r = delete_chain(store, l.v[i]->id, false, true, true, &out, err);
	}
	image_list_done(&l);
	if (r < 0)
		image_removals_done(&out);
	else
		*ret = out;
	return r;
}
