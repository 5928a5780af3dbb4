/*
 * fetch-main.c - cove-fetch: decompresses and hashes a stream, as nobody, without files
 *
 * (1) Nothing of the input is looked at before network, files and privileges are given up.
 */
#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/fs.h"
#include "image/confine.h"
#include "image/decompress.h"
#include "image/image.h"

#define MEMORY_MAX ((rlim_t)1 << 30)

static const int allowed[] = {
	SYS_read,	    SYS_write,	      SYS_readv,	 SYS_writev,
	SYS_close,	    SYS_fstat,	      SYS_newfstatat,	 SYS_lseek,
	SYS_mmap,	    SYS_munmap,	      SYS_mremap,	 SYS_mprotect,
	SYS_madvise,	    SYS_brk,	      SYS_futex,	 SYS_getrandom,
	SYS_getpid,	    SYS_gettid,	      SYS_tgkill,	 SYS_rt_sigaction,
	SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_clock_gettime, SYS_sched_getaffinity,
	SYS_sysinfo,	    SYS_exit,	      SYS_exit_group,
};

static int confine(struct err *err)
{
	const struct rlimit memory = {MEMORY_MAX, MEMORY_MAX};

	/* best effort: a rootless or nested engine may be refused a namespace of its own here */
	ignore_result(unshare(CLONE_NEWNET | CLONE_NEWIPC));
	EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL)); /* OpenSSL reads its files now */
#ifndef __SANITIZE_ADDRESS__
	if (setrlimit(RLIMIT_AS, &memory) < 0)
		return err_sys(err, errno, "limit memory");
#else
	(void)memory;
#endif
	if (confine_nobody(err) < 0 || confine_capabilities(0, err) < 0)
		return -1;
	return confine_syscalls(allowed, ARRAY_LEN(allowed), err);
}

int image_fetch_main(void)
{
	struct fetch_report report = {.magic = HELPER_MAGIC};
	int r = confine(&report.err);

	if (r == 0)
		r = decompress(0, 1, &report);
	close(1);
	if (fs_write_full(HELPER_REPORT_FD, &report, sizeof(report)) < 0)
		r = -1;
	_exit(r < 0 ? 1 : 0);
}
