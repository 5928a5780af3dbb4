/*
 * network-ls.c - cove network ls
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	bool no_trunc, quiet;
	struct strv filter;
	const char *format;
};

static const struct cli_opt table[] = {
	{"filter", 'f', CLI_FILTER, offsetof(struct opts, filter),
	 "Provide filter values (e.g. \"driver=bridge\")"},
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP_TABLE},
	{"no-trunc", 0, CLI_BOOL, offsetof(struct opts, no_trunc), "Do not truncate the output"},
	{"quiet", 'q', CLI_BOOL, offsetof(struct opts, quiet), "Only display network IDs"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	struct format_options fo = {
		.format = o->format, .quiet = o->quiet, .no_trunc = o->no_trunc};

	if (!*o->format && !o->quiet)
		fo.format = cli_config_string(cli, "networksFormat");
	buf_adds(&path, "/networks");
	client_query_filters(&path, &o->filter);
	return show_list(cli, path.p, &format_networks, &fo, sorted_rows, err);
}

const struct cli_command cmd_network_ls = {
	.paths = CLI_PATHS("network ls", "network list"),
	.args = "[OPTIONS]",
	.summary = "List networks",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
