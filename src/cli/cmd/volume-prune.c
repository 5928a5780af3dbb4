/*
 * volume-prune.c - cove volume prune
 */
#include "cli/calls.h"

struct opts {
	struct strv filters;
	bool all, force;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"all", 'a', CLI_BOOL, O(all), "Remove all unused volumes, not just anonymous ones"},
	{"filter", 0, CLI_FILTER, O(filters), "Provide filter values (e.g. \"label=<label>\")"},
	{"force", 'f', CLI_BOOL, O(force), "Do not prompt for confirmation"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	struct opts *o = opts;
	int64_t reclaimed = 0;

	if (!o->force && !cli_confirm(o->all ? "WARNING! This will remove all local volumes not "
					       "used by at least one container."
					     : "WARNING! This will remove anonymous local volumes "
					       "not used by at least one container."))
		return 0;
	if (o->all)
		strv_add(&o->filters, "all=true");
	if (prune(cli, "volumes", &o->filters, "VolumesDeleted", "Volumes", &reclaimed, err) < 0)
		return -1;
	print_reclaimed(reclaimed);
	return 0;
}

const struct cli_command cmd_volume_prune = {
	.paths = CLI_PATHS("volume prune"),
	.args = "[OPTIONS]",
	.summary = "Remove unused local volumes",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
