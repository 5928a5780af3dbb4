/*
 * save.c - images into one archive that is docker's and an OCI layout at once
 *
 * blobs/sha256/..., index.json, manifest.json, oci-layout, repositories. An image that came with a
 * manifest keeps it and its compressed layers, so that its digests stay; else the layers are not
 * compressed and a manifest is made.
 *
 * (1) The same images give the same bytes; each blob is in the archive once.
 */
#include <errno.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "codec/json.h"
#include "codec/tar.h"
#include "transfer/transfer-priv.h"

#define MEDIA_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_INDEX    "application/vnd.oci.image.index.v1+json"
#define MEDIA_CONFIG   "application/vnd.oci.image.config.v1+json"
#define MEDIA_LAYER    "application/vnd.oci.image.layer.v1.tar"
#define MANIFEST_MAX   (4 * 1024 * 1024)
#define COPY_SIZE      (256 * 1024)

struct saved {
	struct image *img;
	struct strv tags; /* full references to name it by */
	char *manifest;	  /* text */
	char digest[IMAGE_ID_SIZE];
	struct strv layers; /* digests, bottom first, as in the manifest */
	struct strv chains; /* bottom first */
};

struct save {
	struct image_store *store;
	struct saved *v;
	size_t n;
	int fd;
	struct map written; /* digests */
	struct err *err;
};

static void save_done(struct save *s)
{
	for (size_t i = 0; i < s->n; i++) {
		image_unref(s->v[i].img);
		strv_done(&s->v[i].tags);
		strv_done(&s->v[i].layers);
		strv_done(&s->v[i].chains);
		free(s->v[i].manifest);
	}
	free(s->v);
	map_done(&s->written);
}

/* ---- what to save ---- */

static struct saved *entry_of(struct save *s, struct image *img)
{
	for (size_t i = 0; i < s->n; i++)
		if (streq(s->v[i].img->id, img->id))
			return &s->v[i];
	s->v = xrealloc(s->v, (s->n + 1) * sizeof(*s->v));
	s->v[s->n] = (struct saved){.img = image_ref(img)};
	return &s->v[s->n++];
}

static void add_tag(struct saved *e, const char *full)
{
	if (!strv_has(&e->tags, full))
		strv_add(&e->tags, full);
}

/* A repository without a tag means all its tags, as for docker. */
static int add_repository(struct save *s, const struct reference *ref, bool *ret_found)
{
	struct image_filter f = {.dangling = -1, .all = true};
	AUTO(free) char *repo = reference_name(ref);
	struct image_list l = {0};

	if (image_list(s->store, &f, &l, s->err) < 0)
		return -1;
	*ret_found = false;
	for (size_t i = 0; i < l.n; i++)
		strv_for_each (tag, &l.v[i]->repo_tags) {
			AUTO(reference) struct reference other = {0};
			AUTO(free) char *name = NULL;
			AUTO(free) char *full = NULL;

			if (reference_parse(tag, &other, NULL) < 0)
				continue;
			name = reference_name(&other);
			full = reference_full(&other);
			if (!streq(name, repo))
				continue;
			add_tag(entry_of(s, l.v[i]), full);
			*ret_found = true;
		}
	image_list_done(&l);
	return 0;
}

static int add_name(struct save *s, const char *name)
{
	AUTO(reference) struct reference ref = {0};
	AUTO(image) struct image *img = NULL;
	bool parsed = reference_parse(name, &ref, NULL) == 0, found;

	if (parsed && !ref.tag && !ref.digest) {
		if (add_repository(s, &ref, &found) < 0)
			return -1;
		if (found)
			return 0;
	}
	if (image_get(s->store, name, &img, s->err) < 0)
		return -1;
	{
		struct saved *e = entry_of(s, img);
		AUTO(free) char *familiar = parsed ? reference_familiar(&ref) : NULL;

		if (familiar && ref.tag && strv_has(&img->repo_tags, familiar)) {
			AUTO(free) char *full = reference_full(&ref);

			add_tag(e, full);
		}
	}
	return 0;
}

