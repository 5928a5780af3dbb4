/*
 * private.h - what the files of volume/ share
 */
#pragma once

#include <pthread.h>

#include "codec/filters.h"
#include "codec/json.h"
#include "volume/volume.h"

struct volume {
	char *name;
	int64_t created_ns;
	json_t *options, *labels; /* objects, or NULL: none were given */
	bool anonymous;
	struct strv users;  /* containers that refer to it */
	struct strv mounts; /* running containers that have it mounted */
	bool busy;	    /* being removed or filled */
};

struct volume_store {
	pthread_mutex_t lock;
	pthread_cond_t idle; /* a volume is not busy any more */
	char *root;
	int dirfd;
	struct map volumes; /* by name */
};

/* store.c */
void volume_free(struct volume *vol);
struct volume *volstore_find(struct volume_store *store, const char *name); /* under lock */
struct volume *store_need(struct volume_store *store, const char *name, struct err *err);
/* A new name for a hidden entry of the store: ".new-HEX", ".gone-HEX". */
void hidden_name(char ret[32], const char *prefix);
char *volume_data_path(const struct volume_store *store, const char *name); /* absolute, caller frees */
int store_drop(struct volume_store *store, struct volume *vol, struct err *err); /* under lock */

/* mount.c */
int options_check(const char *name, const json_t *options, struct err *err) MUST_USE;
bool options_mount(const json_t *options); /* they ask for a mount */
int data_mount(const struct volume *vol, const char *path, struct err *err) MUST_USE;
int data_unmount(const char *path, struct err *err) MUST_USE;
bool is_mounted(const char *path);

/* copy.c: what is below src into dst, and src's own owner, mode and xattrs. 0 or -errno. */
int copy_tree(int src, int dst) MUST_USE;
/* Bytes that the files below take. */
uint64_t tree_size(int dirfd, const char *name);

/* view.c */
int volume_filters_from(const json_t *spec, struct filters *ret, struct err *err) MUST_USE;
json_t *volume_json(const struct volume_store *store, const struct volume *vol);
void volume_labels_map(const struct volume *vol, struct map *ret);
