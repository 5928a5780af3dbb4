/*
 * volume-rm.c - cove volume remove
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	bool force;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"force", 'f', CLI_BOOL, O(force), "Force the removal of one or more volumes"},
	CLI_OPT_END,
};

static int remove_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};

	path_object(&path, "volumes", name, "");
	client_query_bool(&path, "force", o->force);
	if (call(cli, "DELETE", path.p, NULL, NULL, err) < 0)
		return -1;
	return print_line(name);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	return cli_each(cli, args, remove_one, opts);
}

const struct cli_command cmd_volume_rm = {
	.paths = CLI_PATHS("volume rm", "volume remove"),
	.args = "[OPTIONS] VOLUME [VOLUME...]",
	.summary = "Remove one or more volumes",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
