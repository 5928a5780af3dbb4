/* test-real.c - cove-shim with the real runtime: containers of a busybox; life.c, handle.c */
#include "rig.h"
#include "runtime/runtime.h"
#include "runtime/tests/box.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

static struct box box;
static struct oci_spec spec;
static struct plan_opts opts;
static struct buf blob;

/* A rig and a document to change; then spawn(). */
static void begin(struct rig *r, const char *script)
{
	rig_init(r);
	box_opts(&box, &opts);
	opts.die_with_parent = true;
	box_spec(&box, &spec, script);
}

static int spawn(struct rig *r, struct err *err)
{
	buf_reset(&blob);
	if (plan_compile(&spec, &opts, &blob, err) < 0)
		return -1;
	r->cfg.plan = blob.p;
	r->cfg.plan_len = blob.len;
	return rig_spawn_plan(r, err);
}

static void must_spawn(struct rig *r)
{
	struct err err = ERR_INIT;

	if (spawn(r, &err) < 0) {
		ok(false);
		printf("# %s\n", err.msg);
		exit(1);
	}
}

/* Ends the test: the cgroup must be gone too. */
static void end(struct rig *r)
{
	static const char *const roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/memory",
					    "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/pids"};

	rig_done(r);
	for (size_t i = 0; i < ARRAY_LEN(roots); i++) {
		AUTO(free) char *path = path_join(roots[i], box.cgroup);

		ok(!fs_exists(AT_FDCWD, path));
	}
	oci_spec_done(&spec);
}

static void wait_log(struct rig *r, const char *text)
{
	for (int i = 0; i < 500; i++) {
		AUTO(free) char *log = rig_file(r->log);

		if (strstr(log, text))
			return;
		usleep(10000);
	}
	ok(false);
	printf("# the log never had: %s\n", text);
}

static void test_run_and_exit(void)
{
	struct shim_event ev = {0};
	struct rig r;

	begin(&r, "echo hello from $$; hostname; exit 42");
	r.cfg.start = true;
	must_spawn(&r);
	ok(rig_event(SHIM_EV_EXITED, &ev));
	ok_eq(ev.exit.code, 42);
	wait_log(&r, "{\"log\":\"hello from 1\\n\",\"stream\":\"stdout\"");
	wait_log(&r, "{\"log\":\"box\\n\"");
	end(&r);
}

static void test_errors(void)
{
	struct err err = ERR_INIT;
	struct rig r;

	begin(&r, "");
	free(spec.process->args.v[0]);
	spec.process->args.v[0] = xstrdup("nosuch");
	ok(spawn(&r, &err) < 0);
	ok_eq(err.kind, ERR_CMD_NOT_FOUND);
	printf("# %s\n", err.msg);
	free(spec.process->args.v[0]);
	spec.process->args.v[0] = xstrdup("/etc/plain");
	r.cfg.start = true;
	ok(spawn(&r, &err) < 0);
	ok_eq(err.kind, ERR_CMD_DENIED);
	printf("# %s\n", err.msg);
	r.shim = NULL;
	end(&r);
}

static int new_netns(void)
{
	AUTO(close) int old = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		return -1;
	fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	ok(setns(old, CLONE_NEWNET) == 0);
	return fd;
}

static void test_restart_keeps_netns(void)
{
	AUTO(close) int netns = new_netns();
	struct shim_event ev = {0};
	char want[64];
	struct stat st;
	struct rig r;

	ok(netns >= 0 && fstat(netns, &st) == 0);
	snprintf(want, sizeof(want), "net:[%lu]", (unsigned long)st.st_ino);
	begin(&r, "readlink /proc/self/ns/net; exit 1");
	r.cfg.netns_fd = netns;
	r.cfg.start = true;
	r.cfg.restart = (struct shim_restart){SHIM_RESTART_ON_FAILURE, 2};
	must_spawn(&r);
	do
		ok(rig_event(SHIM_EV_EXITED, &ev));
	while (ev.exit.will_restart);
	ok_eq(ev.exit.code, 1);
	{
		AUTO(free) char *log = rig_file(r.log);
		int n = 0;

		for (const char *p = log; (p = strstr(p, want)); p++)
			n++;
		ok_eq(n, 3);
	}
	end(&r);
}

static void exec_plan(struct buf *ret, const char *script, bool tty)
{
	struct err err = ERR_INIT;
	struct oci_spec x;

	box_spec(&box, &x, script);
	x.process->terminal = tty;
	if (plan_compile_exec(x.process, NULL, &opts, ret, &err) < 0) {
		ok(false);
		printf("# %s\n", err.msg);
	}
	oci_spec_done(&x);
}

