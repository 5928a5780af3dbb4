/*
 * inspect.h - private: pieces that inspect and list share
 */
#pragma once

#include "container/private.h"

json_t *inspect_mounts(const struct container *c); /* under lock */

/* Bytes of the writable layer, and of it with the image's layers. Walks the files. */
void container_sizes(struct container *c, int64_t *ret_rw, int64_t *ret_root);

/* "Up 5 minutes", "Exited (0) 2 hours ago", as docker's Status. Under lock. */
char *status_text(const struct container *c);
