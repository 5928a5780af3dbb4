/*
 * update.c - cove update
 */
#include "cli/calls.h"
#include "cli/spec.h"

struct opts {
	int64_t blkio_weight, cpu_period, cpu_quota, cpu_rt_period, cpu_rt_runtime, cpu_shares, cpus;
	int64_t memory, memory_reservation, memory_swap, pids_limit;
	const char *cpuset_cpus, *cpuset_mems, *restart;
	json_t *body; /* not an option */
};

#define O(field) offsetof(struct opts, field)

static const struct cli_opt table[] = {
	{"blkio-weight", 0, CLI_UINT16, O(blkio_weight),
	 "Block IO (relative weight), between 10 and 1000, or 0 to disable",
	 .shown_default = "0", .json = "BlkioWeight"},
	{"cpu-period", 0, CLI_INT, O(cpu_period),
	 "Limit CPU CFS (Completely Fair Scheduler) period", .json = "CpuPeriod"},
	{"cpu-quota", 0, CLI_INT, O(cpu_quota),
	 "Limit CPU CFS (Completely Fair Scheduler) quota", .json = "CpuQuota"},
	{"cpu-rt-period", 0, CLI_INT, O(cpu_rt_period),
	 "Limit the CPU real-time period in microseconds", .json = "CpuRealtimePeriod"},
	{"cpu-rt-runtime", 0, CLI_INT, O(cpu_rt_runtime),
	 "Limit the CPU real-time runtime in microseconds", .json = "CpuRealtimeRuntime"},
	{"cpu-shares", 'c', CLI_INT, O(cpu_shares),
	 "CPU shares (relative weight)", .json = "CpuShares"},
	{"cpus", 0, CLI_DECIMAL, O(cpus),
	 "Number of CPUs", .json = "NanoCpus"},
	{"cpuset-cpus", 0, CLI_STRING, O(cpuset_cpus),
	 "CPUs in which to allow execution (0-3, 0,1)", .json = "CpusetCpus"},
	{"cpuset-mems", 0, CLI_STRING, O(cpuset_mems),
	 "MEMs in which to allow execution (0-3, 0,1)", .json = "CpusetMems"},
	{"memory", 'm', CLI_BYTES, O(memory),
	 "Memory limit", .json = "Memory"},
	{"memory-reservation", 0, CLI_BYTES, O(memory_reservation),
	 "Memory soft limit", .json = "MemoryReservation"},
	{"memory-swap", 0, CLI_SWAP, O(memory_swap),
	 "Swap limit equal to memory plus swap: -1 to enable unlimited swap", .json = "MemorySwap"},
	{"pids-limit", 0, CLI_INT, O(pids_limit),
	 "Tune container pids limit (set -1 for unlimited)", .json = "PidsLimit"},
	{"restart", 0, CLI_STRING, O(restart), "Restart policy to apply when a container exits"},
	CLI_OPT_END,
};

static int make_body(struct cli *cli, struct opts *o, struct err *err)
{
	json_t *policy;
	bool any = cli_changed(cli, "restart");

	o->body = json_object();
	for (const struct cli_opt *row = table; row->name; row++) {
		const void *value = (const char *)o + row->offset;

		if (!row->json || !cli_changed(cli, row->name))
			continue;
		any = true;
		json_object_set_new(o->body, row->json,
				    row->kind == CLI_STRING
					    ? json_string(*(const char *const *)value)
					    : json_integer(*(const int64_t *)value));
	}
	if (!any)
		return err_set(err, ERR_INVALID,
			       "you must provide one or more flags when using this command");
	if (!*o->restart)
		return 0;
	if (spec_restart(o->restart, &policy, err) < 0)
		return -1;
	json_object_set_new(o->body, "RestartPolicy", policy);
	return 0;
}

static int update_one(struct cli *cli, const char *name, void *opts, struct err *err)
{
	const struct opts *o = opts;
	AUTO(buf) struct buf path = {0};
	json_t *answer = NULL;

	path_container(&path, name, "update");
	if (call(cli, "POST", path.p, o->body, &answer, err) < 0)
		return -1;
	print_line(name);
	show_warnings(answer);
	json_decref(answer);
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	struct opts *o = opts;
	int r = make_body(cli, o, err);

	if (r == 0)
		r = cli_each(cli, args, update_one, o);
	json_decref(o->body);
	return r;
}

const struct cli_command cmd_update = {
	.paths = CLI_PATHS("container update", "update"),
	.args = "[OPTIONS] CONTAINER [CONTAINER...]",
	.summary = "Update configuration of one or more containers",
	.opts = table,
	.opts_size = sizeof(struct opts),
	.min_args = 1,
	.max_args = CLI_MANY,
	.run = run,
};
