/*
 * fuzz-log.c - a container's output through the line splitter: however it is cut into reads, the
 * log is the same, and each record is one line of JSON
 */
#include <sys/mman.h>

#include "base/fs.h"
#include "shim/logger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[LOG_OUT];

static char *log_of(const uint8_t *p, size_t n, size_t step)
{
	struct logger l = {.fd = memfd_create("log", MFD_CLOEXEC), .path = xstrdup("/nowhere"),
			   .attrs = xstrdup(""), .max_size = -1, .max_files = 1, .out = out};
	struct splitter sp = {0};
	struct buf b = {0};

	for (size_t i = 0; i < n; i += step)
		logger_feed(&l, &sp, 2, p + i, MIN(step, n - i), 1);
	logger_end(&l, &sp, 2, 1);
	lseek(l.fd, 0, SEEK_SET);
	CHECK(fs_read_fd(l.fd, 64 << 20, &b) >= 0);
	logger_close(&l);
	return buf_take(&b);
}

static void check_line(const char *p, size_t n)
{
	static const char tail[] = "\",\"stream\":\"stderr\",\"time\":\"1970-01-01T00:00:00.000000001Z\"}";
	size_t t = sizeof(tail) - 1;

	CHECK(n >= 8 + t && memcmp(p, "{\"log\":\"", 8) == 0 && memcmp(p + n - t, tail, t) == 0);
	for (size_t i = 8; i < n - t; i++) {
		CHECK((uint8_t)p[i] >= 0x20 && p[i] != '"' && p[i] != '<');
		if (p[i] == '\\')
			i++;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t step = size ? 1 + data[0] * 37u : 1;
	AUTO(free) char *whole = NULL;
	AUTO(free) char *cut = NULL;

	if (size < 1 || size > 200000)
		return 0;
	whole = log_of(data + 1, size - 1, 65536);
	cut = log_of(data + 1, size - 1, step);
	CHECK(streq(whole, cut));
	for (const char *p = whole; *p;) {
		const char *nl = strchr(p, '\n');

		CHECK(nl != NULL);
		check_line(p, (size_t)(nl - p));
		p = nl + 1;
	}
	return 0;
}
