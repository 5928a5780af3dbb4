#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/fs.h"
#include "base/tap.h"
#include "box.h"

static struct box box;

static struct oci_resources *resources(struct oci_spec *spec)
{
	return spec->linux_->resources;
}

static int make(struct oci_spec *spec, struct runtime_proc *p, struct err *err)
{
	struct runtime_io io = {.in = -1, .out = -1, .err = -1};
	AUTO(buf) struct buf blob = {0};
	struct plan_opts opts;
	struct plan plan;
	int r;

	box_opts(&box, &opts);
	opts.die_with_parent = true;
	*err = (struct err){0};
	r = box_plan(spec, &opts, &blob, &plan, err);
	oci_spec_done(spec);
	if (r == 0)
		r = runtime_create(&plan, &io, -1, p, err);
	if (r == 0)
		r = runtime_start(p, err);
	if (r < 0)
		printf("# %s\n", err->msg);
	return r;
}

static struct opt_int number(int64_t v)
{
	return (struct opt_int){.set = true, .v = v};
}

static bool reads(const struct runtime_cgroup *cg, const char *ctl, const char *file,
		  const char *want)
{
	AUTO(free)
	char *path = cg->v2 ? xasprintf("/sys/fs/cgroup/%s/%s", cg->path, file)
			    : xasprintf("/sys/fs/cgroup/%s/%s/%s", ctl, cg->path, file);
	AUTO(buf) struct buf text = {0};

	if (fs_read_file(AT_FDCWD, path, 4096, &text) < 0) {
		printf("# cannot read %s\n", path);
		return false;
	}
	if (strncmp(text.p, want, strlen(want)) != 0)
		printf("# %s is %s\n", path, text.p);
	return strncmp(text.p, want, strlen(want)) == 0;
}

static void test_limits_and_update(void)
{
	struct runtime_proc p = RUNTIME_PROC_INIT;
	struct oci_resources *r, upd = {0};
	AUTO(buf) struct buf blob = {0};
	struct err err = ERR_INIT;
	struct runtime_stats *s;
	struct oci_spec spec;
	struct plan plan;

	box_spec(&box, &spec, "while :; do :; done");
	r = resources(&spec);
	r->memory = xnew(struct oci_memory);
	r->memory->limit = number(64 << 20);
	r->cpu = xnew(struct oci_cpu);
	r->cpu->quota = number(50000);
	r->cpu->period = number(100000);
	r->cpu->shares = number(512);
	r->cpu->cpus = xstrdup("0");
	r->pids = xnew(struct oci_pids);
	r->pids->limit = number(20);
	ok_eq(make(&spec, &p, &err), 0);
	if (p.cgroup.v2) {
		ok(reads(&p.cgroup, "memory", "memory.max", "67108864\n"));
		ok(reads(&p.cgroup, "cpu", "cpu.max", "50000 100000\n"));
		ok(reads(&p.cgroup, "cpu", "cpu.weight", "20\n"));
	} else {
		ok(reads(&p.cgroup, "memory", "memory.limit_in_bytes", "67108864\n"));
		ok(reads(&p.cgroup, "cpu", "cpu.cfs_quota_us", "50000\n"));
		ok(reads(&p.cgroup, "cpu", "cpu.shares", "512\n"));
	}
	ok(reads(&p.cgroup, "cpuset", "cpuset.cpus", "0\n"));
	ok(reads(&p.cgroup, "pids", "pids.max", "20\n"));

	upd.memory = xnew(struct oci_memory);
	upd.memory->limit = number(128 << 20);
	upd.pids = xnew(struct oci_pids);
	upd.pids->limit = number(-1);
	ok_eq(plan_compile_update(&upd, box.cgroup, &blob, &err), 0);
	ok_eq(plan_open(blob.p, blob.len, &plan, &err), 0);
	ok_eq(runtime_cgroup_update(&p.cgroup, &plan, &err), 0);
	ok(reads(&p.cgroup, "memory", p.cgroup.v2 ? "memory.max" : "memory.limit_in_bytes",
		 "134217728\n"));
	ok(reads(&p.cgroup, "pids", "pids.max", "max\n"));
	json_unbind(&oci_resources_type, &upd);

	usleep(300000);
	s = xnew(struct runtime_stats);
	ok_eq(runtime_cgroup_stats(&p.cgroup, s, &err), 0);
	ok(s->cpu_total_ns > 20000000);
	ok(s->mem_limit == 128 << 20);
	ok_eq(s->pids_current, 1);
	ok(s->cpu_periods > 0);
	free(s);

	ok_eq(runtime_cgroup_freeze(&p.cgroup, true, &err), 0);
	ok_eq(runtime_cgroup_frozen(&p.cgroup, &err), 1);
	ok_eq(runtime_cgroup_freeze(&p.cgroup, false, &err), 0);
	ok_eq(runtime_cgroup_frozen(&p.cgroup, &err), 0);
	pid_t *pids = NULL;
	size_t n = 0;

	ok_eq(runtime_cgroup_pids(&p.cgroup, &pids, &n, &err), 0);
	ok(n == 1 && pids[0] == p.pid);
	free(pids);

	/* killed while frozen: it dies once thawed */
	ok_eq(runtime_cgroup_freeze(&p.cgroup, true, &err), 0);
	struct runtime_cgroup cg = p.cgroup;

	ok_eq(runtime_cgroup_kill(&cg, SIGKILL, &err), 0);
	ok_eq(runtime_cgroup_freeze(&cg, false, &err), 0);
	ok_eq(box_wait(&p), 128 + SIGKILL);
	ok_eq(runtime_cgroup_remove(&cg, true, &err), 0);
	ok_eq(runtime_cgroup_remove(&cg, true, &err), 0);
}

