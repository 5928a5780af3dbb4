/*
 * attach.c - cove attach
 */
#include <stdio.h>

#include "cli/calls.h"
#include "cli/session.h"

struct opts {
	const char *detach_keys;
	bool no_stdin, sig_proxy;
};

static const struct cli_opt table[] = {
	{"detach-keys", 0, CLI_STRING, offsetof(struct opts, detach_keys),
	 "Override the key sequence for detaching a container"},
	{"no-stdin", 0, CLI_BOOL, offsetof(struct opts, no_stdin), "Do not attach STDIN"},
	{"sig-proxy", 0, CLI_BOOL, offsetof(struct opts, sig_proxy),
	 "Proxy all received signals to the process", .init = "true"},
	CLI_OPT_END,
};

static int inspect(struct cli *cli, const char *name, json_t **ret, struct err *err)
{
	AUTO(buf) struct buf path = {0};

	path_container(&path, name, "json");
	return call(cli, "GET", path.p, NULL, ret, err) < 0 ? -1 : 0;
}

static int check_state(json_t *container, struct err *err)
{
	json_t *state = json_object_get(container, "State");

	if (!json_is_true(json_object_get(state, "Running")))
		return err_set(err, ERR_CONFLICT,
			       "cannot attach to a stopped container, start it first");
	if (json_is_true(json_object_get(state, "Paused")))
		return err_set(err, ERR_CONFLICT,
			       "cannot attach to a paused container, unpause it first");
	if (json_is_true(json_object_get(state, "Restarting")))
		return err_set(err, ERR_CONFLICT,
			       "cannot attach to a restarting container, wait until it is running");
	return 0;
}

static int open_streams(struct session *s, const struct opts *o, struct err *err)
{
	AUTO(buf) struct buf attach = {0}, wait = {0};
	struct client_request req = {.method = "POST"};

	path_container(&attach, s->id, "attach");
	client_query_bool(&attach, "stream", true);
	client_query_bool(&attach, "stdin", s->in);
	client_query_bool(&attach, "stdout", true);
	client_query_bool(&attach, "stderr", true);
	if (*o->detach_keys)
		client_query(&attach, "detachKeys", o->detach_keys);
	path_container(&wait, s->id, "wait");
	req.path = wait.p;
	if (client_stream_send(s->client, &req, &s->wait, err) < 0 ||
	    client_hijack(s->client, attach.p, NULL, s->stream, err) < 0)
		return -1;
	return client_stream_head(s->wait, err);
}

static int attach(struct session *s, const struct opts *o, struct err *err)
{
	enum session_end end;

	if (session_check_tty(s->in, s->tty, err) < 0 ||
	    detach_keys_parse(s->cli, o->detach_keys, &s->keys, err) < 0 ||
	    cli_client(s->cli, &s->client, err) < 0 || open_streams(s, o, err) < 0 ||
	    session_run(s, &end, err) < 0)
		return -1;
	if (end == SESSION_DETACHED)
		return err_set(err, ERR_CANCELLED, "read escape sequence");
	if (s->wait_error[0])
		return err_set(err, ERR_SYSTEM, "%s", s->wait_error);
	return (int)(s->status & 0xff);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	struct client_hijack stream = CLIENT_HIJACK_INIT;
	struct session s = {
		.cli = cli, .stream = &stream, .object = "containers", .id = args[0], .out = true,
		.err = true, .redraw = true,
	};
	json_t *container, *config;
	int r;

	if (inspect(cli, args[0], &container, err) < 0)
		return -1;
	config = json_object_get(container, "Config");
	s.tty = json_is_true(json_object_get(config, "Tty"));
	s.in = !o->no_stdin && json_is_true(json_object_get(config, "OpenStdin"));
	s.sig_proxy = o->sig_proxy && !s.tty;
	r = check_state(container, err);
	if (r == 0)
		r = attach(&s, o, err);
	session_cancel();
	client_stream_free(s.wait);
	client_hijack_done(&stream);
	json_decref(container);
	return r;
}

const struct cli_command cmd_attach = {
	.paths = CLI_PATHS("container attach", "attach"),
	.args = "[OPTIONS] CONTAINER",
	.summary =
		"Attach local standard input, output, and error streams to a running container",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
