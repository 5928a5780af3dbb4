/*
 * store.c - opening the store, snapshots of images
 *
 *	<root>/content/sha256/<hex>   blobs as received
 *	<root>/layers/<dir>/          diff/, layer.json (copy of the record), map (its tar's
 *headers) <root>/images/<hex>.json      copy of an image's record <root>/tmp/ swept at start
 *	<root>/lost/                  what no record knows; goes with image_gc()
 *
 * (1) A layer or image is visible once its record is committed; its files are durable before.
 * (2) The maps in memory say what the database says: both change under the lock, database first.
 * (3) A snapshot handed out never changes; a change of names drops the cached one.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "image/store-priv.h"

static const char *const schema[] = {
	"CREATE TABLE layers(chain TEXT PRIMARY KEY, diff TEXT NOT NULL, parent TEXT,"
	" dir TEXT NOT NULL, size INTEGER NOT NULL, exact INTEGER NOT NULL);"
	"CREATE TABLE images(id TEXT PRIMARY KEY, parent TEXT, chain TEXT, manifest TEXT,"
	" created INTEGER NOT NULL, size INTEGER NOT NULL, tagged INTEGER NOT NULL);"
	"CREATE TABLE image_names(name TEXT PRIMARY KEY, image TEXT NOT NULL);",
};

void image_layer_record_free(void *layer)
{
	struct layer *l = layer;

	free(l->parent);
	free(l->dir);
	free(l);
}

void image_entry_free(void *entry)
{
	struct entry *e = entry;

	image_unref(e->snapshot);
	free(e->parent);
	free(e->chain);
	free(e->manifest);
	free(e);
}

static int open_sub(struct image_store *store, const char *name, int *ret, struct err *err)
{
	int r = fs_mkdir_p(store->rootfd, name, 0711);

	if (r == 0)
		r = *ret = fs_open_dir(store->rootfd, name);
	if (r < 0)
		return err_sys(err, -r, "open '%s/%s'", store->root, name);
	return 0;
}

static int sweep_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	const char *prefix = ctx;

	if (!prefix || str_after(name, prefix))
		ignore_result(fs_remove_tree(dirfd, name)); /* what stays goes at the next start */
	return 0;
}

static int open_all(struct image_store *store, struct err *err)
{
	int r = fs_mkdir_p(AT_FDCWD, store->root, 0711);

	if (r == 0)
		r = store->rootfd = fs_open_dir(AT_FDCWD, store->root);
	if (r < 0)
		return err_sys(err, -r, "open data root '%s'", store->root);
	if (open_sub(store, "tmp", &store->tmpfd, err) < 0 ||
	    open_sub(store, "layers", &store->layersfd, err) < 0 ||
	    open_sub(store, "content/sha256", &store->contentfd, err) < 0 ||
	    open_sub(store, "images", &store->imagesfd, err) < 0)
		return -1;
	ignore_result(fs_each_entry(store->rootfd, "tmp", sweep_entry, NULL));
	ignore_result(fs_each_entry(store->rootfd, "layers", sweep_entry, ".gone-"));
	return 0;
}

int image_store_open(const char *data_root, const char *libexec_dir, struct record_db *db,
		     struct image_store **ret, struct err *err)
{
	struct image_store *store = xnew(struct image_store);

	store->root = xstrdup(data_root);
	store->libexec = xstrdup(libexec_dir);
	store->db = db;
	store->rootfd = store->tmpfd = store->layersfd = store->contentfd = store->imagesfd = -1;
	pthread_mutex_init(&store->lock, NULL);
	store->images.free_value = image_entry_free;
	store->layers.free_value = image_layer_record_free;
	if (open_all(store, err) < 0 ||
	    record_migrate(db, "image", schema, ARRAY_LEN(schema), err) < 0 ||
	    image_store_load(store, err) < 0) {
		image_store_close(store);
		return -1;
	}
	*ret = store;
	return 0;
}

void image_store_close(struct image_store *store)
{
	if (!store)
		return;
	map_done(&store->images);
	map_done(&store->names);
	map_done(&store->layers);
	map_done(&store->pins);
	map_done(&store->fresh);
	auto_close(&store->rootfd);
	auto_close(&store->tmpfd);
	auto_close(&store->layersfd);
	auto_close(&store->contentfd);
	auto_close(&store->imagesfd);
	pthread_mutex_destroy(&store->lock);
	free(store->root);
	free(store->libexec);
	free(store);
}

