/*
 * publish.c - host ports that lead into containers
 *
 * Packets are led by the rules (see rules.c), locally made ones included. A socket bound to the port
 * holds it meanwhile, so that nobody else gets it and it is not published twice; TCP ones listen,
 * since only then a second listener is refused whatever its options are. Nobody ever connects to
 * them: the rules change the destination before a packet gets there.
 *
 * (1) Either all ports are held or none is.
 */
#include "network/private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define PORTS_MAX 4096 /* of one container */

static const char *const proto_names[] = {
	[NETWORK_TCP] = "tcp", [NETWORK_UDP] = "udp", [NETWORK_SCTP] = "sctp"};

const char *network_proto_name(enum network_proto p)
{
	return proto_names[p];
}

int network_parse_port(const char *s, uint16_t *ret_port, enum network_proto *ret_proto)
{
	const char *slash = strchrnul(s, '/');
	size_t proto = NETWORK_TCP;
	uint64_t port;

	if (slash - s > 5)
		return -1;
	AUTO(free) char *digits = xstrndup(s, (size_t)(slash - s));
	if (str_to_u64(digits, 10, &port) < 0 || port == 0 || port > 65535)
		return -1;
	if (*slash) {
		while (proto < ARRAY_LEN(proto_names) && strcasecmp(slash + 1, proto_names[proto]) != 0)
			proto++;
		if (proto == ARRAY_LEN(proto_names))
			return -1;
	}
	*ret_port = (uint16_t)port;
	*ret_proto = (enum network_proto)proto;
	return 0;
}

/* A socket that holds the port, or -errno; *port 0 is set to the one the kernel chose. */
static int hold(enum network_proto proto, uint32_t addr, uint16_t *port)
{
	AUTO(close) int fd = socket(AF_INET, (proto == NETWORK_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
				    proto == NETWORK_SCTP ? IPPROTO_SCTP : 0);
	struct sockaddr_in sa = {.sin_family = AF_INET, .sin_port = htons(*port),
				 .sin_addr.s_addr = htonl(addr)};
	socklen_t len = sizeof(sa);
	int one = 1;

	if (fd < 0)
		return -errno;
	if (proto != NETWORK_UDP) /* connections in TIME_WAIT do not count */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
		return -errno;
	if (proto != NETWORK_UDP && listen(fd, 0) < 0)
		return -errno;
	if (getsockname(fd, (struct sockaddr *)&sa, &len) < 0)
		return -errno;
	*port = ntohs(sa.sin_port);
	return TAKE_FD(fd);
}

static int take_one(struct network_mgr *mgr, const struct network_port *p, struct binding *b, struct err *err)
{
	char text[ADDR_TEXT];
	int r = -EADDRINUSE;

	b->proto = p->proto;
	b->container_port = p->container_port;
	b->host_addr = mgr->host_binding;
	if (p->host_ip && *p->host_ip && !addr4_parse(p->host_ip, &b->host_addr)) {
		if (strchr(p->host_ip, ':'))
			return err_set(err, ERR_UNSUPPORTED, "publishing on the IPv6 address %.64s is not supported",
				       p->host_ip);
		return err_set(err, ERR_INVALID, "invalid IP address: %.64s", p->host_ip);
	}
	if (!p->container_port || p->host_last < p->host_first)
		return err_set(err, ERR_INVALID, "invalid port range %u-%u", p->host_first, p->host_last);
	for (unsigned port = p->host_first; port <= p->host_last && r == -EADDRINUSE; port++) {
		b->host_port = (uint16_t)port;
		r = hold(b->proto, b->host_addr, &b->host_port);
	}
	addr4_format(text, b->host_addr);
	if (r == -EADDRINUSE)
		return err_set(err, ERR_CONFLICT, "Bind for %s:%u failed: port is already allocated", text,
			       p->host_first);
	if (r == -EPROTONOSUPPORT && b->host_port) /* no SCTP in this kernel's sockets: not held */
		r = -1;
	else if (r < 0)
		return err_sys(err, -r, "bind %s:%u/%s", text, b->host_port, proto_names[b->proto]);
	b->fd = r;
	return 0;
}

void publish_release(struct binding *b, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (b[i].fd >= 0)
			close(b[i].fd);
		b[i].fd = -1;
	}
}

int publish_take(struct network_mgr *mgr, const struct network_port *ports, size_t n, uint32_t dest,
		 struct binding **ret, size_t *ret_n, struct err *err)
{
	struct binding *v;

	if (n > PORTS_MAX)
		return err_set(err, ERR_INVALID, "more than %d published ports", PORTS_MAX);
	if (n == 0)
		return 0;
	if (!mgr->firewall)
		return err_set(err, ERR_UNSUPPORTED, "ports cannot be published without packet rules");
	v = xnew_n(struct binding, n);
	for (size_t i = 0; i < n; i++) {
		v[i].fd = -1;
		v[i].dest = dest;
		if (take_one(mgr, &ports[i], &v[i], err) < 0) {
			publish_release(v, i); /* (1) */
			free(v);
			return -1;
		}
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

bool publish_hold_again(struct binding *b)
{
	uint16_t port = b->host_port;

	if (b->fd < 0)
		b->fd = hold(b->proto, b->host_addr, &port);
	if (b->fd < -1)
		b->fd = -1;
	return b->fd >= 0;
}
