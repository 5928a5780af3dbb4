/*
 * exe.h - programs run from sealed copies in memory
 *
 * A process that enters a container shows its program there as /proc/PID/exe. Run from a sealed
 * memory file that link leads to bytes nobody can change, instead of to the host's file.
 */
#pragma once

#include "base/err.h"

/* A sealed, executable memfd with the program's bytes (for spawn's exe_fd); O_CLOEXEC. -errno. */
int exe_sealed_copy(const char *path, const char *name) MUST_USE;

/* The same for plain data, e.g. a plan handed to another process. -errno. */
int memfd_sealed(const char *name, const void *data, size_t n) MUST_USE;

/* If this process does not run from a sealed memfd: executes itself again from one, with the
 * same arguments and environment. Returns 0 (already sealed) or -errno. */
int exe_reexec_sealed(char *const *argv) MUST_USE;
