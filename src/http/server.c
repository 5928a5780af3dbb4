/*
 * server.c - listening, deadlines, stopping
 *
 * (1) One timer serves all deadlines; with none pending the loop sleeps.
 * (2) A socket file in use by a living server is left alone.
 */
#include "http/private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fs.h"

#define RETRY_NS (200 * NS_PER_MS)
#define BACKLOG	 512

int http_server_new(const struct http_config *config, struct http_server **ret, struct err *err)
{
	struct http_server *s = xnew(struct http_server);

	if (signal(SIGPIPE, SIG_IGN) == SIG_ERR) {
		free(s);
		return err_sys(err, errno, "ignore SIGPIPE");
	}
	s->config = *config;
	if (!s->config.head_timeout_ns)
		s->config.head_timeout_ns = 60 * NS_PER_SEC;
	if (!s->config.max_connections)
		s->config.max_connections = 4096;
	s->scratch = xmalloc(SCRATCH_SIZE);
	list_init(&s->listeners);
	list_init(&s->conns);
	http_parser_set_max_header_size(HTTP_MAX_HEAD + 4096);
	*ret = s;
	return 0;
}

unsigned http_server_connections(const struct http_server *s)
{
	return s->nconns;
}

/* --- deadlines ------------------------------------------------------------------------------ */

static void sweep(void *ctx)
{
	struct http_server *s = ctx;
	int64_t now = clock_mono_ns(), next = 0;

	s->sweep = NULL;
	list_for_each(pos, &s->conns) {
		struct conn *c = container_of(pos, struct conn, link);

		if (!c->deadline)
			continue;
		if (c->deadline <= now)
			conn_drop(c);
		else if (!next || c->deadline < next)
			next = c->deadline;
	}
	server_deadline(s, next);
}

void server_deadline(struct http_server *s, int64_t at)
{
	if (!at || (s->sweep && s->sweep_at <= at))
		return;
	if (s->sweep)
		loop_timer_free(s->sweep);
	s->sweep_at = at;
	s->sweep = loop_add_timer(s->config.loop, at - clock_mono_ns() + NS_PER_MS, sweep, s);
}

/* --- listening ------------------------------------------------------------------------------ */

static void listen_on(struct http_server *s, bool on)
{
	list_for_each(pos, &s->listeners)
		loop_fd_events(container_of(pos, struct listener, link)->watch, on ? EPOLLIN : 0);
}

static void retry_accept(void *ctx)
{
	struct http_server *s = ctx;

	s->retry = NULL;
	listen_on(s, true);
}

static void on_accept(void *ctx, uint32_t events)
{
	struct listener *l = ctx;
	struct http_server *s = l->srv;

	for (int i = 0; i < 64; i++) {
		int fd, one = 1;

		if (s->nconns >= s->config.max_connections) {
			listen_on(s, false);
			return;
		}
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			listen_on(s, false);
			if (!s->retry)
				s->retry = loop_add_timer(s->config.loop, RETRY_NS, retry_accept, s);
			return;
		}
		if (fd < 0)
			return;
		if (l->tcp)
			setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		conn_accept(s, fd, l->tcp);
	}
}

static void add_listener(struct http_server *s, int fd, const char *path, bool tcp)
{
	struct listener *l = xnew(struct listener);

	*l = (struct listener){.srv = s, .fd = fd, .path = xstrdup(path), .tcp = tcp};
	list_init(&l->link);
	list_add_tail(&s->listeners, &l->link);
	l->watch = loop_add_fd(s->config.loop, fd, EPOLLIN, on_accept, l);
}

static void listener_free(struct listener *l)
{
	loop_fd_free(l->watch);
	close(l->fd);
	if (l->path)
		unlink(l->path);
	free(l->path);
	list_del(&l->link);
	free(l);
}

/* Whether somebody listens there; a file nobody listens on is removed. */
static bool is_served(const struct sockaddr_un *addr)
{
	AUTO(close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat st;

	if (lstat(addr->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	if (fd >= 0 && connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) < 0 &&
	    errno == ECONNREFUSED) {
		unlink(addr->sun_path);
		return false;
	}
	return true;
}

int http_listen_unix(struct http_server *s, const char *path, gid_t gid, struct err *err)
{
	AUTO(close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_set(err, ERR_INVALID, "socket path '%s' is longer than %zu bytes", path,
			       sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	if (fd < 0)
		return err_sys(err, errno, "make a socket");
	if (is_served(&addr))
		return err_set(err, ERR_CONFLICT, "socket '%s' is in use by another process", path);
	/* the file gets the mode of the socket: it is never open to others, not for a moment */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_sys(err, errno, "bind socket '%s'", path);
	if (gid != (gid_t)-1 && (lchown(path, (uid_t)-1, gid) < 0 || chmod(path, 0660) < 0))
		return err_sys(err, errno, "give socket '%s' to group %u", path, (unsigned)gid);
	if (listen(fd, BACKLOG) < 0)
		return err_sys(err, errno, "listen on '%s'", path);
	add_listener(s, TAKE_FD(fd), path, false);
	return 0;
}

static bool is_loopback(const struct sockaddr *sa)
{
	if (sa->sa_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)sa)->sin_addr.s_addr) >> 24 == 127;
	return sa->sa_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)sa)->sin6_addr);
}

