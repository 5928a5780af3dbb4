/*
 * unpack.c - the two helpers on a pipe: cove-fetch | cove-unpack
 *
 * (1) What the helpers report is checked for form, and paths in it are resolved below the
 *     directory only: they have parsed hostile bytes.
 * (2) Both are always reaped, and no descriptor stays in this process.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/fs.h"
#include "base/spawn.h"
#include "image/helper.h"
#include "image/image.h"

#define PIPE_SIZE      (1 << 20)
#define PATH_BYTES_MAX 8192

struct helper {
	pid_t pid;
	int report; /* read end */
};

static int start(const char *libexec, const char *name, const char *arg, const struct spawn_fd *fds,
		 size_t nfds, struct helper *ret, struct err *err)
{
	AUTO(free) char *path = path_join(libexec, name);
	char *argv[] = {(char *)name, (char *)arg, NULL};
	char *envp[] = {NULL};
	struct spawn_fd all[8];
	struct spawn s = {.path = path, .exe_fd = -1, .argv = argv, .envp = envp, .fds = all};
	int report[2];
	pid_t pid;

	if (pipe2(report, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	CHECK(nfds < ARRAY_LEN(all));
	memcpy(all, fds, nfds * sizeof(*fds));
	all[nfds] = (struct spawn_fd){report[1], HELPER_REPORT_FD};
	s.nfds = nfds + 1;
	pid = spawn_process(&s, NULL);
	close(report[1]);
	if (pid < 0) {
		close(report[0]);
		return err_sys(err, -pid, "start '%s'", path);
	}
	*ret = (struct helper){pid, report[0]};
	return 0;
}

static int mark_opaque(int dirfd, const char *path, struct err *err)
{
	struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};
	AUTO(close)
	int fd = (int)syscall(SYS_openat2, dirfd, *path ? path : ".", &how, sizeof(how));

	if (fd < 0)
		return err_sys(err, errno, "unpack: open opaque directory '%.200s'", path);
	if (fsetxattr(fd, "trusted.overlay.opaque", "y", 1, 0) == 0)
		return 0;
	if (errno == EPERM && fsetxattr(fd, "user.overlay.opaque", "y", 1, 0) == 0)
		return 0; /* in a user namespace overlay reads this one */
	return err_sys(err, errno, "unpack: mark '%.200s' opaque", path);
}

/* Reads cove-unpack's reports up to the last. */
static int read_reports(int fd, int dirfd, struct unpack_report *ret, struct err *err)
{
	for (;;) {
		char path[PATH_BYTES_MAX + 1];
		struct report_head head;

		if (fs_read_full(fd, &head, sizeof(head)) != sizeof(head))
			return err_set(err, ERR_SYSTEM, "cove-unpack ended without a report");
		if (head.type == REPORT_END && head.length == sizeof(*ret)) {
			if (fs_read_full(fd, ret, sizeof(*ret)) != sizeof(*ret) ||
			    ret->magic != HELPER_MAGIC)
				return err_set(err, ERR_SYSTEM, "cove-unpack gave a bad report");
			return 0;
		}
		if (head.type != REPORT_OPAQUE || head.length > PATH_BYTES_MAX ||
		    fs_read_full(fd, path, head.length) != (ssize_t)head.length)
			return err_set(err, ERR_SYSTEM, "cove-unpack gave a bad report");
		path[head.length] = 0;
		if (mark_opaque(dirfd, path, err) < 0) /* (1) */
			return -1;
	}
}

static void copy_error(struct err *err, const struct err *from)
{
	struct err e = *from;

	e.msg[sizeof(e.msg) - 1] = 0;
	for (char *p = e.msg; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?'; /* one line, whatever the archive's names hold */
	if (e.kind <= ERR_NONE || e.kind >= ERR_KINDS)
		e.kind = ERR_SYSTEM;
	*err = e;
}

static int finish_fetch(struct helper *h, struct unpack_result *ret, bool *ret_cancelled,
			struct err *err)
{
	struct fetch_report rep = {0};
	ssize_t n = fs_read_full(h->report, &rep, sizeof(rep));
	int status = spawn_wait(h->pid);

	close(h->report);
	*ret_cancelled = false;
	if (n != sizeof(rep) || rep.magic != HELPER_MAGIC ||
	    !memchr(rep.digest, 0, sizeof(rep.digest)))
		return err_set(err, ERR_SYSTEM, "cove-fetch ended without a report (status %d)",
			       status);
	if (rep.err.kind != ERR_NONE) {
		*ret_cancelled = rep.err.kind == ERR_CANCELLED;
		copy_error(err, &rep.err);
		return -1;
	}
	snprintf(ret->blob_id, sizeof(ret->blob_id), "sha256:%s", rep.digest);
	ret->blob_size = rep.in_size;
	return 0;
}

static int finish_unpack(struct helper *h, int dirfd, struct unpack_result *ret, struct err *err)
{
	struct unpack_report rep = {0};
	int r = read_reports(h->report, dirfd, &rep, err);

	close(h->report);
	ignore_result(spawn_wait(h->pid)); /* the report says it all */
	if (r < 0)
		return -1;
	if (rep.err.kind != ERR_NONE) {
		copy_error(err, &rep.err);
		return -1;
	}
	rep.digest[64] = 0;
	if (!is_hex(rep.digest, 64))
		return err_set(err, ERR_SYSTEM, "cove-unpack gave a bad report");
	snprintf(ret->diff_id, sizeof(ret->diff_id), "sha256:%s", rep.digest);
	ret->tar_size = rep.tar_size;
	ret->size = rep.size;
	ret->entries = rep.entries;
	ret->exact = !rep.inexact;
	return 0;
}

static int start_fetch(const char *libexec, int fd, struct helper *ret, int *ret_fd,
		       struct err *err)
{
	struct spawn_fd fds[] = {{fd, 0}, {-1, 1}};
	int p[2], r;

	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "make a pipe");
	ignore_result(fcntl(p[0], F_SETPIPE_SZ, PIPE_SIZE) < 0); /* a smaller one is only slower */
	fds[1].from = p[1];
	r = start(libexec, "cove-fetch", NULL, fds, 2, ret, err);
	close(p[1]);
	if (r < 0)
		close(p[0]);
	else
		*ret_fd = p[0];
	return r;
}

int unpack_stream(const char *libexec_dir, int fd, int dirfd, int map_fd, unsigned flags,
		  struct unpack_result *ret, struct err *err)
{
	struct helper fetch = {-1, -1}, unpack;
	struct spawn_fd fds[] = {{fd, 0}, {dirfd, HELPER_DIR_FD}, {map_fd, HELPER_MAP_FD}};
	unsigned f = (flags & (UNPACK_LAYER | UNPACK_ARCHIVE)) | (map_fd >= 0 ? UNPACK_F_MAP : 0);
	struct err fetch_err = ERR_INIT;
	bool cancelled = false;
	char arg[16];
	int in = -1, r;

	memset(ret, 0, sizeof(*ret));
	if (!(flags & UNPACK_PLAIN_TAR)) {
		if (start_fetch(libexec_dir, fd, &fetch, &in, err) < 0)
			return -1;
		fds[0].from = in;
	}
	snprintf(arg, sizeof(arg), "%u", f);
	r = start(libexec_dir, "cove-unpack", arg, fds, map_fd >= 0 ? 3 : 2, &unpack, err);
	if (in >= 0)
		close(in);
	if (r == 0)
		r = finish_unpack(&unpack, dirfd, ret, err);
	if (fetch.pid > 0 && finish_fetch(&fetch, ret, &cancelled, &fetch_err) < 0 && !cancelled) {
		/* the cause of a tar that ends early, if there is one */
		*err = fetch_err;
		return -1;
	}
	return r < 0 || cancelled ? -1 : 0;
}
