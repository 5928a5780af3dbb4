/*
 * cmd.c - cove-runtime's command line: runc's commands and options
 *
 * (1) Options are rows of one table; a command lists the letters of those it takes.
 */
#include "runtime/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/fs.h"
#include "config.h"

enum kind { OPT_FLAG, OPT_TEXT, OPT_LIST };

struct option_row {
	const char *name;
	char letter;
	enum kind kind;
	size_t offset;
	const char *commands; /* separated by spaces; "" for global ones */
	const char *help;
};

#define ROW(name, letter, kind, member, commands, help)                                            \
	{                                                                                          \
		name, letter, kind, offsetof(struct args, member), commands, help                  \
	}

static const struct option_row rows[] = {
	ROW("root", 0, OPT_TEXT, root, "", "directory for the state of containers"),
	ROW("log", 0, OPT_TEXT, log, "", "file for errors"),
	ROW("log-format", 0, OPT_TEXT, log_format, "", "text or json"),
	ROW("debug", 0, OPT_FLAG, debug, "", "more messages"),
	ROW("systemd-cgroup", 0, OPT_FLAG, systemd_cgroup, "",
	    "refused: only cgroupfs is supported"),
	ROW("criu", 0, OPT_TEXT, criu, "", "ignored"),
	ROW("rootless", 0, OPT_TEXT, rootless, "", "ignored"),
	ROW("help", 'h', OPT_FLAG, help, "", "show help"),
	ROW("version", 'v', OPT_FLAG, version, "", "print the version"),
	ROW("bundle", 'b', OPT_TEXT, bundle, "create run spec", "directory of the bundle"),
	ROW("console-socket", 0, OPT_TEXT, console_socket, "create run exec",
	    "socket that takes the terminal"),
	ROW("pid-file", 0, OPT_TEXT, pid_file, "create run exec", "file for the process id"),
	ROW("no-pivot", 0, OPT_FLAG, no_pivot, "create run", "change the root without pivot_root"),
	ROW("no-new-keyring", 0, OPT_FLAG, no_new_keyring, "create run",
	    "keep the session keyring"),
	ROW("preserve-fds", 0, OPT_TEXT, preserve_fds, "create run exec",
	    "more descriptors to pass on"),
	ROW("detach", 'd', OPT_FLAG, detach, "run exec", "do not wait for the process"),
	ROW("keep", 0, OPT_FLAG, keep, "run", "keep the container after its end"),
	ROW("no-subreaper", 0, OPT_FLAG, no_subreaper, "run exec", "ignored"),
	ROW("all", 'a', OPT_FLAG, all, "kill", "signal every process of the container"),
	ROW("force", 'f', OPT_FLAG, force, "delete", "kill it first if it runs"),
	ROW("format", 'f', OPT_TEXT, format, "list ps", "table or json"),
	ROW("quiet", 'q', OPT_FLAG, quiet, "list", "only ids"),
	ROW("cwd", 0, OPT_TEXT, cwd, "exec", "working directory"),
	ROW("user", 'u', OPT_TEXT, user, "exec", "uid[:gid]"),
	ROW("env", 'e', OPT_LIST, env, "exec", "environment variables"),
	ROW("cap", 'c', OPT_LIST, caps, "exec", "more capabilities"),
	ROW("additional-gids", 'g', OPT_LIST, gids, "exec", "more groups"),
	ROW("tty", 't', OPT_FLAG, tty, "exec", "with a terminal"),
	ROW("process", 'p', OPT_TEXT, process, "exec", "process.json"),
	ROW("no-new-privs", 0, OPT_FLAG, no_new_privs, "exec", "set no_new_privs"),
	ROW("apparmor", 0, OPT_TEXT, apparmor, "exec", "AppArmor profile"),
	ROW("process-label", 0, OPT_TEXT, label, "exec", "SELinux label"),
	ROW("ignore-paused", 0, OPT_FLAG, ignore_paused, "exec",
	    "run once the container is resumed"),
	ROW("cgroup", 0, OPT_TEXT, cgroup, "exec", "refused: no sub-cgroups"),
	ROW("resources", 'r', OPT_TEXT, file, "update", "file with limits, - for standard input"),
	ROW("memory", 0, OPT_TEXT, memory, "update", "memory limit"),
	ROW("memory-reservation", 0, OPT_TEXT, memory_reservation, "update", "soft memory limit"),
	ROW("memory-swap", 0, OPT_TEXT, memory_swap, "update", "memory and swap limit"),
	ROW("kernel-memory", 0, OPT_TEXT, kernel_memory, "update", "ignored"),
	ROW("kernel-memory-tcp", 0, OPT_TEXT, kernel_memory_tcp, "update", "ignored"),
	ROW("cpu-period", 0, OPT_TEXT, cpu_period, "update", "CPU period in microseconds"),
	ROW("cpu-quota", 0, OPT_TEXT, cpu_quota, "update", "CPU time per period"),
	ROW("cpu-burst", 0, OPT_TEXT, cpu_burst, "update", "CPU burst"),
	ROW("cpu-share", 0, OPT_TEXT, cpu_share, "update", "CPU shares"),
	ROW("cpu-rt-period", 0, OPT_TEXT, cpu_rt_period, "update", "realtime period"),
	ROW("cpu-rt-runtime", 0, OPT_TEXT, cpu_rt_runtime, "update", "realtime runtime"),
	ROW("cpu-idle", 0, OPT_TEXT, cpu_idle, "update", "1: run only when idle"),
	ROW("cpuset-cpus", 0, OPT_TEXT, cpuset_cpus, "update", "processors"),
	ROW("cpuset-mems", 0, OPT_TEXT, cpuset_mems, "update", "memory nodes"),
	ROW("pids-limit", 0, OPT_TEXT, pids_limit, "update", "number of processes"),
	ROW("blkio-weight", 0, OPT_TEXT, blkio_weight, "update", "I/O weight"),
};

