/*
 * test-logs.c - reading logs back: tail over rotated files, damage, time bounds
 */
#include <fcntl.h>

#include "container/private.h"

#include "base/tap.h"

static struct containers cs;
static struct container *c;
static char dir[] = "/tmp/cove-test-logs-XXXXXX";

static void put(const char *suffix, const char *text)
{
	AUTO(free) char *path = xasprintf("%s/%s-json.log%s", dir, c->id, suffix);

	ok_eq(fs_replace(AT_FDCWD, path, text, strlen(text), 0600, 0), 0);
}

#define LINE(stream, text, sec)                                                                    \
	"{\"log\":\"" text "\\n\",\"stream\":\"" stream "\",\"time\":\"2026-01-01T00:00:" sec "Z\"}\n"

static void check(struct container_logs_options o, const char *want)
{
	struct container_stream_info info;
	AUTO(buf) struct buf out = {0};
	struct container_logs *l;
	enum container_logs_state state;

	ok_eq(container_logs_open(&cs, c->id, &o, NULL, NULL, &l, &info, NULL), 0);
	do
		state = container_logs_fill(l, &out);
	while (state == LOGS_MORE);
	ok_eq(state, LOGS_END);
	container_logs_close(l);
	ok_str(str_or(out.p), want);
}

static void test_tail(void)
{
	struct container_logs_options o = {.out = true, .err = true, .tail = -1};

	put(".2", LINE("stdout", "a", "01") LINE("stderr", "b", "02"));
	put(".1", LINE("stdout", "c", "03"));
	put("", LINE("stdout", "d", "04") "damage\n" LINE("stdout", "e", "05.5") "{\"log\":\"unfin");
	check(o, "a\nb\nc\nd\ne\n");
	o.tail = 0;
	check(o, "");
	o.tail = 4; /* the damaged line and the unfinished one count as lines of the file */
	check(o, "d\ne\n");
	o.tail = 5;
	check(o, "c\nd\ne\n");
	o.tail = 100;
	check(o, "a\nb\nc\nd\ne\n");
}

static void test_streams_and_times(void)
{
	struct container_logs_options o = {.err = true, .tail = -1};
	int64_t at = 0;

	check(o, "b\n");
	ok_eq(clock_parse_rfc3339("2026-01-01T00:00:03Z", &at), 0);
	o = (struct container_logs_options){.out = true, .tail = -1, .since_ns = at};
	check(o, "c\nd\ne\n");
	o.until_ns = at + NS_PER_SEC;
	check(o, "c\nd\n");
	o.timestamps = true;
	o.until_ns = at;
	check(o, "2026-01-01T00:00:03.000000000Z c\n");
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	pthread_mutex_init(&cs.lock, NULL);
	c = container_new(&cs);
	c->id = xstrdup("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	c->name = xstrdup("web");
	c->dir = xstrdup(dir);
	c->config.tty = true; /* no frames: plain text to compare */
	c->host.log_config.type = xstrdup("json-file");
	table_add(c);
	test_run(test_tail);
	test_run(test_streams_and_times);
	table_drop(c);
	container_put(c);
	map_done(&cs.by_id);
	map_done(&cs.by_name);
	ignore_result(fs_remove_tree(AT_FDCWD, dir) < 0); /* a temporary directory of the test */
	return test_done();
}
