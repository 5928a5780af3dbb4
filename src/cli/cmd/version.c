/*
 * version.c - cove version
 *
 * (1) The client's part is shown also when no engine answers; the status is 1 then.
 */
#include "cli/calls.h"
#include "cli/output.h"
#include "client/client.h"
#include "config.h"

#if defined(__x86_64__)
#define ARCH "amd64"
#elif defined(__aarch64__)
#define ARCH "arm64"
#else
#define ARCH "unknown"
#endif

struct opts {
	const char *format;
};

static const struct cli_opt table[] = {
	{"format", 'f', CLI_STRING, offsetof(struct opts, format), FORMAT_HELP},
	CLI_OPT_END,
};

static json_t *client_part(int minor)
{
	return json_pack("{s:s, s:o, s:o, s:s, s:s, s:s, s:s, s:s}", "Version", COVE_VERSION,
			 "ApiVersion", json_sprintf("1.%d", minor), "DefaultAPIVersion",
			 json_sprintf("1.%d", CLIENT_API_MINOR), "GitCommit", "", "GoVersion", "",
			 "Os", "linux", "Arch", ARCH, "Context", "default");
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf out = {0};
	struct client *client;
	json_t *version, *server = NULL;
	int reached, r = 0;

	if (cli_client(cli, &client, err) < 0)
		return -1;
	reached = client_call(client, "GET", "/version", NULL, &server, err);
	version_normalize(server);
	version = json_pack("{s:o, s:o}", "Client", client_part(client_api_minor(client)), "Server",
			    reached < 0 ? json_null() : server);
	if (*o->format) {
		struct err why = ERR_INIT;

		r = format_object(o->format, version, &type_version, &out, &why);
		if (r < 0 && why.kind == ERR_INVALID) {
			cli_print_err(&why);
			json_decref(version);
			return STATUS_BAD_FORMAT;
		}
		if (r < 0 && reached >= 0)
			*err = why;
	} else {
		version_text(version, &out);
	}
	json_decref(version);
	put_buf(&out);
	fflush(stdout);
	return reached < 0 || r < 0 ? -1 : 0;
}

const struct cli_command cmd_version = {
	.paths = CLI_PATHS("version"),
	.args = "[OPTIONS]",
	.summary = "Show the version information",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.run = run,
};
