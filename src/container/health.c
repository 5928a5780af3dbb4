/*
 * health.c - HEALTHCHECK: a program run in the container now and then says whether it is well
 *
 * A timer on the loop has a worker start a probe (an exec of the shim's, not in the table of
 * execs); its output comes over a socket pair, its exit as an event. When both are in, the
 * result is counted and the next timer set. Docker's rules: failures in the start period do not
 * count until the first success; `retries` failures in a row make it unhealthy.
 *
 * (1) At most one probe of a container runs; the timer is set only when none does.
 * (2) struct health changes on the loop's thread under lock; others read it under lock.
 */
#include "container/health.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#define RESULTS_KEPT 5
#define OUTPUT_MAX   4096

struct result {
	int64_t start_ns, end_ns;
	int exit_code;
	char *output;
};

struct probe {
	struct container *c; /* a reference */
	char id[CONTAINER_ID_LEN + 1];
	int64_t start_ns;
	int fd; /* our end of the output's socket pair */
	struct loop_fd *watch;
	struct loop_timer *timeout;
	struct buf raw, text; /* frames to come, output so far */
	bool eof, exited, timed_out, abandoned, started;
	bool launched; /* started_probe() has run: before it, only that may finish the probe */
	int exit_code;
	struct err err;
};

struct health {
	const char *status;
	int64_t streak, started_ns;
	bool was_well; /* a success since the start: the start period is over */
	struct result results[RESULTS_KEPT];
	size_t n;
	struct loop_timer *timer;
	struct probe *probe;
};

bool health_configured(const struct container *c)
{
	const struct health_config *h = c->config.healthcheck;

	return h && h->test.n > 0 && !streq(h->test.v[0], "NONE");
}

static int64_t or_default(int64_t v, int64_t dflt)
{
	return v ? v : dflt;
}

static bool in_start_period(const struct container *c)
{
	const struct health *h = c->health;

	return !h->was_well && streq(h->status, "starting") &&
	       clock_mono_ns() - h->started_ns < c->config.healthcheck->start_period;
}

static int64_t next_delay(const struct container *c)
{
	const struct health_config *k = c->config.healthcheck;

	if (in_start_period(c))
		return or_default(k->start_interval, 5 * NS_PER_SEC);
	return or_default(k->interval, 30 * NS_PER_SEC);
}

static void begin_probe(void *ctx);

static void set_timer(struct container *c)
{
	struct health *h = c->health;

	if (h && !h->timer && !h->probe && is_running(c))
		h->timer = loop_add_timer(c->cs->cfg.loop, next_delay(c), begin_probe, c);
}

static void keep_result(struct container *c, struct probe *p)
{
	struct health *h = c->health;
	struct result r = {.start_ns = p->start_ns,
			   .end_ns = clock_real_ns(),
			   .exit_code = p->exit_code};

	if (p->timed_out)
		r.output = xasprintf("Health check exceeded timeout (%gs)",
				     (double)or_default(c->config.healthcheck->timeout, 30 * NS_PER_SEC) / 1e9);
	else if (p->err.kind)
		r.output = xstrdup(p->err.msg);
	else
		r.output = buf_take(&p->text);
	if (h->n == RESULTS_KEPT) {
		free(h->results[0].output);
		memmove(h->results, h->results + 1, sizeof(h->results[0]) * (RESULTS_KEPT - 1));
		h->n--;
	}
	h->results[h->n++] = r;
}

/* Under lock: counts a result; returns the new status if it changed, else NULL. */
static const char *judge(struct container *c, int exit_code)
{
	struct health *h = c->health;
	int64_t retries = or_default(c->config.healthcheck->retries, 3);
	const char *was = h->status;

	if (exit_code == 0) {
		h->streak = 0;
		h->was_well = true;
		h->status = "healthy";
	} else if (!in_start_period(c)) {
		h->streak++;
		if (h->streak >= retries)
			h->status = "unhealthy";
	}
	return streq(was, h->status) ? NULL : h->status;
}

static void probe_free(struct probe *p)
{
	loop_fd_free(p->watch);
	loop_timer_free(p->timeout);
	if (p->fd >= 0)
		close(p->fd);
	buf_done(&p->raw);
	buf_done(&p->text);
	container_put(p->c);
	free(p);
}

static void forget_job(void *ctx)
{
	struct probe *p = ctx;

	op_lock(p->c);
	if (p->c->shim && p->started)
		ignore_result(shim_exec_forget(p->c->shim, p->id, NULL) < 0); /* it goes with the shim else */
	op_unlock(p->c);
}

static void forgotten(void *ctx)
{
	probe_free(ctx);
}

