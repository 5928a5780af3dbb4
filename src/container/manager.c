/*
 * manager.c - opening the manager, and taking up again what lived on while it was away
 *
 * (1) After containers_recover() a container counts as running only if its shim answers.
 * (2) An exit that happened meanwhile is taken from the shim, or from its record on disk.
 */
#include "container/health.h"

#include <errno.h>
#include <fcntl.h>

int containers_open(const struct containers_config *config, struct containers **ret, struct err *err)
{
	struct containers *cs = xnew(struct containers);
	AUTO(free) char *dir = xasprintf("%s/containers", config->data_root);
	int r;

	cs->cfg = *config;
	cs->dirfd = -1;
	pthread_mutex_init(&cs->lock, NULL);
	pthread_cond_init(&cs->wait_idle, NULL);
	r = fs_mkdir_p(AT_FDCWD, dir, 0710);
	if (r >= 0)
		r = cs->dirfd = fs_open_dir(AT_FDCWD, dir);
	if (r < 0)
		err_sys(err, -r, "open directory of containers '%s'", dir);
	else if (init_layer_open(cs, err) == 0 && store_migrate(cs, err) == 0 && store_load_all(cs, err) == 0)
		r = 0;
	else
		r = -1;
	if (r < 0) {
		containers_free(cs);
		return -1;
	}
	*ret = cs;
	return 0;
}

static void drop_reference(void *ctx)
{
	container_put(ctx);
}

/* Engine going down: only the connections are dropped. */
void containers_free(struct containers *cs)
{
	size_t n;
	struct container **v = table_snapshot(cs, &n);

	for (size_t i = 0; i < n; i++) {
		struct container *c = v[i];

		if (c->shim) {
			shim_close(c->shim);
			c->shim = NULL;
			container_put(c);
		}
		pending_attach_drop(c);
		execs_drop(c);
		table_drop(c);
	}
	table_snapshot_free(v, n);
	map_done(&cs->by_id);
	map_done(&cs->by_name);
	map_done(&cs->execs);
	if (cs->dirfd >= 0)
		close(cs->dirfd);
	free(cs->init_layer);
	pthread_mutex_destroy(&cs->lock);
	pthread_cond_destroy(&cs->wait_idle);
	free(cs);
}

static void exit_from_record(struct container *c, const struct shim_record *rec)
{
	c->state.status = ST_EXITED;
	c->state.pid = 0;
	c->state.restarts = rec->restarts;
	if (rec->has_exit) {
		c->state.exit_code = rec->exit.code;
		c->state.oom_killed = rec->exit.oom;
		c->state.started_ns = rec->exit.started_ns ? rec->exit.started_ns : c->state.started_ns;
		c->state.finished_ns = rec->exit.finished_ns;
		c->state.manual_stop = c->state.manual_stop || rec->exit.manual;
		if (*rec->exit.error) {
			free(c->state.error);
			c->state.error = xstrdup(rec->exit.error);
		}
	}
}

/* No shim lives: its container ended, or died with it, or the machine went down. */
static void recover_dead(struct container *c)
{
	struct shim_record rec = {0};
	struct err err = ERR_INIT;
	bool was_running = is_running(c);

	if (shim_salvage(c->cs->cfg.exec_root, c->id, c->dir, &rec, &err) == 0 && was_running) {
		exit_from_record(c, &rec);
	} else if (was_running && shim_exit_record(c->dir, &rec, &err) == 0 &&
		   rec.exit.started_ns >= c->state.started_ns) {
		exit_from_record(c, &rec);
	} else if (was_running) {
		c->state.status = ST_EXITED;
		c->state.pid = 0;
		c->state.exit_code = 255;
		c->state.finished_ns = clock_real_ns();
	}
	c->needs_cleanup = true;
	cleanup_locked(c);
	if (was_running)
		store_save_state(c);
}

/* Under lock: as the shim answered, unless it has told of a change since. */
static void recover_state(struct container *c, const struct shim_status *st)
{
	static const enum status statuses[] = {
		[SHIM_CREATED] = ST_CREATED, [SHIM_RUNNING] = ST_RUNNING, [SHIM_PAUSED] = ST_PAUSED,
		[SHIM_RESTARTING] = ST_RESTARTING, [SHIM_EXITED] = ST_EXITED, [SHIM_FAILED] = ST_EXITED,
	};

	bool was_running = is_running(c);
	int64_t restarts = c->state.restarts;

	c->state.status = st->state < ARRAY_LEN(statuses) ? statuses[st->state] : ST_EXITED;
	c->state.pid = st->pid;
	c->pid_start_time = st->start_time;
	c->state.restarts = st->restarts;
	c->state.oom_killed = st->oom;
	if (st->started_ns && (!was_running || st->restarts != restarts))
		c->state.started_ns = st->started_ns; /* else it stays as it was shown before */
	if (st->has_exit && st->state != SHIM_RUNNING && st->state != SHIM_PAUSED) {
		c->state.exit_code = st->exit.code;
		c->state.oom_killed = st->exit.oom;
		c->state.finished_ns = st->exit.finished_ns;
	}
}

