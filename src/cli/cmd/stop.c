/*
 * stop.c - cove stop
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	const char *signal;
	int64_t timeout;
};

static const struct cli_opt table[] = {
	{"signal", 's', CLI_STRING, offsetof(struct opts, signal),
	 "Signal to send to the container"},
	{"time", 0, CLI_INT, offsetof(struct opts, timeout), "", .flags = CLI_HIDDEN},
	{"timeout", 't', CLI_INT, offsetof(struct opts, timeout),
	 "Seconds to wait before killing the container"},
	CLI_OPT_END,
};

static int stop_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};

	path_container(&path, name, "stop");
	if (*o->signal)
		client_query(&path, "signal", o->signal);
	if (cli_changed(cli, "timeout") || cli_changed(cli, "time")) {
		AUTO(free) char *seconds = xasprintf("%lld", (long long)o->timeout);

		client_query(&path, "t", seconds);
	}
	if (call(cli, "POST", path.p, NULL, NULL, err) < 0)
		return -1;
	return print_line(name);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	return cli_each(cli, args, stop_one, opts);
}

const struct cli_command cmd_stop = {
	.paths = CLI_PATHS("container stop", "stop"),
	.args = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Stop one or more running containers",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
