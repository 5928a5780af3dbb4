/*
 * pause.c - cove pause
 */
#include "cli/calls.h"

static int pause_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	AUTO(buf) struct buf path = {0};

	path_container(&path, name, "pause");
	if (call(cli, "POST", path.p, NULL, NULL, err) < 0)
		return -1;
	return print_line(name);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	return cli_each(cli, args, pause_one, opts);
}

const struct cli_command cmd_pause = {
	.paths = CLI_PATHS("container pause", "pause"),
	.args = "CONTAINER [CONTAINER...]",
	.summary = "Pause all processes within one or more containers",
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
