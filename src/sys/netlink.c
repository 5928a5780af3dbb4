/*
 * netlink.c - batches of netlink messages
 *
 * (1) A message is built inside reserved room, so that libmnl's unchecked writes stay in the buffer.
 * (2) What the kernel sends is bounded by its own length fields, each checked against what came.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "sys/netlink.h"

#define RECV_SIZE     (64 * 1024)
#define SOCKET_BUFFER (4 * 1024 * 1024)

int nl_open(int protocol)
{
	AUTO(close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	int one = 1, size = SOCKET_BUFFER;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return TAKE_FD(fd);
}

static void finish(struct nl_batch *b)
{
	struct nlmsghdr *nlh;

	if (!b->open)
		return;
	nlh = (struct nlmsghdr *)(b->data.p + b->cur);
	CHECK(nlh->nlmsg_len <= NL_MSG_ROOM); /* (1) */
	b->data.len = b->cur + MNL_ALIGN(nlh->nlmsg_len);
	b->open = false;
}

struct nlmsghdr *nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, size_t hdrsize, void *ret_hdr)
{
	struct nlmsghdr *nlh;
	void *hdr;

	finish(b);
	if (b->data.len > NL_BATCH_MAX) { /* sent as an error; the room is used again */
		b->overflow = true;
		b->data.len = 0;
	}
	buf_reserve(&b->data, NL_MSG_ROOM);
	b->cur = b->data.len;
	memset(b->data.p + b->cur, 0, NL_MSG_ROOM);
	nlh = mnl_nlmsg_put_header(b->data.p + b->cur);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++b->n;
	hdr = mnl_nlmsg_put_extra_header(nlh, hdrsize);
	*(void **)ret_hdr = hdr;
	b->open = true;
	return nlh;
}

static void note_failure(struct nl_batch *b, const struct nlmsghdr *nlh)
{
	size_t off = sizeof(struct nlmsgerr);
	const struct nlattr *attr;

	b->failed = nlh->nlmsg_seq;
	b->why[0] = '\0';
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || !(nlh->nlmsg_flags & NLM_F_CAPPED))
		return;
	mnl_attr_for_each(attr, nlh, off)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			snprintf(b->why, sizeof(b->why), "%.*s", (int)mnl_attr_get_payload_len(attr),
				 (const char *)mnl_attr_get_payload(attr));
}

struct answers {
	struct nl_batch *b;
	nl_fn *fn;
	void *ctx;
	bool done; /* end of a dump */
	int error; /* first, negative */
};

static int take_error(struct answers *a, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return -EBADMSG;
	if (e->error < 0 && a->error == 0) {
		a->error = e->error;
		note_failure(a->b, nlh);
	}
	a->done = true;
	return 0;
}

static int take_messages(struct answers *a, const char *data, int len)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)data;
	int r;

	while (mnl_nlmsg_ok(nlh, len)) {
		if (nlh->nlmsg_type == NLMSG_ERROR) {
			r = take_error(a, nlh);
		} else if (nlh->nlmsg_type == NLMSG_DONE) {
			a->done = true;
			r = 0;
		} else {
			r = a->fn && nlh->nlmsg_type >= NLMSG_MIN_TYPE ? a->fn(a->ctx, nlh) : 0;
		}
		if (r != 0)
			return r;
		nlh = mnl_nlmsg_next(nlh, &len);
	}
	return 0;
}

static int receive(int fd, struct answers *a, bool until_done)
{
	AUTO(free) char *data = xmalloc(RECV_SIZE);
	int stop = 0;

	for (;;) {
		ssize_t n = recv(fd, data, RECV_SIZE, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			struct pollfd pfd = {.fd = fd, .events = POLLIN};

			if (!until_done || a->done)
				break;
			if (poll(&pfd, 1, 5000) == 0)
				return -ETIMEDOUT;
			continue;
		}
		if (n < 0)
			return -errno;
		if (stop == 0) /* after a stop the rest of the dump is read and dropped */
			stop = take_messages(a, data, (int)n);
		else
			a->done = a->done || ((struct nlmsghdr *)data)->nlmsg_type == NLMSG_DONE;
		if (stop != 0 && !until_done)
			break;
	}
	return stop != 0 ? stop : a->error;
}

static int run(int fd, struct nl_batch *b, struct answers *a, bool until_done)
{
	static const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n;
	int r;

	finish(b);
	b->failed = 0;
	b->why[0] = '\0';
	if (b->overflow) {
		r = -E2BIG;
	} else if (b->n == 0) {
		r = 0;
	} else {
		do
			n = sendto(fd, b->data.p, b->data.len, 0, (const struct sockaddr *)&kernel,
				   sizeof(kernel));
		while (n < 0 && errno == EINTR);
		r = n < 0 ? -errno : receive(fd, a, until_done);
	}
	buf_reset(&b->data);
	b->n = 0;
	b->overflow = false;
	return r;
}

int nl_send(int fd, struct nl_batch *b)
{
	struct answers a = {.b = b};

	return run(fd, b, &a, false);
}

int nl_query(int fd, struct nl_batch *b, nl_fn *fn, void *ctx)
{
	struct answers a = {.b = b, .fn = fn, .ctx = ctx};
	bool dump;

	finish(b);
	dump = b->n > 0 && (((struct nlmsghdr *)b->data.p)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	return run(fd, b, &a, dump);
}

static void put_attr(const struct nlattr **tb, size_t n, const struct nlattr *attr)
{
	if (mnl_attr_get_type(attr) < n)
		tb[mnl_attr_get_type(attr)] = attr;
}

void nl_attrs(const struct nlattr **tb, size_t n, const struct nlmsghdr *nlh, size_t hdrsize)
{
	const struct nlattr *attr;

	memset(tb, 0, n * sizeof(*tb));
	if (mnl_nlmsg_get_payload_len(nlh) < MNL_ALIGN(hdrsize))
		return;
	mnl_attr_for_each(attr, nlh, hdrsize)
		put_attr(tb, n, attr);
}

void nl_attrs_nested(const struct nlattr **tb, size_t n, const struct nlattr *nest)
{
	const struct nlattr *attr;

	memset(tb, 0, n * sizeof(*tb));
	if (!nest)
		return;
	mnl_attr_for_each_nested(attr, nest)
		put_attr(tb, n, attr);
}

const void *nl_data(const struct nlattr *attr, size_t size)
{
	return attr && mnl_attr_get_payload_len(attr) >= size ? mnl_attr_get_payload(attr) : NULL;
}

const char *nl_str(const struct nlattr *attr)
{
	const char *s = nl_data(attr, 1);

	return s && s[mnl_attr_get_payload_len(attr) - 1] == '\0' ? s : "";
}
