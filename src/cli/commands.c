/*
 * commands.c - the registry: every command once
 *
 * (1) A line each for the declaration and the entry, both sorted: X() makes both.
 */
#include "cli/cli.h"

#define COMMANDS(X)										\
	X(attach)										\
	X(create)										\
	X(exec)											\
	X(kill)											\
	X(pause)										\
	X(rename)										\
	X(restart)										\
	X(rm)											\
	X(rmi)											\
	X(run)											\
	X(start)										\
	X(stop)											\
	X(tag)											\
	X(unpause)										\
	X(wait)

#define DECLARE(name) extern const struct cli_command cmd_##name;
COMMANDS(DECLARE)

#define ENTRY(name) &cmd_##name,
const struct cli_command *const cli_commands[] = {COMMANDS(ENTRY) NULL};
