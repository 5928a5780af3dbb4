/*
 * mounts.c - what is mounted where: -v, --mount, --volumes-from and the image's VOLUMEs
 *
 * All four become struct mount_point once, at creation; later only these are looked at.
 *
 * (1) One mount point per destination: a later source of the same destination is refused among
 *     -v and --mount, and gives way among --volumes-from and VOLUME.
 */
#include "container/private.h"

#include <errno.h>
#include <fcntl.h>

#define MP struct mount_point
static const struct jfield mount_point_fields[] = {
	JF(MP, type, "Type", J_STR, 0),
	JF(MP, name, "Name", J_STR, J_OMITEMPTY),
	JF(MP, source, "Source", J_STR, 0),
	JF(MP, destination, "Destination", J_STR, 0),
	JF(MP, driver, "Driver", J_STR, J_OMITEMPTY),
	JF(MP, mode, "Mode", J_STR, 0),
	JF(MP, rw, "RW", J_BOOL, 0),
	JF(MP, propagation, "Propagation", J_STR, 0),
	JF(MP, no_copy, "NoCopy", J_BOOL, J_OMITEMPTY),
	JF(MP, anonymous, "Anonymous", J_BOOL, J_OMITEMPTY),
	JF(MP, create_source, "CreateSource", J_BOOL, J_OMITEMPTY),
	JF(MP, non_recursive, "NonRecursive", J_BOOL, J_OMITEMPTY),
	JF(MP, ro_non_recursive, "RoNonRecursive", J_BOOL, J_OMITEMPTY),
	JF(MP, ro_force_recursive, "RoForceRecursive", J_BOOL, J_OMITEMPTY),
	JF(MP, from_binds, "FromBinds", J_BOOL, J_OMITEMPTY),
	JF(MP, subpath, "Subpath", J_STR, J_OMITEMPTY),
	JF(MP, data, "Data", J_STR, J_OMITEMPTY),
};
#undef MP
const struct jtype mount_point_type = {.name = "mount",
				       .size = sizeof(struct mount_point),
				       .fields = mount_point_fields,
				       .nfields = ARRAY_LEN(mount_point_fields)};

static struct mount_point *at_destination(const struct container *c, const char *dst)
{
	struct mount_point *mp = c->mounts.v;

	for (size_t i = 0; i < c->mounts.n; i++)
		if (streq(mp[i].destination, dst))
			return &mp[i];
	return NULL;
}

static struct mount_point *add_mount(struct container *c)
{
	struct mount_point *mp = jarray_add(&c->mounts, sizeof(*mp));

	mp->rw = true;
	return mp;
}

static void set_type(struct mount_point *mp, const char *type, const char *source, const char *dst)
{
	mp->type = xstrdup(type);
	mp->destination = path_clean(dst);
	if (streq(type, "volume")) {
		mp->name = xstrdup(source);
		mp->source = xstrdup("");
		mp->driver = xstrdup("local");
	} else {
		mp->source = source && *source ? path_clean(source) : xstrdup("");
	}
	mp->mode = xstrdup("");
	mp->propagation = xstrdup(streq(type, "bind") ? "rprivate" : "");
}

static const char *const propagations[] = {"private", "rprivate", "shared", "rshared", "slave", "rslave"};

static bool is_propagation(const char *s)
{
	for (size_t i = 0; i < ARRAY_LEN(propagations); i++)
		if (streq(propagations[i], s))
			return true;
	return false;
}

/* One word of -v's third field; false if it is none. */
static bool mode_word(struct mount_point *mp, const char *word, bool bind)
{
	if (streq(word, "ro") || streq(word, "rw")) {
		mp->rw = streq(word, "rw");
	} else if (bind && is_propagation(word)) {
		free(mp->propagation);
		mp->propagation = xstrdup(word);
	} else if (!bind && (streq(word, "nocopy") || streq(word, "volume-nocopy"))) {
		mp->no_copy = true;
	} else {
		return streq(word, "z") || streq(word, "Z") || streq(word, "consistent") ||
		       streq(word, "cached") || streq(word, "delegated");
	}
	return true;
}

