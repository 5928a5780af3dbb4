/*
 * load-formats.c - the two kinds of archives: docker's manifest.json, OCI's index.json
 *
 * docker-archive: [{"Config": path, "RepoTags": [..], "Layers": [paths]}].
 * OCI layout: https://github.com/opencontainers/image-spec image-layout.md; docker's media types
 * are taken as well. Of an index the manifest that fits the platform best is taken.
 */
#include "base/fs.h"
#include "codec/json.h"
#include "transfer/load.h"

#define INDEX_DEPTH_MAX 4

static int add_name(struct load *l, struct load_image *img, const char *name)
{
	AUTO(reference) struct reference ref = {0};

	if (reference_parse(name, &ref, l->err) < 0)
		return err_wrap(l->err, "invalid archive: name '%.200s'", name);
	reference_default_tag(&ref);
	if (ref.digest) {
		free(ref.tag);
		ref.tag = NULL;
	}
	strv_take(&img->names, reference_full(&ref));
	return 0;
}

static int docker_image(struct load *l, const json_t *item)
{
	const char *path = json_get_str(item, "Config", "");
	json_t *tags = json_object_get(item, "RepoTags"), *layers = json_object_get(item, "Layers"),
	       *s;
	AUTO(json) json_t *config = NULL;
	struct load_image *img;
	char *text = NULL;
	size_t size = 0, i;

	if (!*path || !json_is_array(layers))
		return err_set(l->err, ERR_INVALID,
			       "invalid archive: manifest.json names no config or "
			       "layers");
	config = transfer_load_json(l, path, &text, &size);
	if (!config)
		return -1;
	img = transfer_load_add(l, text, size);
	if (!img)
		return err_wrap(l->err, "invalid archive: '%.200s'", path);
	json_array_foreach(layers, i, s)
	{
		if (!json_is_string(s))
			return err_set(l->err, ERR_INVALID,
				       "invalid archive: a layer is no string");
		strv_add(&img->layers, json_string_value(s));
	}
	json_array_foreach(tags, i, s) if (json_is_string(s) &&
					   add_name(l, img, json_string_value(s)) < 0) return -1;
	return 0;
}

int transfer_load_docker(struct load *l)
{
	AUTO(json) json_t *doc = transfer_load_json(l, "manifest.json", NULL, NULL);
	json_t *item;
	size_t i;

	if (!doc)
		return -1;
	if (!json_is_array(doc) || json_array_size(doc) == 0)
		return err_set(l->err, ERR_INVALID,
			       "invalid archive: manifest.json names no image");
	json_array_foreach(doc, i, item) if (docker_image(l, item) < 0) return -1;
	return 0;
}

/* ---- OCI ---- */

static char *blob_path(const char *digest)
{
	return reference_is_digest(digest) ? xasprintf("blobs/sha256/%s", digest + 7) : NULL;
}

/* A blob that is JSON, checked against its digest. */
static json_t *blob_json(struct load *l, const json_t *descriptor, char **ret_text,
			 size_t *ret_size)
{
	const char *digest = json_get_str(descriptor, "digest", "");
	AUTO(free) char *path = blob_path(digest);
	char actual[IMAGE_ID_SIZE];
	json_t *value;

	if (!path) {
		err_set(l->err, ERR_INVALID, "invalid archive: bad digest '%.100s'", digest);
		return NULL;
	}
	value = transfer_load_json(l, path, ret_text, ret_size);
	if (!value)
		return NULL;
	image_digest(actual, *ret_text, *ret_size);
	if (streq(actual, digest))
		return value;
	err_set(l->err, ERR_INVALID, "invalid archive: blob %s has digest %s", digest, actual);
	json_decref(value);
	free(*ret_text);
	*ret_text = NULL;
	return NULL;
}

static const char *annotation(const json_t *descriptor, const char *key)
{
	return json_get_str(json_object_get(descriptor, "annotations"), key, NULL);
}

static int name_image(struct load *l, struct load_image *img, const json_t *descriptor)
{
	const char *name = annotation(descriptor, "io.containerd.image.name");

	if (!name) {
		name = annotation(descriptor, "org.opencontainers.image.ref.name");
		/* a tag alone names nothing */
		if (!name || !strpbrk(name, ":/"))
			return 0;
	}
	return add_name(l, img, name);
}

