/* test-stdio.c - a process's output and input: log, clients, tty; job.c, client.c, logger.c */
#include "rig.h"

#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

static void wait_exit(int code)
{
	struct shim_event ev = {0};

	ok(rig_event(SHIM_EV_EXITED, &ev));
	ok_eq(ev.exit.code, code);
}

static void test_log_and_clients(void)
{
	char raw[4096], text[4096];
	struct err err = ERR_INIT;
	struct rig r;
	char *log;
	int fd;
	size_t n;

	rig_init(&r);
	ok(rig_spawn(&r, "echo '<out> \"q\"'; echo err >&2; printf part; exit 3", &err) == 0);
	ok_eq(r.status.state, SHIM_CREATED);
	ok(r.status.pid > 0);
	fd = rig_attach(&r, NULL, SHIM_ATTACH_STDOUT | SHIM_ATTACH_STDERR, NULL, NULL);
	ok(shim_start(r.shim, &err) == 0);
	wait_exit(3);
	n = rig_read(fd, raw, sizeof(raw), 5000);
	rig_frames(raw, n, 1, text);
	ok_str(text, "<out> \"q\"\npart");
	rig_frames(raw, n, 2, text);
	ok_str(text, "err\n");
	close(fd);
	log = rig_file(r.log);
	ok(strstr(log, "{\"log\":\"\\u003cout\\u003e \\\"q\\\"\\n\",\"stream\":\"stdout\",\"time\":\"20"));
	ok(strstr(log, "{\"log\":\"err\\n\",\"stream\":\"stderr\",\"time\":\"20"));
	ok(strstr(log, "{\"log\":\"part\",\"stream\":\"stdout\","));
	ok(str_ends(log, "Z\"}\n"));
	free(log);
	rig_done(&r);
}

static void test_stdin_once(void)
{
	char raw[4096], text[4096];
	struct err err = ERR_INIT;
	struct rig r;
	int fd;

	rig_init(&r);
	r.cfg.open_stdin = r.cfg.stdin_once = true;
	ok(rig_spawn(&r, "cat; echo end", &err) == 0);
	fd = rig_attach(&r, NULL, 7, NULL, NULL);
	ok(shim_start(r.shim, &err) == 0);
	ok(write(fd, "hello\n", 6) == 6);
	shutdown(fd, SHUT_WR);
	rig_frames(raw, rig_read(fd, raw, sizeof(raw), 5000), 1, text);
	ok_str(text, "hello\nend\n");
	wait_exit(0);
	close(fd);
	rig_done(&r);
}

static void test_leftover_and_start_in_one(void)
{
	char raw[4096], text[4096];
	struct err err = ERR_INIT;
	struct shim_attach a;
	struct rig r;
	int sv[2];

	rig_init(&r);
	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	a = (struct shim_attach){.fd = sv[1], .flags = 7, .leftover = "left\n", .leftover_len = 5};
	r.cfg.attach = &a;
	r.cfg.nattach = 1;
	r.cfg.start = r.cfg.open_stdin = r.cfg.stdin_once = true;
	ok(rig_spawn(&r, "read x; echo got $x; read y || echo eof", &err) == 0);
	ok_eq(r.status.state, SHIM_RUNNING);
	close(sv[1]);
	ok(rig_event(SHIM_EV_STARTED, NULL));
	shutdown(sv[0], SHUT_WR);
	rig_frames(raw, rig_read(sv[0], raw, sizeof(raw), 5000), 1, text);
	ok_str(text, "got left\neof\n");
	wait_exit(0);
	close(sv[0]);
	rig_done(&r);
}

static void test_tty(void)
{
	struct shim_event ev;
	char text[4096];
	struct err err = ERR_INIT;
	struct rig r;
	int fd, fd2;

	rig_init(&r);
	r.cfg.tty = r.cfg.open_stdin = true;
	r.cfg.rows = 30;
	r.cfg.cols = 90;
	ok(rig_spawn(&r, "#tty\nstty size; read x; stty size; echo got $x; read y", &err) == 0);
	fd = rig_attach(&r, NULL, 3, NULL, NULL);
	ok(shim_start(r.shim, &err) == 0);
	rig_read(fd, text, sizeof(text), 300);
	ok_str(text, "30 90\r\n");
	ok(shim_resize(r.shim, NULL, 11, 22, &err) == 0);
	ok(write(fd, "a\n", 2) == 2);
	rig_read(fd, text, sizeof(text), 300);
	ok_str(text, "a\r\n11 22\r\ngot a\r\n");
	/* leaving by keys ends this client only */
	fd2 = rig_attach(&r, NULL, 3, NULL, NULL);
	ok(write(fd, "z", 1) == 1);
	rig_read(fd, text, sizeof(text), 300);
	ok_str(text, "z");
	ok(write(fd, "\x10\x11never", 7) == 7);
	ok_eq(rig_read(fd, text, sizeof(text), 2000), 0);
	ok(rig_event(SHIM_EV_DETACHED, &ev));
	ok(shim_get_status(r.shim, &r.status, &err) == 0);
	ok_eq(r.status.clients, 1);
	ok_eq(r.status.state, SHIM_RUNNING);
	ok(write(fd2, "\n", 1) == 1);
	wait_exit(0);
	rig_read(fd2, text, sizeof(text), 2000);
	ok(strstr(text, "\r\n") != NULL);
	close(fd);
	close(fd2);
	rig_done(&r);
}

