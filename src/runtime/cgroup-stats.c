/*
 * cgroup-stats.c - what the cgroups of a container count, and the notice of OOM kills
 *
 * (1) A file that is missing or odd leaves its values 0: statistics never fail for one of them.
 */
#include "runtime/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/clock.h"
#include "base/fs.h"

#define TEXT_MAX (64 * 1024)

struct key {
	const char *name;
	size_t offset;
	uint64_t factor;
};
#define KEY(name, member, factor)                                                                  \
	{                                                                                          \
		name, offsetof(struct runtime_stats, member), factor                               \
	}

static const struct key v2_cpu[] = {
	KEY("usage_usec", cpu_total_ns, 1000),
	KEY("user_usec", cpu_user_ns, 1000),
	KEY("system_usec", cpu_system_ns, 1000),
	KEY("nr_periods", cpu_periods, 1),
	KEY("nr_throttled", cpu_throttled_periods, 1),
	KEY("throttled_usec", cpu_throttled_ns, 1000),
};
static const struct key v1_cpu[] = {
	KEY("nr_periods", cpu_periods, 1),
	KEY("nr_throttled", cpu_throttled_periods, 1),
	KEY("throttled_time", cpu_throttled_ns, 1),
};
static const struct key v1_cpuacct[] = {
	/* in ticks of a hundredth of a second */
	KEY("user", cpu_user_ns, 10000000),
	KEY("system", cpu_system_ns, 10000000),
};
static const struct key v2_memory[] = {
	KEY("inactive_file", mem_inactive_file, 1),
	KEY("active_file", mem_active_file, 1),
	KEY("inactive_anon", mem_inactive_anon, 1),
	KEY("active_anon", mem_active_anon, 1),
	KEY("file", mem_cache, 1),
	KEY("anon", mem_rss, 1),
	KEY("file_mapped", mem_mapped_file, 1),
	KEY("pgfault", mem_pgfault, 1),
	KEY("pgmajfault", mem_pgmajfault, 1),
	KEY("unevictable", mem_unevictable, 1),
	KEY("kernel_stack", mem_kernel_stack, 1),
	KEY("slab", mem_slab, 1),
	KEY("sock", mem_sock, 1),
	KEY("shmem", mem_shmem, 1),
};
static const struct key v1_memory[] = {
	KEY("total_inactive_file", mem_inactive_file, 1),
	KEY("total_active_file", mem_active_file, 1),
	KEY("total_inactive_anon", mem_inactive_anon, 1),
	KEY("total_active_anon", mem_active_anon, 1),
	KEY("total_cache", mem_cache, 1),
	KEY("total_rss", mem_rss, 1),
	KEY("total_mapped_file", mem_mapped_file, 1),
	KEY("total_pgfault", mem_pgfault, 1),
	KEY("total_pgmajfault", mem_pgmajfault, 1),
	KEY("total_unevictable", mem_unevictable, 1),
	KEY("total_shmem", mem_shmem, 1),
};
static const struct key oom_keys[] = {KEY("oom_kill", oom_kills, 1)};

/* "name value" lines. */
static void read_keys(const struct runtime_cgroup *cg, unsigned ctl, const char *file,
		      const struct key *keys, size_t nkeys, struct runtime_stats *ret)
{
	AUTO(free) char *text = xmalloc(TEXT_MAX);

	if (runtime_cgroup_read(cg, ctl, file, text, TEXT_MAX) < 0)
		return;
	for (char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		char *space = memchr(line, ' ', n);

		for (size_t i = 0; space && i < nkeys; i++)
			if (strlen(keys[i].name) == (size_t)(space - line) &&
			    memcmp(keys[i].name, line, (size_t)(space - line)) == 0)
				*(uint64_t *)((char *)ret + keys[i].offset) =
					strtoull(space + 1, NULL, 10) * keys[i].factor;
		line += n + (line[n] == '\n');
	}
}
#define READ_KEYS(cg, ctl, file, keys, ret) read_keys(cg, ctl, file, keys, ARRAY_LEN(keys), ret)

/* One number; "max", and v1's nearly 2^63, are "no limit". */
static void read_number(const struct runtime_cgroup *cg, unsigned ctl, const char *file,
			uint64_t *ret)
{
	char text[64];

	if (runtime_cgroup_read(cg, ctl, file, text, sizeof(text)) <= 0)
		return;
	*ret = streq(text, "max") ? UINT64_MAX : strtoull(text, NULL, 10);
	if (*ret >= UINT64_C(0x7ffffffffffff000))
		*ret = UINT64_MAX;
}

