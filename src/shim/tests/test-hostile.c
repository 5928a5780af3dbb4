/* test-hostile.c - peers that lie, flood or do not read; the shim goes on: server.c (1) to (3) */
#include "rig.h"
#include "shim/proto.h"

#include <errno.h>
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

static int raw_connect(struct rig *r)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/shims/c1/" PROTO_SOCKET, r->run);
	ok(connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0);
	return fd;
}

static void skip_snapshot(int fd)
{
	uint64_t buf[PROTO_MAX / 8];
	struct msg_head *h = (void *)buf;

	do {
		if (recv(fd, buf, sizeof(buf), 0) <= 0)
			break;
	} while (h->type != MSG_SNAPSHOT_END);
}

static void check_alive(struct rig *r)
{
	struct err err = ERR_INIT;

	ok(shim_get_status(r->shim, &r->status, &err) == 0);
	ok_eq(r->status.state, SHIM_RUNNING);
}

static size_t count_fds(pid_t pid)
{
	AUTO(free) char *path = xasprintf("/proc/%d/fd", (int)pid);
	AUTO(close) int fd = open(path, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
	char buf[8192];
	size_t n = 0;

	for (ssize_t k; (k = getdents64(fd, buf, sizeof(buf))) > 0;)
		for (ssize_t off = 0; off < k; off += *(uint16_t *)(buf + off + 16))
			n++;
	return n;
}

static void test_garbage(void)
{
	struct err err = ERR_INIT;
	uint64_t msg[PROTO_MAX / 8 + 512] = {0};
	struct msg_request *rq = (void *)msg;
	size_t fds;
	struct rig r;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	fds = count_fds(r.status.shim_pid);
	for (unsigned i = 0; i < 3000; i++) {
		int fd = i % 50 ? -1 : raw_connect(&r);
		static int sock = -1;
		int send_fds[PROTO_FDS_MAX];
		size_t nfds = (size_t)(rand() % 4), n = sizeof(*rq) + (i % 7 ? 0 : (size_t)(rand() % 3000));

		if (fd >= 0) {
			if (sock >= 0)
				close(sock);
			sock = fd;
			skip_snapshot(sock);
		}
		for (size_t k = 0; k < sizeof(*rq) + 64; k++)
			((uint8_t *)msg)[k] = rand() % 3 ? 0 : (uint8_t)rand();
		for (size_t k = 0; k < PROTO_FDS_MAX; k++)
			send_fds[k] = sock;
		if (i % 4) { /* a right head, so that it gets further */
			rq->head = (struct msg_head){PROTO_MAGIC, 1, (uint16_t)(rand() % 22), i,
						     (uint32_t)n, 0};
			/* but none that would end the container */
			if (rq->head.type >= MSG_KILL && rq->head.type <= MSG_PAUSE)
				rq->head.type = MSG_RESIZE;
			if (rq->head.type == MSG_RELEASE)
				rq->head.type = MSG_EXEC;
			if (i % 3) {
				rq->data_len = (uint32_t)(n - sizeof(*rq));
				memset(rq->exec, 0, sizeof(rq->exec));
				memset(rq->name, 0, sizeof(rq->name));
				strcpy(rq->exec, i % 2 ? "e" : "");
				strcpy(rq->name, "k");
				rq->keys_n &= 31;
				rq->signal = 0;
			}
		}
		ignore_result(proto_send(sock, msg, n, NULL, 0, send_fds, nfds, MSG_DONTWAIT));
		if (i % 50 == 49) /* take the answers */
			while (recv(sock, msg, sizeof(msg), MSG_DONTWAIT) > 0)
				;
	}
	check_alive(&r);
	usleep(300000);
	/* one connection is open still; it may have left one kept descriptor and attached itself */
	ok(count_fds(r.status.shim_pid) <= fds + 2 + SHIM_ATTACH_MAX);
	rig_done(&r);
}

static void test_oversized(void)
{
	struct err err = ERR_INIT;
	static uint8_t big[PROTO_MAX + 4096];
	struct rig r;
	int fd;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	fd = raw_connect(&r);
	skip_snapshot(fd);
	ok(send(fd, big, sizeof(big), 0) == sizeof(big));
	ok_eq(recv(fd, big, sizeof(big), 0), 0); /* dropped */
	close(fd);
	check_alive(&r);
	rig_done(&r);
}

/* A controller that never reads is dropped; the others go on. */
static void test_deaf_controller(void)
{
	struct msg_request rq = {.head = {PROTO_MAGIC, 1, MSG_STATUS, 1, sizeof(rq), 0}};
	struct err err = ERR_INIT;
	struct rig r;
	int fd, sent = 0;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	fd = raw_connect(&r);
	for (; sent < 30000; sent++) {
		struct pollfd p = {fd, POLLOUT, 0};

		if (poll(&p, 1, 2000) != 1 || (p.revents & POLLHUP) ||
		    send(fd, &rq, sizeof(rq), MSG_NOSIGNAL) < 0)
			break;
	}
	ok(sent > 100 && sent < 30000);
	check_alive(&r);
	close(fd);
	rig_done(&r);
}

static void test_too_many(void)
{
	struct err err = ERR_INIT;
	int fds[SHIM_ATTACH_MAX], sv[2];
	struct shim_attach a = {.flags = SHIM_ATTACH_STDOUT};
	struct rig r;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	for (int i = 0; i < SHIM_ATTACH_MAX; i++)
		fds[i] = rig_attach(&r, NULL, SHIM_ATTACH_STDOUT, NULL, NULL);
	ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == 0);
	a.fd = sv[1];
	ok(shim_attach(r.shim, &a, NULL, NULL, &err) < 0);
	ok_eq(err.kind, ERR_CONFLICT);
	close(sv[0]);
	close(sv[1]);
	/* a client that goes makes room */
	close(fds[0]);
	for (int i = 0; i < 200; i++) {
		ok(shim_get_status(r.shim, &r.status, &err) == 0);
		if (r.status.clients < SHIM_ATTACH_MAX)
			break;
		usleep(5000);
	}
	ok_eq(r.status.clients, SHIM_ATTACH_MAX - 1);
	for (int i = 1; i < SHIM_ATTACH_MAX; i++)
		close(fds[i]);
	rig_done(&r);
}