static int parse_mode(struct mount_point *mp, const char *mode, struct err *err)
{
	AUTO(strv) struct strv words = {0};

	strv_split(&words, mode, ',');
	for (size_t i = 0; i < words.n; i++)
		if (!mode_word(mp, words.v[i], streq(mp->type, "bind")))
			return err_set(err, ERR_INVALID, "invalid mode: %s", mode);
	free(mp->mode);
	mp->mode = xstrdup(mode);
	return 0;
}

static int check_destination(const struct container *c, const char *dst, const char *spec,
			     const char *type, struct err *err)
{
	AUTO(free) char *clean = path_clean(dst);

	if (*dst != '/')
		return err_set(err, ERR_INVALID,
			       "invalid volume specification: '%s': invalid mount config for type "
			       "\"%s\": invalid mount path: '%s' mount path must be absolute",
			       spec, type, dst);
	if (streq(clean, "/"))
		return err_set(err, ERR_INVALID,
			       "invalid volume specification: '%s': invalid mount config for type "
			       "\"%s\": invalid specification: destination can't be '/'",
			       spec, type);
	if (at_destination(c, clean))
		return err_set(err, ERR_INVALID, "Duplicate mount point: %s", clean);
	return 0;
}

static int add_bind(struct container *c, const char *spec, struct err *err)
{
	AUTO(strv) struct strv part = {0};
	struct mount_point *mp;
	const char *type;

	strv_split(&part, spec, ':');
	if (part.n < 2 || part.n > 3 || !*part.v[0] || !*part.v[1])
		return err_set(err, ERR_INVALID, "invalid volume specification: '%s'", spec);
	type = *part.v[0] == '/' ? "bind" : "volume";
	if (check_destination(c, part.v[1], spec, type, err) < 0)
		return -1;
	if (streq(type, "volume") && volume_check_name(part.v[0], err) < 0)
		return -1;
	mp = add_mount(c);
	set_type(mp, type, part.v[0], part.v[1]);
	mp->from_binds = true;
	mp->create_source = streq(type, "bind");
	if (part.n == 3 && parse_mode(mp, part.v[2], err) < 0)
		return err_wrap(err, "invalid volume specification: '%s'", spec);
	return 0;
}

static int mount_bind(struct mount_point *mp, const struct mount_spec *m, struct err *err)
{
	const struct bind_options *b = m->bind_options;

	if (!m->source || !*m->source)
		return err_set(err, ERR_INVALID,
			       "invalid mount config for type \"bind\": field Source must not be empty");
	if (*m->source != '/')
		return err_set(err, ERR_INVALID,
			       "invalid mount config for type \"bind\": invalid mount path: '%s' mount "
			       "path must be absolute",
			       m->source);
	if (!b)
		return 0;
	mp->create_source = b->create_mountpoint;
	mp->non_recursive = b->non_recursive;
	mp->ro_non_recursive = b->read_only_non_recursive;
	mp->ro_force_recursive = b->read_only_force_recursive;
	if (b->propagation && *b->propagation) {
		if (!is_propagation(b->propagation))
			return err_set(err, ERR_INVALID, "invalid propagation mode: %s", b->propagation);
		free(mp->propagation);
		mp->propagation = xstrdup(b->propagation);
	}
	return 0;
}

static int mount_volume(struct container *c, struct mount_point *mp, const struct mount_spec *m,
			struct err *err)
{
	const struct volume_options *v = m->volume_options;
	json_t *options = NULL, *labels = NULL;
	char *name = NULL;
	int r;

