/*
 * images.c - cove images
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	bool all, digests, no_trunc, quiet, tree;
	struct strv filter;
	const char *format;
};

static const struct cli_opt table[] = {
	{"all", 'a', CLI_BOOL, offsetof(struct opts, all),
	 "Show all images (default hides intermediate images)"},
	{"digests", 0, CLI_BOOL, offsetof(struct opts, digests), "Show digests"},
	{"filter", 'f', CLI_FILTER, offsetof(struct opts, filter),
	 "Filter output based on conditions provided"},
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP_TABLE},
	{"no-trunc", 0, CLI_BOOL, offsetof(struct opts, no_trunc), "Don't truncate output"},
	{"quiet", 'q', CLI_BOOL, offsetof(struct opts, quiet), "Only show image IDs"},
	{"tree", 0, CLI_BOOL, offsetof(struct opts, tree),
	 "List multi-platform images as a tree (EXPERIMENTAL)", .flags = CLI_HIDDEN},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	AUTO(free) char *with_digest = NULL;
	struct format_options fo = {.format = o->format,
				    .quiet = o->quiet,
				    .no_trunc = o->no_trunc,
				    .digests = o->digests};

	if (o->tree)
		return err_set(err, ERR_UNSUPPORTED,
			       "--tree is not supported: images here have one platform");
	if (!*o->format && !o->quiet)
		fo.format = cli_config_string(cli, "imagesFormat");
	if (o->digests && fo.format && str_after(fo.format, "table ") &&
	    !strstr(fo.format, "{{.Digest}}"))
		fo.format = with_digest = xasprintf("%s\t{{.Digest}}", fo.format);
	if (args[0])
		strv_addf(&o->filter, "reference=%s", args[0]);
	buf_adds(&path, "/images/json");
	client_query_bool(&path, "all", o->all);
	client_query_filters(&path, &o->filter);
	return show_list(cli, path.p, &format_images, &fo, images_rows, err);
}

const struct cli_command cmd_images = {
	.paths = CLI_PATHS("image ls", "image list", "images"),
	.args = "[OPTIONS] [REPOSITORY[:TAG]]",
	.summary = "List images",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.max_args = 1,
	.run = run,
};
