/*
 * exec.c - more programs in a running container
 *
 * An exec is known here from its creation until its container goes, or until EXEC_KEEP newer
 * ones have ended; the shim knows it while it runs.
 */
#include "container/health.h"

#define EXEC_KEEP 64

static void exec_put(struct exec *x)
{
	bool last;

	cs_lock(x->c->cs);
	last = --x->refs == 0;
	cs_unlock(x->c->cs);
	if (!last)
		return;
	free(x->id);
	json_unbind(&exec_config_type, &x->config);
	container_put(x->c);
	free(x);
}

/* Under lock: takes the oldest ended execs of a container out of the table, beyond EXEC_KEEP. */
static struct exec *pop_oldest_ended(struct container *c)
{
	struct exec *oldest = NULL;
	size_t ended = 0;

	map_for_each(it, &c->execs) {
		struct exec *x = it->value;

		if (!x->started || x->running)
			continue;
		ended++;
		if (!oldest)
			oldest = x;
	}
	if (ended <= EXEC_KEEP)
		return NULL;
	map_take(&c->execs, oldest->id);
	map_take(&c->cs->execs, oldest->id);
	return oldest;
}

static struct exec *exec_get(struct containers *cs, const char *id, struct err *err)
{
	struct exec *x, *found = NULL;
	size_t n = strlen(id);

	cs_lock(cs);
	found = map_get(&cs->execs, id);
	if (!found && n > 0 && n < CONTAINER_ID_LEN) {
		map_for_each(it, &cs->execs) {
			x = it->value;
			if (strncmp(x->id, id, n) == 0)
				found = x;
		}
	}
	if (found)
		found->refs++;
	cs_unlock(cs);
	if (!found)
		err_set(err, ERR_NOT_FOUND, "No such exec instance: %s", id);
	return found;
}

static int exec_refused(const struct container *c, struct err *err)
{
	if (c->state.status == ST_PAUSED)
		return err_set(err, ERR_CONFLICT,
			       "container %s is paused, unpause the container before exec", c->id);
	if (c->state.status == ST_RESTARTING)
		return err_set(err, ERR_CONFLICT,
			       "container %s is restarting, wait until the container is running", c->id);
	if (!is_running(c))
		return err_set(err, ERR_CONFLICT, "container %s is not running", c->id);
	return 0;
}

static void publish_exec(struct exec *x, const char *what, const char *key, const char *value)
{
	AUTO(free) char *cmd = strv_join(&x->config.cmd, " ");
	AUTO(free) char *action = *what == '_' ? xasprintf("exec%s", what) :
						 xasprintf("exec_%s: %s", what, cmd);

	publish_with(x->c, action, key ? key : "execID", key ? value : x->id);
}

int container_exec_create(struct containers *cs, const char *ref, const json_t *body, char **ret_id,
			  struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	char id[CONTAINER_ID_LEN + 1];
	struct exec *x, *old;
	uint8_t keys[SHIM_KEYS_MAX];
	size_t n;
	int r;

	if (!c)
		return -1;
	random_hex(id, CONTAINER_ID_LEN);
	x = xnew(struct exec);
	x->refs = 2; /* the table's and ours */
	x->id = xstrdup(id);
	x->c = container_ref(c);
	r = json_bind(&exec_config_type, body, &x->config, err);
	if (r == 0 && x->config.cmd.n == 0)
		r = err_set(err, ERR_INVALID, "No exec command specified");
	if (r == 0 && *str_or(x->config.detach_keys))
		r = shim_detach_keys(x->config.detach_keys, keys, &n, err);
	cs_lock(cs);
	if (r == 0)
		r = exec_refused(c, err);
	if (r == 0) {
		map_set(&cs->execs, id, x);
		map_set(&c->execs, id, x);
	}
	old = pop_oldest_ended(c);
	cs_unlock(cs);
	if (old)
		exec_put(old);
	if (r == 0) {
		publish_exec(x, "create", NULL, NULL);
		*ret_id = xstrdup(id);
	} else {
		exec_put(x); /* no table has it */
	}
	exec_put(x);
	return r;
}

int container_exec_check(struct containers *cs, const char *exec_id, const json_t *body,
			 struct container_stream_info *ret, bool *ret_detach, struct err *err)
{
	struct exec *x = exec_get(cs, exec_id, err);
	int r;

	if (!x)
		return -1;
	cs_lock(cs);
	ret->tty = x->config.tty;
	*ret_detach = json_get_bool(body, "Detach", false);
	if (x->running)
		r = err_set(err, ERR_CONFLICT, "exec %s is already running", x->id);
	else if (x->started)
		r = err_set(err, ERR_CONFLICT, "exec command %s has already run", x->id);
	else
		r = exec_refused(x->c, err);
	cs_unlock(cs);
	exec_put(x);
	return r;
}

