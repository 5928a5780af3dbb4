/*
 * logger.c - splits output into lines and writes them as docker's json-file driver does
 *
 * A read's worth of output becomes one write(). Text without anything to escape is copied 16
 * bytes at a time.
 *
 * (1) A line is cut after exactly LOG_CHUNK bytes without newline; the pieces share the first
 *     one's time; only the last has the newline. An unfinished line at the end has none.
 * (2) Escapes are Go's: quotes, backslash, controls, < > &, U+2028, U+2029; each byte that is
 *     not valid UTF-8 becomes \ufffd. A character cut by (1) is therefore two invalid pieces.
 * (3) The file is rotated before the first record that finds it at max_size or above.
 * (4) No error here stops the container: records are dropped until a write works again.
 */
#include "shim/logger.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "base/mem.h"

#define FLUSH_AT (LOG_OUT - (6 * LOG_CHUNK + LOG_LINE_MAX))

typedef uint8_t vec __attribute__((vector_size(16)));

static_assert(LOG_OUT > 2 * (6 * LOG_CHUNK + LOG_LINE_MAX), "room for any record");

/* The length of the valid UTF-8 sequence at p, or 0. */
static size_t utf8_len(const uint8_t *p, size_t n)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t len;

	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	len = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (len > n)
		return 0;
	if (p[0] == 0xe0)
		lo = 0xa0;
	else if (p[0] == 0xed)
		hi = 0x9f;
	else if (p[0] == 0xf0)
		lo = 0x90;
	else if (p[0] == 0xf4)
		hi = 0x8f;
	if (p[1] < lo || p[1] > hi)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static uint8_t *put(uint8_t *o, const char *s, size_t n)
{
	memcpy(o, s, n);
	return o + n;
}

/* Escapes the one character at p; returns how many bytes of p it was. */
static size_t escape_one(uint8_t **o, const uint8_t *p, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	uint8_t c = p[0];
	size_t len;

	if (c < 0x80) {
		switch (c) {
		case '"': *o = put(*o, "\\\"", 2); break;
		case '\\': *o = put(*o, "\\\\", 2); break;
		case '\n': *o = put(*o, "\\n", 2); break;
		case '\r': *o = put(*o, "\\r", 2); break;
		default:
			*o = put(*o, "\\u00", 4);
			*(*o)++ = (uint8_t)hex[c >> 4];
			*(*o)++ = (uint8_t)hex[c & 15];
		}
		return 1;
	}
	len = utf8_len(p, n);
	if (!len) {
		*o = put(*o, "\\ufffd", 6);
		return 1;
	}
	if (len == 3 && p[0] == 0xe2 && p[1] == 0x80 && (p[2] == 0xa8 || p[2] == 0xa9)) {
		*o = put(*o, p[2] == 0xa8 ? "\\u2028" : "\\u2029", 6);
		return 3;
	}
	*o = put(*o, (const char *)p, len);
	return len;
}

/* How many of the 16 bytes at p need no look: up to the first control, quote, ... */
static size_t plain_run(const uint8_t *p, vec *ret)
{
	uint64_t w[2];
	vec v, bad;

	memcpy(&v, p, 16);
	bad = (vec)(v < 0x20) | (vec)(v >= 0x80) | (vec)(v == '"') | (vec)(v == '\\') |
	      (vec)(v == '<') | (vec)(v == '>') | (vec)(v == '&');
	*ret = v;
	memcpy(w, &bad, 16);
	w[0] = le64toh(w[0]);
	w[1] = le64toh(w[1]);
	return w[0] ? (size_t)__builtin_ctzll(w[0]) / 8
	       : w[1] ? 8 + (size_t)__builtin_ctzll(w[1]) / 8 : 16;
}

size_t logger_json_escape(uint8_t *out, const uint8_t *p, size_t n)
{
	uint8_t last[16] = {0}, *o = out; /* zeros end a run */
	size_t i = 0;

	while (i < n) {
		size_t left = n - i, run;
		const uint8_t *from = p + i;
		vec v;

		if (left < 16) {
			memcpy(last, from, left);
			memset(last + left, 0, 16 - left);
			from = last;
		}
		run = plain_run(from, &v);
		memcpy(o, &v, 16); /* more than the run: what follows overwrites it */
		o += run;
		i += run;
		if (run < 16 && i < n)
			i += escape_one(&o, p + i, n - i);
	}
	return (size_t)(o - out);
}

static int open_file(struct logger *l, int flags)
{
	struct stat st;

	l->fd = open(l->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | flags, 0640);
	if (l->fd < 0 || fstat(l->fd, &st) < 0) {
		l->error = errno;
		return -l->error;
	}
	l->size = st.st_size;
	return 0;
}

int logger_open(struct logger *l, const struct shim_log *cfg, uint8_t *out, struct err *err)
{
	int r;

	*l = (struct logger){.driver = cfg->driver, .fd = -1, .out = out};
	l->max_size = cfg->max_size ? cfg->max_size : SHIM_LOG_SIZE;
	l->max_files = cfg->max_files ? cfg->max_files : SHIM_LOG_FILES;
	if (cfg->driver == SHIM_LOG_NONE)
		return 0;
	l->path = xstrdup(cfg->path);
	l->attrs = cfg->attrs && *cfg->attrs ? xasprintf("\"attrs\":%s,", cfg->attrs) : xstrdup("");
	l->attrs_len = strlen(l->attrs);
	r = open_file(l, 0);
	if (r < 0) {
		logger_close(l);
		return err_sys(err, -r, "open log '%s'", cfg->path);
	}
	return 0;
}

