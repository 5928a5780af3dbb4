/*
 * host.h - a machine of its own for a test: one namespace is the host, another what is outside
 *
 * host_make() moves the calling (only) thread into a new network namespace with an uplink
 * 198.51.100.1/24 to the namespace "outside" (198.51.100.2/24). Sockets are made in any of them and
 * used from the same thread, so that traffic needs no other process.
 */
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>

#include "base/fs.h"
#include "base/tap.h"
#include "network/private.h"

#define OUTSIDE "198.51.100.2"
#define UPLINK	"198.51.100.1"

struct host {
	int ns, outside;
	char dir[64];
	bool ready;
};

static struct host host;

/* A socket made in the namespace; -1 with errno. */
static inline int socket_in(int ns, int type)
{
	int fd, saved;

	CHECK(setns(ns, CLONE_NEWNET) == 0);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	saved = errno;
	CHECK(setns(host.ns, CLONE_NEWNET) == 0);
	errno = saved;
	return fd;
}

static inline struct sockaddr_in sa(const char *ip, unsigned port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	CHECK(inet_pton(AF_INET, ip, &a.sin_addr) == 1);
	return a;
}

static inline int listen_in(int ns, const char *ip, unsigned port)
{
	struct sockaddr_in a = sa(ip, port);
	int fd = socket_in(ns, SOCK_STREAM), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0) {
		printf("# listen %s:%u: %s\n", ip, port, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* Connects, accepts at listener, sends a word. The client's address as the server saw it, or "". */
static inline const char *talk(int from_ns, const char *ip, unsigned port, int listener)
{
	static char seen[ADDR_TEXT];
	struct timeval limit = {.tv_sec = 1, .tv_usec = 500000};
	struct sockaddr_in a = sa(ip, port), peer = {};
	AUTO(close) int fd = socket_in(from_ns, SOCK_STREAM);
	AUTO(close) int got = -1;
	socklen_t len = sizeof(peer);
	char word[4] = "";

	seen[0] = '\0';
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return seen;
	setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	got = accept4(listener, (struct sockaddr *)&peer, &len, SOCK_CLOEXEC);
	if (got < 0)
		return seen;
	if (send(fd, "hey", 3, 0) == 3 && recv(got, word, 3, MSG_WAITALL) == 3 && strcmp(word, "hey") == 0)
		inet_ntop(AF_INET, &peer.sin_addr, seen, sizeof(seen));
	return seen;
}

static inline bool host_make(void)
{
	struct veth v = {.host_name = "uplink", .inner_name = "eth0", .inner_index = LINK_INSIDE, .mtu = 1500};
	struct inner in = {.index = LINK_INSIDE, .len = 24, .mac = {2, 0, 0, 0, 0, 2}};
	struct link l;
	int nl, outside_nl, old;

	if (host.ready)
		return true;
	old = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (old < 0 || unshare(CLONE_NEWNET) < 0) {
		test_skip("no network namespaces here");
		return false;
	}
	close(old);
	host.ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	nl = nl_open(NETLINK_ROUTE);
	CHECK(link_up(nl, 1) == 0);
	CHECK(ns_new(host.ns, &host.outside, &outside_nl) == 0);
	v.ns = host.outside;
	CHECK(link_make_veth(nl, &v) == 0); /* no bridge: master 0 */
	CHECK(link_get(nl, "uplink", &l) == 1);
	CHECK(link_add_address(nl, l.index, 0xc6336401, 24) == 0);
	CHECK(addr4_parse(OUTSIDE, &in.addr));
	CHECK(link_configure(outside_nl, &in) == 0);
	CHECK(link_set_gateway(nl, in.addr) == 0);
	close(nl);
	close(outside_nl);
	snprintf(host.dir, sizeof(host.dir), "/tmp/network-test-XXXXXX");
	CHECK(mkdtemp(host.dir));
	host.ready = true;
	return true;
}

static inline void host_done(void)
{
	if (!host.ready)
		return;
	ignore_result(fs_remove_tree(AT_FDCWD, host.dir));
	close(host.ns);
	close(host.outside);
}

static inline int count_link(void *ctx, const struct link *l)
{
	int *n = ctx;

	*n += strncmp(l->name, "veth", 4) == 0;
	return 0;
}

static inline int count_veths(void)
{
	AUTO(close) int nl = nl_open(NETLINK_ROUTE);
	int n = 0;

	CHECK(link_each(nl, count_link, &n) == 0);
	return n;
}

/* Links go with their namespaces, in the background. */
static inline int veths_settle(int expected)
{
	int n = -1;

	for (int i = 0; i < 100; i++) {
		n = count_veths();
		if (n == expected)
			break;
		usleep(50000);
	}
	return n;
}

static inline int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Managers and containers in the test's own machine. */
static inline struct network_mgr *open_mgr(const struct network_config *extra)
{
	struct network_config cfg = extra ? *extra : (struct network_config){};
	AUTO(strv) struct strv warnings = {};
	struct network_mgr *mgr = NULL;
	struct err err = ERR_INIT;

	cfg.data_root = cfg.exec_root = host.dir;
	if (network_open(&cfg, &mgr, &warnings, &err) < 0)
		printf("# open: %s\n", err.msg);
	strv_for_each(w, &warnings)
		printf("# warning: %s\n", w);
	return mgr;
}

static inline int attach(struct network_mgr *mgr, const char *id)
{
	struct network_spec spec = {.id = id, .name = id, .hostname = "h"};
	struct err err = ERR_INIT;
	int ns = -1;

	if (network_attach(mgr, &spec, &ns, &err) < 0)
		printf("# attach: %s\n", err.msg);
	return ns;
}

static inline void teardown(struct network_mgr *mgr)
{
	struct err err = ERR_INIT;

	ok_eq(network_teardown(mgr, &err), 0);
	ok_str(err.msg, "");
	network_close(mgr);
}
