/*
 * volume-create.c - cove volume create
 */
#include "cli/calls.h"
#include "cli/spec.h"

struct opts {
	const char *driver, *name;
	struct strv label, opt;
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"driver", 'd', CLI_STRING, O(driver), "Specify volume driver name", .init = "local"},
	{"label", 0, CLI_LIST, O(label), "Set metadata for a volume", .check = check_label},
	{"name", 0, CLI_STRING, O(name), "", .flags = CLI_HIDDEN},
	{"opt", 'o', CLI_MAP, O(opt), "Set driver specific options", .shown_default = "map[]"},
	CLI_OPT_END,
};

static json_t *pairs(const struct strv *sv)
{
	json_t *j = json_object();

	strv_for_each(s, sv) {
		const char *eq = strchr(s, '=');
		AUTO(free) char *key = xstrndup(s, eq ? (size_t)(eq - s) : strlen(s));

		json_object_set_new(j, key, json_string(eq ? eq + 1 : ""));
	}
	return j;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	json_t *body, *answer = NULL;
	int r;

	if (args[0] && *o->name)
		return err_set(err, ERR_INVALID,
			       "conflicting options: cannot specify a volume name through both "
			       "--name and as a positional arg");
	body = json_pack("{s:s, s:s, s:o, s:o}", "Name", args[0] ? args[0] : o->name, "Driver",
			 o->driver, "DriverOpts", pairs(&o->opt), "Labels", pairs(&o->label));
	if (!body)
		return err_set(err, ERR_INVALID, "option values must be UTF-8");
	r = call(cli, "POST", "/volumes/create", body, &answer, err);
	json_decref(body);
	if (r < 0)
		return -1;
	print_line(str_or(json_string_value(json_object_get(answer, "Name"))));
	json_decref(answer);
	return 0;
}

const struct cli_command cmd_volume_create = {
	.paths = CLI_PATHS("volume create"),
	.args = "[OPTIONS] [VOLUME]",
	.summary = "Create a volume",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 0,
	.max_args = 1,
	.run = run,
};
