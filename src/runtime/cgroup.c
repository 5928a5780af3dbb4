/*
 * cgroup.c - a container's directories in the cgroup hierarchies
 *
 * v2 is one tree at /sys/fs/cgroup; v1 one tree per controller at /sys/fs/cgroup/<controller>.
 * What to write was decided by plan_compile(): here are directories and writes.
 *
 * (1) Nothing is done for an empty path: it would mean everything on the machine.
 * (2) A failed runtime_cgroup_make() leaves no directory of the container's.
 */
#include "runtime/internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>

#include "base/clock.h"
#include "base/fs.h"

#define ROOT	    "/sys/fs/cgroup"
#define FILE_MAX    (1u << 20)
#define PIDS_MAX    (1u << 20)
#define REMOVE_WAIT (2 * NS_PER_SEC)
#define FREEZE_WAIT (2 * NS_PER_SEC)

static const char *const v1_dirs[] = {
	[CGROUP_CPU] = "cpu",		[CGROUP_CPUACCT] = "cpuacct",
	[CGROUP_CPUSET] = "cpuset",	[CGROUP_MEMORY] = "memory",
	[CGROUP_PIDS] = "pids",		[CGROUP_BLKIO] = "blkio",
	[CGROUP_DEVICES] = "devices",	[CGROUP_FREEZER] = "freezer",
	[CGROUP_HUGETLB] = "hugetlb",	[CGROUP_NET_CLS] = "net_cls",
	[CGROUP_NET_PRIO] = "net_prio", [CGROUP_PERF_EVENT] = "perf_event",
	[CGROUP_RDMA] = "rdma",		[CGROUP_MISC] = "misc",
};
static_assert(ARRAY_LEN(v1_dirs) == CGROUP_CTLS, "a directory per controller");

/* Names in cgroup.controllers where they differ from v1's, or "" where v2 has none. */
static const char *const v2_names[CGROUP_CTLS] = {
	[CGROUP_CPUACCT] = "",	  [CGROUP_BLKIO] = "io", [CGROUP_DEVICES] = "",
	[CGROUP_FREEZER] = "",	  [CGROUP_NET_CLS] = "", [CGROUP_NET_PRIO] = "",
	[CGROUP_PERF_EVENT] = "",
};

const char *runtime_cgroup_ctl_name(unsigned ctl)
{
	return v1_dirs[ctl];
}

static const char *v2_name(unsigned ctl)
{
	return v2_names[ctl] ? v2_names[ctl] : v1_dirs[ctl];
}

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = text; (p = strstr(p, word)); p += n)
		if ((p == text || p[-1] == ' ') && (p[n] == 0 || p[n] == ' ' || p[n] == '\n'))
			return true;
	return false;
}

static uint32_t detect_v2(void)
{
	AUTO(buf) struct buf text = {0};
	uint32_t ctls = 1u << CGROUP_DEVICES | 1u << CGROUP_FREEZER | 1u << CGROUP_CPUACCT;

	if (fs_read_file(AT_FDCWD, ROOT "/cgroup.controllers", FILE_MAX, &text) < 0)
		return ctls;
	for (unsigned c = 0; c < CGROUP_CTLS; c++)
		if (*v2_name(c) && has_word(str_or(text.p), v2_name(c)))
			ctls |= 1u << c;
	return ctls;
}

uint32_t runtime_cgroup_detect(bool *ret_v2)
{
	static uint32_t known; /* bit 31: looked; bit 30: v2. Same answer from every thread */
	struct statfs sf;
	uint32_t ctls = 0;

	if (!(known & 1u << 31)) {
		bool v2 = statfs(ROOT, &sf) == 0 && sf.f_type == CGROUP2_SUPER_MAGIC;

		for (unsigned c = 0; c < CGROUP_CTLS && !v2; c++) {
			char dir[64];

			snprintf(dir, sizeof(dir), ROOT "/%s", v1_dirs[c]);
			if (statfs(dir, &sf) == 0 && sf.f_type == CGROUP_SUPER_MAGIC)
				ctls |= 1u << c;
		}
		if (v2)
			ctls = detect_v2();
		known = ctls | 1u << 31 | (v2 ? 1u << 30 : 0);
	}
	*ret_v2 = known & 1u << 30;
	return known & ~(3u << 30);
}

