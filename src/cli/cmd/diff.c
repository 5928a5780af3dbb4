/*
 * diff.c - cove diff
 */
#include "cli/calls.h"
#include "cli/output.h"

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	static const char kinds[] = "CAD";
	AUTO(buf) struct buf path = {0}, out = {0};
	json_t *answer = NULL, *change;
	size_t i;

	path_container(&path, args[0], "changes");
	if (call(cli, "GET", path.p, NULL, &answer, err) < 0)
		return -1;
	json_array_foreach(answer, i, change)
	{
		json_int_t kind = json_integer_value(json_object_get(change, "Kind"));
		const char *name = json_string_value(json_object_get(change, "Path"));

		buf_addf(&out, "%c %s\n", kind >= 0 && kind < 3 ? kinds[kind] : '?', str_or(name));
	}
	json_decref(answer);
	return put_buf(&out);
}

const struct cli_command cmd_diff = {
	.paths = CLI_PATHS("container diff", "diff"),
	.args = "CONTAINER",
	.summary = "Inspect changes to files or directories on a container's filesystem",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
