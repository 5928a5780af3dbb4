/*
 * network-disconnect.c - cove network disconnect
 */
#include "cli/calls.h"

struct opts {
	bool force;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"force", 'f', CLI_BOOL, O(force),
	 "Force the container to disconnect from a network"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	json_t *body = json_pack("{s:s, s:b}", "Container", args[1], "Force", o->force);
	AUTO(buf) struct buf path = {0};
	int r;

	if (!body)
		return err_set(err, ERR_INVALID, "names must be UTF-8");
	path_object(&path, "networks", args[0], "disconnect");
	r = call(cli, "POST", path.p, body, NULL, err);
	json_decref(body);
	return r < 0 ? -1 : 0;
}

const struct cli_command cmd_network_disconnect = {
	.paths = CLI_PATHS("network disconnect"),
	.args = "[OPTIONS] NETWORK CONTAINER",
	.summary = "Disconnect a container from a network",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
