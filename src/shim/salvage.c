/*
 * salvage.c - takes over what a shim that is gone has left
 *
 * (1) Nothing is killed on the word of a pid alone: only what is in the container's own cgroup,
 *     and the recorded process if boot id and start time are right.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/fs.h"
#include "runtime/runtime.h"
#include "shim/proto.h"
#include "shim/record.h"

static int kill_rest(const struct shim_record *rec, const char *cgroup, struct err *err)
{
	struct runtime_cgroup cg;

	if (rec->this_boot && rec->pid > 1 && runtime_alive(rec->pid, rec->start_time))
		kill(rec->pid, SIGKILL);
	if (!cgroup[0])
		return 0;
	if (runtime_cgroup_at(cgroup, &cg, err) < 0)
		return -1;
	return runtime_cgroup_remove(&cg, false, err);
}

static void died_with_shim(struct shim_record *rec)
{
	bool waited = rec->state == SHIM_RESTARTING;

	rec->state = SHIM_EXITED;
	rec->exit.will_restart = false;
	if (waited) /* it has its exit; only the restart is off */
		return;
	rec->has_exit = true;
	memset(&rec->exit, 0, sizeof(rec->exit));
	rec->exit.code = 137;
	rec->exit.signal = SIGKILL;
	rec->exit.started_ns = rec->started_ns;
	rec->exit.finished_ns = clock_real_ns();
	snprintf(rec->exit.error, sizeof(rec->exit.error), "%s",
		 rec->this_boot ? "the container's shim was killed" : "the host was restarted");
}

int shim_salvage(const char *exec_root, const char *id, const char *dir, struct shim_record *ret,
		 struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/shims", exec_root);
	AUTO(close) int root = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	AUTO(close) int state = -1;
	char cgroup[RECORD_CGROUP_MAX];
	struct shim_record rec;
	int r;

	if (!proto_valid_id(id))
		return err_set(err, ERR_INVALID, "bad container id '%s'", id);
	if (root >= 0)
		state = openat(root, id, O_DIRECTORY | O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (state < 0 && errno != ENOENT)
		return err_sys(err, errno, "open '%s/%s'", path, id);
	if (state < 0) /* the exec root is new, as after a restart of the host */
		return shim_exit_record(dir, ret, err);
	if (record_read(state, PROTO_STATE, &rec, cgroup, err) < 0) {
		struct err ignored = ERR_INIT;

		if (shim_exit_record(dir, ret, &ignored) < 0)
			return -1;
		rec = *ret;
		cgroup[0] = 0;
	}
	if (rec.this_boot && runtime_alive(rec.shim_pid, rec.shim_start_time))
		return err_set(err, ERR_CONFLICT, "the shim of container %.12s lives", id);
	if (kill_rest(&rec, cgroup, err) < 0)
		return -1;
	if (rec.state != SHIM_EXITED && rec.state != SHIM_FAILED)
		died_with_shim(&rec);
	r = fs_remove_tree(root, id);
	if (r < 0)
		return err_sys(err, -r, "remove '%s/%s'", path, id);
	*ret = rec;
	return 0;
}

static int add_id(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	if (proto_valid_id(name))
		strv_add(ctx, name);
	return 0;
}

int shim_list(const char *exec_root, struct strv *ret, struct err *err)
{
	AUTO(free) char *path = xasprintf("%s/shims", exec_root);
	int r = fs_each_entry(AT_FDCWD, path, add_id, ret);

	if (r == -ENOENT)
		return 0;
	return r < 0 ? err_sys(err, -r, "list '%s'", path) : 0;
}
