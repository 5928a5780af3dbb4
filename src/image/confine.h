/*
 * confine.h - what the helpers do first: give up everything they do not need
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Own namespaces for network, mounts and ipc; dirfd becomes the root and the working directory. */
int confine_root(int dirfd, struct err *err) MUST_USE;

/* Keeps only these capabilities (a mask of 1 << CAP_x) and sets no_new_privs. */
int confine_capabilities(uint64_t keep, struct err *err) MUST_USE;

/* Becomes nobody, if root. */
int confine_nobody(struct err *err) MUST_USE;

/* Only these system calls from now on; another one kills. Without effect in sanitized builds. */
int confine_syscalls(const int *nr, size_t n, struct err *err) MUST_USE;
