/*
 * specmounts.c - the mounts of a container in runtime-spec's terms
 *
 * Order: the kernel's file systems, then the user's mounts by depth, so that one may lie in
 * another, then docker's three files in /etc unless the user mounts something there.
 */
#include "container/spec.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>

static bool user_mounts_at(const struct container *c, const char *dst)
{
	const struct mount_point *mp = c->mounts.v;

	for (size_t i = 0; i < c->mounts.n; i++)
		if (streq(mp[i].destination, dst))
			return true;
	return map_has(&c->host.tmpfs, dst);
}

static void add_kernel_mounts(struct container *c, struct oci_spec *spec)
{
	const struct host_config *h = &c->host;
	bool priv = h->privileged;
	char shm[80];

	oci_add_mount(spec, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	oci_add_mount(spec, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	oci_add_mount(spec, "/dev/pts", "devpts", "devpts",
		      "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	oci_add_mount(spec, "/sys", "sysfs", "sysfs",
		      priv ? "nosuid,noexec,nodev,rw" : "nosuid,noexec,nodev,ro");
	oci_add_mount(spec, "/sys/fs/cgroup", "cgroup", "cgroup",
		      priv ? "nosuid,noexec,nodev,rw" : "nosuid,noexec,nodev,ro");
	if (!str_after(str_or(h->ipc_mode), "container:") && !streq(h->ipc_mode, "host"))
		oci_add_mount(spec, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	if (user_mounts_at(c, "/dev/shm") || streq(h->ipc_mode, "none"))
		return;
	if (streq(h->ipc_mode, "host")) {
		oci_add_mount(spec, "/dev/shm", "bind", "/dev/shm", "rbind,rprivate,nosuid,noexec,nodev");
		if (access("/dev/mqueue", F_OK) == 0)
			oci_add_mount(spec, "/dev/mqueue", "bind", "/dev/mqueue",
				      "rbind,rprivate,nosuid,noexec,nodev");
		return;
	}
	snprintf(shm, sizeof(shm), "nosuid,noexec,nodev,mode=1777,size=%lld", (long long)h->shm_size);
	if (!str_after(str_or(h->ipc_mode), "container:"))
		oci_add_mount(spec, "/dev/shm", "tmpfs", "shm", shm);
}

struct user_mount {
	const char *destination;
	const struct mount_point *mp; /* or */
	const char *tmpfs_options;
};

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

static int by_depth(const void *a, const void *b)
{
	const struct user_mount *x = a, *y = b;
	size_t dx = depth(x->destination), dy = depth(y->destination);

	return dx != dy ? (dx < dy ? -1 : 1) : strcmp(x->destination, y->destination);
}

/* docker's defaults for --tmpfs, then what the user wrote. */
static void add_tmpfs(struct oci_spec *spec, const char *dst, const char *options, bool rw)
{
	AUTO(free) char *o = xasprintf("noexec,nosuid,nodev%s%s%s", *options ? "," : "", options,
				       rw ? "" : ",ro");

	oci_add_mount(spec, dst, "tmpfs", "tmpfs", o);
}

/*
 * What a volume holds was written by containers: a link in it must not lead out of it. See
 * openat2(2), RESOLVE_BENEATH. This is for the message: it may change until it is mounted, and the
 * runtime looks again.
 */
static int check_subpath(const char *volume, const char *subpath, struct err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	AUTO(close) int root = open(volume, O_PATH | O_DIRECTORY | O_CLOEXEC);
	AUTO(close) int fd = -1;

	if (root < 0)
		return err_sys(err, errno, "open volume '%s'", volume);
	fd = (int)syscall(SYS_openat2, root, subpath, &how, sizeof(how));
	if (fd < 0 && errno == EXDEV)
		return err_set(err, ERR_INVALID, "subpath must be a relative path within the volume: %s",
			       subpath);
	if (fd < 0)
		return err_sys(err, errno, "open subpath '%s' of the volume", subpath);
	return 0;
}

static int add_point(struct container *c, struct oci_spec *spec, const struct mount_point *mp,
		     struct err *err)
{
	AUTO(free) char *source = NULL;
	AUTO(free) char *options = NULL;
	AUTO(free) char *subpath = NULL;
	struct oci_mount *m;

	if (streq(mp->type, "tmpfs")) {
		add_tmpfs(spec, mp->destination, str_or(mp->data), mp->rw);
		return 0;
	}
	if (streq(mp->type, "volume")) {
		if (volume_mount(c->cs->cfg.volumes, mp->name, c->id, &source, err) < 0)
			return -1;
		if (mp->subpath) {
			if (check_subpath(source, mp->subpath, err) < 0)
				return -1;
			subpath = xasprintf(PLAN_SUBPATH_OPTION "%s", mp->subpath);
		}
	} else {
		source = xstrdup(mp->source);
	}
	options = xasprintf("%s,%s,%s", mp->non_recursive ? "bind" : "rbind",
			    mp->rw ? "rw" : mp->ro_non_recursive ? "ro" : "ro,rro",
			    mp->propagation && *mp->propagation ? mp->propagation : "rprivate");
	m = oci_add_mount(spec, mp->destination, "bind", source, options);
	if (subpath) /* resolved by the one that mounts it: the volume's users may change it till then */
		strv_add(&m->options, subpath);
	return 0;
}

static void add_etc_file(struct container *c, struct oci_spec *spec, const char *name)
{
	AUTO(free) char *dst = path_join("/etc", name);
	AUTO(free) char *src = path_join(c->run_dir, name);

	if (!user_mounts_at(c, dst) && access(src, F_OK) == 0)
		oci_add_mount(spec, dst, "bind", src, c->host.readonly_rootfs ? "rbind,rprivate,ro" :
									       "rbind,rprivate");
}

int spec_mounts(struct container *c, struct oci_spec *spec, struct err *err)
{
	size_t n = 0, max = c->mounts.n + c->host.tmpfs.n;
	AUTO(free) struct user_mount *um = xnew_n(struct user_mount, max + 1);

	add_kernel_mounts(c, spec);
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *mp = (struct mount_point *)c->mounts.v + i;

		um[n++] = (struct user_mount){.destination = mp->destination, .mp = mp};
	}
	map_for_each(it, &c->host.tmpfs)
		um[n++] = (struct user_mount){.destination = it->key, .tmpfs_options = it->value};
	qsort(um, n, sizeof(*um), by_depth);
	for (size_t i = 0; i < n; i++) {
		if (!um[i].mp)
			add_tmpfs(spec, um[i].destination, um[i].tmpfs_options, true);
		else if (add_point(c, spec, um[i].mp, err) < 0)
			return -1;
	}
	add_etc_file(c, spec, "resolv.conf");
	add_etc_file(c, spec, "hostname");
	add_etc_file(c, spec, "hosts");
	return 0;
}
