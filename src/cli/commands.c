/*
 * commands.c - the registry: every command once
 *
 * (1) A line each for the declaration and the entry, both sorted: X() makes both.
 */
#include "cli/cli.h"

#define COMMANDS(X) \
	X(attach) \
	X(commit) \
	X(container_prune) \
	X(cp) \
	X(create) \
	X(exec) \
	X(export) \
	X(image_prune) \
	X(import) \
	X(kill) \
	X(load) \
	X(network_connect) \
	X(network_create) \
	X(network_disconnect) \
	X(network_prune) \
	X(network_rm) \
	X(pause) \
	X(pull) \
	X(push) \
	X(rename) \
	X(restart) \
	X(rm) \
	X(rmi) \
	X(run) \
	X(save) \
	X(start) \
	X(stop) \
	X(system_prune) \
	X(tag) \
	X(unpause) \
	X(update) \
	X(volume_create) \
	X(volume_prune) \
	X(volume_rm) \
	X(wait)

/* Those that only show. */
#define VIEWS(X)                                                                                   \
	X(container_inspect) \
	X(df) \
	X(diff) \
	X(events) \
	X(history) \
	X(image_inspect) \
	X(images) \
	X(info) \
	X(inspect) \
	X(logs) \
	X(network_inspect) \
	X(network_ls) \
	X(port) \
	X(ps) \
	X(search)        \
	X(stats) \
	X(top) \
	X(version) \
	X(volume_inspect) \
	X(volume_ls)

#define DECLARE(name) extern const struct cli_command cmd_##name;
COMMANDS(DECLARE)
VIEWS(DECLARE)

#define ENTRY(name) &cmd_##name,
const struct cli_command *const cli_commands[] = {COMMANDS(ENTRY) VIEWS(ENTRY) NULL};
