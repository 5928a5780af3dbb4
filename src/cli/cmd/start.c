/*
 * start.c - cove start
 */
#include <stdio.h>

#include "cli/calls.h"
#include "cli/session.h"

struct opts {
	bool attach, interactive;
	const char *detach_keys, *checkpoint, *checkpoint_dir;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"attach", 'a', CLI_BOOL, O(attach), "Attach STDOUT/STDERR and forward signals"},
	{"checkpoint", 0, CLI_STRING, O(checkpoint), "", .flags = CLI_HIDDEN},
	{"checkpoint-dir", 0, CLI_STRING, O(checkpoint_dir), "", .flags = CLI_HIDDEN},
	{"detach-keys", 0, CLI_STRING, O(detach_keys),
	 "Override the key sequence for detaching a container"},
	{"interactive", 'i', CLI_BOOL, O(interactive), "Attach container's STDIN"},
	CLI_OPT_END,
};

static int start(struct cli *cli, const char *name, struct err *err)
{
	AUTO(buf) struct buf path = {0};

	path_container(&path, name, "start");
	return call(cli, "POST", path.p, NULL, NULL, err) < 0 ? -1 : 0;
}

static int start_plain(struct cli *cli, char **args)
{
	AUTO(strv) struct strv failed = {0};
	AUTO(free) char *names = NULL;

	for (; *args; args++) {
		struct err err = ERR_INIT;

		if (start(cli, *args, &err) == 0) {
			print_line(*args);
			continue;
		}
		cli_print_err(&err);
		strv_add(&failed, *args);
	}
	if (!failed.n)
		return 0;
	names = strv_join(&failed, ", ");
	fflush(stdout);
	fprintf(stderr, "Error: failed to start containers: %s\n", names);
	return 1;
}

static int open_streams(struct session *s, const struct opts *o, bool removed, struct err *err)
{
	AUTO(buf) struct buf attach = {0}, wait = {0};
	struct client_request req = {.method = "POST"};

	path_container(&attach, s->id, "attach");
	client_query_bool(&attach, "stream", true);
	client_query_bool(&attach, "stdin", s->in);
	client_query_bool(&attach, "stdout", s->out);
	client_query_bool(&attach, "stderr", s->err);
	if (*o->detach_keys)
		client_query(&attach, "detachKeys", o->detach_keys);
	path_container(&wait, s->id, "wait");
	client_query(&wait, "condition", removed ? "removed" : "next-exit");
	req.path = wait.p;
	if (client_hijack(s->client, attach.p, NULL, s->stream, err) < 0 ||
	    client_stream_send(s->client, &req, &s->wait, err) < 0)
		return -1;
	return client_stream_head(s->wait, err);
}

static int run_attached(struct session *s, const struct opts *o, bool removed, struct err *err)
{
	enum session_end end;

	if (session_check_tty(s->in, s->tty, err) < 0 ||
	    detach_keys_parse(s->cli, o->detach_keys, &s->keys, err) < 0 ||
	    cli_client(s->cli, &s->client, err) < 0 || open_streams(s, o, removed, err) < 0)
		return -1;
	session_hold_signals(s);
	if (start(s->cli, s->id, err) < 0) {
		session_cancel();
		return -1;
	}
	if (session_run(s, &end, err) < 0)
		return -1;
	if (end == SESSION_DETACHED)
		return 0;
	if (s->wait_error[0])
		return err_set(err, ERR_SYSTEM, "%s", s->wait_error);
	return (int)(s->status & 0xff);
}

static int start_attached(struct cli *cli, const struct opts *o, const char *name, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	struct client_hijack stream = CLIENT_HIJACK_INIT;
	struct session s = {
		.cli = cli, .stream = &stream, .object = "containers", .id = name,
		.out = o->attach, .err = o->attach,
	};
	json_t *container, *config, *host;
	int r;

	path_container(&path, name, "json");
	if (call(cli, "GET", path.p, NULL, &container, err) < 0)
		return -1;
	config = json_object_get(container, "Config");
	host = json_object_get(container, "HostConfig");
	s.tty = json_is_true(json_object_get(config, "Tty"));
	s.in = o->interactive && json_is_true(json_object_get(config, "OpenStdin"));
	s.sig_proxy = o->attach && !s.tty;
	s.out = s.err = true;
	r = run_attached(&s, o, json_is_true(json_object_get(host, "AutoRemove")), err);
	client_stream_free(s.wait);
	client_hijack_done(&stream);
	json_decref(container);
	return r;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;

	if (*o->checkpoint || *o->checkpoint_dir)
		return err_set(err, ERR_UNSUPPORTED, "checkpoints are not supported");
	if (!o->attach && !o->interactive)
		return start_plain(cli, args);
	if (args[1])
		return err_set(err, ERR_INVALID,
			       "you cannot start and attach multiple containers at once");
	return start_attached(cli, o, args[0], err);
}

const struct cli_command cmd_start = {
	.paths = CLI_PATHS("container start", "start"),
	.args = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Start one or more stopped containers",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
