/*
 * update.c - new limits and a new restart policy for a container that may be running
 */
#include "container/private.h"

/* The members of HostConfig that an update may carry. */
static const char *const allowed[] = {
	"CpuShares", "Memory", "CgroupParent", "BlkioWeight", "BlkioWeightDevice",
	"BlkioDeviceReadBps", "BlkioDeviceWriteBps", "BlkioDeviceReadIOps", "BlkioDeviceWriteIOps",
	"CpuPeriod", "CpuQuota", "CpuRealtimePeriod", "CpuRealtimeRuntime", "CpusetCpus",
	"CpusetMems", "MemoryReservation", "MemorySwap", "NanoCpus", "PidsLimit", "KernelMemory",
};

static bool is_zero(const json_t *v)
{
	return json_is_null(v) || (json_is_integer(v) && json_integer_value(v) == 0) ||
	       (json_is_string(v) && json_string_length(v) == 0) ||
	       (json_is_array(v) && json_array_size(v) == 0);
}

/* Zero means "leave as it is", as docker has it. */
static json_t *wanted_changes(const json_t *body)
{
	json_t *changes = json_object();

	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		json_t *v = json_object_get(body, allowed[i]);

		if (v && !is_zero(v))
			json_object_set(changes, allowed[i], v);
	}
	return changes;
}

static int apply(struct container *c, const json_t *changes, const json_t *policy, struct host_config *ret,
		 struct strv *warnings, struct err *err)
{
	json_bind_copy(&host_config_type, ret, &c->host);
	if (json_bind(&host_config_type, changes, ret, err) < 0)
		return -1;
	if (json_object_get(changes, "Memory") && !json_object_get(changes, "MemorySwap") &&
	    ret->memory_swap > 0 && ret->memory > ret->memory_swap)
		return err_set(err, ERR_CONFLICT,
			       "Memory limit should be smaller than already set memoryswap limit, update "
			       "the memoryswap at the same time");
	if (json_object_get(changes, "NanoCpus") && (c->host.cpu_period || c->host.cpu_quota))
		return err_set(err, ERR_CONFLICT, "Conflicting options: Nano CPUs cannot be updated as "
						  "CPU Period/Quota has already been set.");
	if (ret->pids_limit.set && ret->pids_limit.v <= 0)
		ret->pids_limit = (struct opt_int){true, -1};
	if (policy && !json_is_null(policy) && *json_get_str(policy, "Name", "")) {
		free(ret->restart_policy.name);
		ret->restart_policy.name = NULL;
		ret->restart_policy.maximum_retry_count = 0;
		if (json_bind(&restart_policy_type, policy, &ret->restart_policy, err) < 0 ||
		    config_check_restart(&ret->restart_policy, c->host.auto_remove, err) < 0)
			return -1;
	}
	return config_check_resources(ret, true, warnings, err);
}

static void swap_host(struct container *c, struct host_config *h)
{
	struct host_config tmp;

	cs_lock(c->cs);
	tmp = c->host;
	c->host = *h;
	*h = tmp;
	cs_unlock(c->cs);
}

static int push_to_shim(struct container *c, bool limits, bool policy, struct err *err)
{
	AUTO(buf) struct buf plan = {0};
	struct shim_restart r = shim_policy(&c->host);

	if (!is_running(c) || !c->shim)
		return 0;
	if (limits && (spec_build_update(c, &plan, err) < 0 ||
		       shim_update(c->shim, plan.p, plan.len, err) < 0))
		return err_wrap(err, "Cannot update container %s", c->id);
	if (policy && shim_set_restart(c->shim, &r, err) < 0)
		return -1;
	return 0;
}

int container_update(struct containers *cs, const char *ref, const json_t *body, struct strv *warnings,
		     struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	AUTO(json) json_t *changes = wanted_changes(body);
	json_t *policy = json_object_get(body, "RestartPolicy");
	struct host_config host = {0};
	int r;

	if (!c)
		return -1;
	op_lock(c);
	r = c->state.status == ST_REMOVING || c->removed ?
		    err_set(err, ERR_CONFLICT, "Cannot update container %s: container is marked for "
					       "removal and cannot be \"update\".", c->id) :
		    apply(c, changes, policy, &host, warnings, err);
	if (r == 0) {
		swap_host(c, &host);
		r = push_to_shim(c, json_object_size(changes) > 0, policy != NULL, err);
		if (r == 0)
			r = store_save(c, err);
		if (r < 0)
			swap_host(c, &host);
		else
			publish(c, "update");
	}
	json_unbind(&host_config_type, &host);
	op_unlock(c);
	return r;
}