/* ---- manifests ---- */

static json_t *descriptor(const char *media, const char *digest, int64_t size)
{
	return json_pack("{sssssI}", "mediaType", media, "digest", digest, "size",
			 (json_int_t)size);
}

static void fill_chains(struct saved *e)
{
	char chain[IMAGE_ID_SIZE] = "";

	strv_for_each (diff, &e->img->diff_ids) {
		image_chain(chain, *chain ? chain : NULL, diff);
		strv_add(&e->chains, chain);
	}
}

/* The manifest it came with, if all that it names can be given. */
static int kept_manifest(struct save *s, struct saved *e, bool *ret_whole)
{
	AUTO(close) int fd = -1;
	AUTO(buf) struct buf b = {0};
	AUTO(json) json_t *doc = NULL;
	json_t *item;
	size_t i;

	*ret_whole = false;
	if (!e->img->manifest || !image_blob_have(s->store, e->img->manifest))
		return 0;
	fd = image_blob_open(s->store, e->img->manifest, s->err);
	if (fd < 0)
		return -1;
	if (fs_read_fd(fd, MANIFEST_MAX, &b) < 0)
		return err_set(s->err, ERR_CORRUPT, "manifest %s cannot be read", e->img->manifest);
	doc = json_parse(b.p, b.len, NULL);
	json_array_foreach(json_object_get(doc, "layers"), i, item)
	{
		const char *digest = json_get_str(item, "digest", "");

		if (i >= e->img->diff_ids.n ||
		    (!streq(digest, e->img->diff_ids.v[i]) && !image_blob_have(s->store, digest)))
			return 0;
	}
	if (json_array_size(json_object_get(doc, "layers")) != e->img->diff_ids.n)
		return 0;
	json_array_foreach(json_object_get(doc, "layers"), i, item)
		strv_add(&e->layers, json_get_str(item, "digest", ""));
	snprintf(e->digest, sizeof(e->digest), "%s", e->img->manifest);
	e->manifest = buf_take(&b);
	*ret_whole = true;
	return 0;
}

static int make_manifest(struct save *s, struct saved *e)
{
	AUTO(json) json_t *doc = json_object();
	json_t *layers = json_array();
	bool whole;

	fill_chains(e);
	json_object_set_new(doc, "schemaVersion", json_integer(2));
	json_object_set_new(doc, "mediaType", json_string(MEDIA_MANIFEST));
	json_object_set_new(doc, "config",
			    descriptor(MEDIA_CONFIG, e->img->id, (int64_t)e->img->raw_size));
	json_object_set_new(doc, "layers", layers);
	if (kept_manifest(s, e, &whole) < 0)
		return -1;
	if (whole)
		return 0;
	for (size_t i = 0; i < e->chains.n; i++) {
		int64_t size;

		if (image_layer_tar_size(s->store, e->chains.v[i], &size, s->err) < 0)
			return -1;
		strv_add(&e->layers, e->img->diff_ids.v[i]);
		json_array_append_new(layers, descriptor(MEDIA_LAYER, e->img->diff_ids.v[i], size));
	}
	e->manifest = json_text(doc, 0);
	image_digest(e->digest, e->manifest, strlen(e->manifest));
	return 0;
}

/* ---- writing ---- */

static int put_bytes(struct save *s, const void *p, size_t n)
{
	int r = fs_write_full(s->fd, p, n);

	if (r == -EPIPE || r == -ECONNRESET)
		return err_set(s->err, ERR_CANCELLED, "the reader went away");
	return r < 0 ? err_sys(s->err, -r, "write the archive") : 0;
}

static int put_header(struct save *s, enum tar_type type, const char *name, int64_t size)
{
	AUTO(buf) struct buf b = {0};
	struct tar_entry e = {.type = type,
			      .name = (char *)name,
			      .size = size,
			      .mode = type == TAR_DIR ? 0755 : 0644};

	tar_put_header(&b, &e);
	return put_bytes(s, b.p, b.len);
}

