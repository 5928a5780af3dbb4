/*
 * mounts.c - file systems, bind mounts, cgroups, masks
 *
 * Sources are the host's paths, opened while the host is still visible; places are the image's
 * paths, resolved inside the new root. Between them go only descriptors.
 *
 * (1) No mount goes onto a file of procfs unless the plan names it under /proc in clear.
 * (2) procfs and sysfs go onto real directories: no link may lead them elsewhere.
 * (3) A mask is a clone of our own /dev/null, checked to be it, or of one empty read-only tmpfs.
 * (4) What is bound from inside a volume is in that volume, whatever links its users left there.
 */
#include "runtime/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "sys/mnt.h"

#define COPY_DEPTH 32

/* A user namespace with these maps, for an idmapped mount; held by a process that ends at once. */
static int make_userns(const struct plan *p, const struct plan_mount *m)
{
	struct buf maps[2] = {{0}, {0}};
	const struct plan_vec *v[2] = {&m->uidmap, &m->gidmap};
	static const char *const files[2] = {"uid_map", "gid_map"};
	char path[64];
	int fd = -1, r = 0;
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid < 0)
		return -errno;
	if (pid == 0)
		for (;;)
			pause();
	for (int i = 0; i < 2 && r >= 0; i++) {
		plan_for_each(struct plan_idmap, im, p, v[i])
			buf_addf(&maps[i], "%u %u %u\n", im->inside, im->outside, im->count);
		snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, files[i]);
		r = fs_write_kernel(AT_FDCWD, path, str_or(maps[i].p));
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	if (r >= 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	r = r < 0 ? r : fd < 0 ? -errno : fd;
	buf_done(&maps[0]);
	buf_done(&maps[1]);
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int idmap(const struct plan *p, const struct plan_mount *m, int fd)
{
	int userns, r;

	if (!m->uidmap.n)
		return 0;
	userns = make_userns(p, m);
	if (userns < 0)
		return userns;
	r = mount_idmap(fd, userns, m->flags & PLAN_M_RECURSIVE);
	close(userns);
	return r;
}

/*
 * The source's detached copy. A path inside it was written by whoever could write the source: its
 * links are followed inside the source only, (4).
 */
static int clone_source(const struct plan *p, const struct plan_mount *m)
{
	bool recursive = m->flags & PLAN_M_RECURSIVE, nofollow = m->flags & PLAN_M_NOFOLLOW;
	const char *source = plan_cstr(p, m->source);
	AUTO(close) int top = -1;
	AUTO(close) int fd = -1;

	if (!(m->flags & PLAN_M_SUBPATH))
		return mount_clone(AT_FDCWD, source, recursive, nofollow);
	if (!m->options.n)
		return -EINVAL;
	top = open(source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (top < 0)
		return -errno;
	fd = beneath_open(top, plan_nth(p, &m->options, 0), O_PATH, 0, 0);
	return fd < 0 ? fd : mount_clone(fd, "", recursive, false);
}

static int prepare_bind(struct child *c, const struct plan_mount *m, int *ret, struct err *err)
{
	const char *source = plan_cstr(c->plan, m->source);
	int fd = clone_source(c->plan, m), r;

	*ret = fd;
	if (fd < 0)
		return err_sys(err, -fd, "mount '%s': open source", source);
	r = idmap(c->plan, m, fd);
	if (r == 0)
		r = mount_set(fd, m->rec_set, m->rec_clear, 0, true);
	if (r == 0)
		r = mount_set(fd, m->set, m->clear, 0, false);
	if (r == 0 && !m->propagation)
		r = mount_set(fd, 0, 0, MS_SLAVE, true);
	else if (r == 0)
		r = mount_set(fd, 0, 0, m->propagation, m->flags & PLAN_M_PROPAGATE_REC);
	return r < 0 ? err_sys(err, -r, "mount '%s': set attributes", source) : 0;
}

int runtime_mounts_prepare(struct child *c, struct err *err)
{
	const struct plan_vec *v = &c->plan->head->mounts;
	uint32_t i = 0;

	c->bind_fd = xnew_n(int, v->n);
	plan_for_each(struct plan_mount, m, c->plan, v)
	{
		c->bind_fd[i] = -1;
		if (m->kind == PLAN_MOUNT_BIND && prepare_bind(c, m, &c->bind_fd[i], err) < 0)
			return -1;
		i++;
	}
	return 0;
}

/* Opens the place of a mount, making it if it is missing, (1) and (2). */
static int open_place(struct child *c, const struct plan_mount *m, bool is_file, struct err *err)
{
	const char *dest = plan_cstr(c->plan, m->dest), *type = plan_cstr(c->plan, m->fstype);
	bool kernel_fs = streq(type, "proc") || streq(type, "sysfs");
	struct statfs sf;
	int fd;

	if (kernel_fs) {
		fd = beneath_open(c->root, dest, O_PATH | O_DIRECTORY, 0, BENEATH_NO_LINKS);
		if (fd == -ENOENT)
			fd = beneath_make(c->root, dest, false);
	} else {
		fd = beneath_make(c->root, dest, is_file);
	}
	if (fd < 0)
		return err_sys(err, -fd, "mount '%s': make the mount point", dest);
	if (fstatfs(fd, &sf) == 0 && sf.f_type == PROC_SUPER_MAGIC && !kernel_fs &&
	    !(m->flags & PLAN_M_PROC_OK)) {
		close(fd);
		return err_set(err, ERR_INVALID, "mount '%s': it leads into /proc", dest);
	}
	return fd;
}

/* ---- copy-up of what a tmpfs covers */

static int copy_dir(int from, int to, int depth);

static int copy_file(int from, int to, const char *name, const struct stat *st)
{
	AUTO(close) int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	AUTO(close) int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	off_t left = st->st_size;

	if (in < 0 || out < 0)
		return -errno;
	while (left > 0) {
		ssize_t n = sendfile(out, in, NULL, (size_t)left);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		left -= n;
	}
	if (fchown(out, st->st_uid, st->st_gid) < 0 || fchmod(out, st->st_mode & 07777) < 0)
		return -errno;
	return 0;
}

static int copy_link(int from, int to, const char *name, const struct stat *st)
{
	AUTO(free) char *target = fs_readlink(from, name);

	if (!target || symlinkat(target, to, name) < 0)
		return -errno;
	return fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

struct copy {
	int to, depth;
};

static int copy_entry(void *ctx, int from, const char *name, unsigned char d_type)
{
	struct copy *cp = ctx;
	struct stat st;

	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (S_ISREG(st.st_mode))
		return copy_file(from, cp->to, name, &st);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, cp->to, name, &st);
	if (!S_ISDIR(st.st_mode))
		return 0; /* sockets, fifos, devices: not content */
	if (mkdirat(cp->to, name, 0700) < 0)
		return -errno;
	AUTO(close) int in = fs_open_dir(from, name);
	AUTO(close) int out = fs_open_dir(cp->to, name);

	if (in < 0 || out < 0)
		return in < 0 ? in : out;
	return copy_dir(in, out, cp->depth + 1);
}

static int copy_dir(int from, int to, int depth)
{
	struct copy cp = {.to = to, .depth = depth};
	struct stat st;
	int r;

	if (depth > COPY_DEPTH)
		return -ELOOP;
	r = fs_each_entry(from, ".", copy_entry, &cp);
	if (r < 0)
		return r;
	if (fstat(from, &st) < 0 || fchown(to, st.st_uid, st.st_gid) < 0 ||
	    fchmod(to, st.st_mode & 07777) < 0)
		return -errno;
	return 0;
}

static int copy_up(int place, int mnt)
{
	AUTO(close) int from = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(close) int to = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (from < 0 || to < 0)
		return -errno;
	return copy_dir(from, to, 0);
}

/* ---- file systems of our own */

static bool option_given(const struct plan *p, const struct plan_mount *m, const char *prefix)
{
	for (uint32_t i = 0; i < m->options.n; i++)
		if (str_after(plan_nth(p, &m->options, i), prefix))
			return true;
	return false;
}

/* A tmpfs without a mode looks like the directory that it covers. */
static int inherit_mode(int place, int mnt)
{
	AUTO(close) int to = openat(mnt, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (to < 0 || fstat(place, &st) < 0 || fchmod(to, st.st_mode & 07777) < 0)
		return -errno;
	return 0;
}

static unsigned long classic_flags(uint64_t attrs)
{
	static const struct {
		uint64_t attr;
		unsigned long flag;
	} map[] = {
		{MOUNT_ATTR_RDONLY, MS_RDONLY},		{MOUNT_ATTR_NOSUID, MS_NOSUID},
		{MOUNT_ATTR_NODEV, MS_NODEV},		{MOUNT_ATTR_NOEXEC, MS_NOEXEC},
		{MOUNT_ATTR_NOATIME, MS_NOATIME},	{MOUNT_ATTR_STRICTATIME, MS_STRICTATIME},
		{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME},
	};
	unsigned long flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (attrs & map[i].attr)
			flags |= map[i].flag;
	return flags;
}

/* A kernel, or a sandbox around us, without fsopen(). Returns the mounted root. */
static int mount_classic(const struct plan *p, const struct plan_mount *m, const char *type,
			 int place, const char *root_relative, int root)
{
	AUTO(buf) struct buf data = {0};
	char path[40];

	for (uint32_t i = 0; i < m->options.n; i++)
		buf_addf(&data, "%s%s", i ? "," : "", plan_nth(p, &m->options, i));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	if (mount(str_or(plan_cstr(p, m->source)), path, type, classic_flags(m->set), data.p) < 0)
		return -errno;
	return beneath_open(root, root_relative, O_PATH, 0, 0);
}

/* A detached mount of the plan's file system; -ENOSYS: only mount(2) can. */
static int make_fs(const struct plan *p, const struct plan_mount *m, const char *type,
		   uint64_t attrs, struct err *err)
{
	AUTO(close) int ctx = mount_fs_open(type);
	const char *dest = plan_cstr(p, m->dest), *source = plan_cstr(p, m->source);
	char why[256];
	int r;

	if (ctx == -ENOSYS || ctx == -EPERM)
		return -ENOSYS;
	if (ctx < 0) {
		err_sys(err, -ctx, "mount '%s': file system type %s", dest, type);
		return -1;
	}
	r = mount_fs_string(ctx, "source", source ? source : type);
	for (uint32_t i = 0; i < m->options.n && r >= 0; i++) {
		r = mount_fs_option(ctx, plan_nth(p, &m->options, i));
		if (r < 0) {
			mount_fs_message(ctx, why, sizeof(why));
			err_set(err, ERR_INVALID, "mount '%s': option '%s'%s%s", dest,
				plan_nth(p, &m->options, i), *why ? ": " : ": invalid argument",
				why);
			return -1;
		}
	}
	r = mount_fs_finish(ctx, attrs);
	if (r < 0) {
		mount_fs_message(ctx, why, sizeof(why));
		err_sys(err, -r, "mount '%s'%s%s", dest, *why ? ": " : "", why);
		return -1;
	}
	return r;
}

static int keep_proc(struct child *c, int mnt, struct err *err)
{
	auto_close(&c->proc);
	c->proc = openat(mnt, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return c->proc < 0 ? err_sys(err, errno, "open /proc") : 0;
}

static int attach_fs(struct child *c, const struct plan_mount *m, struct err *err)
{
	const char *type = plan_cstr(c->plan, m->fstype), *dest = plan_cstr(c->plan, m->dest);
	AUTO(close) int place = open_place(c, m, false, err);
	AUTO(close) int mnt = -1;
	bool tmpfs = streq(type, "tmpfs");
	int r = 0;

	if (place < 0)
		return -1;
	mnt = make_fs(c->plan, m, type, m->set, err);
	if (mnt == -1)
		return -1;
	if (mnt < 0) {
		mnt = mount_classic(c->plan, m, type, place, dest, c->root);
		if (mnt < 0)
			return err_sys(err, -mnt, "mount '%s'", dest);
	} else {
		if (tmpfs && m->flags & PLAN_M_COPYUP)
			r = copy_up(place, mnt);
		else if (tmpfs && !option_given(c->plan, m, "mode="))
			r = inherit_mode(place, mnt);
		if (r == 0)
			r = mount_set(mnt, 0, 0, m->propagation, false);
		if (r == 0)
			r = mount_attach(mnt, place);
		if (r < 0)
			return err_sys(err, -r, "mount '%s'", dest);
	}
	return streq(type, "proc") && streq(dest, "/proc") ? keep_proc(c, mnt, err) : 0;
}

static int attach_bind(struct child *c, const struct plan_mount *m, int fd, struct err *err)
{
	AUTO(close) int place = -1;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_sys(err, errno, "stat '%s'", plan_cstr(c->plan, m->source));
	place = open_place(c, m, !S_ISDIR(st.st_mode), err);
	if (place < 0)
		return -1;
	r = mount_attach(fd, place);
	if (r == -ENOTDIR || r == -EINVAL) {
		struct stat there;

		if (fstat(place, &there) == 0 && S_ISDIR(there.st_mode) != S_ISDIR(st.st_mode))
			return err_set(err, ERR_INVALID, "mount '%s' to '%s': not a directory",
				       plan_cstr(c->plan, m->source), plan_cstr(c->plan, m->dest));
	}
	return r < 0 ? err_sys(err, -r, "mount '%s' to '%s'", plan_cstr(c->plan, m->source),
			       plan_cstr(c->plan, m->dest))
		     : 0;
}

/* ---- cgroups */

static int bind_cgroup(int at, const char *name, const char *host, uint64_t attrs, struct err *err)
{
	AUTO(close) int fd = mount_clone(AT_FDCWD, host, false, false);
	AUTO(close) int place = -1;
	int r = fd < 0 ? fd : mount_set(fd, attrs, 0, MS_PRIVATE, false);

	if (r >= 0)
		place = openat(at, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (r >= 0 && place < 0)
		r = -errno;
	if (r >= 0)
		r = mount_attach(fd, place);
	return r < 0 ? err_sys(err, -r, "mount cgroup '%s'", host) : 0;
}

/* One controller's directory; "cpu" may be a link to "cpu,cpuacct" that both share. */
static int attach_v1_ctl(struct child *c, int at, unsigned ctl, uint64_t attrs, struct err *err)
{
	char host[CGROUP_DIR_MAX], link[64];
	const char *name = runtime_cgroup_ctl_name(ctl);
	ssize_t n;

	snprintf(host, sizeof(host), "/sys/fs/cgroup/%s", name);
	n = readlink(host, link, sizeof(link) - 1);
	if (n > 0) {
		link[n] = 0;
		if (symlinkat(link, at, name) < 0)
			return err_sys(err, errno, "link cgroup '%s'", name);
		name = path_base(link);
	}
	if (mkdirat(at, name, 0755) < 0) {
		if (errno == EEXIST)
			return 0;
		return err_sys(err, errno, "make cgroup directory '%s'", name);
	}
	runtime_cgroup_dir(c->cg, ctl, host);
	return bind_cgroup(at, name, host, attrs, err);
}

static int attach_v1(struct child *c, const struct plan_mount *m, int place, struct err *err)
{
	AUTO(close) int ctx = mount_fs_open("tmpfs");
	AUTO(close) int mnt = -1;
	uint64_t attrs = m->set & ~(uint64_t)MOUNT_ATTR_RDONLY;
	int r = ctx < 0 ? ctx : mount_fs_string(ctx, "source", "tmpfs");

	if (r >= 0)
		r = mount_fs_string(ctx, "mode", "755");
	if (r >= 0)
		r = mnt = mount_fs_finish(ctx, attrs);
	if (r >= 0)
		r = mount_attach(mnt, place);
	if (r < 0)
		return err_sys(err, -r, "mount '%s'", plan_cstr(c->plan, m->dest));
	for (unsigned ctl = 0; ctl < CGROUP_CTLS; ctl++)
		if (c->cg->ctls & 1u << ctl && attach_v1_ctl(c, mnt, ctl, m->set, err) < 0)
			return -1;
	r = mount_set(mnt, m->set, 0, 0, false);
	return r < 0 ? err_sys(err, -r, "make '%s' read-only", plan_cstr(c->plan, m->dest)) : 0;
}

static int attach_cgroup(struct child *c, const struct plan_mount *m, struct err *err)
{
	AUTO(close) int place = open_place(c, m, false, err);
	AUTO(close) int mnt = -1;
	char host[CGROUP_DIR_MAX];
	bool v2, own_ns = c->plan->head->ns_new & CLONE_NEWCGROUP;
	int r;

	if (place < 0)
		return -1;
	runtime_cgroup_detect(&v2);
	if (!v2)
		return attach_v1(c, m, place, err);
	if (own_ns) {
		mnt = make_fs(c->plan, m, "cgroup2", m->set, err);
		if (mnt == -1)
			return -1;
	}
	if (mnt < 0) {
		runtime_cgroup_dir(c->cg, 0, host);
		mnt = mount_clone(AT_FDCWD, host, false, false);
		r = mnt < 0 ? mnt : mount_set(mnt, m->set, 0, MS_PRIVATE, false);
		if (r < 0)
			return err_sys(err, -r, "mount '%s'", plan_cstr(c->plan, m->dest));
	}
	r = mount_attach(mnt, place);
	return r < 0 ? err_sys(err, -r, "mount '%s'", plan_cstr(c->plan, m->dest)) : 0;
}

int runtime_mounts_attach(struct child *c, struct err *err)
{
	uint32_t i = 0;

	plan_for_each(struct plan_mount, m, c->plan, &c->plan->head->mounts)
	{
		int r = m->kind == PLAN_MOUNT_BIND     ? attach_bind(c, m, c->bind_fd[i], err)
			: m->kind == PLAN_MOUNT_CGROUP ? attach_cgroup(c, m, err)
						       : attach_fs(c, m, err);

		if (r < 0)
			return -1;
		auto_close(&c->bind_fd[i]);
		c->bind_fd[i++] = -1;
	}
	return 0;
}

/* ---- masked and read-only paths */

static int open_null(struct child *c)
{
	AUTO(close) int fd = beneath_open(c->root, "dev/null", O_PATH, 0, BENEATH_NO_LINKS);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
		auto_close(&fd);
		fd = open("/dev/null", O_PATH | O_CLOEXEC); /* the host's */
	}
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return -ENODEV;
	return TAKE_FD(fd);
}

/* The cover of a directory: the first is a new tmpfs, the others are clones of it. */
static int empty_dir(int *first)
{
	AUTO(close) int ctx = -1;
	int r;

	if (*first >= 0)
		return mount_clone(*first, "", false, false);
	ctx = mount_fs_open("tmpfs");
	if (ctx < 0)
		return ctx;
	r = mount_fs_string(ctx, "source", "tmpfs");
	if (r == 0)
		r = mount_fs_string(ctx, "size", "0k");
	if (r == 0)
		r = mount_fs_option(ctx, "ro");
	if (r == 0)
		r = mount_fs_finish(ctx, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
						 MOUNT_ATTR_NOEXEC);
	return r;
}

static int mask_one(struct child *c, const char *path, int null, int *first)
{
	AUTO(close) int place = beneath_open(c->root, path, O_PATH, 0, 0);
	AUTO(close) int cover = -1;
	struct stat st;
	int r;

	if (place == -ENOENT || place == -ENOTDIR)
		return 0;
	if (place < 0)
		return place;
	if (fstat(place, &st) < 0)
		return -errno;
	cover = S_ISDIR(st.st_mode) ? empty_dir(first) : mount_clone(null, "", false, false);
	if (cover < 0)
		return cover;
	r = mount_attach(cover, place);
	if (r == 0 && S_ISDIR(st.st_mode) && *first < 0)
		*first = TAKE_FD(cover);
	return r;
}

static int readonly_one(struct child *c, const char *path)
{
	AUTO(close) int place = beneath_open(c->root, path, O_PATH, 0, 0);
	AUTO(close) int cover = -1;
	int r;

	if (place == -ENOENT || place == -ENOTDIR)
		return 0;
	if (place < 0)
		return place;
	cover = mount_clone(place, "", true, false);
	if (cover < 0)
		return cover;
	r = mount_set(cover, MOUNT_ATTR_RDONLY, 0, 0, true);
	return r < 0 ? r : mount_attach(cover, place);
}

int runtime_mounts_mask(struct child *c, struct err *err)
{
	const struct plan_head *h = c->plan->head;
	AUTO(close) int null = -1;
	AUTO(close) int first = -1;
	int r = 0;

	for (uint32_t i = 0; i < h->readonly.n; i++) {
		r = readonly_one(c, plan_nth(c->plan, &h->readonly, i));
		if (r < 0)
			return err_sys(err, -r, "make '%s' read-only",
				       plan_nth(c->plan, &h->readonly, i));
	}
	if (!h->masked.n)
		return 0;
	null = open_null(c);
	if (null < 0)
		return err_sys(err, -null, "open /dev/null");
	for (uint32_t i = 0; i < h->masked.n; i++) {
		r = mask_one(c, plan_nth(c->plan, &h->masked, i), null, &first);
		if (r < 0)
			return err_sys(err, -r, "mask '%s'", plan_nth(c->plan, &h->masked, i));
	}
	return 0;
}
