/*
 * compile-cgroup.c - limits to writes of files, for cgroup v1 and v2
 *
 * (1) A limit whose controller this machine lacks is refused; so is one that v2 has no word for.
 * (2) Without cgroups a container whose devices are restricted is refused.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/bpf_common.h>
#include <sched.h>

#include "base/fs.h"
#include "runtime/compile.h"
#include "runtime/internal.h"

struct sets {
	struct writer *w;
	struct plan_cgset *v;
	size_t n;
	bool v2;
	uint32_t have, used;
	const char *missing; /* first limit without a controller */
};

static void set_text(struct sets *s, unsigned ctl, const char *file, const char *value,
		     uint32_t flags)
{
	if (!(s->have & 1u << ctl)) {
		if (!(flags & PLAN_CG_OPTIONAL) && !s->missing)
			s->missing = file;
		return;
	}
	s->used |= 1u << ctl;
	s->v = xrealloc(s->v, (s->n + 1) * sizeof(*s->v));
	s->v[s->n++] = (struct plan_cgset){.ctl = ctl,
					   .flags = flags,
					   .file = plan_write_str_always(s->w, file),
					   .value = plan_write_str_always(s->w, value)};
}

static void set_number(struct sets *s, unsigned ctl, const char *file, int64_t v, uint32_t flags)
{
	char text[32];

	snprintf(text, sizeof(text), "%lld", (long long)v);
	set_text(s, ctl, file, text, flags);
}

/* On v2 a negative limit is the word max. */
static void set_limit(struct sets *s, unsigned ctl, const char *v1, const char *v2, int64_t v,
		      uint32_t flags)
{
	if (s->v2 && v < 0)
		set_text(s, ctl, v2, "max", flags);
	else
		set_number(s, ctl, s->v2 ? v2 : v1, v, flags);
}

static bool v1_file(const char *ctl, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/fs/cgroup/%s/%s", ctl, file);
	return fs_exists(-1, path);
}

static int compile_memory(struct sets *s, const struct oci_memory *m, struct err *err)
{
	uint32_t swap_flags = s->v2 ? PLAN_CG_OPTIONAL : 0; /* kernels without swap accounting */

	if (m->limit.set && m->limit.v != 0)
		set_limit(s, CGROUP_MEMORY, "memory.limit_in_bytes", "memory.max", m->limit.v, 0);
	if (m->swap.set && m->swap.v != 0) {
		int64_t swap = m->swap.v;

		if (s->v2 && swap > 0) {
			if (!m->limit.set || m->limit.v <= 0 || swap < m->limit.v)
				return err_set(
					err, ERR_INVALID,
					"memory+swap limit must not be below the memory limit");
			swap -= m->limit.v;
		}
		if (s->v2 || v1_file("memory", "memory.memsw.limit_in_bytes"))
			set_limit(s, CGROUP_MEMORY, "memory.memsw.limit_in_bytes",
				  "memory.swap.max", swap, swap_flags);
	}
	if (m->reservation.set && m->reservation.v != 0)
		set_limit(s, CGROUP_MEMORY, "memory.soft_limit_in_bytes", "memory.low",
			  m->reservation.v, 0);
	if (m->kernel_tcp.set && m->kernel_tcp.v > 0 && !s->v2)
		set_number(s, CGROUP_MEMORY, "memory.kmem.tcp.limit_in_bytes", m->kernel_tcp.v,
			   PLAN_CG_OPTIONAL);
	if (m->swappiness.set && m->swappiness.v >= 0 && !s->v2) {
		if (m->swappiness.v > 100)
			return err_set(err, ERR_INVALID, "memory swappiness must be 0 to 100");
		set_number(s, CGROUP_MEMORY, "memory.swappiness", m->swappiness.v, 0);
	}
	if (m->disable_oom_killer.v && !s->v2)
		set_text(s, CGROUP_MEMORY, "memory.oom_control", "1", 0);
	return 0;
}

/* cpu.shares 2..262144 onto cpu.weight 1..10000 */
static int64_t shares_to_weight(int64_t shares)
{
	shares = MAX(shares, 2);
	shares = MIN(shares, 262144);
	return 1 + (shares - 2) * 9999 / 262142;
}

