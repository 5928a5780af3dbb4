/*
 * confine.c - giving up privileges
 *
 * (1) After confine_root() no path leads out: the old root is detached, and no descriptor of
 *     another directory is open (the caller has none but the one given).
 * (2) The filter ends the process for any system call not named, of another architecture too.
 */
#include "image/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define NOBODY	     65534
#define SYSCALLS_MAX 120

#if defined(__x86_64__)
#define OUR_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OUR_ARCH AUDIT_ARCH_AARCH64
#else
#error "name the audit architecture here"
#endif

static int pivot(int dirfd)
{
	int tree;

	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -errno;
	tree = open_tree(dirfd, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
	if (tree < 0)
		return -errno;
	/* any directory will do as the place: nobody else sees this mount namespace */
	if (move_mount(tree, "", AT_FDCWD, "/proc", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    fchdir(tree) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0) {
		int e = errno;

		close(tree);
		return -e;
	}
	close(tree);
	return 0;
}

int confine_root(int dirfd, struct err *err)
{
	int r;

	if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC) < 0)
		return err_sys(err, errno, "unpack: make namespaces");
	r = pivot(dirfd);
	if (r == 0)
		return 0;
	if (fchdir(dirfd) < 0 || chroot(".") < 0)
		return err_sys(err, -r, "unpack: enter the directory");
	return 0;
}

int confine_capabilities(uint64_t keep, struct err *err)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2], have[2];

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "set no_new_privs");
	if (syscall(SYS_capget, &head, have) < 0)
		return err_sys(err, errno, "get capabilities");
	for (int i = 0; i < 2; i++) {
		uint32_t mask = (uint32_t)(keep >> (32 * i)) & have[i].permitted;

		data[i] = (struct __user_cap_data_struct){mask, mask, 0};
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return err_sys(err, errno, "drop capabilities");
	return 0;
}

int confine_nobody(struct err *err)
{
	if (geteuid() != 0)
		return 0;
	/* in a user namespace that does not map nobody we stay what we are, without capabilities */
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		if (errno != EINVAL && errno != EPERM)
			return err_sys(err, errno, "become nobody");
	return 0;
}

int confine_syscalls(const int *nr, size_t n, struct err *err)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	return 0; /* the sanitizers' run time makes calls of its own */
#else
	struct sock_filter code[SYSCALLS_MAX + 6];
	struct sock_fprog prog = {.filter = code};
	unsigned short k = 0;

	CHECK(n <= SYSCALLS_MAX);
	code[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, arch));
	code[k++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OUR_ARCH, 1, 0);
	code[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[k++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < n; i++)
		code[k++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr[i],
							 (uint8_t)(n - i), 0);
	code[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	code[k++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = k;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) < 0)
		return err_sys(err, errno, "restrict system calls");
	return 0;
#endif
}
