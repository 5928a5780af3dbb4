/*
 * end.c - stop, kill, restart, remove; pause, rename, update
 *
 * What has to wait for a container's end leaves a struct after_exit with it and returns; the
 * worker that cleans up after the run carries on.
 *
 * (1) An after_exit is registered before the signal is sent, so the end cannot be missed.
 */
#include "container/private.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* Under op: leaves word for the end of the run. */
static void after_exit_add(struct container *c, struct after_exit *a)
{
	struct after_exit **p;

	cs_lock(c->cs);
	for (p = &c->after_exit; *p; p = &(*p)->next)
		;
	*p = a;
	cs_unlock(c->cs);
}

/* Takes it back; false if the clean-up has it already. */
static bool after_exit_cancel(struct container *c, struct after_exit *a)
{
	struct after_exit **p;
	bool found = false;

	cs_lock(c->cs);
	for (p = &c->after_exit; *p; p = &(*p)->next) {
		if (*p == a) {
			*p = a->next;
			found = true;
			break;
		}
	}
	cs_unlock(c->cs);
	return found;
}

static struct after_exit *after_exit_new(container_done_fn *done, void *ctx)
{
	struct after_exit *a = xnew(struct after_exit);

	a->done = done;
	a->ctx = ctx;
	return a;
}

static void finish(container_done_fn *done, void *ctx, const struct err *err)
{
	if (done)
		done(ctx, err->kind ? err : NULL);
}

static int stop_signal(const struct container *c, const char *signal, struct err *err)
{
	const char *name = signal && *signal ? signal : *str_or(c->config.stop_signal) ?
				c->config.stop_signal : "TERM";
	int sig = signal_from_name(name);

	if (sig < 0)
		return err_set(err, ERR_INVALID, "invalid signal: %s", name);
	return sig;
}

static int64_t stop_timeout_ms(const struct container *c, const int *timeout)
{
	int64_t s = timeout ? *timeout : c->config.stop_timeout.set ? c->config.stop_timeout.v :
								     DEFAULT_STOP_SECS;

	return s < 0 ? -1 : MIN(s, (int64_t)INT32_MAX) * 1000;
}

static void mark_stopped_by_hand(struct container *c)
{
	cs_lock(c->cs);
	c->state.manual_stop = true;
	cs_unlock(c->cs);
}

static void publish_signal(struct container *c, int sig)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", sig);
	publish_with(c, "kill", "signal", text);
}

/* Op held, container running: sends the signal; a is served when the run has ended. */
static int send_stop(struct container *c, int sig, int64_t timeout_ms, struct after_exit *a,
		     struct err *err)
{
	bool paused;
	int r;

	cs_lock(c->cs);
	paused = c->state.status == ST_PAUSED;
	cs_unlock(c->cs);
	mark_stopped_by_hand(c);
	after_exit_add(c, a);
	publish_signal(c, sig);
	r = c->shim ? shim_stop(c->shim, sig, timeout_ms, err) :
		      err_set(err, ERR_UNAVAILABLE, "the monitor of container %s is gone", c->id);
	if (r < 0 && err->kind == ERR_NOT_MODIFIED)
		r = 0; /* its exit is on the way */
	if (r == 0 && paused)
		ignore_result(shim_resume(c->shim, NULL) < 0); /* only a thawed process can end */
	if (r < 0 && !after_exit_cancel(c, a))
		r = 0;
	return r;
}

static void stopped(struct container *c, struct after_exit *a)
{
	publish(c, "stop");
}

void container_stop(struct containers *cs, const char *ref, const char *signal, const int *timeout,
		    container_done_fn *done, void *ctx)
{
	struct err err = ERR_INIT;
	AUTO(container) struct container *c = container_get(cs, ref, &err);
	struct after_exit *a;
	int sig, r = -1;

	if (!c) {
		finish(done, ctx, &err);
		return;
	}
	op_lock(c);
	if (!is_running(c)) {
		err_set(&err, ERR_NOT_MODIFIED, "container %s is not running", c->name);
	} else if ((sig = stop_signal(c, signal, &err)) > 0) {
		a = after_exit_new(done, ctx);
		a->run = stopped;
		r = send_stop(c, sig, stop_timeout_ms(c, timeout), a, &err);
		if (r < 0)
			free(a);
	}
	op_unlock(c);
	if (r < 0)
		finish(done, ctx, &err);
}

static void restarted(struct container *c, struct after_exit *a)
{
	if (start_locked(c, NULL, &a->err) == 0)
		publish(c, "restart");
	else if (a->err.kind == ERR_NOT_MODIFIED)
		a->err = (struct err)ERR_INIT; /* somebody else has started it between */
}

