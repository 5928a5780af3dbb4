/*
 * transfer-priv.h - inside transfer/
 */
#pragma once

#include <jansson.h>

#include "transfer/transfer.h"

/* 0, or -1 with ERR_CANCELLED. */
int transfer_progress_report(const struct transfer_progress *p, const char *status, const char *id,
			     int64_t current, int64_t total, struct err *err);

struct platform {
	char os[32], architecture[32], variant[16];
};
/* "linux/arm64/v8", "linux/amd64", "amd64"; NULL or "": this machine's. ERR_INVALID. */
int transfer_platform_parse(const char *s, struct platform *ret, struct err *err);
/* How well an image of p's fits: 0 not at all. */
int transfer_platform_match(const struct platform *want, const char *os, const char *architecture,
			    const char *variant);

/* The reference "repo:tag" by docker's rules, full; NULL where repo is empty. -1: ERR_INVALID. */
int transfer_repo_tag(const char *repo, const char *tag, char **ret, struct err *err);

/* "now" as an image's created field. Caller frees. */
char *transfer_created_now(void);

/*
 * A directory in overlay's format as a new layer (not committed yet). flags: see tree.h.
 * *ret_entries: how many there are.
 */
int transfer_layer_of_tree(struct image_store *store, const char *dir, unsigned flags,
			   struct image_layer **ret, int64_t *ret_entries, struct err *err);
