/*
 * network-rm.c - cove network remove
 */
#include <stdio.h>

#include "cli/calls.h"

struct opts {
	bool force;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"force", 'f', CLI_BOOL, O(force), "Do not error if the network does not exist"},
	CLI_OPT_END,
};

static int remove_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};

	path_object(&path, "networks", name, "");
	if (call(cli, "DELETE", path.p, NULL, NULL, err) < 0)
		return o->force && err->kind == ERR_NOT_FOUND ? 0 : -1;
	return print_line(name);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	int status = cli_each(cli, args, remove_one, opts);

	if (status)
		fputs("exit status 1\n", stderr); /* docker's last line here */
	return status;
}

const struct cli_command cmd_network_rm = {
	.paths = CLI_PATHS("network rm", "network remove"),
	.args = "NETWORK [NETWORK...]",
	.summary = "Remove one or more networks",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
