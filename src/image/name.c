/*
 * name.c - finding images, giving them names, making new ones
 */
#include <ctype.h>
#include <errno.h>

#include "base/clock.h"
#include "base/fs.h"
#include "image/store-priv.h"

static int no_such(const struct reference *ref, struct err *err)
{
	struct reference shown = *ref;
	AUTO(free) char *name = NULL;

	if (!shown.tag && !shown.digest)
		shown.tag = (char *)"latest";
	name = reference_familiar(&shown);
	return err_set(err, ERR_NOT_FOUND, "No such image: %s", name);
}

/* By name; with a digest the tag does not count. */
static struct entry *find_reference(struct image_store *store, const struct reference *ref)
{
	struct reference key = *ref;
	AUTO(free) char *full = NULL;
	const char *id;

	if (key.digest)
		key.tag = NULL;
	else if (!key.tag)
		key.tag = (char *)"latest";
	full = reference_full(&key);
	id = map_get(&store->names, full);
	return id ? map_get(&store->images, id) : NULL;
}

/* By the first digits of an id. */
static struct entry *find_prefix(struct image_store *store, const char *name, struct err *err)
{
	const char *hex = str_after(name, "sha256:");
	struct entry *found = NULL;
	size_t n;

	if (!hex)
		hex = name;
	n = strlen(hex);
	if (n == 0 || n > 64 || !is_hex(hex, n))
		return NULL;
	map_for_each (it, &store->images) {
		if (strncmp(image_digest_hex(it->key), hex, n) != 0)
			continue;
		if (found) {
			err_set(err, ERR_INVALID, "multiple IDs found with provided prefix: %s",
				name);
			return NULL;
		}
		found = it->value;
	}
	return found;
}

struct entry *image_store_find(struct image_store *store, const char *name, struct err *err)
{
	AUTO(reference) struct reference ref = {0};
	struct err ambiguous = ERR_INIT;
	struct entry *e;

	if (is_hex(name, 64) || reference_is_digest(name)) {
		AUTO(free) char *id = xasprintf("%s%s", is_hex(name, 64) ? "sha256:" : "", name);

		e = map_get(&store->images, id);
		if (!e)
			err_set(err, ERR_NOT_FOUND, "No such image: %s", id);
		return e;
	}
	if (reference_parse(name, &ref, err) < 0)
		return NULL;
	e = find_reference(store, &ref);
	if (!e)
		e = find_prefix(store, name, &ambiguous);
	if (!e && ambiguous.kind) {
		if (err)
			*err = ambiguous;
	} else if (!e) {
		no_such(&ref, err);
	}
	return e;
}

int image_get(struct image_store *store, const char *name, struct image **ret, struct err *err)
{
	struct image *img = NULL;
	struct entry *e;

	pthread_mutex_lock(&store->lock);
	e = image_store_find(store, name, err);
	if (e)
		img = image_store_snapshot(store, e, NULL, err);
	pthread_mutex_unlock(&store->lock);
	if (!img)
		return -1;
	*ret = img;
	return 0;
}

/* ---- names ---- */

int image_store_set_name(struct image_store *store, const char *full, struct entry *e, int64_t now,
			 struct err *err)
{
	if (record_run(store->db, err, "INSERT OR REPLACE INTO image_names VALUES(?1,?2)", "ss",
		       full, e->id) < 0)
		return -1;
	return record_run(store->db, err, "UPDATE images SET tagged = ?2 WHERE id = ?1", "si",
			  e->id, now);
}

/* The memory's half of it, after the commit. */
static void apply_name(struct image_store *store, const char *full, struct entry *e, int64_t now)
{
	const char *old = map_get(&store->names, full);
	struct entry *before = old && !streq(old, e->id) ? map_get(&store->images, old) : NULL;

	map_set_str(&store->names, full, e->id);
	e->tagged_ns = now;
	image_store_forget_snapshot(e);
	image_store_write_copy(store, e);
	if (before) {
		image_store_forget_snapshot(before);
		image_store_write_copy(store, before);
	}
}

static int tag_locked(struct image_store *store, const char *image, const char *full,
		      struct err *err)
{
	struct entry *e = image_store_find(store, image, err);
	int64_t now = clock_real_ns();

	if (!e || record_begin(store->db, true, err) < 0)
		return -1;
	if (image_store_set_name(store, full, e, now, err) < 0) {
		record_rollback(store->db);
		return -1;
	}
	if (record_commit(store->db, err) < 0)
		return -1;
	apply_name(store, full, e, now);
	return 0;
}

static int tag_reference(struct image_store *store, const char *image, struct reference *ref,
			 char **ret_name, struct err *err)
{
	AUTO(free) char *full = NULL;
	int r;

	if (ref->digest)
		return err_set(err, ERR_INVALID,
			       "refusing to create a tag with a digest reference");
	reference_default_tag(ref);
	if (streq(ref->domain, "docker.io") && streq(ref->path, "library/scratch"))
		return err_set(err, ERR_INVALID, "'scratch' is a reserved name");
	full = reference_full(ref);
	pthread_mutex_lock(&store->lock);
	r = tag_locked(store, image, full, err);
	pthread_mutex_unlock(&store->lock);
	if (r == 0 && ret_name)
		*ret_name = reference_familiar(ref);
	return r;
}