static bool has(const struct runtime_cgroup *cg, unsigned ctl)
{
	return cg->ctls & 1u << ctl;
}

void runtime_cgroup_dir(const struct runtime_cgroup *cg, unsigned ctl, char ret[CGROUP_DIR_MAX])
{
	if (cg->v2)
		snprintf(ret, CGROUP_DIR_MAX, ROOT "/%s", cg->path);
	else
		snprintf(ret, CGROUP_DIR_MAX, ROOT "/%s/%s", v1_dirs[ctl], cg->path);
}

static int check(const struct runtime_cgroup *cg, struct err *err)
{
	if (!cg->path[0])
		return err_set(err, ERR_UNSUPPORTED, "the container has no cgroup");
	return 0;
}

int runtime_cgroup_at(const char *path, struct runtime_cgroup *ret, struct err *err)
{
	AUTO(free) char *clean = path_clean(path);
	const char *p = clean + strspn(clean, "/");

	if (str_after(p, "..") || strlen(p) >= CGROUP_PATH_MAX)
		return err_set(err, ERR_INVALID, "invalid cgroup path '%s'", path);
	*ret = (struct runtime_cgroup){0};
	ret->ctls = runtime_cgroup_detect(&ret->v2);
	if (!streq(p, "."))
		snprintf(ret->path, sizeof(ret->path), "%s", p);
	return 0;
}

/* One read of a small file of the cgroup; the text is terminated and without its last newline. */
int runtime_cgroup_read(const struct runtime_cgroup *cg, unsigned ctl, const char *file, char *ret,
			size_t size)
{
	char path[CGROUP_DIR_MAX + 64];
	ssize_t n;

	runtime_cgroup_dir(cg, ctl, path);
	strcat(path, "/");
	strncat(path, file, sizeof(path) - strlen(path) - 1);
	AUTO(close) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	n = fs_read_full(fd, ret, size - 1);
	if (n < 0)
		return (int)n;
	if (n > 0 && ret[n - 1] == '\n')
		n--;
	ret[n] = 0;
	return (int)n;
}

static int write_file(const char *dir, const char *file, const char *value)
{
	char path[CGROUP_DIR_MAX + 64];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", dir, file) >= sizeof(path))
		return -ENAMETOOLONG;
	return fs_write_kernel(AT_FDCWD, path, value);
}

/* file may be "a|b": the first that exists. */
static int write_setting(const char *dir, const char *file, const char *value)
{
	char one[64];
	int r = -ENOENT;

	while (r == -ENOENT && *file) {
		size_t n = strcspn(file, "|");

		snprintf(one, sizeof(one), "%.*s", (int)n, file);
		r = write_file(dir, one, value);
		file += n + (file[n] == '|');
	}
	return r;
}

/* A new v2 directory that will have children: hand the controllers on. Missing ones are skipped. */
static void enable_v2(const char *dir, uint32_t ctls)
{
	char all[256] = "", one[32];

	for (unsigned c = 0; c < CGROUP_CTLS; c++)
		if (ctls & 1u << c && *v2_name(c)) {
			snprintf(one, sizeof(one), "%s+%s", *all ? " " : "", v2_name(c));
			strcat(all, one);
		}
	if (!*all || write_file(dir, "cgroup.subtree_control", all) == 0)
		return;
	for (unsigned c = 0; c < CGROUP_CTLS; c++)
		if (ctls & 1u << c && *v2_name(c)) {
			snprintf(one, sizeof(one), "+%s", v2_name(c));
			/* a write that needs the missing controller will say so */
			ignore_result(write_file(dir, "cgroup.subtree_control", one) < 0);
		}
}

/* A new v1 cpuset has no processors: take the parent's, and let children copy by themselves. */
static int fill_cpuset(const char *dir)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};

	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		char parent[CGROUP_DIR_MAX + 64], text[4096];
		ssize_t n;

		snprintf(parent, sizeof(parent), "%s/../%s", dir, files[i]);
		AUTO(close) int fd = open(parent, O_RDONLY | O_CLOEXEC);

		n = fd < 0 ? -errno : fs_read_full(fd, text, sizeof(text) - 1);
		if (n < 0)
			return (int)n;
		text[n] = 0;
		n = write_file(dir, files[i], text);
		if (n < 0)
			return (int)n;
	}
	return write_file(dir, "cgroup.clone_children", "1");
}

