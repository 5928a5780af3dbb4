/*
 * unsupported.c - endpoints this engine has no use for, each with a clear answer
 */
#include "api/private.h"

static int no_swarm(struct call *c, struct err *err)
{
	return err_set(err, ERR_UNAVAILABLE,
		       "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm join\" to "
		       "connect this node to swarm and try again.");
}

static int never_swarm(struct call *c, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "swarm mode is not supported");
}

static int no_plugins(struct call *c, struct err *err)
{
	reply_json(c, 200, json_array());
	return 0;
}

static int never_plugins(struct call *c, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "plugins are not supported");
}

static int no_registry(struct call *c, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "this engine does not speak to registries");
}

static int no_build(struct call *c, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "building images is not supported");
}

const struct route unsupported_routes[] = {
    {"GET", "/swarm", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/nodes", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/services", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/tasks", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/secrets", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/configs", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/swarm/leave", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/swarm/{}", never_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/nodes/{}", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/services/{}", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/services/create", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/secrets/create", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/configs/create", no_swarm, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/plugins", no_plugins, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/plugins/privileges", never_plugins, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/plugins/{}", never_plugins, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/images/search", no_registry, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/images/{}/push", no_registry, 0, R_LOOP, NEEDS_NOTHING},
    {"GET", "/distribution/{}/json", no_registry, 130, R_LOOP, NEEDS_NOTHING},
    {"POST", "/auth", no_registry, 0, R_LOOP, NEEDS_NOTHING},
    {"POST", "/build", no_build, 0, R_UPLOAD, NEEDS_NOTHING},
    {"POST", "/build/prune", no_build, 131, R_LOOP, NEEDS_NOTHING},
    {"POST", "/build/cancel", no_build, 139, R_LOOP, NEEDS_NOTHING},
    {"POST", "/session", no_build, 139, R_LOOP, NEEDS_NOTHING},
    {"POST", "/grpc", no_build, 0, R_LOOP, NEEDS_NOTHING},
    {0},
};
