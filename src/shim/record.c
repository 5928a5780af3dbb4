/*
 * record.c - what is known of a container when neither engine nor shim lives
 *
 * A record is one fixed struct with a checksum. The engine adds what it means.
 *
 * (1) A record is replaced as a whole by rename; a torn or foreign file is ERR_CORRUPT.
 * (2) A pid in a record means a process only together with boot id and start time.
 */
#include "shim/record.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "runtime/runtime.h"
#include "shim/proto.h"

#define RECORD_MAGIC 0x3163657265766f63ULL /* "coverec1" */

struct file {
	uint64_t magic;
	uint64_t sum; /* FNV-1a of all that follows */
	struct shim_record rec;
	char cgroup[RECORD_CGROUP_MAX];
};

static uint64_t sum(const struct file *f)
{
	const uint8_t *p = (const uint8_t *)f + offsetof(struct file, rec);
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t n = sizeof(*f) - offsetof(struct file, rec); n; n--)
		h = (h ^ *p++) * 0x100000001b3ULL;
	return h;
}

static bool read_boot_id(char ret[37])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : fs_read_full(fd, ret, 36);

	if (fd >= 0)
		close(fd);
	ret[n == 36 ? 36 : 0] = 0;
	return n == 36;
}

void record_init(struct shim_record *rec, const char *id)
{
	memset(rec, 0, sizeof(*rec));
	memcpy(rec->id, id, strnlen(id, SHIM_ID_MAX));
	read_boot_id(rec->boot_id);
	rec->this_boot = true;
	rec->shim_pid = getpid();
	if (runtime_start_time(rec->shim_pid, &rec->shim_start_time) < 0)
		rec->shim_start_time = 0;
}

int record_write(int dirfd, const char *name, const struct shim_record *rec, const char *cgroup,
		 bool durable)
{
	struct file f;

	memset(&f, 0, sizeof(f));
	f.magic = RECORD_MAGIC;
	f.rec = *rec;
	memcpy(f.cgroup, cgroup, strnlen(cgroup, sizeof(f.cgroup) - 1));
	f.sum = sum(&f);
	return fs_replace(dirfd, name, &f, sizeof(f), 0600, durable ? FS_DURABLE : 0);
}

int record_parse(const void *data, size_t n, struct shim_record *ret,
		 char ret_cgroup[RECORD_CGROUP_MAX], struct err *err)
{
	char boot[37];
	struct file f;

	if (n != sizeof(f))
		return err_set(err, ERR_CORRUPT, "shim record of %zu bytes", n);
	memcpy(&f, data, sizeof(f));
	if (f.magic != RECORD_MAGIC || f.sum != sum(&f))
		return err_set(err, ERR_CORRUPT, "shim record fails its checks");
	f.rec.id[SHIM_ID_MAX] = 0;
	f.rec.boot_id[36] = 0;
	f.rec.exit.error[sizeof(f.rec.exit.error) - 1] = 0;
	f.cgroup[sizeof(f.cgroup) - 1] = 0;
	f.rec.this_boot = read_boot_id(boot) && streq(boot, f.rec.boot_id);
	*ret = f.rec;
	if (ret_cgroup)
		memcpy(ret_cgroup, f.cgroup, RECORD_CGROUP_MAX);
	return 0;
}

int record_read(int dirfd, const char *name, struct shim_record *ret,
		char ret_cgroup[RECORD_CGROUP_MAX], struct err *err)
{
	AUTO(close) int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	uint8_t data[sizeof(struct file) + 1];
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "no record '%s'", name);
	if (fd < 0)
		return err_sys(err, errno, "open record '%s'", name);
	n = fs_read_full(fd, data, sizeof(data));
	if (n < 0)
		return err_sys(err, (int)-n, "read record '%s'", name);
	return record_parse(data, (size_t)n, ret, ret_cgroup, err);
}

int shim_exit_record(const char *dir, struct shim_record *ret, struct err *err)
{
	AUTO(close) int dirfd = fs_open_dir(AT_FDCWD, dir);

	if (dirfd < 0)
		return dirfd == -ENOENT ? err_set(err, ERR_NOT_FOUND, "no directory '%s'", dir)
					: err_sys(err, -dirfd, "open '%s'", dir);
	return record_read(dirfd, SHIM_EXIT_RECORD, ret, NULL, err);
}