	if (v && v->driver_config && v->driver_config->options.n)
		options = json_str_map(&v->driver_config->options);
	if (v && v->labels.n)
		labels = json_str_map(&v->labels);
	mp->no_copy = v && v->no_copy;
	mp->subpath = v && v->subpath && *v->subpath ? xstrdup(v->subpath) : NULL;
	mp->anonymous = !m->source || !*m->source;
	r = volume_create(c->cs->cfg.volumes,
			  &(struct volume_create){.name = m->source,
						  .driver = v && v->driver_config ? v->driver_config->name : NULL,
						  .options = options,
						  .labels = labels,
						  .anonymous = mp->anonymous},
			  &name, err);
	json_decref(options);
	json_decref(labels);
	if (r < 0)
		return -1;
	free(mp->name);
	mp->name = name;
	return 0;
}

static void mount_tmpfs(struct mount_point *mp, const struct mount_spec *m)
{
	const struct tmpfs_options *t = m->tmpfs_options;
	struct buf b = {0};

	if (t && t->size_bytes)
		buf_addf(&b, "size=%lld", (long long)t->size_bytes);
	if (t && t->mode)
		buf_addf(&b, "%smode=%llo", b.len ? "," : "", (unsigned long long)t->mode);
	mp->data = buf_take(&b);
}

static int add_mount_spec(struct container *c, const struct mount_spec *m, struct err *err)
{
	static const char *const types[] = {"bind", "volume", "tmpfs"};
	const char *type = str_or(m->type);
	struct mount_point *mp;
	bool known = false;

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		known = known || streq(types[i], type);
	if (!known)
		return err_set(err, ERR_INVALID, "invalid mount config for type \"%s\": mount type %s",
			       type, streq(type, "image") ? "image is not supported" : "unknown");
	if (!m->target || !*m->target)
		return err_set(err, ERR_INVALID,
			       "invalid mount config for type \"%s\": field Target must not be empty", type);
	if (check_destination(c, m->target, m->target, type, err) < 0)
		return -1;
	mp = add_mount(c);
	set_type(mp, type, m->source, m->target);
	mp->rw = !m->read_only;
	if (streq(type, "bind"))
		return mount_bind(mp, m, err);
	if (streq(type, "volume"))
		return mount_volume(c, mp, m, err);
	mount_tmpfs(mp, m);
	return 0;
}

/* "container[:ro|rw]" */
static int add_volumes_from(struct container *c, const char *spec, struct err *err)
{
	const char *colon = strchr(spec, ':');
	AUTO(free) char *ref = xstrndup(spec, colon ? (size_t)(colon - spec) : strlen(spec));
	AUTO(container) struct container *from = NULL;
	bool ro = colon && streq(colon + 1, "ro");

	if (colon && !ro && !streq(colon + 1, "rw") && !streq(colon + 1, "z"))
		return err_set(err, ERR_INVALID, "invalid mode: %s", colon + 1);
	from = container_get(c->cs, ref, err);
	if (!from)
		return -1;
	cs_lock(c->cs);
	for (size_t i = 0; i < from->mounts.n; i++) {
		const struct mount_point *src = (struct mount_point *)from->mounts.v + i;
		struct mount_point *mp;

		if (streq(src->type, "tmpfs") || at_destination(c, src->destination))
			continue;
		mp = add_mount(c);
		json_bind_copy(&mount_point_type, mp, src);
		mp->rw = mp->rw && !ro;
	}
	cs_unlock(c->cs);
	return 0;
}

static int add_image_volume(struct container *c, const char *path, struct err *err)
{
	AUTO(free) char *clean = path_clean(path);
	struct mount_point *mp;
	char *name;

	if (at_destination(c, clean) || map_has(&c->host.tmpfs, clean))
		return 0;
	if (*clean != '/')
		return err_set(err, ERR_INVALID, "invalid volume path '%s': it must be absolute", path);
	if (volume_create(c->cs->cfg.volumes, &(struct volume_create){.anonymous = true}, &name, err) < 0)
		return -1;
	mp = add_mount(c);
	set_type(mp, "volume", name, clean);
	mp->anonymous = true;
	free(name);
	return 0;
}