static int oci_layers(struct load *l, struct load_image *img, const json_t *manifest)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(manifest, "layers"), i, item)
	{
		const char *digest = json_get_str(item, "digest", "");
		char *path = blob_path(digest);

		if (!path)
			return err_set(l->err, ERR_INVALID, "invalid archive: bad digest '%.100s'",
				       digest);
		if (strstr(json_get_str(item, "mediaType", ""), "encrypted")) {
			free(path);
			return err_set(l->err, ERR_UNSUPPORTED,
				       "encrypted layers are not supported");
		}
		strv_take(&img->layers, path);
		strv_add(&img->digests, digest);
	}
	return 0;
}

/* The same image under one more name? */
static bool add_to_known(struct load *l, const char *text, size_t size, const json_t *descriptor)
{
	for (size_t i = 0; i < l->n; i++) {
		struct load_image *img = &l->images[i];

		if (img->manifest_size == size && memcmp(img->manifest, text, size) == 0)
			return name_image(l, img, descriptor) == 0;
	}
	return false;
}

static int oci_manifest(struct load *l, const json_t *descriptor, const json_t *manifest,
			char **text, size_t size)
{
	AUTO(json) json_t *config = NULL;
	struct load_image *img;
	char *config_text = NULL;
	size_t config_size = 0;

	if (add_to_known(l, *text, size, descriptor))
		return 0;
	config = blob_json(l, json_object_get(manifest, "config"), &config_text, &config_size);
	if (!config)
		return -1;
	img = transfer_load_add(l, config_text, config_size);
	if (!img)
		return -1;
	img->manifest = TAKE_PTR(*text);
	img->manifest_size = size;
	return oci_layers(l, img, manifest) < 0 ? -1 : name_image(l, img, descriptor);
}

static bool is_attestation(const json_t *descriptor)
{
	return annotation(descriptor, "vnd.docker.reference.type") != NULL;
}

/* The manifest of an index that fits; NULL: none. */
static const json_t *choose(struct load *l, const json_t *index)
{
	const json_t *best = NULL;
	json_t *item;
	int best_score = 0;
	size_t i;

	json_array_foreach(json_object_get(index, "manifests"), i, item)
	{
		const json_t *p = json_object_get(item, "platform");
		int score = p ? transfer_platform_match(&l->platform, json_get_str(p, "os", ""),
							json_get_str(p, "architecture", ""),
							json_get_str(p, "variant", ""))
			      : 1;

		if (is_attestation(item) || score <= best_score)
			continue;
		best = item;
		best_score = score;
	}
	return best;
}

static int oci_descriptor(struct load *l, const json_t *named, const json_t *descriptor, int depth)
{
	AUTO(json) json_t *doc = NULL;
	AUTO(free) char *text = NULL;
	const json_t *chosen;
	size_t size = 0;

	if (depth > INDEX_DEPTH_MAX)
		return err_set(l->err, ERR_INVALID,
			       "invalid archive: indexes too deep in each other");
	doc = blob_json(l, descriptor, &text, &size);
	if (!doc)
		return -1;
	if (json_is_object(json_object_get(doc, "config")))
		return oci_manifest(l, named, doc, &text, size);
	if (!json_is_array(json_object_get(doc, "manifests")))
		return err_set(l->err, ERR_INVALID,
			       "invalid archive: neither a manifest nor an index");
	chosen = choose(l, doc);
	if (!chosen)
		return err_set(l->err, ERR_NOT_FOUND,
			       "no matching manifest for %s/%s%s%s in the manifest list entries",
			       l->platform.os, l->platform.architecture,
			       l->platform.variant[0] ? "/" : "", l->platform.variant);
	return oci_descriptor(l, named, chosen, depth + 1);
}

/* Several manifests without a name, each with a platform: an index in itself. */
static bool is_choice(const json_t *manifests)
{
	json_t *item;
	size_t i;

	json_array_foreach(
		manifests, i,
		item) if (!json_is_object(json_object_get(item, "platform")) ||
			  annotation(item, "io.containerd.image.name") ||
			  annotation(item, "org.opencontainers.image.ref.name")) return false;
	return json_array_size(manifests) > 1;
}

int transfer_load_oci(struct load *l)
{
	AUTO(json) json_t *index = transfer_load_json(l, "index.json", NULL, NULL);
	json_t *manifests = json_object_get(index, "manifests"), *item;
	size_t i;

	if (!index)
		return -1;
	if (!json_is_array(manifests) || json_array_size(manifests) == 0)
		return err_set(l->err, ERR_INVALID, "invalid archive: index.json names no image");
	if (is_choice(manifests)) {
		const json_t *chosen = choose(l, index);

		if (chosen)
			return oci_descriptor(l, chosen, chosen, 0);
	}
	json_array_foreach(manifests, i, item) if (!is_attestation(item) &&
						   oci_descriptor(l, item, item, 0) < 0) return -1;
	return 0;
}
