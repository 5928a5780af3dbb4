/*
 * health.h - private: HEALTHCHECK probes
 *
 * All but health_json() and health_name() is called on the loop's thread.
 */
#pragma once

#include "container/private.h"

/* The container runs (again): probes begin after the first interval. Any thread. */
void health_started(struct container *c);
/* It ended or is being removed: no further probe. Any thread. */
void health_stopped(struct container *c);

/* An exec ended that may be the probe's; true if it was. */
bool health_exec_exited(struct container *c, const struct shim_event *ev);

bool health_configured(const struct container *c);
json_t *health_json(const struct container *c);	      /* State.Health; under lock; NULL: none configured */
const char *health_name(const struct container *c); /* none, starting, healthy, unhealthy; under lock */
void health_done(struct container *c);		      /* frees what is kept; the container goes */
