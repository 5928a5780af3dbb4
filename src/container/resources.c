/*
 * resources.c - limits and devices of a container in runtime-spec's terms
 */
#include "container/spec.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

static struct opt_int some(int64_t v)
{
	return (struct opt_int){true, v};
}

static struct opt_int if_set(int64_t v)
{
	return (struct opt_int){v != 0, v};
}

static void memory(const struct host_config *h, struct oci_resources *r)
{
	struct oci_memory *m;

	if (!h->memory && !h->memory_swap && !h->memory_reservation && !h->memory_swappiness.set &&
	    !h->oom_kill_disable.v)
		return;
	m = r->memory = xnew(struct oci_memory);
	m->limit = if_set(h->memory);
	m->swap = if_set(h->memory_swap);
	m->reservation = if_set(h->memory_reservation);
	if (h->memory_swappiness.set && h->memory_swappiness.v >= 0)
		m->swappiness = h->memory_swappiness;
	if (h->oom_kill_disable.v)
		m->disable_oom_killer = h->oom_kill_disable;
}

static void cpu(const struct host_config *h, struct oci_resources *r)
{
	struct oci_cpu *c;

	if (!h->cpu_shares && !h->nano_cpus && !h->cpu_period && !h->cpu_quota &&
	    !*str_or(h->cpuset_cpus) && !*str_or(h->cpuset_mems))
		return;
	c = r->cpu = xnew(struct oci_cpu);
	c->shares = if_set(h->cpu_shares);
	if (h->nano_cpus) { /* docker's: a period of 100 ms */
		c->period = some(100000);
		c->quota = some(h->nano_cpus * 100000 / 1000000000);
	} else {
		c->period = if_set(h->cpu_period);
		c->quota = if_set(h->cpu_quota);
	}
	c->cpus = *str_or(h->cpuset_cpus) ? xstrdup(h->cpuset_cpus) : NULL;
	c->mems = *str_or(h->cpuset_mems) ? xstrdup(h->cpuset_mems) : NULL;
}

static int device_of(const char *path, mode_t *ret_mode, dev_t *ret, struct err *err)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return err_sys(err, errno, "error gathering device information while adding custom "
					   "device \"%s\"", path);
	*ret_mode = st.st_mode;
	*ret = st.st_rdev;
	return 0;
}

static int throttles(const struct jarray *in, struct jarray *out, struct err *err)
{
	for (size_t i = 0; i < in->n; i++) {
		const struct throttle_device *t = (struct throttle_device *)in->v + i;
		struct oci_throttle_device *o;
		mode_t mode;
		dev_t dev;

		if (device_of(str_or(t->path), &mode, &dev, err) < 0)
			return -1;
		o = jarray_add(out, sizeof(*o));
		o->major = major(dev);
		o->minor = minor(dev);
		o->rate = t->rate;
	}
	return 0;
}

static int block_io(const struct host_config *h, struct oci_resources *r, struct err *err)
{
	struct oci_block_io *b;

	if (!h->blkio_weight && !h->blkio_weight_device.n && !h->blkio_device_read_bps.n &&
	    !h->blkio_device_write_bps.n && !h->blkio_device_read_iops.n &&
	    !h->blkio_device_write_iops.n)
		return 0;
	b = r->block_io = xnew(struct oci_block_io);
	b->weight = if_set(h->blkio_weight);
	for (size_t i = 0; i < h->blkio_weight_device.n; i++) {
		const struct weight_device *w = (struct weight_device *)h->blkio_weight_device.v + i;
		struct oci_weight_device *o;
		mode_t mode;
		dev_t dev;

		if (device_of(str_or(w->path), &mode, &dev, err) < 0)
			return -1;
		o = jarray_add(&b->weight_device, sizeof(*o));
		o->major = major(dev);
		o->minor = minor(dev);
		o->weight = some(w->weight);
	}
	if (throttles(&h->blkio_device_read_bps, &b->throttle_read_bps, err) < 0 ||
	    throttles(&h->blkio_device_write_bps, &b->throttle_write_bps, err) < 0 ||
	    throttles(&h->blkio_device_read_iops, &b->throttle_read_iops, err) < 0 ||
	    throttles(&h->blkio_device_write_iops, &b->throttle_write_iops, err) < 0)
		return -1;
	return 0;
}

static void rule(struct oci_resources *r, bool allow, const char *type, int64_t maj, int64_t min,
		 const char *access)
{
	struct oci_device_rule *d = jarray_add(&r->devices, sizeof(*d));

	d->allow = allow;
	d->type = xstrdup(type);
	d->major = (struct opt_int){maj >= 0, maj};
	d->minor = (struct opt_int){min >= 0, min};
	d->access = xstrdup(access);
}

static const struct {
	int64_t maj, min;
} default_devices[] = {{1, 5}, {1, 3}, {1, 9}, {1, 8}, {5, 0}, {5, 1}, {5, 2}, {136, -1}};

