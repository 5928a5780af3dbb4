/*
 * look.c - what goes on in a container: top, diff, stats
 */
#include "container/private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/spawn.h"

#define PS_OUTPUT_MAX (4 << 20)

static int running_cgroup(struct container *c, struct runtime_cgroup *ret, struct err *err)
{
	AUTO(free) char *path = spec_cgroup_path(c);
	bool running;

	cs_lock(c->cs);
	running = is_running(c);
	cs_unlock(c->cs);
	if (!running)
		return err_set(err, ERR_CONFLICT, "container %s is not running", c->id);
	return runtime_cgroup_at(path, ret, err);
}

/* Runs the host's ps; its lines are split into the columns of its first line. */
static int run_ps(const char *args, struct buf *out, struct err *err)
{
	AUTO(strv) struct strv argv = {0};
	int p[2], r, status;
	pid_t pid;

	strv_add(&argv, "ps");
	strv_split(&argv, args, ' ');
	for (size_t i = argv.n; i-- > 1;)
		if (!*argv.v[i])
			strv_remove(&argv, i);
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(err, errno, "run ps");
	pid = spawn_process(&(struct spawn){.path = "/bin/ps",
					    .exe_fd = -1,
					    .argv = argv.v,
					    .fds = (struct spawn_fd[]){{p[1], 1}, {p[1], 2}},
					    .nfds = 2},
			    NULL);
	close(p[1]);
	if (pid < 0) {
		close(p[0]);
		return err_sys(err, -pid, "run ps (install the package procps)");
	}
	r = fs_read_fd(p[0], PS_OUTPUT_MAX, out);
	close(p[0]);
	status = spawn_wait(pid);
	if (r < 0 || status != 0)
		return err_set(err, ERR_INVALID, "ps: %s", out->len ? out->p : "failed");
	return 0;
}

/* The fields of one line; the last takes the rest. */
static void split_fields(const char *line, size_t max, struct strv *ret)
{
	while (*line) {
		size_t n;

		line += strspn(line, " \t");
		if (!*line)
			return;
		n = ret->n + 1 == max ? strlen(line) : strcspn(line, " \t");
		strv_take(ret, xstrndup(line, n));
		line += n;
	}
}

static bool has_pid(const pid_t *pids, size_t n, const char *s)
{
	int64_t v;

	if (str_to_i64(s, 10, &v) < 0)
		return false;
	for (size_t i = 0; i < n; i++)
		if (pids[i] == v)
			return true;
	return false;
}

static json_t *top_json(const struct buf *ps, const pid_t *pids, size_t npids, struct err *err)
{
	AUTO(strv) struct strv lines = {0};
	AUTO(strv) struct strv titles = {0};
	json_t *rows = json_array();
	size_t pid_column;

	strv_split(&lines, str_or(ps->p), '\n');
	split_fields(lines.v[0], SIZE_MAX, &titles);
	for (pid_column = 0; pid_column < titles.n; pid_column++)
		if (streq(titles.v[pid_column], "PID"))
			break;
	if (pid_column == titles.n) {
		json_decref(rows);
		err_set(err, ERR_INVALID, "Couldn't find PID field in ps output");
		return NULL;
	}
	for (size_t i = 1; i < lines.n; i++) {
		AUTO(strv) struct strv row = {0};

		split_fields(lines.v[i], titles.n, &row);
		if (row.n > pid_column && has_pid(pids, npids, row.v[pid_column]))
			json_array_append_new(rows, json_strs(&row));
	}
	return json_pack("{s:o,s:o}", "Processes", rows, "Titles", json_strs(&titles));
}

json_t *container_top(struct containers *cs, const char *ref, const char *ps_args, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	AUTO(buf) struct buf ps = {0};
	AUTO(free) pid_t *pids = NULL;
	struct runtime_cgroup cg;
	size_t n = 0;

	if (!c || running_cgroup(c, &cg, err) < 0)
		return NULL;
	if (run_ps(ps_args && *ps_args ? ps_args : "-ef", &ps, err) < 0 ||
	    runtime_cgroup_pids(&cg, &pids, &n, err) < 0)
		return NULL;
	return top_json(&ps, pids, n, err);
}

/* --- diff: the upper layer against the layers below it ---------------------------------- */

enum change { CHANGE_MODIFIED, CHANGE_ADDED, CHANGE_DELETED };

struct diff {
	json_t *out;
	const struct strv *lower;
	char path[4096]; /* "" at the root */
	unsigned depth;
};

static bool in_lower(const struct diff *d, const char *path)
{
	for (size_t i = 0; i < d->lower->n; i++) {
		AUTO(free) char *full = xasprintf("%s%s", d->lower->v[i], path);
		struct stat st;

		if (lstat(full, &st) == 0)
			return !(S_ISCHR(st.st_mode) && st.st_rdev == 0);
	}
	return false;
}

static void add_change(struct diff *d, enum change kind)
{
	json_array_append_new(d->out, json_pack("{s:o,s:i}", "Path", json_str(d->path), "Kind", (int)kind));
}

static int diff_entry(void *ctx, int dirfd, const char *name, unsigned char type)
{
	struct diff *d = ctx;
	size_t n = strlen(d->path);
	struct stat st;

	if (n + strlen(name) + 2 > sizeof(d->path) || d->depth > 200 ||
	    fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	sprintf(d->path + n, "/%s", name);
	if (S_ISCHR(st.st_mode) && st.st_rdev == 0)
		add_change(d, CHANGE_DELETED);
	else
		add_change(d, in_lower(d, d->path) ? CHANGE_MODIFIED : CHANGE_ADDED);
	if (S_ISDIR(st.st_mode)) {
		d->depth++;
		ignore_result(fs_each_entry(dirfd, name, diff_entry, d) < 0); /* it went away */
		d->depth--;
	}
	d->path[n] = 0;
	return 0;
}

json_t *container_changes(struct containers *cs, const char *ref, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	AUTO(strv) struct strv lower = {0};
	AUTO(free) char *upper = NULL;
	struct diff d = {.lower = &lower};
	int r;

	if (!c || image_chain_layers(cs->cfg.images, c->chain_id, &lower, err) < 0)
		return NULL;
	upper = path_join(c->dir, "upper");
	d.out = json_array();
	r = fs_each_entry(AT_FDCWD, upper, diff_entry, &d);
	if (r < 0) {
		json_decref(d.out);
		if (r == -ENOENT) /* removed meanwhile */
			err_set(err, ERR_NOT_FOUND, "No such container: %s", c->id);
		else
			err_sys(err, -r, "read layer of container %s", c->id);
		return NULL;
	}
	if (json_array_size(d.out))
		return d.out;
	json_decref(d.out);
	return json_null();
}
