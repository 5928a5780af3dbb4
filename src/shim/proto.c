/*
 * proto.c - checks and moves the messages between the engine and a shim
 *
 * (1) No byte of a message is used before its length, terminators and number ranges were
 *     checked here; the peer has our uid, but may be an engine gone wrong.
 * (2) Descriptors of a refused message are closed by who received it, never leaked.
 */
#include "shim/proto.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/mem.h"

#define ATTRS_MAX 16384
#define ROOT_MAX  4096

/* What each request may carry. */
static const struct rule {
	uint8_t min_fds, max_fds;
	bool data, exec;
} rules[MSG_REQUESTS] = {
    [MSG_START] = {0, 0},
    [MSG_ATTACH] = {1, 1, .data = true},
    [MSG_ATTACH_GO] = {0, 0},
    [MSG_EXEC] = {1, 2, .data = true, .exec = true},
    [MSG_EXEC_FORGET] = {0, 0, .exec = true},
    [MSG_RESIZE] = {0, 0},
    [MSG_CLOSE_STDIN] = {0, 0},
    [MSG_KILL] = {0, 0},
    [MSG_STOP] = {0, 0},
    [MSG_PAUSE] = {0, 0},
    [MSG_RESUME] = {0, 0},
    [MSG_SET_RESTART] = {0, 0},
    [MSG_UPDATE] = {1, 1},
    [MSG_PIDS] = {0, 0},
    [MSG_KEEP_FD] = {0, 1},
    [MSG_FETCH_FD] = {0, 0},
    [MSG_STATUS] = {0, 0},
    [MSG_RELEASE] = {0, 0},
};

static bool terminated(const char *s, size_t size)
{
	return memchr(s, 0, size) != NULL;
}

static bool plain(const char *s, size_t max)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-");

	return n > 0 && n <= max && !s[n] && s[0] != '.';
}

bool proto_valid_id(const char *id)
{
	return plain(id, SHIM_ID_MAX);
}

int proto_check_head(const void *msg, size_t n, struct err *err)
{
	const struct msg_head *h = msg;

	if (n < sizeof(*h) || h->magic != PROTO_MAGIC || h->size != n || n > PROTO_MAX)
		return err_set(err, ERR_INVALID, "malformed shim message of %zu bytes", n);
	if (h->version == 0)
		return err_set(err, ERR_INVALID, "shim message without version");
	return 0;
}

static int check_exec_flags(const struct msg_request *m, size_t nfds, struct err *err)
{
	bool attach = m->flags & EXEC_ATTACH;

	if (nfds != (attach ? 2 : 1) || (!attach && m->data_len))
		return err_set(err, ERR_INVALID, "exec request with %zu descriptors", nfds);
	return 0;
}

int proto_check_request(const void *msg, size_t n, size_t nfds, struct err *err)
{
	const struct msg_request *m = msg;
	const struct rule *rule;

	if (proto_check_head(msg, n, err) < 0)
		return -1;
	if (m->head.type <= MSG_INIT || m->head.type >= MSG_REQUESTS)
		return err_set(err, ERR_UNSUPPORTED, "this shim does not know request %d",
			       m->head.type);
	rule = &rules[m->head.type];
	if (n < sizeof(*m) || m->data_len != n - sizeof(*m) || m->data_len > SHIM_LEFTOVER_MAX ||
	    (m->data_len && !rule->data))
		return err_set(err, ERR_INVALID, "shim request %d has a wrong length", m->head.type);
	if (!terminated(m->exec, sizeof(m->exec)) || !terminated(m->name, sizeof(m->name)) ||
	    (m->exec[0] && !proto_valid_id(m->exec)) || (rule->exec && !m->exec[0]))
		return err_set(err, ERR_INVALID, "shim request %d has a bad name", m->head.type);
	if ((m->head.type == MSG_KEEP_FD || m->head.type == MSG_FETCH_FD) &&
	    !plain(m->name, SHIM_NAME_MAX))
		return err_set(err, ERR_INVALID, "bad name of a kept descriptor");
	if (nfds < rule->min_fds || nfds > rule->max_fds)
		return err_set(err, ERR_INVALID, "shim request %d with %zu descriptors",
			       m->head.type, nfds);
	if (m->keys_n > SHIM_KEYS_MAX || m->signal < 0 || m->signal > 64)
		return err_set(err, ERR_INVALID, "shim request %d out of range", m->head.type);
	if (m->head.type == MSG_SET_RESTART && m->policy > SHIM_RESTART_UNLESS_STOPPED)
		return err_set(err, ERR_INVALID, "unknown restart policy %u", m->policy);
	return m->head.type == MSG_EXEC ? check_exec_flags(m, nfds, err) : 0;
}

