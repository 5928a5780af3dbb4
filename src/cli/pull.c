/*
 * pull.c - image references, pulls, and the progress streams of image calls
 *
 * (1) On a terminal a message with an id has a line of its own that is drawn again in place;
 *     elsewhere each message without numbers is one line, as docker prints it.
 */
#include <stdio.h>
#include <unistd.h>

#include "cli/calls.h"
#include "client/client.h"
#include "codec/reference.h"

#define MAX_LINES 4096

int split_reference(const char *ref, bool all_tags, char **ret_name, char **ret_tag,
		    struct err *err)
{
	AUTO(reference) struct reference r = {0};

	if (reference_parse(ref, &r, err) < 0)
		return -1;
	if (!all_tags)
		reference_default_tag(&r);
	else if (r.tag || r.digest)
		return err_set(err, ERR_INVALID, "tag can't be used with --all-tags/-a");
	*ret_name = reference_familiar_name(&r);
	*ret_tag = xstrdup(r.digest ? r.digest : r.tag);
	return 0;
}

struct drawing {
	int fd;
	bool tty;
	struct map lines; /* id -> line number + 1 */
	size_t n;
};

static void write_all(int fd, const struct buf *b)
{
	size_t off = 0;

	while (off < b->len) {
		ssize_t n = write(fd, b->p + off, b->len - off);

		if (n <= 0)
			return; /* progress is worth no error */
		off += (size_t)n;
	}
}

static void add_text(struct buf *out, const char *s)
{
	for (; s && *s; s++)
		if ((unsigned char)*s >= 32 || *s == '\t' || *s == '\n' || *s == '\r')
			buf_addc(out, *s);
}

static void draw(struct drawing *d, json_t *msg)
{
	const char *id = json_string_value(json_object_get(msg, "id"));
	const char *status = json_string_value(json_object_get(msg, "status"));
	const char *stream = json_string_value(json_object_get(msg, "stream"));
	const char *bar = json_string_value(json_object_get(msg, "progress"));
	bool numbers = json_object_size(json_object_get(msg, "progressDetail")) > 0;
	AUTO(buf) struct buf out = {0};
	size_t up = 0;

	if (!status && !stream)
		return;
	if (stream || !id || !d->tty) {
		if (numbers && !d->tty)
			return;
		if (id && !stream)
			add_text(&out, id);
		buf_adds(&out, id && !stream ? ": " : "");
		add_text(&out, stream ? stream : status);
		buf_adds(&out, stream ? "" : "\n");
		write_all(d->fd, &out);
		d->n = 0;
		map_done(&d->lines);
		return;
	}
	if (map_has(&d->lines, id)) {
		up = d->n - ((size_t)(uintptr_t)map_get(&d->lines, id) - 1);
	} else if (d->n < MAX_LINES) {
		map_set(&d->lines, id, (void *)(uintptr_t)(d->n++ + 1));
		buf_addc(&out, '\n');
		up = 1;
	}
	if (up)
		buf_addf(&out, "\033[%zuA", up);
	buf_adds(&out, "\r\033[2K");
	add_text(&out, id);
	buf_adds(&out, ": ");
	add_text(&out, status);
	buf_addc(&out, ' ');
	add_text(&out, bar);
	buf_addc(&out, '\r');
	if (up)
		buf_addf(&out, "\033[%zuB", up);
	write_all(d->fd, &out);
}

static int stream_error(json_t *msg, struct err *err)
{
	json_t *detail = json_object_get(msg, "errorDetail");
	const char *text = json_string_value(json_object_get(detail, "message"));

	if (!text)
		text = json_string_value(json_object_get(msg, "error"));
	if (!text)
		return 0;
	return err_set(err, ERR_SYSTEM, "%s", text);
}

int show_progress(struct client_stream *s, int fd, bool quiet,
		  void (*aux)(void *ctx, json_t *aux), void *ctx, struct err *err)
{
	struct drawing d = {.fd = fd, .tty = isatty(fd)};
	json_t *msg = NULL;
	int r;

	fflush(stdout);
	while ((r = client_stream_json(s, &msg, err)) > 0) {
		json_t *extra = json_object_get(msg, "aux");

		r = stream_error(msg, err);
		if (r == 0 && extra && aux)
			aux(ctx, extra);
		else if (r == 0 && !extra && !quiet)
			draw(&d, msg);
		json_decref(msg);
		if (r < 0)
			break;
	}
	map_done(&d.lines);
	return r;
}

int pull_image(struct cli *cli, const char *ref, const char *platform, bool all_tags, bool quiet,
	       int fd, struct err *err)
{
	AUTO(free) char *name = NULL, *tag = NULL;
	AUTO(buf) struct buf path = {0};
	struct client_request req = {.method = "POST"};
	struct client_stream *s;
	struct client *c;
	int r;

	if (split_reference(ref, all_tags, &name, &tag, err) < 0 || cli_client(cli, &c, err) < 0)
		return -1;
	buf_adds(&path, "/images/create");
	client_query(&path, "fromImage", name);
	if (tag)
		client_query(&path, "tag", tag);
	if (platform && *platform)
		client_query(&path, "platform", platform);
	req.path = path.p;
	if (client_stream_open(c, &req, &s, err) < 0)
		return -1;
	r = show_progress(s, fd, quiet, NULL, NULL, err);
	client_stream_free(s);
	return r;
}