int image_tag(struct image_store *store, const char *image, const char *reference, struct err *err)
{
	AUTO(reference) struct reference ref = {0};

	if (reference_parse(reference, &ref, err) < 0)
		return -1;
	return tag_reference(store, image, &ref, NULL, err);
}

int image_tag_parts(struct image_store *store, const char *image, const char *repo, const char *tag,
		    char **ret_name, struct err *err)
{
	AUTO(reference) struct reference ref = {0};

	if (reference_parse(repo, &ref, err) < 0)
		return -1;
	if (tag && *tag) {
		if (!reference_is_tag(tag))
			return err_set(err, ERR_INVALID, "invalid tag format");
		free(ref.tag);
		ref.tag = xstrdup(tag);
	}
	return tag_reference(store, image, &ref, ret_name, err);
}

/* ---- new images ---- */

static int top_chain(struct image_store *store, const struct image *img, char ret[IMAGE_ID_SIZE],
		     int64_t *ret_size, struct err *err)
{
	*ret = 0;
	*ret_size = 0;
	strv_for_each (diff, &img->diff_ids) {
		const struct layer *l;

		image_chain(ret, *ret ? ret : NULL, diff);
		l = map_get(&store->layers, ret);
		if (!l)
			return err_set(err, ERR_INVALID, "image has a layer that is not there: %s",
				       diff);
		*ret_size += l->size;
	}
	return 0;
}

static int parse_names(const struct strv *names, struct strv *ret, struct err *err)
{
	if (!names)
		return 0;
	strv_for_each (name, names) {
		AUTO(reference) struct reference ref = {0};

		if (reference_parse(name, &ref, err) < 0)
			return -1;
		reference_default_tag(&ref);
		if (ref.digest && ref.tag) {
			free(ref.tag);
			ref.tag = NULL;
		}
		strv_take(ret, reference_full(&ref));
	}
	return 0;
}

static struct entry *new_entry(struct image_store *store, const struct image_create *c,
			       const struct image *img, struct err *err)
{
	char chain[IMAGE_ID_SIZE];
	struct entry *e;
	int64_t size;

	if (top_chain(store, img, chain, &size, err) < 0)
		return NULL;
	e = xnew(struct entry);
	memcpy(e->id, img->id, sizeof(e->id));
	e->chain = *chain ? xstrdup(chain) : NULL;
	e->parent = xstrdup(c->parent);
	e->manifest = xstrdup(c->manifest);
	e->created_ns = img->created_ns;
	e->size = size;
	return e;
}

static int record_image(struct image_store *store, struct entry *e, const struct strv *full,
			int64_t now, struct err *err)
{
	if (record_begin(store->db, true, err) < 0)
		return -1;
	if (image_store_insert_image(store, e, err) < 0)
		goto failed;
	strv_for_each (name, full)
		if (image_store_set_name(store, name, e, now, err) < 0)
			goto failed;
	return record_commit(store->db, err);
failed:
	record_rollback(store->db);
	return -1;
}

static void unfresh(struct image_store *store, const struct entry *e)
{
	const char *chain = e->chain;

	map_remove(&store->fresh, e->id);
	if (e->manifest)
		map_remove(&store->fresh, e->manifest);
	while (chain) {
		const struct layer *l = map_get(&store->layers, chain);

		map_remove(&store->fresh, chain);
		chain = l ? l->parent : NULL;
	}
}

static int create_locked(struct image_store *store, const struct image_create *c,
			 const struct image *img, const struct strv *full, struct err *err)
{
	struct entry *e = map_get(&store->images, img->id), *made = NULL;
	int64_t now = clock_real_ns();

	if (!e) {
		e = made = new_entry(store, c, img, err);
		if (!e)
			return -1;
	} else if (c->manifest) {
		free(e->manifest);
		e->manifest = xstrdup(c->manifest);
	}
	if (record_image(store, e, full, now, err) < 0) {
		if (made)
			image_entry_free(made);
		return -1;
	}
	if (made)
		map_set(&store->images, made->id, made);
	strv_for_each (name, full)
		apply_name(store, name, e, now);
	if (full->n == 0)
		image_store_write_copy(store, e);
	unfresh(store, e);
	return 0;
}

int image_create(struct image_store *store, const struct image_create *c,
		 char ret_id[IMAGE_ID_SIZE], struct err *err)
{
	AUTO(image) struct image *img = NULL;
	AUTO(strv) struct strv full = {0};
	int r;

	if (image_parse(c->config, c->config_size, &img, err) < 0 ||
	    parse_names(c->names, &full, err) < 0 ||
	    image_blob_put_data(store, c->config, c->config_size, ret_id, err) < 0)
		return -1;
	pthread_mutex_lock(&store->lock);
	r = create_locked(store, c, img, &full, err);
	pthread_mutex_unlock(&store->lock);
	return r;
}