/* A client that does not read must neither stop the container nor lose a byte. */
static void test_slow_client(void)
{
	const size_t want = 8 * 1000 * 1000;
	struct err err = ERR_INIT;
	struct rig r;
	char *raw, *text, *log;
	size_t n, lines = 0;
	int fd;

	rig_init(&r);
	ok(rig_spawn(&r, "i=0; yes 1234567 | head -1000000", &err) == 0);
	fd = rig_attach(&r, NULL, SHIM_ATTACH_STDOUT, NULL, NULL);
	ok(shim_start(r.shim, &err) == 0);
	wait_exit(0); /* though nobody reads */
	raw = xmalloc(want * 2);
	text = xmalloc(want * 2);
	n = rig_read(fd, raw, want * 2, 20000);
	ok_eq(rig_frames(raw, n, 1, text), want);
	for (size_t i = 0; i < want; i += 8)
		lines += memcmp(text + i, "1234567\n", 8) == 0;
	ok_eq(lines, 1000000);
	close(fd);
	log = rig_file(r.log);
	ok(strlen(log) > 1 << 20);
	free(log);
	free(raw);
	free(text);
	rig_done(&r);
}

/* A released shim goes on for a slow reader only. */
static void test_release_keeps_reader(void)
{
	const size_t want = 8 * 200 * 1000;
	struct err err = ERR_INIT;
	struct rig r;
	char *raw = xmalloc(want * 2), *text = xmalloc(want * 2);
	size_t n;
	int fd;

	rig_init(&r);
	ok(rig_spawn(&r, "yes 1234567 | head -200000", &err) == 0);
	fd = rig_attach(&r, NULL, SHIM_ATTACH_STDOUT, NULL, NULL);
	ok(shim_start(r.shim, &err) == 0);
	wait_exit(0);
	ok(shim_release(r.shim, false, &err) == 0);
	shim_close(r.shim);
	r.shim = NULL;
	n = rig_read(fd, raw, want * 2, 20000);
	ok_eq(rig_frames(raw, n, 1, text), want);
	close(fd);
	free(raw);
	free(text);
	rig_done(&r);
}

static void test_hold(void)
{
	char raw[4096], text[4096];
	struct err err = ERR_INIT;
	uint64_t token = 0;
	int64_t size = 0;
	struct rig r;
	int fd;

	rig_init(&r);
	r.cfg.open_stdin = true;
	ok(rig_spawn(&r, "echo one; printf 'two '; read x; echo three; read y", &err) == 0);
	ok(shim_start(r.shim, &err) == 0);
	usleep(200000);
	fd = rig_attach(&r, NULL, 7 | SHIM_ATTACH_HOLD, &token, &size);
	ok(size > 30 && token != 0);
	ok(write(fd, "\n", 1) == 1);
	ok_eq(rig_read(fd, raw, sizeof(raw), 200), 0);
	ok(shim_attach_go(r.shim, token, &err) == 0);
	ok(write(fd, "\n", 1) == 1);
	/* what the log at that size has not: the unfinished line and the rest */
	rig_frames(raw, rig_read(fd, raw, sizeof(raw), 3000), 1, text);
	ok_str(text, "two three\n");
	wait_exit(0);
	close(fd);
	rig_done(&r);
}

/* Each client's end of stdin ends only itself unless the container is stdin-once. */
static void test_stdin_not_once(void)
{
	char raw[256];
	struct err err = ERR_INIT;
	struct rig r;
	int fd;

	rig_init(&r);
	r.cfg.open_stdin = true;
	ok(rig_spawn(&r, "cat >/dev/null; exit 5", &err) == 0);
	ok(shim_start(r.shim, &err) == 0);
	fd = rig_attach(&r, NULL, 7, NULL, NULL);
	shutdown(fd, SHUT_WR);
	ok_eq(rig_read(fd, raw, sizeof(raw), 3000), 0);
	close(fd);
	ok(shim_get_status(r.shim, &r.status, &err) == 0);
	ok_eq(r.status.state, SHIM_RUNNING);
	ok(shim_close_stdin(r.shim, NULL, &err) == 0);
	wait_exit(5);
	rig_done(&r);
}

static void test_input_backpressure(void)
{
	static char block[65536];
	struct err err = ERR_INIT;
	size_t sent = 0;
	char raw[256], text[256];
	struct rig r;
	int fd;

	memset(block, 'x', sizeof(block));
	rig_init(&r);
	r.cfg.open_stdin = r.cfg.stdin_once = true;
	ok(rig_spawn(&r, "sleep 1; wc -c", &err) == 0);
	ok(shim_start(r.shim, &err) == 0);
	fd = rig_attach(&r, NULL, 7, NULL, NULL);
	while (sent < 8 << 20) {
		ssize_t n = write(fd, block, sizeof(block));

		if (n <= 0)
			break;
		sent += (size_t)n;
	}
	shutdown(fd, SHUT_WR);
	rig_frames(raw, rig_read(fd, raw, sizeof(raw), 10000), 1, text);
	ok_eq(atoll(text), 8 << 20);
	wait_exit(0);
	close(fd);
	rig_done(&r);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	rig_program = argv[1];
	test_run(test_log_and_clients);
	test_run(test_stdin_once);
	test_run(test_leftover_and_start_in_one);
	test_run(test_tty);
	test_run(test_slow_client);
	test_run(test_release_keeps_reader);
	test_run(test_hold);
	test_run(test_stdin_not_once);
	test_run(test_input_backpressure);
	return test_done();
}
