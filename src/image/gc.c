/*
 * gc.c - what nothing uses any more
 *
 * (1) A layer stays while an image, a pin or a transfer under way (fresh) has it in its chain.
 * (2) Removal: the record goes first, durably; then the directory is renamed to .gone-NAME and
 *     deleted. Killed between, start-up finds it unrecorded or gone-marked.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/fs.h"
#include "codec/json.h"
#include "image/store-priv.h"

#define MANIFEST_MAX (4 * 1024 * 1024)

static void mark_chain(struct image_store *store, const char *chain)
{
	while (chain) {
		struct layer *l = map_get(&store->layers, chain);

		if (!l || l->marked)
			return;
		l->marked = true;
		chain = l->parent;
	}
}

static void mark_layers(struct image_store *store)
{
	map_for_each (it, &store->layers)
		((struct layer *)it->value)->marked = false;
	map_for_each (it, &store->images)
		mark_chain(store, ((struct entry *)it->value)->chain);
	map_for_each (it, &store->pins)
		mark_chain(store, it->value);
	map_for_each (it, &store->fresh)
		mark_chain(store, it->key);
}

int64_t image_store_sweep_layers(struct image_store *store, struct strv *ret_chains,
				 struct strv *ret_gone)
{
	int64_t freed = 0;

	mark_layers(store);
	map_for_each (it, &store->layers) {
		const struct layer *l = it->value;
		AUTO(free) char *gone = NULL;

		if (l->marked)
			continue;
		if (record_run(store->db, NULL, "DELETE FROM layers WHERE chain = ?1", "s",
			       l->chain) < 0)
			continue; /* stays for the next time */
		freed += l->size;
		gone = xasprintf(".gone-%s", l->dir);
		if (renameat(store->layersfd, l->dir, store->layersfd, gone) == 0) /* (2) */
			strv_add(ret_gone, gone);
		if (ret_chains)
			strv_add(ret_chains, l->chain);
		map_remove(&store->layers, l->chain);
	}
	return freed;
}

void image_store_remove_gone(struct image_store *store, const struct strv *gone)
{
	strv_for_each (dir, gone)
		ignore_result(
			fs_remove_tree(store->layersfd, dir)); /* (2) else at the next start */
}

/* ---- blobs ---- */

static void keep_manifest(struct image_store *store, const char *digest, struct map *keep)
{
	AUTO(buf) struct buf b = {0};
	AUTO(json) json_t *doc = NULL;
	json_t *item;
	size_t i;

	map_set(keep, digest, store);
	if (!image_digest_hex(digest) ||
	    fs_read_file(store->contentfd, image_digest_hex(digest), MANIFEST_MAX, &b) < 0)
		return;
	doc = json_parse(b.p, b.len, NULL);
	if (!doc)
		return;
	map_set(keep, json_get_str(json_object_get(doc, "config"), "digest", ""), store);
	json_array_foreach(json_object_get(doc, "layers"), i, item)
		map_set(keep, json_get_str(item, "digest", ""), store);
}

static int64_t sweep_blobs(struct image_store *store)
{
	struct map keep = {0};
	AUTO(strv) struct strv drop = {0};
	int64_t freed = 0;
	struct dirent *de;
	int fd = fs_open_dir(store->contentfd, ".");
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	map_for_each (it, &store->images) {
		map_set(&keep, it->key, store);
		if (((struct entry *)it->value)->manifest)
			keep_manifest(store, ((struct entry *)it->value)->manifest, &keep);
	}
	while (dir && (de = readdir(dir))) {
		AUTO(free) char *digest = xasprintf("sha256:%s", de->d_name);

		if (de->d_name[0] != '.' && !map_has(&keep, digest) &&
		    !map_has(&store->fresh, digest))
			strv_add(&drop, de->d_name);
	}
	if (dir)
		closedir(dir);
	strv_for_each (name, &drop) {
		struct stat st;

		if (fstatat(store->contentfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    unlinkat(store->contentfd, name, 0) == 0)
			freed += st.st_size;
	}
	map_done(&keep);
	return freed;
}

int image_gc(struct image_store *store, int64_t *ret_freed, struct err *err)
{
	AUTO(strv) struct strv gone = {0};
	int64_t freed;
	int r;

	pthread_mutex_lock(&store->lock);
	freed = image_store_sweep_layers(store, NULL, &gone);
	freed += sweep_blobs(store);
	pthread_mutex_unlock(&store->lock);
	image_store_remove_gone(store, &gone);
	r = fs_remove_tree(store->rootfd, "lost");
	if (r < 0)
		return err_sys(err, -r, "remove '%s/lost'", store->root);
	if (ret_freed)
		*ret_freed = freed;
	return 0;
}
