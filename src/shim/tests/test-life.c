/* test-life.c - start, stop, restart, exec, records, reconnection: life.c, handle.c, start.c */
#include "rig.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

static void test_start_errors(void)
{
	struct err err = ERR_INIT;
	struct rig r;

	rig_init(&r);
	ok(rig_spawn(&r, "missing", &err) < 0);
	ok_eq(err.kind, ERR_CMD_NOT_FOUND);
	ok_str(err.msg, "exec: \"missing\": executable file not found in $PATH");
	r.shim = NULL;
	r.cfg.start = true;
	ok(rig_spawn(&r, "denied", &err) < 0);
	ok_eq(err.kind, ERR_CMD_DENIED);
	r.cfg.start = false;
	ok(rig_spawn(&r, "denied", &err) == 0);
	err = (struct err)ERR_INIT;
	ok(shim_start(r.shim, &err) < 0);
	ok_eq(err.kind, ERR_CMD_DENIED);
	ok(shim_start(r.shim, &err) < 0);
	ok_eq(err.kind, ERR_CONFLICT);
	rig_done(&r);
}

static void test_stop(void)
{
	struct err err = ERR_INIT;
	struct shim_record rec;
	struct shim_event ev;
	int64_t t0;
	struct rig r;

	rig_init(&r);
	r.cfg.restart.policy = SHIM_RESTART_ALWAYS;
	ok(rig_spawn(&r, "trap '' TERM; while :; do sleep 0.05; done", &err) == 0);
	ok(shim_stop(r.shim, SIGTERM, 1000, &err) < 0);
	ok_eq(err.kind, ERR_CONFLICT);
	ok(shim_start(r.shim, &err) == 0);
	usleep(100000);
	t0 = clock_mono_ns();
	ok(shim_stop(r.shim, SIGTERM, 700, &err) == 0);
	rig_connect(&r); /* the stop goes on without the engine */
	ok(r.status.stopping);
	ok(rig_event(SHIM_EV_EXITED, &ev));
	ok(clock_mono_ns() - t0 > 600 * NS_PER_MS && clock_mono_ns() - t0 < 5 * NS_PER_SEC);
	ok_eq(ev.exit.code, 137);
	ok_eq(ev.exit.signal, SIGKILL);
	ok(ev.exit.manual && !ev.exit.will_restart);
	ok(shim_stop(r.shim, SIGTERM, 0, &err) < 0);
	ok_eq(err.kind, ERR_NOT_MODIFIED);
	ok(shim_exit_record(r.dir, &rec, &err) == 0);
	ok_eq(rec.exit.code, 137);
	ok(rec.this_boot && rec.has_exit && rec.state == SHIM_EXITED);
	rig_done(&r);
}

static void test_restarts(void)
{
	struct err err = ERR_INIT;
	struct shim_event ev;
	struct rig r;

	rig_init(&r);
	r.cfg.restart = (struct shim_restart){SHIM_RESTART_ON_FAILURE, 2};
	r.cfg.start = true;
	ok(rig_spawn(&r, "echo run; exit 7", &err) == 0);
	for (int i = 0; i < 3; i++) {
		ok(rig_event(SHIM_EV_STARTED, &ev));
		ok_eq(ev.restarts, i);
		ok(rig_event(SHIM_EV_EXITED, &ev));
		ok_eq(ev.exit.code, 7);
		ok_eq(ev.exit.will_restart, i < 2);
		ok_eq(ev.exit.restart_in_ns, i < 2 ? (100 << i) * NS_PER_MS : 0);
	}
	ok(shim_get_status(r.shim, &r.status, &err) == 0);
	ok_eq(r.status.restarts, 2);
	ok_eq(r.status.state, SHIM_EXITED);
	rig_done(&r);
}

/* A stop in the back-off, and a policy that changes meanwhile. */
static void test_restart_cancelled(void)
{
	struct err err = ERR_INIT;
	struct shim_restart no = {SHIM_RESTART_NO, 0};
	struct shim_event ev;
	struct rig r;

	for (int how = 0; how < 2; how++) {
		rig_init(&r);
		r.cfg.restart.policy = SHIM_RESTART_ALWAYS;
		r.cfg.start = true;
		ok(rig_spawn(&r, "exit 1", &err) == 0);
		do {
			ok(rig_event(SHIM_EV_EXITED, &ev));
		} while (ev.exit.restart_in_ns < 400 * NS_PER_MS);
		if (how == 0)
			ok(shim_stop(r.shim, SIGTERM, 1000, &err) == 0);
		else
			ok(shim_set_restart(r.shim, &no, &err) == 0);
		ok(rig_event(SHIM_EV_EXITED, &ev));
		ok(!ev.exit.will_restart);
		ok_eq(ev.exit.manual, how == 0);
		ok_eq(ev.exit.code, 1);
		rig_done(&r);
	}
}

static void test_pause_and_kept(void)
{
	struct err err = ERR_INIT;
	struct rig r;
	int p[2], fd = -1;
	char c = 0;
	pid_t *pids;
	size_t n;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	ok(shim_resume(r.shim, &err) < 0);
	ok_eq(err.kind, ERR_CONFLICT);
	ok(shim_pause(r.shim, &err) == 0);
	ok(shim_pause(r.shim, &err) < 0);
	ok(rig_event(SHIM_EV_PAUSED, NULL));
	ok(shim_resume(r.shim, &err) == 0);
	ok(rig_event(SHIM_EV_RESUMED, NULL));
	ok(shim_pids(r.shim, &pids, &n, &err) == 0);
	ok(n == 1 && pids[0] > 1);
	free(pids);

	ok(pipe2(p, O_CLOEXEC) == 0);
	ok(shim_keep_fd(r.shim, "resolver", p[0], &err) == 0);
	close(p[0]);
	rig_connect(&r);
	ok(shim_fetch_fd(r.shim, "resolver", &fd, &err) == 0);
	ok(write(p[1], "k", 1) == 1 && read(fd, &c, 1) == 1 && c == 'k');
	close(fd);
	close(p[1]);
	ok(shim_keep_fd(r.shim, "resolver", -1, &err) == 0);
	ok(shim_fetch_fd(r.shim, "resolver", &fd, &err) < 0);
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok(shim_fetch_fd(r.shim, "netns", &fd, &err) == 0);
	close(fd);
	ok(shim_fetch_fd(r.shim, "pidfd", &fd, &err) == 0);
	close(fd);
	ok(shim_release(r.shim, false, &err) < 0);
	ok_eq(err.kind, ERR_CONFLICT);
	rig_done(&r);
}