static int compile_cpu(struct sets *s, const struct oci_cpu *c, struct err *err)
{
	if (c->shares.set && c->shares.v) {
		if (s->v2)
			set_number(s, CGROUP_CPU, "cpu.weight", shares_to_weight(c->shares.v), 0);
		else
			set_number(s, CGROUP_CPU, "cpu.shares", c->shares.v, 0);
	}
	if (s->v2 && ((c->quota.set && c->quota.v) || (c->period.set && c->period.v))) {
		AUTO(free)
		char *text = c->quota.set && c->quota.v > 0
				     ? xasprintf("%lld %lld", (long long)c->quota.v,
						 (long long)(c->period.v ? c->period.v : 100000))
				     : xasprintf("max %lld",
						 (long long)(c->period.v ? c->period.v : 100000));

		set_text(s, CGROUP_CPU, "cpu.max", text, 0);
	} else if (!s->v2) {
		if (c->period.set && c->period.v)
			set_number(s, CGROUP_CPU, "cpu.cfs_period_us", c->period.v, 0);
		if (c->quota.set && c->quota.v)
			set_number(s, CGROUP_CPU, "cpu.cfs_quota_us", c->quota.v, 0);
	}
	if (c->burst.set)
		set_number(s, CGROUP_CPU, s->v2 ? "cpu.max.burst" : "cpu.cfs_burst_us", c->burst.v,
			   0);
	if (c->idle.set)
		set_number(s, CGROUP_CPU, "cpu.idle", c->idle.v, 0);
	if ((c->realtime_period.v || c->realtime_runtime.v)) {
		if (s->v2)
			return err_set(err, ERR_UNSUPPORTED, "cgroup v2 has no realtime limits");
		if (c->realtime_period.v)
			set_number(s, CGROUP_CPU, "cpu.rt_period_us", c->realtime_period.v, 0);
		if (c->realtime_runtime.v)
			set_number(s, CGROUP_CPU, "cpu.rt_runtime_us", c->realtime_runtime.v, 0);
	}
	if (c->cpus && *c->cpus)
		set_text(s, CGROUP_CPUSET, "cpuset.cpus", c->cpus, 0);
	if (c->mems && *c->mems)
		set_text(s, CGROUP_CPUSET, "cpuset.mems", c->mems, 0);
	return 0;
}

static void throttle(struct sets *s, const struct jarray *devices, const char *v1,
		     const char *v2_key)
{
	oci_for_each(struct oci_throttle_device, d, devices)
	{
		AUTO(free) char *text = NULL;

		if (!s->v2)
			text = xasprintf("%lld:%lld %llu", (long long)d->major, (long long)d->minor,
					 (unsigned long long)d->rate);
		else if (d->rate)
			text = xasprintf("%lld:%lld %s=%llu", (long long)d->major,
					 (long long)d->minor, v2_key, (unsigned long long)d->rate);
		else
			text = xasprintf("%lld:%lld %s=max", (long long)d->major,
					 (long long)d->minor, v2_key);
		set_text(s, CGROUP_BLKIO, s->v2 ? "io.max" : v1, text, 0);
	}
}

static void compile_block_io(struct sets *s, const struct oci_block_io *b)
{
	/* the weight works only under some I/O schedulers: discarded elsewhere, as docker does */
	if (b->weight.v && s->v2) {
		set_number(s, CGROUP_BLKIO, "io.bfq.weight", b->weight.v, PLAN_CG_OPTIONAL);
		set_number(s, CGROUP_BLKIO, "io.weight", 1 + (b->weight.v - 10) * 9999 / 990,
			   PLAN_CG_OPTIONAL);
	} else if (b->weight.v) {
		set_number(s, CGROUP_BLKIO, "blkio.weight|blkio.bfq.weight", b->weight.v,
			   PLAN_CG_OPTIONAL);
	}
	if (b->leaf_weight.v && !s->v2)
		set_number(s, CGROUP_BLKIO, "blkio.leaf_weight", b->leaf_weight.v,
			   PLAN_CG_OPTIONAL);
	oci_for_each(struct oci_weight_device, d, &b->weight_device)
	{
		AUTO(free)
		char *text = xasprintf("%lld:%lld %lld", (long long)d->major, (long long)d->minor,
				       (long long)d->weight.v);

		set_text(s, CGROUP_BLKIO,
			 s->v2 ? "io.bfq.weight" : "blkio.weight_device|blkio.bfq.weight_device",
			 text, PLAN_CG_OPTIONAL);
	}
	throttle(s, &b->throttle_read_bps, "blkio.throttle.read_bps_device", "rbps");
	throttle(s, &b->throttle_write_bps, "blkio.throttle.write_bps_device", "wbps");
	throttle(s, &b->throttle_read_iops, "blkio.throttle.read_iops_device", "riops");
	throttle(s, &b->throttle_write_iops, "blkio.throttle.write_iops_device", "wiops");
}

