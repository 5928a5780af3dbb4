/*
 * stats.c - one sample of a container's use of resources, in the API's shape
 */
#include "container/private.h"

#include <fcntl.h>
#include <sys/sysinfo.h>

static json_t *u64(uint64_t v)
{
	return json_integer(v > INT64_MAX ? INT64_MAX : (json_int_t)v);
}

/* Nanoseconds of CPU time the whole host has used. */
static uint64_t system_cpu_ns(void)
{
	AUTO(buf) struct buf b = {0};
	unsigned long long v[7] = {0}, sum = 0;
	long hz = sysconf(_SC_CLK_TCK);

	if (fs_read_file(AT_FDCWD, "/proc/stat", 1 << 20, &b) < 0 ||
	    sscanf(str_or(b.p), "cpu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2], &v[3],
		   &v[4], &v[5], &v[6]) != 7)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		sum += v[i];
	return sum * (uint64_t)(NS_PER_SEC / hz);
}

static json_t *cpu_json(const struct runtime_stats *s)
{
	json_t *usage = json_object(), *cpu = json_object(), *throttle = json_object();

	json_object_set_new(usage, "total_usage", u64(s->cpu_total_ns));
	if (s->npercpu) {
		json_t *per = json_array();

		for (uint32_t i = 0; i < s->npercpu; i++)
			json_array_append_new(per, u64(s->percpu_ns[i]));
		json_object_set_new(usage, "percpu_usage", per);
	}
	json_object_set_new(usage, "usage_in_kernelmode", u64(s->cpu_system_ns));
	json_object_set_new(usage, "usage_in_usermode", u64(s->cpu_user_ns));
	json_object_set_new(cpu, "cpu_usage", usage);
	json_object_set_new(cpu, "system_cpu_usage", u64(system_cpu_ns()));
	json_object_set_new(cpu, "online_cpus", json_integer(get_nprocs()));
	json_object_set_new(throttle, "periods", u64(s->cpu_periods));
	json_object_set_new(throttle, "throttled_periods", u64(s->cpu_throttled_periods));
	json_object_set_new(throttle, "throttled_time", u64(s->cpu_throttled_ns));
	json_object_set_new(cpu, "throttling_data", throttle);
	return cpu;
}

static json_t *memory_json(const struct runtime_cgroup *cg, const struct runtime_stats *s)
{
	AUTO(buf) struct buf text = {0};
	json_t *m = json_object(), *stats = json_object();
	uint64_t limit = s->mem_limit;
	struct sysinfo si;

	if (sysinfo(&si) == 0 && (limit == 0 || limit > (uint64_t)si.totalram * si.mem_unit))
		limit = (uint64_t)si.totalram * si.mem_unit;
	json_object_set_new(m, "usage", u64(s->mem_usage));
	if (s->mem_max_usage)
		json_object_set_new(m, "max_usage", u64(s->mem_max_usage));
	if (runtime_cgroup_memory_stat(cg, &text, NULL) == 0) {
		char *save = NULL;

		for (char *line = strtok_r(str_or(text.p) == text.p ? text.p : NULL, "\n", &save); line;
		     line = strtok_r(NULL, "\n", &save)) {
			char *blank = strchr(line, ' ');
			uint64_t v;

			if (!blank)
				continue;
			*blank = 0;
			if (str_to_u64(blank + 1, 10, &v) == 0)
				json_object_set_new(stats, line, u64(v));
		}
	}
	json_object_set_new(m, "stats", stats);
	json_object_set_new(m, "limit", u64(limit));
	return m;
}

static void io_entry(json_t *a, const struct runtime_io_stat *io, const char *op, uint64_t v)
{
	json_array_append_new(a, json_pack("{s:I,s:I,s:s,s:o}", "major", (json_int_t)io->major, "minor",
					   (json_int_t)io->minor, "op", op, "value", u64(v)));
}

static json_t *io_json(const struct runtime_stats *s)
{
	static const char *const unused[] = {"io_queue_recursive", "io_service_time_recursive",
					     "io_wait_time_recursive", "io_merged_recursive",
					     "io_time_recursive", "sectors_recursive"};
	json_t *bytes = json_array(), *ops = json_array(), *o = json_object();

	for (uint32_t i = 0; i < s->nio; i++) {
		io_entry(bytes, &s->io[i], "read", s->io[i].rbytes);
		io_entry(bytes, &s->io[i], "write", s->io[i].wbytes);
		io_entry(ops, &s->io[i], "read", s->io[i].rios);
		io_entry(ops, &s->io[i], "write", s->io[i].wios);
	}
	json_object_set_new(o, "io_service_bytes_recursive", s->nio ? bytes : json_null());
	json_object_set_new(o, "io_serviced_recursive", s->nio ? ops : json_null());
	if (!s->nio) {
		json_decref(bytes);
		json_decref(ops);
	}
	for (size_t i = 0; i < ARRAY_LEN(unused); i++)
		json_object_set_new(o, unused[i], json_null());
	return o;
}

