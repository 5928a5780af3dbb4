/*
 * store-priv.h - inside the image store
 */
#pragma once

#include <pthread.h>

#include "image/image.h"
#include "record/record.h"

struct layer {
	char chain[IMAGE_ID_SIZE];
	char diff[IMAGE_ID_SIZE];
	char *parent; /* chain or NULL */
	char *dir;    /* name below layers/ */
	int64_t size;
	bool exact; /* its map gives the tar again */
	bool marked;
};

struct entry { /* an image */
	char id[IMAGE_ID_SIZE];
	char *parent, *chain, *manifest;
	int64_t created_ns, size, tagged_ns;
	struct image *snapshot; /* NULL: not built, or names changed since */
};

struct image_store {
	char *root, *libexec;
	struct record_db *db;
	int rootfd, tmpfd, layersfd, contentfd, imagesfd;
	pthread_mutex_t lock; /* all below; never held while a callback or a helper runs */
	struct map images;    /* id -> struct entry */
	struct map names;     /* full reference -> id */
	struct map layers;    /* chain -> struct layer */
	struct map pins;      /* holder -> chain */
	struct map fresh;     /* chains and digests put but not used by an image yet */
	image_used_fn *used;
	void *used_ctx;
};

/* All of these want the lock held. */
struct entry *image_store_find(struct image_store *store, const char *name, struct err *err);
struct image *image_store_snapshot(struct image_store *store, struct entry *e,
				   const struct strv *patterns,
				   struct err *err); /* a new reference; patterns NULL: cached */
void image_store_forget_snapshot(struct entry *e);
bool image_store_has_children(struct image_store *store, const char *id);
void image_store_names_of(struct image_store *store, const char *id,
			  struct strv *ret); /* full, sorted */
int image_store_chain_dirs(struct image_store *store, const char *chain, struct strv *ret,
			   struct err *err);
/* The small copy of an image's record, from which a lost database is made again. */
void image_store_write_copy(struct image_store *store, const struct entry *e);
int image_store_set_name(struct image_store *store, const char *full, struct entry *e, int64_t now,
			 struct err *err); /* in a transaction */
void image_layer_record_free(void *layer);
void image_entry_free(void *entry);

/* ---- loading (store-load.c): at open, no lock needed ---- */
int image_store_load(struct image_store *store, struct err *err);
int image_store_insert_layer(struct image_store *store, const struct layer *l, struct err *err);
int image_store_insert_image(struct image_store *store, const struct entry *e, struct err *err);

/* ---- layers and blobs (layer.c, blob.c, gc.c) ---- */
/* Lock held. The directories in ret_gone are renamed, to be deleted without the lock. */
int64_t image_store_sweep_layers(struct image_store *store, struct strv *ret_chains,
				 struct strv *ret_gone);
void image_store_remove_gone(struct image_store *store, const struct strv *gone);
int image_store_remove_blob(struct image_store *store, const char *digest);
const char *image_digest_hex(const char *digest); /* after "sha256:", checked; NULL if it is none */
