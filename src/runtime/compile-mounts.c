/*
 * compile-mounts.c - mounts and devices of a document
 *
 * (1) An option that the table does not have goes to the file system; for a bind mount it is
 *     ignored, as everyone does.
 */
#include <linux/mount.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "runtime/compile.h"

#define INIT_PLACE "/sbin/docker-init"

enum option_kind { O_SET, O_CLEAR, O_ATIME, O_PROPAGATION, O_FLAG, O_BIND, O_IGNORE };

static const struct {
	const char *name;
	enum option_kind kind;
	uint32_t value;
	bool recursive;
} options[] = {
	{"ro", O_SET, MOUNT_ATTR_RDONLY, false},
	{"rw", O_CLEAR, MOUNT_ATTR_RDONLY, false},
	{"nosuid", O_SET, MOUNT_ATTR_NOSUID, false},
	{"suid", O_CLEAR, MOUNT_ATTR_NOSUID, false},
	{"nodev", O_SET, MOUNT_ATTR_NODEV, false},
	{"dev", O_CLEAR, MOUNT_ATTR_NODEV, false},
	{"noexec", O_SET, MOUNT_ATTR_NOEXEC, false},
	{"exec", O_CLEAR, MOUNT_ATTR_NOEXEC, false},
	{"nodiratime", O_SET, MOUNT_ATTR_NODIRATIME, false},
	{"diratime", O_CLEAR, MOUNT_ATTR_NODIRATIME, false},
	{"nosymfollow", O_SET, MOUNT_ATTR_NOSYMFOLLOW, false},
	{"symfollow", O_CLEAR, MOUNT_ATTR_NOSYMFOLLOW, false},
	{"relatime", O_ATIME, MOUNT_ATTR_RELATIME, false},
	{"norelatime", O_ATIME, MOUNT_ATTR_STRICTATIME, false},
	{"noatime", O_ATIME, MOUNT_ATTR_NOATIME, false},
	{"atime", O_ATIME, MOUNT_ATTR_RELATIME, false},
	{"strictatime", O_ATIME, MOUNT_ATTR_STRICTATIME, false},
	{"nostrictatime", O_ATIME, MOUNT_ATTR_RELATIME, false},
	{"rro", O_SET, MOUNT_ATTR_RDONLY, true},
	{"rrw", O_CLEAR, MOUNT_ATTR_RDONLY, true},
	{"rnosuid", O_SET, MOUNT_ATTR_NOSUID, true},
	{"rsuid", O_CLEAR, MOUNT_ATTR_NOSUID, true},
	{"rnodev", O_SET, MOUNT_ATTR_NODEV, true},
	{"rdev", O_CLEAR, MOUNT_ATTR_NODEV, true},
	{"rnoexec", O_SET, MOUNT_ATTR_NOEXEC, true},
	{"rexec", O_CLEAR, MOUNT_ATTR_NOEXEC, true},
	{"rnodiratime", O_SET, MOUNT_ATTR_NODIRATIME, true},
	{"rdiratime", O_CLEAR, MOUNT_ATTR_NODIRATIME, true},
	{"rnosymfollow", O_SET, MOUNT_ATTR_NOSYMFOLLOW, true},
	{"rsymfollow", O_CLEAR, MOUNT_ATTR_NOSYMFOLLOW, true},
	{"rrelatime", O_ATIME, MOUNT_ATTR_RELATIME, true},
	{"rnoatime", O_ATIME, MOUNT_ATTR_NOATIME, true},
	{"rstrictatime", O_ATIME, MOUNT_ATTR_STRICTATIME, true},
	{"private", O_PROPAGATION, MS_PRIVATE, false},
	{"rprivate", O_PROPAGATION, MS_PRIVATE, true},
	{"slave", O_PROPAGATION, MS_SLAVE, false},
	{"rslave", O_PROPAGATION, MS_SLAVE, true},
	{"shared", O_PROPAGATION, MS_SHARED, false},
	{"rshared", O_PROPAGATION, MS_SHARED, true},
	{"unbindable", O_PROPAGATION, MS_UNBINDABLE, false},
	{"runbindable", O_PROPAGATION, MS_UNBINDABLE, true},
	{"tmpcopyup", O_FLAG, PLAN_M_COPYUP, false},
	{"src-nofollow", O_FLAG, PLAN_M_NOFOLLOW, false},
	{"bind", O_BIND, 0, false},
	{"rbind", O_BIND, 0, true},
	{"idmap", O_IGNORE, 0, false},
	{"ridmap", O_IGNORE, 0, true},
	{"defaults", O_IGNORE, 0, false},
	{"remount", O_IGNORE, 0, false},
	{"z", O_IGNORE, 0, false},
	{"Z", O_IGNORE, 0, false},
	{"loud", O_IGNORE, 0, false},
	{"silent", O_IGNORE, 0, false},
	{"nomand", O_IGNORE, 0, false},
	{"async", O_IGNORE, 0, false},
	{"iversion", O_IGNORE, 0, false},
	{"noiversion", O_IGNORE, 0, false},
};

