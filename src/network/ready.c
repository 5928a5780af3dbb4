/*
 * ready.c - namespaces made before a container asks for one
 *
 * One thread keeps some namespaces whose lo is up, most of them with a veth pair to the default
 * bridge: what is left for a start is one request with address and route. The inner end is up
 * already, so that the bridge forwards for it by the time the container sends.
 *
 * (1) Only descriptors hold what waits here: all of it goes when the daemon ends, however it ends.
 * (2) Nobody waits for the thread: who finds nothing ready makes its own.
 */
#include "network/private.h"

#include <errno.h>
#include <signal.h>
#include <time.h>

#include "base/clock.h"

#define READY_MAX 16
#define QUIET_NS  (20 * NS_PER_MS) /* after one is taken: a start is going on, and all share one rtnl lock */

struct ready {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	unsigned want_veth, want_bare;
	unsigned nveth, nbare;
	struct ready_ns veth[READY_MAX], bare[READY_MAX];
	bool running, stop, begun;
	int64_t taken_ns; /* when one was taken last */
	struct veth model; /* of the default bridge, names and namespace not set */
};

void veth_name(char ret[LINK_NAME])
{
	char hex[9];

	random_hex(hex, 8);
	snprintf(ret, LINK_NAME, "veth%.7s", hex);
}

static void close_ns(struct ready_ns *r)
{
	close(r->nl);
	close(r->ns);
}

/* The veth of one namespace; its inner end up, without address. */
static int add_veth(const struct veth *model, struct ready_ns *r)
{
	AUTO(close) int nl = nl_open(NETLINK_ROUTE);
	struct veth v = *model;
	int e;

	if (nl < 0)
		return nl;
	veth_name(r->host_if);
	v.host_name = r->host_if;
	v.inner_name = "eth0";
	v.inner_index = LINK_INSIDE;
	v.ns = r->ns;
	e = link_make_veth(nl, &v);
	if (e >= 0)
		e = link_up(r->nl, LINK_INSIDE);
	return e;
}

static int make(struct network_mgr *mgr, const struct veth *model, struct ready_ns *ret)
{
	struct ready_ns r = {.ns = -1, .nl = -1};
	int e = ns_new(mgr->host_ns, &r.ns, &r.nl);

	if (e < 0)
		return e;
	if (model)
		e = add_veth(model, &r);
	if (e < 0) {
		close_ns(&r);
		return e;
	}
	*ret = r;
	return 0;
}

/* What the thread should make next; under lock. */
static bool lacks(const struct ready *rd, bool *ret_veth)
{
	*ret_veth = rd->begun && rd->nveth < rd->want_veth;
	return *ret_veth || rd->nbare < rd->want_bare;
}

/* Under lock, which is let go meanwhile. True if it waited: look again. */
static bool wait_for_quiet(struct ready *rd)
{
	int64_t until = rd->taken_ns + QUIET_NS;
	struct timespec ts = {until / NS_PER_SEC, until % NS_PER_SEC};

	if (!rd->taken_ns || clock_mono_ns() >= until)
		return false;
	pthread_cond_timedwait(&rd->wake, &rd->lock, &ts);
	return true;
}

static void *fill(void *ctx)
{
	struct network_mgr *mgr = ctx;
	struct ready *rd = mgr->ready;
	bool with_veth;

	pthread_mutex_lock(&rd->lock);
	while (!rd->stop) {
		struct veth model = rd->model;
		struct ready_ns r;
		int e;

		if (!lacks(rd, &with_veth)) {
			pthread_cond_wait(&rd->wake, &rd->lock);
			continue;
		}
		if (wait_for_quiet(rd))
			continue;
		pthread_mutex_unlock(&rd->lock);
		e = make(mgr, with_veth ? &model : NULL, &r);
		pthread_mutex_lock(&rd->lock);
		if (e < 0) { /* tried again when somebody takes one */
			if (!rd->stop)
				pthread_cond_wait(&rd->wake, &rd->lock);
		} else if (rd->stop || (with_veth && rd->model.bridge != model.bridge)) {
			close_ns(&r);
		} else if (with_veth) {
			rd->veth[rd->nveth++] = r;
		} else {
			rd->bare[rd->nbare++] = r;
		}
	}
	pthread_mutex_unlock(&rd->lock);
	return NULL;
}

int ready_start(struct network_mgr *mgr, unsigned n, struct err *err)
{
	struct ready *rd = xnew(struct ready);
	pthread_condattr_t attr;
	sigset_t all, old;
	int r = 0;

	mgr->ready = rd;
	rd->want_veth = MIN(n, READY_MAX);
	rd->want_bare = n > 0;
	pthread_mutex_init(&rd->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&rd->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (n == 0)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&rd->thread, NULL, fill, mgr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r != 0)
		return err_sys(err, r, "start the thread for namespaces");
	rd->running = true;
	return 0;
}

void ready_begin(struct network_mgr *mgr, const struct network *net)
{
	struct ready *rd = mgr->ready;

	pthread_mutex_lock(&rd->lock);
	if (rd->begun && rd->model.bridge != net->ifindex) /* the bridge was made anew */
		while (rd->nveth > 0)
			close_ns(&rd->veth[--rd->nveth]);
	rd->model = (struct veth){.bridge = net->ifindex, .mtu = net->mtu, .isolated = !net->icc};
	rd->begun = true;
	pthread_cond_signal(&rd->wake);
	pthread_mutex_unlock(&rd->lock);
}

void ready_stop(struct network_mgr *mgr)
{
	struct ready *rd = mgr->ready;

	if (!rd)
		return;
	pthread_mutex_lock(&rd->lock);
	rd->stop = true;
	pthread_cond_signal(&rd->wake);
	pthread_mutex_unlock(&rd->lock);
	if (rd->running)
		pthread_join(rd->thread, NULL);
	while (rd->nveth > 0)
		close_ns(&rd->veth[--rd->nveth]);
	while (rd->nbare > 0)
		close_ns(&rd->bare[--rd->nbare]);
	pthread_cond_destroy(&rd->wake);
	pthread_mutex_destroy(&rd->lock);
	free(rd);
	mgr->ready = NULL;
}

int ready_take(struct network_mgr *mgr, bool with_veth, struct ready_ns *ret, struct err *err)
{
	struct ready *rd = mgr->ready;
	struct veth model;
	bool found = true;
	int e = 0;

	pthread_mutex_lock(&rd->lock);
	model = rd->model;
	if (with_veth && rd->nveth > 0)
		*ret = rd->veth[--rd->nveth];
	else if (!with_veth && rd->nbare > 0)
		*ret = rd->bare[--rd->nbare];
	else
		found = false;
	rd->taken_ns = clock_mono_ns();
	pthread_cond_signal(&rd->wake);
	pthread_mutex_unlock(&rd->lock);
	if (!found) /* (2) */
		e = make(mgr, with_veth ? &model : NULL, ret);
	if (e < 0)
		return err_sys(err, -e, "make a network namespace");
	return 0;
}
