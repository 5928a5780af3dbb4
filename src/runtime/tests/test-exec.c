#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>

#include "base/fs.h"
#include "base/tap.h"
#include "box.h"

static struct box box;

/* A running container that sleeps. */
static int start(struct runtime_proc *p)
{
	struct runtime_io io = {.in = -1, .out = -1, .err = -1};
	AUTO(buf) struct buf blob = {0};
	struct err err = ERR_INIT;
	struct plan_opts opts;
	struct oci_spec spec;
	struct plan plan;
	int r;

	box_opts(&box, &opts);
	opts.die_with_parent = true;
	box_spec(&box, &spec, "trap 'exit 9' TERM; while :; do sleep 0.1; done");
	r = box_plan(&spec, &opts, &blob, &plan, &err);
	if (r == 0)
		r = runtime_create(&plan, &io, -1, p, &err);
	if (r == 0)
		r = runtime_start(p, &err);
	if (r < 0)
		printf("# %s\n", err.msg);
	oci_spec_done(&spec);
	return r;
}

static void process(struct oci_process *ret, const char *script)
{
	struct oci_spec spec;

	box_spec(&box, &spec, script);
	*ret = *spec.process;
	*spec.process = (struct oci_process){0};
	oci_spec_done(&spec);
}

static int exec(struct runtime_proc *c, struct oci_process *p, const char *user, char *out,
		size_t size, struct err *err)
{
	struct plan_opts opts = {
		.user = user, .seccomp = PLAN_SECCOMP_DEFAULT, .die_with_parent = true};
	struct runtime_proc e = RUNTIME_PROC_INIT;
	AUTO(buf) struct buf blob = {0};
	struct plan plan;
	int pipefd[2], r;
	ssize_t n = 0;

	*out = 0;
	*err = (struct err){0};
	if (plan_compile_exec(p, NULL, &opts, &blob, err) < 0 ||
	    plan_open(blob.p, blob.len, &plan, err) < 0)
		return -1;
	CHECK(pipe2(pipefd, O_CLOEXEC) == 0);
	struct runtime_io io = {
		.in = -1, .out = pipefd[1], .err = pipefd[1], .rows = 33, .cols = 77};

	r = runtime_exec(&plan, c->pidfd, &c->cgroup, &io, &e, err);
	close(pipefd[1]);
	if (r == 0 && e.console >= 0) {
		while (n < (ssize_t)size - 1) {
			ssize_t k = read(e.console, out + n, size - 1 - (size_t)n);

			if (k <= 0)
				break; /* EIO: the last user of the terminal is gone */
			n += k;
		}
	} else if (r == 0) {
		n = fs_read_full(pipefd[0], out, size - 1);
	}
	close(pipefd[0]);
	out[MAX(n, 0)] = 0;
	return r == 0 ? box_wait(&e) : -1;
}

static void has(const char *out, const char *text)
{
	if (!strstr(out, text)) {
		ok(!"found");
		printf("# lacks \"%s\": %s\n", text, out);
	}
}

