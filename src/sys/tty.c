/*
 * tty.c - pseudo terminals, and descriptors sent over sockets
 */
#include "sys/tty.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

int tty_slave(int master)
{
	int unlock = 0, fd;

	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return -errno;
	fd = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int tty_open(int ptmx_dir, const char *ptmx_name, int *ret_slave)
{
	AUTO(close) int master = openat(ptmx_dir, ptmx_name, O_RDWR | O_NOCTTY | O_CLOEXEC);
	int slave;

	if (master < 0)
		return -errno;
	slave = tty_slave(master);
	if (slave < 0)
		return slave;
	*ret_slave = slave;
	return TAKE_FD(master);
}

int tty_resize(int fd, uint16_t rows, uint16_t cols)
{
	struct winsize ws = {.ws_row = rows, .ws_col = cols};

	return ioctl(fd, TIOCSWINSZ, &ws) < 0 ? -errno : 0;
}

int tty_control(int fd)
{
	if (setsid() < 0 && errno != EPERM) /* EPERM: leader already */
		return -errno;
	return ioctl(fd, TIOCSCTTY, 0) < 0 ? -errno : 0;
}

union fd_control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(int))];
};

ssize_t fd_send(int sock, const void *data, size_t n, int fd)
{
	struct iovec iov = {.iov_base = (void *)data, .iov_len = n};
	union fd_control c = {0};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t r;

	if (fd >= 0) {
		struct cmsghdr *h;

		m.msg_control = &c;
		m.msg_controllen = sizeof(c);
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(h), &fd, sizeof(int));
	}
	do
		r = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

ssize_t fd_receive(int sock, void *data, size_t n, int *ret_fd)
{
	struct iovec iov = {.iov_base = data, .iov_len = n};
	union fd_control c = {0};
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &c, .msg_controllen = sizeof(c)};
	struct cmsghdr *h;
	ssize_t r;

	do
		r = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	*ret_fd = -1;
	h = CMSG_FIRSTHDR(&m);
	if (h && h->cmsg_level == SOL_SOCKET && h->cmsg_type == SCM_RIGHTS &&
	    h->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(h), sizeof(int));
	return r;
}