static void finish_probe(struct probe *p)
{
	struct container *c = p->c;
	const char *changed = NULL;

	loop_fd_free(p->watch);
	p->watch = NULL;
	loop_timer_free(p->timeout);
	p->timeout = NULL;
	cs_lock(c->cs);
	if (c->health && c->health->probe == p) {
		c->health->probe = NULL;
		if (!p->abandoned) {
			keep_result(c, p);
			changed = judge(c, p->exit_code);
			set_timer(c);
		}
	}
	cs_unlock(c->cs);
	if (changed) {
		AUTO(free) char *action = xasprintf("health_status: %s", changed);

		publish(c, action);
	}
	pool_run(c->cs->cfg.pool, forget_job, forgotten, p);
}

static void check_finished(struct probe *p)
{
	if (p->exited && p->eof)
		finish_probe(p);
}

/* Takes whole frames out of raw: head {stream, 0, 0, 0, size big-endian}, then bytes. */
static void take_frames(struct probe *p)
{
	while (p->raw.len >= 8) {
		const unsigned char *h = (const unsigned char *)p->raw.p;
		size_t n = (size_t)h[4] << 24 | (size_t)h[5] << 16 | (size_t)h[6] << 8 | h[7];

		if (p->raw.len - 8 < n)
			return;
		if (p->text.len < OUTPUT_MAX)
			buf_add(&p->text, p->raw.p + 8, MIN(n, OUTPUT_MAX - p->text.len));
		buf_consume(&p->raw, 8 + n);
	}
}

static void output_ready(void *ctx, uint32_t events)
{
	struct probe *p = ctx;
	char chunk[16384];
	ssize_t n = read(p->fd, chunk, sizeof(chunk));

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0 && p->raw.len < (1 << 20)) {
		buf_add(&p->raw, chunk, (size_t)n);
		take_frames(p);
		return;
	}
	if (n > 0)
		return;
	loop_fd_free(p->watch);
	p->watch = NULL;
	p->eof = true;
	check_finished(p);
}

struct kill {
	struct container *c; /* a reference */
	char id[CONTAINER_ID_LEN + 1];
};

static void kill_job(void *ctx)
{
	struct kill *k = ctx;

	op_lock(k->c);
	if (k->c->shim)
		ignore_result(shim_kill(k->c->shim, k->id, SIGKILL, false, NULL) < 0); /* it just ended */
	op_unlock(k->c);
	container_put(k->c);
	free(k);
}

static void probe_timeout(void *ctx)
{
	struct probe *p = ctx;
	struct kill *k = xnew(struct kill);

	k->c = container_ref(p->c);
	memcpy(k->id, p->id, sizeof(k->id));
	p->timeout = NULL;
	p->timed_out = true;
	p->exit_code = -1;
	p->eof = true; /* its children may hold the output open */
	loop_fd_free(p->watch);
	p->watch = NULL;
	pool_run(p->c->cs->cfg.pool, kill_job, NULL, k);
	check_finished(p); /* unless its exit is still to come */
}

static int probe_command(const struct container *c, struct strv *ret)
{
	const struct strv *test = &c->config.healthcheck->test;

	if (streq(test->v[0], "CMD-SHELL")) {
		if (c->config.shell.n) {
			strv_copy(ret, &c->config.shell);
		} else {
			strv_add(ret, "/bin/sh");
			strv_add(ret, "-c");
		}
		strv_add(ret, test->n > 1 ? test->v[1] : "");
	} else {
		for (size_t i = streq(test->v[0], "CMD") ? 1 : 0; i < test->n; i++)
			strv_add(ret, test->v[i]);
	}
	return ret->n ? 0 : -1;
}

/* On a worker: starts the exec. */
static void start_job(void *ctx)
{
	struct probe *p = ctx;
	struct container *c = p->c;
	struct exec_config x = {.attach_stdout = true, .attach_stderr = true};
	AUTO(buf) struct buf plan = {0};
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) < 0) {
		err_sys(&p->err, errno, "start health check");
		return;
	}
	p->fd = sv[0];
	ignore_result(fs_nonblock(sv[0], true) < 0);
	op_lock(c);
	if (!is_running(c) || c->state.status != ST_RUNNING || !c->shim) {
		err_set(&p->err, ERR_CANCELLED, "container is not running");
	} else if (probe_command(c, &x.cmd) < 0) {
		err_set(&p->err, ERR_INVALID, "the health check has no command");
	} else if (spec_build_exec_plan(c, &x, &plan, &p->err) == 0) {
		struct shim_attach a = {.fd = sv[1], .flags = SHIM_ATTACH_STDOUT | SHIM_ATTACH_STDERR,
					.exec = p->id};
		struct shim_exec sx = {.id = p->id, .plan = plan.p, .plan_len = plan.len, .attach = &a};

		p->started = shim_exec(c->shim, &sx, NULL, &p->err) == 0;
	}
	op_unlock(c);
	close(sv[1]);
	json_unbind(&exec_config_type, &x);
}