static void test_oom(void)
{
	struct runtime_proc p = RUNTIME_PROC_INIT;
	struct err err = ERR_INIT;
	struct oci_spec spec;
	int fd;

	box_spec(&box, &spec, "sleep 0.2; x=a; while :; do x=$x$x; done");
	resources(&spec)->memory = xnew(struct oci_memory);
	resources(&spec)->memory->limit = number(16 << 20);
	resources(&spec)->memory->swap = number(16 << 20);
	ok_eq(make(&spec, &p, &err), 0);
	ok_eq(runtime_cgroup_oom_kills(&p.cgroup), 0);
	fd = runtime_cgroup_oom_fd(&p.cgroup, &err);
	ok(fd >= 0);
	struct pollfd pfd = {.fd = fd, .events = POLLIN};

	ok_eq(poll(&pfd, 1, 10000), 1);
	struct runtime_cgroup cg = p.cgroup;

	ok_eq(box_wait(&p), 128 + SIGKILL);
	ok(runtime_cgroup_oom_kills(&cg) >= 1);
	close(fd);
	ok_eq(runtime_cgroup_remove(&cg, true, &err), 0);
}

static void test_pids_limit(void)
{
	struct box_result *res = xnew(struct box_result);
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec, "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; echo survived");
	resources(&spec)->pids = xnew(struct oci_pids);
	resources(&spec)->pids->limit = number(5);
	box_run(&box, &spec, &opts, res);
	ok(strstr(res->out, "can't fork"));
	oci_spec_done(&spec);
	free(res);
}

static void test_refused(void)
{
	struct runtime_cgroup none = {0}, cg;
	struct runtime_proc p = RUNTIME_PROC_INIT;
	struct err err = ERR_INIT;
	struct oci_spec spec;
	pid_t *pids;
	size_t n;

	ok_eq(runtime_cgroup_kill(&none, SIGKILL, &err), -1);
	ok_eq(err.kind, ERR_UNSUPPORTED);
	ok_eq(runtime_cgroup_pids(&none, &pids, &n, &err), -1);
	ok_eq(runtime_cgroup_remove(&none, true, &err), 0);
	ok_eq(runtime_cgroup_at("../x", &cg, &err), -1);
	ok_eq(runtime_cgroup_at("/", &cg, &err), 0);
	ok_str(cg.path, "");
	/* a limit that the kernel does not take: nothing is left */
	box_spec(&box, &spec, "true");
	resources(&spec)->cpu = xnew(struct oci_cpu);
	resources(&spec)->cpu->cpus = xstrdup("4000");
	ok_eq(make(&spec, &p, &err), -1);
	ok(strstr(err.msg, "cpuset.cpus"));
	ok_eq(runtime_cgroup_at(box.cgroup, &cg, &err), 0);
	ok_eq(runtime_cgroup_pids(&cg, &pids, &n, &err), 0);
	ok_eq(n, 0);
	if (!cg.v2)
		ok(!fs_exists(AT_FDCWD, "/sys/fs/cgroup/memory/cove-test/x"));
}

int main(void)
{
	const char *missing = box_missing();
	struct runtime_cgroup cg;

	if (!missing && (runtime_cgroup_at("x", &cg, NULL) < 0 ||
			 !(cg.ctls & 1u << CGROUP_MEMORY) || access("/sys/fs/cgroup", W_OK) < 0))
		missing = "a memory cgroup";
	if (missing) {
		printf("1..0 # SKIP needs %s\n", missing);
		return 0;
	}
	box_make(&box);
	test_run(test_limits_and_update);
	test_run(test_oom);
	test_run(test_pids_limit);
	test_run(test_refused);
	box_remove(&box);
	return test_done();
}