static void console_size(const struct exec *x, const json_t *body, struct shim_exec *sx)
{
	const json_t *size = json_object_get(body, "ConsoleSize");

	if (json_array_size(size) != 2)
		size = x->config.console_size;
	if (json_array_size(size) != 2)
		return;
	sx->rows = (uint16_t)json_integer_value(json_array_get(size, 0));
	sx->cols = (uint16_t)json_integer_value(json_array_get(size, 1));
}

/* What docker says on the stream when the program cannot be run: the head has been sent. */
static void tell_client(const struct exec *x, int fd, const struct err *err)
{
	AUTO(free) char *text = xasprintf("%s\r\n", err->msg);
	size_t n = strlen(text);
	unsigned char head[8] = {1, 0, 0, 0, (unsigned char)(n >> 24), (unsigned char)(n >> 16),
				 (unsigned char)(n >> 8), (unsigned char)n};

	if (fd < 0)
		return;
	if (!x->config.tty)
		ignore_result(fs_write_full(fd, head, sizeof(head)) < 0); /* it may have gone */
	ignore_result(fs_write_full(fd, text, n) < 0);
}

static void exec_failed(struct exec *x, int fd, struct err *err)
{
	cs_lock(x->c->cs);
	x->running = false;
	x->exit_code = err->kind == ERR_CMD_NOT_FOUND ? 127 : err->kind == ERR_CMD_DENIED ? 126 : 128;
	cs_unlock(x->c->cs);
	if (err->kind == ERR_CMD_NOT_FOUND || err->kind == ERR_CMD_DENIED)
		err_wrap(err, "OCI runtime exec failed: exec failed: unable to start container process");
	tell_client(x, fd, err);
}

static int run(struct exec *x, const json_t *body, int fd, const void *early, size_t n, struct err *err)
{
	struct container *c = x->c;
	AUTO(buf) struct buf plan = {0};
	const char *keys = json_get_str(body, "DetachKeys", x->config.detach_keys);
	struct shim_attach a = {.fd = fd,
				.flags = (x->config.attach_stdin ? SHIM_ATTACH_STDIN : 0u) |
					 (x->config.attach_stdout ? SHIM_ATTACH_STDOUT : 0u) |
					 (x->config.attach_stderr ? SHIM_ATTACH_STDERR : 0u),
				.exec = x->id,
				.detach_keys = keys && *keys ? keys : NULL,
				.leftover = early,
				.leftover_len = n};
	struct shim_exec sx = {.id = x->id,
			       .tty = x->config.tty,
			       .open_stdin = x->config.attach_stdin && fd >= 0,
			       .attach = fd >= 0 ? &a : NULL};
	pid_t pid = 0;

	if (spec_build_exec_plan(c, &x->config, &plan, err) < 0)
		return -1;
	sx.plan = plan.p;
	sx.plan_len = plan.len;
	console_size(x, body, &sx);
	if (shim_exec(c->shim, &sx, &pid, err) < 0)
		return -1;
	cs_lock(c->cs);
	if (x->running) /* else its end was here already */
		x->pid = pid;
	cs_unlock(c->cs);
	return 0;
}

int container_exec_start(struct containers *cs, const char *exec_id, const json_t *body, int client_fd,
			 const void *early, size_t n, struct err *err)
{
	AUTO(close) int fd = client_fd;
	struct exec *x = exec_get(cs, exec_id, err);
	int r;

	if (!x)
		return -1;
	op_lock(x->c);
	cs_lock(cs);
	r = x->started ? err_set(err, ERR_CONFLICT, "exec command %s has already run", x->id) :
			 exec_refused(x->c, err);
	if (r == 0)
		x->started = x->running = true;
	cs_unlock(cs);
	if (r == 0) {
		publish_exec(x, "start", NULL, NULL);
		r = x->c->shim ? run(x, body, fd, early, n, err) :
				 err_set(err, ERR_UNAVAILABLE, "the container's monitor is gone");
		if (r < 0)
			exec_failed(x, fd, err);
	} else {
		tell_client(x, fd, err);
	}
	op_unlock(x->c);
	exec_put(x);
	return r;
}

struct forget {
	struct container *c;
	char id[SHIM_ID_MAX + 1];
};

static void forget_job(void *ctx)
{
	struct forget *f = ctx;
	struct err err = ERR_INIT;

	op_lock(f->c);
	if (f->c->shim && shim_exec_forget(f->c->shim, f->id, &err) < 0)
		log_debug("a monitor does not forget an exec", "id=%s error=%s", f->id, err.msg);
	op_unlock(f->c);
	container_put(f->c);
	free(f);
}