static struct runtime_io_stat *io_slot(struct runtime_stats *s, uint32_t major, uint32_t minor)
{
	struct runtime_io_stat *io;

	for (uint32_t i = 0; i < s->nio; i++)
		if (s->io[i].major == major && s->io[i].minor == minor)
			return &s->io[i];
	if (s->nio == ARRAY_LEN(s->io))
		return NULL;
	io = &s->io[s->nio++];
	*io = (struct runtime_io_stat){.major = major, .minor = minor};
	return io;
}

/* "8:0 rbytes=1 wbytes=2 rios=3 wios=4 ..." */
static void read_v2_io(const struct runtime_cgroup *cg, struct runtime_stats *ret)
{
	AUTO(free) char *text = xmalloc(TEXT_MAX);
	char *save = NULL;

	if (runtime_cgroup_read(cg, CGROUP_BLKIO, "io.stat", text, TEXT_MAX) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct runtime_io_stat *io;
		unsigned major, minor;
		const char *p;

		if (sscanf(line, "%u:%u ", &major, &minor) != 2 ||
		    !(io = io_slot(ret, major, minor)))
			continue;
		if ((p = strstr(line, "rbytes=")))
			io->rbytes = strtoull(p + 7, NULL, 10);
		if ((p = strstr(line, "wbytes=")))
			io->wbytes = strtoull(p + 7, NULL, 10);
		if ((p = strstr(line, "rios=")))
			io->rios = strtoull(p + 5, NULL, 10);
		if ((p = strstr(line, "wios=")))
			io->wios = strtoull(p + 5, NULL, 10);
	}
}

/* "8:0 Read 123" */
static void read_v1_io(const struct runtime_cgroup *cg, const char *file, bool bytes,
		       struct runtime_stats *ret)
{
	AUTO(free) char *text = xmalloc(TEXT_MAX);
	char *save = NULL;

	if (runtime_cgroup_read(cg, CGROUP_BLKIO, file, text, TEXT_MAX) < 0)
		return;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct runtime_io_stat *io;
		unsigned long long value;
		unsigned major, minor;
		char op[16];

		if (sscanf(line, "%u:%u %15s %llu", &major, &minor, op, &value) != 4 ||
		    !(io = io_slot(ret, major, minor)))
			continue;
		if (streq(op, "Read"))
			*(bytes ? &io->rbytes : &io->rios) = value;
		if (streq(op, "Write"))
			*(bytes ? &io->wbytes : &io->wios) = value;
	}
}

static void read_percpu(const struct runtime_cgroup *cg, struct runtime_stats *ret)
{
	char text[4096], *p = text;

	if (runtime_cgroup_read(cg, CGROUP_CPUACCT, "cpuacct.usage_percpu", text, sizeof(text)) <=
	    0)
		return;
	while (*p && ret->npercpu < ARRAY_LEN(ret->percpu_ns)) {
		char *end;
		uint64_t v = strtoull(p, &end, 10);

		if (end == p)
			break;
		ret->percpu_ns[ret->npercpu++] = v;
		p = end;
	}
}

int runtime_cgroup_stats(const struct runtime_cgroup *cg, struct runtime_stats *ret,
			 struct err *err)
{
	struct runtime_stats *s = ret;

