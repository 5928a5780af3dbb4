/*
 * pull.c - cove pull
 */
#include <stdio.h>

#include "cli/calls.h"
#include "codec/reference.h"

struct opts {
	bool all_tags, trust, quiet;
	const char *platform;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"all-tags", 'a', CLI_BOOL, O(all_tags), "Download all tagged images in the repository"},
	{"disable-content-trust", 0, CLI_BOOL, O(trust), "Skip image verification", .init = "true"},
	{"platform", 0, CLI_STRING, O(platform), "Set platform if server is multi-platform capable"},
	{"quiet", 'q', CLI_BOOL, O(quiet), "Suppress verbose output"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(reference) struct reference ref = {0};
	AUTO(free) char *familiar = NULL, *full = NULL;

	if (reference_parse(args[0], &ref, err) < 0)
		return -1;
	if (!o->all_tags && !ref.tag && !ref.digest) {
		reference_default_tag(&ref);
		if (!o->quiet)
			printf("Using default tag: %s\n", ref.tag);
	}
	familiar = reference_familiar(&ref);
	full = reference_full(&ref);
	if (pull_image(cli, familiar, o->platform, o->all_tags, o->quiet, STDOUT_FILENO, err) < 0)
		return -1;
	return print_line(full);
}

const struct cli_command cmd_pull = {
	.paths = CLI_PATHS("image pull", "pull"),
	.args = "[OPTIONS] NAME[:TAG|@DIGEST]",
	.summary = "Download an image from a registry",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