void logger_close(struct logger *l)
{
	if (l->fd >= 0)
		close(l->fd);
	free(l->path);
	free(l->attrs);
	l->fd = -1;
	l->path = l->attrs = NULL;
	l->driver = SHIM_LOG_NONE;
}

static void flush(struct logger *l)
{
	int r;

	if (!l->out_len)
		return;
	if (l->fd < 0 && open_file(l, 0) < 0) {
		l->out_len = 0;
		return;
	}
	r = fs_write_full(l->fd, l->out, l->out_len);
	if (r < 0)
		l->error = -r;
	l->size += (int64_t)l->out_len;
	l->out_len = 0;
}

/* path.N-1 to path.N, ..., path to path.1; with one file it is emptied. */
static void rotate(struct logger *l)
{
	char *from = NULL, *to = NULL;

	flush(l);
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	l->size = 0;
	for (uint32_t i = l->max_files - 1; i >= 1; i--) {
		free(from);
		free(to);
		from = i > 1 ? xasprintf("%s.%u", l->path, i - 1) : xstrdup(l->path);
		to = xasprintf("%s.%u", l->path, i);
		ignore_result(rename(from, to) < 0); /* the older ones need not be there yet */
	}
	free(from);
	free(to);
	ignore_result(open_file(l, O_TRUNC) < 0); /* kept in l->error */
}

static void set_stamp(char ret[72], int64_t ns)
{
	char time[CLOCK_RFC3339_MAX];

	clock_format_rfc3339(time, ns);
	snprintf(ret, 72, "\"time\":\"%s\"}\n", time);
}

/* One record: p[0..n), with a newline at its end or not. */
static void record(struct logger *l, int stream, const uint8_t *p, size_t n, bool newline,
		   const char *stamp, size_t stamp_len)
{
	uint8_t *o;

	if (l->max_size > 0 && l->size + (int64_t)l->out_len >= l->max_size)
		rotate(l);
	if (l->out_len > FLUSH_AT)
		flush(l);
	o = put(l->out + l->out_len, "{\"log\":\"", 8);
	o += logger_json_escape(o, p, n);
	if (newline)
		o = put(o, "\\n", 2);
	o = put(o, stream == 1 ? "\",\"stream\":\"stdout\"," : "\",\"stream\":\"stderr\",", 20);
	o = put(o, l->attrs, l->attrs_len);
	o = put(o, stamp, stamp_len);
	l->out_len = (size_t)(o - l->out);
}

/* A piece of a line, the last one or not: (1). */
static void piece(struct logger *l, struct splitter *sp, int stream, const uint8_t *p, size_t n,
		  bool last, bool cut, int64_t now_ns, const char *stamp, size_t stamp_len)
{
	char own[72];

	if (sp->first_ns) {
		set_stamp(own, sp->first_ns);
		stamp = own;
		stamp_len = strlen(own);
	} else if (cut) {
		sp->first_ns = now_ns;
	}
	record(l, stream, p, n, last, stamp, stamp_len);
	if (last)
		sp->first_ns = 0;
}

static void drop_part(struct splitter *sp)
{
	free(sp->part);
	sp->part = NULL;
	sp->len = 0;
}

void logger_feed(struct logger *l, struct splitter *sp, int stream, const uint8_t *p, size_t n,
		 int64_t now_ns)
{
	char stamp[72];
	size_t stamp_len;

	if (l->driver == SHIM_LOG_NONE)
		return;
	set_stamp(stamp, now_ns);
	stamp_len = strlen(stamp);
	while (n) {
		size_t room = LOG_CHUNK - sp->len;
		size_t max = MIN(n, room);
		const uint8_t *nl = memchr(p, '\n', max);
		size_t take = nl ? (size_t)(nl - p) : max;
		bool cut = !nl && max == room;

		if (!nl && !cut) { /* goes on in the next read */
			if (!sp->part)
				sp->part = xmalloc(LOG_CHUNK);
			memcpy(sp->part + sp->len, p, take);
			sp->len += take;
			break;
		}
		if (sp->len) {
			memcpy(sp->part + sp->len, p, take);
			piece(l, sp, stream, sp->part, sp->len + take, nl != NULL, cut, now_ns, stamp,
			      stamp_len);
			drop_part(sp);
		} else {
			piece(l, sp, stream, p, take, nl != NULL, cut, now_ns, stamp, stamp_len);
		}
		p += take + (nl != NULL);
		n -= take + (nl != NULL);
	}
	flush(l);
}

void logger_end(struct logger *l, struct splitter *sp, int stream, int64_t now_ns)
{
	char stamp[72];

	if (l->driver != SHIM_LOG_NONE && sp->len) {
		set_stamp(stamp, now_ns);
		piece(l, sp, stream, sp->part, sp->len, false, true, now_ns, stamp, strlen(stamp));
		flush(l);
	}
	drop_part(sp);
	sp->first_ns = 0;
}
