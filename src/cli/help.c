/*
 * help.c - help texts from the tables, in the layout docker's users know
 */
#include <sys/ioctl.h>

#include "cli/private.h"

#define DEFAULT_WIDTH 80
#define WRAP_SLOP     5
#define MIN_COLUMN    24

static const char *const type_names[] = {
	[CLI_BOOL] = "",	    [CLI_STRING] = "string", [CLI_LIST] = "list",
	[CLI_STRINGS] = "strings",  [CLI_MAP] = "map",	     [CLI_FILTER] = "filter",
	[CLI_INT] = "int",	    [CLI_UINT] = "uint",     [CLI_UINT16] = "uint16",
	[CLI_BYTES] = "bytes",	    [CLI_SWAP] = "bytes",    [CLI_DURATION] = "duration",
	[CLI_DECIMAL] = "decimal",
};
static_assert(ARRAY_LEN(type_names) == CLI_OPT_KINDS, "a name for each kind");

static size_t width(void)
{
	struct winsize ws;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col)
		return ws.ws_col;
	return DEFAULT_WIDTH;
}

/* The last of the first n bytes of s that is one of chars, or -1. */
static ssize_t last_of(const char *s, size_t n, const char *chars)
{
	while (n--)
		if (strchr(chars, s[n]))
			return (ssize_t)n;
	return -1;
}

/* How much of s belongs on a line of n columns; the separator after it is dropped. */
static size_t line_length(const char *s, size_t n)
{
	size_t len = strlen(s);
	ssize_t space, newline;

	if (n + WRAP_SLOP > len)
		return len;
	space = last_of(s, n, " \t\n");
	if (space <= 0)
		return len;
	newline = last_of(s, n, "\n");
	return (size_t)(newline > 0 && newline < space ? newline : space);
}

static void add_indented(struct buf *out, const char *s, size_t n, size_t indent)
{
	for (size_t i = 0; i < n; i++) {
		buf_addc(out, s[i]);
		if (s[i] == '\n')
			buf_addf(out, "%*s", (int)indent, "");
	}
}

static void add_wrapped(struct buf *out, const char *s, size_t indent, size_t columns)
{
	size_t room;

	if (columns < indent + MIN_COLUMN) {
		indent = 16;
		buf_addf(out, "\n%*s", (int)indent, "");
	}
	room = columns < indent + MIN_COLUMN ? strlen(s) + 1 : columns - indent - WRAP_SLOP;
	for (;;) {
		size_t n = line_length(s, room);

		add_indented(out, s, n, indent);
		if (!s[n])
			return;
		s += n + 1;
		if (!*s)
			return;
		buf_addf(out, "\n%*s", (int)indent, "");
	}
}

static void option_head(struct buf *out, const struct cli_opt *o)
{
	const char *type = o->type ? o->type : type_names[o->kind];

	if (o->abbr)
		buf_addf(out, "  -%c, --%s", o->abbr, o->name);
	else
		buf_addf(out, "      --%s", o->name);
	if (*type)
		buf_addf(out, " %s", type);
}

static void option_text(struct buf *out, const struct cli_opt *o)
{
	const char *dflt = o->shown_default ? o->shown_default : o->init;

	buf_adds(out, o->help);
	if (!dflt || !*dflt)
		return;
	if (o->kind == CLI_STRING && !o->shown_default)
		buf_addf(out, " (default \"%s\")", dflt);
	else
		buf_addf(out, " (default %s)", dflt);
}

void help_options(struct buf *out, const struct cli_opt *table)
{
	size_t columns = width() - 1, max = 0;

	for (const struct cli_opt *o = table; o->name; o++) {
		AUTO(buf) struct buf head = {0};

		option_head(&head, o);
		if (!(o->flags & CLI_HIDDEN))
			max = MAX(max, head.len);
	}
	for (const struct cli_opt *o = table; o->name; o++) {
		AUTO(buf) struct buf head = {0}, text = {0};

		if (o->flags & CLI_HIDDEN)
			continue;
		option_head(&head, o);
		option_text(&text, o);
		buf_addf(out, "%-*s   ", (int)max, head.p);
		add_wrapped(out, text.p, max + 3, columns);
		buf_addc(out, '\n');
	}
}

void help_usage(struct buf *out, const struct cli_command *cmd, const char *path)
{
	AUTO(free) char *lines = xstrdup(cmd->args);
	char *rest = strchr(lines, '\n');

	if (rest)
		*rest++ = 0;
	buf_addf(out, "Usage:  cove %s%s%s\n", path, *lines ? " " : "", lines);
	if (rest)
		buf_addf(out, "\tcove %s %s\n", path, rest);
}

static bool has_visible_options(const struct cli_opt *table)
{
	for (const struct cli_opt *o = table; o && o->name; o++)
		if (!(o->flags & CLI_HIDDEN))
			return true;
	return false;
}

