/*
 * events.c - cove events
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	struct strv filter;
	const char *format, *since, *until;
};

static const struct cli_opt table[] = {
	{"filter", 'f', CLI_FILTER, offsetof(struct opts, filter),
	 "Filter output based on conditions provided"},
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	{"since", 0, CLI_STRING, offsetof(struct opts, since),
	 "Show all events created since timestamp"},
	{"until", 0, CLI_STRING, offsetof(struct opts, until),
	 "Stream events until this timestamp"},
	CLI_OPT_END,
};

static int show(json_t *event, const char *format, struct err *err)
{
	AUTO(buf) struct buf out = {0};

	if (!*format)
		event_line(event, &out);
	else if (format_object(format, event, &type_event, &out, err) < 0)
		return -1;
	put_buf(&out);
	fflush(stdout);
	return 0;
}

/* Tries the format on an event without content. */
static int check_format(const char *format, struct err *err)
{
	AUTO(tmpl) struct tmpl *t = NULL;
	AUTO(buf) struct buf out = {0};
	json_t *nothing;
	int r;

	if (streq(format, "json"))
		return 0;
	if (tmpl_parse(format, &t, err) < 0)
		return err_wrap(err, "Error parsing format");
	nothing = json_object();
	r = tmpl_exec(t, nothing, &type_event, 0, &out, err);
	json_decref(nothing);
	return r < 0 ? err_wrap(err, "Error parsing format") : 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	struct client_stream *s = NULL;
	struct client *client;
	json_t *event;
	int r;

	if (check_format(o->format, err) < 0) {
		cli_print_err(err);
		return STATUS_BAD_FORMAT;
	}
	buf_adds(&path, "/events");
	if (query_moment(&path, "since", o->since, err) < 0 ||
	    query_moment(&path, "until", o->until, err) < 0)
		return err_set(err, ERR_INVALID, "%s", strstr(err->msg, "failed"));
	client_query_filters(&path, &o->filter);
	if (cli_client(cli, &client, err) < 0 ||
	    client_stream_open(client, &(struct client_request){.method = "GET", .path = path.p},
			       &s, err) < 0)
		return -1;
	while ((r = client_stream_json(s, &event, err)) > 0) {
		int shown = show(event, o->format, err);

		json_decref(event);
		if (shown < 0) {
			r = -1;
			break;
		}
	}
	client_stream_free(s);
	return r;
}

const struct cli_command cmd_events = {
	.paths = CLI_PATHS("system events", "events"),
	.args = "[OPTIONS]",
	.summary = "Get real time events from the server",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