static int bind_tcp(const struct addrinfo *ai, struct err *err)
{
	AUTO(close) int fd = -1;
	int one = 1;

	if (!is_loopback(ai->ai_addr))
		return err_set(err, ERR_FORBIDDEN,
			       "plain tcp is only served on loopback addresses: who reaches the API is root here");
	fd = socket(ai->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(err, errno, "make a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
		return err_sys(err, errno, "listen");
	return TAKE_FD(fd);
}

int http_listen_tcp(struct http_server *s, const char *host, const char *port, int *ret_port,
		    struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *ai;
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int fd;

	if (streq(host, "localhost"))
		host = "127.0.0.1";
	if (getaddrinfo(host, port, &hints, &ai) != 0)
		return err_set(err, ERR_INVALID, "invalid address '%s:%s'", host, port);
	fd = bind_tcp(ai, err);
	freeaddrinfo(ai);
	if (fd < 0)
		return err_wrap(err, "tcp://%s:%s", host, port);
	if (ret_port && getsockname(fd, (struct sockaddr *)&ss, &len) == 0)
		*ret_port = ntohs(ss.ss_family == AF_INET ? ((struct sockaddr_in *)&ss)->sin_port
							  : ((struct sockaddr_in6 *)&ss)->sin6_port);
	add_listener(s, fd, NULL, true);
	return 0;
}

int http_listen_fd(struct http_server *s, int fd, struct err *err)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	int listening = 0;
	socklen_t n = sizeof(listening);

	if (getsockname(fd, (struct sockaddr *)&ss, &len) < 0 ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &n) < 0 || !listening) {
		close(fd);
		return err_set(err, ERR_INVALID, "descriptor %d is not a listening socket", fd);
	}
	if (ss.ss_family != AF_UNIX && !is_loopback((struct sockaddr *)&ss)) {
		close(fd);
		return err_set(err, ERR_FORBIDDEN, "plain tcp is only served on loopback addresses");
	}
	fs_nonblock(fd, true);
	fs_cloexec(fd, true);
	add_listener(s, fd, NULL, ss.ss_family != AF_UNIX);
	return 0;
}

/* --- stopping ------------------------------------------------------------------------------- */

static void drop_all(struct http_server *s, bool idle_only)
{
	list_for_each(pos, &s->conns) {
		struct conn *c = container_of(pos, struct conn, link);

		if (!idle_only || (!c->ex && !conn_unsent(c)))
			conn_drop(c);
	}
}

static void is_stopped(void *ctx)
{
	struct http_server *s = ctx;
	loop_fn *fn = s->stopped;

	s->stopped = NULL;
	if (fn)
		fn(s->stopped_ctx);
}

static void grace_over(void *ctx)
{
	struct http_server *s = ctx;

	s->grace = NULL;
	drop_all(s, false);
}

void server_conn_gone(struct http_server *s)
{
	if (s->stopping && s->nconns == 0 && s->stopped) {
		if (s->grace)
			loop_timer_free(s->grace);
		s->grace = NULL;
		loop_post(s->config.loop, is_stopped, s);
	} else if (!s->stopping && !s->retry && s->nconns + 1 == s->config.max_connections) {
		listen_on(s, true);
	}
}

static void drop_listeners(struct http_server *s)
{
	list_for_each(pos, &s->listeners)
		listener_free(container_of(pos, struct listener, link));
	if (s->retry)
		loop_timer_free(s->retry);
	s->retry = NULL;
}

void http_server_stop(struct http_server *s, int64_t grace_ns, loop_fn *done, void *ctx)
{
	drop_listeners(s);
	s->stopping = true;
	s->stopped = done;
	s->stopped_ctx = ctx;
	s->grace = loop_add_timer(s->config.loop, grace_ns, grace_over, s);
	drop_all(s, true);
	if (s->stopped)
		server_conn_gone(s);
}

void http_server_free(struct http_server *s)
{
	if (!s)
		return;
	drop_listeners(s);
	s->stopping = true;
	s->stopped = NULL;
	drop_all(s, false);
	if (s->sweep)
		loop_timer_free(s->sweep);
	if (s->grace)
		loop_timer_free(s->grace);
	free(s->scratch);
	free(s);
}