	memset(s, 0, sizeof(*s));
	if (!cg->path[0])
		return err_set(err, ERR_UNSUPPORTED, "the container has no cgroup");
	s->mem_limit = s->pids_limit = UINT64_MAX;
	read_number(cg, CGROUP_PIDS, "pids.current", &s->pids_current);
	read_number(cg, CGROUP_PIDS, "pids.max", &s->pids_limit);
	if (cg->v2) {
		READ_KEYS(cg, CGROUP_CPU, "cpu.stat", v2_cpu, s);
		READ_KEYS(cg, CGROUP_MEMORY, "memory.stat", v2_memory, s);
		READ_KEYS(cg, CGROUP_MEMORY, "memory.events", oom_keys, s);
		read_number(cg, CGROUP_MEMORY, "memory.current", &s->mem_usage);
		read_number(cg, CGROUP_MEMORY, "memory.peak", &s->mem_max_usage);
		read_number(cg, CGROUP_MEMORY, "memory.max", &s->mem_limit);
		read_number(cg, CGROUP_MEMORY, "memory.swap.current", &s->mem_swap_usage);
		read_v2_io(cg, s);
		return 0;
	}
	READ_KEYS(cg, CGROUP_CPU, "cpu.stat", v1_cpu, s);
	READ_KEYS(cg, CGROUP_CPUACCT, "cpuacct.stat", v1_cpuacct, s);
	read_number(cg, CGROUP_CPUACCT, "cpuacct.usage", &s->cpu_total_ns);
	read_percpu(cg, s);
	READ_KEYS(cg, CGROUP_MEMORY, "memory.stat", v1_memory, s);
	READ_KEYS(cg, CGROUP_MEMORY, "memory.oom_control", oom_keys, s);
	read_number(cg, CGROUP_MEMORY, "memory.usage_in_bytes", &s->mem_usage);
	read_number(cg, CGROUP_MEMORY, "memory.max_usage_in_bytes", &s->mem_max_usage);
	read_number(cg, CGROUP_MEMORY, "memory.limit_in_bytes", &s->mem_limit);
	read_number(cg, CGROUP_MEMORY, "memory.failcnt", &s->mem_failcnt);
	read_number(cg, CGROUP_MEMORY, "memory.memsw.usage_in_bytes", &s->mem_swap_usage);
	s->mem_swap_usage -= MIN(s->mem_swap_usage, s->mem_usage);
	read_v1_io(cg, "blkio.throttle.io_service_bytes_recursive", true, s);
	read_v1_io(cg, "blkio.throttle.io_serviced_recursive", false, s);
	return 0;
}

int runtime_cgroup_memory_stat(const struct runtime_cgroup *cg, struct buf *ret, struct err *err)
{
	char path[CGROUP_DIR_MAX + 16];
	int r;

	if (!cg->path[0])
		return err_set(err, ERR_UNSUPPORTED, "the container has no cgroup");
	runtime_cgroup_dir(cg, CGROUP_MEMORY, path);
	strcat(path, "/memory.stat");
	r = fs_read_file(AT_FDCWD, path, TEXT_MAX, ret);
	return r < 0 ? err_sys(err, -r, "read '%s'", path) : 0;
}

static int oom_fd_v1(const char *dir)
{
	AUTO(close) int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	char path[CGROUP_DIR_MAX + 32], text[32];
	int r;

	snprintf(path, sizeof(path), "%s/memory.oom_control", dir);
	AUTO(close) int oom = open(path, O_RDONLY | O_CLOEXEC);

	if (event < 0 || oom < 0)
		return -errno;
	snprintf(path, sizeof(path), "%s/cgroup.event_control", dir);
	snprintf(text, sizeof(text), "%d %d", event, oom);
	r = fs_write_kernel(AT_FDCWD, path, text);
	return r < 0 ? r : TAKE_FD(event);
}

static int oom_fd_v2(const char *dir)
{
	AUTO(close) int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[CGROUP_DIR_MAX + 32];

	snprintf(path, sizeof(path), "%s/memory.events", dir);
	if (fd < 0 || inotify_add_watch(fd, path, IN_MODIFY) < 0)
		return -errno;
	return TAKE_FD(fd);
}

int runtime_cgroup_oom_fd(const struct runtime_cgroup *cg, struct err *err)
{
	char dir[CGROUP_DIR_MAX];
	int r;

	if (!cg->path[0] || !(cg->ctls & 1u << CGROUP_MEMORY))
		return err_set(err, ERR_UNSUPPORTED, "no memory cgroup");
	runtime_cgroup_dir(cg, CGROUP_MEMORY, dir);
	r = cg->v2 ? oom_fd_v2(dir) : oom_fd_v1(dir);
	return r < 0 ? err_sys(err, -r, "watch cgroup '%s' for memory kills", cg->path) : r;
}

int64_t runtime_cgroup_oom_kills(const struct runtime_cgroup *cg)
{
	struct runtime_stats s;

	s.oom_kills = 0;
	if (cg->path[0])
		READ_KEYS(cg, CGROUP_MEMORY, cg->v2 ? "memory.events" : "memory.oom_control",
			  oom_keys, &s);
	return (int64_t)s.oom_kills;
}
