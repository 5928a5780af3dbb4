/*
 * df.c - cove system df
 */
#include "cli/calls.h"
#include "cli/output.h"

struct opts {
	bool verbose;
	const char *format;
};

static const struct cli_opt table[] = {
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP_TABLE},
	{"verbose", 'v', CLI_BOOL, offsetof(struct opts, verbose),
	 "Show detailed information on space usage"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	struct format_options fo = {.format = o->format};
	AUTO(buf) struct buf out = {0};
	json_t *answer = NULL;
	int r;

	if (!o->verbose)
		return show_list(cli, "/system/df", &format_df, &fo, df_rows, err);
	if (call(cli, "GET", "/system/df", NULL, &answer, err) < 0)
		return -1;
	if (*o->format)
		r = format_object(o->format, answer, NULL, &out, err);
	else
		r = df_verbose(answer, &fo, &out, err);
	json_decref(answer);
	return r < 0 ? -1 : put_buf(&out);
}

const struct cli_command cmd_df = {
	.paths = CLI_PATHS("system df"),
	.args = "[OPTIONS]",
	.summary = "Show disk usage",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
