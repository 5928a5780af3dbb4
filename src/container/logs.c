/*
 * logs.c - reading a container's log back: whole, from its end, and as it grows
 *
 * The log is the shim's: <id>-json.log and, rotated, .1 (newest) to .N. A reader holds one file
 * open and knows the next by the inode: when its own file is found at .K, the next is .K-1.
 *
 * (1) A line is given out only when it is whole; one that the shim is still writing waits.
 * (2) A follower ends only after it read the file empty once more after the container's end.
 */
#include "container/private.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/inotify.h>

#define READ_CHUNK  (64 * 1024)
#define LINE_MAX_IN (1024 * 1024) /* a longer line in the file is damage */
#define MAX_FILES   1000

struct container_logs {
	struct list node; /* in container.log_readers */
	struct container *c;
	struct container_logs_options o;
	loop_fn *wake;
	void *ctx;
	char *path;
	int fd;
	struct buf in; /* read, not yet given out */
	bool tty, ended;
	int inotify;
	struct loop_fd *watch;
};

static char *file_name(const struct container_logs *l, unsigned k)
{
	return k ? xasprintf("%s.%u", l->path, k) : xstrdup(l->path);
}

static int open_file(const struct container_logs *l, unsigned k)
{
	AUTO(free) char *name = file_name(l, k);

	return open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

static unsigned count_files(const struct container_logs *l)
{
	unsigned k = 0;

	for (; k < MAX_FILES; k++) {
		AUTO(free) char *name = file_name(l, k);

		if (access(name, F_OK) < 0)
			break;
	}
	return k;
}

/* Where the last *lines lines begin in the file; *lines is reduced by what the file has. */
static off_t seek_tail(int fd, int64_t *lines)
{
	char chunk[READ_CHUNK];
	off_t end = lseek(fd, 0, SEEK_END), pos = end;

	while (pos > 0) {
		size_t n = (size_t)MIN(pos, (off_t)sizeof(chunk));

		if (pread(fd, chunk, n, pos - (off_t)n) != (ssize_t)n)
			return 0;
		for (size_t i = n; i-- > 0;) {
			off_t at = pos - (off_t)n + (off_t)i;

			if (chunk[i] != '\n' || at == end - 1)
				continue;
			if (--*lines == 0)
				return at + 1;
		}
		pos -= (off_t)n;
	}
	if (end > 0)
		--*lines;
	return 0;
}

/* Opens the file to begin with and moves to the first line wanted. */
static void seek_start(struct container_logs *l)
{
	unsigned files = count_files(l), k = files ? files - 1 : 0;
	int64_t lines = l->o.tail;
	off_t pos = 0;

	if (l->o.tail == 0) {
		l->fd = open_file(l, 0);
		if (l->fd >= 0)
			lseek(l->fd, 0, SEEK_END);
		return;
	}
	if (l->o.tail > 0) {
		for (k = 0; k < files; k++) {
			if (l->fd >= 0)
				close(l->fd);
			l->fd = open_file(l, k);
			if (l->fd < 0)
				break;
			pos = seek_tail(l->fd, &lines);
			if (lines <= 0)
				break;
		}
		if (l->fd >= 0)
			lseek(l->fd, pos, SEEK_SET);
		if (l->fd >= 0)
			return;
		k = 0;
	}
	l->fd = open_file(l, k);
}

int container_logs_open(struct containers *cs, const char *ref, const struct container_logs_options *opts,
			loop_fn *wake, void *ctx, struct container_logs **ret,
			struct container_stream_info *ret_info, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	struct container_logs *l;
	char *path;
	bool none;

	if (!c)
		return -1;
	if (!opts->out && !opts->err)
		return err_set(err, ERR_INVALID, "You must choose at least one stream");
	cs_lock(cs);
	none = streq(c->host.log_config.type, "none");
	path = none ? NULL : log_path(c);
	cs_unlock(cs);
	if (none)
		return err_set(err, ERR_UNSUPPORTED, "configured logging driver does not support reading");
	l = xnew(struct container_logs);
	*l = (struct container_logs){.c = container_ref(c),
				     .o = *opts,
				     .wake = wake,
				     .ctx = ctx,
				     .path = path,
				     .fd = -1,
				     .inotify = -1,
				     .tty = c->config.tty};
	list_init(&l->node);
	ret_info->tty = l->tty;
	seek_start(l);
	if (opts->follow) {
		cs_lock(cs);
		list_add_tail(&c->log_readers, &l->node);
		cs_unlock(cs);
	}
	*ret = l;
	return 0;
}

static void add_details(const json_t *line, struct buf *text)
{
	const json_t *attrs = json_object_get(line, "attrs");
	const char *key, *sep = "";
	json_t *v;

	json_object_foreach((json_t *)attrs, key, v) {
		buf_addf(text, "%s%s=%s", sep, key, str_or(json_string_value(v)));
		sep = ",";
	}
	buf_addc(text, ' ');
}

static void add_frame(struct container_logs *l, bool is_err, const struct buf *text, struct buf *out)
{
	unsigned char head[8] = {is_err ? 2 : 1, 0, 0, 0, (unsigned char)(text->len >> 24),
				 (unsigned char)(text->len >> 16), (unsigned char)(text->len >> 8),
				 (unsigned char)text->len};

	if (!l->tty)
		buf_add(out, head, sizeof(head));
	buf_add(out, text->p, text->len);
}

/* One line of the file. False: past until, nothing more will come. */
static bool give_line(struct container_logs *l, const char *s, size_t n, struct buf *out)
{
	AUTO(json) json_t *j = json_loadb(s, n, JSON_ALLOW_NUL, NULL);
	AUTO(buf) struct buf text = {0};
	const json_t *log = json_object_get(j, "log");
	const char *time = json_get_str(j, "time", "");
	bool is_err = streq(json_get_str(j, "stream", "stdout"), "stderr");
	char fixed[CLOCK_RFC3339_MAX];
	int64_t at = 0;

	if (!json_is_string(log))
		return true; /* damaged by a crash: skipped */
	if ((l->o.since_ns || l->o.until_ns || l->o.timestamps) && clock_parse_rfc3339(time, &at) < 0)
		return true;
	if (l->o.until_ns && at > l->o.until_ns)
		return false;
	if ((l->o.since_ns && at < l->o.since_ns) || !(is_err ? l->o.err : l->o.out))
		return true;
	if (l->o.timestamps) {
		clock_format_rfc3339_fixed(fixed, at);
		buf_addf(&text, "%s ", fixed);
	}
	if (l->o.details)
		add_details(j, &text);
	buf_add(&text, json_string_value(log), json_string_length(log));
	add_frame(l, is_err, &text, out);
	return true;
}

/* Gives out the whole lines of in. False: done for good. */
static bool give_lines(struct container_logs *l, struct buf *out)
{
	size_t done = 0;
	const char *nl;
	bool more = true;

	while (more && done < l->in.len && (nl = memchr(l->in.p + done, '\n', l->in.len - done))) {
		more = give_line(l, l->in.p + done, (size_t)(nl - l->in.p) - done, out);
		done = (size_t)(nl - l->in.p) + 1;
	}
	buf_consume(&l->in, done);
	if (l->in.len > LINE_MAX_IN)
		buf_reset(&l->in);
	return more;
}

/* Our file was read to its end: has it been rotated away, and what comes after it? */
static bool next_file(struct container_logs *l)
{
	struct stat own, st;
	int next = -1;

	if (l->fd < 0) {
		l->fd = open_file(l, 0);
		return l->fd >= 0;
	}
	if (fstat(l->fd, &own) < 0)
		return false;
	for (unsigned k = 0; k < MAX_FILES; k++) {
		AUTO(free) char *name = file_name(l, k);

		if (stat(name, &st) < 0) { /* dropped from the end: the oldest left is next */
			next = k ? (int)k - 1 : -1;
			break;
		}
		if (st.st_ino == own.st_ino && st.st_dev == own.st_dev) {
			if (k == 0)
				return false;
			next = (int)k - 1;
			break;
		}
	}
	if (next < 0)
		return false;
	close(l->fd);
	buf_reset(&l->in);
	l->fd = open_file(l, (unsigned)next);
	return l->fd >= 0;
}

static void changed(void *ctx, uint32_t events)
{
	struct container_logs *l = ctx;
	char sink[4096];

	while (read(l->inotify, sink, sizeof(sink)) > 0)
		;
	loop_fd_events(l->watch, 0);
	l->wake(l->ctx);
}

static void watch(struct container_logs *l)
{
	if (l->inotify < 0) {
		l->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
		if (l->inotify < 0 ||
		    inotify_add_watch(l->inotify, l->c->dir, IN_MODIFY | IN_CREATE | IN_MOVED_TO) < 0) {
			log_warn("cannot watch a log", "id=%s", l->c->id);
			return;
		}
		l->watch = loop_add_fd(l->c->cs->cfg.loop, l->inotify, EPOLLIN, changed, l);
	} else if (l->watch) {
		loop_fd_events(l->watch, EPOLLIN);
	}
}

static bool runs(struct container_logs *l)
{
	bool r;

	cs_lock(l->c->cs);
	r = !l->c->removed && (is_running(l->c) || l->c->starting);
	cs_unlock(l->c->cs);
	return r;
}

static ssize_t read_some(struct container_logs *l)
{
	ssize_t n;

	if (l->fd < 0)
		return 0;
	buf_reserve(&l->in, READ_CHUNK);
	n = read(l->fd, l->in.p + l->in.len, READ_CHUNK);
	if (n > 0)
		l->in.len += (size_t)n;
	return n;
}

enum container_logs_state container_logs_fill(struct container_logs *l, struct buf *out)
{
	if (l->ended)
		return LOGS_END;
	if (l->o.follow && !l->watch)
		watch(l); /* before the reading, so that nothing is missed between */
	for (;;) {
		bool running = l->o.follow && runs(l);
		ssize_t n = read_some(l);

		if (n > 0) {
			l->ended = !give_lines(l, out);
			if (l->ended)
				return LOGS_END;
			if (out->len)
				return LOGS_MORE;
			continue;
		}
		if (n == 0 && next_file(l))
			continue;
		if (n < 0 || !running || (l->o.until_ns && clock_real_ns() > l->o.until_ns)) {
			l->ended = true;
			return LOGS_END;
		}
		watch(l);
		return LOGS_WAIT;
	}
}

void container_logs_close(struct container_logs *l)
{
	cs_lock(l->c->cs);
	list_del(&l->node);
	cs_unlock(l->c->cs);
	loop_fd_free(l->watch);
	if (l->inotify >= 0)
		close(l->inotify);
	if (l->fd >= 0)
		close(l->fd);
	buf_done(&l->in);
	free(l->path);
	container_put(l->c);
	free(l);
}

/* On the loop, or posted to it: the container ended; its readers look once more. */
static void wake_readers(void *ctx)
{
	struct container *c = ctx;
	AUTO(free) struct container_logs **v = NULL;
	size_t n = 0, max = 0;

	cs_lock(c->cs);
	list_for_each(pos, &c->log_readers)
		max++;
	v = xnew_n(struct container_logs *, max + 1);
	list_for_each(pos, &c->log_readers)
		v[n++] = container_of(pos, struct container_logs, node);
	cs_unlock(c->cs);
	for (size_t i = 0; i < n; i++) /* closing is for this thread too: none goes meanwhile */
		v[i]->wake(v[i]->ctx);
	container_put(c);
}

void log_readers_wake(struct container *c)
{
	loop_post(c->cs->cfg.loop, wake_readers, container_ref(c));
}
