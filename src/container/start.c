/*
 * start.c - a container's run: from the plan to the exit
 *
 * The shim makes the container and tells what happens to it (shim_event(), on the loop). When a
 * run is over for good, a worker cleans up after it: schedule_cleanup().
 *
 * (1) needs_cleanup is set from the moment network or shim may hold something until
 *     cleanup_locked() has given it back.
 * (2) A connection to a shim holds one reference to its container, dropped on the loop's thread
 *     after shim_close(), when no callback can be under way any more.
 */
#include "container/health.h"

#include <errno.h>

static void drop_reference(void *ctx)
{
	container_put(ctx);
}

static void close_shim(struct container *c)
{
	struct shim *s;

	cs_lock(c->cs);
	s = c->shim;
	c->shim = NULL;
	cs_unlock(c->cs);
	if (!s)
		return;
	shim_close(s);
	loop_post(c->cs->cfg.loop, drop_reference, c);
}

void set_started(struct container *c, pid_t pid, uint64_t start_time, int64_t at_ns, unsigned restarts)
{
	cs_lock(c->cs);
	c->starting = false;
	c->state.status = ST_RUNNING;
	c->state.pid = pid;
	c->pid_start_time = start_time;
	c->state.started_ns = at_ns ? at_ns : clock_real_ns();
	c->state.restarts = restarts;
	c->state.oom_killed = false;
	c->state.exit_code = 0;
	free(c->state.error);
	c->state.error = NULL;
	cs_unlock(c->cs);
	health_started(c);
}

/* The run is over and recorded: says so to everybody. */
static void tell_exit(struct container *c)
{
	char code[16];

	snprintf(code, sizeof(code), "%lld", (long long)c->state.exit_code);
	if (c->state.oom_killed)
		publish(c, "oom");
	publish_with(c, "die", "exitCode", code);
	log_readers_wake(c);
	health_stopped(c);
	waits_fire(c, false);
}

void set_exited(struct container *c, const struct shim_exit *x)
{
	cs_lock(c->cs);
	c->starting = false;
	c->state.status = x->will_restart ? ST_RESTARTING : ST_EXITED;
	c->state.pid = 0;
	c->state.exit_code = x->code;
	c->state.oom_killed = x->oom;
	if (x->started_ns)
		c->state.started_ns = x->started_ns;
	c->state.finished_ns = x->finished_ns ? x->finished_ns : clock_real_ns();
	c->state.manual_stop = c->state.manual_stop || x->manual;
	if (*x->error) {
		free(c->state.error);
		c->state.error = xstrdup(x->error);
	}
	cs_unlock(c->cs);
	tell_exit(c);
}

static void save_state_job(void *ctx)
{
	store_save_state(ctx);
	container_put(ctx);
}

static void save_state_soon(struct container *c)
{
	pool_run(c->cs->cfg.pool, save_state_job, NULL, container_ref(c));
}

static void event_started(struct container *c, const struct shim_event *ev)
{
	bool first;

	cs_lock(c->cs);
	first = c->starting;
	cs_unlock(c->cs);
	if (!first && ev->restarts == 0)
		return; /* start_locked() has said so already */
	set_started(c, ev->pid, ev->start_time, ev->time_ns, ev->restarts);
	if (!first) {
		publish(c, "start");
		save_state_soon(c);
	}
}

static void event_exited(struct container *c, const struct shim_event *ev)
{
	set_exited(c, &ev->exit);
	if (ev->exit.will_restart)
		save_state_soon(c);
	else
		schedule_cleanup(c);
}

static void set_status(struct container *c, enum status status)
{
	cs_lock(c->cs);
	c->state.status = status;
	cs_unlock(c->cs);
}

/* A connection broke under a running container: its shim lives and is asked anew, or was killed. */
static void reconnect_job(void *ctx)
{
	struct container *c = ctx;
	struct err err = ERR_INIT;
	struct shim_record rec = {.exit = {.code = 137, .signal = 9, .error = "the container's monitor ended"}};
	bool ended = false, lost = false;
	int r;

	op_lock(c);
	if (is_running(c)) {
		close_shim(c);
		r = recover_living(c, &err);
		lost = r < 0;
		ended = r == 0 && !is_running(c); /* nobody has been told yet */
	}
	if (lost) /* gives the exit, if there was one, and leaves nothing running */
		ignore_result(shim_salvage(c->cs->cfg.exec_root, c->id, c->dir, &rec, NULL) < 0);
	op_unlock(c);
	if (lost) {
		log_error("a container's monitor ended", "id=%s error=%s", c->id, err.msg);
		rec.exit.will_restart = false;
		execs_killed(c);
		set_exited(c, &rec.exit);
		schedule_cleanup(c);
	} else if (ended) {
		tell_exit(c);
	}
	container_put(c);
}

