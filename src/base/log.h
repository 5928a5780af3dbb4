/*
 * log.h - one line per event on stderr; programs and engine/ log, libraries only at debug
 *
 * Keys and values: log_info("container started", "id=%s pid=%d", id, pid).
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

enum log_level { LOG_LVL_FATAL, LOG_LVL_ERROR, LOG_LVL_WARN, LOG_LVL_INFO, LOG_LVL_DEBUG };

void log_set_level(enum log_level level);
int log_level_from_name(const char *name); /* debug, info, warn, error, fatal; -EINVAL */
bool log_debug_on(void);
void log_set_program(const char *name);

void log_write(enum log_level level, const char *msg, const char *fmt, ...) PRINTF(3, 4);

/* fmt may be "" for no values; it must be a literal or NULL-free format. */
#define log_error(msg, ...) log_write(LOG_LVL_ERROR, msg, __VA_ARGS__)
#define log_warn(msg, ...)  log_write(LOG_LVL_WARN, msg, __VA_ARGS__)
#define log_info(msg, ...)  log_write(LOG_LVL_INFO, msg, __VA_ARGS__)
#define log_debug(msg, ...)                                                                        \
	do {                                                                                       \
		if (log_debug_on())                                                                \
			log_write(LOG_LVL_DEBUG, msg, __VA_ARGS__);                                \
	} while (0)