static int put_padding(struct save *s, int64_t size)
{
	static const char zeros[TAR_BLOCK];

	return put_bytes(s, zeros, tar_padding(size));
}

static int put_file(struct save *s, const char *name, const void *data, size_t n)
{
	if (put_header(s, TAR_FILE, name, (int64_t)n) < 0 || put_bytes(s, data, n) < 0)
		return -1;
	return put_padding(s, (int64_t)n);
}

/* True: it is to be written now, under this name (caller frees). */
static bool blob_is_new(struct save *s, const char *digest, char **ret_name)
{
	if (map_has(&s->written, digest))
		return false;
	map_set(&s->written, digest, s);
	*ret_name = xasprintf("blobs/sha256/%s", digest + strlen("sha256:"));
	return true;
}

static int put_blob_data(struct save *s, const char *digest, const void *data, size_t n)
{
	AUTO(free) char *name = NULL;

	return blob_is_new(s, digest, &name) ? put_file(s, name, data, n) : 0;
}

static int put_blob_file(struct save *s, const char *name, const char *digest)
{
	AUTO(close) int fd = image_blob_open(s->store, digest, s->err);
	AUTO(free) char *buf = xmalloc(COPY_SIZE);
	int64_t left;
	struct stat st;

	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		return err_sys(s->err, errno, "read blob %s", digest);
	if (put_header(s, TAR_FILE, name, st.st_size) < 0)
		return -1;
	for (left = st.st_size; left > 0;) {
		ssize_t n = fs_read_full(fd, buf, left < COPY_SIZE ? (size_t)left : COPY_SIZE);

		if (n <= 0)
			return err_set(s->err, ERR_CORRUPT, "blob %s is cut off", digest);
		if (put_bytes(s, buf, (size_t)n) < 0)
			return -1;
		left -= n;
	}
	return put_padding(s, st.st_size);
}

static int put_layer(struct save *s, const struct saved *e, size_t i)
{
	const char *digest = e->layers.v[i];
	AUTO(free) char *name = NULL;
	int64_t size;

	if (!blob_is_new(s, digest, &name))
		return 0;
	if (image_blob_have(s->store, digest))
		return put_blob_file(s, name, digest);
	if (image_layer_tar_size(s->store, e->chains.v[i], &size, s->err) < 0 ||
	    put_header(s, TAR_FILE, name, size) < 0 ||
	    image_layer_tar(s->store, e->chains.v[i], s->fd, s->err) < 0)
		return -1;
	return put_padding(s, size);
}

static int put_image(struct save *s, const struct saved *e)
{
	if (put_blob_data(s, e->img->id, e->img->raw, e->img->raw_size) < 0)
		return -1;
	for (size_t i = 0; i < e->layers.n; i++)
		if (put_layer(s, e, i) < 0)
			return -1;
	return put_blob_data(s, e->digest, e->manifest, strlen(e->manifest));
}

static json_t *index_entry(const struct saved *e, const char *full)
{
	json_t *d = descriptor(MEDIA_MANIFEST, e->digest, (int64_t)strlen(e->manifest));
	AUTO(json) json_t *doc = json_parse(e->manifest, strlen(e->manifest), NULL);
	AUTO(reference) struct reference ref = {0};

	json_object_set_new(d, "mediaType",
			    json_string(json_get_str(doc, "mediaType", MEDIA_MANIFEST)));
	if (full && reference_parse(full, &ref, NULL) == 0)
		json_object_set_new(d, "annotations",
				    json_pack("{ssss}", "io.containerd.image.name", full,
					      "org.opencontainers.image.ref.name",
					      str_or(ref.tag)));
	return d;
}

static int put_json(struct save *s, const char *name, const json_t *value)
{
	AUTO(free) char *text = json_text(value, 0);

	return put_file(s, name, text, strlen(text));
}