/* The shim has ended or broke off. */
void container_shim_gone(struct container *c, const struct shim *s)
{
	bool running, current;

	cs_lock(c->cs);
	current = c->shim == s;
	if (!c->shim)
		c->gone = s;
	running = current && is_running(c);
	cs_unlock(c->cs);
	if (!current)
		return;
	if (running)
		pool_run(c->cs->cfg.pool, reconnect_job, NULL, container_ref(c));
	else
		schedule_cleanup(c);
}

static void container_event(struct container *c, const struct shim *s, const struct shim_event *ev)
{
	switch (ev->type) {
	case SHIM_EV_STARTED:
		event_started(c, ev);
		break;
	case SHIM_EV_EXITED:
		event_exited(c, ev);
		break;
	case SHIM_EV_OOM:
		cs_lock(c->cs);
		c->state.oom_killed = true;
		cs_unlock(c->cs);
		break;
	case SHIM_EV_PAUSED:
		set_status(c, ST_PAUSED);
		publish(c, "pause");
		break;
	case SHIM_EV_RESUMED:
		set_status(c, ST_RUNNING);
		publish(c, "unpause");
		break;
	case SHIM_EV_DETACHED:
		publish(c, "detach");
		break;
	case SHIM_EV_WARNING:
		log_warn("a container's monitor warns", "id=%s text=%s", c->id, ev->text);
		break;
	case SHIM_EV_GONE:
		container_shim_gone(c, s);
		break;
	default:
		break;
	}
}

void shim_event(void *ctx, struct shim *s, const struct shim_event *ev)
{
	struct container *c = ctx;

	if (*ev->exec)
		exec_event(c, ev);
	else
		container_event(c, s, ev);
}

/* Joins another container's network namespace. */
static int other_netns(struct container *c, int *ret_fd, struct err *err)
{
	AUTO(container) struct container *other = container_get(c->cs, net_container_ref(c), err);
	int r = -1;

	if (!other)
		return -1;
	if (other == c)
		return err_set(err, ERR_INVALID, "cannot join the network of the container itself");
	op_lock(other);
	if (!other->shim || !is_running(other))
		err_set(err, ERR_CONFLICT, "cannot join network of a non running container: %s", other->id);
	else
		r = shim_fetch_fd(other->shim, "netns", ret_fd, err);
	op_unlock(other);
	return r;
}

static int start_network(struct container *c, int *ret_fd, struct err *err)
{
	struct netspec ns;
	int r = 0;

	if (netspec_build(c, &ns, err) < 0)
		return -1;
	if (net_container_ref(c))
		r = other_netns(c, ret_fd, err);
	else
		r = network_attach(c->cs->cfg.networks, &ns.spec, ret_fd, err);
	if (r < 0)
		err_wrap(err, "failed to set up container networking");
	else
		r = write_etc_files(c, &ns, err);
	netspec_done(&ns);
	return r;
}

static const struct {
	const char *name;
	enum shim_restart_policy policy;
} policies[] = {
	{"no", SHIM_RESTART_NO},
	{"on-failure", SHIM_RESTART_ON_FAILURE},
	{"always", SHIM_RESTART_ALWAYS},
	{"unless-stopped", SHIM_RESTART_UNLESS_STOPPED},
};

struct shim_restart shim_policy(const struct host_config *h)
{
	struct shim_restart r = {.max_retries = (uint32_t)h->restart_policy.maximum_retry_count};

	for (size_t i = 0; i < ARRAY_LEN(policies); i++)
		if (streq(policies[i].name, h->restart_policy.name))
			r.policy = policies[i].policy;
	return r;
}

/* Takes the clients that wait for the start; *ret_n of them, fds owned by the caller. */
static struct pending_attach *take_pending(struct container *c, size_t *ret_n)
{
	struct pending_attach *v;

	cs_lock(c->cs);
	v = c->pending;
	*ret_n = c->npending;
	c->pending = NULL;
	c->npending = 0;
	cs_unlock(c->cs);
	return v;
}

static void free_pending(struct pending_attach *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		close(v[i].fd);
		free(v[i].detach_keys);
		buf_done(&v[i].early);
	}
	free(v);
}

void pending_attach_drop(struct container *c)
{
	size_t n;
	struct pending_attach *v = take_pending(c, &n);

	free_pending(v, n);
}

#define COMING_STEP_US 200
#define COMING_STEPS   5000 /* a client whose connection hangs does not hold a start for ever */

