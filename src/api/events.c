/*
 * events.c - GET /events: what happened and happens
 *
 * (1) A watch lives until its exchange is over; the bus wakes it only while it is subscribed.
 */
#include "api/private.h"
#include "base/clock.h"
#include "event/event.h"

struct watch {
	struct call *call;
	struct event_sub *sub;
	struct loop_timer *until;
};

static void wake(void *ctx)
{
	struct watch *w = ctx;

	http_wake(w->call->req);
}

static enum http_fill fill(void *ctx, struct buf *out)
{
	struct watch *w = ctx;
	int r;

	while ((r = event_next(w->sub, out)) > 0)
		if (out->len >= HTTP_LOW_WATER)
			return HTTP_MORE;
	return r < 0 ? HTTP_END : HTTP_WAIT;
}

static void watch_done(void *ctx)
{
	struct watch *w = ctx;

	event_unsubscribe(w->sub);
	if (w->until)
		loop_timer_free(w->until);
	call_release(w->call);
	free(w);
}

static void until_reached(void *ctx)
{
	struct watch *w = ctx;

	w->until = NULL;
	wake(w);
}

static int check_filters(const struct filters *f, struct err *err)
{
	static const char *const known[] = {
	    "config", "container", "daemon", "event", "image", "label", "network", "node",
	    "plugin", "scope", "secret", "service", "type", "volume", NULL,
	};

	return filters_check(f, known, err);
}

/* Here "0" is a moment as any other: the beginning of time. */
static int moment(const struct call *c, const char *name, int64_t *ret, struct err *err)
{
	if (param_moment(c, name, ret, err) < 0)
		return -1;
	if (streq(param(c, name), "0"))
		*ret = 1;
	return 0;
}

static int events(struct call *c, struct err *err)
{
	AUTO(filters) struct filters f = {0};
	struct http_source src = {.fill = fill, .done = watch_done, .on_loop = true};
	int64_t since, until, now = clock_real_ns();
	struct watch *w;

	if (!c->api->config.events)
		return err_set(err, ERR_UNSUPPORTED, "this engine runs without events");
	if (moment(c, "since", &since, err) < 0 || moment(c, "until", &until, err) < 0 ||
	    param_filters(c, &f, err) < 0 || check_filters(&f, err) < 0)
		return -1;
	if (since && until && until < since)
		return err_set(err, ERR_INVALID, "`since` time (%s) cannot be after `until` time (%s)",
			       param(c, "since"), param(c, "until"));
	w = xnew(struct watch);
	w->call = c;
	call_hold(c);
	w->sub = event_subscribe(c->api->config.events, &f, since, until, wake, w);
	if (until > now)
		w->until = loop_add_timer(c->api->config.loop, until - now + NS_PER_MS, until_reached, w);
	src.ctx = w;
	http_stream(c->req, 200, "application/json", &src);
	return 0;
}

const struct route event_routes[] = {
    {"GET", "/events", events, 0, R_LOOP, NEEDS_NOTHING},
    {0},
};
