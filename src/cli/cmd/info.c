/*
 * info.c - cove info
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "config.h"

struct opts {
	const char *format;
};

static const struct cli_opt table[] = {
	{"format", 'f', CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	CLI_OPT_END,
};

static json_t *client_info(const struct cli *cli)
{
	return json_pack("{s:b, s:s, s:s, s:[], s:n}", "Debug", cli->debug, "Version", COVE_VERSION,
			 "Context", "default", "Plugins", "Warnings");
}

static void show_client(const struct cli *cli, struct buf *out)
{
	buf_adds(out, "Client:\n Version:    " COVE_VERSION "\n Context:    default\n");
	buf_addf(out, " Debug Mode: %s\n\nServer:\n", cli->debug ? "true" : "false");
}

static int show_format(const char *format, json_t *info, struct buf *out, struct err *err)
{
	/* No keys but the engine's own: an unknown one is an error, as with a struct. */
	static const struct tmpl_type type = {.kind = TMPL_STRUCT, .name = "system.dockerInfo"};

	if (streq(format, "json") || streq(format, "{{json .}}")) {
		AUTO(free) char *text = json_dumps(info, JSON_COMPACT);

		buf_addf(out, "%s\n", str_or(text));
		return 0;
	}
	return format_object(format, info, &type, out, err);
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf out = {0};
	json_t *info = NULL;
	int r;

	if (!*o->format)
		show_client(cli, &out);
	if (call(cli, "GET", "/info", NULL, &info, err) < 0) {
		if (out.len)
			put_buf(&out);
		fflush(stdout);
		return -1;
	}
	if (*o->format) {
		json_object_set_new(info, "ClientInfo", client_info(cli));
		r = show_format(o->format, info, &out, err);
	} else {
		info_text(info, &out);
		r = 0;
	}
	put_buf(&out);
	fflush(stdout);
	if (!*o->format) {
		json_t *w;
		size_t i;

		json_array_foreach(json_object_get(info, "Warnings"), i, w)
			fprintf(stderr, "%s\n", str_or(json_string_value(w)));
	}
	json_decref(info);
	if (r < 0 && err->kind == ERR_INVALID) {
		cli_print_err(err);
		return STATUS_BAD_FORMAT;
	}
	return r;
}

const struct cli_command cmd_info = {
	.paths = CLI_PATHS("system info", "info"),
	.args = "[OPTIONS]",
	.summary = "Display system-wide information",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