static int compile_others(struct sets *s, const struct oci_resources *r, struct err *err)
{
	if (r->pids && r->pids->limit.set && r->pids->limit.v) {
		if (r->pids->limit.v < 0)
			set_text(s, CGROUP_PIDS, "pids.max", "max", 0);
		else
			set_number(s, CGROUP_PIDS, "pids.max", r->pids->limit.v, 0);
	}
	oci_for_each(struct oci_hugepage_limit, h, &r->hugepage_limits)
	{
		AUTO(free)
		char *file = xasprintf("hugetlb.%s.%s", str_or(h->page_size),
				       s->v2 ? "max" : "limit_in_bytes");

		if (strchr(file, '/') || strlen(file) > 60)
			return err_set(err, ERR_INVALID, "invalid huge page size '%s'",
				       str_or(h->page_size));
		set_number(s, CGROUP_HUGETLB, file, (int64_t)h->limit, 0);
	}
	if (r->network && r->network->class_id.set && r->network->class_id.v)
		set_number(s, CGROUP_NET_CLS, "net_cls.classid", r->network->class_id.v, 0);
	oci_for_each(struct oci_priority, p,
		     r->network ? &r->network->priorities : &(struct jarray){0})
	{
		AUTO(free)
		char *text = xasprintf("%s %llu", str_or(p->name), (unsigned long long)p->priority);

		set_text(s, CGROUP_NET_PRIO, "net_prio.ifpriomap", text, 0);
	}
	if (r->rdma && json_object_size(r->rdma))
		return err_set(err, ERR_UNSUPPORTED, "rdma limits are not supported");
	if (r->unified.n && !s->v2)
		return err_set(err, ERR_UNSUPPORTED, "unified cgroup settings need cgroup v2");
	map_for_each (it, &r->unified) {
		if (strchr(it->key, '/') || !strchr(it->key, '.') || strlen(it->key) > 60)
			return err_set(err, ERR_INVALID, "invalid unified cgroup setting '%s'",
				       it->key);
		set_text(s, CGROUP_FREEZER, it->key, str_or(it->value),
			 0); /* any controller that v2 has */
	}
	return 0;
}

/* ---- devices */

/* What runc allows in any container that has rules: making nodes, terminals, the standard ones. */
static const struct {
	char type;
	int major, minor; /* -1: all */
	const char *access;
} basic_devices[] = {
	{'c', -1, -1, "m"},    {'b', -1, -1, "m"}, {'c', 1, 3, "rwm"}, {'c', 1, 8, "rwm"},
	{'c', 1, 7, "rwm"},    {'c', 5, 0, "rwm"}, {'c', 1, 5, "rwm"}, {'c', 1, 9, "rwm"},
	{'c', 136, -1, "rwm"}, {'c', 5, 2, "rwm"},
};

static void number_or_star(char *ret, size_t size, struct opt_int n)
{
	if (n.set && n.v >= 0)
		snprintf(ret, size, "%lld", (long long)n.v);
	else
		snprintf(ret, size, "*");
}

static void device_v1(struct sets *s, const struct oci_device_rule *d)
{
	const char *type = d->type && *d->type ? d->type : "a";
	const char *access = d->access && *d->access ? d->access : "rwm";
	const char *file = d->allow ? "devices.allow" : "devices.deny";
	char major[24], minor[24], text[80];

	number_or_star(major, sizeof(major), d->major);
	number_or_star(minor, sizeof(minor), d->minor);
	if (*type == 'a' && streq(major, "*") && streq(minor, "*")) {
		set_text(s, CGROUP_DEVICES, file, "a", 0);
		return;
	}
	snprintf(text, sizeof(text), "%c %s:%s %s", *type, major, minor, access);
	set_text(s, CGROUP_DEVICES, file, text, 0);
}

