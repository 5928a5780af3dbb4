/*
 * create.c - cove create
 */
#include "cli/calls.h"
#include "cli/create.h"

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct create_opts *o = opts;
	AUTO(free) char *id = NULL;
	json_t *body = NULL;
	int r;

	if (create_body(cli, o, args, &body, err) < 0)
		return -1;
	r = create_container(cli, o, args[0], body, &id, err);
	json_decref(body);
	if (r == 0)
		return print_line(id);
	cli_print_err(err);
	return 1;
}

const struct cli_command cmd_create = {
	.paths = CLI_PATHS("container create", "create"),
	.args = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create a new container",
	.opts = create_table,
	.opts_size = sizeof(struct create_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.flags = CLI_OPTS_FIRST | CLI_EXIT_125,
	.run = run,
};
