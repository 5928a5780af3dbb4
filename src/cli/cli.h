/*
 * cli.h - commands and options as tables; what a command gets and returns
 *
 * A command is one `const struct cli_command` in a file of its own under cmd/, listed in
 * commands.c. Parsing, help, completion and the texts of errors come from the tables.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct cli;
struct client;

enum cli_opt_kind {
	CLI_BOOL,     /* bool */
	CLI_STRING,   /* const char * (never NULL: "" or the default) */
	CLI_LIST,     /* struct strv; each use adds a value */
	CLI_STRINGS,  /* struct strv; each use adds the fields of one CSV line */
	CLI_MAP,      /* struct strv of "key=value"; as CLI_LIST, but '=' is required */
	CLI_FILTER,   /* struct strv of "key=value", shown as "filter" */
	CLI_INT,      /* int64_t */
	CLI_UINT,     /* int64_t, >= 0 */
	CLI_UINT16,   /* int64_t */
	CLI_BYTES,    /* int64_t; 64m, 1.5g; see cli_parse_bytes() */
	CLI_SWAP,     /* int64_t; bytes or -1 */
	CLI_DURATION, /* int64_t nanoseconds; Go's syntax */
	CLI_DECIMAL,  /* int64_t, billionths ("1.5" is 1500000000) */
	CLI_OPT_KINDS
};

enum { CLI_HIDDEN = 1 }; /* accepted, not in the help */

struct cli_opt {
	const char *name; /* without dashes */
	char abbr;	  /* 0: none */
	enum cli_opt_kind kind;
	size_t offset;	  /* of the value in the command's options struct */
	const char *help; /* with line breaks as shown; wrapped by the printer */
	const char *type; /* shown after the name; NULL: the kind's usual one */
	const char *init; /* initial value as it would be typed; shown as "(default ...)"; or NULL */
	const char *shown_default; /* instead of init in the help; "" shows none */
	unsigned flags;
	/* Looks at one value as it is parsed; the message completes docker's
	 * 'invalid argument "x" for "--flag" flag: '. NULL: the kind's own checks only. */
	int (*check)(const char *value, struct err *err);
	/* For container options: where the value goes in the create body ("HostConfig.Memory"),
	 * see create.c; NULL: handled by code. */
	const char *json;
};

#define CLI_OPT_END {.name = NULL}

enum {
	CLI_OPTS_FIRST = 1,  /* options end at the first argument (run, exec) */
	CLI_RAW_ARGS = 2,    /* unknown options are arguments (top) */
	CLI_EXIT_125 = 4,    /* client-side failures exit 125 and print docker's run hint */
};

#define CLI_MANY (-1)

struct cli_command {
	/* Where it hangs, NULL-terminated: {"container ls", "container list", "ps"}. The first
	 * one with the same parent is the name shown; all are listed under Aliases. */
	const char *const *paths;
	const char *args;    /* "[OPTIONS] CONTAINER [CONTAINER...]" or "" */
	const char *summary; /* one line for lists */
	const char *more;    /* further help text after the summary, or NULL */
	const struct cli_opt *opts; /* ended by CLI_OPT_END; NULL: none */
	size_t opts_size;    /* of the options struct */
	int min_args, max_args;
	unsigned flags;
	/*
	 * Returns the exit status, or -1 with err, which is printed as it is to standard error;
	 * the status then is 1 (125 with CLI_EXIT_125). opts: the struct with the parsed values,
	 * freed by the caller. args: as many as min_args and max_args allow, NULL-terminated.
	 */
	int (*run)(struct cli *cli, void *opts, char **args, struct err *err);
};

#define CLI_PATHS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* The registry, NULL-terminated (commands.c). */
extern const struct cli_command *const cli_commands[];

struct cli {
	const char *prog;	      /* "cove" */
	const struct cli_command *cmd;
	const char *path;	      /* "container ls": what was typed, aliases resolved */
	bool debug;
	/* private to dispatch.c */
	const char *host;
	struct client *client;
	bool *changed;		      /* per entry of cmd->opts */
	json_t *config;		      /* the user's config.json once read */
	bool config_read;
	const char *config_dir;
};

/* The client, made at the first call; connects lazily. Owned by cli. */
int cli_client(struct cli *cli, struct client **ret, struct err *err) MUST_USE;
/* True if the option was given on the command line. A name not in the table is a bug. */
bool cli_changed(const struct cli *cli, const char *name);
/* A string from the user's config.json (DOCKER_CONFIG, --config, ~/.docker), or NULL:
 * "psFormat", "imagesFormat", "detachKeys". Lives as long as cli. */
const char *cli_config_string(struct cli *cli, const char *key);

/*
 * The common loop over arguments: fn for each; a failure is printed and the rest goes on; 1 if
 * any failed. With a fn that prints the argument itself on success.
 */
int cli_each(struct cli *cli, char **args,
	     int (*fn)(struct cli *cli, const char *arg, void *opts, struct err *err), void *opts);
/* "WARNING! ...\nAre you sure you want to continue? [y/N] ": true for yes. */
bool cli_confirm(const char *warning);
void cli_print_err(const struct err *err); /* the message and a newline to standard error */

/* main() of the program. */
int cli_main(int argc, char **argv);

/* --- values ------------------------------------------------------------------------------ */

/* "64m", "1.5GiB"; binary units. ERR_INVALID with docker's text. */
int cli_parse_bytes(const char *s, int64_t *ret, struct err *err) MUST_USE;