void container_restart(struct containers *cs, const char *ref, const char *signal, const int *timeout,
		       container_done_fn *done, void *ctx)
{
	struct err err = ERR_INIT;
	AUTO(container) struct container *c = container_get(cs, ref, &err);
	struct after_exit *a;
	int sig, r = -1;

	if (!c) {
		finish(done, ctx, &err);
		return;
	}
	op_lock(c);
	if (!is_running(c)) {
		if (start_locked(c, NULL, &err) == 0)
			publish(c, "restart");
	} else if ((sig = stop_signal(c, signal, &err)) > 0) {
		a = after_exit_new(done, ctx);
		a->run = restarted;
		a->restarts = true;
		r = send_stop(c, sig, stop_timeout_ms(c, timeout), a, &err);
		if (r < 0)
			free(a);
	}
	op_unlock(c);
	if (r < 0)
		finish(done, ctx, &err);
}

/* A signal that is not KILL: no restart follows if it ends the container, as docker has it. */
static bool signal_is_final(const struct container *c, int sig)
{
	const char *own = str_or(c->config.stop_signal);

	return !*own || signal_from_name(own) == SIGKILL || signal_from_name(own) == sig;
}

void container_kill(struct containers *cs, const char *ref, const char *signal, container_done_fn *done,
		    void *ctx)
{
	struct err err = ERR_INIT;
	AUTO(container) struct container *c = container_get(cs, ref, &err);
	int sig = signal_from_name(signal && *signal ? signal : "KILL");
	bool waits = false;

	if (!c) {
		finish(done, ctx, &err);
		return;
	}
	op_lock(c);
	if (sig < 0) {
		err_set(&err, ERR_INVALID, "invalid signal: %s", signal);
	} else if (!is_running(c) || !c->shim) {
		err_set(&err, ERR_CONFLICT, "cannot kill container: %s: container %s is not running", ref,
			c->id);
	} else if (sig == SIGKILL) {
		struct after_exit *a = after_exit_new(done, ctx);

		waits = send_stop(c, SIGKILL, 0, a, &err) == 0;
		if (!waits)
			free(a);
	} else {
		bool final = signal_is_final(c, sig);

		if (final)
			mark_stopped_by_hand(c);
		publish_signal(c, sig);
		ignore_result(shim_kill(c->shim, NULL, sig, final, &err) < 0); /* err tells */
	}
	op_unlock(c);
	if (!waits)
		finish(done, ctx, &err);
}

/* Deletes what was renamed away; slow for a large layer, so nobody waits for it. */
static void delete_job(void *ctx)
{
	AUTO(free) char *path = ctx;
	int r = fs_remove_tree(AT_FDCWD, path);

	if (r < 0)
		log_warn("cannot delete a removed container's files", "path=%s error=%s", path,
			 strerrordesc_np(-r));
}

static int remove_files(struct container *c, struct err *err)
{
	AUTO(free) char *gone = xasprintf(".gone-%s", c->id);

	ignore_result(fs_remove_tree(AT_FDCWD, c->run_dir) < 0); /* gone with the next boot at the latest */
	if (renameat(c->cs->dirfd, c->id, c->cs->dirfd, gone) < 0) {
		if (errno == ENOENT)
			return 0;
		return err_sys(err, errno, "remove the files of container %s", c->id);
	}
	pool_run(c->cs->cfg.pool, delete_job, NULL,
		 xasprintf("%s/containers/%s", c->cs->cfg.data_root, gone));
	return 0;
}

int remove_locked(struct container *c, bool volumes, struct err *err)
{
	enum status before;

	cs_lock(c->cs);
	before = (enum status)c->state.status;
	c->state.status = ST_REMOVING;
	cs_unlock(c->cs);
	cleanup_locked(c);
	if (remove_files(c, err) < 0 || store_delete(c, err) < 0) {
		cs_lock(c->cs);
		c->state.status = before;
		cs_unlock(c->cs);
		return -1;
	}
	mounts_release(c, volumes);
	execs_drop(c);
	image_unpin(c->cs->cfg.images, c->id);
	table_drop(c);
	pending_attach_drop(c); /* after removed is set: none comes later */
	publish(c, "destroy");
	waits_fire(c, true);
	log_readers_wake(c);
	return 0;
}

static void removed_after_exit(struct container *c, struct after_exit *a)
{
	if (!c->removed && remove_locked(c, a->volumes, &a->err) < 0)
		return;
}

static int remove_refused(struct container *c, struct err *err)
{
	if (c->removed)
		return err_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
	if (c->state.status == ST_REMOVING)
		return err_set(err, ERR_CONFLICT, "removal of container %s is already in progress", c->id);
	return 0;
}