/* mkdir of the parents below top (the hierarchy's root), then of dir. */
static int make_parents(const struct runtime_cgroup *cg, unsigned ctl, char *dir, size_t top)
{
	if (cg->v2) {
		char save = dir[top];

		dir[top] = 0;
		enable_v2(dir, cg->ctls);
		dir[top] = save;
	}
	for (char *p = dir + top + 1; (p = strchr(p, '/')); p++) {
		int r = 0;

		*p = 0;
		if (mkdir(dir, 0755) == 0)
			r = ctl == CGROUP_CPUSET && !cg->v2 ? fill_cpuset(dir) : 0;
		else if (errno != EEXIST)
			r = -errno;
		if (r == 0 && cg->v2)
			enable_v2(dir, cg->ctls);
		*p = '/';
		if (r < 0)
			return r;
	}
	return mkdir(dir, 0755) < 0 ? -errno : 0;
}

static int make_dir(const struct runtime_cgroup *cg, unsigned ctl, struct err *err)
{
	char dir[CGROUP_DIR_MAX], probe[64];
	size_t top;
	int r;

	runtime_cgroup_dir(cg, ctl, dir);
	top = strlen(dir) - strlen(cg->path) - 1;
	r = mkdir(dir, 0755) < 0 ? -errno : 0;
	if (r == -ENOENT)
		r = make_parents(cg, ctl, dir, top);
	if (r == -EEXIST) {
		r = runtime_cgroup_read(cg, ctl, "cgroup.procs", probe, sizeof(probe));
		if (r > 0)
			return err_set(err, ERR_CONFLICT, "cgroup '%s' is in use", cg->path);
		r = r < 0 ? r : 0;
	}
	if (r < 0)
		return err_sys(err, -r, "make cgroup '%s'", dir);
	if (ctl == CGROUP_CPUSET && !cg->v2 &&
	    (runtime_cgroup_read(cg, ctl, "cpuset.mems", probe, sizeof(probe)) <= 0)) {
		r = fill_cpuset(dir);
		if (r < 0)
			return err_sys(err, -r, "prepare cgroup '%s'", dir);
	}
	return 0;
}

/* Once more for what was refused at first: limits that depend on each other, in any order. */
static int write_all(const struct runtime_cgroup *cg, const struct plan *plan, struct err *err)
{
	char dir[CGROUP_DIR_MAX];
	bool again = false;

	for (int pass = 0; pass < 2; pass++) {
		plan_for_each(struct plan_cgset, s, plan, &plan->head->cgroup_sets)
		{
			const char *file = plan_cstr(plan, s->file);
			int r;

			if (pass == 1 && !str_after(file, "memory."))
				continue;
			runtime_cgroup_dir(cg, s->ctl, dir);
			r = write_setting(dir, file, plan_cstr(plan, s->value));
			if (r == -ENOENT && cg->v2 && pass == 0) {
				char *slash = strrchr(dir, '/');

				*slash = 0;
				enable_v2(dir, cg->ctls);
				*slash = '/';
				r = write_setting(dir, file, plan_cstr(plan, s->value));
			}
			if (r == 0 || (s->flags & PLAN_CG_OPTIONAL))
				continue;
			if (pass == 0 && str_after(file, "memory.") &&
			    (r == -EINVAL || r == -EBUSY)) {
				again = true;
				continue;
			}
			if (r == -ENOENT)
				return err_set(err, ERR_UNSUPPORTED,
					       "this kernel has no cgroup setting %s", file);
			return err_sys(err, -r, "write '%s' to cgroup file %s",
				       plan_cstr(plan, s->value), file);
		}
		if (!again)
			break;
	}
	return 0;
}

static int attach_devices(const struct runtime_cgroup *cg, const struct plan *plan, struct err *err)
{
	const struct plan_vec *v = &plan->head->device_bpf;
	union bpf_attr load = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)plan_vec(plan, v),
		.insn_cnt = v->n,
		.license = (uint64_t)(uintptr_t) "Apache-2.0",
	};
	char dir[CGROUP_DIR_MAX];

	runtime_cgroup_dir(cg, CGROUP_DEVICES, dir);
	AUTO(close) int cgfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	AUTO(close) int prog = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load));
	union bpf_attr attach = {.target_fd = (uint32_t)cgfd,
				 .attach_bpf_fd = (uint32_t)prog,
				 .attach_type = BPF_CGROUP_DEVICE,
				 .attach_flags = BPF_F_ALLOW_MULTI};

	if (cgfd < 0)
		return err_sys(err, errno, "open cgroup '%s'", cg->path);
	if (prog < 0)
		return err_sys(err, errno, "load the device rules");
	if (syscall(SYS_bpf, BPF_PROG_ATTACH, &attach, sizeof(attach)) < 0)
		return err_sys(err, errno, "attach the device rules");
	return 0;
}

