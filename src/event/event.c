/*
 * event.c - the ring of events and its readers
 *
 * An event has a number that only grows; it stands at number % EVENT_RING. A subscriber holds
 * the number it reads next, so a slow one costs nothing but what it loses.
 *
 * (1) Everything is under the bus's lock, the wakes too: so none comes after unsubscribe.
 * (2) Times grow with the numbers.
 */
#include "event/event.h"

#include <pthread.h>

#include "base/clock.h"
#include "codec/json.h"

struct event {
	char *type, *action, *id;
	struct map attrs;
	int64_t time_ns;
};

struct event_bus {
	pthread_mutex_t lock;
	struct event ring[EVENT_RING];
	uint64_t next; /* number of the event to come */
	int64_t last_ns;
	struct list subs;
	unsigned nsubs;
};

struct event_sub {
	struct list link;
	struct event_bus *bus;
	struct filters filters;
	uint64_t at;
	int64_t since_ns, until_ns;
	void (*wake)(void *ctx);
	void *ctx;
};

struct event_bus *event_bus_new(void)
{
	struct event_bus *bus = xnew(struct event_bus);

	pthread_mutex_init(&bus->lock, NULL);
	list_init(&bus->subs);
	return bus;
}

static void event_done(struct event *ev)
{
	free(ev->type);
	free(ev->action);
	free(ev->id);
	map_done(&ev->attrs);
}

void event_bus_free(struct event_bus *bus)
{
	if (!bus)
		return;
	CHECK(list_empty(&bus->subs));
	for (size_t i = 0; i < EVENT_RING; i++)
		event_done(&bus->ring[i]);
	pthread_mutex_destroy(&bus->lock);
	free(bus);
}

void event_publish(struct event_bus *bus, const char *type, const char *action, const char *id,
		   const struct map *attrs)
{
	struct event ev = {.type = xstrdup(type), .action = xstrdup(action), .id = xstrdup(id)};

	if (attrs)
		map_copy_str(&ev.attrs, attrs);
	pthread_mutex_lock(&bus->lock);
	ev.time_ns = MAX(clock_real_ns(), bus->last_ns + 1);
	bus->last_ns = ev.time_ns;
	event_done(&bus->ring[bus->next % EVENT_RING]);
	bus->ring[bus->next++ % EVENT_RING] = ev;
	list_for_each(pos, &bus->subs) {
		struct event_sub *sub = container_of(pos, struct event_sub, link);

		sub->wake(sub->ctx);
	}
	pthread_mutex_unlock(&bus->lock);
}

static uint64_t oldest(const struct event_bus *bus)
{
	return bus->next > EVENT_RING ? bus->next - EVENT_RING : 0;
}

struct event_sub *event_subscribe(struct event_bus *bus, struct filters *filters, int64_t since_ns,
				  int64_t until_ns, void (*wake)(void *ctx), void *ctx)
{
	struct event_sub *sub = xnew(struct event_sub);

	*sub = (struct event_sub){.bus = bus, .since_ns = since_ns, .until_ns = until_ns, .wake = wake, .ctx = ctx};
	if (filters)
		filters_move(&sub->filters, filters);
	list_init(&sub->link);
	pthread_mutex_lock(&bus->lock);
	sub->at = since_ns ? oldest(bus) : bus->next;
	list_add_tail(&bus->subs, &sub->link);
	bus->nsubs++;
	pthread_mutex_unlock(&bus->lock);
	return sub;
}

void event_unsubscribe(struct event_sub *sub)
{
	if (!sub)
		return;
	pthread_mutex_lock(&sub->bus->lock);
	list_del(&sub->link);
	sub->bus->nsubs--;
	pthread_mutex_unlock(&sub->bus->lock);
	filters_done(&sub->filters);
	free(sub);
}

unsigned event_listeners(struct event_bus *bus)
{
	unsigned n;

	pthread_mutex_lock(&bus->lock);
	n = bus->nsubs;
	pthread_mutex_unlock(&bus->lock);
	return n;
}

/* --- filters -------------------------------------------------------------------------------- */

/* "exec_create: ls" is asked for as "exec_create"; other actions by their whole name. */
static bool match_action(const struct filters *f, const char *action)
{
	static const char *const open_ended[] = {"health_status", "exec_create", "exec_start"};
	const struct strv *wanted = filters_get(f, "event");

	for (size_t i = 0; wanted && i < ARRAY_LEN(open_ended); i++)
		if (strv_has(wanted, open_ended[i]))
			return filters_prefix(f, "event", action);
	return filters_exact(f, "event", action);
}

