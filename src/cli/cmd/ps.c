/*
 * ps.c - cove ps
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	bool all, latest, no_trunc, quiet, size;
	int64_t last;
	struct strv filter;
	const char *format;
};

static const struct cli_opt table[] = {
	{"all", 'a', CLI_BOOL, offsetof(struct opts, all),
	 "Show all containers (default shows just running)"},
	{"filter", 'f', CLI_FILTER, offsetof(struct opts, filter),
	 "Filter output based on conditions provided"},
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP_TABLE},
	{"last", 'n', CLI_INT, offsetof(struct opts, last),
	 "Show n last created containers (includes all states)", .init = "-1"},
	{"latest", 'l', CLI_BOOL, offsetof(struct opts, latest),
	 "Show the latest created container (includes all states)"},
	{"no-trunc", 0, CLI_BOOL, offsetof(struct opts, no_trunc), "Don't truncate output"},
	{"quiet", 'q', CLI_BOOL, offsetof(struct opts, quiet), "Only display container IDs"},
	{"size", 's', CLI_BOOL, offsetof(struct opts, size), "Display total file sizes"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	struct format_options fo = {
		.format = o->format, .quiet = o->quiet, .no_trunc = o->no_trunc, .size = o->size};
	int64_t limit = o->latest && o->last == -1 ? 1 : o->last;

	if (!*o->format && !o->quiet)
		fo.format = cli_config_string(cli, "psFormat");
	else if (*o->format && o->quiet)
		fputs("WARNING: Ignoring custom format, because both --format and --quiet are "
		      "set.\n",
		      stderr);
	if (format_list_check(&format_containers, &fo, err) < 0)
		return -1;
	buf_adds(&path, "/containers/json");
	client_query_bool(&path, "all", o->all);
	if (limit > 0) {
		char number[24];

		snprintf(number, sizeof(number), "%lld", (long long)limit);
		client_query(&path, "limit", number);
	}
	client_query_bool(&path, "size", o->size || format_mentions(&fo, "Size"));
	client_query_filters(&path, &o->filter);
	return show_list(cli, path.p, &format_containers, &fo, NULL, err);
}

const struct cli_command cmd_ps = {
	.paths = CLI_PATHS("container ls", "container list", "container ps", "ps"),
	.args = "[OPTIONS]",
	.summary = "List containers",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
