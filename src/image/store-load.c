/*
 * store-load.c - the records into memory at start, and a lost database made again
 *
 * (1) A directory under layers/ that no record names is moved to lost/, never deleted here.
 * (2) With no layer recorded at all but layers on disk the database was lost: the small copies
 *     beside the layers and under images/ are taken for records again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/json.h"
#include "image/store-priv.h"

#define COPY_MAX (1024 * 1024)

static void set_id(char dst[IMAGE_ID_SIZE], const char *s)
{
	snprintf(dst, IMAGE_ID_SIZE, "%s", str_or(s));
}

static int layer_row(void *ctx, const struct record_row *row, struct err *err)
{
	struct image_store *store = ctx;
	struct layer *l = xnew(struct layer);

	set_id(l->chain, record_text(row, 0));
	set_id(l->diff, record_text(row, 1));
	l->parent = xstrdup(record_text(row, 2));
	l->dir = xstrdup(str_or(record_text(row, 3)));
	l->size = record_int(row, 4);
	l->exact = record_int(row, 5) != 0;
	map_set(&store->layers, l->chain, l);
	return 0;
}

static int image_row(void *ctx, const struct record_row *row, struct err *err)
{
	struct image_store *store = ctx;
	struct entry *e = xnew(struct entry);

	set_id(e->id, record_text(row, 0));
	e->parent = xstrdup(record_text(row, 1));
	e->chain = xstrdup(record_text(row, 2));
	e->manifest = xstrdup(record_text(row, 3));
	e->created_ns = record_int(row, 4);
	e->size = record_int(row, 5);
	e->tagged_ns = record_int(row, 6);
	map_set(&store->images, e->id, e);
	return 0;
}

static int name_row(void *ctx, const struct record_row *row, struct err *err)
{
	struct image_store *store = ctx;

	map_set_str(&store->names, str_or(record_text(row, 0)), str_or(record_text(row, 1)));
	return 0;
}

int image_store_insert_layer(struct image_store *store, const struct layer *l, struct err *err)
{
	return record_run(store->db, err, "INSERT OR REPLACE INTO layers VALUES(?1,?2,?3,?4,?5,?6)",
			  "ssssii", l->chain, l->diff, l->parent, l->dir, l->size,
			  (int64_t)l->exact);
}

int image_store_insert_image(struct image_store *store, const struct entry *e, struct err *err)
{
	return record_run(store->db, err,
			  "INSERT OR REPLACE INTO images VALUES(?1,?2,?3,?4,?5,?6,?7)", "ssssiii",
			  e->id, e->parent, e->chain, e->manifest, e->created_ns, e->size,
			  e->tagged_ns);
}

/* ---- the copies ---- */

static json_t *read_copy(int dirfd, const char *name)
{
	AUTO(buf) struct buf b = {0};

	if (fs_read_file(dirfd, name, COPY_MAX, &b) < 0 || !b.len)
		return NULL;
	return json_parse(b.p, b.len, NULL);
}

static int found_layer(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	struct image_store *store = ctx;
	AUTO(free) char *path = xasprintf("%s/layer.json", name);
	AUTO(json) json_t *copy = read_copy(dirfd, path);
	const char *chain = copy ? json_get_str(copy, "chain", "") : "";
	const char *diff = copy ? json_get_str(copy, "diff", "") : "";
	const char *parent = copy ? json_get_str(copy, "parent", NULL) : NULL;
	char expected[IMAGE_ID_SIZE];
	struct layer *l;

	if (!reference_is_digest(chain) || !reference_is_digest(diff) ||
	    (parent && !reference_is_digest(parent)))
		return 0;
	image_chain(expected, parent, diff);
	if (!streq(expected, chain))
		return 0;
	l = xnew(struct layer);
	set_id(l->chain, chain);
	set_id(l->diff, diff);
	l->parent = xstrdup(parent);
	l->dir = xstrdup(name);
	l->size = json_get_int(copy, "size", 0);
	l->exact = json_get_bool(copy, "exact", false);
	map_set(&store->layers, l->chain, l);
	return 0;
}

static bool chain_whole(struct image_store *store, const char *chain)
{
	while (chain) {
		const struct layer *l = map_get(&store->layers, chain);

		if (!l)
			return false;
		chain = l->parent;
	}
	return true;
}

