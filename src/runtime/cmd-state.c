/*
 * cmd-state.c - what cove-runtime keeps of a container between commands
 *
 * (1) state.json is replaced whole; a container exists as long as its directory does.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/fs.h"
#include "runtime/cmd.h"

#define F(m, key, kind, flags) JF(struct state, m, key, kind, flags)

static const struct jfield state_fields[] = {
	F(oci_version, "ociVersion", J_STR, 0),
	F(id, "id", J_STR, 0),
	F(pid, "pid", J_INT, 0),
	F(bundle, "bundle", J_STR, 0),
	F(rootfs, "rootfs", J_STR, 0),
	F(created, "created", J_STR, 0),
	F(owner, "owner", J_STR, 0),
	F(cgroup, "cgroup", J_STR, 0),
	F(start_time, "startTime", J_INT, 0),
	F(kept_fd, "keptFd", J_INT, 0),
	F(started, "started", J_BOOL, 0),
	F(annotations, "annotations", J_STRMAP, J_OMITEMPTY),
};
static const struct jtype state_type = JTYPE(struct state, state_fields);

static int check_id(const char *id, struct err *err)
{
	if (!*id || streq(id, ".") || streq(id, "..") || strlen(id) > 200)
		return err_set(err, ERR_INVALID, "invalid container ID '%s'", id);
	for (const char *p = id; *p; p++)
		if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') &&
		    !(*p >= '0' && *p <= '9') && !strchr("_+-.", *p))
			return err_set(err, ERR_INVALID, "invalid container ID format '%s'", id);
	return 0;
}

int state_dir(const struct args *a, const char *id, bool make, struct err *err)
{
	AUTO(free) char *path = path_join(a->root, id);
	int fd, r;

	if (check_id(id, err) < 0)
		return -1;
	if (make) {
		r = fs_mkdir_p(AT_FDCWD, a->root, 0700);
		if (r < 0)
			return err_sys(err, -r, "make '%s'", a->root);
		if (mkdir(path, 0711) < 0)
			return errno == EEXIST ? err_set(err, ERR_CONFLICT,
							 "container with given ID already exists")
					       : err_sys(err, errno, "make '%s'", path);
	}
	fd = fs_open_dir(AT_FDCWD, path);
	if (fd < 0)
		return fd == -ENOENT ? err_set(err, ERR_NOT_FOUND, "container does not exist")
				     : err_sys(err, -fd, "open '%s'", path);
	return fd;
}

int state_load(const struct args *a, const char *id, struct state *ret, int *ret_dir,
	       struct err *err)
{
	AUTO(close) int dir = state_dir(a, id, false, err);
	AUTO(json) json_t *value = NULL;
	AUTO(buf) struct buf text = {0};
	int r;

	*ret = (struct state){0};
	if (dir < 0)
		return -1;
	r = fs_read_file(dir, "state.json", 1u << 20, &text);
	if (r < 0)
		return r == -ENOENT ? err_set(err, ERR_NOT_FOUND, "container does not exist")
				    : err_sys(err, -r, "read state of '%s'", id);
	value = json_parse(str_or(text.p), text.len, err);
	if (!value || json_bind(&state_type, value, ret, err) < 0) {
		state_done(ret);
		return err_wrap(err, "state of '%s' is damaged", id);
	}
	if (ret_dir)
		*ret_dir = TAKE_FD(dir);
	return 0;
}

int state_save(int dir, const struct state *s, struct err *err)
{
	AUTO(json) json_t *value = json_print(&state_type, s);
	AUTO(free) char *text = json_text(value, 0);
	int r = fs_replace(dir, "state.json", text, strlen(text), 0600, 0);

	return r < 0 ? err_sys(err, -r, "write state") : 0;
}

void state_done(struct state *s)
{
	json_unbind(&state_type, s);
}

int state_remove(const struct args *a, const char *id, struct err *err)
{
	AUTO(free) char *path = path_join(a->root, id);
	int r = fs_remove_tree(AT_FDCWD, path);

	return r < 0 ? err_sys(err, -r, "remove '%s'", path) : 0;
}

struct runtime_cgroup state_cgroup(const struct state *s)
{
	struct runtime_cgroup cg = {0};

	ignore_result(runtime_cgroup_at(str_or(s->cgroup), &cg, NULL) < 0); /* zeroed: no cgroup */
	return cg;
}

const char *state_status(const struct state *s)
{
	struct runtime_cgroup cg = state_cgroup(s);

	if (!runtime_alive((pid_t)s->pid, (uint64_t)s->start_time))
		return "stopped";
	if (!s->started)
		return "created";
	return cg.path[0] && runtime_cgroup_frozen(&cg, NULL) == 1 ? "paused" : "running";
}

char *state_text(const struct state *s)
{
	const char *status = state_status(s);
	AUTO(json)
	json_t *o = json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:s,s:s}", "ociVersion", OCI_VERSION, "id",
			      str_or(s->id), "pid",
			      (json_int_t)(streq(status, "stopped") ? 0 : s->pid), "status", status,
			      "bundle", str_or(s->bundle), "rootfs", str_or(s->rootfs), "created",
			      str_or(s->created), "owner", str_or(s->owner));

	if (!o)
		o = json_object(); /* a path that is not UTF-8 */
	if (s->annotations.n)
		json_object_set_new(o, "annotations", json_str_map(&s->annotations));
	return json_text(o, JSON_INDENT(2));
}

int state_spec(int dir, struct oci_spec *ret, struct err *err)
{
	AUTO(buf) struct buf text = {0};
	int r = fs_read_file(dir, "config.json", OCI_SPEC_MAX, &text);

	if (r < 0)
		return err_sys(err, -r, "read config.json");
	return oci_spec_parse(str_or(text.p), text.len, ret, err);
}

int state_plan(int dir, struct buf *blob, struct plan *ret, struct err *err)
{
	int r = fs_read_file(dir, "plan", PLAN_MAX_SIZE, blob);

	if (r < 0)
		return err_sys(err, -r, "read plan");
	return plan_open(blob->p, blob->len, ret, err);
}
