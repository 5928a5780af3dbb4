/*
 * cmd-update.c - update, pause, resume
 */
#include <fcntl.h>

#include "base/fs.h"
#include "runtime/cmd.h"

/* "512m", "-1" */
static int parse_bytes(const char *text, int64_t *ret)
{
	static const char units[] = "bkmgt";
	AUTO(free) char *copy = xstrdup(text);
	size_t n = strlen(copy);
	const char *unit;

	str_lower(copy);
	unit = n ? strchr(units, copy[n - 1]) : NULL;
	if (unit && *unit)
		copy[n - 1] = 0;
	if (str_to_i64(copy, 10, ret) < 0)
		return -1;
	if (unit && *unit && *ret > 0 && *ret < INT64_MAX >> (10 * (unit - units)))
		*ret <<= 10 * (unit - units);
	return 0;
}

static int set_number(const char *text, bool bytes, const char *name, struct opt_int *ret,
		      struct err *err)
{
	int64_t v;

	if (!text || !*text)
		return 0;
	if ((bytes ? parse_bytes(text, &v) : str_to_i64(text, 10, &v)) < 0)
		return err_set(err, ERR_INVALID, "invalid value for %s: '%s'", name, text);
	*ret = (struct opt_int){.set = true, .v = v};
	return 0;
}

static void set_text(const char *text, char **ret)
{
	if (text && *text)
		*ret = xstrdup(text);
}

static int from_options(const struct args *a, struct oci_resources *r, struct err *err)
{
	struct oci_memory *m = r->memory = xnew(struct oci_memory);
	struct oci_cpu *c = r->cpu = xnew(struct oci_cpu);
	struct {
		const char *text;
		bool bytes;
		const char *name;
		struct opt_int *ret;
	} rows[] = {
		{a->memory, true, "memory", &m->limit},
		{a->memory_swap, true, "memory-swap", &m->swap},
		{a->memory_reservation, true, "memory-reservation", &m->reservation},
		{a->cpu_period, false, "cpu-period", &c->period},
		{a->cpu_quota, false, "cpu-quota", &c->quota},
		{a->cpu_burst, false, "cpu-burst", &c->burst},
		{a->cpu_share, false, "cpu-share", &c->shares},
		{a->cpu_rt_period, false, "cpu-rt-period", &c->realtime_period},
		{a->cpu_rt_runtime, false, "cpu-rt-runtime", &c->realtime_runtime},
		{a->cpu_idle, false, "cpu-idle", &c->idle},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (set_number(rows[i].text, rows[i].bytes, rows[i].name, rows[i].ret, err) < 0)
			return -1;
	set_text(a->cpuset_cpus, &c->cpus);
	set_text(a->cpuset_mems, &c->mems);
	r->pids = xnew(struct oci_pids);
	r->block_io = xnew(struct oci_block_io);
	if (set_number(a->pids_limit, false, "pids-limit", &r->pids->limit, err) < 0)
		return -1;
	return set_number(a->blkio_weight, false, "blkio-weight", &r->block_io->weight, err);
}

static int from_file(const char *path, struct oci_resources *r, struct err *err)
{
	AUTO(buf) struct buf text = {0};
	int n = streq(path, "-") ? fs_read_fd(0, OCI_SPEC_MAX, &text)
				 : fs_read_file(AT_FDCWD, path, OCI_SPEC_MAX, &text);

	if (n < 0)
		return err_sys(err, -n, "read '%s'", path);
	return oci_resources_parse(str_or(text.p), text.len, r, err);
}

/* On v2 the swap limit is written without the memory in it: both must be known. */
static void complete_memory(struct oci_resources *r, const struct runtime_cgroup *cg)
{
	struct runtime_stats *s;

	if (!cg->v2 || !r->memory || !r->memory->swap.set || r->memory->limit.set)
		return;
	s = xnew(struct runtime_stats);
	if (runtime_cgroup_stats(cg, s, NULL) == 0 && s->mem_limit != UINT64_MAX)
		r->memory->limit = (struct opt_int){.set = true, .v = (int64_t)s->mem_limit};
	free(s);
}

int cmd_update(const struct args *a, struct err *err)
{
	AUTO(state) struct state s = {0};
	struct oci_resources r = {0};
	AUTO(buf) struct buf blob = {0};
	struct runtime_cgroup cg;
	struct plan plan;
	int ok;

	if (state_load(a, a->rest[0], &s, NULL, err) < 0)
		return -1;
	if (streq(state_status(&s), "stopped"))
		return err_set(err, ERR_CONFLICT, "container not running");
	cg = state_cgroup(&s);
	ok = a->file ? from_file(a->file, &r, err) : from_options(a, &r, err);
	if (ok == 0) {
		complete_memory(&r, &cg);
		ok = plan_compile_update(&r, str_or(s.cgroup), &blob, err);
	}
	if (ok == 0)
		ok = plan_open(blob.p, blob.len, &plan, err);
	if (ok == 0)
		ok = runtime_cgroup_update(&cg, &plan, err);
	json_unbind(&oci_resources_type, &r);
	return ok;
}

static int freeze(const struct args *a, bool frozen, struct err *err)
{
	AUTO(state) struct state s = {0};
	struct runtime_cgroup cg;
	const char *status;

	if (state_load(a, a->rest[0], &s, NULL, err) < 0)
		return -1;
	status = state_status(&s);
	if (frozen && !streq(status, "running") && !streq(status, "created"))
		return err_set(err, ERR_CONFLICT, "container not running: %s", status);
	if (!frozen && !streq(status, "paused"))
		return err_set(err, ERR_CONFLICT, "container not paused");
	cg = state_cgroup(&s);
	return runtime_cgroup_freeze(&cg, frozen, err);
}

int cmd_pause(const struct args *a, struct err *err)
{
	return freeze(a, true, err);
}

int cmd_resume(const struct args *a, struct err *err)
{
	return freeze(a, false, err);
}
