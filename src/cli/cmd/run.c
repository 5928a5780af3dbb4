/*
 * run.c - cove run
 *
 * create, attach, wait, start: attach and wait have connections of their own and are sent
 * together, before the start, so that no output and no exit is missed.
 */
#include <stdio.h>

#include "cli/calls.h"
#include "cli/create.h"
#include "cli/session.h"

struct running {
	struct client *client;
	const char *id;
	struct client_hijack stream;
	struct client_stream *wait;
	bool in, out, err;
};

static int open_streams(struct running *r, const struct create_opts *o, struct err *err)
{
	AUTO(buf) struct buf attach = {0}, wait = {0};
	struct client_request req = {.method = "POST"};

	path_container(&attach, r->id, "attach");
	client_query_bool(&attach, "stream", true);
	client_query_bool(&attach, "stdin", r->in);
	client_query_bool(&attach, "stdout", r->out);
	client_query_bool(&attach, "stderr", r->err);
	if (*o->detach_keys)
		client_query(&attach, "detachKeys", o->detach_keys);
	path_container(&wait, r->id, "wait");
	client_query(&wait, "condition", o->rm ? "removed" : "next-exit");
	req.path = wait.p;
	if (client_hijack_send(r->client, attach.p, NULL, &r->stream, err) < 0 ||
	    client_stream_send(r->client, &req, &r->wait, err) < 0 ||
	    client_hijack_recv(r->client, &r->stream, err) < 0)
		return -1;
	return client_stream_head(r->wait, err);
}

static int start(struct cli *cli, const char *id, struct err *err)
{
	AUTO(buf) struct buf path = {0};

	path_container(&path, id, "start");
	return call(cli, "POST", path.p, NULL, NULL, err) < 0 ? -1 : 0;
}

/* A failed start has docker's shape and a status that tells why. */
static int start_failed(struct cli *cli, const struct err *err)
{
	fprintf(stderr, "cove: %s\n\nRun 'cove %s --help' for more information\n", err->msg,
		cli->path);
	return start_error_status(err->msg);
}

static int exit_status(const struct session *s)
{
	if (s->wait_error[0] && s->status <= 0) {
		fprintf(stderr, "Error waiting for container: %s\n", s->wait_error);
		return 125;
	}
	return (int)(s->status & 0xff);
}

static int attached(struct cli *cli, struct running *r, const struct create_opts *o,
		    const struct detach_keys *keys, struct err *err)
{
	struct session s = {
		.cli = cli, .client = r->client, .stream = &r->stream, .object = "containers",
		.id = r->id, .tty = o->tty, .in = r->in, .out = r->out, .err = r->err,
		.sig_proxy = o->sig_proxy, .keys = *keys,
	};
	enum session_end end;

	if (open_streams(r, o, err) < 0)
		return -1;
	s.wait = r->wait;
	session_hold_signals(&s);
	if (start(cli, r->id, err) < 0) {
		json_t *j = NULL;
		struct err ignored = ERR_INIT;

		session_cancel();
		if (o->rm && client_stream_json(r->wait, &j, &ignored) > 0)
			json_decref(j);
		return start_failed(cli, err);
	}
	if (!r->out && !r->err) { /* only input: who reads wants the id */
		puts(r->id);
		fflush(stdout);
	}
	if (session_run(&s, &end, err) < 0)
		return -1;
	if (end == SESSION_DETACHED || (!r->out && !r->err))
		return 0;
	return exit_status(&s);
}

static bool body_flag(json_t *body, const char *key)
{
	return json_is_true(json_object_get(body, key));
}

static int detached(struct cli *cli, const char *id, struct err *err)
{
	if (start(cli, id, err) < 0)
		return start_failed(cli, err);
	return print_line(id);
}

static int plain_failure(struct err *err)
{
	cli_print_err(err);
	return 1;
}

static int prepare(struct cli *cli, const struct create_opts *o, char **args, json_t **ret,
		   struct err *err)
{
	unsigned h, w;

	if (create_body(cli, o, args, ret, err) < 0)
		return -1;
	if (session_tty_size(&h, &w))
		json_object_set_new(json_object_get(*ret, "HostConfig"), "ConsoleSize",
				    json_pack("[i, i]", (int)h, (int)w));
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct create_opts *o = opts;
	struct running r = {.stream = CLIENT_HIJACK_INIT};
	AUTO(free) char *id = NULL;
	struct detach_keys keys = {.n = 0};
	json_t *body = NULL;
	int status;

	if (prepare(cli, o, args, &body, err) < 0)
		return -1;
	r.in = body_flag(body, "AttachStdin");
	r.out = body_flag(body, "AttachStdout");
	r.err = body_flag(body, "AttachStderr");
	if (o->detach && o->attach.n)
		err_set(err, ERR_INVALID,
			"conflicting options: cannot specify both --attach and --detach");
	else if (!o->detach && session_check_tty(r.in, o->tty, err) == 0 &&
		 (o->tty || *o->detach_keys))
		ignore_result(detach_keys_parse(cli, o->detach_keys, &keys, err));
	if (err->kind) {
		json_decref(body);
		return plain_failure(err);
	}
	status = create_container(cli, o, args[0], body, &id, err);
	json_decref(body);
	if (status < 0 || cli_client(cli, &r.client, err) < 0)
		return -1;
	if (o->detach)
		return detached(cli, id, err);
	r.id = id;
	status = attached(cli, &r, o, &keys, err);
	client_stream_free(r.wait);
	client_hijack_done(&r.stream);
	return status;
}

const struct cli_command cmd_run = {
	.paths = CLI_PATHS("container run", "run"),
	.args = "[OPTIONS] IMAGE [COMMAND] [ARG...]",
	.summary = "Create and run a new container from an image",
	.opts = run_table,
	.opts_size = sizeof(struct create_opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.flags = CLI_OPTS_FIRST | CLI_EXIT_125,
	.run = run,
};
