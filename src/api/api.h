/*
 * api.h - the Engine API over HTTP: versions 1.24 to 1.50
 *
 * The API holds no state: it finds the route, checks the parameters, calls the subsystems and
 * shapes what they say for the client's version.
 */
#pragma once

#include "base/loop.h"
#include "base/str.h"
#include "http/http.h"

#define API_VERSION_MAX 150 /* 100 * major + minor */
#define API_VERSION_MIN 124

struct containers;
struct event_bus;
struct image_store;
struct network_mgr;
struct volume_store;

struct api;

/* Everything is borrowed until api_free(). A subsystem may be NULL: then its routes answer 501. */
struct api_config {
	struct loop *loop;
	struct pool *pool;
	struct containers *containers;
	struct image_store *images;
	struct network_mgr *networks;
	struct volume_store *volumes;
	struct event_bus *events;
	/* for /info */
	const char *engine_id, *data_root, *log_driver, *cgroup_driver; /* "cgroupfs" or "systemd" */
	bool debug, live_restore;
	const struct strv *labels, *warnings; /* may be NULL */
	const struct strv *registry_mirrors, *insecure_registries;
};

struct api *api_new(const struct api_config *config);
void api_free(struct api *api); /* after the HTTP server; NULL is fine */

/* An http_router_fn; ctx is the struct api. */
void api_route(void *ctx, struct http_req *req, struct http_target *target);
