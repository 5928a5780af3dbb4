/*
 * conn.c - where the daemon is, and connections to it
 *
 * (1) Nothing is connected before the first request.
 * (2) One idle connection at most is kept; it may have been closed by the daemon meanwhile, so
 *     whoever takes it sends again on a new one when it turns out dead before an answer began.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client/private.h"

#define DEFAULT_TCP_PORT "2375"

static char *default_host(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");

	if (geteuid() != 0 && run && *run && access("/run/cove/cove.sock", W_OK) < 0)
		return xasprintf("unix://%s/cove.sock", run);
	return xstrdup("unix:///run/cove/cove.sock");
}

static int parse_tcp(struct client *c, const char *rest, struct err *err)
{
	const char *end = rest + strcspn(rest, "/"), *colon = NULL, *name_end;

	if (*rest == '[') {
		name_end = memchr(rest, ']', (size_t)(end - rest));
		if (!name_end)
			return err_set(err, ERR_INVALID, "unable to parse docker host `%s`", c->host);
		c->tcp_name = xstrndup(rest + 1, (size_t)(name_end - rest - 1));
		colon = name_end + 1 < end && name_end[1] == ':' ? name_end + 1 : NULL;
	} else {
		colon = memchr(rest, ':', (size_t)(end - rest));
		name_end = colon ? colon : end;
		c->tcp_name = xstrndup(rest, (size_t)(name_end - rest));
	}
	if (!*c->tcp_name) {
		free(c->tcp_name);
		c->tcp_name = xstrdup("localhost");
	}
	c->tcp_port = colon && colon + 1 < end ? xstrndup(colon + 1, (size_t)(end - colon - 1))
					       : xstrdup(DEFAULT_TCP_PORT);
	return 0;
}

static int parse_host(struct client *c, struct err *err)
{
	static const char *const refused[] = {"ssh", "fd", "npipe", "http", "https"};
	const char *sep = strstr(c->host, "://"), *tls = getenv("DOCKER_TLS_VERIFY");
	struct sockaddr_un sun;

	if (!sep)
		return err_set(err, ERR_INVALID, "unable to parse docker host `%s`", c->host);
	if (strncmp(c->host, "unix://", 7) == 0) {
		c->unix_path = xstrdup(sep + 3);
		if (!*c->unix_path || strlen(c->unix_path) >= sizeof(sun.sun_path))
			return err_set(err, ERR_INVALID, "unix socket path \"%s\" is %s",
				       c->unix_path, *c->unix_path ? "too long" : "empty");
		return 0;
	}
	if (strncmp(c->host, "tcp://", 6) == 0) {
		if (tls && *tls)
			return err_set(err, ERR_UNSUPPORTED,
				       "TLS connections to a daemon are not supported "
				       "(DOCKER_TLS_VERIFY is set): use a unix socket");
		return parse_tcp(c, sep + 3, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if (strlen(refused[i]) == (size_t)(sep - c->host) &&
		    strncmp(c->host, refused[i], strlen(refused[i])) == 0)
			return err_set(err, ERR_UNSUPPORTED,
				       "host \"%s\": %s:// is not supported, use unix:// or tcp://",
				       c->host, refused[i]);
	return err_set(err, ERR_INVALID, "unable to parse docker host `%s`", c->host);
}

static int fixed_version(struct client *c, struct err *err)
{
	const char *v = getenv("DOCKER_API_VERSION");
	int64_t minor;

	if (!v || !*v)
		return 0;
	if (*v == 'v')
		v++;
	if (strncmp(v, "1.", 2) != 0 || str_to_i64(v + 2, 10, &minor) < 0 || minor < 1 ||
	    minor > 999)
		return err_set(err, ERR_INVALID, "invalid DOCKER_API_VERSION \"%s\"", v);
	c->minor = (int)minor;
	c->fixed = true;
	return 0;
}

int client_open(const char *host, struct client **ret, struct err *err)
{
	struct client *c = xnew(struct client);

	c->idle_fd = -1;
	c->minor = CLIENT_API_MINOR;
	if (!host || !*host)
		host = getenv("COVE_HOST");
	if (!host || !*host)
		host = getenv("DOCKER_HOST");
	c->host = host && *host ? xstrdup(host) : default_host();
	if (parse_host(c, err) < 0 || fixed_version(c, err) < 0) {
		client_free(c);
		return -1;
	}
	*ret = c;
	return 0;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	if (c->idle_fd >= 0)
		close(c->idle_fd);
	free(c->host);
	free(c->unix_path);
	free(c->tcp_name);
	free(c->tcp_port);
	free(c);
}

const char *client_host(const struct client *c)
{
	return c->host;
}

int client_api_minor(const struct client *c)
{
	return c->minor;
}

static int unreachable(struct client *c, int errnum, struct err *err)
{
	if (errnum == EACCES || errnum == EPERM)
		return err_set(err, ERR_UNAVAILABLE,
			       "permission denied while trying to connect to the daemon at %s: "
			       "use sudo, or join the group that owns the socket",
			       c->host);
	return err_set(err, ERR_UNAVAILABLE,
		       "Cannot connect to the cove daemon at %s. Is coved running?\n"
		       "Start it with: sudo coved",
		       c->host);
}

static int open_unix(struct client *c, struct err *err)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), r;

	if (fd < 0)
		return err_sys(err, errno, "make a socket");
	memcpy(sun.sun_path, c->unix_path, strlen(c->unix_path) + 1);
	do
		r = connect(fd, (struct sockaddr *)&sun, sizeof(sun));
	while (r < 0 && errno == EINTR);
	if (r < 0) {
		int e = errno;

		close(fd);
		return unreachable(c, e, err);
	}
	return fd;
}

static int open_tcp(struct client *c, struct err *err)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *list, *ai;
	int fd = -1, last = ECONNREFUSED, one = 1, r;

	r = getaddrinfo(c->tcp_name, c->tcp_port, &hints, &list);
	if (r != 0)
		return err_set(err, ERR_UNAVAILABLE, "error during connect: lookup %s: %s",
			       c->tcp_name, gai_strerror(r));
	for (ai = list; ai; ai = ai->ai_next) {
		fd = socket(ai->ai_family, ai->ai_socktype | SOCK_CLOEXEC, ai->ai_protocol);
		if (fd < 0)
			continue;
		if (connect(fd, ai->ai_addr, ai->ai_addrlen) == 0)
			break;
		last = errno;
		close(fd);
		fd = -1;
	}
	freeaddrinfo(list);
	if (fd < 0)
		return unreachable(c, last, err);
	/* only latency is lost where it cannot be set */
	ignore_result(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) < 0);
	return fd;
}

int conn_open(struct client *c, struct err *err)
{
	return c->unix_path ? open_unix(c, err) : open_tcp(c, err);
}

int conn_get(struct client *c, bool *reused, struct err *err)
{
	*reused = c->idle_fd >= 0;
	return *reused ? TAKE_FD(c->idle_fd) : conn_open(c, err);
}

void conn_put(struct client *c, int fd)
{
	if (c->idle_fd >= 0)
		close(fd);
	else
		c->idle_fd = fd;
}
