/*
 * inspect.c - cove inspect, and container, image, network, volume inspect
 *
 * (1) Without a type the kinds are tried in docker's order; the first that knows the name wins.
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"

struct opts {
	const char *format, *type, *platform;
	bool size, verbose;
	const char *scope;
};

static const struct {
	const char *name, *collection, *suffix;
	enum inspect_kind kind;
} kinds[] = {
	{"container", "containers", "json", INSPECT_CONTAINER},
	{"image", "images", "json", INSPECT_IMAGE},
	{"network", "networks", "", INSPECT_NETWORK},
	{"volume", "volumes", "", INSPECT_VOLUME},
};

/* Asks for one kind. 1: found, 0: no such object, -1. */
static int ask(struct cli *cli, size_t kind, const struct opts *o, const char *name,
	       struct buf *ret, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	struct client *client;

	path_object(&path, kinds[kind].collection, name, kinds[kind].suffix);
	if (kinds[kind].kind == INSPECT_CONTAINER)
		client_query_bool(&path, "size", o->size);
	if (kinds[kind].kind == INSPECT_NETWORK) {
		client_query_bool(&path, "verbose", o->verbose);
		if (o->scope && *o->scope)
			client_query(&path, "scope", o->scope);
	}
	if (cli_client(cli, &client, err) < 0)
		return -1;
	buf_reset(ret);
	if (client_call_text(client, "GET", path.p, NULL, ret, err) >= 0)
		return 1;
	return err->kind == ERR_NOT_FOUND ? 0 : -1;
}

/* Any kind, or the one called type. */
static int find(struct cli *cli, const struct opts *o, const char *type, const char *name,
		struct buf *ret, size_t *ret_kind, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		int r;

		if (*type && !streq(type, kinds[i].name))
			continue;
		r = ask(cli, i, o, name, ret, err);
		*ret_kind = i;
		if (r)
			return r;
		if (*type)
			return -1;
	}
	return err_set(err, ERR_NOT_FOUND, "Error: No such object: %s", name);
}

static int inspect_all(struct cli *cli, const struct opts *o, const char *type, char **args,
		       struct err *err)
{
	struct inspect ins = {.typed_only = streq(type, "volume") && strchr(cli->path, ' ')};
	AUTO(strv) struct strv failed = {0};
	AUTO(buf) struct buf out = {0};

	if (inspect_begin(&ins, o->format, err) < 0) {
		cli_print_err(err);
		return STATUS_BAD_FORMAT;
	}
	for (; *args; args++) {
		AUTO(buf) struct buf text = {0};
		struct err why = ERR_INIT;
		size_t kind = 0;

		if (find(cli, o, type, *args, &text, &kind, &why) < 0) {
			strv_add(&failed, why.msg);
			continue;
		}
		if (inspect_add(&ins, kinds[kind].kind, str_or(text.p), text.len, &why) < 0) {
			strv_add(&failed, why.msg);
			break;
		}
	}
	inspect_end(&ins, &out);
	put_buf(&out);
	fflush(stdout);
	strv_for_each (msg, &failed)
		fprintf(stderr, "%s\n", msg);
	return failed.n ? 1 : 0;
}

/* The type of "container inspect" is in the path; plain inspect has --type. */
static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	const char *space = strchr(cli->path, ' ');
	AUTO(free) char *group = space ? xstrndup(cli->path, (size_t)(space - cli->path)) : NULL;

	if (o->platform && *o->platform)
		return err_set(err, ERR_UNSUPPORTED,
			       "--platform is not supported: images here have one platform");
	for (size_t i = 0; !group && *o->type && !streq(o->type, kinds[i].name);)
		if (++i == ARRAY_LEN(kinds))
			return err_set(err, ERR_INVALID,
				       "unknown type: \"%s\": must be one of \"container\", "
				       "\"image\", \"network\", \"volume\"",
				       o->type);
	return inspect_all(cli, o, group ? group : o->type, args, err);
}

static const struct cli_opt table[] = {
	{"format", 'f', CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	{"size", 's', CLI_BOOL, offsetof(struct opts, size),
	 "Display total file sizes if the type is container"},
	{"type", 0, CLI_STRING, offsetof(struct opts, type),
	 "Only inspect objects of the given type"},
	CLI_OPT_END,
};

static const struct cli_opt container_table[] = {
	{"format", 'f', CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	{"size", 's', CLI_BOOL, offsetof(struct opts, size), "Display total file sizes"},
	CLI_OPT_END,
};

static const struct cli_opt image_table[] = {
	{"format", 'f', CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	{"platform", 0, CLI_STRING, offsetof(struct opts, platform),
	 "Inspect a specific platform of the multi-platform image", .flags = CLI_HIDDEN},
	CLI_OPT_END,
};

static const struct cli_opt network_table[] = {
	{"format", 'f', CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	{"verbose", 'v', CLI_BOOL, offsetof(struct opts, verbose),
	 "Verbose output for diagnostics"},
	CLI_OPT_END,
};

static const struct cli_opt volume_table[] = {
	{"format", 'f', CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	CLI_OPT_END,
};

#define INSPECT(var, path, usage, text, options)                                                   \
	const struct cli_command var = {                                                           \
		.paths = CLI_PATHS(path),                                                          \
		.args = "[OPTIONS] " usage,                                                        \
		.summary = text,                                                                   \
		.opts = options,                                                                   \
		.opts_size = sizeof(struct opts),                                                  \
		.min_args = 1,                                                                     \
		.max_args = CLI_MANY,                                                              \
		.run = run,                                                                        \
	}

INSPECT(cmd_inspect, "inspect", "NAME|ID [NAME|ID...]",
	"Return low-level information on containers, images, networks and volumes", table);
INSPECT(cmd_container_inspect, "container inspect", "CONTAINER [CONTAINER...]",
	"Display detailed information on one or more containers", container_table);
INSPECT(cmd_image_inspect, "image inspect", "IMAGE [IMAGE...]",
	"Display detailed information on one or more images", image_table);
INSPECT(cmd_network_inspect, "network inspect", "NETWORK [NETWORK...]",
	"Display detailed information on one or more networks", network_table);
INSPECT(cmd_volume_inspect, "volume inspect", "VOLUME [VOLUME...]",
	"Display detailed information on one or more volumes", volume_table);
