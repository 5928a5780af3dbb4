/*
 * create.c - POST /containers/create
 *
 * (1) A failure at any point gives back the name, the volumes' references, the layers' pin and
 *     the directory.
 */
#include "container/private.h"

#include <errno.h>
#include <fcntl.h>

static bool present(const json_t *body, const char *key)
{
	const json_t *v = json_object_get(body, key);

	return v && !json_is_null(v);
}

static int read_body(struct container *c, const json_t *body, struct err *err)
{
	const json_t *host = json_object_get(body, "HostConfig");
	const json_t *net = json_object_get(body, "NetworkingConfig");

	if (!json_is_object(body))
		return err_set(err, ERR_INVALID, "config cannot be empty in order to create a container");
	if (json_bind(&container_config_type, body, &c->config, err) < 0)
		return err_wrap(err, "invalid JSON");
	if (present(body, "HostConfig") && json_bind(&host_config_type, host, &c->host, err) < 0)
		return err_wrap(err, "invalid JSON: HostConfig");
	if (present(body, "NetworkingConfig") &&
	    json_bind(&networking_config_type, net, &c->net, err) < 0)
		return err_wrap(err, "invalid JSON: NetworkingConfig");
	c->host.masked_paths_set = present(host, "MaskedPaths");
	c->host.readonly_paths_set = present(host, "ReadonlyPaths");
	return 0;
}

static void map_entries_present(struct container *c)
{
	map_for_each(it, &c->net.endpoints_config)
		if (!it->value)
			it->value = xcalloc(1, endpoint_config_type.size);
}

static int take_image(struct container *c, struct image **ret, struct err *err)
{
	const char *name = str_or(c->config.image);
	struct image *img;

	if (!*name)
		return err_set(err, ERR_INVALID, "no image specified");
	if (image_get(c->cs->cfg.images, name, &img, err) < 0)
		return -1;
	*ret = img;
	c->image_id = xstrdup(img->id);
	c->image_name = xstrdup(name);
	c->chain_id = xstrdup(img->chain_id);
	c->platform = xstrdup("linux");
	return image_pin(c->cs->cfg.images, c->id, c->chain_id, err);
}

static int make_directories(struct container *c, struct err *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {{"", 0710}, {"/upper", 0755}, {"/work", 0700}};

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		AUTO(free) char *name = xasprintf("%s%s", c->id, dirs[i].name);

		if (mkdirat(c->cs->dirfd, name, dirs[i].mode) < 0)
			return err_sys(err, errno, "create directory of container %s", c->id);
		if (fchmodat(c->cs->dirfd, name, dirs[i].mode, 0) < 0)
			return err_sys(err, errno, "create directory of container %s", c->id);
	}
	return 0;
}

static int check_network(struct container *c, struct err *err)
{
	struct netspec ns;

	if (net_container_ref(c)) {
		AUTO(container) struct container *other = container_get(c->cs, net_container_ref(c), err);

		if (!other)
			return -1;
		if (json_object_size(c->host.port_bindings) || c->host.publish_all_ports)
			return err_set(err, ERR_INVALID,
				       "conflicting options: port publishing and the container type network mode");
		free(c->host.network_mode);
		c->host.network_mode = xasprintf("container:%s", other->id);
		return 0;
	}
	if (netspec_build(c, &ns, err) < 0)
		return -1;
	netspec_done(&ns);
	return 0;
}

static int fill(struct container *c, const char *name, const json_t *body, struct strv *warnings,
		struct err *err)
{
	struct image *img = NULL;
	int r = -1;

	if (read_body(c, body, err) < 0)
		return -1;
	map_entries_present(c);
	if (name && *name) {
		if (check_container_name(name, err) < 0)
			return -1;
		c->name = xstrdup(*name == '/' ? name + 1 : name);
		if (table_reserve_name(c->cs, c->name, c->id, err) < 0)
			return -1;
	} else {
		c->name = table_generate_name(c->cs, c->id);
	}
	if (take_image(c, &img, err) == 0 && config_merge_image(c, img, err) == 0 &&
	    config_defaults(c, err) == 0 && config_check(c, warnings, err) == 0 &&
	    check_network(c, err) == 0 && mounts_resolve(c, img, err) == 0)
		r = 0;
	image_unref(img);
	return r;
}

static void undo(struct container *c, bool in_table)
{
	AUTO(free) char *gone = xasprintf(".gone-%s", c->id);

	if (in_table)
		table_drop(c);
	volume_unref_all(c->cs->cfg.volumes, c->id);
	mounts_release(c, true);
	image_unpin(c->cs->cfg.images, c->id);
	if (c->name)
		table_release_name(c->cs, c->name, c->id);
	if (renameat(c->cs->dirfd, c->id, c->cs->dirfd, gone) == 0)
		ignore_result(fs_remove_tree(c->cs->dirfd, gone) < 0); /* the next start does it */
}

int container_create(struct containers *cs, const char *name, const json_t *body, unsigned api_version,
		     char **ret_id, struct strv *warnings, struct err *err)
{
	AUTO(container) struct container *c = container_new(cs);
	char id[CONTAINER_ID_LEN + 1];

	random_hex(id, CONTAINER_ID_LEN);
	c->id = xstrdup(id);
	container_set_dirs(c);
	c->created_ns = clock_real_ns();
	c->state.status = ST_CREATED;
	if (fill(c, name, body, warnings, err) < 0 || make_directories(c, err) < 0) {
		undo(c, false);
		return -1;
	}
	op_lock(c); /* until it is whole, others who find it wait */
	table_add(c);
	if (mounts_create_volumes(c, err) < 0 || store_insert(c, err) < 0) {
		op_unlock(c);
		undo(c, true);
		return -1;
	}
	op_unlock(c);
	publish(c, "create");
	*ret_id = xstrdup(id);
	return 0;
}