static void exec_ended(struct container *c, const char *id, const struct shim_exit *exit)
{
	struct forget *f;
	struct exec *x;
	char code[16];

	cs_lock(c->cs);
	x = map_get(&c->execs, id);
	if (x && x->running) {
		x->running = false;
		x->exit_code = exit->code;
		x->ended_ns = exit->finished_ns;
		x->pid = 0;
	} else {
		x = NULL;
	}
	if (x)
		x->refs++;
	cs_unlock(c->cs);
	if (x) {
		snprintf(code, sizeof(code), "%d", exit->code);
		publish_exec(x, "_die", "exitCode", code);
		exec_put(x);
	}
	f = xnew(struct forget);
	f->c = container_ref(c);
	snprintf(f->id, sizeof(f->id), "%s", id);
	pool_run(c->cs->cfg.pool, forget_job, NULL, f);
}

void exec_event(struct container *c, const struct shim_event *ev)
{
	if (ev->type == SHIM_EV_EXEC_EXITED && !health_exec_exited(c, ev))
		exec_ended(c, ev->exec, &ev->exit);
}

/* After a restart of the engine: what the shim knows of this container's execs. */
void execs_adopt(struct container *c, const struct shim_exec_status *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct exec *x;
		bool known;

		cs_lock(c->cs);
		known = map_has(&c->execs, v[i].id);
		cs_unlock(c->cs);
		if (known) {
			if (v[i].state != SHIM_RUNNING)
				exec_ended(c, v[i].id, &v[i].exit);
			continue;
		}
		x = xnew(struct exec);
		x->refs = 1;
		x->id = xstrdup(v[i].id);
		x->c = container_ref(c);
		x->started = x->running = true;
		x->pid = v[i].pid;
		x->config.tty = v[i].tty;
		cs_lock(c->cs);
		map_set(&c->cs->execs, x->id, x);
		map_set(&c->execs, x->id, x);
		cs_unlock(c->cs);
		if (v[i].state != SHIM_RUNNING)
			exec_ended(c, v[i].id, &v[i].exit);
	}
}

/* The container was killed with its monitor: so were its execs, and nobody else will tell. */
void execs_killed(struct container *c)
{
	cs_lock(c->cs);
	map_for_each(it, &c->execs) {
		struct exec *x = it->value;

		if (!x->running)
			continue;
		x->running = false;
		x->pid = 0;
		x->exit_code = 137;
		x->ended_ns = clock_real_ns();
	}
	cs_unlock(c->cs);
}

void execs_drop(struct container *c)
{
	struct exec *x;

	do {
		x = NULL;
		cs_lock(c->cs);
		map_for_each(it, &c->execs) {
			x = it->value;
			break;
		}
		if (x) {
			map_take(&c->cs->execs, x->id);
			map_take(&c->execs, x->id);
		}
		cs_unlock(c->cs);
		if (x)
			exec_put(x);
	} while (x);
}

int container_exec_resize(struct containers *cs, const char *exec_id, unsigned h, unsigned w,
			  struct err *err)
{
	struct exec *x = exec_get(cs, exec_id, err);
	int r;

	if (!x)
		return -1;
	op_lock(x->c);
	if (!x->running || !x->c->shim)
		r = err_set(err, ERR_CONFLICT, "exec %s is not running", x->id);
	else
		r = shim_resize(x->c->shim, x->id, (uint16_t)MIN(h, 65535u), (uint16_t)MIN(w, 65535u), err);
	op_unlock(x->c);
	exec_put(x);
	return r;
}

json_t *container_exec_inspect(struct containers *cs, const char *exec_id, struct err *err)
{
	struct exec *x = exec_get(cs, exec_id, err);
	const struct exec_config *k;
	json_t *args, *j;

	if (!x)
		return NULL;
	cs_lock(cs);
	k = &x->config;
	args = json_strs(&k->cmd);
	if (json_array_size(args))
		json_array_remove(args, 0);
	j = json_pack("{s:o,s:b,s:o,s:{s:b,s:o,s:o,s:b,s:o},s:b,s:b,s:b,s:b,s:o,s:o,s:I}", "ID",
		      json_str(x->id), "Running", x->running, "ExitCode",
		      x->started && !x->running ? json_integer(x->exit_code) : json_null(),
		      "ProcessConfig", "tty", k->tty, "entrypoint", json_str(k->cmd.n ? k->cmd.v[0] : ""),
		      "arguments", args, "privileged", k->privileged, "user", json_str(k->user),
		      "OpenStdin", k->attach_stdin, "OpenStderr", k->attach_stderr, "OpenStdout",
		      k->attach_stdout, "CanRemove", false, "ContainerID", json_str(x->c->id),
		      "DetachKeys", json_str(k->detach_keys), "Pid", (json_int_t)x->pid);
	cs_unlock(cs);
	exec_put(x);
	CHECK(j);
	return j;
}
