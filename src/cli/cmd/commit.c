/*
 * commit.c - cove commit
 */
#include "cli/calls.h"
#include "client/client.h"

struct opts {
	const char *author, *message;
	struct strv change;
	bool pause;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"author", 'a', CLI_STRING, O(author),
	 "Author (e.g., \"John Hannibal Smith <hannibal@a-team.com>\")"},
	{"change", 'c', CLI_LIST, O(change), "Apply Dockerfile instruction to the created image"},
	{"message", 'm', CLI_STRING, O(message), "Commit message"},
	{"pause", 'p', CLI_BOOL, O(pause), "Pause container during commit", .init = "true"},
	CLI_OPT_END,
};

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(free) char *name = NULL, *tag = NULL;
	AUTO(buf) struct buf path = {0};
	json_t *body, *answer = NULL;
	const char *id;
	int r;

	buf_adds(&path, "/commit");
	client_query(&path, "container", args[0]);
	if (args[1]) {
		if (split_reference(args[1], false, &name, &tag, err) < 0)
			return -1;
		client_query(&path, "repo", name);
		client_query(&path, "tag", tag);
	}
	client_query(&path, "comment", o->message);
	client_query(&path, "author", o->author);
	strv_for_each(s, &o->change)
		client_query(&path, "changes", s);
	if (!o->pause)
		client_query(&path, "pause", "0");
	body = json_object();
	r = call(cli, "POST", path.p, body, &answer, err);
	json_decref(body);
	id = json_string_value(json_object_get(answer, "Id"));
	if (r >= 0)
		print_line(str_or(id));
	json_decref(answer);
	return r < 0 ? -1 : 0;
}

const struct cli_command cmd_commit = {
	.paths = CLI_PATHS("container commit", "commit"),
	.args = "[OPTIONS] CONTAINER [REPOSITORY[:TAG]]",
	.summary = "Create a new image from a container's changes",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
