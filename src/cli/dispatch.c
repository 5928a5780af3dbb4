/*
 * dispatch.c - from argv to a command and its exit status
 *
 * (1) Errors in the command line never reach the daemon: nothing is connected before the
 *     command asks for its client.
 * (2) Texts and exit statuses of usage errors are docker's: 125 for options, 1 for arguments.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "cli/private.h"
#include "client/client.h"
#include "config.h"

#define EXIT_USAGE 125
#define MAX_CONFIG (4u << 20)

#define G(field) offsetof(struct cli_globals, field)

const struct cli_opt cli_global_opts[] = {
	{"config", 0, CLI_STRING, G(config), "Location of client config files"},
	{"context", 'c', CLI_STRING, G(context), "Name of the context (only \"default\")",
	 .flags = CLI_HIDDEN},
	{"debug", 'D', CLI_BOOL, G(debug), "Enable debug mode"},
	{"host", 'H', CLI_LIST, G(host), "Daemon socket to connect to"},
	{"log-level", 'l', CLI_STRING, G(log_level), "Set the logging level", .init = "info",
	 .flags = CLI_HIDDEN},
	{"tls", 0, CLI_BOOL, G(tls), "Use TLS", .flags = CLI_HIDDEN},
	{"tlscacert", 0, CLI_STRING, G(tlscacert), "", .flags = CLI_HIDDEN},
	{"tlscert", 0, CLI_STRING, G(tlscert), "", .flags = CLI_HIDDEN},
	{"tlskey", 0, CLI_STRING, G(tlskey), "", .flags = CLI_HIDDEN},
	{"tlsverify", 0, CLI_BOOL, G(tlsverify), "", .flags = CLI_HIDDEN},
	{"version", 'v', CLI_BOOL, G(version), "Print version information and quit"},
	CLI_OPT_END,
};

const struct cli_group cli_groups[] = {
	{"container", "Manage containers"}, {"image", "Manage images"},
	{"network", "Manage networks"},	    {"system", "Manage the engine"},
	{"volume", "Manage volumes"},	    {NULL, NULL},
};

/* Commands people know from docker that are not part of cove; a name alone, or with a hint. */
static const struct {
	const char *name, *hint;
} foreign[] = {
	{"swarm", "cove runs containers on one machine"},
	{"service", "cove runs containers on one machine"},
	{"stack", "cove runs containers on one machine"},
	{"node", "cove runs containers on one machine"},
	{"secret", "cove runs containers on one machine"},
	{"config", "cove runs containers on one machine"},
	{"plugin", "cove has no plugins"},
	{"trust", "verify images by digest: cove pull NAME@sha256:..."},
	{"manifest", "inspect images with 'cove image inspect'"},
	{"checkpoint", "cove does not checkpoint containers"},
	{"context", "use -H or COVE_HOST to choose a daemon"},
	{"login", "registries with a login are not supported by this version"},
	{"logout", "registries with a login are not supported by this version"},
	{"build", "images come from 'cove load' and 'cove import' in this version"},
	{"builder", "images come from 'cove load' and 'cove import' in this version"},
	{"buildx", "images come from 'cove load' and 'cove import' in this version"},
	{"compose", "start containers with 'cove run' in this version"},
};

const char *group_summary(const char *name)
{
	for (const struct cli_group *g = cli_groups; g->name; g++)
		if (streq(g->name, name))
			return g->summary;
	return NULL;
}

const struct cli_command *cmd_find(const char *path)
{
	for (size_t i = 0; cli_commands[i]; i++)
		for (const char *const *p = cli_commands[i]->paths; *p; p++)
			if (streq(*p, path))
				return cli_commands[i];
	return NULL;
}

static size_t parent_length(const char *path)
{
	const char *space = strrchr(path, ' ');

	return space ? (size_t)(space - path) : 0;
}

const char *cmd_canonical(const struct cli_command *cmd, const char *path)
{
	size_t n = parent_length(path);

	for (const char *const *p = cmd->paths; *p; p++)
		if (parent_length(*p) == n && strncmp(*p, path, n) == 0)
			return *p;
	return cmd->paths[0];
}

/* --- what commands use ------------------------------------------------------------------ */

int cli_client(struct cli *cli, struct client **ret, struct err *err)
{
	if (!cli->client && client_open(cli->host, &cli->client, err) < 0)
		return -1;
	*ret = cli->client;
	return 0;
}

bool cli_changed(const struct cli *cli, const char *name)
{
	const struct cli_opt *o = opt_find(cli->cmd->opts, name);

	CHECK(o);
	return cli->changed[o - cli->cmd->opts];
}