static int split_strings(const struct msg_init *m, size_t n, struct init_view *ret, struct err *err)
{
	static const uint32_t max[INIT_STRINGS] = {ROOT_MAX, ROOT_MAX, ROOT_MAX, ATTRS_MAX};
	size_t off = 0, total = n - sizeof(*m);

	for (int i = 0; i < INIT_STRINGS; i++) {
		uint32_t len = m->len[i];

		if (len == 0 || len > max[i] || len > total - off ||
		    memchr(m->data + off, 0, len) != m->data + off + len - 1)
			return err_set(err, ERR_INVALID, "bad string %d in shim configuration", i);
		ret->s[i] = m->data + off;
		off += len;
	}
	return off == total ? 0 : err_set(err, ERR_INVALID, "shim configuration has a tail");
}

int proto_parse_init(const void *msg, size_t n, size_t nfds, struct init_view *ret, struct err *err)
{
	const struct msg_init *m = msg;
	struct init_view v = {.m = m};

	if (proto_check_head(msg, n, err) < 0)
		return -1;
	if (m->head.type != MSG_INIT || n < sizeof(*m))
		return err_set(err, ERR_INVALID, "a shim's first message must configure it");
	if (split_strings(m, n, &v, err) < 0)
		return -1;
	if (!terminated(m->id, sizeof(m->id)) || !proto_valid_id(m->id))
		return err_set(err, ERR_INVALID, "bad container id");
	if (v.s[INIT_EXEC_ROOT][0] != '/' || v.s[INIT_DIR][0] != '/')
		return err_set(err, ERR_INVALID, "shim directories must be absolute");
	if (m->log_driver > SHIM_LOG_NONE ||
	    (m->log_driver != SHIM_LOG_NONE && v.s[INIT_LOG_PATH][0] != '/'))
		return err_set(err, ERR_INVALID, "bad log configuration");
	if (m->log_files > 1000 || m->log_size < -1)
		return err_set(err, ERR_INVALID, "bad bounds of the log");
	if (m->restart_policy > SHIM_RESTART_UNLESS_STOPPED)
		return err_set(err, ERR_INVALID, "unknown restart policy %u", m->restart_policy);
	if (m->nkept > SHIM_KEPT_MAX || nfds != 1 + !!(m->flags & INIT_NETNS) + m->nkept)
		return err_set(err, ERR_INVALID, "shim configuration with %zu descriptors", nfds);
	for (uint32_t i = 0; i < m->nkept; i++)
		if (!terminated(m->kept[i], sizeof(m->kept[i])) || !plain(m->kept[i], SHIM_NAME_MAX))
			return err_set(err, ERR_INVALID, "bad name of a kept descriptor");
	*ret = v;
	return 0;
}

static int check_data(const struct msg_reply *m, size_t n, size_t want, struct err *err)
{
	if (n < sizeof(*m) || m->data_len != n - sizeof(*m) || (want && m->data_len != want))
		return err_set(err, ERR_CORRUPT, "shim answer %d has a wrong length", m->head.type);
	return 0;
}

static void terminate_exit(struct shim_exit *x)
{
	x->error[sizeof(x->error) - 1] = 0;
}

