/*
 * record.h - the one database of an engine: SQLite in WAL mode, safe against crashes
 *
 * One connection behind one lock; every function may be called from any thread. Statements
 * are prepared once and kept. Without record_begin() a statement is a transaction of its own
 * that is not durable (it survives a killed process, not a lost power supply).
 *
 * Parameters are described by one character each: 's' const char * (NULL is SQL's NULL),
 * 'i' int64_t (cast it!), 'b' const void *, size_t.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct record_db;
struct record_row;

/*
 * Opens or makes the database file. A file that is not a database or fails its check gives
 * ERR_CORRUPT with a message that names the file and the way out.
 */
int record_open(const char *path, struct record_db **ret, struct err *err) MUST_USE;
void record_close(struct record_db *db); /* NULL is fine */

/*
 * Brings the tables of one subsystem up to date: steps[i] is SQL (several statements) that
 * takes version i to i+1. Steps are only ever appended. A version above n (a newer cove
 * wrote it) is ERR_UNSUPPORTED.
 */
int record_migrate(struct record_db *db, const char *subsystem, const char *const steps[], size_t n,
		   struct err *err) MUST_USE;

/* A transaction; the calling thread holds the database until commit or rollback. Not nested. */
int record_begin(struct record_db *db, bool durable, struct err *err) MUST_USE;
int record_commit(struct record_db *db, struct err *err) MUST_USE; /* failed: rolled back */
void record_rollback(struct record_db *db);

/* One statement without rows. sql must be a string that lives for ever (a literal). */
int record_run(struct record_db *db, struct err *err, const char *sql, const char *types,
	       ...) MUST_USE;

/* Calls fn for each row; a non-zero result stops and is returned (fn fills err itself). */
typedef int record_row_fn(void *ctx, const struct record_row *row, struct err *err);
int record_each(struct record_db *db, struct err *err, record_row_fn *fn, void *ctx,
		const char *sql, const char *types, ...) MUST_USE;

/* Valid until fn returns. Columns count from 0. record_text() gives NULL for SQL's NULL. */
const char *record_text(const struct record_row *row, int column);
int64_t record_int(const struct record_row *row, int column);
const void *record_blob(const struct record_row *row, int column, size_t *ret_n);