static void test_exec(void)
{
	AUTO(buf) struct buf plan = {0};
	struct shim_attach a = {.flags = 7};
	struct shim_exec x = {.id = "x1", .tty = true, .open_stdin = true, .attach = &a, .rows = 33,
			      .cols = 99};
	struct err err = ERR_INIT;
	struct shim_event ev = {0};
	char text[4096];
	struct rig r;
	int sv[2];

	begin(&r, "sleep 60");
	r.cfg.start = true;
	must_spawn(&r);
	exec_plan(&plan, "stty size; hostname; read x; echo got $x; exit 8", true);
	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	a.fd = sv[1];
	x.plan = plan.p;
	x.plan_len = plan.len;
	ok(shim_exec(r.shim, &x, NULL, &err) == 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	close(sv[1]);
	ok(write(sv[0], "in\n", 3) == 3);
	rig_read(sv[0], text, sizeof(text), 5000);
	ok(strstr(text, "33 99\r\n") && strstr(text, "box\r\n") && strstr(text, "got in\r\n"));
	ok(rig_event(SHIM_EV_EXEC_EXITED, &ev));
	ok_eq(ev.exit.code, 8);
	close(sv[0]);

	/* many at once, and none that starts in a paused container */
	buf_reset(&plan);
	exec_plan(&plan, "exit 5", false);
	x = (struct shim_exec){.plan = plan.p, .plan_len = plan.len};
	for (int i = 0; i < 20; i++) {
		char id[16];

		snprintf(id, sizeof(id), "m%d", i);
		x.id = id;
		ok(shim_exec(r.shim, &x, NULL, &err) == 0);
	}
	for (int i = 0; i < 20; i++) {
		ok(rig_event(SHIM_EV_EXEC_EXITED, &ev));
		ok_eq(ev.exit.code, 5);
	}
	ok(shim_pause(r.shim, &err) == 0);
	x.id = "paused";
	ok(shim_exec(r.shim, &x, NULL, &err) < 0);
	ok_eq(err.kind, ERR_CONFLICT);
	/* a stop ends a frozen container too */
	ok(shim_stop(r.shim, SIGTERM, 200, &err) == 0);
	ok(rig_event(SHIM_EV_EXITED, &ev));
	ok_eq(ev.exit.code, 137);
	end(&r);
}

static void test_oom(void)
{
	struct shim_event ev = {0};
	struct rig r;

	begin(&r, "exec tail /dev/zero");
	spec.linux_->resources->memory = xnew(struct oci_memory);
	spec.linux_->resources->memory->limit = (struct opt_int){.set = true, .v = 24 << 20};
	r.cfg.start = true;
	must_spawn(&r);
	ok(rig_event(SHIM_EV_EXITED, &ev));
	ok_eq(ev.exit.code, 137);
	ok(ev.exit.oom);
	ok(rig_count(SHIM_EV_OOM) >= 1);
	end(&r);
}

/* The shim is killed: its container dies with it, and salvage takes what is left. */
static void test_shim_killed(void)
{
	struct err err = ERR_INIT;
	struct shim_record rec = {0};
	struct rig r;

	begin(&r, "while :; do sleep 1; done");
	r.cfg.start = true;
	must_spawn(&r);
	kill(r.status.shim_pid, SIGKILL);
	ok(rig_event(SHIM_EV_GONE, NULL));
	shim_close(r.shim);
	r.shim = NULL;
	for (int i = 0; i < 300 && kill(r.status.pid, 0) == 0; i++)
		usleep(10000);
	ok(kill(r.status.pid, 0) < 0);
	ok(shim_salvage(r.run, "c1", r.dir, &rec, &err) == 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	ok_eq(rec.exit.code, 137);
	end(&r);
}

/* The engine is away while the container runs, ends and writes. */
static void test_engine_away(void)
{
	struct err err = ERR_INIT;
	struct shim_event ev = {0};
	pid_t *pids = NULL;
	size_t n = 0;
	struct rig r;
	int fd;

	begin(&r, "sleep 0.5; echo done; exit 6");
	r.cfg.start = true;
	must_spawn(&r);
	ok(shim_pids(r.shim, &pids, &n, &err) == 0 && n >= 1);
	free(pids);
	ok(shim_fetch_fd(r.shim, "netns", &fd, &err) == 0);
	close(fd);
	shim_close(r.shim);
	r.shim = NULL;
	usleep(1000000);
	rig_connect(&r);
	ok_eq(r.status.state, SHIM_EXITED);
	ok(r.status.has_exit);
	ok_eq(r.status.exit.code, 6);
	wait_log(&r, "done");
	ok(!rig_event_now(SHIM_EV_EXITED, &ev)); /* it was in the snapshot */
	end(&r);
}

int main(int argc, char **argv)
{
	const char *missing = box_missing();

	if (missing) {
		printf("1..0 # SKIP needs %s\n", missing);
		return 0;
	}
	signal(SIGPIPE, SIG_IGN);
	rig_program = argv[1];
	box_make(&box);
	test_run(test_run_and_exit);
	test_run(test_errors);
	test_run(test_restart_keeps_netns);
	test_run(test_exec);
	test_run(test_oom);
	test_run(test_shim_killed);
	test_run(test_engine_away);
	box_remove(&box);
	buf_done(&blob);
	return test_done();
}
