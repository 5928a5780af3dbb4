/*
 * layer.c - layers: made in tmp/, made durable by one syncfs, renamed, recorded
 *
 * (1) A layer's directory gets its place by one rename, after everything in it is on the disk.
 * (2) The same chain is stored once; who comes second drops what it made.
 * (3) The record comes last: killed between, start-up finds an unrecorded directory and moves it
 *     to lost/.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "codec/json.h"
#include "image/store-priv.h"

void image_chain(char ret[IMAGE_ID_SIZE], const char *parent_chain, const char *diff_id)
{
	AUTO(free) char *both = NULL;

	if (!parent_chain) {
		if (ret != diff_id)
			snprintf(ret, IMAGE_ID_SIZE, "%s", diff_id);
		return;
	}
	both = xasprintf("%s %s", parent_chain, diff_id);
	image_digest(ret, both, strlen(both));
}

bool image_layer_find(struct image_store *store, const char *parent_chain, const char *diff_id,
		      char **ret_chain)
{
	char chain[IMAGE_ID_SIZE];
	bool found;

	image_chain(chain, parent_chain, diff_id);
	pthread_mutex_lock(&store->lock);
	found = map_has(&store->layers, chain);
	if (found)
		map_set(&store->fresh, chain, store);
	pthread_mutex_unlock(&store->lock);
	if (found)
		*ret_chain = xstrdup(chain);
	return found;
}

static struct image_layer *layer_new(struct image_store *store, struct err *err)
{
	struct image_layer *layer = xnew(struct image_layer);
	char random[33];

	random_hex(random, 32);
	layer->store = store;
	layer->name = xstrdup(random);
	layer->dirfd = -1;
	if (mkdirat(store->tmpfd, random, 0711) < 0 ||
	    (layer->dirfd = fs_open_dir(store->tmpfd, random)) < 0 ||
	    mkdirat(layer->dirfd, "diff", 0755) < 0) {
		err_sys(err, errno, "make a layer in '%s/tmp'", store->root);
		image_layer_free(layer);
		return NULL;
	}
	return layer;
}

void image_layer_free(struct image_layer *layer)
{
	if (!layer)
		return;
	if (!layer->done)
		ignore_result(
			fs_remove_tree(layer->store->tmpfd, layer->name)); /* swept at start */
	if (layer->dirfd >= 0)
		close(layer->dirfd);
	free(layer->name);
	free(layer);
}

int image_layer_unpack(struct image_store *store, int fd, unsigned flags, struct image_layer **ret,
		       struct err *err)
{
	AUTO(image_layer) struct image_layer *layer = layer_new(store, err);
	AUTO(close) int diff = -1;
	AUTO(close) int map = -1;

	if (!layer)
		return -1;
	diff = fs_open_dir(layer->dirfd, "diff");
	map = openat(layer->dirfd, "map", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (diff < 0 || map < 0)
		return err_sys(err, errno, "make a layer in '%s/tmp'", store->root);
	if (unpack_stream(store->libexec, fd, diff, map, flags | UNPACK_LAYER, &layer->result,
			  err) < 0)
		return -1;
	*ret = TAKE_PTR(layer);
	return 0;
}

static int write_copy(struct image_layer *layer, const struct layer *l, struct err *err)
{
	AUTO(json) json_t *o = json_object();
	AUTO(free) char *text = NULL;
	int r;

	json_object_set_new(o, "chain", json_string(l->chain));
	json_object_set_new(o, "diff", json_string(l->diff));
	if (l->parent)
		json_object_set_new(o, "parent", json_string(l->parent));
	json_object_set_new(o, "size", json_integer(l->size));
	json_object_set_new(o, "exact", json_boolean(l->exact));
	text = json_text(o, 0);
	r = fs_replace(layer->dirfd, "layer.json", text, strlen(text), 0600, 0);
	if (r < 0)
		return err_sys(err, -r, "write the record of a layer");
	return 0;
}

/* (1) Then the layer is at layers/<name>. */
static int settle(struct image_layer *layer, struct err *err)
{
	struct image_store *store = layer->store;

	if (syncfs(layer->dirfd) < 0)
		return err_sys(err, errno, "write the layer to disk");
	if (renameat(store->tmpfd, layer->name, store->layersfd, layer->name) < 0 ||
	    fsync(store->layersfd) < 0)
		return err_sys(err, errno, "put the layer into '%s/layers'", store->root);
	layer->done = true;
	return 0;
}

static int record_layer(struct image_store *store, struct layer *l, struct err *err)
{
	struct layer *copy = xmemdup(l, sizeof(*l));

	copy->dir = xstrdup(l->dir);
	copy->parent = xstrdup(l->parent);
	if (image_store_insert_layer(store, copy, err) < 0) {
		image_layer_record_free(copy);
		return -1;
	}
	map_set(&store->layers, copy->chain, copy);
	return 0;
}

int image_layer_commit(struct image_layer *layer, const char *parent_chain, char **ret_chain,
		       struct err *err)
{
	struct image_store *store = layer->store;
	struct layer l = {.parent = (char *)parent_chain,
			  .dir = layer->name,
			  .size = layer->result.size,
			  .exact = layer->result.exact};
	char *existing;
	bool twice;
	int r = 0;

