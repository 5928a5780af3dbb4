/*
 * engine.h - puts the subsystems together: opens them in order, recovers, closes
 *
 * The program gives a finished configuration and a loop; afterwards it may hand the parts to
 * api/. Nothing here serves clients.
 */
#pragma once

#include <stdbool.h>

#include "base/loop.h"
#include "base/str.h"

struct containers;
struct event_bus;
struct image_store;
struct network_mgr;
struct record_db;
struct volume_store;

/* What the daemon was told; strings and vectors are borrowed until engine_close(). */
struct engine_config {
	const char *data_root, *exec_root; /* absolute */
	const char *libexec_dir;	   /* of the helper programs; NULL: beside this one, else as installed */
	const char *bridge, *bip;	   /* NULL: chosen; bridge "none": no default bridge */
	unsigned mtu;			   /* 0: as the default route's link */
	const char *host_binding;	   /* --ip: where published ports bind by default */
	const char *host_gateway;
	bool no_ip_forward, no_firewall, no_masquerade, no_icc;
	struct strv pools;		   /* default-address-pools as "base,size" */
	struct strv dns, dns_search, dns_opts;
	const char *log_driver;		   /* NULL: json-file */
	struct map log_opts;
	const char *cgroup_parent;
	bool systemd_cgroup;
};

struct engine;

struct engine_parts {
	struct containers *containers;
	struct event_bus *events;
	struct image_store *images;
	struct network_mgr *networks;
	struct record_db *db;
	struct volume_store *volumes;
	const char *id; /* of this engine, kept in the data root */
};

/*
 * Opens everything under the two roots (made if missing). ERR_CONFLICT when another daemon holds
 * the data root. loop and pool are borrowed and must outlive the engine.
 */
int engine_open(const struct engine_config *config, struct loop *loop, struct pool *pool,
		struct engine **ret, struct err *err) MUST_USE;

/*
 * Takes up again what lived on, starts what should run. Queues the work on the pool; done(ctx) is
 * called on the loop's thread when it is over, and only then should clients be served.
 */
void engine_recover(struct engine *e, loop_fn *done, void *ctx);

/* Containers live on. Stop serving first. NULL is fine. */
void engine_close(struct engine *e);

const struct engine_parts *engine_parts(const struct engine *e);
