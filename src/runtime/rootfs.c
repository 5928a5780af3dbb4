/*
 * rootfs.c - the container's root: overlay or directory, and the step into it
 *
 * (1) The root is attached only in the child's own mount namespace, whose mounts are slaves (or
 *     private) by then: the host's mount table never changes.
 * (2) Bind sources were opened before the root is attached: none of them can be inside it; and
 *     before the mounts became slaves: one that is to be shared still is, with the host.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "sys/mnt.h"

#define MAX_LOWERS 500 /* the kernel's own limit with lowerdir+ */

/*
 * One by one. A kernel before 6.5 takes any option here and refuses only the mount, with a line in
 * its log: one that is surely wrong, for want of a value, tells those apart.
 */
static int add_lowers(const struct plan *p, int ctx)
{
	const struct plan_vec *lower = &p->head->lower;
	char discard[256];

	if (mount_fs_option(ctx, "lowerdir+") == 0)
		return -ENOSYS;
	mount_fs_message(ctx, discard, sizeof(discard));
	for (uint32_t i = 0; i < lower->n; i++) {
		int r = mount_fs_string(ctx, "lowerdir+", plan_nth(p, lower, i));

		if (r < 0)
			return r;
	}
	return 0;
}

static int overlay_new(const struct plan *p, struct err *err)
{
	const struct plan_head *h = p->head;
	AUTO(close) int ctx = mount_fs_open("overlay");
	char why[256];
	int r;

	if (ctx < 0)
		return ctx;
	r = add_lowers(p, ctx);
	if (r < 0)
		return r == -EINVAL ? -ENOSYS : r;
	if (h->upper) {
		r = mount_fs_string(ctx, "upperdir", plan_cstr(p, h->upper));
		if (r == 0)
			r = mount_fs_string(ctx, "workdir", plan_cstr(p, h->work));
	}
	if (r == 0)
		r = mount_fs_string(ctx, "source", "overlay");
	if (r == 0)
		r = mount_fs_finish(ctx, 0);
	if (r == -EINVAL) /* lowerdir+ is unknown, or something is wrong: mount(2) will tell */
		return -ENOSYS;
	if (r < 0 && r != -ENOSYS) {
		mount_fs_message(ctx, why, sizeof(why));
		err_sys(err, -r, "mount overlay%s%s", *why ? ": " : "", why);
	}
	return r;
}

static int add_dir(struct buf *data, const char *key, const char *path, struct err *err)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC); /* held until the mount is made */

	if (fd < 0)
		return err_sys(err, errno, "open layer directory '%s'", path);
	buf_addf(data, "%s/proc/self/fd/%d", key, fd);
	return 0;
}

/* mount(2) takes a page of options: short names by descriptor leave room for 200 layers. */
static int overlay_classic(const struct plan *p, struct err *err)
{
	const struct plan_head *h = p->head;
	const char *target = plan_nth(p, &h->lower, 0);
	AUTO(buf) struct buf data = {0};
	int fd;

	for (uint32_t i = 0; i < h->lower.n; i++)
		if (add_dir(&data, i ? ":" : "lowerdir=", plan_nth(p, &h->lower, i), err) < 0)
			return -1;
	if (h->upper && (add_dir(&data, ",upperdir=", plan_cstr(p, h->upper), err) < 0 ||
			 add_dir(&data, ",workdir=", plan_cstr(p, h->work), err) < 0))
		return -1;
	if (data.len >= 4095)
		return err_set(err, ERR_UNSUPPORTED, "too many layers for this kernel: %u",
			       h->lower.n);
	if (mount("overlay", target, "overlay", 0, data.p) < 0)
		return err_sys(err, errno, "mount overlay");
	fd = open(target, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(err, errno, "open the root") : fd;
}

/* The overlay, attached over its first layer's directory: a place that surely exists. */
static int overlay_root(const struct plan *p, struct err *err)
{
	AUTO(close) int place = -1;
	int fd, r;

	if (p->head->lower.n > MAX_LOWERS)
		return err_set(err, ERR_UNSUPPORTED, "too many layers: %u", p->head->lower.n);
	if (!p->head->upper && p->head->lower.n == 1) { /* an overlay takes two */
		fd = mount_clone(AT_FDCWD, plan_nth(p, &p->head->lower, 0), false, false);
		if (fd < 0)
			return err_sys(err, -fd, "open layer directory");
		r = mount_set(fd, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, false);
		if (r < 0)
			return err_sys(err, -r, "make the root read-only");
	} else {
		fd = overlay_new(p, err);
		if (fd == -ENOSYS || fd == -EPERM)
			return overlay_classic(p, err);
		if (fd < 0) {
			if (!err || !err->kind)
				return err_sys(err, -fd, "mount overlay");
			return -1;
		}
	}
	place = open(plan_nth(p, &p->head->lower, 0), O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = place < 0 ? -errno : mount_attach(fd, place);
	if (r < 0) {
		close(fd);
		return err_sys(err, -r, "attach the root");
	}
	return fd;
}

static int directory_root(const struct plan *p, struct err *err)
{
	const char *path = plan_cstr(p, p->head->root);
	AUTO(close) int place = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(close) int fd = -1;
	int r;

	if (place < 0)
		return err_sys(err, errno, "open root file system '%s'", path);
	fd = mount_clone(place, "", true, false);
	if (fd < 0)
		return err_sys(err, -fd, "clone root file system '%s'", path);
	r = mount_attach(fd, place);
	if (r < 0)
		return err_sys(err, -r, "attach root file system '%s'", path);
	return TAKE_FD(fd);
}

int runtime_rootfs_setup(struct child *c, struct err *err)
{
	const struct plan_head *h = c->plan->head;
	unsigned long propagation = h->root_propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE;

	if (runtime_mounts_prepare(c, err) < 0)
		return -1;
	if (mount(NULL, "/", NULL, propagation | MS_REC, NULL) < 0)
		return err_sys(err, errno, "set propagation of the root");
	c->root = h->lower.n ? overlay_root(c->plan, err) : directory_root(c->plan, err);
	if (c->root < 0)
		return -1;
	if (runtime_mounts_attach(c, err) < 0)
		return -1;
	if (h->flags & PLAN_F_DEV_SETUP && runtime_devices_setup(c, err) < 0)
		return -1;
	if (h->process.flags & PLAN_P_TERMINAL && runtime_console_setup(c, true, err) < 0)
		return -1;
	return runtime_sysctls_write(c, err);
}

static int without_pivot(struct err *err)
{
	if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0)
		return err_sys(err, errno, "change the root");
	return 0;
}

int runtime_rootfs_pivot(struct child *c, struct err *err)
{
	const struct plan_head *h = c->plan->head;
	int r;

	if (h->flags & PLAN_F_ROOT_READONLY) {
		r = mount_set(c->root, MOUNT_ATTR_RDONLY, 0, 0, false);
		if (r < 0)
			return err_sys(err, -r, "make the root read-only");
	}
	if (fchdir(c->root) < 0)
		return err_sys(err, errno, "enter the root");
	if (h->flags & PLAN_F_NO_PIVOT) {
		if (without_pivot(err) < 0)
			return -1;
	} else {
		if (syscall(SYS_pivot_root, ".", ".") < 0)
			return err_sys(err, errno, "pivot_root");
		/* now the old root lies on top of ours, at the same place */
		if (umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
			return err_sys(err, errno, "leave the old root");
	}
	if (h->root_propagation & (MS_SHARED | MS_UNBINDABLE) &&
	    mount(NULL, "/", NULL, h->root_propagation, NULL) < 0)
		return err_sys(err, errno, "set propagation of the root");
	return 0;
}