	CHECK(!layer->done);
	if (image_layer_find(store, parent_chain, layer->result.diff_id, &existing)) { /* (2) */
		*ret_chain = existing;
		return 0;
	}
	snprintf(l.diff, sizeof(l.diff), "%s", layer->result.diff_id);
	image_chain(l.chain, parent_chain, l.diff);
	if (write_copy(layer, &l, err) < 0 || settle(layer, err) < 0)
		return -1;
	pthread_mutex_lock(&store->lock);
	map_set(&store->fresh, l.chain, store);
	twice = map_has(&store->layers, l.chain);
	if (!twice)
		r = record_layer(store, &l, err);
	pthread_mutex_unlock(&store->lock);
	if (twice || r < 0) { /* (2) another thread was faster */
		AUTO(free) char *gone = xasprintf(".gone-%s", layer->name);

		if (renameat(store->layersfd, layer->name, store->layersfd, gone) == 0)
			ignore_result(fs_remove_tree(store->layersfd, gone)); /* else at start */
	}
	if (r == 0)
		*ret_chain = xstrdup(l.chain);
	return r;
}

int image_chain_layers(struct image_store *store, const char *chain_id, struct strv *ret,
		       struct err *err)
{
	int r;

	pthread_mutex_lock(&store->lock);
	r = image_store_chain_dirs(store, chain_id, ret, err);
	pthread_mutex_unlock(&store->lock);
	return r;
}

int image_pin(struct image_store *store, const char *holder, const char *chain_id, struct err *err)
{
	int r = 0;

	if (!chain_id || !*chain_id)
		return 0;
	pthread_mutex_lock(&store->lock);
	if (map_has(&store->layers, chain_id))
		map_set_str(&store->pins, holder, chain_id);
	else
		r = err_set(err, ERR_CORRUPT, "layer %.19s is missing from '%s/layers'", chain_id,
			    store->root);
	pthread_mutex_unlock(&store->lock);
	return r;
}

void image_unpin(struct image_store *store, const char *holder)
{
	pthread_mutex_lock(&store->lock);
	map_remove(&store->pins, holder);
	pthread_mutex_unlock(&store->lock);
}

int64_t image_layers_size(struct image_store *store, size_t *ret_n)
{
	int64_t size = 0;

	pthread_mutex_lock(&store->lock);
	map_for_each (it, &store->layers)
		size += ((struct layer *)it->value)->size;
	if (ret_n)
		*ret_n = store->layers.n;
	pthread_mutex_unlock(&store->lock);
	return size;
}

static bool chain_has(struct image_store *store, const char *top, const char *chain)
{
	while (top && !streq(top, chain)) {
		const struct layer *l = map_get(&store->layers, top);

		top = l ? l->parent : NULL;
	}
	return top != NULL;
}

int64_t image_shared_size(struct image_store *store, const struct image *img)
{
	const char *chain = img->chain_id;
	int64_t size = 0;

	pthread_mutex_lock(&store->lock);
	while (chain) {
		const struct layer *l = map_get(&store->layers, chain);
		bool shared = false;

		if (!l)
			break;
		map_for_each (it, &store->images) {
			const struct entry *e = it->value;

			shared |= !streq(e->id, img->id) && chain_has(store, e->chain, chain);
		}
		size += shared ? l->size : 0;
		chain = l->parent;
	}
	pthread_mutex_unlock(&store->lock);
	return size;
}