static const struct command {
	const char *name;
	int (*run)(const struct args *a, struct err *err);
	int min, max;	  /* arguments; max -1: any */
	bool options_end; /* what follows the first argument is not ours */
	const char *help;
} commands[] = {
	{"create", cmd_create, 1, 1, false, "make a container"},
	{"start", cmd_start, 1, 1, false, "run the program of a container that was made"},
	{"run", cmd_run, 1, 1, false, "make and start a container"},
	{"state", cmd_state, 1, 1, false, "print the state of a container"},
	{"kill", cmd_kill, 1, 2, false, "send a signal to the container's init"},
	{"delete", cmd_delete, 1, 1, false, "remove a container that has ended"},
	{"exec", cmd_exec, 1, -1, true, "run a program in a container"},
	{"list", cmd_list, 0, 0, false, "list containers"},
	{"ps", cmd_ps, 1, -1, true, "list a container's processes"},
	{"pause", cmd_pause, 1, 1, false, "freeze all processes"},
	{"resume", cmd_resume, 1, 1, false, "thaw all processes"},
	{"update", cmd_update, 1, 1, false, "change limits"},
	{"spec", cmd_spec, 0, 0, false, "write a default config.json"},
	{"features", cmd_features, 0, 0, false, "print what this runtime supports"},
	{"checkpoint", cmd_refused, 0, -1, true, "refused"},
	{"restore", cmd_refused, 0, -1, true, "refused"},
	{"events", cmd_refused, 0, -1, true, "refused"},
};

static bool takes(const struct option_row *row, const char *command)
{
	size_t n = strlen(str_or(command));

	if (!*row->commands)
		return !command || streq(row->name, "help");
	for (const char *p = command ? row->commands : ""; *p; p += strspn(p, " ")) {
		size_t m = strcspn(p, " ");

		if (m == n && memcmp(p, command, n) == 0)
			return true;
		p += m;
	}
	return false;
}

static const struct option_row *find_option(const char *name, size_t n, char letter,
					    const char *command)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (takes(&rows[i], command) &&
		    (letter ? rows[i].letter == letter
			    : strlen(rows[i].name) == n && memcmp(rows[i].name, name, n) == 0))
			return &rows[i];
	return NULL;
}

static void store(struct args *a, const struct option_row *row, const char *value)
{
	char *at = (char *)a + row->offset;

	switch (row->kind) {
	case OPT_FLAG:
		*(bool *)at = !value || streq(value, "true") || streq(value, "1");
		break;
	case OPT_TEXT:
		*(char **)at = (char *)value;
		break;
	case OPT_LIST:
		strv_add((struct strv *)at, value);
		break;
	}
}

/* One option at argv[*i]: --name[=value], -name, -x; leaves *i at its last word. */
static int parse_option(struct args *a, char **argv, int *i, const char *command, struct err *err)
{
	const char *word = argv[*i], *name = word + (word[1] == '-' ? 2 : 1),
		   *eq = strchr(name, '=');
	size_t n = eq ? (size_t)(eq - name) : strlen(name);
	const struct option_row *row = find_option(name, n, 0, command);
	const char *value = eq ? eq + 1 : NULL;

	if (!row && n == 1)
		row = find_option(NULL, 0, *name, command);
	if (!row)
		return err_set(err, ERR_INVALID, "flag provided but not defined: %s", word);
	if (row->kind != OPT_FLAG && !value) {
		value = argv[*i + 1];
		if (!value)
			return err_set(err, ERR_INVALID, "flag needs an argument: %s", word);
		++*i;
	}
	store(a, row, value);
	return 0;
}