static void apply_attr(struct plan_mount *m, uint64_t set, uint64_t clear, bool recursive)
{
	uint64_t *s = recursive ? &m->rec_set : &m->set, *c = recursive ? &m->rec_clear : &m->clear;

	*s = (*s & ~clear) | set;
	*c = (*c & ~set) | clear;
}

/* False: not an option of ours. */
static bool apply_option(struct plan_mount *m, const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(options); i++) {
		if (!streq(options[i].name, name))
			continue;
		switch (options[i].kind) {
		case O_SET:
			apply_attr(m, options[i].value, 0, options[i].recursive);
			break;
		case O_CLEAR:
			apply_attr(m, 0, options[i].value, options[i].recursive);
			break;
		case O_ATIME:
			apply_attr(m, options[i].value, MOUNT_ATTR__ATIME & ~options[i].value,
				   options[i].recursive);
			*(options[i].recursive ? &m->rec_clear : &m->clear) |= MOUNT_ATTR__ATIME;
			break;
		case O_PROPAGATION:
			m->propagation = options[i].value;
			m->flags |= options[i].recursive ? PLAN_M_PROPAGATE_REC : 0;
			break;
		case O_FLAG:
			m->flags |= options[i].value;
			break;
		case O_BIND:
			m->kind = PLAN_MOUNT_BIND;
			m->flags |= options[i].recursive ? PLAN_M_RECURSIVE : 0;
			break;
		case O_IGNORE:
			break;
		}
		return true;
	}
	return false;
}

static int compile_mount(struct writer *w, const struct oci_mount *src,
			 const struct plan_opts *opts, struct plan_mount *m, bool *ret_dev,
			 struct err *err)
{
	AUTO(free) char *dest = NULL;
	AUTO(strv) struct strv rest = {0};
	const char *type = str_or(src->type), *subpath = NULL;

