/*
 * load.c - images from an archive
 *
 * The archive is unpacked by cove-unpack into a directory under tmp/, read there (load-formats.c),
 * and each layer goes from there through cove-fetch and cove-unpack.
 *
 * (1) Nothing is committed before every layer of every image was unpacked and has the digest that
 *     the config (and the manifest) say.
 * (2) Paths in the archive's JSON are resolved inside its directory, and only regular files read.
 */
#include "transfer/load.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/fs.h"
#include "codec/json.h"

int transfer_load_open(struct load *l, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	AUTO(close) int fd = (int)syscall(SYS_openat2, l->dirfd, path, &how, sizeof(how));
	struct stat st;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return err_set(l->err, ERR_INVALID, "invalid archive: '%.200s' is missing", path);
	if (fd < 0)
		return err_sys(l->err, errno, "read '%.200s' of the archive", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(l->err, ERR_INVALID, "invalid archive: '%.200s' is no file", path);
	return TAKE_FD(fd);
}

bool transfer_load_has(struct load *l, const char *path)
{
	return fs_exists(l->dirfd, path);
}

json_t *transfer_load_json(struct load *l, const char *path, char **ret_text, size_t *ret_size)
{
	AUTO(close) int fd = transfer_load_open(l, path);
	AUTO(buf) struct buf b = {0};
	json_t *value;
	int r;

	if (fd < 0)
		return NULL;
	r = fs_read_fd(fd, LOAD_JSON_MAX, &b);
	if (r < 0) {
		if (r == -EFBIG)
			err_set(l->err, ERR_INVALID,
				"invalid archive: '%.200s' is larger than 16 MiB", path);
		else
			err_sys(l->err, -r, "read '%.200s' of the archive", path);
		return NULL;
	}
	value = json_parse(b.p ? b.p : "", b.len, l->err);
	if (!value) {
		err_wrap(l->err, "invalid archive: '%.200s'", path);
		return NULL;
	}
	if (ret_text) {
		*ret_size = b.len;
		*ret_text = buf_take(&b);
	}
	return value;
}

struct load_image *transfer_load_add(struct load *l, char *config, size_t size)
{
	struct load_image img = {.config = config, .config_size = size};

	if (l->n >= LOAD_IMAGES_MAX) {
		free(config);
		err_set(l->err, ERR_INVALID, "invalid archive: more than %d images",
			LOAD_IMAGES_MAX);
		return NULL;
	}
	if (image_parse(config, size, &img.parsed, l->err) < 0) {
		free(config);
		return NULL;
	}
	l->images = xrealloc(l->images, (l->n + 1) * sizeof(*l->images));
	l->images[l->n] = img;
	return &l->images[l->n++];
}

static void free_layer(void *layer)
{
	image_layer_free(layer);
}

static void load_done(struct load *l)
{
	for (size_t i = 0; i < l->n; i++) {
		struct load_image *img = &l->images[i];

		free(img->config);
		free(img->manifest);
		image_unref(img->parsed);
		strv_done(&img->layers);
		strv_done(&img->digests);
		strv_done(&img->names);
	}
	free(l->images);
	map_done(&l->layers);
}

/* ---- layers ---- */

static int check_layer(struct load *l, const struct load_image *img, size_t i,
		       const struct unpack_result *result)
{
	const char *want = img->digests.n ? img->digests.v[i] : NULL;

	if (!streq(result->diff_id, img->parsed->diff_ids.v[i]))
		return err_set(l->err, ERR_INVALID,
			       "invalid archive: layer '%.200s' has diff id %s, the config says %s",
			       img->layers.v[i], result->diff_id, img->parsed->diff_ids.v[i]);
	if (want && !streq(want, result->blob_id))
		return err_set(
			l->err, ERR_INVALID,
			"invalid archive: layer '%.200s' has digest %s, the manifest says %s",
			img->layers.v[i], result->blob_id, want);
	return 0;
}

static int unpack_layer(struct load *l, const struct load_image *img, size_t i, const char *chain)
{
	AUTO(close) int fd = transfer_load_open(l, img->layers.v[i]);
	AUTO(image_layer) struct image_layer *layer = NULL;
	char short_id[13];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -1;
	image_short_id(short_id, img->parsed->diff_ids.v[i]);
	if (transfer_progress_report(l->progress, "Loading layer", short_id, 0, st.st_size,
				     l->err) < 0)
		return -1;
	if (image_layer_unpack(l->store, fd, 0, &layer, l->err) < 0)
		return err_wrap(l->err, "layer '%.200s'", img->layers.v[i]);
	if (check_layer(l, img, i, &layer->result) < 0 ||
	    transfer_progress_report(l->progress, "Loading layer", short_id, st.st_size, st.st_size,
				     l->err) < 0)
		return -1;
	map_set(&l->layers, chain, TAKE_PTR(layer));
	return 0;
}

static int unpack_image(struct load *l, struct load_image *img)
{
	char chain[IMAGE_ID_SIZE] = "";

	if (img->layers.n != img->parsed->diff_ids.n)
		return err_set(l->err, ERR_INVALID,
			       "invalid archive: %zu layers, but the config names %zu",
			       img->layers.n, img->parsed->diff_ids.n);
	for (size_t i = 0; i < img->layers.n; i++) {
		char *existing;

		image_chain(chain, *chain ? chain : NULL, img->parsed->diff_ids.v[i]);
		if (map_has(&l->layers, chain))
			continue;
		if (image_layer_find(l->store, NULL, chain, &existing)) { /* the chain id itself */
			free(existing);
			continue;
		}
		if (unpack_layer(l, img, i, chain) < 0)
			return -1;
	}
	return 0;
}

/* ---- committing, after (1) ---- */

static int keep_blob(struct load *l, const struct load_image *img, size_t i)
{
	const char *digest = img->digests.v[i];
	AUTO(close) int fd = -1;

	if (streq(digest, img->parsed->diff_ids.v[i]) || image_blob_have(l->store, digest))
		return 0; /* not compressed: the layer gives it again */
	/* the digest of a layer that was there already was not seen yet */
	fd = transfer_load_open(l, img->layers.v[i]);
	if (fd < 0)
		return -1;
	return image_blob_copy(l->store, digest, fd, l->err);
}

static int commit_layers(struct load *l, struct load_image *img)
{
	char *chain = NULL;

	for (size_t i = 0; i < img->layers.n; i++) {
		char id[IMAGE_ID_SIZE];
		struct image_layer *layer;
		char *next = NULL;

		image_chain(id, chain, img->parsed->diff_ids.v[i]);
		layer = map_get(&l->layers, id);
		if (layer && !layer->done) {
			if (image_layer_commit(layer, chain, &next, l->err) < 0) {
				free(chain);
				return -1;
			}
		} else if (!image_layer_find(l->store, chain, img->parsed->diff_ids.v[i], &next)) {
			free(chain);
			return err_set(l->err, ERR_CONFLICT,
				       "a layer was removed meanwhile: try again");
		}
		free(chain);
		chain = next;
	}
	free(chain);
	return 0;
}

static int commit_image(struct load *l, struct load_image *img, struct transfer_loaded *ret)
{
	struct image_create create = {
		.config = img->config, .config_size = img->config_size, .names = &img->names};
	char id[IMAGE_ID_SIZE], manifest[IMAGE_ID_SIZE];

	if (commit_layers(l, img) < 0)
		return -1;
	if (img->manifest) {
		for (size_t i = 0; i < img->digests.n; i++)
			if (keep_blob(l, img, i) < 0)
				return -1;
		if (image_blob_put_data(l->store, img->manifest, img->manifest_size, manifest,
					l->err) < 0)
			return -1;
		create.manifest = manifest;
	}
	if (image_create(l->store, &create, id, l->err) < 0)
		return -1;
	strv_for_each (name, &img->names) {
		AUTO(reference) struct reference ref = {0};

		if (reference_parse(name, &ref, NULL) == 0)
			strv_take(&ret->names, reference_familiar(&ref));
	}
	if (img->names.n == 0)
		strv_add(&ret->ids, id);
	return 0;
}

/* A name that another image has moves on; docker says so. */
static int tell_renames(struct load *l, const struct load_image *img)
{
	strv_for_each (name, &img->names) {
		AUTO(image) struct image *old = NULL;
		AUTO(free) char *text = NULL;
		AUTO(reference) struct reference ref = {0};
		AUTO(free) char *shown = NULL;

		if (image_get(l->store, name, &old, NULL) < 0 || streq(old->id, img->parsed->id) ||
		    reference_parse(name, &ref, NULL) < 0)
			continue;
		shown = reference_familiar(&ref);
		text = xasprintf(
			"The image %s already exists, renaming the old one with ID %s to empty "
			"string",
			shown, old->id);
		if (transfer_progress_report(l->progress, text, NULL, 0, 0, l->err) < 0)
			return -1;
	}
	return 0;
}

static int run(struct load *l, struct transfer_loaded *ret)
{
	int r;

	if (transfer_load_has(l, "manifest.json"))
		r = transfer_load_docker(l);
	else if (transfer_load_has(l, "index.json"))
		r = transfer_load_oci(l);
	else
		r = err_set(l->err, ERR_INVALID,
			    "invalid archive: does not contain a manifest.json or "
			    "an index.json");
	if (r < 0)
		return -1;
	for (size_t i = 0; i < l->n; i++) /* (1) */
		if (unpack_image(l, &l->images[i]) < 0)
			return -1;
	for (size_t i = 0; i < l->n; i++)
		if (tell_renames(l, &l->images[i]) < 0 || commit_image(l, &l->images[i], ret) < 0)
			return -1;
	return 0;
}

static int load_unpacked(struct load *l, int fd, const char *name, struct transfer_loaded *ret)
{
	struct unpack_result result;
	int r = mkdirat(image_store_tmp(l->store), name, 0700) < 0 ? -errno : 0;

	if (r == 0)
		r = l->dirfd = fs_open_dir(image_store_tmp(l->store), name);
	if (r < 0)
		return err_sys(l->err, -r, "make a directory for the archive");
	r = unpack_stream(image_store_libexec(l->store), fd, l->dirfd, -1, UNPACK_ARCHIVE, &result,
			  l->err);
	if (r == 0)
		r = run(l, ret);
	close(l->dirfd);
	return r;
}

int transfer_load(struct image_store *store, int fd, const char *platform,
		  const struct transfer_progress *progress, struct transfer_loaded *ret,
		  struct err *err)
{
	struct transfer_loaded loaded = {0};
	struct err local = ERR_INIT;
	struct load l = {.store = store,
			 .progress = progress,
			 .dirfd = -1,
			 .platform_given = platform && *platform,
			 .err = err ? err : &local};
	char name[] = "load-0123456789abcdef";
	int r;

	l.layers.free_value = free_layer;
	if (transfer_platform_parse(platform, &l.platform, err) < 0)
		return -1;
	random_hex(name + 5, 16);
	r = load_unpacked(&l, fd, name, &loaded);
	load_done(&l);
	ignore_result(fs_remove_tree(image_store_tmp(store), name)); /* swept at start */
	if (r < 0)
		transfer_loaded_done(&loaded);
	else
		*ret = loaded;
	return r;
}

void transfer_loaded_done(struct transfer_loaded *l)
{
	strv_done(&l->names);
	strv_done(&l->ids);
	*l = (struct transfer_loaded){0};
}