static int check_event(struct msg_event *m, size_t n, struct err *err)
{
	if (n != sizeof(*m) || m->ev.type < SHIM_EV_STARTED || m->ev.type >= SHIM_EV_TYPES)
		return err_set(err, ERR_CORRUPT, "unknown event of a shim");
	m->ev.exec[SHIM_ID_MAX] = 0;
	m->ev.text[sizeof(m->ev.text) - 1] = 0;
	terminate_exit(&m->ev.exit);
	return 0;
}

int proto_check_answer(void *msg, size_t n, struct err *err)
{
	struct msg_reply *m = msg;
	struct shim_exec_status *x;

	if (proto_check_head(msg, n, err) < 0)
		return -1;
	switch (m->head.type) {
	case MSG_EVENT:
		return check_event(msg, n, err);
	case MSG_REPLY:
		if (check_data(m, n, 0, err) < 0)
			return -1;
		if (m->kind >= ERR_KINDS ||
		    (m->kind && (!m->data_len || m->data[m->data_len - 1])))
			return err_set(err, ERR_CORRUPT, "malformed error of a shim");
		return 0;
	case MSG_SNAPSHOT:
		if (check_data(m, n, sizeof(struct shim_status), err) < 0)
			return -1;
		terminate_exit(&((struct shim_status *)m->data)->exit);
		return 0;
	case MSG_SNAPSHOT_EXEC:
		if (check_data(m, n, sizeof(struct shim_exec_status), err) < 0)
			return -1;
		x = (struct shim_exec_status *)m->data;
		x->id[SHIM_ID_MAX] = 0;
		terminate_exit(&x->exit);
		return 0;
	case MSG_SNAPSHOT_END:
		return check_data(m, n, 0, err);
	default:
		return err_set(err, ERR_CORRUPT, "unknown shim answer %d", m->head.type);
	}
}

int proto_send(int fd, const void *msg, size_t n, const void *more, size_t more_n, const int *fds,
	       size_t nfds, int flags)
{
	struct iovec iov[2] = {{(void *)msg, n}, {(void *)more, more_n}};
	union {
		char buf[CMSG_SPACE(sizeof(int) * PROTO_FDS_MAX)];
		struct cmsghdr align;
	} c = {0};
	struct msghdr mh = {.msg_iov = iov, .msg_iovlen = more_n ? 2 : 1};

	CHECK(nfds <= PROTO_FDS_MAX);
	if (nfds) {
		struct cmsghdr *cm;

		mh.msg_control = c.buf;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		cm = CMSG_FIRSTHDR(&mh);
		cm->cmsg_level = SOL_SOCKET;
		cm->cmsg_type = SCM_RIGHTS;
		cm->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(cm), fds, sizeof(int) * nfds);
	}
	while (sendmsg(fd, &mh, flags | MSG_NOSIGNAL) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

ssize_t proto_recv(int fd, void *msg, size_t max, int fds[PROTO_FDS_MAX], size_t *ret_nfds,
		   int flags)
{
	struct iovec iov = {msg, max};
	union {
		char buf[CMSG_SPACE(sizeof(int) * PROTO_FDS_MAX)];
		struct cmsghdr align;
	} c;
	struct msghdr mh = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = c.buf,
			    .msg_controllen = sizeof(c.buf)};
	int resets = 0;
	size_t nfds = 0;
	ssize_t n;

	/* A peer that closes with unread messages leaves an error, told once and before what it
	 * sent itself: its last words stand behind it. */
	do
		n = recvmsg(fd, &mh, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return -errno;
	for (struct cmsghdr *cm = CMSG_FIRSTHDR(&mh); cm; cm = CMSG_NXTHDR(&mh, cm)) {
		size_t k = (cm->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < k; i++) {
			int got;

			memcpy(&got, CMSG_DATA(cm) + i * sizeof(int), sizeof(int));
			if (nfds < PROTO_FDS_MAX)
				fds[nfds++] = got;
			else
				close(got);
		}
	}
	if (mh.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		while (nfds)
			close(fds[--nfds]);
		return -EMSGSIZE;
	}
	*ret_nfds = nfds;
	return n;
}
