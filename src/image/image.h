/*
 * image.h - the store of images: content, layers, names, and who uses what
 *
 * Everything may be called from any thread and may block on the disk (use a worker). What is
 * handed out (struct image) is an immutable snapshot with a reference count.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/str.h"
#include "codec/reference.h"

struct image_store;
struct record_db;

#define IMAGE_ID_SIZE	 72 /* "sha256:", 64 digits, terminator */
#define IMAGE_CONFIG_MAX (8 * 1024 * 1024)
#define IMAGE_LAYERS_MAX 500

/* ---- what an image is ---- */

struct image_health {
	struct strv test; /* empty: inherit; "NONE"; "CMD", ...; "CMD-SHELL", ... */
	int64_t interval, timeout, start_period, start_interval; /* ns; 0: default */
	int retries;
};

/* The "config" object of the image's JSON. Absent strings are NULL, absent lists are empty. */
struct image_config {
	struct strv env, cmd, entrypoint, shell, onbuild;
	struct strv exposed_ports; /* "80/tcp", sorted */
	struct strv volumes;	   /* sorted */
	struct map labels;	   /* string to string, sorted */
	char *working_dir, *user, *stop_signal;
	int stop_timeout; /* seconds, -1: not set */
	bool args_escaped;
	bool has_health;
	struct image_health health;
};

struct image_history {
	char *created; /* as written; may be NULL */
	char *created_by, *comment, *author;
	bool empty_layer;
	int64_t size; /* of its layer, 0 if empty */
};

struct image {
	char id[IMAGE_ID_SIZE];
	char *parent;		  /* id or NULL */
	struct strv repo_tags;	  /* familiar, sorted: "nginx:latest" */
	struct strv repo_digests; /* familiar: "nginx@sha256:..." */
	char *created;		  /* RFC 3339 as in the config; may be NULL */
	int64_t created_ns;
	int64_t size;	   /* of all layers */
	int64_t tagged_ns; /* last time it got a name; 0 never */
	char *os, *architecture, *variant, *author, *comment, *docker_version;
	struct image_config config;
	struct strv diff_ids;	       /* bottom first */
	char *chain_id;		       /* of the top layer; NULL: no layers */
	struct strv layers;	       /* absolute directories for overlay, TOP FIRST */
	struct image_history *history; /* oldest first */
	size_t nhistory;
	char *raw; /* the config document as stored; its SHA-256 is the id */
	size_t raw_size;
	char *manifest; /* digest of the manifest it came with, or NULL */
	int refs;	/* private */
};

struct image *image_ref(struct image *img);
void image_unref(struct image *img); /* NULL is fine */
DEFINE_AUTO_PTR(image, struct image, image_unref)

/* Parses a config document into a new image without names and layers. ERR_INVALID. Pure. */
int image_parse(const void *json, size_t n, struct image **ret, struct err *err) MUST_USE;

/* ---- the store ---- */

/*
 * data_root: absolute. libexec_dir: where cove-unpack and cove-fetch are. db is borrowed and
 * outlives the store. Sweeps tmp/ and .gone-*; moves unrecorded layers to lost/. Layers that no
 * image uses stay until image_gc(), so that containers can pin theirs first.
 */
int image_store_open(const char *data_root, const char *libexec_dir, struct record_db *db,
		     struct image_store **ret, struct err *err) MUST_USE;
void image_store_close(struct image_store *store); /* NULL is fine */

/*
 * Finds by docker's rules: full id, "sha256:" id, reference (":latest" implied), repo@digest, then
 * unique id prefix. ERR_NOT_FOUND "No such image: nosuch:latest"; ERR_INVALID bad or ambiguous.
 */
int image_get(struct image_store *store, const char *name, struct image **ret,
	      struct err *err) MUST_USE;

struct image_filter {
	struct strv reference;	    /* patterns, any of them */
	struct strv label;	    /* "k" or "k=v", all of them */
	struct strv label_not;	    /* "k" or "k=v", none of them */
	const char *before, *since; /* names of images or NULL */
	int64_t until_ns;	    /* created before; 0: any time */
	int dangling;		    /* -1: any; 0: named only; 1: nameless only */
	bool all;		    /* also nameless images that others have as parent */
};

