/*
 * netlink.h - requests of several netlink messages, sent by one system call
 *
 * The kernel handles rtnetlink and nfnetlink requests inside the sender's call, so that the answers
 * are there when it returns: messages ask for no acknowledgement, only errors come back.
 * A socket belongs to the network namespace of the thread that opened it, wherever it is used.
 * Messages are built with libmnl's mnl_attr_put_*() in place; each may take NL_MSG_ROOM bytes.
 * Functions return >= 0 or -errno. A socket is used by one thread at a time.
 */
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include "base/str.h"

#define NL_MSG_ROOM  2048
#define NL_BATCH_MAX (3 * 1024 * 1024)

struct nl_batch {
	struct buf data;
	size_t cur; /* offset of the message being built */
	bool open;
	unsigned n; /* messages; sequence numbers are 1 to n */
	bool overflow;
	unsigned failed; /* after a failed send: number of the first message refused, from 1 */
	char why[128];	 /* and what the kernel said about it, "" if nothing */
};

static inline void auto_nl_batch(struct nl_batch *b)
{
	buf_done(&b->data);
}

/* NETLINK_ROUTE, NETLINK_NETFILTER...: a descriptor. */
int nl_open(int protocol) MUST_USE;

/*
 * Starts a message; the one before is finished. The pointer is good until the next call with
 * this batch. The extra header (struct ifinfomsg...) of hdrsize zeroed bytes follows at *ret_hdr.
 */
struct nlmsghdr *nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, size_t hdrsize, void *ret_hdr);

/* Sends all, empties the batch. The errno of the first message refused; the others are done all the same. */
int nl_send(int fd, struct nl_batch *b) MUST_USE;

/* Sends all and calls fn for each message that comes back (dumps, NLM_F_ECHO); non-zero stops it. */
typedef int nl_fn(void *ctx, const struct nlmsghdr *nlh);
int nl_query(int fd, struct nl_batch *b, nl_fn *fn, void *ctx) MUST_USE;

/* Attributes of one level by type, pointers into the message; types above max are left out. */
void nl_attrs(const struct nlattr **tb, size_t n, const struct nlmsghdr *nlh, size_t hdrsize);
void nl_attrs_nested(const struct nlattr **tb, size_t n, const struct nlattr *nest);
/* The attribute's content if it has at least size bytes, else NULL; attr may be NULL. */
const void *nl_data(const struct nlattr *attr, size_t size);
/* A terminated string, or "". */
const char *nl_str(const struct nlattr *attr);
