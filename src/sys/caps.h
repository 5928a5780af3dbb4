/*
 * caps.h - capabilities by name, number and mask
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define CAPS_MAX 64

/* "CAP_CHOWN", "chown" -> 0; -EINVAL. */
int cap_from_name(const char *name);
/* "CAP_CHOWN", or NULL past the ones that we know. */
const char *cap_name(int cap);
int cap_last(void); /* the highest that this kernel has */

/* The permitted set of this thread. -errno. */
int caps_permitted(uint64_t *ret) MUST_USE;
/* All three sets of this thread at once. -errno. */
int caps_set(uint64_t effective, uint64_t permitted, uint64_t inheritable) MUST_USE;
/* Drops from the bounding set what is not in keep. */
int caps_bound(uint64_t keep) MUST_USE;
/* Clears the ambient set, then raises these. */
int caps_ambient(uint64_t caps) MUST_USE;