static int put_index(struct save *s)
{
	AUTO(json) json_t *index = json_object();
	json_t *manifests = json_array();

	json_object_set_new(index, "schemaVersion", json_integer(2));
	json_object_set_new(index, "mediaType", json_string(MEDIA_INDEX));
	json_object_set_new(index, "manifests", manifests);
	for (size_t i = 0; i < s->n; i++) {
		strv_for_each (full, &s->v[i].tags)
			json_array_append_new(manifests, index_entry(&s->v[i], full));
		if (s->v[i].tags.n == 0)
			json_array_append_new(manifests, index_entry(&s->v[i], NULL));
	}
	return put_json(s, "index.json", index);
}

static json_t *manifest_entry(const struct saved *e)
{
	json_t *tags = e->tags.n ? json_array() : json_null(), *layers = json_array();
	json_t *o = json_object();
	AUTO(free) char *config = xasprintf("blobs/sha256/%s", e->img->id + 7);

	strv_for_each (full, &e->tags) {
		AUTO(reference) struct reference ref = {0};
		AUTO(free) char *shown = NULL;

		if (reference_parse(full, &ref, NULL) < 0)
			continue;
		shown = reference_familiar(&ref);
		json_array_append_new(tags, json_string(shown));
	}
	strv_for_each (digest, &e->layers) {
		AUTO(free) char *path = xasprintf("blobs/sha256/%s", digest + 7);

		json_array_append_new(layers, json_string(path));
	}
	json_object_set_new(o, "Config", json_string(config));
	json_object_set_new(o, "RepoTags", tags);
	json_object_set_new(o, "Layers", layers);
	return o;
}

/* {"busybox": {"latest": "<top layer>"}}, which old programs look for */
static json_t *repositories(const struct save *s)
{
	json_t *all = json_object();

	for (size_t i = 0; i < s->n; i++)
		strv_for_each (full, &s->v[i].tags) {
			AUTO(reference) struct reference ref = {0};
			AUTO(free) char *name = NULL;
			json_t *repo;

			if (reference_parse(full, &ref, NULL) < 0 || !s->v[i].layers.n)
				continue;
			name = reference_familiar_name(&ref);
			repo = json_object_get(all, name);
			if (!repo) {
				repo = json_object();
				json_object_set_new(all, name, repo);
			}
			json_object_set_new(
				repo, str_or(ref.tag),
				json_string(s->v[i].layers.v[s->v[i].layers.n - 1] + 7));
		}
	return all;
}

static int put_all(struct save *s)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	AUTO(json) json_t *manifests = json_array();
	AUTO(json) json_t *repos = repositories(s);
	AUTO(buf) struct buf end = {0};

	if (put_header(s, TAR_DIR, "blobs/", 0) < 0 ||
	    put_header(s, TAR_DIR, "blobs/sha256/", 0) < 0)
		return -1;
	for (size_t i = 0; i < s->n; i++) {
		if (put_image(s, &s->v[i]) < 0)
			return -1;
		json_array_append_new(manifests, manifest_entry(&s->v[i]));
	}
	if (put_index(s) < 0 || put_json(s, "manifest.json", manifests) < 0 ||
	    put_file(s, "oci-layout", layout, strlen(layout)) < 0 ||
	    (json_object_size(repos) && put_json(s, "repositories", repos) < 0))
		return -1;
	tar_put_end(&end);
	return put_bytes(s, end.p, end.len);
}

static int collect(struct save *s, const struct strv *names)
{
	if (names->n == 0)
		return err_set(s->err, ERR_INVALID, "no image names given");
	strv_for_each (name, names)
		if (add_name(s, name) < 0)
			return -1;
	for (size_t i = 0; i < s->n; i++)
		if (make_manifest(s, &s->v[i]) < 0)
			return -1;
	return 0;
}

int transfer_save(struct image_store *store, const struct strv *names, int fd, struct err *err)
{
	struct save s = {.store = store, .fd = fd, .err = err};
	int r = collect(&s, names);

	if (r == 0)
		r = put_all(&s);
	save_done(&s);
	return r;
}

int transfer_save_check(struct image_store *store, const struct strv *names, struct err *err)
{
	struct save s = {.store = store, .fd = -1, .err = err};
	int r = collect(&s, names);

	save_done(&s);
	return r;
}