void container_remove(struct containers *cs, const char *ref, bool force, bool volumes, bool link,
		      container_done_fn *done, void *ctx)
{
	struct err err = ERR_INIT;
	AUTO(container) struct container *c = NULL;
	bool waits = false;

	if (link) {
		err_set(&err, ERR_INVALID, "legacy links are not supported: there is no link to remove");
		finish(done, ctx, &err);
		return;
	}
	c = container_get(cs, ref, &err);
	if (!c) {
		finish(done, ctx, &err);
		return;
	}
	op_lock(c);
	if (remove_refused(c, &err) < 0) {
		/* err tells */
	} else if (!is_running(c)) {
		ignore_result(remove_locked(c, volumes, &err) < 0);
	} else if (!force) {
		bool paused = c->state.status == ST_PAUSED;

		err_set(&err, ERR_CONFLICT, "cannot remove container \"/%s\": container is %s: %s", c->name,
			paused ? "paused" : status_names[c->state.status],
			paused ? "unpause and then stop the container before removing or force remove" :
				 "stop the container before removing or force remove");
	} else {
		struct after_exit *a = after_exit_new(done, ctx);

		a->run = removed_after_exit;
		a->removes = true;
		a->volumes = volumes;
		waits = send_stop(c, SIGKILL, 0, a, &err) == 0;
		if (!waits)
			free(a);
	}
	op_unlock(c);
	if (!waits)
		finish(done, ctx, &err);
}

static int pause_or_resume(struct containers *cs, const char *ref, bool pause, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	int r;

	if (!c)
		return -1;
	op_lock(c);
	if (!is_running(c) || !c->shim)
		r = err_set(err, ERR_CONFLICT, "container %s is not running", c->id);
	else if (c->state.status == ST_RESTARTING)
		r = err_set(err, ERR_CONFLICT,
			    "container %s is restarting, wait until the container is running", c->id);
	else if (pause && c->state.status == ST_PAUSED)
		r = err_set(err, ERR_CONFLICT, "container %s is already paused", c->id);
	else if (!pause && c->state.status != ST_PAUSED)
		r = err_set(err, ERR_CONFLICT, "container %s is not paused", c->id);
	else
		r = pause ? shim_pause(c->shim, err) : shim_resume(c->shim, err);
	if (r == 0) { /* the event may come later than the answer */
		cs_lock(cs);
		if (is_running(c))
			c->state.status = pause ? ST_PAUSED : ST_RUNNING;
		cs_unlock(cs);
	}
	op_unlock(c);
	return r;
}

int container_pause(struct containers *cs, const char *ref, struct err *err)
{
	return pause_or_resume(cs, ref, true, err);
}

int container_unpause(struct containers *cs, const char *ref, struct err *err)
{
	return pause_or_resume(cs, ref, false, err);
}

int container_rename(struct containers *cs, const char *ref, const char *name, struct err *err)
{
	AUTO(container) struct container *c = NULL;
	const char *bare = *name == '/' ? name + 1 : name;
	char *old;
	int r;

	if (!*bare)
		return err_set(err, ERR_INVALID, "Neither old nor new names may be empty");
	c = container_get(cs, ref, err);
	if (!c || check_container_name(name, err) < 0)
		return -1;
	op_lock(c);
	if (c->removed)
		r = err_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
	else if (streq(c->name, bare))
		r = err_set(err, ERR_INVALID,
			    "Renaming a container with the same name as its current name");
	else
		r = table_reserve_name(cs, bare, c->id, err);
	if (r == 0) {
		cs_lock(cs);
		old = c->name;
		c->name = xstrdup(bare);
		cs_unlock(cs);
		r = store_save(c, err);
		if (r < 0) {
			cs_lock(cs);
			free(c->name);
			c->name = xstrdup(old);
			cs_unlock(cs);
		} else {
			AUTO(free) char *slashed = xasprintf("/%s", old);

			network_rename(cs->cfg.networks, c->id, bare);
			publish_with(c, "rename", "oldName", slashed);
		}
		table_release_name(cs, r < 0 ? bare : old, c->id);
		free(old);
	}
	op_unlock(c);
	return r;
}

int container_resize(struct containers *cs, const char *ref, unsigned h, unsigned w, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	int r;

	if (!c)
		return -1;
	op_lock(c);
	if (!is_running(c) || !c->shim)
		r = err_set(err, ERR_CONFLICT, "container %s is not running", c->id);
	else
		r = shim_resize(c->shim, NULL, (uint16_t)MIN(h, 65535u), (uint16_t)MIN(w, 65535u), err);
	op_unlock(c);
	return r;
}
