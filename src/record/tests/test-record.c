/* test-record.c - transactions, migrations, damage; numbers are record.c's invariants */
#include "base/tap.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "record/record.h"

static char dir[64] = "/tmp/test-record-XXXXXX";
static char path[128];

static const char *const steps[] = {
	"CREATE TABLE t(k TEXT PRIMARY KEY, v INTEGER); CREATE INDEX ti ON t(v);",
	"ALTER TABLE t ADD COLUMN note TEXT;",
};

static int count_row(void *ctx, const struct record_row *row, struct err *err)
{
	(*(int *)ctx)++;
	return 0;
}

static void test_basic(void)
{
	struct record_db *db = NULL;
	struct err err = ERR_INIT;
	int n = 0;

	ok_eq(record_open(path, &db, &err), 0);
	ok_eq(record_migrate(db, "test", steps, 1, &err), 0);
	ok_eq(record_run(db, &err, "INSERT INTO t(k, v) VALUES(?1, ?2)", "si", "a", (int64_t)1), 0);
	ok_eq(record_begin(db, true, &err), 0);
	ok_eq(record_run(db, &err, "INSERT INTO t(k, v) VALUES(?1, ?2)", "si", "b", (int64_t)2), 0);
	record_rollback(db);
	ok_eq(record_begin(db, true, &err), 0);
	ok_eq(record_run(db, &err, "INSERT INTO t(k, v) VALUES(?1, ?2)", "si", "c", (int64_t)2), 0);
	ok_eq(record_commit(db, &err), 0);
	ok_eq(record_each(db, &err, count_row, &n, "SELECT k FROM t", ""), 0);
	ok_eq(n, 2);
	ok_eq(record_run(db, &err, "INSERT INTO t(k, v) VALUES(?1, ?2)", "si", "a", (int64_t)1), -1);
	ok_eq(err.kind, ERR_SYSTEM);
	record_close(db);
}

static void test_migrate(void)
{
	struct record_db *db = NULL;
	struct err err = ERR_INIT;

	ok_eq(record_open(path, &db, &err), 0);
	ok_eq(record_migrate(db, "test", steps, 2, &err), 0);
	ok_eq(record_run(db, &err, "UPDATE t SET note = ?1", "s", NULL), 0);
	ok_eq(record_migrate(db, "test", steps, 1, &err), -1);
	ok_eq(err.kind, ERR_UNSUPPORTED);
	record_close(db);
}

static void *worker(void *ctx)
{
	for (int i = 0; i < 50; i++) {
		struct err err = ERR_INIT;

		if (record_begin(ctx, false, &err) < 0)
			return ctx;
		if (record_run(ctx, &err, "UPDATE t SET v = v + 1 WHERE k = 'a'", "") < 0)
			return ctx;
		if (record_commit(ctx, &err) < 0)
			return ctx;
	}
	return NULL;
}

static int value_row(void *ctx, const struct record_row *row, struct err *err)
{
	*(int64_t *)ctx = record_int(row, 0);
	return 0;
}

static void test_threads(void) /* (1) */
{
	struct record_db *db = NULL;
	struct err err = ERR_INIT;
	pthread_t t[4];
	int64_t v = 0;

	ok_eq(record_open(path, &db, &err), 0);
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, worker, db);
	for (int i = 0; i < 4; i++) {
		void *r;

		pthread_join(t[i], &r);
		ok(r == NULL);
	}
	ok_eq(record_each(db, &err, value_row, &v, "SELECT v FROM t WHERE k = 'a'", ""), 0);
	ok_eq(v, 201);
	record_close(db);
}

static void test_damaged(void)
{
	struct record_db *db = NULL;
	struct err err = ERR_INIT;
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	ok(fd >= 0);
	ok(pwrite(fd, "this is not a database at all.......", 32, 0) == 32);
	close(fd);
	ok_eq(record_open(path, &db, &err), -1);
	ok_eq(err.kind, ERR_CORRUPT);
	ok(strstr(err.msg, path) != NULL);
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/cove.db", dir);
	test_run(test_basic);
	test_run(test_migrate);
	test_run(test_threads);
	test_run(test_damaged);
	ignore_result(fs_remove_tree(AT_FDCWD, dir));
	return test_done();
}