static int found_image(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	struct image_store *store = ctx;
	AUTO(json) json_t *copy = read_copy(dirfd, name);
	const char *id = copy ? json_get_str(copy, "id", "") : "";
	const char *chain = copy ? json_get_str(copy, "chain", NULL) : NULL;
	struct entry *e;
	json_t *item;
	size_t i;

	if (!reference_is_digest(id) || !chain_whole(store, chain) ||
	    !fs_exists(store->contentfd, image_digest_hex(id)))
		return 0;
	e = xnew(struct entry);
	set_id(e->id, id);
	e->chain = xstrdup(chain);
	e->parent = xstrdup(json_get_str(copy, "parent", NULL));
	e->manifest = xstrdup(json_get_str(copy, "manifest", NULL));
	e->created_ns = json_get_int(copy, "created", 0);
	e->size = json_get_int(copy, "size", 0);
	e->tagged_ns = json_get_int(copy, "tagged", 0);
	map_set(&store->images, e->id, e);
	json_array_foreach(json_object_get(copy, "names"), i, item) if (json_is_string(item))
		map_set_str(&store->names, json_string_value(item), e->id);
	return 0;
}

static int insert_all(struct image_store *store, struct err *err)
{
	map_for_each (it, &store->layers)
		if (image_store_insert_layer(store, it->value, err) < 0)
			return -1;
	map_for_each (it, &store->images)
		if (image_store_insert_image(store, it->value, err) < 0)
			return -1;
	map_for_each (it, &store->names)
		if (record_run(store->db, err, "INSERT OR REPLACE INTO image_names VALUES(?1,?2)",
			       "ss", it->key, (const char *)it->value) < 0)
			return -1;
	return 0;
}

/* (2) */
static int rebuild(struct image_store *store, struct err *err)
{
	ignore_result(fs_each_entry(store->rootfd, "layers", found_layer, store));
	ignore_result(fs_each_entry(store->rootfd, "images", found_image, store));
	if (store->layers.n == 0 && store->images.n == 0)
		return 0;
	if (record_begin(store->db, true, err) < 0)
		return -1;
	if (insert_all(store, err) < 0) {
		record_rollback(store->db);
		return -1;
	}
	return record_commit(store->db, err);
}

void image_store_write_copy(struct image_store *store, const struct entry *e)
{
	AUTO(free) char *file = xasprintf("%s.json", image_digest_hex(e->id));
	AUTO(strv) struct strv names = {0};
	AUTO(json) json_t *o = json_object();
	AUTO(free) char *text = NULL;

	image_store_names_of(store, e->id, &names);
	json_object_set_new(o, "id", json_string(e->id));
	if (e->chain)
		json_object_set_new(o, "chain", json_string(e->chain));
	if (e->parent)
		json_object_set_new(o, "parent", json_string(e->parent));
	if (e->manifest)
		json_object_set_new(o, "manifest", json_string(e->manifest));
	json_object_set_new(o, "created", json_integer(e->created_ns));
	json_object_set_new(o, "size", json_integer(e->size));
	json_object_set_new(o, "tagged", json_integer(e->tagged_ns));
	json_object_set_new(o, "names", json_strs(&names));
	text = json_text(o, 0);
	/* a copy only: the database has it */
	ignore_result(fs_replace(store->imagesfd, file, text, strlen(text), 0600, 0));
}

/* ---- unrecorded ---- */

struct lost {
	struct image_store *store;
	struct map known; /* directory names */
};

static int lost_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	struct lost *lost = ctx;
	AUTO(free) char *to = NULL;
	char unique[9];

	if (map_has(&lost->known, name) || name[0] == '.')
		return 0;
	if (fs_mkdir_p(lost->store->rootfd, "lost", 0700) < 0)
		return 0;
	random_hex(unique, 8);
	to = xasprintf("lost/layer-%.40s-%s", name, unique);
	/* (1) where it cannot be moved it stays, and does no harm */
	ignore_result(renameat(dirfd, name, lost->store->rootfd, to));
	return 0;
}

int image_store_load(struct image_store *store, struct err *err)
{
	struct lost lost = {.store = store};

	if (record_each(store->db, err, layer_row, store,
			"SELECT chain, diff, parent, dir, size, exact FROM layers", "") < 0 ||
	    record_each(store->db, err, image_row, store,
			"SELECT id, parent, chain, manifest, created, size, tagged FROM images",
			"") < 0 ||
	    record_each(store->db, err, name_row, store, "SELECT name, image FROM image_names",
			"") < 0)
		return err_wrap(err, "load images");
	if (store->layers.n == 0 && store->images.n == 0 && rebuild(store, err) < 0)
		return err_wrap(err, "find images again");
	map_for_each (it, &store->layers)
		map_set(&lost.known, ((struct layer *)it->value)->dir, it->value);
	ignore_result(fs_each_entry(store->rootfd, "layers", lost_entry, &lost));
	map_done(&lost.known);
	return 0;
}
