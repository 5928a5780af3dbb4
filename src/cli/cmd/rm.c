/*
 * rm.c - cove rm
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	bool force, link, volumes;
};

static const struct cli_opt table[] = {
	{"force", 'f', CLI_BOOL, offsetof(struct opts, force),
	 "Force the removal of a running container (uses SIGKILL)"},
	{"link", 'l', CLI_BOOL, offsetof(struct opts, link), "Remove the specified link"},
	{"volumes", 'v', CLI_BOOL, offsetof(struct opts, volumes),
	 "Remove anonymous volumes associated with the container"},
	CLI_OPT_END,
};

static int remove_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	const char *bare = name;

	while (*bare == '/')
		bare++;
	if (!*bare)
		return err_set(err, ERR_INVALID, "Container name cannot be empty");
	path_container(&path, bare, "");
	client_query_bool(&path, "v", o->volumes);
	client_query_bool(&path, "link", o->link);
	client_query_bool(&path, "force", o->force);
	if (call(cli, "DELETE", path.p, NULL, NULL, err) < 0) {
		if (!o->force || err->kind != ERR_NOT_FOUND)
			return -1;
		cli_print_err(err);
		return 0;
	}
	return print_line(name);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	return cli_each(cli, args, remove_one, opts);
}

const struct cli_command cmd_rm = {
	.paths = CLI_PATHS("container rm", "container remove", "rm"),
	.args = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Remove one or more containers",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
