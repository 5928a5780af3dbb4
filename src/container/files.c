/*
 * files.c - a container's files from outside: cp, diff, export, commit
 */
#include "container/private.h"

#include <errno.h>
#include <fcntl.h>

#include "sys/mnt.h"

/* The merged tree of a container at rest: an overlay that is mounted nowhere. */
static int overlay_fd(struct container *c, struct err *err)
{
	AUTO(strv) struct strv lower = {0};
	AUTO(free) char *upper = path_join(c->dir, "upper");
	AUTO(free) char *work = path_join(c->dir, "work");
	AUTO(free) char *lowers = NULL;
	AUTO(close) int ctx = -1;
	char why[256];
	int r;

	if (container_lower_layers(c, &lower, err) < 0)
		return -1;
	if (lower.n == 0) {
		r = open(upper, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return r < 0 ? err_sys(err, errno, "open layer of container %s", c->id) : r;
	}
	lowers = strv_join(&lower, ":");
	ctx = mount_fs_open("overlay");
	if (ctx < 0)
		return err_sys(err, -ctx, "open overlay file system");
	r = mount_fs_string(ctx, "lowerdir", lowers);
	if (r >= 0)
		r = mount_fs_string(ctx, "upperdir", upper);
	if (r >= 0)
		r = mount_fs_string(ctx, "workdir", work);
	if (r >= 0)
		r = mount_fs_finish(ctx, 0);
	if (r < 0) {
		mount_fs_message(ctx, why, sizeof(why));
		return err_sys(err, -r, "mount the layers of container %s%s%s", c->id, *why ? ": " : "", why);
	}
	return r;
}

/* The root of its process, or -1 where that has just ended. */
static int running_root(pid_t pid, uint64_t start_time)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && !runtime_alive(pid, start_time)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int container_root_locked(struct container *c, struct err *err)
{
	uint64_t start_time;
	int fd = -1;
	pid_t pid;

	if (c->removed)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
	cs_lock(c->cs);
	pid = is_running(c) ? (pid_t)c->state.pid : 0;
	start_time = c->pid_start_time;
	cs_unlock(c->cs);
	if (pid > 0)
		fd = running_root(pid, start_time);
	return fd >= 0 ? fd : overlay_fd(c, err);
}

int container_root_fd(struct containers *cs, const char *ref, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	int fd;

	if (!c)
		return -1;
	op_lock(c); /* two mounts in the making over one work directory disturb each other */
	fd = container_root_locked(c, err);
	op_unlock(c);
	return fd;
}

int container_layers(struct containers *cs, const char *ref, struct container_layers *ret,
		     struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);

	if (!c)
		return -1;
	cs_lock(cs);
	*ret = (struct container_layers){.id = xstrdup(c->id),
					 .image_id = xstrdup(c->image_id),
					 .upper = path_join(c->dir, "upper"),
					 .config = json_print(&container_config_type, &c->config)};
	cs_unlock(cs);
	return 0;
}

void container_layers_done(struct container_layers *l)
{
	free(l->id);
	free(l->image_id);
	free(l->upper);
	json_decref(l->config);
	*l = (struct container_layers){0};
}

int container_while_paused(struct containers *cs, const char *ref, bool pause,
			   int (*fn)(void *ctx, struct err *err), void *ctx, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	bool paused;
	int r;

	if (!c)
		return -1;
	op_lock(c);
	paused = pause && c->state.status == ST_RUNNING && c->shim && shim_pause(c->shim, NULL) == 0;
	r = fn(ctx, err);
	if (paused && shim_resume(c->shim, NULL) < 0)
		log_warn("cannot resume a container", "id=%s", c->id);
	op_unlock(c);
	return r;
}