static void adopt_network(struct container *c)
{
	AUTO(close) int netns = -1;
	struct err err = ERR_INIT;

	if (net_is(c, "host") || net_container_ref(c))
		return;
	ignore_result(shim_fetch_fd(c->shim, "netns", &netns, NULL) < 0); /* -1 is allowed */
	if (network_adopt(c->cs->cfg.networks, c->id, netns, &err) < 0)
		log_warn("cannot take up a container's network", "id=%s error=%s", c->id, err.msg);
}

static void adopt_volumes(struct container *c)
{
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *mp = (struct mount_point *)c->mounts.v + i;
		AUTO(free) char *path = NULL;

		if (streq(mp->type, "volume"))
			ignore_result(volume_mount(c->cs->cfg.volumes, mp->name, c->id, &path, NULL) < 0);
	}
}

int recover_living(struct container *c, struct err *err)
{
	struct shim_exec_status *execs = NULL;
	struct shim_status st = {0};
	struct shim *s = NULL;
	size_t n = 0;
	bool newer, gone;

	cs_lock(c->cs);
	c->starting = true; /* until an event says more than st does */
	c->gone = NULL;
	cs_unlock(c->cs);
	container_ref(c); /* the connection's */
	if (shim_connect(c->cs->cfg.exec_root, c->id, c->cs->cfg.loop, shim_event, c, &s, &st, &execs, &n,
			 err) < 0) {
		cs_lock(c->cs);
		c->starting = false;
		cs_unlock(c->cs);
		loop_post(c->cs->cfg.loop, drop_reference, c);
		return -1;
	}
	cs_lock(c->cs);
	c->shim = s;
	c->needs_cleanup = true;
	newer = !c->starting;
	gone = c->gone == s;
	c->gone = NULL;
	if (!newer)
		recover_state(c, &st);
	c->starting = false;
	cs_unlock(c->cs);
	execs_adopt(c, execs, n);
	free(execs);
	adopt_network(c);
	adopt_volumes(c);
	if (gone)
		container_shim_gone(c, s);
	if (is_running(c))
		health_started(c);
	if (!is_running(c)) {
		schedule_cleanup(c);
		log_info("a container ended meanwhile", "id=%s code=%lld", c->id,
			 (long long)c->state.exit_code);
	}
	store_save_state(c);
	return newer;
}

static void pin_container(struct container *c)
{
	struct err err = ERR_INIT;

	if (image_pin(c->cs->cfg.images, c->id, c->chain_id, &err) < 0)
		log_error("a container's layers are missing", "id=%s error=%s", c->id, err.msg);
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *mp = (struct mount_point *)c->mounts.v + i;

		if (streq(mp->type, "volume") &&
		    volume_ref(c->cs->cfg.volumes, mp->name, c->id, &err) < 0)
			log_warn("a container's volume is missing", "id=%s volume=%s", c->id, mp->name);
	}
}

/* After a reboot, or when the shim was lost: policies that say so bring it back. */
static bool should_come_back(const struct container *c)
{
	const char *p = c->host.restart_policy.name;

	if (is_running(c) || c->state.status == ST_CREATED)
		return false;
	if (streq(p, "always"))
		return true;
	if (c->state.manual_stop)
		return false;
	return streq(p, "unless-stopped") || (streq(p, "on-failure") && c->state.exit_code != 0);
}

static void recover_one(struct container *c)
{
	struct err err = ERR_INIT;
	bool was_running = is_running(c);

	op_lock(c);
	if (recover_living(c, &err) < 0) {
		if (err.kind != ERR_NOT_FOUND)
			log_warn("cannot reach a container's monitor", "id=%s error=%s", c->id, err.msg);
		recover_dead(c);
		if (c->host.auto_remove && was_running && remove_locked(c, true, &err) < 0)
			log_warn("cannot remove a container", "id=%s error=%s", c->id, err.msg);
		else if (!c->removed && should_come_back(c) && start_locked(c, NULL, &err) < 0)
			log_warn("cannot start a container again", "id=%s error=%s", c->id, err.msg);
	}
	op_unlock(c);
}

/* Shims of containers nobody knows any more: their record was lost, or removal was cut short. */
static void salvage_strays(struct containers *cs)
{
	AUTO(strv) struct strv ids = {0};
	struct err err = ERR_INIT;

	if (shim_list(cs->cfg.exec_root, &ids, &err) < 0)
		return;
	for (size_t i = 0; i < ids.n; i++) {
		struct shim_record rec;

		if (map_has(&cs->by_id, ids.v[i]))
			continue;
		log_warn("a monitor of no known container is found", "id=%s", ids.v[i]);
		ignore_result(shim_salvage(cs->cfg.exec_root, ids.v[i], cs->cfg.exec_root, &rec, &err) < 0);
	}
}

int containers_recover(struct containers *cs, struct err *err)
{
	size_t n;
	struct container **v = table_snapshot(cs, &n);

	for (size_t i = 0; i < n; i++)
		pin_container(v[i]);
	for (size_t i = 0; i < n; i++)
		recover_one(v[i]);
	salvage_strays(cs);
	network_sweep(cs->cfg.networks);
	table_snapshot_free(v, n);
	return 0;
}
