#include "event/event.h"

#include "base/clock.h"
#include "base/tap.h"

static int wakes;

static void wake(void *ctx)
{
	wakes++;
}

static void publish(struct event_bus *bus, const char *type, const char *action, const char *id,
		    const char *name, const char *image)
{
	AUTO(map) struct map attrs = {0};

	if (name)
		map_set_str(&attrs, "name", name);
	if (image)
		map_set_str(&attrs, "image", image);
	map_set_str(&attrs, "a", "b");
	event_publish(bus, type, action, id, &attrs);
}

static void test_live(void)
{
	struct event_bus *bus = event_bus_new();
	struct event_sub *sub = event_subscribe(bus, NULL, 0, 0, wake, NULL);
	AUTO(buf) struct buf out = {0};

	ok_eq(event_next(sub, &out), 0);
	publish(bus, "container", "start", "c1", "web", "nginx:1");
	ok_eq(wakes, 1);
	ok_eq(event_next(sub, &out), 1);
	ok(str_after(out.p, "{\"status\":\"start\",\"id\":\"c1\",\"from\":\"nginx:1\",\"Type\":\"container\","
			    "\"Action\":\"start\",\"Actor\":{\"ID\":\"c1\",\"Attributes\":{\"a\":\"b\","
			    "\"image\":\"nginx:1\",\"name\":\"web\"}},\"scope\":\"local\",\"time\":"));
	ok(str_ends(out.p, "}\n"));
	ok_eq(event_next(sub, &out), 0);
	buf_reset(&out);
	event_publish(bus, "volume", "create", "v", NULL);
	ok_eq(event_next(sub, &out), 1);
	ok(str_after(out.p, "{\"Type\":\"volume\",\"Action\":\"create\",\"Actor\":{\"ID\":\"v\",\"Attributes\":{}}"));
	for (int i = 0; i < EVENT_RING + 10; i++)
		event_publish(bus, "volume", "create", "v", NULL);
	int n = 0;
	while (event_next(sub, &out) == 1)
		n++;
	ok_eq(n, EVENT_RING);
	ok_eq(event_listeners(bus), 1);
	event_unsubscribe(sub);
	ok_eq(event_listeners(bus), 0);
	event_bus_free(bus);
}

static int count(struct event_bus *bus, const char *filters, int64_t since, int64_t until)
{
	AUTO(filters) struct filters f = {0};
	AUTO(buf) struct buf out = {0};
	struct event_sub *sub;
	int n = 0, r;

	ok_eq(filters_parse(filters, &f, NULL), 0);
	sub = event_subscribe(bus, &f, since, until, wake, NULL);
	while ((r = event_next(sub, &out)) == 1)
		n++;
	ok_eq(r, until ? -1 : 0);
	event_unsubscribe(sub);
	return n;
}

static void test_filters(void)
{
	struct event_bus *bus = event_bus_new();
	int64_t t0 = clock_real_ns(), t1;

	publish(bus, "container", "start", "c1abc", "web", "nginx:1");
	publish(bus, "container", "exec_create: ls -l", "c2", "db", "r:5000/pg");
	t1 = clock_real_ns();
	publish(bus, "image", "tag", "sha256:11", "nginx:1", NULL);
	publish(bus, "volume", "create", "data", NULL, NULL);
	ok_eq(count(bus, "", t0, 0), 4);
	ok_eq(count(bus, "", t0, clock_real_ns() - 1), 4);
	ok_eq(count(bus, "", t0, t1), 2);
	ok_eq(count(bus, "", clock_real_ns() + NS_PER_SEC, 0), 0);
	ok_eq(count(bus, "{\"type\":[\"container\",\"image\"]}", t0, 0), 3);
	ok_eq(count(bus, "{\"container\":[\"c1\"]}", t0, 0), 1);
	ok_eq(count(bus, "{\"container\":[\"db\"]}", t0, 0), 1);
	ok_eq(count(bus, "{\"image\":[\"nginx\"]}", t0, 0), 2);
	ok_eq(count(bus, "{\"image\":[\"r\"]}", t0, 0), 0);
	ok_eq(count(bus, "{\"event\":[\"exec_create\"]}", t0, 0), 1);
	ok_eq(count(bus, "{\"event\":[\"sta\"]}", t0, 0), 0);
	ok_eq(count(bus, "{\"label\":[\"a=b\"],\"volume\":[\"data\"]}", t0, 0), 1);
	ok_eq(count(bus, "{\"label\":[\"a=c\"]}", t0, 0), 0);
	ok_eq(count(bus, "{\"daemon\":[\"x\"]}", t0, 0), 0);
	ok_eq(count(bus, "{\"scope\":[\"swarm\"]}", t0, 0), 0);
	event_bus_free(bus);
}

int main(void)
{
	test_run(test_live);
	test_run(test_filters);
	return test_done();
}
