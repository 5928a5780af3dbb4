/* test-logger.c - the json-file format byte for byte, cutting, rotation: logger.c (1) to (4) */
#include <fcntl.h>
#include <sys/mman.h>

#include "base/fs.h"
#include "base/tap.h"
#include "shim/logger.h"

#define T0 1764000000123456000LL /* prints with six digits: zeros at the end are cut */
#define TIME "2025-11-24T16:00:00.123456Z"

static uint8_t out[LOG_OUT];

/* A logger on a memory file. */
static struct logger memory_logger(const char *attrs)
{
	struct logger l = {.fd = memfd_create("log", MFD_CLOEXEC), .path = xstrdup("/nowhere"),
			   .attrs = xstrdup(attrs), .attrs_len = strlen(attrs), .max_size = -1,
			   .max_files = 1, .out = out};

	return l;
}

static char *content(const struct logger *l)
{
	struct buf b = {0};

	lseek(l->fd, 0, SEEK_SET);
	ok(fs_read_fd(l->fd, 64 << 20, &b) >= 0);
	return buf_take(&b);
}

static char *feed_whole(const char *in, size_t n, size_t step)
{
	struct logger l = memory_logger("");
	struct splitter sp = {0};
	char *text;

	for (size_t i = 0; i < n; i += step)
		logger_feed(&l, &sp, 1, (const uint8_t *)in + i, MIN(step, n - i), T0);
	logger_end(&l, &sp, 1, T0);
	text = content(&l);
	logger_close(&l);
	return text;
}

static void test_escapes(void)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
	    {"plain", "plain"},
	    {"tab\there", "tab\\u0009here"},
	    {"cr\r", "cr\\r"},
	    {"q\"b\\", "q\\\"b\\\\"},
	    {"<a href=\"x\">&</a>", "\\u003ca href=\\\"x\\\"\\u003e\\u0026\\u003c/a\\u003e"},
	    {"\033[1m\007\x7f", "\\u001b[1m\\u0007\x7f"},
	    {"h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x90\xb3", "h\xc3\xa9llo \xe2\x82\xac \xf0\x9f\x90\xb3"},
	    {"\xff\xfe", "\\ufffd\\ufffd"},
	    {"\xc3(", "\\ufffd("},
	    {"\xe2\x82", "\\ufffd\\ufffd"},
	    {"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},		/* a surrogate */
	    {"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, /* above U+10FFFF */
	    {"\xc0\x80\xe0\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd\\ufffd"}, /* too long */
	    {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xaa", "\\u2028\\u2029\xe2\x80\xaa"},
	    {"0123456789abcdef0123456789abcde<0123456789abcdef",
	     "0123456789abcdef0123456789abcde\\u003c0123456789abcdef"},
	    {"", ""},
	};
	char want[512];

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(free) char *in = xasprintf("%s\n", cases[i].in);
		AUTO(free) char *got = feed_whole(in, strlen(in), 100);

		snprintf(want, sizeof(want),
			 "{\"log\":\"%s\\n\",\"stream\":\"stdout\",\"time\":\"" TIME "\"}\n",
			 cases[i].out);
		ok_str(got, want);
	}
}

static void test_nul_and_streams(void)
{
	struct logger l = memory_logger("\"attrs\":{\"a\":\"b\"},");
	struct splitter so = {0}, se = {0};
	AUTO(free) char *got = NULL;

	logger_feed(&l, &so, 1, (const uint8_t *)"a\0b", 3, T0);
	logger_feed(&l, &se, 2, (const uint8_t *)"e\n", 2, T0 + 1);
	logger_feed(&l, &so, 1, (const uint8_t *)"\n", 1, T0);
	got = content(&l);
	ok_str(got, "{\"log\":\"e\\n\",\"stream\":\"stderr\",\"attrs\":{\"a\":\"b\"},"
		    "\"time\":\"2025-11-24T16:00:00.123456001Z\"}\n"
		    "{\"log\":\"a\\u0000b\\n\",\"stream\":\"stdout\",\"attrs\":{\"a\":\"b\"},"
		    "\"time\":\"" TIME "\"}\n");
	logger_end(&l, &so, 1, T0);
	logger_end(&l, &se, 2, T0);
	logger_close(&l);
}

