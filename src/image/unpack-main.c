/*
 * unpack-main.c - cove-unpack: unpacks one tar stream into one directory, with nothing else in
 * reach
 *
 * (1) Nothing of the input is looked at before the directory is the root, the network is gone and
 *     only the capabilities that making files takes are left.
 * (2) Memory is limited: millions of directories are remembered by name until the end.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fs.h"
#include "image/confine.h"
#include "image/extract.h"
#include "image/image.h"

#define MEMORY_MAX ((rlim_t)2 << 30)

#define CAP(x) (1ull << (x))
#define CAPS                                                                                       \
	(CAP(CAP_CHOWN) | CAP(CAP_DAC_OVERRIDE) | CAP(CAP_FOWNER) | CAP(CAP_FSETID) |              \
	 CAP(CAP_MKNOD) | CAP(CAP_SETFCAP))

static const int allowed[] = {
	SYS_read,
	SYS_write,
	SYS_pwrite64,
	SYS_close,
	SYS_openat,
	SYS_openat2,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_symlinkat,
	SYS_linkat,
	SYS_unlinkat,
	SYS_fchmod,
	SYS_fchmodat,
	SYS_fchown,
	SYS_fchownat,
	SYS_ftruncate,
	SYS_utimensat,
	SYS_fsetxattr,
	SYS_lsetxattr,
	SYS_fchdir,
	SYS_fcntl,
	SYS_fstat,
	SYS_newfstatat,
	SYS_statx,
	SYS_getdents64,
	SYS_lseek,
	SYS_umask,
	SYS_mmap,
	SYS_munmap,
	SYS_mremap,
	SYS_mprotect,
	SYS_madvise,
	SYS_brk,
	SYS_futex,
	SYS_getrandom,
	SYS_getpid,
	SYS_gettid,
	SYS_tgkill,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_clock_gettime,
	SYS_sched_getaffinity,
	SYS_sysinfo,
	SYS_faccessat,
	SYS_exit,
	SYS_exit_group,
};

/* (2) */
static int limit_memory(struct err *err)
{
#ifndef __SANITIZE_ADDRESS__
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};

	if (setrlimit(RLIMIT_AS, &memory) < 0)
		return err_sys(err, errno, "limit memory");
#endif
	return 0;
}

static int confine(int dirfd, struct err *err)
{
	if (limit_memory(err) < 0)
		return -1;
	EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL)); /* OpenSSL reads its files now */
	if (confine_root(dirfd, err) < 0 || confine_capabilities(CAPS, err) < 0)
		return -1;
	return confine_syscalls(allowed, ARRAY_LEN(allowed), err);
}

int image_unpack_main(int argc, char **argv)
{
	unsigned flags = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0;
	struct unpack_report report = {.magic = HELPER_MAGIC};
	struct report_head head = {REPORT_END, sizeof(report)};
	int map = flags & UNPACK_F_MAP ? HELPER_MAP_FD : -1;
	int r = confine(HELPER_DIR_FD, &report.err);

	if (r == 0)
		r = extract(0, HELPER_DIR_FD, HELPER_REPORT_FD, map, flags, &report);
	if (r == 0)
		report.err.kind = ERR_NONE;
	if (fs_write_full(HELPER_REPORT_FD, &head, sizeof(head)) < 0 ||
	    fs_write_full(HELPER_REPORT_FD, &report, sizeof(report)) < 0)
		r = -1;
	_exit(r < 0 ? 1 : 0);
}
