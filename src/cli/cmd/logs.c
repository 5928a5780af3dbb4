/*
 * logs.c - cove logs
 */
#include <unistd.h>

#include "base/clock.h"
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	bool details, follow, timestamps;
	const char *since, *until, *tail;
};

static const struct cli_opt table[] = {
	{"details", 0, CLI_BOOL, offsetof(struct opts, details),
	 "Show extra details provided to logs"},
	{"follow", 'f', CLI_BOOL, offsetof(struct opts, follow), "Follow log output"},
	{"since", 0, CLI_STRING, offsetof(struct opts, since),
	 "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for "
	 "42 minutes)"},
	{"tail", 'n', CLI_STRING, offsetof(struct opts, tail),
	 "Number of lines to show from the end of the logs", .init = "all"},
	{"timestamps", 't', CLI_BOOL, offsetof(struct opts, timestamps), "Show timestamps"},
	{"until", 0, CLI_STRING, offsetof(struct opts, until),
	 "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" "
	 "for 42 minutes)"},
	CLI_OPT_END,
};

static bool has_tty(json_t *container)
{
	return json_is_true(json_object_get(json_object_get(container, "Config"), "Tty"));
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0}, inspect = {0};
	struct client_stream *s = NULL;
	struct client *client;
	json_t *container = NULL;
	int r;

	path_container(&inspect, args[0], "json");
	path_container(&path, args[0], "logs");
	client_query_bool(&path, "stdout", true);
	client_query_bool(&path, "stderr", true);
	if (query_moment(&path, "since", o->since, err) < 0 ||
	    query_moment(&path, "until", o->until, err) < 0)
		return -1;
	client_query_bool(&path, "timestamps", o->timestamps);
	client_query_bool(&path, "details", o->details);
	client_query_bool(&path, "follow", o->follow);
	client_query(&path, "tail", o->tail);
	if (cli_client(cli, &client, err) < 0 ||
	    client_call(client, "GET", inspect.p, NULL, &container, err) < 0)
		return -1;
	r = client_stream_open(client, &(struct client_request){.method = "GET", .path = path.p},
			       &s, err);
	if (r >= 0)
		r = client_stream_demux(s, !has_tty(container), STDOUT_FILENO, STDERR_FILENO, err);
	client_stream_free(s);
	json_decref(container);
	return r < 0 ? -1 : 0;
}

const struct cli_command cmd_logs = {
	.paths = CLI_PATHS("container logs", "logs"),
	.args = "[OPTIONS] CONTAINER",
	.summary = "Fetch the logs of a container",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