int runtime_cgroup_make(const struct plan *plan, struct runtime_cgroup *ret, struct err *err)
{
	struct runtime_cgroup cg;

	if (runtime_cgroup_at(plan_cgroup_path(plan), &cg, err) < 0)
		return -1;
	if (!cg.path[0]) {
		*ret = cg;
		return 0;
	}
	if (cg.v2 != !!(plan->head->flags & PLAN_F_CGROUP_V2))
		return err_set(err, ERR_CORRUPT, "plan was made for other cgroups");
	if (cg.v2) {
		if (make_dir(&cg, 0, err) < 0)
			return -1;
	} else {
		cg.ctls &= plan->head->cgroup_ctls;
		for (unsigned c = 0; c < CGROUP_CTLS; c++)
			if (has(&cg, c) && make_dir(&cg, c, err) < 0)
				goto undo;
	}
	if (write_all(&cg, plan, err) < 0)
		goto undo;
	if (cg.v2 && plan->head->device_bpf.n && attach_devices(&cg, plan, err) < 0)
		goto undo;
	*ret = cg;
	return 0;
undo:
	if (!err || err->kind != ERR_CONFLICT)
		ignore_result(runtime_cgroup_remove(&cg, false, NULL) <
			      0); /* the first error counts */
	return -1;
}

/* In the child: on v1 its own 0 into tasks; a write to cgroup.procs would wait for a global lock.
 */
int runtime_cgroup_join(const struct runtime_cgroup *cg, struct err *err)
{
	char dir[CGROUP_DIR_MAX];

	if (!cg->path[0])
		return 0;
	if (cg->v2) {
		int r;

		runtime_cgroup_dir(cg, 0, dir);
		r = write_file(dir, "cgroup.procs", "0");
		return r < 0 ? err_sys(err, -r, "join cgroup '%s'", cg->path) : 0;
	}
	for (unsigned c = 0; c < CGROUP_CTLS; c++) {
		int r;

		if (!has(cg, c))
			continue;
		runtime_cgroup_dir(cg, c, dir);
		r = write_file(dir, "tasks", "0");
		if (r < 0 && r != -ENOENT) /* ENOENT: a hierarchy that was not needed */
			return err_sys(err, -r, "join cgroup '%s'", dir);
	}
	return 0;
}

/* The controllers whose directories list the processes; v2 has one directory. */
static unsigned listing_ctl(const struct runtime_cgroup *cg)
{
	static const unsigned char order[] = {CGROUP_PIDS,    CGROUP_MEMORY, CGROUP_FREEZER,
					      CGROUP_DEVICES, CGROUP_CPU,    CGROUP_CPUACCT};

	for (size_t i = 0; i < ARRAY_LEN(order) && !cg->v2; i++) {
		char dir[CGROUP_DIR_MAX];

		runtime_cgroup_dir(cg, order[i], dir);
		if (has(cg, order[i]) && access(dir, F_OK) == 0)
			return order[i];
	}
	return CGROUP_CPU;
}

struct listing {
	pid_t *v;
	size_t n, cap;
	int depth;
};

static int list_dir(struct listing *l, int dirfd, const char *name);

static int list_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	struct listing *l = ctx;

	return d_type == DT_DIR ? list_dir(l, dirfd, name) : 0;
}

static int list_dir(struct listing *l, int dirfd, const char *name)
{
	AUTO(buf) struct buf text = {0};
	AUTO(close) int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	r = fs_read_file(fd, "cgroup.procs", 16u << 20, &text);
	if (r < 0 && r != -ENODEV && r != -EOPNOTSUPP)
		return r;
	for (char *p = text.p; p && *p;) {
		long pid = strtol(p, &p, 10);

		if (pid > 0 && l->n < PIDS_MAX) {
			if (l->n == l->cap) {
				l->cap = l->cap ? 2 * l->cap : 16;
				l->v = xrealloc(l->v, l->cap * sizeof(*l->v));
			}
			l->v[l->n++] = (pid_t)pid;
		}
		p += strspn(p, "\n");
	}
	if (++l->depth > 32)
		return -ELOOP;
	r = fs_each_entry(fd, ".", list_entry, l);
	l->depth--;
	return r;
}

