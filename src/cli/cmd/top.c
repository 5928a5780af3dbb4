/*
 * top.c - cove top
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

#define MINWIDTH 20
#define PADDING	 3

static void add_line(struct buf *b, json_t *fields)
{
	json_t *f;
	size_t i;

	json_array_foreach(fields, i, f)
	{
		if (i)
			buf_addc(b, '\t');
		buf_adds(b, str_or(json_string_value(f)));
	}
	buf_addc(b, '\n');
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	AUTO(buf) struct buf path = {0}, text = {0}, out = {0}, ps_args = {0};
	json_t *answer = NULL, *line;
	size_t i;

	for (char **a = args + 1; *a; a++)
		buf_addf(&ps_args, "%s%s", a > args + 1 ? " " : "", *a);
	path_container(&path, args[0], "top");
	if (ps_args.len)
		client_query(&path, "ps_args", ps_args.p);
	if (call(cli, "GET", path.p, NULL, &answer, err) < 0)
		return -1;
	add_line(&text, json_object_get(answer, "Titles"));
	json_array_foreach(json_object_get(answer, "Processes"), i, line) add_line(&text, line);
	json_decref(answer);
	tabwrite(&out, text.p, text.len, MINWIDTH, PADDING);
	return put_buf(&out);
}

const struct cli_command cmd_top = {
	.paths = CLI_PATHS("container top", "top"),
	.args = "CONTAINER [ps OPTIONS]",
	.summary = "Display the running processes of a container",
	.min_args = 1,
	.max_args = CLI_MANY,
	.flags = CLI_OPTS_FIRST | CLI_RAW_ARGS,
	.run = run,
};