#define ACCESS_MKNOD 1
#define ACCESS_READ  2
#define ACCESS_WRITE 4
static_assert(ACCESS_MKNOD == BPF_DEVCG_ACC_MKNOD && ACCESS_READ == BPF_DEVCG_ACC_READ &&
		      ACCESS_WRITE == BPF_DEVCG_ACC_WRITE,
	      "as the kernel's");

static void insn(struct buf *b, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	struct bpf_insn i = {
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};

	buf_add(b, &i, sizeof(i));
}

static int32_t access_bits(const char *access)
{
	int32_t bits = 0;

	for (const char *p = access; *p; p++)
		bits |= *p == 'r'   ? ACCESS_READ
			: *p == 'w' ? ACCESS_WRITE
			: *p == 'm' ? ACCESS_MKNOD
				    : 0;
	return bits;
}

/*
 * r2 type, r3 access, r4 major, r5 minor. Each test jumps over the rest of its rule, whose
 * length is only known at its end: the offsets are filled in then.
 */
static void device_rule_bpf(struct buf *b, const struct oci_device_rule *d)
{
	size_t start = b->len, jumps[4], n = 0;
	const char *type = d->type && *d->type ? d->type : "a";
	int32_t bits = access_bits(d->access && *d->access ? d->access : "rwm");

	if (*type != 'a') {
		jumps[n++] = b->len;
		insn(b, BPF_JMP | BPF_JNE | BPF_K, 2, 0, 0,
		     *type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	}
	if (bits != 7) {
		insn(b, BPF_ALU64 | BPF_MOV | BPF_X, 1, 3, 0, 0);
		insn(b, BPF_ALU64 | BPF_AND | BPF_K, 1, 0, 0, bits);
		jumps[n++] = b->len;
		if (d->allow) /* all that is asked for must be in the rule */
			insn(b, BPF_JMP | BPF_JNE | BPF_X, 1, 3, 0, 0);
		else /* any of it */
			insn(b, BPF_JMP | BPF_JEQ | BPF_K, 1, 0, 0, 0);
	}
	if (d->major.set && d->major.v >= 0) {
		jumps[n++] = b->len;
		insn(b, BPF_JMP | BPF_JNE | BPF_K, 4, 0, 0, (int32_t)d->major.v);
	}
	if (d->minor.set && d->minor.v >= 0) {
		jumps[n++] = b->len;
		insn(b, BPF_JMP | BPF_JNE | BPF_K, 5, 0, 0, (int32_t)d->minor.v);
	}
	insn(b, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, d->allow);
	insn(b, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	CHECK(start <= b->len);
	for (size_t i = 0; i < n; i++) {
		struct bpf_insn *j = (struct bpf_insn *)(void *)(b->p + jumps[i]);

		j->off = (int16_t)((b->len - jumps[i]) / sizeof(*j) - 1);
	}
}

static bool matches_all(const struct oci_device_rule *d)
{
	return (!d->type || !*d->type || *d->type == 'a') && !(d->major.set && d->major.v >= 0) &&
	       !(d->minor.set && d->minor.v >= 0) &&
	       access_bits(d->access && *d->access ? d->access : "rwm") == 7;
}

/* The last rule that matches decides: they are tried from the end. */
int plan_compile_devices_bpf(const struct jarray *rules, struct buf *ret, struct err *err)
{
	const struct oci_device_rule *v = rules->v;
	bool decided = false;

	if (rules->n > 400)
		return err_set(err, ERR_INVALID, "too many device rules");
	insn(ret, BPF_LDX | BPF_W | BPF_MEM, 2, 1, 0, 0);
	insn(ret, BPF_ALU | BPF_AND | BPF_K, 2, 0, 0, 0xffff);
	insn(ret, BPF_LDX | BPF_W | BPF_MEM, 3, 1, 0, 0);
	insn(ret, BPF_ALU | BPF_RSH | BPF_K, 3, 0, 0, 16);
	insn(ret, BPF_LDX | BPF_W | BPF_MEM, 4, 1, 4, 0);
	insn(ret, BPF_LDX | BPF_W | BPF_MEM, 5, 1, 8, 0);
	for (size_t i = rules->n; i-- > 0 && !decided;) {
		device_rule_bpf(ret, &v[i]);
		decided = matches_all(
			&v[i]); /* what follows could never be reached: the verifier minds */
	}
	if (!decided) {
		insn(ret, BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 1);
		insn(ret, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
	}
	return 0;
}

static bool devices_restricted(const struct jarray *rules)
{
	const struct oci_device_rule *v = rules->v;

	return rules->n && !(matches_all(&v[rules->n - 1]) && v[rules->n - 1].allow);
}

static int compile_devices(struct sets *s, const struct jarray *rules, struct plan_head *h,
			   struct err *err)
{
	const struct oci_device_rule *v = rules->v;
	AUTO(buf) struct buf bpf = {0};
	struct jarray all = {0};
	int r = 0;

	if (!devices_restricted(rules))
		return 0; /* all is allowed: that is how a new cgroup begins */
	for (size_t i = 0; i < rules->n; i++)
		if (v[i].type && *v[i].type && !strchr("abc", *v[i].type))
			return err_set(err, ERR_INVALID, "device rule of unknown type '%s'",
				       v[i].type);
	for (size_t i = 0; i < rules->n; i++) /* borrowed copies: only .v is freed */
		*(struct oci_device_rule *)jarray_add(&all, sizeof(*v)) = v[i];
	for (size_t i = 0; i < ARRAY_LEN(basic_devices); i++) {
		struct oci_device_rule *d = jarray_add(&all, sizeof(*d));

		d->allow = true;
		d->type = basic_devices[i].type == 'b' ? "b" : "c";
		d->major = (struct opt_int){basic_devices[i].major >= 0, basic_devices[i].major};
		d->minor = (struct opt_int){basic_devices[i].minor >= 0, basic_devices[i].minor};
		d->access = (char *)basic_devices[i].access;
	}
	if (s->v2) {
		r = plan_compile_devices_bpf(&all, &bpf, err);
		if (r == 0)
			h->device_bpf = plan_write_vec(s->w, bpf.p, bpf.len / 8, 8);
	} else {
		oci_for_each(struct oci_device_rule, d, &all) device_v1(s, d);
	}
	free(all.v);
	return r;
}

/* Hierarchies that a container is in even without limits there: to count, freeze and list. */
#define ALWAYS                                                                                     \
	(1u << CGROUP_CPU | 1u << CGROUP_CPUACCT | 1u << CGROUP_MEMORY | 1u << CGROUP_PIDS |       \
	 1u << CGROUP_BLKIO | 1u << CGROUP_DEVICES | 1u << CGROUP_FREEZER | 1u << CGROUP_CPUSET)

static int compile_resources(struct sets *s, const struct oci_resources *r, struct plan_head *h,
			     struct err *err)
{
	if (compile_devices(s, &r->devices, h, err) < 0 ||
	    (r->memory && compile_memory(s, r->memory, err) < 0) ||
	    (r->cpu && compile_cpu(s, r->cpu, err) < 0))
		return -1;
	if (r->block_io)
		compile_block_io(s, r->block_io);
	return compile_others(s, r, err);
}

static int compile_without_cgroups(const struct oci_resources *res, const struct plan_head *h,
				   struct err *err)
{
	if (!res)
		return 0;
	if (res->memory && res->memory->limit.set)
		return err_set(err, ERR_UNSUPPORTED, "no cgroups are mounted at /sys/fs/cgroup");
	/* (2); in a user namespace nobody can make device nodes */
	if (devices_restricted(&res->devices) && !(h->ns_new & CLONE_NEWUSER))
		return err_set(err, ERR_UNSUPPORTED,
			       "no cgroups are mounted at /sys/fs/cgroup: the container could open "
			       "every device");
	return 0;
}

int plan_compile_cgroup(struct writer *w, const struct oci_resources *res, const char *path,
			struct plan_head *h, struct err *err)
{
	struct sets s = {.w = w};
	int r = 0;

	s.have = runtime_cgroup_detect(&s.v2);
	if (!s.have)
		return compile_without_cgroups(res, h, err);
	if (res)
		r = compile_resources(&s, res, h, err);
	if (r == 0 && s.missing)
		r = err_set(err, ERR_UNSUPPORTED, "no cgroup controller on this machine for %s",
			    s.missing);
	if (r == 0) {
		h->cgroup = plan_write_str(w, path);
		h->cgroup_ctls = s.used | ALWAYS;
		h->flags |= s.v2 ? PLAN_F_CGROUP_V2 : 0;
		h->cgroup_sets = plan_write_vec(w, s.v, s.n, sizeof(*s.v));
	}
	free(s.v);
	return r;
}
