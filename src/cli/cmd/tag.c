/*
 * tag.c - cove tag
 */
#include "cli/calls.h"
#include "client/client.h"

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	AUTO(free) char *name = NULL, *tag = NULL;
	AUTO(buf) struct buf path = {0};

	if (split_reference(args[1], false, &name, &tag, err) < 0)
		return -1;
	if (strchr(args[1], '@'))
		return err_set(err, ERR_INVALID, "refusing to create a tag with a digest reference");
	path_object(&path, "images", args[0], "tag");
	client_query(&path, "repo", name);
	client_query(&path, "tag", tag);
	return call(cli, "POST", path.p, NULL, NULL, err) < 0 ? -1 : 0;
}

const struct cli_command cmd_tag = {
	.paths = CLI_PATHS("image tag", "tag"),
	.args = "SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
	.summary = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
