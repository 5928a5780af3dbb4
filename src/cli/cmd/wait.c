/*
 * wait.c - cove wait
 */
#include <stdio.h>

#include "cli/calls.h"

static int wait_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	const char *why;
	json_t *j;

	path_container(&path, name, "wait");
	if (call(cli, "POST", path.p, NULL, &j, err) < 0)
		return -1;
	why = json_string_value(json_object_get(json_object_get(j, "Error"), "Message"));
	if (why && *why)
		err_set(err, ERR_SYSTEM, "%s", why);
	else
		printf("%lld\n", json_integer_value(json_object_get(j, "StatusCode")));
	json_decref(j);
	return err->kind ? -1 : 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	return cli_each(cli, args, wait_one, opts);
}

const struct cli_command cmd_wait = {
	.paths = CLI_PATHS("container wait", "wait"),
	.args = "CONTAINER [CONTAINER...]",
	.summary = "Block until one or more containers stop, then print their exit codes",
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
