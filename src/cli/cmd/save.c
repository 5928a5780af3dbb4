/*
 * save.c - cove save
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	const char *output, *platform;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"output", 'o', CLI_STRING, O(output), "Write to a file, instead of STDOUT"},
	{"platform", 0, CLI_STRING, O(platform),
	 "Save only the given platform variant. Formatted as \"os[/arch[/variant]]\" "
	 "(e.g., \"linux/amd64\")"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};

	buf_adds(&path, "/images/get");
	for (; *args; args++)
		client_query(&path, "names", *args);
	if (*o->platform)
		client_query(&path, "platform", o->platform);
	return download(cli, path.p, o->output, "save", err);
}

const struct cli_command cmd_save = {
	.paths = CLI_PATHS("image save", "save"),
	.args = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Save one or more images to a tar archive (streamed to STDOUT by default)",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