/* What the program writes first belongs to the clients that were told to go ahead: attach.c (1). */
static struct pending_attach *await_pending(struct container *c, size_t *ret_n)
{
	bool wait = true;

	for (int i = 0; i < COMING_STEPS && wait; i++) {
		cs_lock(c->cs);
		wait = c->coming > 0;
		c->pending_taken = !wait || i == COMING_STEPS - 1;
		cs_unlock(c->cs);
		if (wait)
			usleep(COMING_STEP_US);
	}
	return take_pending(c, ret_n);
}

static void pending_over(struct container *c)
{
	cs_lock(c->cs);
	c->pending_taken = false;
	cs_unlock(c->cs);
}

static int spawn(struct container *c, const struct buf *plan, int netns, struct err *err)
{
	const struct containers_config *cfg = &c->cs->cfg;
	AUTO(free) char *program = path_join(cfg->libexec_dir, "cove-shim");
	struct shim_status status = {0};
	struct shim_attach attach[SHIM_ATTACH_MAX];
	size_t npending, n;
	struct pending_attach *pending = await_pending(c, &npending);
	struct shim_config sc = {.id = c->id,
				 .exec_root = cfg->exec_root,
				 .dir = c->dir,
				 .program = program,
				 .program_fd = -1,
				 .plan = plan->p,
				 .plan_len = plan->len,
				 .netns_fd = netns,
				 .tty = c->config.tty,
				 .open_stdin = c->config.open_stdin,
				 .stdin_once = c->config.stdin_once,
				 .auto_remove = c->host.auto_remove,
				 .restart = shim_policy(&c->host),
				 .attach = attach,
				 .start = true};
	struct shim *s = NULL;
	bool starting, gone;
	int r;

	if (json_array_size(c->host.console_size) == 2) {
		sc.rows = (uint16_t)json_integer_value(json_array_get(c->host.console_size, 0));
		sc.cols = (uint16_t)json_integer_value(json_array_get(c->host.console_size, 1));
	}
	for (n = 0; n < npending && n < SHIM_ATTACH_MAX; n++)
		attach[n] = (struct shim_attach){.fd = pending[n].fd,
						 .flags = pending[n].flags,
						 .detach_keys = pending[n].detach_keys,
						 .leftover = pending[n].early.p,
						 .leftover_len = pending[n].early.len};
	sc.nattach = n;
	log_options(c, &sc.log);
	container_ref(c); /* the connection's */
	cs_lock(c->cs);
	c->gone = NULL; /* of an earlier connection: its address may come again */
	cs_unlock(c->cs);
	r = shim_spawn(&sc, cfg->loop, shim_event, c, &s, &status, err);
	free_pending(pending, npending);
	if (r < 0) {
		pending_over(c);
		loop_post(cfg->loop, drop_reference, c);
		return -1;
	}
	cs_lock(c->cs);
	c->shim = s;
	starting = c->starting;
	gone = c->gone == s;
	c->gone = NULL;
	cs_unlock(c->cs);
	if (starting) /* else its events were here already */
		set_started(c, status.pid, status.start_time, status.started_ns, 0);
	pending_over(c); /* it runs: later clients go to the shim */
	if (gone)
		container_shim_gone(c, s);
	return 0;
}

static void start_failed(struct container *c, struct err *err)
{
	static const int codes[ERR_KINDS] = {[ERR_CMD_NOT_FOUND] = 127, [ERR_CMD_DENIED] = 126};

	if (err->kind == ERR_CMD_NOT_FOUND || err->kind == ERR_CMD_DENIED)
		err_wrap(err, "failed to create task for container: unable to start container process");
	cs_lock(c->cs);
	c->starting = false;
	if (c->state.status != ST_EXITED)
		c->state.status = ST_CREATED;
	c->state.exit_code = codes[err->kind] ? codes[err->kind] : 128;
	free(c->state.error);
	c->state.error = xstrdup(err->msg);
	cs_unlock(c->cs);
	cleanup_locked(c);
	store_save_state(c);
	waits_fire(c, false);
}

/* A forced removal has killed the last run and its clean-up is to come. */
static bool is_being_removed(struct container *c)
{
	bool found = false;

	cs_lock(c->cs);
	for (const struct after_exit *a = c->after_exit; a; a = a->next)
		found = found || a->removes;
	cs_unlock(c->cs);
	return found;
}

