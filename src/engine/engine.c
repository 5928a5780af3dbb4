/*
 * engine.c - opens the subsystems in the order of their needs, and closes them backwards
 *
 * (1) One daemon per data root: <data_root>/lock is locked as long as the engine is open.
 */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/fs.h"
#include "base/log.h"
#include "config.h"
#include "container/container.h"
#include "event/event.h"
#include "image/image.h"
#include "network/network.h"
#include "record/record.h"
#include "volume/volume.h"

struct engine {
	struct engine_config cfg;
	struct loop *loop;
	struct pool *pool;
	struct engine_parts parts;
	int lockfd;
	char *libexec, *id;
	loop_fn *recovered;
	void *recovered_ctx;
};

static int make_roots(const struct engine_config *cfg, struct err *err)
{
	static const struct {
		size_t offset;
		mode_t mode;
	} roots[] = {
		{offsetof(struct engine_config, data_root), 0710},
		{offsetof(struct engine_config, exec_root), 0711},
	};

	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		const char *path = *(const char *const *)((const char *)cfg + roots[i].offset);
		int r = fs_mkdir_p(AT_FDCWD, path, roots[i].mode);

		if (r < 0)
			return err_sys(err, -r, "create '%s'", path);
	}
	return 0;
}

static int lock_data_root(struct engine *e, struct err *err)
{
	AUTO(free) char *path = path_join(e->cfg.data_root, "lock");

	e->lockfd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (e->lockfd < 0)
		return err_sys(err, errno, "open '%s'", path);
	if (flock(e->lockfd, LOCK_EX | LOCK_NB) < 0)
		return err_set(err, ERR_CONFLICT,
			       "another daemon uses the data root '%s': stop it, or give this one another "
			       "--data-root",
			       e->cfg.data_root);
	return 0;
}

