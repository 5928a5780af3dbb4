/*
 * volume.h - named directories that outlive containers
 *
 * <root>/NAME/_data holds a volume's files, <root>/NAME/volume.json its record: there is no other
 * index, so a lost database loses no volume. Only the driver "local" exists; with type, o and
 * device options it is a mount made when the first container uses it.
 *
 * Every function may be called by any thread. Kinds are named per function; ERR_SYSTEM is
 * possible wherever an err is taken.
 */
#pragma once

#include <jansson.h>

#include "base/err.h"
#include "base/str.h"

struct volume_store;

/* root (<data-root>/volumes) is made if missing; unfinished creations and removals are cleaned up. */
int volume_store_open(const char *root, struct volume_store **ret, struct strv *ret_warnings,
		      struct err *err) MUST_USE;
void volume_store_free(struct volume_store *store); /* NULL is fine */

struct volume_create {
	const char *name;	/* NULL or "": anonymous, 64 random hex digits */
	const char *driver;	/* NULL, "" or "local" */
	const json_t *options;	/* objects of strings or NULL; copied */
	const json_t *labels;
	bool anonymous;		/* with a name chosen by us; label com.docker.volume.anonymous is added */
};

/*
 * Durable when it returns. One that exists is fine and stays as it is (as docker's). The name
 * goes to *ret_name (caller frees; may be NULL). ERR_INVALID: bad name or option; ERR_NOT_FOUND:
 * no such driver.
 */
int volume_create(struct volume_store *store, const struct volume_create *c, char **ret_name,
		  struct err *err) MUST_USE;
/* Docker's rule for names: ERR_INVALID with docker's text. */
int volume_check_name(const char *name, struct err *err) MUST_USE;
/* ERR_NOT_FOUND; ERR_CONFLICT: in use. With force a missing volume is fine. */
int volume_remove(struct volume_store *store, const char *name, bool force, struct err *err) MUST_USE;
bool volume_exists(struct volume_store *store, const char *name);
bool volume_is_anonymous(struct volume_store *store, const char *name);

/*
 * References by container, from its creation to its removal (not kept on disk: the daemon takes
 * them again when it reads its containers). Taking one twice is one. ERR_NOT_FOUND.
 */
int volume_ref(struct volume_store *store, const char *name, const char *container_id, struct err *err) MUST_USE;
void volume_unref(struct volume_store *store, const char *name, const char *container_id);
void volume_unref_all(struct volume_store *store, const char *container_id);
/* Ids of the containers that refer to it. */
void volume_users(struct volume_store *store, const char *name, struct strv *ret);

/*
 * The directory to bind into a container; the caller frees. For a volume with mount options it is
 * mounted if it is not. Balance with volume_unmount() when the container ended: the mount goes
 * with its last user. ERR_NOT_FOUND.
 */
int volume_mount(struct volume_store *store, const char *name, const char *container_id, char **ret_path,
		 struct err *err) MUST_USE;
void volume_unmount(struct volume_store *store, const char *name, const char *container_id);

/*
 * Fills an empty volume with what the image has at path (absolute, inside the root whose directory
 * is rootfd; resolved beneath it), owner and mode of the directory itself included. Does nothing if the
 * volume is not empty or the image has no directory there. Hard links, sparse holes, times, xattrs and
 * special files are kept. A failed copy leaves the volume empty.
 */
int volume_copy_up(struct volume_store *store, const char *name, int rootfd, const char *path,
		   struct err *err) MUST_USE;

/*
 * Removes unused volumes: anonymous ones, all with filter all=true; "label", "label!" too.
 * Names are appended to ret_removed; *ret_bytes is what their files took.
 */
int volume_prune(struct volume_store *store, const json_t *filters, struct strv *ret_removed,
		 uint64_t *ret_bytes, struct err *err) MUST_USE;

/* ---- views, in the Engine API's shape; the caller owns what is returned ---- */

/*
 * filters: the decoded query parameter or NULL, {"name": ["x"]} or {"name": {"x": true}};
 * dangling, driver, label, name. ERR_INVALID for others.
 */
int volume_list(struct volume_store *store, const json_t *filters, json_t **ret_array, struct err *err) MUST_USE;
int volume_inspect(struct volume_store *store, const char *name, json_t **ret, struct err *err) MUST_USE;
/* As volume_list(), each with UsageData: walks the files of all volumes. */
int volume_usage(struct volume_store *store, json_t **ret_array, struct err *err) MUST_USE;
