/*
 * private.h - what the files of cli/ share beside cli.h
 */
#pragma once

#include "cli/cli.h"

/* Sets every option of the table to its initial value. opts is zeroed memory. */
void opt_init(const struct cli_opt *table, void *opts);
void opt_done(const struct cli_opt *table, void *opts);
/*
 * Takes the options out of argv[0..]; what is left goes to args. changed: one bool per entry.
 * Sets *help when --help is seen, and stops. ERR_INVALID with pflag's text.
 */
int opt_parse(const struct cli_opt *table, unsigned cmd_flags, void *opts, bool *changed,
	      char **argv, struct strv *args, bool *help, struct err *err) MUST_USE;
/* One value into the options struct, as if given on the command line. */
int opt_set(const struct cli_opt *o, void *opts, const char *value, struct err *err) MUST_USE;
const struct cli_opt *opt_find(const struct cli_opt *table, const char *name);

/* Where a command hangs: "container ls" for path "container list". */
const char *cmd_canonical(const struct cli_command *cmd, const char *path);
const struct cli_command *cmd_find(const char *path);
/* Summary of a group ("container"), NULL if there is none. */
const char *group_summary(const char *name);
struct cli_group {
	const char *name, *summary;
};
extern const struct cli_group cli_groups[]; /* ends with a NULL name */
extern const struct cli_opt cli_global_opts[];

struct cli_globals {
	struct strv host;
	const char *config, *context, *log_level, *tlscacert, *tlscert, *tlskey;
	bool debug, tls, tlsverify, version;
};

/* Help texts to out. */
void help_command(struct buf *out, const struct cli_command *cmd, const char *path);
void help_group(struct buf *out, const char *group);
void help_root(struct buf *out);
void help_options(struct buf *out, const struct cli_opt *table);
/* "Usage:  cove run [OPTIONS] IMAGE..." with a newline. */
void help_usage(struct buf *out, const struct cli_command *cmd, const char *path);
/* The nearest command to what was typed, or NULL. Static or registry memory. */
const char *suggest_command(const char *group, const char *typed);