int runtime_cgroup_pids(const struct runtime_cgroup *cg, pid_t **ret, size_t *ret_n,
			struct err *err)
{
	char dir[CGROUP_DIR_MAX];
	struct listing l = {0};
	int r;

	if (check(cg, err) < 0)
		return -1;
	runtime_cgroup_dir(cg, listing_ctl(cg), dir);
	r = list_dir(&l, AT_FDCWD, dir);
	if (r < 0) {
		free(l.v);
		return err_sys(err, -r, "list processes of cgroup '%s'", cg->path);
	}
	*ret = l.v;
	*ret_n = l.n;
	return 0;
}

int runtime_cgroup_kill(const struct runtime_cgroup *cg, int sig, struct err *err)
{
	char dir[CGROUP_DIR_MAX];
	size_t n = 0;

	if (check(cg, err) < 0)
		return -1;
	runtime_cgroup_dir(cg, 0, dir);
	if (sig == SIGKILL && cg->v2 && write_file(dir, "cgroup.kill", "1") == 0)
		return 0;
	for (int round = 0; round < (sig == SIGKILL ? 16 : 1); round++) {
		AUTO(free) pid_t *pids = NULL;
		size_t killed = 0;

		if (runtime_cgroup_pids(cg, &pids, &n, err) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			killed += kill(pids[i], sig) == 0;
		if (!killed)
			break;
	}
	return 0;
}

static int remove_dir(const char *dir);

static int remove_entry(void *ctx, int dirfd, const char *name, unsigned char d_type)
{
	char path[CGROUP_DIR_MAX * 2];

	if (d_type != DT_DIR ||
	    (size_t)snprintf(path, sizeof(path), "%s/%s", (const char *)ctx, name) >= sizeof(path))
		return 0;
	return remove_dir(path);
}

/* A cgroup and the empty ones below it. */
static int remove_dir(const char *dir)
{
	int r;

	if (rmdir(dir) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	r = fs_each_entry(AT_FDCWD, dir, remove_entry, (void *)dir);
	if (r < 0 && r != -ENOENT)
		return r;
	return rmdir(dir) < 0 && errno != ENOENT ? -errno : 0;
}

static int remove_once(const struct runtime_cgroup *cg)
{
	char dir[CGROUP_DIR_MAX];
	int r = 0, first = 0;

	for (unsigned c = 0; c < (cg->v2 ? 1 : CGROUP_CTLS); c++) {
		if (!cg->v2 && !has(cg, c))
			continue;
		runtime_cgroup_dir(cg, c, dir);
		r = remove_dir(dir);
		if (r < 0 && !first)
			first = r;
	}
	return first;
}

static void remove_parents(const struct runtime_cgroup *cg)
{
	struct runtime_cgroup parent = *cg;
	char *slash = strchr(parent.path, '/');

	if (!slash)
		return;
	*slash = 0;
	for (unsigned c = 0; c < (cg->v2 ? 1 : CGROUP_CTLS); c++) {
		char dir[CGROUP_DIR_MAX];

		if (!cg->v2 && !has(cg, c))
			continue;
		runtime_cgroup_dir(&parent, c, dir);
		ignore_result(rmdir(dir) < 0); /* in use by others: stays */
	}
}

static void pause_ns(int64_t ns)
{
	struct timespec ts = {.tv_nsec = ns};

	nanosleep(&ts, NULL);
}

int runtime_cgroup_remove(const struct runtime_cgroup *cg, bool remove_parent, struct err *err)
{
	int64_t end, wait = NS_PER_MS / 4;
	int r;

	if (!cg->path[0])
		return 0;
	r = remove_once(cg);
	if (r == -EBUSY) {
		end = clock_mono_ns() + REMOVE_WAIT;
		ignore_result(runtime_cgroup_kill(cg, SIGKILL, NULL) < 0);
		ignore_result(runtime_cgroup_freeze(cg, false, NULL) < 0); /* or they cannot die */
		while ((r = remove_once(cg)) == -EBUSY && clock_mono_ns() < end) {
			pause_ns(wait);
			wait = MIN(2 * wait, 20 * NS_PER_MS);
			ignore_result(runtime_cgroup_kill(cg, SIGKILL, NULL) < 0);
		}
	}
	if (r == -EBUSY)
		return err_set(err, ERR_CONFLICT, "cgroup '%s' is still in use", cg->path);
	if (r < 0)
		return err_sys(err, -r, "remove cgroup '%s'", cg->path);
	if (remove_parent)
		remove_parents(cg);
	return 0;
}

int runtime_cgroup_frozen(const struct runtime_cgroup *cg, struct err *err)
{
	char text[256];
	int r;

	if (check(cg, err) < 0)
		return -1;
	if (cg->v2)
		r = runtime_cgroup_read(cg, CGROUP_FREEZER, "cgroup.events", text, sizeof(text));
	else
		r = runtime_cgroup_read(cg, CGROUP_FREEZER, "freezer.state", text, sizeof(text));
	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r < 0)
		return err_sys(err, -r, "read the freezer of cgroup '%s'", cg->path);
	return cg->v2 ? strstr(text, "frozen 1") != NULL : streq(text, "FROZEN");
}

int runtime_cgroup_freeze(const struct runtime_cgroup *cg, bool frozen, struct err *err)
{
	int64_t end = clock_mono_ns() + FREEZE_WAIT, wait = NS_PER_MS / 10;
	const char *file = cg->v2 ? "cgroup.freeze" : "freezer.state";
	const char *value = cg->v2 ? (frozen ? "1" : "0") : frozen ? "FROZEN" : "THAWED";
	char dir[CGROUP_DIR_MAX];

	if (check(cg, err) < 0)
		return -1;
	if (!has(cg, CGROUP_FREEZER))
		return err_set(err, ERR_UNSUPPORTED, "this machine has no freezer cgroup");
	runtime_cgroup_dir(cg, CGROUP_FREEZER, dir);
	for (;;) {
		int r = write_file(dir, file, value);

		if (r < 0)
			return err_sys(err, -r, "write %s of cgroup '%s'", file, cg->path);
		r = runtime_cgroup_frozen(cg, err);
		if (r < 0 || r == (int)frozen)
			return r < 0 ? -1 : 0;
		if (clock_mono_ns() > end)
			break;
		pause_ns(wait);
		wait = MIN(2 * wait, 10 * NS_PER_MS);
	}
	if (frozen)
		ignore_result(write_file(dir, file, cg->v2 ? "0" : "THAWED") < 0); /* as it was */
	return err_set(err, ERR_SYSTEM, "cgroup '%s' does not %s", cg->path,
		       frozen ? "freeze" : "thaw");
}

/* A hierarchy that the container did without so far: make it and move everyone in. */
static int enter_late(const struct runtime_cgroup *cg, unsigned ctl, struct err *err)
{
	AUTO(free) pid_t *pids = NULL;
	char dir[CGROUP_DIR_MAX], text[16];
	size_t n = 0;

	runtime_cgroup_dir(cg, ctl, dir);
	if (access(dir, F_OK) == 0)
		return 0;
	if (runtime_cgroup_pids(cg, &pids, &n, err) < 0 || make_dir(cg, ctl, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++) {
		int r;

		snprintf(text, sizeof(text), "%d", (int)pids[i]);
		r = write_file(dir, "cgroup.procs", text);
		if (r < 0 && r != -ESRCH)
			return err_sys(err, -r, "move process into cgroup '%s'", dir);
	}
	return 0;
}

int runtime_cgroup_update(const struct runtime_cgroup *cg, const struct plan *plan, struct err *err)
{
	if (check(cg, err) < 0)
		return -1;
	if (cg->v2 != !!(plan->head->flags & PLAN_F_CGROUP_V2))
		return err_set(err, ERR_CORRUPT, "plan was made for other cgroups");
	plan_for_each(struct plan_cgset, s, plan,
		      &plan->head->cgroup_sets) if (!cg->v2 && !(s->flags & PLAN_CG_OPTIONAL) &&
						    enter_late(cg, s->ctl, err) < 0) return -1;
	return write_all(cg, plan, err);
}