static void read_config(struct cli *cli)
{
	const char *dir = cli->config_dir, *home = getenv("HOME");
	AUTO(buf) struct buf text = {0};
	AUTO(free) char *path = NULL;

	cli->config_read = true;
	if (!dir || !*dir)
		dir = getenv("DOCKER_CONFIG");
	if (dir && *dir)
		path = path_join(dir, "config.json");
	else if (home && *home)
		path = path_join(home, ".docker/config.json");
	if (path && fs_read_file(AT_FDCWD, path, MAX_CONFIG, &text) >= 0 && text.len)
		cli->config = json_loadb(text.p, text.len, 0, NULL);
}

const char *cli_config_string(struct cli *cli, const char *key)
{
	if (!cli->config_read)
		read_config(cli);
	return json_string_value(json_object_get(cli->config, key));
}

void cli_print_err(const struct err *err)
{
	fflush(stdout);
	fprintf(stderr, "%s\n", err->msg);
}

int cli_each(struct cli *cli, char **args,
	     int (*fn)(struct cli *cli, const char *arg, void *opts, struct err *err), void *opts)
{
	int status = 0;

	for (; *args; args++) {
		struct err err = ERR_INIT;

		if (fn(cli, *args, opts, &err) < 0) {
			cli_print_err(&err);
			status = 1;
		}
	}
	return status;
}

bool cli_confirm(const char *warning)
{
	char line[64];

	printf("%s\nAre you sure you want to continue? [y/N] ", warning);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		return false;
	return strcasecmp(line, "y\n") == 0 || strcasecmp(line, "yes\n") == 0;
}

/* --- the command line --------------------------------------------------------------------- */

static int put_out(struct buf *text, FILE *to)
{
	fwrite(str_or(text->p), 1, text->len, to);
	buf_done(text);
	return fflush(to) ? 1 : 0;
}

static int bad_usage(const char *what, const char *usage, const char *path)
{
	fprintf(stderr, "%s\n\n%s\nRun 'cove%s%s --help' for more information\n", what, usage,
		*path ? " " : "", path);
	return EXIT_USAGE;
}

static int unknown_command(const char *group, const char *name)
{
	AUTO(free) char *path = *group ? xasprintf("%s %s", group, name) : xstrdup(name);
	const char *near = suggest_command(group, name);

	for (size_t i = 0; (!*group || streq(path, "image build")) && i < ARRAY_LEN(foreign); i++) {
		if (streq(foreign[i].name, name)) {
			fprintf(stderr, "cove: 'cove %s' is not available: %s\n", path,
				foreign[i].hint);
			return 1;
		}
	}
	fprintf(stderr, "cove: unknown command: cove %s\n", path);
	if (near)
		fprintf(stderr, "\nDid you mean 'cove %s'?\n", near);
	fprintf(stderr, "\nRun 'cove%s%s --help' for more information\n", *group ? " " : "", group);
	return 1;
}

static int wrong_count(const struct cli_command *cmd, const char *path, size_t n)
{
	AUTO(buf) struct buf usage = {0}, what = {0};
	int min = cmd->min_args, max = cmd->max_args;

	if (max == 0)
		buf_adds(&what, "accepts no arguments");
	else if (min == max)
		buf_addf(&what, "requires %d argument%s", min, min == 1 ? "" : "s");
	else if (max == CLI_MANY)
		buf_addf(&what, "requires at least %d argument%s", min, min == 1 ? "" : "s");
	else if (min == 0)
		buf_addf(&what, "requires at most %d argument%s", max, max == 1 ? "" : "s");
	else
		buf_addf(&what, "requires at least %d and at most %d arguments", min, max);
	help_usage(&usage, cmd, path);
	fprintf(stderr, "cove: 'cove %s' %s\n\n%s\n%s 'cove %s --help' for more information\n",
		path, what.p, usage.p, max == CLI_MANY ? "See" : "Run", path);
	return 1;
}

static int finish(struct cli *cli, int status, const struct err *err)
{
	fflush(stdout);
	if (status >= 0)
		return status;
	if (!(cli->cmd->flags & CLI_EXIT_125)) {
		cli_print_err(err);
		return 1;
	}
	fprintf(stderr, "cove: %s\n\nRun 'cove %s --help' for more information\n", err->msg,
		cli->path);
	return EXIT_USAGE;
}

