/*
 * tty.h - pseudo terminals, and descriptors sent over sockets
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

/* Opens a master and its slave from an open ptmx-like descriptor's directory. -errno. */
int tty_open(int ptmx_dir, const char *ptmx_name, int *ret_slave) MUST_USE;
/* The same from a ptmx that is already open. */
int tty_slave(int master) MUST_USE;
int tty_resize(int fd, uint16_t rows, uint16_t cols) MUST_USE;
/* Makes fd the controlling terminal of this process, which becomes a session leader. */
int tty_control(int fd) MUST_USE;

/* One message with at most one descriptor (fd < 0: none). Returns bytes sent or -errno. */
ssize_t fd_send(int sock, const void *data, size_t n, int fd) MUST_USE;
/* *ret_fd is -1 if none came; it is O_CLOEXEC. Returns bytes, 0 at the end, or -errno. */
ssize_t fd_receive(int sock, void *data, size_t n, int *ret_fd) MUST_USE;
