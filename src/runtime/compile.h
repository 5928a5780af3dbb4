/*
 * compile.h - what the files that compile plans share
 */
#pragma once

#include "oci/oci.h"
#include "runtime/plan.h"

struct writer {
	struct buf b; /* the blob; the head's place is kept free at its start */
};

plan_str plan_write_str(struct writer *w, const char *s);	 /* NULL and "" give 0 */
plan_str plan_write_str_always(struct writer *w, const char *s); /* "" is a string too */
struct plan_vec plan_write_vec(struct writer *w, const void *v, size_t n, size_t size);
struct plan_vec plan_write_strv(struct writer *w, const struct strv *sv);

int plan_compile_mounts(struct writer *w, const struct oci_spec *spec, const struct plan_opts *opts,
			struct plan_head *h, struct err *err) MUST_USE;
/* opts may be NULL: an update */
int plan_compile_cgroup(struct writer *w, const struct oci_resources *res, const char *path,
			struct plan_head *h, struct err *err) MUST_USE;
int plan_compile_process(struct writer *w, const struct oci_process *p, const struct oci_spec *spec,
			 const struct plan_opts *opts, struct plan_head *h,
			 struct err *err) MUST_USE;
struct plan_vec plan_compile_idmap(struct writer *w, const struct jarray *maps);

/* The eBPF program of cgroup v2 for the rules; instructions as uint64_t, appended. */
int plan_compile_devices_bpf(const struct jarray *rules, struct buf *ret, struct err *err) MUST_USE;
