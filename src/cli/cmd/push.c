/*
 * push.c - cove push
 */
#include <stdio.h>

#include "cli/calls.h"
#include "client/client.h"

struct opts {
	bool all_tags, trust, quiet;
	const char *platform;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"all-tags", 'a', CLI_BOOL, O(all_tags), "Push all tags of an image to the repository"},
	{"disable-content-trust", 0, CLI_BOOL, O(trust), "Skip image signing", .init = "true"},
	{"platform", 0, CLI_STRING, O(platform),
	 "Push a platform-specific manifest as a single-platform image to the registry.\n"
	 "Image index won't be pushed, meaning that other manifests, including attestations won't be "
	 "preserved.\n'os[/arch[/variant]]': Explicit platform (eg. linux/amd64)"},
	{"quiet", 'q', CLI_BOOL, O(quiet), "Suppress verbose output"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(free) char *name = NULL, *tag = NULL;
	AUTO(buf) struct buf path = {0};
	/* the header is required: an empty JSON object says that there are no credentials */
	struct client_request req = {.method = "POST", .headers = "X-Registry-Auth: e30=\r\n"};
	struct client_stream *s;
	struct client *c;
	int r;

	if (split_reference(args[0], o->all_tags, &name, &tag, err) < 0 ||
	    cli_client(cli, &c, err) < 0)
		return -1;
	if (!o->all_tags && !o->quiet && !strstr(args[0], tag))
		printf("Using default tag: %s\n", tag);
	buf_adds(&path, "/images/");
	buf_adds(&path, name); /* slashes stay: the route takes them */
	buf_adds(&path, "/push");
	if (tag)
		client_query(&path, "tag", tag);
	if (*o->platform)
		client_query(&path, "platform", o->platform);
	req.path = path.p;
	if (client_stream_open(c, &req, &s, err) < 0)
		return -1;
	r = show_progress(s, STDOUT_FILENO, o->quiet, NULL, NULL, err);
	client_stream_free(s);
	return r;
}

const struct cli_command cmd_push = {
	.paths = CLI_PATHS("image push", "push"),
	.args = "[OPTIONS] NAME[:TAG]",
	.summary = "Upload an image to a registry",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