/* n x's and what follows: the pieces' lengths, -1 for a piece with its newline at the end. */
static void check_pieces(size_t n, const char *tail, const int *want, size_t nwant, size_t step)
{
	AUTO(free) char *in = xmalloc(n + 16);
	AUTO(free) char *got = NULL;
	const char *p;
	size_t i = 0;

	memset(in, 'x', n);
	strcpy(in + n, tail);
	got = feed_whole(in, n + strlen(tail), step);
	for (p = got; *p; i++) {
		const char *text = p + 8, *end = strstr(text, "\",\"stream\"");
		bool newline = end && end[-1] == 'n' && end[-2] == '\\';
		int len = end ? (int)(end - text) - 2 * newline : -99;

		if (i < nwant)
			ok_eq(newline ? -1 - len : len, want[i]);
		p = strchr(p, '\n');
		if (!p++)
			break;
	}
	ok_eq(i, nwant);
}

static void test_cuts(void)
{
	static const size_t steps[] = {5, 4096, 65536};

	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		check_pieces(16383, "\n", (int[]){-1 - 16383}, 1, steps[i]);
		check_pieces(16384, "\n", (int[]){16384, -1}, 2, steps[i]);
		check_pieces(16385, "\n", (int[]){16384, -2}, 2, steps[i]);
		check_pieces(40000, "\nab\n", (int[]){16384, 16384, -1 - 7232, -3}, 4, steps[i]);
		check_pieces(20000, "", (int[]){16384, 3616}, 2, steps[i]);
		check_pieces(16384, "", (int[]){16384}, 1, steps[i]);
	}
}

/* The pieces of one line share the time of the first. */
static void test_piece_time(void)
{
	struct logger l = memory_logger("");
	struct splitter sp = {0};
	AUTO(free) char *got = NULL;
	static uint8_t x[20000];
	const char *p;

	memset(x, 'x', sizeof(x));
	logger_feed(&l, &sp, 1, x, sizeof(x), T0);
	logger_feed(&l, &sp, 1, (const uint8_t *)"\nnext\n", 6, T0 + 5000000000);
	got = content(&l);
	p = strstr(got, TIME);
	ok(p != NULL);
	p = p ? strstr(p + 1, TIME) : NULL;
	ok(p != NULL);
	ok(p && strstr(p, "{\"log\":\"next\\n\",\"stream\":\"stdout\",\"time\":\"2025-11-24T16:00:05.123456Z\"}"));
	logger_close(&l);
}

static void test_rotation(void)
{
	char dir[] = "/tmp/shim-log-XXXXXX", path[64], name[80];
	struct shim_log cfg = {.path = path, .max_size = 1000, .max_files = 3};
	struct err err = ERR_INIT;
	struct splitter sp = {0};
	struct logger l;
	struct stat st;
	int kept = 0;

	ok(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/log", dir);
	ok(logger_open(&l, &cfg, out, &err) == 0);
	for (int i = 0; i < 100; i++) {
		AUTO(free) char *line = xasprintf("line %d\n", i);

		logger_feed(&l, &sp, 1, (const uint8_t *)line, strlen(line), T0);
	}
	logger_close(&l);
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), i ? "%s.%d" : "%s", path, i);
		if (stat(name, &st) == 0) {
			kept++;
			/* a record may go over the bound, the next one not */
			ok(st.st_size > 0 && st.st_size < 1100 && (i == 0 || st.st_size >= 1000));
		}
	}
	ok_eq(kept, 3);
	snprintf(name, sizeof(name), "%s.1", path);
	ok(fs_exists(AT_FDCWD, name));
	/* the newest line is in the current file; opened again, it goes on there */
	ok(logger_open(&l, &cfg, out, &err) == 0);
	ok(l.size > 0);
	logger_close(&l);
	ok(fs_remove_tree(AT_FDCWD, dir) == 0);
}

static void test_big_burst(void)
{
	struct logger l = memory_logger("");
	struct splitter sp = {0};
	static uint8_t worst[65536];
	AUTO(free) char *got = NULL;
	size_t n = 0;

	memset(worst, 1, sizeof(worst)); /* each byte becomes six */
	for (size_t i = 16000; i < sizeof(worst); i += 16000)
		worst[i] = '\n';
	logger_feed(&l, &sp, 1, worst, sizeof(worst), T0);
	logger_end(&l, &sp, 1, T0);
	got = content(&l);
	for (const char *p = got; (p = strstr(p, "\\u0001")); p += 6)
		n++;
	ok_eq(n, 65536 - 4);
	logger_close(&l);
}

int main(void)
{
	test_run(test_escapes);
	test_run(test_nul_and_streams);
	test_run(test_cuts);
	test_run(test_piece_time);
	test_run(test_rotation);
	test_run(test_big_burst);
	return test_done();
}