const char *image_store_root(const struct image_store *store)
{
	return store->root;
}

const char *image_store_libexec(const struct image_store *store)
{
	return store->libexec;
}

int image_store_tmp(const struct image_store *store)
{
	return store->tmpfd;
}

void image_store_set_users(struct image_store *store, image_used_fn *fn, void *ctx)
{
	store->used = fn;
	store->used_ctx = ctx;
}

/* ---- snapshots ---- */

void image_store_forget_snapshot(struct entry *e)
{
	image_unref(e->snapshot);
	e->snapshot = NULL;
}

int image_store_chain_dirs(struct image_store *store, const char *chain, struct strv *ret,
			   struct err *err)
{
	while (chain) {
		const struct layer *l = map_get(&store->layers, chain);

		if (!l)
			return err_set(err, ERR_CORRUPT, "layer %.19s is missing from '%s/layers'",
				       chain, store->root);
		strv_addf(ret, "%s/layers/%s/diff", store->root, l->dir);
		chain = l->parent;
	}
	return 0;
}

void image_store_names_of(struct image_store *store, const char *id, struct strv *ret)
{
	map_for_each (it, &store->names)
		if (streq(it->value, id))
			strv_add(ret, it->key);
	strv_sort(ret);
}

static bool matches(const struct reference *ref, const struct strv *patterns)
{
	if (!patterns || patterns->n == 0)
		return true;
	strv_for_each (pattern, patterns)
		if (reference_match(ref, pattern))
			return true;
	return false;
}

static void fill_names(struct image_store *store, struct image *img, const struct strv *patterns)
{
	AUTO(strv) struct strv names = {0};

	image_store_names_of(store, img->id, &names);
	strv_for_each (name, &names) {
		AUTO(reference) struct reference ref = {0};

		if (reference_parse(name, &ref, NULL) < 0 || !matches(&ref, patterns))
			continue;
		strv_take(ref.digest ? &img->repo_digests : &img->repo_tags,
			  reference_familiar(&ref));
	}
}

/* Sizes of the layers, bottom first, to the steps of the history that made them. */
static void fill_history_sizes(struct image_store *store, struct image *img)
{
	char chain[IMAGE_ID_SIZE] = "";
	size_t layer = 0;

	for (size_t i = 0; i < img->nhistory && layer < img->diff_ids.n; i++) {
		const struct layer *l;

		if (img->history[i].empty_layer)
			continue;
		image_chain(chain, *chain ? chain : NULL, img->diff_ids.v[layer++]);
		l = map_get(&store->layers, chain);
		img->history[i].size = l ? l->size : 0;
	}
}

static struct image *build(struct image_store *store, const struct entry *e,
			   const struct strv *patterns, struct err *err)
{
	AUTO(image) struct image *img = NULL;
	AUTO(buf) struct buf raw = {0};
	int r = fs_read_file(store->contentfd, image_digest_hex(e->id), IMAGE_CONFIG_MAX, &raw);

	if (r < 0) {
		err_sys(err, -r, "read image config '%s/content/sha256/%s'", store->root,
			image_digest_hex(e->id));
		return NULL;
	}
	if (image_parse(raw.p, raw.len, &img, err) < 0)
		return NULL;
	if (!streq(img->id, e->id)) {
		err_set(err, ERR_CORRUPT, "image config '%s/content/sha256/%s' is damaged",
			store->root, image_digest_hex(e->id));
		return NULL;
	}
	if (image_store_chain_dirs(store, e->chain, &img->layers, err) < 0)
		return NULL;
	img->parent = xstrdup(e->parent);
	img->chain_id = xstrdup(e->chain);
	img->manifest = xstrdup(e->manifest);
	img->size = e->size;
	img->tagged_ns = e->tagged_ns;
	fill_names(store, img, patterns);
	fill_history_sizes(store, img);
	return TAKE_PTR(img);
}

struct image *image_store_snapshot(struct image_store *store, struct entry *e,
				   const struct strv *patterns, struct err *err)
{
	if (patterns && patterns->n)
		return build(store, e, patterns, err);
	if (!e->snapshot)
		e->snapshot = build(store, e, NULL, err);
	return e->snapshot ? image_ref(e->snapshot) : NULL;
}

bool image_store_has_children(struct image_store *store, const char *id)
{
	map_for_each (it, &store->images)
		if (streq(((struct entry *)it->value)->parent, id))
			return true;
	return false;
}
