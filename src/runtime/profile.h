/*
 * profile.h - profiles to filters (private to the compiler of plans)
 */
#pragma once

#include <linux/filter.h>

#include "oci/oci.h"

/* One row of a profile with a single argument condition at most. */
struct seccomp_row {
	const char *names;  /* separated by spaces */
	const char *action; /* NULL: allow */
	int errno_ret;
	struct {
		const char *op; /* NULL: none */
		unsigned index;
		uint64_t value;
	} arg;
	uint64_t in_caps, ex_caps;
	const char *in_arches, *ex_arches; /* docker's names, separated by spaces */
};
extern const struct seccomp_row runtime_seccomp_default_rows[];
extern const size_t runtime_seccomp_default_nrows;

/* docker's default profile for these capabilities; *ret is filled, the caller unbinds it. */
void runtime_seccomp_default(uint64_t caps, struct oci_seccomp *ret);

/* A profile in docker's JSON (archMap, includes, excludes) or in runtime-spec's. ERR_INVALID. */
int runtime_seccomp_profile(const char *text, uint64_t caps, struct oci_seccomp *ret,
			    struct err *err) MUST_USE;

/* struct sock_filter, appended; *ret_flags: SECCOMP_FILTER_FLAG_*. No filter for an empty profile.
 */
int runtime_seccomp_compile(const struct oci_seccomp *profile, struct buf *ret, uint32_t *ret_flags,
			    struct err *err) MUST_USE;

/* Made at build time: the default profile for docker's default capabilities. */
#define SECCOMP_DEFAULT_CAPS UINT64_C(0xa80425fb)
extern const uint64_t runtime_seccomp_default_filter[];
extern const size_t runtime_seccomp_default_filter_n;
