/*
 * volume-ls.c - cove volume ls
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	bool quiet;
	struct strv filter;
	const char *format;
};

static const struct cli_opt table[] = {
	{"filter", 'f', CLI_FILTER, offsetof(struct opts, filter),
	 "Provide filter values (e.g. \"dangling=true\")"},
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP_TABLE},
	{"quiet", 'q', CLI_BOOL, offsetof(struct opts, quiet), "Only display volume names"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	struct format_options fo = {.format = o->format, .quiet = o->quiet};

	if (!*o->format && !o->quiet)
		fo.format = cli_config_string(cli, "volumesFormat");
	buf_adds(&path, "/volumes");
	client_query_filters(&path, &o->filter);
	return show_list(cli, path.p, &format_volumes, &fo, volumes_rows, err);
}

const struct cli_command cmd_volume_ls = {
	.paths = CLI_PATHS("volume ls", "volume list"),
	.args = "[OPTIONS]",
	.summary = "List volumes",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