static bool match_name(const struct filters *f, const char *key, const struct event *ev)
{
	return filters_prefix(f, key, ev->id) || filters_prefix(f, key, map_get(&ev->attrs, "name"));
}

/* A reference, or it without its tag. */
static bool match_reference(const struct filters *f, const char *ref)
{
	const char *slash = strrchr(str_or(ref), '/'), *colon = strrchr(str_or(ref), ':');
	AUTO(free) char *bare = NULL;

	if (filters_exact(f, "image", ref))
		return true;
	if (!colon || (slash && slash > colon))
		return false;
	bare = xstrndup(ref, colon - ref);
	return filters_exact(f, "image", bare);
}

static bool match_image(const struct filters *f, const struct event *ev)
{
	const char *attr = streq(ev->type, "image") ? "name" : "image";

	return match_reference(f, ev->id) || match_reference(f, map_get(&ev->attrs, attr));
}

static bool match_daemon(const struct filters *f, const struct event *ev)
{
	return !filters_has(f, "daemon") || (streq(ev->type, "daemon") && match_name(f, "daemon", ev));
}

static bool wanted(const struct event_sub *sub, const struct event *ev)
{
	const struct filters *f = &sub->filters;

	return match_action(f, ev->action) && filters_exact(f, "type", ev->type) &&
	       filters_exact(f, "scope", "local") && match_daemon(f, ev) &&
	       match_name(f, "container", ev) && match_name(f, "plugin", ev) &&
	       match_name(f, "volume", ev) && match_name(f, "network", ev) && match_image(f, ev) &&
	       filters_labels(f, "label", &ev->attrs);
}

/* --- reading -------------------------------------------------------------------------------- */

static json_t *attributes_json(const struct map *attrs)
{
	AUTO(strv) struct strv keys = {0};
	json_t *obj = json_object();

	map_for_each(it, attrs)
		strv_add(&keys, it->key);
	strv_sort(&keys);
	strv_for_each(key, &keys)
		json_object_set_new_nocheck(obj, key, json_str(map_get(attrs, key)));
	return obj;
}

static void print(const struct event *ev, struct buf *out)
{
	json_t *obj = json_object(), *actor = json_object();
	bool container = streq(ev->type, "container");
	AUTO(free) char *text = NULL;

	if (container || streq(ev->type, "image")) { /* what clients before 1.22 know */
		json_object_set_new(obj, "status", json_str(ev->action));
		json_object_set_new(obj, "id", json_str(ev->id));
		if (container && map_has(&ev->attrs, "image"))
			json_object_set_new(obj, "from", json_str(map_get(&ev->attrs, "image")));
	}
	json_object_set_new(obj, "Type", json_str(ev->type));
	json_object_set_new(obj, "Action", json_str(ev->action));
	json_object_set_new(actor, "ID", json_str(ev->id));
	json_object_set_new(actor, "Attributes", attributes_json(&ev->attrs));
	json_object_set_new(obj, "Actor", actor);
	json_object_set_new(obj, "scope", json_string("local"));
	json_object_set_new(obj, "time", json_integer(ev->time_ns / NS_PER_SEC));
	json_object_set_new(obj, "timeNano", json_integer(ev->time_ns));
	text = json_text(obj, 0);
	json_decref(obj);
	buf_adds(out, text);
	buf_addc(out, '\n');
}

static int next_locked(struct event_sub *sub, struct buf *out)
{
	struct event_bus *bus = sub->bus;

	sub->at = MAX(sub->at, oldest(bus));
	for (; sub->at < bus->next; sub->at++) {
		const struct event *ev = &bus->ring[sub->at % EVENT_RING];

		if (sub->until_ns && ev->time_ns > sub->until_ns)
			return -1;
		if (ev->time_ns < sub->since_ns || !wanted(sub, ev))
			continue;
		print(ev, out);
		sub->at++;
		return 1;
	}
	return sub->until_ns && clock_real_ns() > sub->until_ns ? -1 : 0;
}

int event_next(struct event_sub *sub, struct buf *out)
{
	int r;

	pthread_mutex_lock(&sub->bus->lock);
	r = next_locked(sub, out);
	pthread_mutex_unlock(&sub->bus->lock);
	return r;
}