/* Options, also after arguments (as runc takes "kill ID --all" not, but "ID" last), into a. */
static int parse(struct args *a, int argc, char **argv, int i, const struct command *cmd,
		 struct err *err)
{
	a->rest = xnew_n(char *, (size_t)argc + 1);
	for (; i < argc; i++) {
		if (streq(argv[i], "--")) {
			i++;
			break;
		}
		if (argv[i][0] != '-' || !argv[i][1]) {
			a->rest[a->nrest++] = argv[i];
			if (cmd->options_end) {
				i++;
				break;
			}
			continue;
		}
		if (parse_option(a, argv, &i, cmd->name, err) < 0)
			return -1;
	}
	if (cmd->options_end && i < argc && streq(argv[i], "--"))
		i++;
	while (i < argc)
		a->rest[a->nrest++] = argv[i++];
	if (a->help)
		return 0;
	if (a->nrest < cmd->min || (cmd->max >= 0 && a->nrest > cmd->max))
		return err_set(err, ERR_INVALID, "\"%s\" takes %s%d argument(s)", cmd->name,
			       cmd->max != cmd->min ? "at least " : "", cmd->min);
	return 0;
}

static void print_rows(const char *command)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (takes(&rows[i], command))
			printf("   --%s%s%c%s\t%s\n", rows[i].name, rows[i].letter ? ", -" : "",
			       rows[i].letter ? rows[i].letter : ' ',
			       rows[i].kind == OPT_FLAG ? "" : " VALUE", rows[i].help);
}

static void help(const struct command *cmd)
{
	if (cmd) {
		printf("cove-runtime %s - %s\n\nOptions:\n", cmd->name, cmd->help);
		print_rows(cmd->name);
		return;
	}
	printf("cove-runtime - runs containers from OCI bundles\n\n"
	       "Usage: cove-runtime [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:\n");
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		printf("   %-12s %s\n", commands[i].name, commands[i].help);
	printf("\nOptions:\n");
	print_rows(NULL);
}

static void log_error_line(const struct args *a, const char *msg)
{
	AUTO(close)
	int fd = a->log ? open(a->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644) : -1;
	AUTO(buf) struct buf line = {0};
	char now[CLOCK_RFC3339_MAX];

	fprintf(stderr, "cove-runtime: %s\n", msg);
	if (fd < 0)
		return;
	clock_format_rfc3339(now, clock_real_ns());
	if (a->log_format && streq(a->log_format, "json")) {
		AUTO(json)
		json_t *o = json_pack("{s:s,s:o,s:s}", "level", "error", "msg", json_str(msg),
				      "time", now);
		AUTO(free) char *text = json_text(o, 0);

		buf_addf(&line, "%s\n", text);
	} else {
		AUTO(json) json_t *quoted = json_str(msg);
		AUTO(free) char *text = json_text(quoted, JSON_ENCODE_ANY);

		buf_addf(&line, "time=\"%s\" level=error msg=%s\n", now, text);
	}
	ignore_result(fs_write_full(fd, line.p, line.len) < 0); /* stderr has it */
}

static int run(struct args *a, int argc, char **argv, struct err *err)
{
	const struct command *cmd = NULL;
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++)
		if (parse_option(a, argv, &i, NULL, err) < 0)
			return -1;
	if (a->version) {
		printf("cove-runtime version %s\nspec: %s\n", COVE_VERSION, OCI_VERSION);
		return 0;
	}
	if (i == argc || a->help) {
		help(NULL);
		return 0;
	}
	for (size_t k = 0; k < ARRAY_LEN(commands); k++)
		if (streq(commands[k].name, argv[i]))
			cmd = &commands[k];
	if (streq(argv[i], "help")) {
		help(NULL);
		return 0;
	}
	if (!cmd)
		return err_set(err, ERR_INVALID, "no such command '%s'", argv[i]);
	if (parse(a, argc, argv, i + 1, cmd, err) < 0)
		return -1;
	if (a->help) {
		help(cmd);
		return 0;
	}
	a->failure = streq(cmd->name, "exec") ? 255 : 1;
	if (a->systemd_cgroup)
		return err_set(err, ERR_UNSUPPORTED,
			       "--systemd-cgroup is not supported: use cgroupfs");
	return cmd->run(a, err);
}

int runtime_main(int argc, char **argv)
{
	struct args a = {.root = "/run/cove-runtime"};
	struct err err = ERR_INIT;
	int status = run(&a, argc, argv, &err);

	if (status < 0) {
		log_error_line(&a, err.msg);
		status = a.failure ? a.failure : 1;
	}
	strv_done(&a.env);
	strv_done(&a.caps);
	strv_done(&a.gids);
	free(a.rest);
	return status;
}

int cmd_refused(const struct args *a, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "this command is not supported by cove-runtime");
}
