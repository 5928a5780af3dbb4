/*
 * seccomp.c - profiles to filters, by libseccomp
 *
 * (1) A system call that libseccomp is too old to know but the profile names is decided by a few
 *     instructions before its filter; one newer than all that we know fails with ENOSYS, so that
 *     programs fall back instead of failing with EPERM.
 * (2) Names that nobody knows are skipped, as everyone does: profiles name calls of all ages.
 */
#include "runtime/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/utsname.h>

#include "base/fs.h"
#include "sys/caps.h"

#if defined(__x86_64__)
#define NATIVE_ARCH  "amd64"
#define NATIVE_SCMP  "SCMP_ARCH_X86_64"
#define NATIVE_AUDIT AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCH  "arm64"
#define NATIVE_SCMP  "SCMP_ARCH_AARCH64"
#define NATIVE_AUDIT AUDIT_ARCH_AARCH64
#elif defined(__riscv)
#define NATIVE_ARCH  "riscv64"
#define NATIVE_SCMP  "SCMP_ARCH_RISCV64"
#define NATIVE_AUDIT AUDIT_ARCH_RISCV64
#else
#error "no seccomp tables for this architecture"
#endif

#define PROFILE_MAX (2u << 20)

/* Since 5.1 a new call has one number on all architectures. */
static const struct {
	const char *name;
	int nr;
} young[] = {
	{"cachestat", 451},	    {"fchmodat2", 452},	       {"map_shadow_stack", 453},
	{"futex_wake", 454},	    {"futex_wait", 455},       {"futex_requeue", 456},
	{"statmount", 457},	    {"listmount", 458},	       {"lsm_get_self_attr", 459},
	{"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
	{"setxattrat", 463},	    {"getxattrat", 464},       {"listxattrat", 465},
	{"removexattrat", 466},	    {"open_tree_attr", 467},   {"file_getattr", 468},
	{"file_setattr", 469},
};
#define YOUNG_FIRST 451
#define YOUNGEST    469

static int young_number(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(young); i++)
		if (streq(young[i].name, name))
			return young[i].nr;
	return -1;
}

