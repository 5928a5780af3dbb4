/*
 * search.c - cove search
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	bool no_trunc;
	int64_t limit;
	struct strv filter;
	const char *format;
};

static const struct cli_opt table[] = {
	{"filter", 'f', CLI_FILTER, offsetof(struct opts, filter),
	 "Filter output based on conditions provided"},
	{"format", 0, CLI_STRING, offsetof(struct opts, format),
	 "Pretty-print search using a Go template"},
	{"limit", 0, CLI_INT, offsetof(struct opts, limit), "Max number of search results"},
	{"no-trunc", 0, CLI_BOOL, offsetof(struct opts, no_trunc), "Don't truncate output"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	struct format_options fo = {.format = o->format, .no_trunc = o->no_trunc};

	buf_adds(&path, "/images/search");
	client_query(&path, "term", args[0]);
	if (o->limit > 0) {
		char number[24];

		snprintf(number, sizeof(number), "%lld", (long long)o->limit);
		client_query(&path, "limit", number);
	}
	client_query_filters(&path, &o->filter);
	return show_list(cli, path.p, &format_search, &fo, NULL, err);
}

const struct cli_command cmd_search = {
	.paths = CLI_PATHS("search"),
	.args = "[OPTIONS] TERM",
	.summary = "Search a registry for images",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
