/*
 * container-prune.c - cove container prune
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

	if (!o->force && !cli_confirm("WARNING! This will remove all stopped containers."))
		return 0;
	if (prune(cli, "containers", &o->filters, "ContainersDeleted", "Containers", &reclaimed,
		  err) < 0)
		return -1;
	print_reclaimed(reclaimed);
	return 0;
}

const struct cli_command cmd_container_prune = {
	.paths = CLI_PATHS("container prune"),
	.args = "[OPTIONS]",
	.summary = "Remove all stopped containers",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
