/*
 * publish.c - events of containers, with the attributes docker gives them
 */
#include "container/private.h"

void publish_with(struct container *c, const char *action, const char *key, const char *value)
{
	AUTO(map) struct map attrs = {0};

	cs_lock(c->cs);
	map_copy_str(&attrs, &c->config.labels);
	map_set_str(&attrs, "image", str_or(c->config.image));
	map_set_str(&attrs, "name", c->name);
	cs_unlock(c->cs);
	if (key)
		map_set_str(&attrs, key, value);
	event_publish(c->cs->cfg.events, "container", action, c->id, &attrs);
}

void publish(struct container *c, const char *action)
{
	publish_with(c, action, NULL, NULL);
}
