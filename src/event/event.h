/*
 * event.h - what happened in the engine: docker's events, recent and live
 *
 * One ring holds the recent events; a subscriber is a place in it. Who is slower than the ring
 * is long loses the oldest. Everything here is for any thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "codec/filters.h"

#define EVENT_RING 512

struct event_bus;
struct event_sub;

struct event_bus *event_bus_new(void);
void event_bus_free(struct event_bus *bus); /* after all subscribers; NULL is fine */

/*
 * type: "container", "image", "network", "volume", "daemon", "builder"; action: "start",
 * "exec_create: ls -l"...; id: Actor.ID. attrs may be NULL; it is copied. scope is "local".
 * The time is now; times never go back.
 */
void event_publish(struct event_bus *bus, const char *type, const char *action, const char *id,
		   const struct map *attrs);

/*
 * A subscriber: first those of the ring since since_ns (0: none of them), then the live ones
 * if they are asked for, both up to until_ns (0: for ever). filters (docker's: container, daemon, event, image,
 * label, network, plugin, scope, type, volume) is moved from; NULL: all. wake(ctx) says there may
 * be more: it comes on the publishing thread, may come too often, must not block nor call back.
 */
struct event_sub *event_subscribe(struct event_bus *bus, struct filters *filters, int64_t since_ns,
				  int64_t until_ns, void (*wake)(void *ctx), void *ctx);
void event_unsubscribe(struct event_sub *sub); /* no wake after it returns; NULL is fine */

/*
 * Appends the next event as JSON and a line end: 1 if there was one, 0: none just now,
 * -1: until_ns is reached and there will be none.
 */
int event_next(struct event_sub *sub, struct buf *out);

unsigned event_listeners(struct event_bus *bus);
