/*
 * wait.c - who waits for a container's end or removal
 *
 * (1) done is called once at most, without locks; after container_wait_cancel() returned, never.
 */
#include "container/private.h"

static void wait_unref(struct containers *cs, struct container_wait *w) /* under lock */
{
	if (--w->refs == 0) {
		list_del(&w->node);
		free(w);
	}
}

/* Calls done with the lock dropped around it. */
static void fire(struct containers *cs, struct container_wait *w, int status)
{
	container_wait_fn *done = w->done;
	void *ctx = w->ctx;

	w->fired = true;
	w->running = true;
	list_del(&w->node);
	cs_unlock(cs);
	done(ctx, status, NULL); /* docker tells a failed start by its answer alone */
	cs_lock(cs);
	w->running = false;
	pthread_cond_broadcast(&cs->wait_idle);
}

void waits_fire(struct container *c, bool removed)
{
	struct containers *cs = c->cs;
	struct container_wait *next;

	cs_lock(cs);
	do {
		int status = (int)c->state.exit_code;

		next = NULL;
		list_for_each(pos, &c->waiters) {
			struct container_wait *w = container_of(pos, struct container_wait, node);

			if (w->cond != WAIT_REMOVED || removed) {
				next = w;
				break;
			}
		}
		if (next) {
			next->refs++;
			fire(cs, next, status);
			wait_unref(cs, next);
		}
	} while (next);
	cs_unlock(cs);
}

int container_wait(struct containers *cs, const char *ref, enum container_wait_condition cond,
		   container_wait_fn *done, void *ctx, struct container_wait **ret, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	struct container_wait *w;

	if (!c)
		return -1;
	w = xnew(struct container_wait);
	*w = (struct container_wait){.c = container_ref(c), .cond = cond, .done = done, .ctx = ctx,
				     .refs = 1};
	list_init(&w->node);
	*ret = w;
	cs_lock(cs);
	if (c->removed || (cond == WAIT_NOT_RUNNING && !is_running(c) && !c->starting))
		fire(cs, w, (int)c->state.exit_code);
	else
		list_add_tail(&c->waiters, &w->node);
	cs_unlock(cs);
	return 0;
}

void container_wait_cancel(struct container_wait *w)
{
	struct container *c = w->c;
	struct containers *cs = c->cs;

	cs_lock(cs);
	list_del(&w->node);
	while (w->running)
		pthread_cond_wait(&cs->wait_idle, &cs->lock);
	wait_unref(cs, w);
	cs_unlock(cs);
	container_put(c);
}
