/*
 * record.c - one SQLite connection, its lock and its statements
 *
 * (1) The lock is held from begin to commit or rollback, and for each statement outside.
 * (2) A statement is prepared once per SQL text and reset before its next use, never leaked
 *     into the next: no read transaction stays open.
 * (3) synchronous is FULL exactly while a durable transaction runs, else NORMAL: in WAL mode
 *     that loses no consistency, only the newest commits with the power.
 */
#include "record/record.h"

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdarg.h>

#include "base/str.h"

#define BUSY_TIMEOUT_MS 10000
#define CHECK_MAX_PAGES 4096 /* a larger file is not checked whole at each start */

struct record_db {
	sqlite3 *sql;
	char *path;
	pthread_mutex_t lock; /* recursive */
	struct map statements;
	bool in_transaction, durable;
};

struct record_row {
	sqlite3_stmt *stmt;
};

static int corrupt(const char *path, const char *why, struct err *err)
{
	return err_set(err, ERR_CORRUPT,
		       "state file '%s' is damaged (%s): stop the engine, move the file away with "
		       "its -wal and -shm, and start again: images are found again by their layers",
		       path, why);
}

static int fail(struct record_db *db, const char *what, struct err *err)
{
	int code = sqlite3_errcode(db->sql) & 0xff;

	if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
		return corrupt(db->path, sqlite3_errmsg(db->sql), err);
	if (code == SQLITE_FULL)
		return err_sys(err, ENOSPC, "%s '%s'", what, db->path);
	err_set(err, ERR_SYSTEM, "%s '%s': %s", what, db->path, sqlite3_errmsg(db->sql));
	if (err)
		err->sys = sqlite3_system_errno(db->sql);
	return -1;
}

static void finalize(void *stmt)
{
	sqlite3_finalize(stmt);
}