	if (!src->destination || !*src->destination)
		return err_set(err, ERR_INVALID, "a mount without destination");
	dest = *src->destination == '/' ? path_clean(src->destination)
					: xasprintf("/%s", src->destination);
	*m = (struct plan_mount){.kind = streq(type, "bind") ? PLAN_MOUNT_BIND
					 : streq(type, "cgroup") || streq(type, "cgroup2")
						 ? PLAN_MOUNT_CGROUP
						 : PLAN_MOUNT_FS};
	strv_for_each (opt, &src->options)
		if (*opt && !apply_option(m, opt))
			strv_add(&rest, opt);
	strv_for_each (opt, &src->options)
		if (m->kind == PLAN_MOUNT_BIND && str_after(opt, PLAN_SUBPATH_OPTION))
			subpath = str_after(opt, PLAN_SUBPATH_OPTION);
	if (m->kind != PLAN_MOUNT_BIND) {
		if (!*type)
			return err_set(err, ERR_INVALID, "mount '%s': no type", dest);
		m->options = plan_write_strv(w, &rest);
	} else if (!src->source || !*src->source) {
		return err_set(err, ERR_INVALID, "mount '%s': no source", dest);
	}
	if (streq(dest, "/dev"))
		*ret_dev = m->kind == PLAN_MOUNT_BIND;
	if (str_after(dest, "/proc/"))
		m->flags |= PLAN_M_PROC_OK;
	m->dest = plan_write_str(w, dest);
	m->fstype = plan_write_str(w, m->kind == PLAN_MOUNT_BIND ? "bind" : type);
	if (m->kind == PLAN_MOUNT_BIND && *src->source != '/') {
		AUTO(free) char *full = path_join(opts->bundle ? opts->bundle : ".", src->source);

		m->source = plan_write_str(w, full);
	} else {
		m->source = plan_write_str(w, src->source);
	}
	if (subpath) {
		plan_str text = plan_write_str_always(w, subpath);

		m->flags |= PLAN_M_SUBPATH;
		m->options = plan_write_vec(w, &text, 1, sizeof(text));
	}
	m->uidmap = plan_compile_idmap(w, &src->uid_mappings);
	m->gidmap = plan_compile_idmap(w, &src->gid_mappings);
	return 0;
}

static int compile_devices(struct writer *w, const struct oci_spec *spec, struct plan_head *h,
			   struct err *err)
{
	const struct jarray *devices = &spec->linux_->devices;
	AUTO(free) struct plan_device *v = xnew_n(struct plan_device, devices->n);
	size_t n = 0;

	oci_for_each(struct oci_device, d, devices)
	{
		char type = d->type ? d->type[0] : 0;
		mode_t kind = type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;

		if (!d->path || *d->path != '/' || !type || !strchr("cubp", type))
			return err_set(err, ERR_INVALID, "invalid device '%s'", str_or(d->path));
		AUTO(free) char *path = path_clean(d->path);

		v[n++] = (struct plan_device){
			.path = plan_write_str(w, path),
			.mode = kind | (uint32_t)(d->file_mode.set ? d->file_mode.v & 07777 : 0666),
			.major = (uint32_t)d->major,
			.minor = (uint32_t)d->minor,
			.uid = (uint32_t)d->uid.v,
			.gid = (uint32_t)d->gid.v};
	}
	h->devices = plan_write_vec(w, v, n, sizeof(*v));
	return 0;
}

static void add_init(struct writer *w, const struct plan_opts *opts, struct plan_mount *m)
{
	/* read-only: /proc/1/exe must not lead to a writable file of the host */
	*m = (struct plan_mount){.kind = PLAN_MOUNT_BIND,
				 .set = MOUNT_ATTR_RDONLY,
				 .propagation = MS_PRIVATE,
				 .dest = plan_write_str(w, INIT_PLACE),
				 .source = plan_write_str(w, opts->init_path),
				 .fstype = plan_write_str(w, "bind")};
}

int plan_compile_mounts(struct writer *w, const struct oci_spec *spec, const struct plan_opts *opts,
			struct plan_head *h, struct err *err)
{
	AUTO(free) struct plan_mount *v = xnew_n(struct plan_mount, spec->mounts.n + 1);
	bool dev_bound = false;
	size_t n = 0;

	oci_for_each(struct oci_mount, m,
		     &spec->mounts) if (compile_mount(w, m, opts, &v[n++], &dev_bound, err) <
					0) return -1;
	if (opts->init_path)
		add_init(w, opts, &v[n++]);
	h->mounts = plan_write_vec(w, v, n, sizeof(*v));
	if (!dev_bound)
		h->flags |= PLAN_F_DEV_SETUP;
	return compile_devices(w, spec, h, err);
}
