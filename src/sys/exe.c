/*
 * exe.c - programs run from sealed copies in memory
 *
 * (1) What is returned can be neither written, grown nor shrunk, through any descriptor.
 */
#include "sys/exe.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>

#include "base/fs.h"

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U /* Linux 6.3 */
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

extern char **environ;

static int memfd(const char *name, unsigned exec)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | exec);

	if (fd < 0 && errno == EINVAL && exec)
		fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

int exe_sealed_copy(const char *path, const char *name)
{
	AUTO(close) int in = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(close) int out = memfd(name, MFD_EXEC);
	struct stat st;

	if (in < 0)
		return -errno;
	if (out < 0)
		return out;
	if (fstat(in, &st) < 0)
		return -errno;
	for (off_t done = 0; done < st.st_size;) {
		ssize_t n = sendfile(out, in, NULL, (size_t)(st.st_size - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* shorter than it was: being replaced */
		done += n;
	}
	if (fchmod(out, 0555) < 0 || fcntl(out, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return TAKE_FD(out);
}

int memfd_sealed(const char *name, const void *data, size_t n)
{
	AUTO(close) int fd = memfd(name, 0);
	int r;

	if (fd < 0)
		return fd;
	r = fs_write_full(fd, data, n);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int exe_reexec_sealed(char *const *argv)
{
	AUTO(close) int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	AUTO(close) int copy = -1;
	int seals;

	if (self < 0)
		return -errno;
	seals = fcntl(self, F_GET_SEALS);
	if (seals >= 0 && (seals & SEALS) == SEALS)
		return 0;
	copy = exe_sealed_copy("/proc/self/exe", path_base(argv[0]));
	if (copy < 0)
		return copy;
	fexecve(copy, argv, environ);
	return -errno;
}
