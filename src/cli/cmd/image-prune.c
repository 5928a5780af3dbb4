/*
 * image-prune.c - cove image prune
 */
#include "cli/calls.h"

struct opts {
	struct strv filters;
	bool all, force;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"all", 'a', CLI_BOOL, O(all), "Remove all unused images, not just dangling ones"},
	{"filter", 0, CLI_FILTER, O(filters), "Provide filter values (e.g. \"until=<timestamp>\")"},
	{"force", 'f', CLI_BOOL, O(force), "Do not prompt for confirmation"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	struct opts *o = opts;
	int64_t reclaimed = 0;

	if (!o->force && !cli_confirm(o->all ? "WARNING! This will remove all images without at "
					       "least one container associated to them."
					     : "WARNING! This will remove all dangling images."))
		return 0;
	strv_addf(&o->filters, "dangling=%s", o->all ? "false" : "true");
	if (prune(cli, "images", &o->filters, "ImagesDeleted", "Images", &reclaimed, err) < 0)
		return -1;
	print_reclaimed(reclaimed);
	return 0;
}

const struct cli_command cmd_image_prune = {
	.paths = CLI_PATHS("image prune"),
	.args = "[OPTIONS]",
	.summary = "Remove unused images",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 0,
	.max_args = 0,
	.run = run,
};