static void run_exec(struct rig *r, const char *id, const char *script, int *fd, bool tty)
{
	struct shim_attach a = {.flags = 7};
	struct shim_exec x = {.id = id, .plan = script, .plan_len = strlen(script) + 1,
			      .tty = tty, .open_stdin = true};
	struct err err = ERR_INIT;
	int sv[2];

	if (fd) {
		ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
		a.fd = sv[1];
		x.attach = &a;
	}
	ok(shim_exec(r->shim, &x, NULL, &err) == 0);
	if (err.kind)
		printf("# %s\n", err.msg);
	if (fd) {
		close(sv[1]);
		*fd = sv[0];
	}
}

static void test_exec(void)
{
	struct shim_exec_status *execs = NULL;
	char raw[4096], text[4096];
	struct err err = ERR_INIT;
	struct shim_event ev;
	size_t n = 0;
	struct rig r;
	int fd, tty;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	run_exec(&r, "e1", "cat; echo err >&2; exit 4", &fd, false);
	run_exec(&r, "e2", "exit 9", NULL, false);
	run_exec(&r, "e3", "#tty\nread x; stty size; exit 1", &tty, true);
	ok(write(fd, "in\n", 3) == 3);
	shutdown(fd, SHUT_WR);
	n = rig_read(fd, raw, sizeof(raw), 3000);
	rig_frames(raw, n, 1, text);
	ok_str(text, "in\n");
	rig_frames(raw, n, 2, text);
	ok_str(text, "err\n");
	close(fd);
	ok(shim_resize(r.shim, "e3", 5, 6, &err) == 0);
	ok(write(tty, "\n", 1) == 1);
	rig_read(tty, text, sizeof(text), 3000);
	ok_str(text, "\r\n5 6\r\n");
	close(tty);
	while (rig_count(SHIM_EV_EXEC_EXITED) < 3)
		usleep(1000);
	/* exits missed by an engine that was away */
	shim_close(r.shim);
	r.shim = NULL;
	ok(shim_connect(r.run, "c1", r.loop, NULL, NULL, &r.shim, &r.status, &execs, &n, &err) == 0);
	ok_eq(n, 3);
	ok_str(execs[0].id, "e1");
	ok_eq(execs[0].exit.code, 4);
	ok_eq(execs[1].exit.code, 9);
	ok_eq(execs[2].exit.code, 1);
	free(execs);
	rig_connect(&r);
	ok(shim_exec_forget(r.shim, "e1", &err) == 0);
	ok(shim_exec_forget(r.shim, "e1", &err) < 0);
	ok_eq(err.kind, ERR_NOT_FOUND);
	run_exec(&r, "e1", "sleep 60", NULL, false);
	ok(shim_kill(r.shim, "e1", SIGTERM, false, &err) == 0);
	ok(rig_event(SHIM_EV_EXEC_EXITED, &ev) || true);
	rig_done(&r);
}

/* The container ends while no engine is there; the shim ends later and leaves the records. */
static void test_salvage_after_kill(void)
{
	struct err err = ERR_INIT;
	struct shim_record rec;
	struct shim_event ev;
	struct rig r;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	ok(shim_salvage(r.run, "c1", r.dir, &rec, &err) < 0);
	ok_eq(err.kind, ERR_CONFLICT);
	kill(r.status.shim_pid, SIGKILL);
	ok(rig_event(SHIM_EV_GONE, &ev));
	ok(shim_get_status(r.shim, &r.status, &err) < 0);
	ok_eq(err.kind, ERR_UNAVAILABLE);
	shim_close(r.shim);
	r.shim = NULL;
	for (int i = 0; i < 100 && kill(r.status.shim_pid, 0) == 0; i++)
		usleep(10000);
	ok(shim_connect(r.run, "c1", r.loop, NULL, NULL, &r.shim, NULL, NULL, NULL, &err) < 0);
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok(shim_salvage(r.run, "c1", r.dir, &rec, &err) == 0);
	ok_eq(rec.exit.code, 137);
	ok(rec.exit.error[0] != 0);
	rig_done(&r);
}

static void test_release_running(void)
{
	struct err err = ERR_INIT;
	struct rig r;
	pid_t pid;

	rig_init(&r);
	r.cfg.start = true;
	r.cfg.restart.policy = SHIM_RESTART_ALWAYS;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	pid = r.status.pid;
	ok(shim_release(r.shim, true, &err) == 0);
	ok(kill(pid, 0) < 0);
	shim_close(r.shim);
	r.shim = NULL;
	rig_done(&r);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	rig_program = argv[1];
	test_run(test_start_errors);
	test_run(test_stop);
	test_run(test_restarts);
	test_run(test_restart_cancelled);
	test_run(test_pause_and_kept);
	test_run(test_exec);
	test_run(test_salvage_after_kill);
	test_run(test_release_running);
	return test_done();
}