struct image_list {
	struct image **v; /* newest first */
	size_t n;
};
void image_list_done(struct image_list *l);
int image_list(struct image_store *store, const struct image_filter *filter, struct image_list *ret,
	       struct err *err) MUST_USE;

/* Bytes of all layers on disk, each counted once; *ret_n: how many layers. */
int64_t image_layers_size(struct image_store *store, size_t *ret_n);
/* Bytes of img's layers that other images have too (SharedSize). */
int64_t image_shared_size(struct image_store *store, const struct image *img);

/* Adds a name (familiar or full, tag implied); takes it from the image that had it. */
int image_tag(struct image_store *store, const char *image, const char *reference,
	      struct err *err) MUST_USE;
/* The same with repository and tag apart, as the API has them (tag may be NULL or empty).
 * *ret_name: familiar, caller frees; may be NULL. */
int image_tag_parts(struct image_store *store, const char *image, const char *repo, const char *tag,
		    char **ret_name, struct err *err) MUST_USE;

/* ---- removal ---- */

/*
 * Asks who owns containers: called for an image id ("sha256:..."); true if a container uses it,
 * then fills in its id (running ones first). Called with no lock of the store held.
 */
typedef bool image_used_fn(void *ctx, const char *image_id, char ret_container[65],
			   bool *ret_running);
void image_store_set_users(struct image_store *store, image_used_fn *fn, void *ctx);

struct image_removal { /* in docker's order; exactly one is set */
	char *untagged;
	char *deleted;
};
struct image_removals {
	struct image_removal *v;
	size_t n;
	int64_t freed; /* bytes */
};
void image_removals_done(struct image_removals *r);

/* Docker's rules and texts for `rmi`; prune_parents: also nameless parents (the API's !noprune). */
int image_remove(struct image_store *store, const char *name, bool force, bool prune_parents,
		 struct image_removals *ret, struct err *err) MUST_USE;
/* `image prune`: nameless images without users, or with all: every image without a container. */
int image_prune(struct image_store *store, const struct image_filter *filter, bool all,
		struct image_removals *ret, struct err *err) MUST_USE;

/*
 * A holder (container id) keeps the layers below chain_id from removal until unpinned, whatever
 * happens to the image. In memory only: pin again for each container record after a restart
 * (store image->chain_id in the record). chain_id NULL pins nothing. One pin per holder.
 */
int image_pin(struct image_store *store, const char *holder, const char *chain_id,
	      struct err *err) MUST_USE;
void image_unpin(struct image_store *store, const char *holder);
/* The layer directories, top first, of a chain; works also after the image is gone. */
int image_chain_layers(struct image_store *store, const char *chain_id, struct strv *ret,
		       struct err *err) MUST_USE;

/* Removes layers and blobs that nothing uses, and lost/. Call after containers pinned theirs. */
int image_gc(struct image_store *store, int64_t *ret_freed, struct err *err) MUST_USE;

/* ---- for transfer/ and build/: making images ---- */

const char *image_store_root(const struct image_store *store);
const char *image_store_libexec(const struct image_store *store);
int image_store_tmp(const struct image_store *store); /* directory descriptor of tmp/, borrowed */

enum unpack_flags {
	UNPACK_LAYER = 1, /* OCI whiteouts become overlay's; layer limits */
	UNPACK_ARCHIVE =
		2, /* outer archive: only files, links, directories; owners, modes dropped */
	UNPACK_PLAIN_TAR = 4, /* the input is not compressed: no cove-fetch between */
};

struct unpack_result {
	char diff_id[IMAGE_ID_SIZE]; /* SHA-256 of the uncompressed stream */
	char blob_id[IMAGE_ID_SIZE]; /* SHA-256 of the stream as given; empty with PLAIN_TAR */
	int64_t blob_size, tar_size; /* bytes of both */
	int64_t size;		     /* of the files */
	int64_t entries;
	bool exact; /* the map gives the very same tar again */
};

