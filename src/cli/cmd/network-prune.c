/*
 * network-prune.c - cove network prune
 */
#include "cli/calls.h"

struct opts {
	struct strv filters;
	bool force;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"filter", 0, CLI_FILTER, O(filters), "Provide filter values (e.g. \"until=<timestamp>\")"},
	{"force", 'f', CLI_BOOL, O(force), "Do not prompt for confirmation"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	int64_t reclaimed = 0;

	if (!o->force && !cli_confirm("WARNING! This will remove all custom networks not used by "
				      "at least one container."))
		return 0;
	return prune(cli, "networks", &o->filters, "NetworksDeleted", "Networks", &reclaimed, err);
}

const struct cli_command cmd_network_prune = {
	.paths = CLI_PATHS("network prune"),
	.args = "[OPTIONS]",
	.summary = "Remove all unused networks",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