static int simple(struct record_db *db, const char *sql, struct err *err)
{
	if (sqlite3_exec(db->sql, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, "write", err);
	return 0;
}

static int check_row(void *ctx, const struct record_row *row, struct err *err)
{
	const char *text = record_text(row, 0);

	if (!streq(text, "ok"))
		return corrupt(((struct record_db *)ctx)->path, str_or(text), err);
	return 0;
}

static int pages_row(void *ctx, const struct record_row *row, struct err *err)
{
	*(int64_t *)ctx = record_int(row, 0);
	return 0;
}

static int check(struct record_db *db, struct err *err)
{
	int64_t pages = 0;

	if (record_each(db, err, pages_row, &pages, "PRAGMA page_count", "") < 0)
		return -1;
	if (pages > CHECK_MAX_PAGES)
		return 0;
	return record_each(db, err, check_row, db, "PRAGMA quick_check(1)", "");
}

int record_open(const char *path, struct record_db **ret, struct err *err)
{
	static const char *const set_up[] = {
		"PRAGMA locking_mode=EXCLUSIVE", /* one process: no lock calls, no shared index */
		"PRAGMA journal_mode=WAL",
		"PRAGMA synchronous=NORMAL",
		"PRAGMA foreign_keys=ON",
		"PRAGMA cache_size=-256",
		"PRAGMA wal_autocheckpoint=256",
		"CREATE TABLE IF NOT EXISTS schema_versions(subsystem TEXT PRIMARY KEY, version "
		"INTEGER)",
	};
	struct record_db *db = xnew(struct record_db);
	pthread_mutexattr_t attr;
	int r;

	db->path = xstrdup(path);
	db->statements.free_value = finalize;
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&db->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	r = sqlite3_open_v2(path, &db->sql,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
	if (r != SQLITE_OK) {
		fail(db, "open state file", err);
		record_close(db);
		return -1;
	}
	sqlite3_busy_timeout(db->sql, BUSY_TIMEOUT_MS);
	for (size_t i = 0; i < ARRAY_LEN(set_up); i++)
		if (simple(db, set_up[i], err) < 0)
			goto failed;
	if (check(db, err) < 0)
		goto failed;
	*ret = db;
	return 0;
failed:
	record_close(db);
	return -1;
}

void record_close(struct record_db *db)
{
	if (!db)
		return;
	map_done(&db->statements);
	sqlite3_close(db->sql);
	pthread_mutex_destroy(&db->lock);
	free(db->path);
	free(db);
}

static int begin(struct record_db *db, bool durable, struct err *err)
{
	CHECK(!db->in_transaction);
	if (durable && simple(db, "PRAGMA synchronous=FULL", err) < 0)
		return -1;
	if (simple(db, "BEGIN IMMEDIATE", err) < 0) {
		if (durable)
			ignore_result(simple(db, "PRAGMA synchronous=NORMAL", NULL)); /* harmless */
		return -1;
	}
	db->in_transaction = true;
	db->durable = durable;
	return 0;
}

/* Leaves the transaction state, after COMMIT or ROLLBACK. */
static void finish(struct record_db *db)
{
	db->in_transaction = false;
	if (db->durable)
		ignore_result(
			simple(db, "PRAGMA synchronous=NORMAL", NULL)); /* FULL is only slower */
	db->durable = false;
	pthread_mutex_unlock(&db->lock);
}

int record_begin(struct record_db *db, bool durable, struct err *err)
{
	pthread_mutex_lock(&db->lock);
	if (begin(db, durable, err) == 0)
		return 0;
	pthread_mutex_unlock(&db->lock);
	return -1;
}

int record_commit(struct record_db *db, struct err *err)
{
	CHECK(db->in_transaction);
	if (simple(db, "COMMIT", err) < 0) {
		record_rollback(db);
		return -1;
	}
	finish(db);
	return 0;
}

void record_rollback(struct record_db *db)
{
	CHECK(db->in_transaction);
	if (!sqlite3_get_autocommit(db->sql)) /* some errors roll back by themselves */
		ignore_result(simple(db, "ROLLBACK", NULL)); /* nothing left to undo then */
	finish(db);
}

static sqlite3_stmt *prepare(struct record_db *db, const char *sql, struct err *err)
{
	sqlite3_stmt *stmt = map_get(&db->statements, sql);

	/* A statement in use (a callback of its own rows asks again) gets a second copy. */
	if (stmt && !sqlite3_stmt_busy(stmt))
		return stmt;
	if (sqlite3_prepare_v3(db->sql, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) !=
	    SQLITE_OK) {
		fail(db, "read", err);
		return NULL;
	}
	if (!map_has(&db->statements, sql))
		map_set(&db->statements, sql, stmt);
	return stmt;
}

static int bind(sqlite3_stmt *stmt, const char *types, va_list ap)
{
	int r = SQLITE_OK;

	for (int i = 1; *types && r == SQLITE_OK; types++, i++) {
		if (*types == 's') {
			const char *s = va_arg(ap, const char *);

			r = sqlite3_bind_text(stmt, i, s, -1, SQLITE_TRANSIENT);
		} else if (*types == 'i') {
			r = sqlite3_bind_int64(stmt, i, va_arg(ap, int64_t));
		} else {
			const void *p = va_arg(ap, const void *);
			size_t n = va_arg(ap, size_t);

			CHECK(*types == 'b');
			r = sqlite3_bind_blob64(stmt, i, p, n, SQLITE_TRANSIENT);
		}
	}
	return r;
}

static int step(struct record_db *db, sqlite3_stmt *stmt, record_row_fn *fn, void *ctx,
		struct err *err)
{
	struct record_row row = {stmt};

	for (;;) {
		int r = sqlite3_step(stmt);

		if (r == SQLITE_DONE)
			return 0;
		if (r != SQLITE_ROW)
			return fail(db, "access", err);
		r = fn ? fn(ctx, &row, err) : 0;
		if (r)
			return r;
	}
}

static int run(struct record_db *db, struct err *err, record_row_fn *fn, void *ctx, const char *sql,
	       const char *types, va_list ap)
{
	sqlite3_stmt *stmt;
	int r = -1;

	pthread_mutex_lock(&db->lock);
	stmt = prepare(db, sql, err);
	if (stmt) {
		if (bind(stmt, types, ap) != SQLITE_OK)
			fail(db, "access", err);
		else
			r = step(db, stmt, fn, ctx, err);
		sqlite3_reset(stmt);
		sqlite3_clear_bindings(stmt);
		if (map_get(&db->statements, sql) != stmt)
			sqlite3_finalize(stmt);
	}
	pthread_mutex_unlock(&db->lock);
	return r;
}

int record_run(struct record_db *db, struct err *err, const char *sql, const char *types, ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = run(db, err, NULL, NULL, sql, types, ap);
	va_end(ap);
	return r;
}

int record_each(struct record_db *db, struct err *err, record_row_fn *fn, void *ctx,
		const char *sql, const char *types, ...)
{
	va_list ap;
	int r;

	va_start(ap, types);
	r = run(db, err, fn, ctx, sql, types, ap);
	va_end(ap);
	return r;
}

const char *record_text(const struct record_row *row, int column)
{
	return (const char *)sqlite3_column_text(row->stmt, column);
}

int64_t record_int(const struct record_row *row, int column)
{
	return sqlite3_column_int64(row->stmt, column);
}

const void *record_blob(const struct record_row *row, int column, size_t *ret_n)
{
	const void *p = sqlite3_column_blob(row->stmt, column);

	*ret_n = (size_t)sqlite3_column_bytes(row->stmt, column);
	return p;
}

static int version_row(void *ctx, const struct record_row *row, struct err *err)
{
	*(int64_t *)ctx = record_int(row, 0);
	return 0;
}

static int migrate(struct record_db *db, const char *subsystem, const char *const steps[], size_t n,
		   int64_t version, struct err *err)
{
	for (size_t i = (size_t)version; i < n; i++)
		if (simple(db, steps[i], err) < 0)
			return err_wrap(err, "bring tables of '%s' to version %zu", subsystem,
					i + 1);
	return record_run(db, err, "INSERT OR REPLACE INTO schema_versions VALUES(?1, ?2)", "si",
			  subsystem, (int64_t)n);
}

int record_migrate(struct record_db *db, const char *subsystem, const char *const steps[], size_t n,
		   struct err *err)
{
	int64_t version = 0;

	if (record_begin(db, true, err) < 0)
		return -1;
	if (record_each(db, err, version_row, &version,
			"SELECT version FROM schema_versions WHERE subsystem = ?1", "s",
			subsystem) < 0)
		goto failed;
	if (version < 0 || version > (int64_t)n) {
		err_set(err, ERR_UNSUPPORTED,
			"state file '%s' was written by a newer version (%s %lld)", db->path,
			subsystem, (long long)version);
		goto failed;
	}
	if (version == (int64_t)n) {
		record_rollback(db);
		return 0;
	}
	if (migrate(db, subsystem, steps, n, version, err) < 0)
		goto failed;
	return record_commit(db, err);
failed:
	record_rollback(db);
	return -1;
}
