/*
 * load.c - cove load
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	const char *input, *platform;
	bool quiet;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"input", 'i', CLI_STRING, O(input), "Read from tar archive file, instead of STDIN"},
	{"platform", 0, CLI_STRING, O(platform),
	 "Load only the given platform variant. Formatted as \"os[/arch[/variant]]\" "
	 "(e.g., \"linux/amd64\")"},
	{"quiet", 'q', CLI_BOOL, O(quiet), "Suppress the load output"},
	CLI_OPT_END,
};

/* What was loaded is said by "stream" messages, which quiet does not hide. */
static int send(struct cli *cli, const struct opts *o, int fd, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	struct client_request req = {
		.method = "POST", .body_fd = fd, .content_type = "application/x-tar",
	};
	struct client_stream *s;
	struct client *c;
	int r;

	buf_adds(&path, "/images/load");
	client_query(&path, "quiet", o->quiet || !isatty(STDOUT_FILENO) ? "1" : "0");
	if (*o->platform)
		client_query(&path, "platform", o->platform);
	req.path = path.p;
	if (cli_client(cli, &c, err) < 0 || client_stream_open(c, &req, &s, err) < 0)
		return -1;
	r = show_progress(s, STDOUT_FILENO, false, NULL, NULL, err);
	client_stream_free(s);
	return r;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	int fd, r;

	if (!*o->input && isatty(STDIN_FILENO))
		return err_set(err, ERR_INVALID, "requested load from stdin, but stdin is empty");
	fd = open_input(o->input, err);
	if (fd < 0)
		return -1;
	r = send(cli, o, fd, err);
	close(fd);
	return r;
}

const struct cli_command cmd_load = {
	.paths = CLI_PATHS("image load", "load"),
	.args = "[OPTIONS]",
	.summary = "Load an image from a tar archive or STDIN",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
