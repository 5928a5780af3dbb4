/*
 * export.c - cove export
 */
#include "cli/calls.h"

struct opts {
	const char *output;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"output", 'o', CLI_STRING, O(output), "Write to a file, instead of STDOUT"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};

	path_container(&path, args[0], "export");
	return download(cli, path.p, o->output, "export", err);
}

const struct cli_command cmd_export = {
	.paths = CLI_PATHS("container export", "export"),
	.args = "[OPTIONS] CONTAINER",
	.summary = "Export a container's filesystem as a tar archive",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