/* Counters of every interface but lo, as the container's own /proc/net/dev has them. */
static json_t *networks_json(pid_t pid)
{
	AUTO(buf) struct buf b = {0};
	json_t *o = json_object();
	char path[64], name[32];
	unsigned long long v[16];
	int used;

	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
	if (fs_read_file(AT_FDCWD, path, 1 << 20, &b) < 0)
		return o;
	for (char *line = b.p; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		used = 0; /* stays so for the heading, which has no colon after its first word */
		if (sscanf(line, " %31[^: ]:%n", name, &used) != 1 || !used || streq(name, "lo"))
			continue;
		if (sscanf(line + used,
			   "%llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu",
			   &v[0], &v[1], &v[2], &v[3], &v[4], &v[5], &v[6], &v[7], &v[8], &v[9], &v[10],
			   &v[11], &v[12], &v[13], &v[14], &v[15]) != 16)
			continue;
		json_object_set_new(o, name,
				    json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "rx_bytes", u64(v[0]),
					      "rx_packets", u64(v[1]), "rx_errors", u64(v[2]), "rx_dropped",
					      u64(v[3]), "tx_bytes", u64(v[8]), "tx_packets", u64(v[9]),
					      "tx_errors", u64(v[10]), "tx_dropped", u64(v[11])));
	}
	return o;
}

static json_t *empty_cpu(void)
{
	return json_pack("{s:{s:i,s:i,s:i},s:{s:i,s:i,s:i}}", "cpu_usage", "total_usage", 0,
			 "usage_in_kernelmode", 0, "usage_in_usermode", 0, "throttling_data", "periods", 0,
			 "throttled_periods", 0, "throttled_time", 0);
}

static void add_samples(struct container *c, pid_t pid, json_t *j)
{
	AUTO(free) char *path = spec_cgroup_path(c);
	struct runtime_stats s = {0};
	struct runtime_cgroup cg;

	if (!pid || runtime_cgroup_at(path, &cg, NULL) < 0 || runtime_cgroup_stats(&cg, &s, NULL) < 0) {
		json_object_set_new(j, "pids_stats", json_object());
		json_object_set_new(j, "cpu_stats", empty_cpu());
		json_object_set_new(j, "memory_stats", json_object());
		return;
	}
	json_object_set_new(j, "pids_stats", json_pack("{s:o,s:o}", "current", u64(s.pids_current), "limit",
						       u64(s.pids_limit)));
	json_object_set_new(j, "blkio_stats", io_json(&s));
	json_object_set_new(j, "cpu_stats", cpu_json(&s));
	json_object_set_new(j, "memory_stats", memory_json(&cg, &s));
	json_object_set_new(j, "networks", networks_json(pid));
}

json_t *container_stats(struct containers *cs, const char *ref, const json_t *prev, struct err *err)
{
	AUTO(container) struct container *c = container_get(cs, ref, err);
	json_t *old_cpu = json_object_get(prev, "cpu_stats"), *old_read = json_object_get(prev, "read");
	char now[CLOCK_RFC3339_MAX];
	json_t *j;
	pid_t pid;

	if (!c)
		return NULL;
	clock_format_rfc3339(now, clock_real_ns());
	j = json_object();
	cs_lock(cs);
	pid = is_running(c) ? (pid_t)c->state.pid : 0;
	json_object_set_new(j, "name", json_sprintf("/%s", c->name));
	json_object_set_new(j, "id", json_str(c->id));
	cs_unlock(cs);
	json_object_set_new(j, "read", json_string(pid ? now : "0001-01-01T00:00:00Z"));
	if (old_read)
		json_object_set(j, "preread", old_read);
	else
		json_object_set_new(j, "preread", json_string("0001-01-01T00:00:00Z"));
	json_object_set_new(j, "num_procs", json_integer(0));
	json_object_set_new(j, "storage_stats", json_object());
	add_samples(c, pid, j);
	if (old_cpu)
		json_object_set(j, "precpu_stats", old_cpu);
	else
		json_object_set_new(j, "precpu_stats", empty_cpu());
	return j;
}
