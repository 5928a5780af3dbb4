/*
 * box.h - for tests: a busybox root file system and docker's default document over it
 */
#pragma once

#include <stdbool.h>

#include "base/str.h"
#include "oci/oci.h"
#include "runtime/runtime.h"

struct box {
	char dir[64]; /* /tmp/cove-runtime-XXXXXX, with rootfs, upper, work */
	char root[80];
	struct strv lower;
	char upper[80], work[80];
	char id[32];
	char cgroup[64];
};

/* Why containers cannot be made here, or NULL. */
const char *box_missing(void);

void box_make(struct box *b);
void box_remove(struct box *b);
/* Docker's defaults: mounts, capabilities, masks, device rules; runs "sh -c script". */
void box_spec(const struct box *b, struct oci_spec *spec, const char *script);
void box_opts(const struct box *b, struct plan_opts *opts);

struct box_result {
	int status; /* exit status, 128+signal, or -1: not started */
	struct err err;
	char out[65536];
	char warning[256];
};

/* Compiles, creates, starts, reads stdout and stderr, waits, removes the cgroup. */
void box_run(const struct box *b, const struct oci_spec *spec, const struct plan_opts *opts,
	     struct box_result *ret);

/* The same in steps. box_plan() aborts on errors; the caller frees buf. */
int box_plan(const struct oci_spec *spec, const struct plan_opts *opts, struct buf *blob,
	     struct plan *plan, struct err *err);
int box_wait(struct runtime_proc *p); /* waits, closes; exit status or 128+signal */
