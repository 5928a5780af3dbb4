/*
 * common.h - a store in a temporary directory, for the tests of transfer/
 */
#pragma once

#include "base/tap.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "record/record.h"
#include "transfer/transfer.h"

static char dir[64];
static struct record_db *db;
static struct image_store *store;

static int sh(const char *fmt, ...) PRINTF(1, 2);
static inline int sh(const char *fmt, ...)
{
	AUTO(free) char *cmd = NULL;
	va_list ap;

	va_start(ap, fmt);
	cmd = xvasprintf(fmt, ap);
	va_end(ap);
	return system(cmd);
}

static inline void open_store(const char *name)
{
	AUTO(free) char *root = path_join(dir, name);
	AUTO(free) char *path = path_join(root, "cove.db");
	struct err err = ERR_INIT;

	ok_eq(fs_mkdir_p(AT_FDCWD, root, 0711), 0);
	ok_eq(record_open(path, &db, &err), 0);
	ok_eq(image_store_open(root, getenv("TEST_LIBEXEC"), db, &store, &err), 0);
	if (err.kind)
		printf("# %s\n", err.msg);
}

static inline void close_store(void)
{
	image_store_close(store);
	record_close(db);
	store = NULL;
	db = NULL;
}

static inline int import(const char *file, const char *repo, const char *change,
			 char id[IMAGE_ID_SIZE], struct err *err)
{
	AUTO(free) char *path = path_join(dir, file);
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);
	AUTO(strv) struct strv changes = {0};
	struct transfer_import in = {.fd = fd, .repo = repo, .changes = &changes};

	if (change)
		strv_add(&changes, change);
	if (fd < 0)
		return err_set(err, ERR_SYSTEM, "no %s", path);
	return transfer_import(store, &in, NULL, id, err);
}

static inline bool nothing_left(void)
{
	return sh("test -z \"$(ls -A %s/root/tmp)\"", dir) == 0;
}

/* True if the tests can run; else one skipped test was reported. */
static inline bool tests_begin(const char *name)
{
	signal(SIGPIPE, SIG_IGN);
	if (geteuid() != 0 || !getenv("TEST_LIBEXEC")) {
		printf("ok 1 - %s # SKIP needs root\n1..1\n", name);
		return false;
	}
	snprintf(dir, sizeof(dir), "/tmp/test-%s-XXXXXX", name);
	return mkdtemp(dir) != NULL;
}

static inline int tests_end(void)
{
	close_store();
	ignore_result(fs_remove_tree(AT_FDCWD, dir));
	return test_done();
}