static void test_exec(void)
{
	struct runtime_proc c = RUNTIME_PROC_INIT;
	struct err err = ERR_INIT;
	struct oci_process p;
	static char out[65536];

	ok_eq(start(&c), 0);
	process(&p, "hostname; cat /proc/1/comm; cat /proc/self/status; cat /proc/self/cgroup; ls "
		    "/proc/self/fd; id; exit 6");
	ok_eq(exec(&c, &p, NULL, out, sizeof(out), &err), 6);
	has(out, "box\n");
	has(out, "CapEff:\t00000000a80425fb");
	has(out, "Seccomp:\t2");
	if (!c.cgroup.v2)
		has(out, box.cgroup);
	ok_eq(exec(&c, &p, "alice:staff", out, sizeof(out), &err), 6);
	has(out, "uid=1000(alice) gid=50(staff)");
	ok_eq(exec(&c, &p, "bob", out, sizeof(out), &err), -1);
	ok_str(err.msg, "unable to find user bob: no matching entries in passwd file");
	oci_process_done(&p);

	process(&p, "");
	strv_done(&p.args);
	strv_add(&p.args, "nosuch");
	ok_eq(exec(&c, &p, NULL, out, sizeof(out), &err), -1);
	ok_eq(err.kind, ERR_CMD_NOT_FOUND);
	free(p.cwd);
	p.cwd = xstrdup("/nowhere");
	ok_eq(exec(&c, &p, NULL, out, sizeof(out), &err), -1);
	ok(strstr(err.msg, "/nowhere"));
	oci_process_done(&p);

	process(&p, "tty; stty size; test -t 0 && echo yes");
	p.terminal = true;
	ok_eq(exec(&c, &p, NULL, out, sizeof(out), &err), 0);
	has(out, "/dev/pts/");
	has(out, "33 77");
	has(out, "yes");

	ok_eq(runtime_cgroup_freeze(&c.cgroup, true, &err), 0);
	ok_eq(exec(&c, &p, NULL, out, sizeof(out), &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	ok_eq(runtime_cgroup_freeze(&c.cgroup, false, &err), 0);

	ok(runtime_alive(c.pid, c.start_time));
	ok(!runtime_alive(c.pid, c.start_time + 1));
	kill(c.pid, SIGTERM);
	int pidfd = fcntl(c.pidfd, F_DUPFD_CLOEXEC, 3);
	struct runtime_cgroup cg = c.cgroup;

	ok_eq(box_wait(&c), 9);
	c.pidfd = pidfd;
	ok_eq(exec(&c, &p, NULL, out, sizeof(out), &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	close(pidfd);
	oci_process_done(&p);
	ok_eq(runtime_cgroup_remove(&cg, false, &err), 0);
}

/* A container with a terminal of its own; and the maker's death before the start. */
static void test_terminal(void)
{
	struct runtime_io io = {.in = -1, .out = -1, .err = -1, .rows = 24, .cols = 81};
	struct runtime_proc p = RUNTIME_PROC_INIT;
	AUTO(buf) struct buf blob = {0};
	struct err err = ERR_INIT;
	struct plan_opts opts;
	struct oci_spec spec;
	struct plan plan;
	char out[4096];
	ssize_t n = 0, k;

	box_opts(&box, &opts);
	box_spec(&box, &spec, "tty; stty size; ls -l /dev/console; echo done > /dev/console");
	spec.process->terminal = true;
	ok_eq(box_plan(&spec, &opts, &blob, &plan, &err), 0);
	oci_spec_done(&spec);
	ok_eq(runtime_create(&plan, &io, -1, &p, &err), 0);
	ok(p.console >= 0);
	ok_eq(runtime_start(&p, &err), 0);
	while ((k = read(p.console, out + n, sizeof(out) - 1 - (size_t)n)) > 0)
		n += k;
	out[n] = 0;
	has(out, "/dev/pts/0");
	has(out, "24 81");
	has(out, "done");
	struct runtime_cgroup cg = p.cgroup;

	ok_eq(box_wait(&p), 0);
	ok_eq(runtime_cgroup_remove(&cg, false, &err), 0);
}

static bool gone_within(pid_t pid, int ms)
{
	while (ms-- > 0 && kill(pid, 0) == 0)
		usleep(1000);
	return kill(pid, 0) < 0;
}

/* runtime.h: die_with_parent */
static void test_maker_dies(void)
{
	pid_t maker;
	int pipefd[2];
	pid_t pid = 0;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	ok(pipe(pipefd) == 0);
	maker = fork();
	if (maker == 0) {
		struct runtime_proc p = RUNTIME_PROC_INIT;

		if (start(&p) == 0)
			ignore_result(write(pipefd[1], &p.pid, sizeof(p.pid)) < 0);
		pause();
	}
	ok_eq(read(pipefd[0], &pid, sizeof(pid)), sizeof(pid));
	ok(pid > 0 && kill(pid, 0) == 0);
	kill(maker, SIGKILL);
	waitpid(maker, NULL, 0);
	waitpid(pid, NULL, 0);
	ok(gone_within(pid, 2000));
	close(pipefd[0]);
	close(pipefd[1]);
	struct runtime_cgroup cg;
	struct err err = ERR_INIT;

	ok_eq(runtime_cgroup_at(box.cgroup, &cg, &err), 0);
	ok_eq(runtime_cgroup_remove(&cg, false, &err), 0);
}

/* runtime_resume(): started by another process than the maker */
static void test_resume(void)
{
	struct runtime_io io = {.in = -1, .out = -1, .err = -1};
	struct runtime_proc p = RUNTIME_PROC_INIT, again = RUNTIME_PROC_INIT;
	AUTO(buf) struct buf blob = {0};
	struct err err = ERR_INIT;
	struct plan_opts opts;
	struct oci_spec spec;
	struct plan plan;

	box_opts(&box, &opts);
	opts.detached = true;
	box_spec(&box, &spec, "sleep 0.2; exit 3");
	ok_eq(box_plan(&spec, &opts, &blob, &plan, &err), 0);
	oci_spec_done(&spec);
	ok_eq(runtime_create(&plan, &io, -1, &p, &err), 0);
	close(p.sync);
	p.sync = -1;
	ok_eq(runtime_resume(p.pid, p.start_time, p.kept, &again, &err), 0);
	ok_eq(runtime_start(&again, &err), 0);
	runtime_done(&again);
	ok_eq(runtime_resume(p.pid, p.start_time, p.kept, &again, &err), -1);
	ok_eq(err.kind, ERR_CONFLICT);
	struct runtime_cgroup cg = p.cgroup;

	ok_eq(box_wait(&p), 3);
	ok_eq(runtime_cgroup_remove(&cg, false, &err), 0);
}

int main(void)
{
	const char *missing = box_missing();

	if (missing) {
		printf("1..0 # SKIP needs %s\n", missing);
		return 0;
	}
	box_make(&box);
	test_run(test_exec);
	test_run(test_terminal);
	test_run(test_maker_dies);
	test_run(test_resume);
	box_remove(&box);
	return test_done();
}