static const struct {
	const char *name;
	uint32_t action;
	bool takes_errno;
} actions[] = {
	{"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW, false},
	{"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(0), true},
	{"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD, false},
	{"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD, false},
	{"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS, false},
	{"SCMP_ACT_TRAP", SCMP_ACT_TRAP, false},
	{"SCMP_ACT_TRACE", SCMP_ACT_TRACE(0), true},
	{"SCMP_ACT_LOG", SCMP_ACT_LOG, false},
};

static const struct {
	const char *name;
	enum scmp_compare op;
} compares[] = {
	{"SCMP_CMP_NE", SCMP_CMP_NE},
	{"SCMP_CMP_LT", SCMP_CMP_LT},
	{"SCMP_CMP_LE", SCMP_CMP_LE},
	{"SCMP_CMP_EQ", SCMP_CMP_EQ},
	{"SCMP_CMP_GE", SCMP_CMP_GE},
	{"SCMP_CMP_GT", SCMP_CMP_GT},
	{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
};

static const struct {
	const char *name;
	uint32_t flag;
} filter_flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", 0}, /* one thread: nothing to synchronise */
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
};

static int find_action(const char *name, struct opt_int errno_ret, uint32_t *ret, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!streq(actions[i].name, name))
			continue;
		*ret = actions[i].action;
		if (actions[i].takes_errno)
			*ret |= (uint32_t)(errno_ret.set ? errno_ret.v : EPERM) & 0xffff;
		return 0;
	}
	return err_set(err, ERR_INVALID, "seccomp: unknown action '%s'", str_or(name));
}

/* ---- profiles */

static bool listed(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = words; p && *p; p += strspn(p, " ")) {
		size_t m = strcspn(p, " ");

		if (m == n && memcmp(p, word, n) == 0)
			return true;
		p += m;
	}
	return false;
}

static struct oci_seccomp_call *add_call(struct oci_seccomp *s, const char *action, int errno_ret)
{
	struct oci_seccomp_call *call = jarray_add(&s->syscalls, sizeof(*call));

	call->action = xstrdup(action);
	if (errno_ret)
		call->errno_ret = (struct opt_int){.set = true, .v = errno_ret};
	return call;
}

static void add_native_arches(struct oci_seccomp *s)
{
	strv_add(&s->architectures, NATIVE_SCMP);
#if defined(__x86_64__)
	strv_add(&s->architectures, "SCMP_ARCH_X86");
	strv_add(&s->architectures, "SCMP_ARCH_X32");
#elif defined(__aarch64__)
	strv_add(&s->architectures, "SCMP_ARCH_ARM");
#endif
}

void runtime_seccomp_default(uint64_t caps, struct oci_seccomp *ret)
{
	*ret = (struct oci_seccomp){0};
	ret->default_action = xstrdup("SCMP_ACT_ERRNO");
	ret->default_errno_ret = (struct opt_int){.set = true, .v = EPERM};
	add_native_arches(ret);
	for (size_t i = 0; i < runtime_seccomp_default_nrows; i++) {
		const struct seccomp_row *r = &runtime_seccomp_default_rows[i];
		struct oci_seccomp_call *call;

		if ((caps & r->in_caps) != r->in_caps || caps & r->ex_caps)
			continue;
		if ((r->in_arches && !listed(r->in_arches, NATIVE_ARCH)) ||
		    (r->ex_arches && listed(r->ex_arches, NATIVE_ARCH)))
			continue;
		call = add_call(ret, r->action ? r->action : "SCMP_ACT_ALLOW", r->errno_ret);
		strv_split(&call->names, r->names, ' ');
		if (r->arg.op) {
			struct oci_seccomp_arg *arg = jarray_add(&call->args, sizeof(*arg));

			arg->index = r->arg.index;
			arg->value = r->arg.value;
			arg->op = xstrdup(r->arg.op);
		}
	}
}

struct conditions {
	struct strv caps, arches;
	char *min_kernel;
};

static const struct jfield conditions_fields[] = {
	JF(struct conditions, caps, "caps", J_STRV, 0),
	JF(struct conditions, arches, "arches", J_STRV, 0),
	JF(struct conditions, min_kernel, "minKernel", J_STR, 0),
};
static const struct jtype conditions_type = JTYPE(struct conditions, conditions_fields);

struct arch_map {
	char *architecture;
	struct strv sub;
};

static const struct jfield arch_map_fields[] = {
	JF(struct arch_map, architecture, "architecture", J_STR, 0),
	JF(struct arch_map, sub, "subArchitectures", J_STRV, 0),
};
static const struct jtype arch_map_type = JTYPE(struct arch_map, arch_map_fields);

struct profile_call { /* the additions of docker's format to a call */
	char *name;
	struct conditions includes, excludes;
};

static const struct jfield profile_call_fields[] = {
	JF(struct profile_call, name, "name", J_STR, 0),
	JFT(struct profile_call, includes, "includes", J_OBJ, 0, &conditions_type),
	JFT(struct profile_call, excludes, "excludes", J_OBJ, 0, &conditions_type),
};
static const struct jtype profile_call_type = JTYPE(struct profile_call, profile_call_fields);

struct profile {
	struct jarray arch_map, syscalls;
};

static const struct jfield profile_fields[] = {
	JFT(struct profile, arch_map, "archMap", J_ARR, 0, &arch_map_type),
	JFT(struct profile, syscalls, "syscalls", J_ARR, 0, &profile_call_type),
};
static const struct jtype profile_type = JTYPE(struct profile, profile_fields);

static bool kernel_at_least(const char *version)
{
	unsigned want[2] = {0}, have[2] = {0};
	struct utsname u;

	if (uname(&u) < 0 || sscanf(u.release, "%u.%u", &have[0], &have[1]) != 2 ||
	    sscanf(version, "%u.%u", &want[0], &want[1]) < 1)
		return false;
	return have[0] > want[0] || (have[0] == want[0] && have[1] >= want[1]);
}

static bool has_cap(const char *name, uint64_t caps)
{
	int cap = cap_from_name(name);

	return cap >= 0 && caps & UINT64_C(1) << cap;
}

/* includes: all of its caps, one of its arches; excludes: any of either. */
static bool applies(const struct profile_call *call, uint64_t caps)
{
	const struct conditions *in = &call->includes, *ex = &call->excludes;

	strv_for_each (cap, &in->caps)
		if (!has_cap(cap, caps))
			return false;
	strv_for_each (cap, &ex->caps)
		if (has_cap(cap, caps))
			return false;
	if (in->arches.n && !strv_has(&in->arches, NATIVE_ARCH))
		return false;
	if (strv_has(&ex->arches, NATIVE_ARCH))
		return false;
	if (in->min_kernel && !kernel_at_least(in->min_kernel))
		return false;
	return !ex->min_kernel || !kernel_at_least(ex->min_kernel);
}

static void free_call(struct oci_seccomp_call *call)
{
	strv_done(&call->names);
	free(call->action);
	oci_for_each(struct oci_seccomp_arg, a, &call->args) free(a->op);
	free(call->args.v);
	*call = (struct oci_seccomp_call){0};
}

/* Drops the calls whose conditions do not hold, and picks the architectures. */
static void select_calls(struct oci_seccomp *s, const struct profile *p, uint64_t caps)
{
	struct oci_seccomp_call *calls = s->syscalls.v;
	const struct profile_call *extra = p->syscalls.v;
	size_t n = 0;

	for (size_t i = 0; i < s->syscalls.n; i++) {
		if (!applies(&extra[i], caps)) {
			free_call(&calls[i]);
			continue;
		}
		if (extra[i].name && *extra[i].name)
			strv_add(&calls[i].names, extra[i].name);
		calls[n++] = calls[i];
		if (n - 1 != i)
			calls[i] = (struct oci_seccomp_call){0};
	}
	s->syscalls.n = n;
	oci_for_each(struct arch_map, m, &p->arch_map)
	{
		if (!streq(m->architecture, NATIVE_SCMP))
			continue;
		strv_add(&s->architectures, m->architecture);
		strv_for_each (sub, &m->sub)
			strv_add(&s->architectures, sub);
	}
}

int runtime_seccomp_profile(const char *text, uint64_t caps, struct oci_seccomp *ret,
			    struct err *err)
{
	AUTO(json) json_t *value = NULL;
	struct profile p = {0};
	int r = -1;

	*ret = (struct oci_seccomp){0};
	if (strlen(text) > PROFILE_MAX)
		return err_set(err, ERR_INVALID, "seccomp profile is larger than %u bytes",
			       PROFILE_MAX);
	value = json_parse(text, strlen(text), err);
	if (value && json_bind(&oci_seccomp_type, value, ret, err) == 0 &&
	    json_bind(&profile_type, value, &p, err) == 0) {
		if (p.arch_map.n && ret->architectures.n)
			err_set(err, ERR_INVALID, "both 'architectures' and 'archMap' are given");
		else if (!ret->default_action)
			err_set(err, ERR_INVALID, "no defaultAction");
		else
			r = 0;
	}
	if (r == 0)
		select_calls(ret, &p, caps);
	json_unbind(&profile_type, &p);
	if (r < 0) {
		json_unbind(&oci_seccomp_type, ret);
		return err_wrap(err, "decoding seccomp profile failed");
	}
	return 0;
}

/* ---- to a filter */

struct prelude {
	uint32_t action[YOUNGEST + 1]; /* 0: no decision; calls that libseccomp does not know */
	bool any;
};

static int bind_arg(const struct oci_seccomp_arg *a, struct scmp_arg_cmp *ret, struct err *err)
{
	if (a->index > 5)
		return err_set(err, ERR_INVALID, "seccomp: argument index %llu",
			       (unsigned long long)a->index);
	for (size_t i = 0; i < ARRAY_LEN(compares); i++)
		if (streq(compares[i].name, a->op)) {
			*ret = (struct scmp_arg_cmp){.arg = (unsigned)a->index,
						     .op = compares[i].op,
						     .datum_a = a->value,
						     .datum_b = a->value_two};
			return 0;
		}
	return err_set(err, ERR_INVALID, "seccomp: unknown operator '%s'", str_or(a->op));
}

static int add_rule(scmp_filter_ctx ctx, int nr, const char *name, uint32_t action, unsigned n,
		    const struct scmp_arg_cmp *args, struct err *err)
{
	int r = seccomp_rule_add_array(ctx, action, nr, n, args);

	if (r < 0 && r != -EEXIST && r != -EDOM) /* EDOM: not on one of the architectures */
		return err_sys(err, -r, "seccomp: rule for '%s'", name);
	return 0;
}

static int add_name(scmp_filter_ctx ctx, const struct oci_seccomp_call *call, const char *name,
		    uint32_t action, const struct scmp_arg_cmp *args, unsigned nargs, bool separate,
		    struct prelude *pre, struct err *err)
{
	int nr = seccomp_syscall_resolve_name(name);

	if (nr == __NR_SCMP_ERROR) {
		nr = young_number(name); /* (1) and (2) */
		if (nr > 0 && !nargs) {
			pre->action[nr] = action;
			pre->any = true;
		}
		return 0;
	}
	if (!separate)
		return add_rule(ctx, nr, name, action, nargs, args, err);
	for (unsigned i = 0; i < nargs; i++)
		if (add_rule(ctx, nr, name, action, 1, &args[i], err) < 0)
			return -1;
	return 0;
}

static int add_profile_call(scmp_filter_ctx ctx, const struct oci_seccomp_call *call,
			    uint32_t standard, struct prelude *pre, struct err *err)
{
	struct scmp_arg_cmp args[16];
	unsigned nargs = 0, seen = 0;
	bool separate = false; /* two conditions on one argument mean either */
	uint32_t action;

	if (find_action(call->action, call->errno_ret, &action, err) < 0)
		return -1;
	if (action == standard)
		return 0;
	if (call->args.n > ARRAY_LEN(args))
		return err_set(err, ERR_INVALID, "seccomp: too many arguments");
	oci_for_each(struct oci_seccomp_arg, a, &call->args)
	{
		if (bind_arg(a, &args[nargs++], err) < 0)
			return -1;
		separate |= seen & 1u << a->index;
		seen |= 1u << a->index;
	}
	strv_for_each (name, &call->names)
		if (add_name(ctx, call, name, action, args, nargs, separate, pre, err) < 0)
			return -1;
	return 0;
}

static void emit(struct buf *b, uint16_t code, uint32_t k, uint8_t jt, uint8_t jf)
{
	struct sock_filter f = {.code = code, .jt = jt, .jf = jf, .k = k};

	buf_add(b, &f, sizeof(f));
}

/* (1): one compare and one return per call, then the filter proper. */
static void emit_prelude(struct buf *b, const struct prelude *pre, uint32_t standard)
{
	bool refuses = (standard & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
	AUTO(buf) struct buf body = {0};

	for (int nr = YOUNG_FIRST; nr <= YOUNGEST; nr++)
		if (pre->action[nr]) {
			emit(&body, BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)nr, 0, 1);
			emit(&body, BPF_RET | BPF_K, pre->action[nr], 0, 0);
		}
	if (refuses) {
		emit(&body, BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 2, 0); /* x32: its own numbers */
		emit(&body, BPF_JMP | BPF_JGT | BPF_K, YOUNGEST, 0, 1);
		emit(&body, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	}
	if (!refuses && !pre->any)
		return;
	emit(b, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch), 0, 0);
	emit(b, BPF_JMP | BPF_JEQ | BPF_K, NATIVE_AUDIT, 0,
	     (uint8_t)(body.len / sizeof(struct sock_filter) + 2));
	emit(b, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr), 0, 0);
	emit(b, BPF_JMP | BPF_JGE | BPF_K, YOUNG_FIRST, 0,
	     (uint8_t)(body.len / sizeof(struct sock_filter)));
	buf_add(b, body.p, body.len);
}

static int export(scmp_filter_ctx ctx, struct buf *ret, struct err *err)
{
	AUTO(close) int fd = memfd_create("seccomp", MFD_CLOEXEC);
	int r = fd < 0 ? -errno : seccomp_export_bpf(ctx, fd);

	if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
		r = -errno;
	if (r == 0)
		r = fs_read_fd(fd, BPF_MAXINSNS * sizeof(struct sock_filter), ret);
	return r < 0 ? err_sys(err, -r, "seccomp: make the filter") : 0;
}

static int fill(scmp_filter_ctx ctx, const struct oci_seccomp *p, uint32_t standard,
		struct prelude *pre, struct err *err)
{
	int r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);

	if (r == 0)
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a tree: log n compares */
	if (r < 0)
		return err_sys(err, -r, "seccomp: set up");
	strv_for_each (name, &p->architectures) {
		AUTO(free)
		char *low = xstrdup(str_after(name, "SCMP_ARCH_") ? str_after(name, "SCMP_ARCH_")
								  : name);
		uint32_t arch;

		str_lower(low);
		arch = seccomp_arch_resolve_name(low);
		if (!arch)
			return err_set(err, ERR_INVALID, "seccomp: unknown architecture '%s'",
				       name);
		r = seccomp_arch_add(ctx, arch);
		if (r < 0 && r != -EEXIST)
			return err_sys(err, -r, "seccomp: architecture '%s'", name);
	}
	oci_for_each(struct oci_seccomp_call, call,
		     &p->syscalls) if (add_profile_call(ctx, call, standard, pre, err) <
				       0) return -1;
	return 0;
}