static int start_refused(struct container *c, struct err *err)
{
	if (is_being_removed(c) && !is_running(c))
		return err_set(err, ERR_CONFLICT,
			       "container is marked for removal and cannot be started");
	switch (c->state.status) {
	case ST_RUNNING:
	case ST_RESTARTING:
		return err_set(err, ERR_NOT_MODIFIED, "container %s is running already", c->name);
	case ST_PAUSED:
		return err_set(err, ERR_CONFLICT, "cannot start a paused container, try unpause instead");
	case ST_REMOVING:
	case ST_DEAD:
		return err_set(err, ERR_CONFLICT,
			       "container is marked for removal and cannot be started");
	default:
		return c->removed ? err_set(err, ERR_NOT_FOUND, "No such container: %s", c->id) : 0;
	}
}

int start_locked(struct container *c, const char *detach_keys, struct err *err)
{
	AUTO(buf) struct buf plan = {0};
	AUTO(close) int netns = -1;

	if (start_refused(c, err) < 0)
		return -1;
	cleanup_locked(c); /* of the last run, if its worker did not come to it yet */
	cs_lock(c->cs);
	c->starting = true;
	c->needs_cleanup = true;
	c->state.manual_stop = false;
	cs_unlock(c->cs);
	if (start_network(c, &netns, err) < 0 || spec_build_plan(c, &plan, err) < 0 ||
	    spawn(c, &plan, netns, err) < 0) {
		start_failed(c, err);
		return -1;
	}
	publish(c, "start");
	store_save_state(c);
	return 0;
}

int container_start(struct containers *cs, const char *ref, const char *detach_keys, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	bool remove;
	int r;

	if (!c)
		return -1;
	op_lock(c);
	r = start_locked(c, detach_keys, err);
	remove = r < 0 && err->kind != ERR_NOT_MODIFIED && c->host.auto_remove && !c->removed &&
		 !is_running(c);
	if (remove && remove_locked(c, true, NULL) < 0)
		log_warn("cannot remove a container that failed to start", "id=%s", c->id);
	op_unlock(c);
	return r;
}

void cleanup_locked(struct container *c)
{
	struct volume_store *vs = c->cs->cfg.volumes;
	struct err err = ERR_INIT;
	bool needed;

	cs_lock(c->cs);
	needed = c->needs_cleanup && !is_running(c);
	if (needed)
		c->needs_cleanup = false;
	cs_unlock(c->cs);
	if (!needed)
		return;
	if (c->shim && shim_release(c->shim, true, &err) < 0 && err.kind != ERR_UNAVAILABLE &&
	    err.kind != ERR_CANCELLED)
		log_warn("a container's monitor does not end", "id=%s error=%s", c->id, err.msg);
	if (c->shim && (err.kind == ERR_UNAVAILABLE || err.kind == ERR_CANCELLED)) {
		struct shim_record rec;

		close_shim(c);
		ignore_result(shim_salvage(c->cs->cfg.exec_root, c->id, c->dir, &rec, &err) < 0);
	}
	close_shim(c);
	network_detach(c->cs->cfg.networks, c->id);
	for (size_t i = 0; i < c->mounts.n; i++) {
		const struct mount_point *mp = (struct mount_point *)c->mounts.v + i;

		if (streq(mp->type, "volume"))
			volume_unmount(vs, mp->name, c->id);
	}
}

/* After the end of a run: gives everything back, then serves who waited for that. */
static void cleanup_job(void *ctx)
{
	struct container *c = ctx;
	struct after_exit *list, *next;
	bool again = false, removes = false, remove;

	op_lock(c);
	cleanup_locked(c);
	cs_lock(c->cs);
	c->cleanup_queued = false;
	list = c->after_exit;
	c->after_exit = NULL;
	cs_unlock(c->cs);
	if (!c->host.auto_remove) /* else the record goes in a moment */
		store_save_state(c);
	for (struct after_exit *a = list; a; a = a->next)
		removes = removes || a->removes;
	for (struct after_exit *a = list; a; a = a->next) {
		if (a->restarts && removes)
			err_set(&a->err, ERR_CONFLICT,
				"container is marked for removal and cannot be started");
		else if (a->run)
			a->run(c, a);
		again = again || a->restarts;
	}
	remove = c->host.auto_remove && !again && !c->removed && !is_running(c);
	if (remove && remove_locked(c, true, NULL) < 0)
		log_warn("cannot remove a container after its end", "id=%s", c->id);
	op_unlock(c);
	for (struct after_exit *a = list; a; a = next) {
		next = a->next;
		if (a->done)
			a->done(a->ctx, a->err.kind ? &a->err : NULL);
		free(a);
	}
	container_put(c);
}

void schedule_cleanup(struct container *c)
{
	bool queue;

	cs_lock(c->cs);
	queue = !c->cleanup_queued;
	c->cleanup_queued = true;
	cs_unlock(c->cs);
	if (queue)
		pool_run(c->cs->cfg.pool, cleanup_job, NULL, container_ref(c));
}