/* "c 42:* rmw" */
static int parse_rule(const char *s, struct oci_resources *r, struct err *err)
{
	char type[2], maj[12], min[12], access[4];
	int64_t a = -1, b = -1;
	int end = 0;

	if (sscanf(s, "%1[abc] %11[0-9*]:%11[0-9*] %3[rwm]%n", type, maj, min, access, &end) != 4 || s[end])
		return err_set(err, ERR_INVALID, "invalid device cgroup rule format: '%s'", s);
	if (!streq(maj, "*") && str_to_i64(maj, 10, &a) < 0)
		return err_set(err, ERR_INVALID, "invalid major value in device cgroup rule format: '%s'", s);
	if (!streq(min, "*") && str_to_i64(min, 10, &b) < 0)
		return err_set(err, ERR_INVALID, "invalid minor value in device cgroup rule format: '%s'", s);
	rule(r, true, type, a, b, access);
	return 0;
}

static int device_rules(const struct host_config *h, struct oci_resources *r, struct err *err)
{
	if (h->privileged) {
		rule(r, true, "a", -1, -1, "rwm");
		return 0;
	}
	rule(r, false, "a", -1, -1, "rwm");
	rule(r, true, "c", -1, -1, "m"); /* making nodes is allowed, using them is not */
	rule(r, true, "b", -1, -1, "m");
	for (size_t i = 0; i < ARRAY_LEN(default_devices); i++)
		rule(r, true, "c", default_devices[i].maj, default_devices[i].min, "rwm");
	for (size_t i = 0; i < h->devices.n; i++) {
		const struct device_mapping *d = (struct device_mapping *)h->devices.v + i;
		mode_t mode;
		dev_t dev;

		if (device_of(str_or(d->path_on_host), &mode, &dev, err) < 0)
			return -1;
		if (S_ISCHR(mode) || S_ISBLK(mode))
			rule(r, true, S_ISBLK(mode) ? "b" : "c", major(dev), minor(dev),
			     *str_or(d->cgroup_permissions) ? d->cgroup_permissions : "rwm");
	}
	for (size_t i = 0; i < h->device_cgroup_rules.n; i++)
		if (parse_rule(h->device_cgroup_rules.v[i], r, err) < 0)
			return -1;
	return 0;
}

int spec_resources(const struct container *c, struct oci_resources **ret, struct err *err)
{
	const struct host_config *h = &c->host;
	struct oci_resources *r = *ret = xnew(struct oci_resources);

	memory(h, r);
	cpu(h, r);
	if (h->pids_limit.set) {
		r->pids = xnew(struct oci_pids);
		r->pids->limit = h->pids_limit;
	}
	return block_io(h, r, err) < 0 || device_rules(h, r, err) < 0 ? -1 : 0;
}

static void add_device(struct oci_spec *spec, const char *path, mode_t mode, dev_t dev, const struct stat *st)
{
	struct oci_device *d = jarray_add(&spec->linux_->devices, sizeof(*d));

	d->type = xstrdup(S_ISBLK(mode) ? "b" : "c");
	d->path = xstrdup(path);
	d->major = major(dev);
	d->minor = minor(dev);
	d->file_mode = some(mode & 07777);
	d->uid = some(st ? st->st_uid : 0);
	d->gid = some(st ? st->st_gid : 0);
}

/* Every device node in a host directory, for --privileged and --device /dev/dir. */
static void add_device_dir(struct oci_spec *spec, const char *host_dir, const char *dir, int depth)
{
	static const char *const own[] = {"pts", "shm", "fd", "mqueue", "console", "ptmx", "stdin",
					  "stdout", "stderr", ".lxc", ".lxd-mounts", ".udev"};
	DIR *d = opendir(host_dir);
	struct dirent *de;

	if (!d)
		return;
	while ((de = readdir(d))) {
		AUTO(free) char *from = path_join(host_dir, de->d_name);
		AUTO(free) char *to = path_join(dir, de->d_name);
		struct stat st;
		bool skip = de->d_name[0] == '.';

		for (size_t i = 0; depth == 0 && i < ARRAY_LEN(own); i++)
			skip = skip || streq(own[i], de->d_name);
		if (skip || lstat(from, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < 8)
			add_device_dir(spec, from, to, depth + 1);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add_device(spec, to, st.st_mode, st.st_rdev, &st);
	}
	closedir(d);
}

int spec_devices(const struct container *c, struct oci_spec *spec, struct err *err)
{
	const struct host_config *h = &c->host;

	if (h->privileged) {
		add_device_dir(spec, "/dev", "/dev", 0);
		return 0;
	}
	for (size_t i = 0; i < h->devices.n; i++) {
		const struct device_mapping *d = (struct device_mapping *)h->devices.v + i;
		const char *to = *str_or(d->path_in_container) ? d->path_in_container : d->path_on_host;
		struct stat st;

		if (stat(str_or(d->path_on_host), &st) < 0)
			return err_sys(err, errno, "error gathering device information while adding "
						   "custom device \"%s\"", str_or(d->path_on_host));
		if (S_ISDIR(st.st_mode))
			add_device_dir(spec, d->path_on_host, to, 1);
		else if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
			add_device(spec, to, st.st_mode, st.st_rdev, &st);
		else
			return err_set(err, ERR_INVALID,
				       "error gathering device information while adding custom device "
				       "\"%s\": not a device node",
				       d->path_on_host);
	}
	return 0;
}
