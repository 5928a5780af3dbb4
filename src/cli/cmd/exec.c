/*
 * exec.c - cove exec
 */
#include <stdio.h>

#include "cli/calls.h"
#include "cli/session.h"
#include "cli/spec.h"

struct opts {
	bool detach, interactive, tty, privileged;
	const char *detach_keys, *user, *workdir;
	struct strv env, env_file;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"detach", 'd', CLI_BOOL, O(detach), "Detached mode: run command in the background"},
	{"detach-keys", 0, CLI_STRING, O(detach_keys),
	 "Override the key sequence for detaching a container"},
	{"env", 'e', CLI_LIST, O(env), "Set environment variables", .check = check_env},
	{"env-file", 0, CLI_LIST, O(env_file), "Read in a file of environment variables"},
	{"interactive", 'i', CLI_BOOL, O(interactive), "Keep STDIN open even if not attached"},
	{"privileged", 0, CLI_BOOL, O(privileged), "Give extended privileges to the command"},
	{"tty", 't', CLI_BOOL, O(tty), "Allocate a pseudo-TTY"},
	{"user", 'u', CLI_STRING, O(user),
	 "Username or UID (format: \"<name|uid>[:<group|gid>]\")"},
	{"workdir", 'w', CLI_STRING, O(workdir), "Working directory inside the container"},
	CLI_OPT_END,
};

static int make_body(const struct opts *o, char **args, json_t **ret, struct err *err)
{
	AUTO(strv) struct strv env = {0};
	json_t *body, *list;
	unsigned h, w;

	strv_for_each(path, &o->env_file)
		if (spec_kv_file(path, true, &env, err) < 0)
			return -1;
	strv_for_each(s, &o->env)
		strv_take(&env, spec_env(s));
	body = json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:s}", "User", o->user, "Privileged",
			 o->privileged, "Tty", o->tty, "AttachStdin",
			 o->interactive && !o->detach, "AttachStdout", !o->detach, "AttachStderr",
			 !o->detach, "WorkingDir", o->workdir);
	if (!body)
		return err_set(err, ERR_INVALID, "option values must be UTF-8");
	json_object_set_new(body, "Cmd", list = json_array());
	for (char **a = args + 1; *a; a++)
		json_array_append_new(list, json_string(*a));
	if (env.n)
		json_object_set_new(body, "Env", list = json_array());
	strv_for_each(s, &env)
		json_array_append_new(list, json_string(s));
	if (*o->detach_keys)
		json_object_set_new(body, "DetachKeys", json_string(o->detach_keys));
	if (o->tty && session_tty_size(&h, &w))
		json_object_set_new(body, "ConsoleSize", json_pack("[i, i]", (int)h, (int)w));
	*ret = body;
	return 0;
}

static int make_exec(struct cli *cli, const char *container, json_t *body, char **ret_id,
		     struct err *err)
{
	AUTO(buf) struct buf path = {0};
	json_t *answer = NULL;
	const char *id;
	int r;

	path_container(&path, container, "exec");
	r = call(cli, "POST", path.p, body, &answer, err);
	id = json_string_value(json_object_get(answer, "Id"));
	if (r >= 0 && (!id || !*id))
		r = err_set(err, ERR_CORRUPT, "exec ID empty");
	if (r >= 0)
		*ret_id = xstrdup(id);
	json_decref(answer);
	return r < 0 ? -1 : 0;
}

static int exit_code(struct cli *cli, const char *id, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	json_t *answer = NULL;
	int status;

	path_object(&path, "exec", id, "json");
	if (call(cli, "GET", path.p, NULL, &answer, err) < 0)
		return -1;
	status = (int)(json_integer_value(json_object_get(answer, "ExitCode")) & 0xff);
	json_decref(answer);
	return status;
}

/* A process that could not be started has a status of its own, as with run. */
static int failed(struct err *err)
{
	int status = start_error_status(err->msg);

	cli_print_err(err);
	return status == 125 ? 1 : status;
}

static int start(struct cli *cli, const struct opts *o, const char *id, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	json_t *body = json_pack("{s:b, s:b}", "Detach", o->detach, "Tty", o->tty);
	struct client_hijack stream = CLIENT_HIJACK_INIT;
	struct session s = {
		.cli = cli, .stream = &stream, .object = "exec", .id = id, .tty = o->tty,
		.in = o->interactive, .out = true, .err = true, .resize_retry = true,
	};
	enum session_end end;
	unsigned h, w;
	int r;

	path_object(&path, "exec", id, "start");
	if (o->detach) {
		r = call(cli, "POST", path.p, body, NULL, err);
		json_decref(body);
		return r < 0 ? failed(err) : 0;
	}
	if (o->tty && session_tty_size(&h, &w))
		json_object_set_new(body, "ConsoleSize", json_pack("[i, i]", (int)h, (int)w));
	r = o->tty || *o->detach_keys ? detach_keys_parse(cli, o->detach_keys, &s.keys, err) : 0;
	if (r == 0)
		r = cli_client(cli, &s.client, err);
	if (r == 0) {
		session_hold_signals(&s);
		r = client_hijack(s.client, path.p, body, &stream, err);
	}
	json_decref(body);
	if (r < 0) {
		session_cancel();
		client_hijack_done(&stream);
		return failed(err);
	}
	r = session_run(&s, &end, err);
	client_hijack_done(&stream);
	if (r < 0)
		return -1;
	if (end == SESSION_DETACHED)
		return err_set(err, ERR_CANCELLED, "read escape sequence");
	return exit_code(cli, id, err);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(free) char *id = NULL;
	json_t *body;
	int r;

	if (!o->detach && session_check_tty(o->interactive, o->tty, err) < 0)
		return -1;
	if (make_body(o, args, &body, err) < 0)
		return -1;
	r = make_exec(cli, args[0], body, &id, err);
	json_decref(body);
	return r < 0 ? -1 : start(cli, o, id, err);
}

const struct cli_command cmd_exec = {
	.paths = CLI_PATHS("container exec", "exec"),
	.args = "[OPTIONS] CONTAINER COMMAND [ARG...]",
	.summary = "Execute a command in a running container",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 2,
	.max_args = CLI_MANY,
	.flags = CLI_OPTS_FIRST,
	.run = run,
};