static int bind_flags(const struct oci_seccomp *p, uint32_t *ret, struct err *err)
{
	*ret = p->flags.n ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	strv_for_each (name, &p->flags) {
		size_t i = 0;

		while (i < ARRAY_LEN(filter_flags) && !streq(filter_flags[i].name, name))
			i++;
		if (i == ARRAY_LEN(filter_flags))
			return err_set(err, ERR_UNSUPPORTED, "seccomp: flag '%s' is not supported",
				       name);
		*ret |= filter_flags[i].flag;
	}
	return 0;
}

int runtime_seccomp_compile(const struct oci_seccomp *p, struct buf *ret, uint32_t *ret_flags,
			    struct err *err)
{
	AUTO(free) struct prelude *pre = xnew(struct prelude);
	AUTO(buf) struct buf body = {0};
	scmp_filter_ctx ctx;
	uint32_t standard;
	int r;

	if (p->listener_path && *p->listener_path)
		return err_set(err, ERR_UNSUPPORTED,
			       "seccomp: notification listeners are not supported");
	if (find_action(p->default_action, p->default_errno_ret, &standard, err) < 0 ||
	    bind_flags(p, ret_flags, err) < 0)
		return -1;
	ctx = seccomp_init(standard);
	if (!ctx)
		return err_set(err, ERR_SYSTEM, "seccomp: out of memory");
	r = fill(ctx, p, standard, pre, err);
	if (r == 0)
		r = export(ctx, &body, err);
	seccomp_release(ctx);
	if (r < 0)
		return -1;
	emit_prelude(ret, pre, standard);
	buf_add(ret, body.p, body.len);
	if (ret->len / sizeof(struct sock_filter) > BPF_MAXINSNS)
		return err_set(err, ERR_INVALID, "seccomp: the filter is too long");
	return 0;
}