void help_command(struct buf *out, const struct cli_command *cmd, const char *path)
{
	help_usage(out, cmd, path);
	buf_addf(out, "\n%s\n", cmd->summary);
	if (cmd->more)
		buf_addf(out, "\n%s\n", cmd->more);
	if (cmd->paths[1]) {
		buf_adds(out, "\nAliases:\n  ");
		for (size_t i = 0; cmd->paths[i]; i++)
			buf_addf(out, "%scove %s", i ? ", " : "", cmd->paths[i]);
		buf_addc(out, '\n');
	}
	if (has_visible_options(cmd->opts)) {
		buf_adds(out, "\nOptions:\n");
		help_options(out, cmd->opts);
	}
}

/* Commands directly under group ("" for the top), by canonical name, sorted. */
static void add_commands(struct buf *out, const char *group)
{
	AUTO(strv) struct strv lines = {0};

	for (size_t i = 0; cli_commands[i]; i++) {
		for (const char *const *p = cli_commands[i]->paths; *p; p++) {
			const char *name = *p;

			if (*group) {
				name = str_after(name, group);
				name = name && *name == ' ' ? name + 1 : NULL;
			}
			if (!name || strchr(name, ' ') ||
			    !streq(cmd_canonical(cli_commands[i], *p), *p))
				continue;
			strv_addf(&lines, "  %-11s %s", name, cli_commands[i]->summary);
		}
	}
	strv_sort(&lines);
	strv_for_each(line, &lines)
		buf_addf(out, "%s\n", line);
}

void help_group(struct buf *out, const char *group)
{
	buf_addf(out, "Usage:  cove %s COMMAND\n\n%s\n\nCommands:\n", group, group_summary(group));
	add_commands(out, group);
	buf_addf(out, "\nRun 'cove %s COMMAND --help' for more information on a command.\n", group);
}

/* Names of one line of the overview, those that exist. */
static void add_row(struct buf *out, const char *title, const char *const *names)
{
	AUTO(buf) struct buf line = {0};
	size_t start;

	buf_addf(&line, "  %-12s", title);
	start = line.len;
	for (; *names; names++) {
		if (!cmd_find(*names) && !group_summary(*names))
			continue;
		buf_addf(&line, "%s%s", line.len > start ? "  " : "", *names);
	}
	if (line.len > start)
		buf_addf(out, "%s\n", line.p);
}

void help_root(struct buf *out)
{
	static const struct {
		const char *title;
		const char *names[10];
	} rows[] = {
		{"Containers", {"run", "ps", "exec", "logs", "stop", "start", "rm", "kill"}},
		{"", {"create", "restart", "attach", "cp", "wait", "stats", "top", "port"}},
		{"", {"pause", "unpause", "rename", "update", "diff", "commit", "export"}},
		{"Images", {"images", "pull", "push", "rmi", "tag", "history", "build"}},
		{"", {"load", "save", "import", "search"}},
		{"Engine", {"inspect", "events", "info", "version"}},
		{"Groups", {"container", "image", "network", "volume", "system"}},
	};

	buf_adds(out, "Usage:  cove [OPTIONS] COMMAND [ARG...]\n\nRuns containers. The command "
		      "line is docker's.\n\n  cove run -it --rm debian bash     a shell in a new "
		      "container\n  cove run -d -p 8080:80 nginx      a service in the background\n"
		      "\nCommands:\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		add_row(out, rows[i].title, rows[i].names);
	buf_adds(out, "\nGlobal Options:\n");
	help_options(out, cli_global_opts);
	buf_adds(out, "\nRun 'cove COMMAND --help' for more information on a command.\n");
}

/* Edits from a to b: insert, delete, replace, swap of neighbours; both short. */
static size_t distance(const char *a, const char *b)
{
	size_t rows[3][32], *prev2 = rows[0], *prev = rows[1], *cur = rows[2];
	size_t na = strlen(a), nb = strlen(b);

	if (na >= 31 || nb >= 31)
		return 99;
	for (size_t j = 0; j <= nb; j++)
		prev[j] = j;
	for (size_t i = 1; i <= na; i++) {
		size_t *old = prev2;

		cur[0] = i;
		for (size_t j = 1; j <= nb; j++) {
			size_t best = prev[j - 1] + (a[i - 1] != b[j - 1]);

			best = MIN(best, MIN(prev[j], cur[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = MIN(best, prev2[j - 2] + 1);
			cur[j] = best;
		}
		prev2 = prev;
		prev = cur;
		cur = old;
	}
	return prev[nb];
}

const char *suggest_command(const char *group, const char *typed)
{
	const char *best = NULL;
	size_t best_at = strlen(typed) <= 3 ? 2 : 3;

	for (size_t i = 0; cli_commands[i]; i++) {
		for (const char *const *p = cli_commands[i]->paths; *p; p++) {
			const char *name = *group ? str_after(*p, group) : *p;
			size_t d;

			if (!name || (*group && *name++ != ' ') || strchr(name, ' '))
				continue;
			d = distance(typed, name);
			if (d < best_at) {
				best_at = d;
				best = *p;
			}
		}
	}
	return best;
}
