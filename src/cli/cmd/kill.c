/*
 * kill.c - cove kill
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	const char *signal;
};

static const struct cli_opt table[] = {
	{"signal", 's', CLI_STRING, offsetof(struct opts, signal),
	 "Signal to send to the container"},
	CLI_OPT_END,
};

static int kill_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};

	path_container(&path, name, "kill");
	if (*o->signal)
		client_query(&path, "signal", o->signal);
	if (call(cli, "POST", path.p, NULL, NULL, err) < 0)
		return -1;
	return print_line(name);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	return cli_each(cli, args, kill_one, opts);
}

const struct cli_command cmd_kill = {
	.paths = CLI_PATHS("container kill", "kill"),
	.args = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Kill one or more running containers",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