int mounts_resolve(struct container *c, const struct image *img, struct err *err)
{
	for (size_t i = 0; i < c->host.binds.n; i++)
		if (add_bind(c, c->host.binds.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < c->host.mounts.n; i++)
		if (add_mount_spec(c, (struct mount_spec *)c->host.mounts.v + i, err) < 0)
			return -1;
	map_for_each(it, &c->host.tmpfs)
		if (*it->key != '/')
			return err_set(err, ERR_INVALID,
				       "invalid mount path: '%s' mount path must be absolute", it->key);
	for (size_t i = 0; i < c->host.volumes_from.n; i++)
		if (add_volumes_from(c, c->host.volumes_from.v[i], err) < 0)
			return -1;
	for (size_t i = 0; i < c->config.volumes.n; i++)
		if (add_image_volume(c, c->config.volumes.v[i], err) < 0)
			return -1;
	return 0;
}

static int ready_volume(struct container *c, struct mount_point *mp, int *rootfd, struct err *err)
{
	struct volume_store *vs = c->cs->cfg.volumes;

	if (!volume_exists(vs, mp->name) &&
	    volume_create(vs, &(struct volume_create){.name = mp->name}, NULL, err) < 0)
		return -1;
	if (volume_ref(vs, mp->name, c->id, err) < 0)
		return -1;
	cs_lock(c->cs); /* the container is listed already */
	free(mp->source);
	mp->source = xasprintf("%s/volumes/%s/_data", c->cs->cfg.data_root, mp->name);
	if (!mp->mode || !*mp->mode) {
		free(mp->mode);
		mp->mode = xstrdup("z");
	}
	cs_unlock(c->cs);
	if (mp->no_copy || mp->subpath)
		return 0;
	if (*rootfd < 0) {
		*rootfd = container_root_locked(c, err);
		if (*rootfd < 0)
			return -1;
	}
	return volume_copy_up(vs, mp->name, *rootfd, mp->destination, err);
}

static int ready_bind(struct mount_point *mp, struct err *err)
{
	struct stat st;
	int r;

	if (stat(mp->source, &st) == 0)
		return 0;
	if (errno != ENOENT)
		return err_sys(err, errno, "invalid mount config for type \"bind\": stat %s", mp->source);
	if (!mp->create_source)
		return err_set(err, ERR_INVALID,
			       "invalid mount config for type \"bind\": bind source path does not "
			       "exist: %s",
			       mp->source);
	r = fs_mkdir_p(AT_FDCWD, mp->source, 0755);
	return r < 0 ? err_sys(err, -r, "create bind source '%s'", mp->source) : 0;
}

/* The container must be in the table: its volumes are filled from its root. */
int mounts_create_volumes(struct container *c, struct err *err)
{
	AUTO(close) int rootfd = -1;

	for (size_t i = 0; i < c->mounts.n; i++) {
		struct mount_point *mp = (struct mount_point *)c->mounts.v + i;

		if (streq(mp->type, "volume") && ready_volume(c, mp, &rootfd, err) < 0)
			return -1;
		if (streq(mp->type, "bind") && ready_bind(mp, err) < 0)
			return -1;
	}
	return 0;
}

void mounts_release(struct container *c, bool remove_anonymous)
{
	struct volume_store *vs = c->cs->cfg.volumes;

	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *mp = (struct mount_point *)c->mounts.v + i;
		struct err err = ERR_INIT;

		if (!streq(mp->type, "volume") || !mp->name)
			continue;
		volume_unref(vs, mp->name, c->id);
		if (remove_anonymous && volume_is_anonymous(vs, mp->name) &&
		    volume_remove(vs, mp->name, true, &err) < 0 && err.kind != ERR_CONFLICT)
			log_warn("cannot remove a volume", "name=%s error=%s", mp->name, err.msg);
	}
}
