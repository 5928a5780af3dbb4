/*
 * devices.c - /dev of a container: nodes, links, the terminal; and sysctls
 *
 * (1) Nodes and links are made in /dev itself, never through a link, and not where the document
 *     binds a /dev of the host's.
 * (2) A sysctl is written through a procfs, checked to be one, and not through a link.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "base/fs.h"
#include "sys/mnt.h"
#include "sys/tty.h"

static const struct {
	const char *name;
	unsigned major, minor;
} standard[] = {
	{"null", 1, 3},	  {"zero", 1, 5},    {"full", 1, 7},
	{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

static const struct {
	const char *name, *target;
} links[] = {
	{"fd", "/proc/self/fd"},       {"stdin", "/proc/self/fd/0"}, {"stdout", "/proc/self/fd/1"},
	{"stderr", "/proc/self/fd/2"}, {"core", "/proc/kcore"},	     {"ptmx", "pts/ptmx"},
};

/* In a user namespace nobody may make nodes: the host's own is bound there instead. */
static int bind_node(int dir, const char *name, const char *host)
{
	AUTO(close) int cover = mount_clone(AT_FDCWD, host, false, false);
	AUTO(close) int place = -1;

	if (cover < 0)
		return cover;
	if (mknodat(dir, name, S_IFREG | 0666, 0) < 0 && errno != EEXIST)
		return -errno;
	place = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return place < 0 ? -errno : mount_attach(cover, place);
}

static int same_node(int dir, const char *name, mode_t mode, dev_t dev)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	return (st.st_mode & S_IFMT) == (mode & S_IFMT) && st.st_rdev == dev ? 0 : -EEXIST;
}

static int make_node(struct child *c, int dir, const char *name, const char *host, mode_t mode,
		     dev_t dev)
{
	if (c->plan->head->ns_new & CLONE_NEWUSER)
		return bind_node(dir, name, host);
	if (mknodat(dir, name, mode, dev) == 0)
		return 0;
	if (errno == EEXIST)
		return same_node(dir, name, mode, dev);
	return errno == EPERM ? bind_node(dir, name, host) : -errno;
}

/* One of the plan's own devices: anywhere in the root, parents made. */
static int make_device(struct child *c, const struct plan_device *d, struct err *err)
{
	const char *path = plan_cstr(c->plan, d->path), *name = path_base(path);
	AUTO(free) char *parent = xstrndup(path, (size_t)(name - path));
	AUTO(close) int dir = beneath_make(c->root, parent, false);
	int r = dir;

	if (r >= 0)
		r = make_node(c, dir, name, path, d->mode, makedev(d->major, d->minor));
	if (r >= 0 && (d->uid || d->gid) && !(c->plan->head->ns_new & CLONE_NEWUSER) &&
	    fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	return r < 0 ? err_sys(err, -r, "make device '%s'", path) : 0;
}

int runtime_devices_setup(struct child *c, struct err *err)
{
	AUTO(close)
	int dev = beneath_open(c->root, "dev", O_RDONLY | O_DIRECTORY, 0, BENEATH_NO_LINKS);
	char host[32];

	if (dev < 0)
		return err_sys(err, -dev, "open /dev");
	for (size_t i = 0; i < ARRAY_LEN(standard); i++) {
		int r;

		snprintf(host, sizeof(host), "/dev/%s", standard[i].name);
		r = make_node(c, dev, standard[i].name, host, S_IFCHR | 0666,
			      makedev(standard[i].major, standard[i].minor));
		if (r < 0)
			return err_sys(err, -r, "make device '%s'", host);
	}
	for (size_t i = 0; i < ARRAY_LEN(links); i++)
		if (symlinkat(links[i].target, dev, links[i].name) < 0 && errno != EEXIST)
			return err_sys(err, errno, "make /dev/%s", links[i].name);
	plan_for_each(struct plan_device, d, c->plan,
		      &c->plan->head->devices) if (make_device(c, d, err) < 0) return -1;
	return 0;
}

/* The container's own devpts; the host's if the plan mounts none. */
static int open_ptmx(struct child *c)
{
	int fd = beneath_open(c->root, "dev/pts/ptmx", O_RDWR | O_NOCTTY, 0, BENEATH_NO_LINKS);
	struct statfs sf;

	if (fd >= 0 && fstatfs(fd, &sf) == 0 && sf.f_type == DEVPTS_SUPER_MAGIC)
		return fd;
	auto_close(&fd);
	if (c->pidfd >= 0 || c->bind_fd == NULL) /* an exec: no host in sight */
		return -ENODEV;
	fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int bind_console(struct child *c)
{
	AUTO(close) int cover = mount_clone(c->slave, "", false, false);
	AUTO(close)
	int dev = beneath_open(c->root, "dev", O_RDONLY | O_DIRECTORY, 0, BENEATH_NO_LINKS);
	AUTO(close) int place = -1;

	if (cover < 0)
		return cover;
	if (dev < 0)
		return dev;
	if (mknodat(dev, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return -errno;
	place = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	return place < 0 ? -errno : mount_attach(cover, place);
}

int runtime_console_setup(struct child *c, bool bind, struct err *err)
{
	int r = c->master = open_ptmx(c);

	if (r >= 0)
		r = c->slave = tty_slave(c->master);
	if (r >= 0 && (c->rows || c->cols))
		r = tty_resize(c->master, c->rows, c->cols);
	if (r >= 0 && bind)
		r = bind_console(c);
	return r < 0 ? err_sys(err, -r, "set up the terminal") : 0;
}

int runtime_sysctls_write(struct child *c, struct err *err)
{
	AUTO(close) int proc = -1;
	struct statfs sf;

	if (!c->plan->head->sysctls.n)
		return 0;
	proc = c->proc >= 0
		       ? fcntl(c->proc, F_DUPFD_CLOEXEC, 3)
		       : beneath_open(c->root, "proc", O_PATH | O_DIRECTORY, 0, BENEATH_NO_LINKS);
	if (proc < 0 || fstatfs(proc, &sf) < 0 || sf.f_type != PROC_SUPER_MAGIC)
		return err_set(err, ERR_INVALID, "sysctls need a /proc in the container");
	plan_for_each(struct plan_pair, s, c->plan, &c->plan->head->sysctls)
	{
		const char *key = plan_cstr(c->plan, s->key), *value = plan_cstr(c->plan, s->value);
		AUTO(free) char *path = xasprintf("sys/%s", key);
		AUTO(close)
		int fd = beneath_open(proc, path, O_WRONLY, 0, BENEATH_NO_LINKS | BENEATH_NO_XDEV);

		if (fd < 0)
			return err_sys(err, -fd, "open sysctl '%s'", key);
		if (write(fd, value, strlen(value)) < 0)
			return err_sys(err, errno, "write '%s' to sysctl '%s'", value, key);
	}
	return 0;
}
