/*
 * import.c - cove import
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	struct strv change;
	const char *message, *platform;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"change", 'c', CLI_LIST, O(change), "Apply Dockerfile instruction to the created image"},
	{"message", 'm', CLI_STRING, O(message), "Set commit message for imported image"},
	{"platform", 0, CLI_STRING, O(platform), "Set platform if server is multi-platform capable"},
	CLI_OPT_END,
};

static int make_path(const struct opts *o, const char *source, const char *ref, struct buf *path,
		     struct err *err)
{
	AUTO(free) char *name = NULL, *tag = NULL;

	buf_adds(path, "/images/create");
	client_query(path, "fromSrc", source);
	if (ref) {
		if (split_reference(ref, false, &name, &tag, err) < 0)
			return -1;
		client_query(path, "repo", name);
		client_query(path, "tag", tag);
	}
	if (*o->message)
		client_query(path, "message", o->message);
	strv_for_each(s, &o->change)
		client_query(path, "changes", s);
	if (*o->platform)
		client_query(path, "platform", o->platform);
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	bool url = str_after(args[0], "http://") || str_after(args[0], "https://");
	AUTO(buf) struct buf path = {0};
	AUTO(close) int fd = -1;
	struct client_request req = {.method = "POST"};
	struct client_stream *s;
	struct client *c;
	int r;

	if (make_path(o, url ? args[0] : "-", args[1], &path, err) < 0)
		return -1;
	if (!url) {
		fd = open_input(args[0], err);
		if (fd < 0)
			return -1;
		req.body_fd = fd;
		req.content_type = "application/x-tar";
	}
	req.path = path.p;
	if (cli_client(cli, &c, err) < 0 || client_stream_open(c, &req, &s, err) < 0)
		return -1;
	r = show_progress(s, STDOUT_FILENO, false, NULL, NULL, err);
	client_stream_free(s);
	return r;
}

const struct cli_command cmd_import = {
	.paths = CLI_PATHS("image import", "import"),
	.args = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
	.summary = "Import the contents from a tarball to create a filesystem image",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
