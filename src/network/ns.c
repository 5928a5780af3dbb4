/*
 * ns.c - new network namespaces, made by a thread that comes back
 *
 * (1) A thread that cannot come back to the host's namespace must not go on: the program ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "network/link.h"

static void come_back(int host_ns)
{
	CHECK(setns(host_ns, CLONE_NEWNET) == 0); /* (1) */
}

int ns_new(int host_ns, int *ret_ns, int *ret_nl)
{
	AUTO(close) int ns = -1;
	AUTO(close) int nl = -1;
	int r = 0;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	ns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (ns < 0)
		r = -errno;
	else
		nl = nl_open(NETLINK_ROUTE);
	come_back(host_ns);
	if (r == 0)
		r = nl < 0 ? nl : link_up(nl, 1);
	if (r < 0)
		return r;
	*ret_ns = TAKE_FD(ns);
	*ret_nl = TAKE_FD(nl);
	return 0;
}

int ns_open_nl(int host_ns, int ns)
{
	int nl;

	if (setns(ns, CLONE_NEWNET) < 0)
		return -errno;
	nl = nl_open(NETLINK_ROUTE);
	come_back(host_ns);
	return nl;
}
