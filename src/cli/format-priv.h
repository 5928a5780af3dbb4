/*
 * format-priv.h - what the files that make rows share
 */
#pragma once

#include "cli/output.h"

/* A member of an API object; "" or 0 where it is missing. */
const char *get_str(json_t *o, const char *key);
int64_t get_int(json_t *o, const char *key);

/* A JSON string of s, which is freed; bytes that are not UTF-8 become U+FFFD. */
json_t *take_string(char *s);
json_t *id_string(const char *id, bool trunc);
/* "docker.io/library/busybox:1" as people write it: "busybox:1". */
char *familiar_name(const char *ref);

/* "a=b,c=d", sorted. */
json_t *joined_labels(json_t *labels);
/*
 * The method `.Label "x"`. The labels are kept with the row under a key that no template can
 * name and `json` does not show.
 */
void keep_labels(json_t *row, json_t *labels);
json_t *row_label(json_t *row, const char *name);
