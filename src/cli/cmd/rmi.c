/*
 * rmi.c - cove rmi
 */
#include <stdio.h>

#include "cli/calls.h"
#include "client/client.h"

struct opts {
	bool force, no_prune;
	struct strv platforms;
};

static const struct cli_opt table[] = {
	{"force", 'f', CLI_BOOL, offsetof(struct opts, force), "Force removal of the image"},
	{"no-prune", 0, CLI_BOOL, offsetof(struct opts, no_prune), "Do not delete untagged parents"},
	{"platform", 0, CLI_STRINGS, offsetof(struct opts, platforms),
	 "Remove only the given platform variant. Formatted as \"os[/arch[/variant]]\" "
	 "(e.g., \"linux/amd64\")"},
	CLI_OPT_END,
};

static void print_removed(json_t *answer)
{
	json_t *entry;
	size_t i;

	json_array_foreach(answer, i, entry) {
		const char *s = json_string_value(json_object_get(entry, "Deleted"));

		if (s)
			printf("Deleted: %s\n", s);
		else if ((s = json_string_value(json_object_get(entry, "Untagged"))))
			printf("Untagged: %s\n", s);
	}
}

static int remove_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	json_t *answer;

	path_object(&path, "images", name, "");
	client_query_bool(&path, "force", o->force);
	client_query_bool(&path, "noprune", o->no_prune);
	strv_for_each(platform, &o->platforms)
		client_query(&path, "platforms", platform);
	if (call(cli, "DELETE", path.p, NULL, &answer, err) < 0) {
		if (!o->force || err->kind != ERR_NOT_FOUND)
			return -1;
		cli_print_err(err);
		return 0;
	}
	print_removed(answer);
	json_decref(answer);
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	return cli_each(cli, args, remove_one, opts);
}

const struct cli_command cmd_rmi = {
	.paths = CLI_PATHS("image rm", "image remove", "rmi"),
	.args = "[OPTIONS] IMAGE [IMAGE...]",
	.summary = "Remove one or more images",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