static int run_command(struct cli *cli, const char *path, char **argv)
{
	const struct cli_command *cmd = cli->cmd;
	AUTO(strv) struct strv args = {0};
	AUTO(free) void *opts = xcalloc(1, MAX(cmd->opts_size, 1));
	AUTO(free) bool *changed = NULL;
	struct err err = ERR_INIT;
	bool help = false;
	size_t n = 0;
	int status;

	while (cmd->opts && cmd->opts[n].name)
		n++;
	cli->changed = changed = xnew_n(bool, n + 1);
	cli->path = path;
	opt_init(cmd->opts, opts);
	if (opt_parse(cmd->opts, cmd->flags, opts, changed, argv, &args, &help, &err) < 0) {
		AUTO(buf) struct buf usage = {0};

		help_usage(&usage, cmd, path);
		status = bad_usage(err.msg, usage.p, path);
	} else if (help) {
		struct buf text = {0};

		help_command(&text, cmd, path);
		status = put_out(&text, stdout);
	} else if ((int)args.n < cmd->min_args ||
		   (cmd->max_args != CLI_MANY && (int)args.n > cmd->max_args)) {
		status = wrong_count(cmd, path, args.n);
	} else {
		char *none[] = {NULL};

		status = finish(cli, cmd->run(cli, opts, args.v ? args.v : none, &err), &err);
	}
	opt_done(cmd->opts, opts);
	cli->changed = NULL;
	return status;
}

static int show_group(const char *group, bool to_stderr)
{
	struct buf text = {0};

	if (*group)
		help_group(&text, group);
	else
		help_root(&text);
	return put_out(&text, to_stderr ? stderr : stdout);
}

/* argv: from the command's name on. */
static int dispatch(struct cli *cli, char **argv)
{
	const char *name = argv[0];
	AUTO(free) char *path = NULL;
	static char help_flag[] = "--help";
	char *help_args[] = {help_flag, NULL};
	bool help = streq(name, "help");

	if (help && !(name = *++argv))
		return show_group("", false);
	if (group_summary(name)) {
		const char *sub = argv[1];

		if (!sub || streq(sub, "--help") || streq(sub, "-h") || streq(sub, "help"))
			return show_group(name, false);
		if (*sub == '-') {
			AUTO(free) char *what = xasprintf("unknown flag: %s", sub);
			AUTO(free) char *usage = xasprintf("Usage:  cove %s\n", name);

			return bad_usage(what, usage, name);
		}
		path = xasprintf("%s %s", name, sub);
		cli->cmd = cmd_find(path);
		if (!cli->cmd)
			return unknown_command(name, sub);
		argv++;
	} else {
		path = xstrdup(name);
		cli->cmd = strchr(name, ' ') ? NULL : cmd_find(path);
		if (!cli->cmd)
			return unknown_command("", name);
	}
	return run_command(cli, cmd_canonical(cli->cmd, path), help ? help_args : argv + 1);
}

static int check_globals(const struct cli_globals *g, struct err *err)
{
	if (g->host.n > 1)
		return err_set(err, ERR_INVALID, "specify only one -H");
	if (*g->context && !streq(g->context, "default"))
		return err_set(err, ERR_INVALID, "context \"%s\": context not found", g->context);
	if (g->tls || g->tlsverify)
		return err_set(err, ERR_UNSUPPORTED,
			       "TLS connections to a daemon are not supported: use a unix socket");
	return 0;
}

static int start(struct cli *cli, struct cli_globals *g, char **argv)
{
	bool changed[ARRAY_LEN(cli_global_opts)] = {0}, help = false;
	AUTO(strv) struct strv rest = {0};
	struct err err = ERR_INIT;

	if (opt_parse(cli_global_opts, CLI_OPTS_FIRST, g, changed, argv, &rest, &help, &err) < 0)
		return bad_usage(err.msg, "Usage:  cove [OPTIONS] COMMAND [ARG...]\n", "");
	if (help)
		return show_group("", false);
	if (g->version) {
		puts("cove version " COVE_VERSION);
		return 0;
	}
	if (!rest.n)
		return show_group("", false);
	if (check_globals(g, &err) < 0) {
		cli_print_err(&err);
		return 1;
	}
	cli->debug = g->debug;
	cli->host = g->host.n ? g->host.v[0] : NULL;
	cli->config_dir = g->config;
	return dispatch(cli, rest.v);
}

int cli_main(int argc, char **argv)
{
	struct cli cli = {.prog = "cove"};
	struct cli_globals g = {0};
	int status;

	opt_init(cli_global_opts, &g);
	status = start(&cli, &g, argc > 0 ? argv + 1 : argv);
	opt_done(cli_global_opts, &g);
	client_free(cli.client);
	json_decref(cli.config);
	fflush(stdout);
	return status;
}
