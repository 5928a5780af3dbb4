/*
 * load.h - inside `load`: the unpacked archive, and what is made of it
 */
#pragma once

#include "transfer/transfer-priv.h"

#define LOAD_JSON_MAX	(16 * 1024 * 1024)
#define LOAD_IMAGES_MAX 1000

struct load_image {
	char *config; /* the document */
	size_t config_size;
	struct image *parsed;
	char *manifest; /* the OCI manifest as it is, or NULL */
	size_t manifest_size;
	struct strv layers;  /* paths in the archive, bottom first */
	struct strv digests; /* of the files as they are, or empty: unknown */
	struct strv names;   /* full references */
};

struct load {
	struct image_store *store;
	const struct transfer_progress *progress;
	struct platform platform;
	bool platform_given;
	int dirfd; /* the archive's files */
	struct load_image *images;
	size_t n;
	struct map layers; /* chain -> struct image_layer, not committed yet */
	struct err *err;
};

/* A regular file of the archive: links in it are followed inside it. -1 with err set. */
int transfer_load_open(struct load *l, const char *path);
bool transfer_load_has(struct load *l, const char *path);
/* Its JSON, and its bytes if ret_text is not NULL. NULL with err set. */
json_t *transfer_load_json(struct load *l, const char *path, char **ret_text, size_t *ret_size);
/* A new image with this config document (moved in). NULL with err set. */
struct load_image *transfer_load_add(struct load *l, char *config, size_t size);

int transfer_load_docker(struct load *l); /* manifest.json */
int transfer_load_oci(struct load *l);	  /* index.json */
