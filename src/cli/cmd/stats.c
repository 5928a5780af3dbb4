/*
 * stats.c - cove stats
 *
 * (1) Each round asks once for every container and compares with the round before, so that
 *     a round takes no longer for many containers than for one.
 * (2) The first round's processor use needs a sample before it: a second apart.
 */
#include <unistd.h>

#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

#define INTERVAL_US 1000000

struct opts {
	bool all, no_stream, no_trunc;
	const char *format;
};

static const struct cli_opt table[] = {
	{"all", 'a', CLI_BOOL, offsetof(struct opts, all),
	 "Show all containers (default shows just running)"},
	{"format", 0, CLI_STRING, offsetof(struct opts, format), FORMAT_HELP_TABLE},
	{"no-stream", 0, CLI_BOOL, offsetof(struct opts, no_stream),
	 "Disable streaming stats and only pull the first result"},
	{"no-trunc", 0, CLI_BOOL, offsetof(struct opts, no_trunc), "Do not truncate output"},
	CLI_OPT_END,
};

/* The containers to show: those named, else all that run. */
static int find(struct cli *cli, const struct opts *o, char **args, struct strv *ret,
		struct err *err)
{
	json_t *list = NULL, *c;
	size_t i;

	for (char **a = args; *a; a++)
		strv_add(ret, *a);
	if (ret->n)
		return 0;
	if (call(cli, "GET", o->all ? "/containers/json?all=1" : "/containers/json", NULL, &list,
		 err) < 0)
		return -1;
	json_array_foreach(list, i, c)
		strv_take(ret, short_id(str_or(json_string_value(json_object_get(c, "Id")))));
	json_decref(list);
	return 0;
}

/*
 * A sample of one container, with the last round's as "precpu_stats"; one the engine no longer
 * knows shows dashes.
 */
static int sample(struct cli *cli, const char *name, json_t *last, json_t **ret, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	json_t *s = NULL, *before = json_object_get(last, name);

	path_container(&path, name, "stats?stream=0&one-shot=1");
	if (call(cli, "GET", path.p, NULL, &s, err) < 0) {
		if (err->kind != ERR_NOT_FOUND)
			return -1;
		*ret = json_pack("{s:s, s:s, s:b}", "Container", name, "id", name, "Invalid", 1);
		return 0;
	}
	json_object_set_new(s, "Container", json_string(name));
	if (before && !json_equal(before, json_object_get(s, "cpu_stats")))
		json_object_set(s, "precpu_stats", before);
	json_object_set(last, name, json_object_get(s, "cpu_stats"));
	*ret = s;
	return 0;
}

static int round_of(struct cli *cli, const struct strv *names, bool must_exist, json_t *last,
		    json_t **ret, struct err *err)
{
	json_t *list = json_array();

	strv_for_each (name, names) {
		json_t *s = NULL;

		if (sample(cli, name, last, &s, err) < 0 ||
		    (must_exist && json_is_true(json_object_get(s, "Invalid")))) {
			json_decref(s);
			json_decref(list);
			return -1;
		}
		json_array_append_new(list, s);
	}
	*ret = list;
	return 0;
}

static int show(json_t *list, const struct format_options *fo, bool clear, struct err *err)
{
	AUTO(buf) struct buf out = {0};

	if (clear)
		buf_adds(&out, "\033[H");
	if (format_list_print(&format_stats, list, fo, &out, err) < 0)
		return -1;
	if (clear) {
		/* Each line clears what was right of it, and the end what was below. */
		AUTO(buf) struct buf lines = {0};

		for (size_t i = 0; i < out.len; i++) {
			if (out.p[i] == '\n')
				buf_adds(&lines, "\033[K");
			buf_addc(&lines, out.p[i]);
		}
		buf_adds(&lines, "\033[J");
		put_buf(&lines);
	} else {
		put_buf(&out);
	}
	return fflush(stdout) ? 1 : 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	struct format_options fo = {.format = o->format, .no_trunc = o->no_trunc, .all = o->all};
	AUTO(strv) struct strv names = {0};
	json_t *last = json_object(), *list = NULL;
	bool first = true;
	int r;

	if (!*o->format)
		fo.format = cli_config_string(cli, "statsFormat");
	r = find(cli, o, args, &names, err);
	if (r == 0)
		r = round_of(cli, &names, *args != NULL, last, &list, err);
	while (r == 0) {
		json_decref(list);
		list = NULL;
		if (names.n)
			usleep(INTERVAL_US);
		if (!first && !*args) {
			strv_done(&names);
			r = find(cli, o, args, &names, err);
		}
		if (r == 0)
			r = round_of(cli, &names, false, last, &list, err);
		if (r == 0)
			r = show(list, &fo, !o->no_stream && isatty(STDOUT_FILENO), err);
		first = false;
		if (o->no_stream)
			break;
		if (!names.n)
			usleep(INTERVAL_US);
	}
	json_decref(list);
	json_decref(last);
	return r;
}

const struct cli_command cmd_stats = {
	.paths = CLI_PATHS("container stats", "stats"),
	.args = "[OPTIONS] [CONTAINER...]",
	.summary = "Display a live stream of container(s) resource usage statistics",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.max_args = CLI_MANY,
	.run = run,
};
