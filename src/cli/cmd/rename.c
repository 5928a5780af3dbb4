/*
 * rename.c - cove rename
 */
#include <stdio.h>

#include "cli/calls.h"
#include "client/client.h"

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	AUTO(buf) struct buf path = {0};

	if (!*args[0] || !*args[1])
		return err_set(err, ERR_INVALID,
			       "Error: Neither old nor new names may be empty");
	path_container(&path, args[0], "rename");
	client_query(&path, "name", args[1]);
	if (call(cli, "POST", path.p, NULL, NULL, err) < 0) {
		cli_print_err(err);
		fprintf(stderr, "Error: failed to rename container named %s\n", args[0]);
		return 1;
	}
	return 0;
}

const struct cli_command cmd_rename = {
	.paths = CLI_PATHS("container rename", "rename"),
	.args = "CONTAINER NEW_NAME",
	.summary = "Rename a container",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