static void started_probe(void *ctx)
{
	struct probe *p = ctx;

	p->launched = true;
	if (p->started && p->abandoned) { /* the container ended meanwhile */
		finish_probe(p);
		return;
	}
	if (!p->started) {
		p->exit_code = -1;
		p->abandoned = p->err.kind == ERR_CANCELLED;
		finish_probe(p);
		if (p->abandoned) {
			cs_lock(p->c->cs);
			set_timer(p->c); /* paused: asked again later */
			cs_unlock(p->c->cs);
		}
		return;
	}
	p->watch = loop_add_fd(p->c->cs->cfg.loop, p->fd, EPOLLIN, output_ready, p);
	p->timeout = loop_add_timer(p->c->cs->cfg.loop,
				    or_default(p->c->config.healthcheck->timeout, 30 * NS_PER_SEC),
				    probe_timeout, p);
	check_finished(p);
}

static void begin_probe(void *ctx)
{
	struct container *c = ctx;
	struct probe *p = xnew(struct probe);

	p->fd = -1;
	p->c = container_ref(c);
	p->start_ns = clock_real_ns();
	random_hex(p->id, CONTAINER_ID_LEN);
	cs_lock(c->cs);
	c->health->timer = NULL;
	c->health->probe = p;
	cs_unlock(c->cs);
	pool_run(c->cs->cfg.pool, start_job, started_probe, p);
}

bool health_exec_exited(struct container *c, const struct shim_event *ev)
{
	struct probe *p = c->health ? c->health->probe : NULL;

	if (!p || !streq(p->id, ev->exec))
		return false;
	p->exited = true;
	if (!p->timed_out)
		p->exit_code = ev->exit.code;
	if (p->launched)
		check_finished(p);
	return true;
}

/* It died with the run of the container that it was begun in; no event of it may come. */
static void abandon(struct probe *p)
{
	if (!p)
		return;
	p->abandoned = true;
	if (p->launched)
		finish_probe(p);
}

static void start_on_loop(void *ctx)
{
	struct container *c = ctx;
	struct probe *p = NULL;

	cs_lock(c->cs);
	if (c->health) {
		p = c->health->probe;
		c->health->probe = NULL;
	}
	cs_unlock(c->cs);
	abandon(p); /* of the run before */
	cs_lock(c->cs);
	if (is_running(c) && !c->removed) {
		if (!c->health)
			c->health = xnew(struct health);
		c->health->status = "starting";
		c->health->streak = 0;
		c->health->was_well = false;
		c->health->started_ns = clock_mono_ns();
		set_timer(c);
	}
	cs_unlock(c->cs);
	container_put(c);
}

void health_started(struct container *c)
{
	if (health_configured(c))
		loop_post(c->cs->cfg.loop, start_on_loop, container_ref(c));
}

static void stop_on_loop(void *ctx)
{
	struct container *c = ctx;
	struct probe *p = NULL;

	cs_lock(c->cs);
	if (c->health && (!is_running(c) || c->state.status == ST_RESTARTING || c->removed)) {
		loop_timer_free(c->health->timer);
		c->health->timer = NULL;
		p = c->health->probe;
	}
	cs_unlock(c->cs);
	abandon(p);
	container_put(c);
}

void health_stopped(struct container *c)
{
	if (health_configured(c))
		loop_post(c->cs->cfg.loop, stop_on_loop, container_ref(c));
}

const char *health_name(const struct container *c)
{
	if (!health_configured(c))
		return "none";
	return c->health ? c->health->status : "starting";
}

json_t *health_json(const struct container *c)
{
	const struct health *h = c->health;
	json_t *log = json_array();
	char start[CLOCK_RFC3339_MAX], end[CLOCK_RFC3339_MAX];

	for (size_t i = 0; h && i < h->n; i++) {
		clock_format_rfc3339(start, h->results[i].start_ns);
		clock_format_rfc3339(end, h->results[i].end_ns);
		json_array_append_new(log, json_pack("{s:s,s:s,s:i,s:o}", "Start", start, "End", end,
						     "ExitCode", h->results[i].exit_code, "Output",
						     json_str(h->results[i].output)));
	}
	return json_pack("{s:s,s:I,s:o}", "Status", health_name(c), "FailingStreak",
			 (json_int_t)(h ? h->streak : 0), "Log", log);
}

void health_done(struct container *c)
{
	if (!c->health)
		return;
	CHECK(!c->health->probe);
	for (size_t i = 0; i < c->health->n; i++)
		free(c->health->results[i].output);
	free(c->health);
	c->health = NULL;
}
