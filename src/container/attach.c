/*
 * attach.c - clients of a container's standard streams
 *
 * A client of a running container goes to the shim at once; one that comes before the start is
 * kept and handed over with it, so that it sees every byte.
 *
 * (1) A client asks for the start as soon as it reads the head of our answer, which is sent before
 *     its descriptor is handed over. So it counts as coming from the check on, and a start waits
 *     for those: spawn() in start.c.
 */
#include "container/private.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

static int attach_refused(const struct container *c, struct err *err)
{
	if (c->state.status == ST_PAUSED)
		return err_set(err, ERR_CONFLICT,
			       "container %s is paused, unpause the container before attach", c->id);
	if (c->state.status == ST_RESTARTING)
		return err_set(err, ERR_CONFLICT,
			       "container %s is restarting, wait until the container is running", c->id);
	return 0;
}

int container_attach_check(struct containers *cs, const char *ref,
			   const struct container_attach_options *opts,
			   struct container_stream_info *ret, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	uint8_t keys[SHIM_KEYS_MAX];
	size_t n;
	int r;

	if (!c)
		return -1;
	if (opts->detach_keys && *opts->detach_keys &&
	    shim_detach_keys(opts->detach_keys, keys, &n, err) < 0)
		return -1;
	cs_lock(cs);
	ret->tty = c->config.tty;
	r = attach_refused(c, err);
	if (r == 0)
		c->coming++;
	cs_unlock(cs);
	return r;
}

static unsigned attach_flags(const struct container *c, const struct container_attach_options *o)
{
	unsigned flags = 0;

	if (o->in && c->config.open_stdin)
		flags |= SHIM_ATTACH_STDIN;
	if (o->out)
		flags |= SHIM_ATTACH_STDOUT;
	if (o->err)
		flags |= SHIM_ATTACH_STDERR;
	return flags;
}

/* Under lock: forgets waiting clients that have gone. */
static void prune_pending(struct container *c)
{
	size_t kept = 0;

	for (size_t i = 0; i < c->npending; i++) {
		struct pollfd p = {.fd = c->pending[i].fd, .events = POLLRDHUP};

		if (poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR))) {
			close(c->pending[i].fd);
			free(c->pending[i].detach_keys);
			buf_done(&c->pending[i].early);
		} else {
			c->pending[kept++] = c->pending[i];
		}
	}
	c->npending = kept;
}

static int keep_pending(struct container *c, const struct container_attach_options *o, int *fd,
			const void *early, size_t n, struct err *err)
{
	struct pending_attach *p;
	int r = 0;

	cs_lock(c->cs);
	prune_pending(c);
	if (c->removed) { /* nobody would close it: pending_attach_drop() has been */
		r = err_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
	} else if (c->npending >= SHIM_ATTACH_MAX) {
		r = err_set(err, ERR_CONFLICT, "too many clients wait for container %s to start", c->id);
	} else {
		c->pending = xrealloc(c->pending, (c->npending + 1) * sizeof(*p));
		p = &c->pending[c->npending++];
		*p = (struct pending_attach){.fd = TAKE_FD(*fd),
					     .flags = attach_flags(c, o),
					     .detach_keys = xstrdup(o->detach_keys)};
		buf_add(&p->early, early, n);
	}
	cs_unlock(c->cs);
	return r;
}

/* Writes the log so far to a client; one that reads nothing for ten seconds is given up. */
static void replay_log(struct container *c, const struct container_attach_options *o, int fd)
{
	struct container_logs_options lo = {.out = o->out, .err = o->err, .tail = -1};
	struct timeval patience = {.tv_sec = 10};
	struct container_stream_info info;
	enum container_logs_state state;
	struct container_logs *l;

	if (container_logs_open(c->cs, c->id, &lo, NULL, NULL, &l, &info, NULL) < 0)
		return;
	ignore_result(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0);
	ignore_result(fs_nonblock(fd, false) < 0);
	do {
		AUTO(buf) struct buf out = {0};

		state = container_logs_fill(l, &out);
		if (fs_write_full(fd, out.p, out.len) < 0)
			break;
	} while (state == LOGS_MORE);
	container_logs_close(l);
}

static int attach_running(struct container *c, const struct container_attach_options *o, int fd,
			  const void *early, size_t n, struct err *err)
{
	struct shim_attach a = {.fd = fd,
				.flags = attach_flags(c, o) | (o->logs ? SHIM_ATTACH_HOLD : 0),
				.detach_keys = o->detach_keys,
				.leftover = early,
				.leftover_len = n};
	uint64_t token = 0;

	if (!o->stream) {
		replay_log(c, o, fd);
		return 0;
	}
	if (shim_attach(c->shim, &a, &token, NULL, err) < 0)
		return -1;
	if (!o->logs)
		return 0;
	replay_log(c, o, fd);
	ignore_result(fs_nonblock(fd, true) < 0); /* the shim sets it too */
	return shim_attach_go(c->shim, token, err);
}

static void has_come(struct container *c)
{
	cs_lock(c->cs);
	if (c->coming)
		c->coming--;
	cs_unlock(c->cs);
}

void container_attach_cancel(struct containers *cs, const char *ref)
{
	AUTO(container) struct container *c = container_get(cs, ref, NULL);

	if (c)
		has_come(c);
}

static bool is_before_start(struct container *c)
{
	bool before;

	cs_lock(c->cs);
	before = !c->removed && !is_running(c) && !c->pending_taken;
	cs_unlock(c->cs);
	return before;
}

static int attach_before(struct container *c, const struct container_attach_options *o, int *fd,
			 const void *early, size_t n, struct err *err)
{
	if (o->logs)
		replay_log(c, o, *fd);
	return o->stream && !c->removed ? keep_pending(c, o, fd, early, n, err) : 0;
}

int container_attach(struct containers *cs, const char *ref, const struct container_attach_options *opts,
		     int client_fd, const void *early, size_t n, struct err *err)
{
	AUTO(close) int fd = client_fd;
	AUTO(container) struct container *c = container_get(cs, ref, err);
	int r;

	if (!c)
		return -1;
	if (is_before_start(c)) { /* without op: a start may hold it and wait for us */
		r = attach_before(c, opts, &fd, early, n, err);
		has_come(c);
	} else {
		has_come(c);
		op_lock(c);
		r = is_running(c) && c->shim ? attach_running(c, opts, fd, early, n, err) :
					       attach_before(c, opts, &fd, early, n, err);
		op_unlock(c);
	}
	if (r == 0)
		publish(c, "attach");
	return r;
}