static void test_bad_plan(void)
{
	struct err err = ERR_INIT;
	struct rig r;

	rig_init(&r);
	r.cfg.plan = "not terminated";
	r.cfg.plan_len = 5;
	ok(shim_spawn(&r.cfg, r.loop, NULL, NULL, &r.shim, NULL, &err) < 0);
	ok_eq(err.kind, ERR_CORRUPT);
	r.cfg.id = "../x";
	ok(shim_spawn(&r.cfg, r.loop, NULL, NULL, &r.shim, NULL, &err) < 0);
	ok_eq(err.kind, ERR_INVALID);
	r.shim = NULL;
	rig_done(&r);
}

/* A request of a newer engine is refused with a reply, and the connection goes on. */
static void test_unknown_request(void)
{
	struct msg_request rq = {.head = {PROTO_MAGIC, 2, MSG_REQUESTS + 3, 77, sizeof(rq), 0}};
	uint64_t buf[PROTO_MAX / 8];
	struct msg_reply *reply = (void *)buf;
	struct err err = ERR_INIT;
	struct rig r;
	int fd;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "sleep 60", &err) == 0);
	fd = raw_connect(&r);
	skip_snapshot(fd);
	ok(send(fd, &rq, sizeof(rq), 0) == sizeof(rq));
	ok(recv(fd, buf, sizeof(buf), 0) > 0);
	ok_eq(reply->head.type, MSG_REPLY);
	ok_eq(reply->head.cookie, 77);
	ok_eq(reply->head.version, SHIM_PROTOCOL);
	ok_eq(reply->kind, ERR_UNSUPPORTED);
	rq.head.type = MSG_STATUS;
	ok(send(fd, &rq, sizeof(rq), 0) == sizeof(rq));
	ok(recv(fd, buf, sizeof(buf), 0) > 0);
	ok_eq(reply->kind, 0);
	ok_eq(reply->data_len, sizeof(struct shim_status));
	close(fd);
	rig_done(&r);
}

/* A shim of a version we do not know yet is told apart from one that is gone. */
static void test_newer_shim(void)
{
	struct msg_reply hello = {.head = {PROTO_MAGIC, SHIM_PROTOCOL + 1, MSG_SNAPSHOT, 0,
					   sizeof(hello) + sizeof(struct shim_status), 0},
				  .data_len = sizeof(struct shim_status)};
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	struct shim_status st = {0};
	struct err err = ERR_INIT;
	char path[128];
	int listener, fd;
	pid_t pid;
	struct rig r;

	rig_init(&r);
	snprintf(path, sizeof(path), "%s/shims", r.run);
	ok(mkdir(path, 0700) == 0);
	snprintf(path, sizeof(path), "%s/shims/c1", r.run);
	ok(mkdir(path, 0700) == 0);
	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/" PROTO_SOCKET, path);
	listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	ok(bind(listener, (struct sockaddr *)&sa, sizeof(sa)) == 0 && listen(listener, 1) == 0);
	pid = fork();
	if (pid == 0) {
		fd = accept(listener, NULL, NULL);
		ignore_result(proto_send(fd, &hello, sizeof(hello), &st, sizeof(st), NULL, 0, 0));
		_exit(0);
	}
	ok(shim_connect(r.run, "c1", r.loop, NULL, NULL, &r.shim, NULL, NULL, NULL, &err) < 0);
	ok_eq(err.kind, ERR_UNSUPPORTED);
	ok(waitpid(pid, NULL, 0) == pid);
	close(listener);
	/* nobody listens there any more */
	ok(shim_connect(r.run, "c1", r.loop, NULL, NULL, &r.shim, NULL, NULL, NULL, &err) < 0);
	ok_eq(err.kind, ERR_NOT_FOUND);
	ok(fs_remove_tree(AT_FDCWD, path) == 0);
	r.shim = NULL;
	rig_done(&r);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	srand(1);
	rig_program = argv[1];
	test_run(test_garbage);
	test_run(test_oversized);
	test_run(test_deaf_controller);
	test_run(test_too_many);
	test_run(test_bad_plan);
	test_run(test_unknown_request);
	test_run(test_newer_shim);
	return test_done();
}