/*
 * Unpacks the stream fd (borrowed, read to its end) into the directory dirfd (borrowed) by
 * cove-fetch and cove-unpack. ERR_INVALID for bad input, ERR_SYSTEM (ENOSPC...) for bad luck;
 * one clear line. Leaves what it made: the caller removes the directory. map_fd: -1, or where to
 * write what it takes to give the same tar again.
 */
int unpack_stream(const char *libexec_dir, int fd, int dirfd, int map_fd, unsigned flags,
		  struct unpack_result *ret, struct err *err) MUST_USE;

/* A layer in the making: a directory under tmp/. */
struct image_layer {
	struct image_store *store;
	char *name; /* below tmp/ */
	int dirfd;  /* of the layer: holds diff/ */
	struct unpack_result result;
	bool done;
};

/* Unpacks a layer stream. Nothing is visible until image_layer_commit(). */
int image_layer_unpack(struct image_store *store, int fd, unsigned flags, struct image_layer **ret,
		       struct err *err) MUST_USE;
/*
 * Makes it durable and visible as the layer result.diff_id on top of parent_chain (NULL: bottom);
 * a layer that exists already is shared and this one dropped. *ret_chain: caller frees.
 */
int image_layer_commit(struct image_layer *layer, const char *parent_chain, char **ret_chain,
		       struct err *err) MUST_USE;
void image_layer_free(struct image_layer *layer); /* drops what was not committed; NULL is fine */
DEFINE_AUTO_PTR(image_layer, struct image_layer, image_layer_free)

/* True if the layer diff_id on top of parent_chain exists; *ret_chain then (caller frees). */
bool image_layer_find(struct image_store *store, const char *parent_chain, const char *diff_id,
		      char **ret_chain);
/*
 * The layer's uncompressed tar again, byte for byte: its size, and into fd (checked against the
 * diff id on the way; ERR_CORRUPT at the end if it differs). ERR_UNSUPPORTED: cannot be given.
 */
int image_layer_tar_size(struct image_store *store, const char *chain, int64_t *ret,
			 struct err *err) MUST_USE;
int image_layer_tar(struct image_store *store, const char *chain, int fd, struct err *err) MUST_USE;
/* chain id of diff_id over parent (NULL: none). */
void image_chain(char ret[IMAGE_ID_SIZE], const char *parent_chain, const char *diff_id);

struct image_create {
	const char *config; /* JSON */
	size_t config_size;
	const char *parent;	  /* image id or NULL */
	const char *manifest;	  /* digest of a manifest blob put before, or NULL */
	const struct strv *names; /* references to point at it; NULL: none */
};
/*
 * Records an image whose layers are all there (rootfs.diff_ids are checked), durable on return.
 * The same config again only adds names. *ret_id: "sha256:...".
 */
int image_create(struct image_store *store, const struct image_create *c,
		 char ret_id[IMAGE_ID_SIZE], struct err *err) MUST_USE;

/*
 * Content as received. put: links the file tmp_name (under tmp/, already verified to be digest)
 * into content/; have: true if there. open: a read-only descriptor or -1.
 */
bool image_blob_have(struct image_store *store, const char *digest);
int image_blob_put(struct image_store *store, const char *digest, int dirfd, const char *name,
		   struct err *err) MUST_USE;
/* Copies fd (to its end) into content/, hashing it on the way: ERR_INVALID if it is not digest. */
int image_blob_copy(struct image_store *store, const char *digest, int fd,
		    struct err *err) MUST_USE;
int image_blob_put_data(struct image_store *store, const void *data, size_t n,
			char ret_digest[IMAGE_ID_SIZE], struct err *err) MUST_USE;
int image_blob_open(struct image_store *store, const char *digest, struct err *err) MUST_USE;

/* "sha256:<hex>" of bytes. */
void image_digest(char ret[IMAGE_ID_SIZE], const void *data, size_t n);
/* The twelve digits docker shows, from an id with or without "sha256:". */
void image_short_id(char ret[13], const char *id);

/* ---- the helpers' main() (libraries of their own, linked by their programs only) ---- */
int image_fetch_main(void);
int image_unpack_main(int argc, char **argv);
