/*
 * history.c - cove history
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	const char *format, *platform;
	bool human, no_trunc, quiet;
};

static const struct cli_opt table[] = {
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP_TABLE},
	{"human", 'H', CLI_BOOL, offsetof(struct opts, human),
	 "Print sizes and dates in human readable format", .init = "true"},
	{"no-trunc", 0, CLI_BOOL, offsetof(struct opts, no_trunc), "Don't truncate output"},
	{"platform", 0, CLI_STRING, offsetof(struct opts, platform),
	 "Show history for the given platform. Formatted as \"os[/arch[/variant]]\" (e.g., "
	 "\"linux/amd64\")"},
	{"quiet", 'q', CLI_BOOL, offsetof(struct opts, quiet), "Only show image IDs"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	struct format_options fo = {.format = o->format,
				    .quiet = o->quiet,
				    .no_trunc = o->no_trunc,
				    .raw_numbers = !o->human};

	if (*o->platform)
		return err_set(err, ERR_UNSUPPORTED,
			       "--platform is not supported: images here have one platform");
	path_object(&path, "images", args[0], "history");
	return show_list(cli, path.p, &format_history, &fo, NULL, err);
}

const struct cli_command cmd_history = {
	.paths = CLI_PATHS("image history", "history"),
	.args = "[OPTIONS] IMAGE",
	.summary = "Show the history of an image",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