static int read_id(struct engine *e, struct err *err)
{
	AUTO(free) char *path = path_join(e->cfg.data_root, "engine-id");
	AUTO(buf) struct buf b = {0};
	char id[37], hex[33];
	int r = fs_read_file(AT_FDCWD, path, 128, &b);

	if (r == 0 && b.len >= 36) {
		e->id = xstrndup(b.p, 36);
		return 0;
	}
	random_hex(hex, 32);
	snprintf(id, sizeof(id), "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
	r = fs_replace(AT_FDCWD, path, id, 36, 0600, 0);
	if (r < 0)
		return err_sys(err, -r, "write '%s'", path);
	e->id = xstrdup(id);
	return 0;
}

/* The helpers lie beside this program in a build folder, else where they are installed. */
static char *find_libexec(const char *given)
{
	AUTO(free) char *self = fs_readlink(AT_FDCWD, "/proc/self/exe");
	AUTO(free) char *shim = NULL;
	char *slash;

	if (given)
		return xstrdup(given);
	slash = self ? strrchr(self, '/') : NULL;
	if (slash) {
		*slash = 0;
		shim = path_join(self, "cove-shim");
		if (access(shim, X_OK) == 0)
			return TAKE_PTR(self);
	}
	return xstrdup(COVE_LIBEXECDIR);
}

static void log_warnings(const struct strv *warnings)
{
	for (size_t i = 0; i < warnings->n; i++)
		log_warn(warnings->v[i], "");
}

static int open_network(struct engine *e, struct err *err)
{
	const struct engine_config *c = &e->cfg;
	AUTO(strv) struct strv warnings = {0};
	struct network_config nc = {.data_root = c->data_root,
				    .exec_root = c->exec_root,
				    .bridge = c->bridge,
				    .bip = c->bip,
				    .pools = c->pools.n ? &c->pools : NULL,
				    .mtu = c->mtu,
				    .ready = 2,
				    .host_binding = c->host_binding,
				    .dns = c->dns.n ? &c->dns : NULL,
				    .dns_search = c->dns_search.n ? &c->dns_search : NULL,
				    .dns_options = c->dns_opts.n ? &c->dns_opts : NULL,
				    .host_gateway = c->host_gateway,
				    .no_ip_forward = c->no_ip_forward,
				    .no_firewall = c->no_firewall,
				    .no_masquerade = c->no_masquerade,
				    .no_icc = c->no_icc};

	if (network_open(&nc, &e->parts.networks, &warnings, err) < 0)
		return -1;
	log_warnings(&warnings);
	return 0;
}

static int open_volumes(struct engine *e, struct err *err)
{
	AUTO(free) char *root = path_join(e->cfg.data_root, "volumes");
	AUTO(strv) struct strv warnings = {0};

	if (volume_store_open(root, &e->parts.volumes, &warnings, err) < 0)
		return -1;
	log_warnings(&warnings);
	return 0;
}

static bool image_used(void *ctx, const char *image_id, char ret_container[65], bool *ret_running)
{
	struct engine *e = ctx;
	AUTO(free) char *id = containers_using_image(e->parts.containers, image_id, ret_running);

	if (id)
		snprintf(ret_container, 65, "%s", id);
	return id != NULL;
}

static int open_containers(struct engine *e, struct err *err)
{
	const struct engine_config *c = &e->cfg;
	const struct engine_parts *p = &e->parts;
	struct containers_config cc = {.loop = e->loop,
				       .pool = e->pool,
				       .db = p->db,
				       .images = p->images,
				       .networks = p->networks,
				       .volumes = p->volumes,
				       .events = p->events,
				       .data_root = c->data_root,
				       .exec_root = c->exec_root,
				       .libexec_dir = e->libexec,
				       .cgroup_parent = c->cgroup_parent,
				       .systemd_cgroup = c->systemd_cgroup,
				       .default_log_opts = c->log_opts,
				       .default_log_driver = c->log_driver,
				       .engine_id = e->id};

	if (containers_open(&cc, &e->parts.containers, err) < 0)
		return -1;
	image_store_set_users(p->images, image_used, e);
	return 0;
}

static int open_parts(struct engine *e, struct err *err)
{
	AUTO(free) char *db = path_join(e->cfg.data_root, "cove.db");

	if (record_open(db, &e->parts.db, err) < 0 ||
	    image_store_open(e->cfg.data_root, e->libexec, e->parts.db, &e->parts.images, err) < 0 ||
	    open_network(e, err) < 0 || open_volumes(e, err) < 0)
		return -1;
	e->parts.events = event_bus_new();
	return open_containers(e, err);
}

int engine_open(const struct engine_config *config, struct loop *loop, struct pool *pool,
		struct engine **ret, struct err *err)
{
	struct engine *e = xnew(struct engine);

	e->cfg = *config;
	e->loop = loop;
	e->pool = pool;
	e->lockfd = -1;
	e->libexec = find_libexec(config->libexec_dir);
	if (make_roots(config, err) < 0 || lock_data_root(e, err) < 0 || read_id(e, err) < 0 ||
	    open_parts(e, err) < 0) {
		engine_close(e);
		return -1;
	}
	e->parts.id = e->id;
	*ret = e;
	return 0;
}

static void recover_job(void *ctx)
{
	struct engine *e = ctx;
	struct err err = ERR_INIT;
	int64_t freed = 0;

	if (containers_recover(e->parts.containers, &err) < 0)
		log_error("cannot take up all containers again", "error=%s", err.msg);
	if (image_gc(e->parts.images, &freed, &err) < 0)
		log_warn("cannot clean up the image store", "error=%s", err.msg);
}

static void recover_done(void *ctx)
{
	struct engine *e = ctx;

	e->recovered(e->recovered_ctx);
}

void engine_recover(struct engine *e, loop_fn *done, void *ctx)
{
	e->recovered = done;
	e->recovered_ctx = ctx;
	pool_run(e->pool, recover_job, recover_done, e);
}

void engine_close(struct engine *e)
{
	struct engine_parts *p;

	if (!e)
		return;
	p = &e->parts;
	if (p->containers)
		containers_free(p->containers);
	event_bus_free(p->events);
	network_close(p->networks);
	volume_store_free(p->volumes);
	image_store_close(p->images);
	record_close(p->db);
	if (e->lockfd >= 0)
		close(e->lockfd);
	free(e->libexec);
	free(e->id);
	free(e);
}

const struct engine_parts *engine_parts(const struct engine *e)
{
	return &e->parts;
}
