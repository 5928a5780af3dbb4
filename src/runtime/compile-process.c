/*
 * compile-process.c - the "process" of a document: user, capabilities, limits, seccomp
 */
#include <sched.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "base/fs.h"
#include "runtime/compile.h"
#include "runtime/user.h"
#include "runtime/profile.h"
#include "sys/caps.h"

static const char *const rlimits[] = {
	[RLIMIT_CPU] = "RLIMIT_CPU",	       [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
	[RLIMIT_DATA] = "RLIMIT_DATA",	       [RLIMIT_STACK] = "RLIMIT_STACK",
	[RLIMIT_CORE] = "RLIMIT_CORE",	       [RLIMIT_RSS] = "RLIMIT_RSS",
	[RLIMIT_NPROC] = "RLIMIT_NPROC",       [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
	[RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",   [RLIMIT_AS] = "RLIMIT_AS",
	[RLIMIT_LOCKS] = "RLIMIT_LOCKS",       [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
	[RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
	[RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",     [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
};
static_assert(ARRAY_LEN(rlimits) == RLIM_NLIMITS, "a name per limit");

static int caps_mask(const struct strv *names, uint64_t *ret, struct err *err)
{
	*ret = 0;
	strv_for_each (name, names) {
		int cap = cap_from_name(name);

		if (cap < 0)
			return err_set(err, ERR_INVALID, "unknown capability '%s'", name);
		*ret |= UINT64_C(1) << cap;
	}
	return 0;
}

static int compile_caps(const struct oci_caps *c, struct plan_process *p, struct err *err)
{
	if (!c)
		return 0;
	p->flags |= PLAN_P_CAPS;
	if (caps_mask(&c->bounding, &p->caps_bounding, err) < 0 ||
	    caps_mask(&c->effective, &p->caps_effective, err) < 0 ||
	    caps_mask(&c->permitted, &p->caps_permitted, err) < 0 ||
	    caps_mask(&c->inheritable, &p->caps_inheritable, err) < 0)
		return -1;
	return caps_mask(&c->ambient, &p->caps_ambient, err);
}

/* JSON's integers end at 2^63-1: from there on a limit is none. */
static uint64_t unlimited(uint64_t v)
{
	return v >= INT64_MAX ? (uint64_t)RLIM_INFINITY : v;
}

static int compile_rlimits(struct writer *w, const struct jarray *limits, struct plan_process *p,
			   struct err *err)
{
	AUTO(free) struct plan_rlimit *v = xnew_n(struct plan_rlimit, limits->n);
	size_t n = 0;

	oci_for_each(struct oci_rlimit, rl, limits)
	{
		uint32_t i = 0;

		while (i < ARRAY_LEN(rlimits) && !streq(rlimits[i], rl->type))
			i++;
		if (i == ARRAY_LEN(rlimits))
			return err_set(err, ERR_INVALID, "unknown rlimit '%s'", str_or(rl->type));
		if (rl->soft > rl->hard)
			return err_set(err, ERR_INVALID,
				       "rlimit %s: soft limit is above the hard one", rl->type);
		v[n++] = (struct plan_rlimit){
			.resource = i, .soft = unlimited(rl->soft), .hard = unlimited(rl->hard)};
	}
	p->rlimits = plan_write_vec(w, v, n, sizeof(*v));
	return 0;
}

static int compile_seccomp(struct writer *w, const struct oci_spec *spec,
			   const struct plan_opts *opts, struct plan_process *p, struct err *err)
{
	struct oci_seccomp own = {0};
	const struct oci_seccomp *profile = &own;
	AUTO(buf) struct buf filter = {0};
	int r;

	switch (opts->seccomp) {
	case PLAN_SECCOMP_UNCONFINED:
		return 0;
	case PLAN_SECCOMP_SPEC:
		profile = spec && spec->linux_ ? spec->linux_->seccomp : NULL;
		if (!profile || !profile->default_action)
			return 0;
		break;
	case PLAN_SECCOMP_DEFAULT:
		if (p->caps_bounding == SECCOMP_DEFAULT_CAPS) {
			p->seccomp = plan_write_vec(w, runtime_seccomp_default_filter,
						    runtime_seccomp_default_filter_n, 8);
			p->seccomp_flags = 1u << 2; /* SECCOMP_FILTER_FLAG_SPEC_ALLOW */
			return 0;
		}
		runtime_seccomp_default(p->caps_bounding, &own);
		break;
	case PLAN_SECCOMP_PROFILE:
		if (runtime_seccomp_profile(str_or(opts->seccomp_profile), p->caps_bounding,
					    &own, err) < 0)
			return -1;
		break;
	}
	r = runtime_seccomp_compile(profile, &filter, &p->seccomp_flags, err);
	json_unbind(&oci_seccomp_type, &own);
	if (r == 0)
		p->seccomp = plan_write_vec(w, filter.p, filter.len / 8, 8);
	return r;
}

static int compile_user(struct writer *w, const struct oci_user *u, const struct plan_opts *opts,
			struct plan_process *p, struct err *err)
{
	AUTO(free) uint32_t *gids = NULL;
	size_t n = json_array_size(u->additional_gids);

	if (u->uid < 0 || u->uid > UINT32_MAX - 1 || u->gid < 0 || u->gid > UINT32_MAX - 1 ||
	    n > USER_GROUPS_MAX)
		return err_set(err, ERR_INVALID, "process.user is out of range");
	p->uid = (uint32_t)u->uid;
	p->gid = (uint32_t)u->gid;
	if (u->umask.set) {
		p->flags |= PLAN_P_UMASK;
		p->umask = (uint32_t)u->umask.v;
	}
	gids = xnew_n(uint32_t, n);
	for (size_t i = 0; i < n; i++) {
		json_int_t gid = json_integer_value(json_array_get(u->additional_gids, i));

		if (gid < 0 || gid > UINT32_MAX - 1)
			return err_set(err, ERR_INVALID,
				       "process.user.additionalGids is out of range");
		gids[i] = (uint32_t)gid;
	}
	p->gids = plan_write_vec(w, gids, n, sizeof(*gids));
	if (opts->user) {
		p->user = plan_write_str_always(w, opts->user);
		p->flags |= PLAN_P_SUPP_GID;
	}
	if (opts->group_add)
		p->group_add = plan_write_strv(w, opts->group_add);
	return 0;
}

struct name_value {
	const char *name;
	uint32_t value;
};

static const struct name_value policies[] = {
	{"SCHED_OTHER", 0}, {"SCHED_FIFO", 1}, {"SCHED_RR", 2},	      {"SCHED_BATCH", 3},
	{"SCHED_ISO", 4},   {"SCHED_IDLE", 5}, {"SCHED_DEADLINE", 6},
};
static const struct name_value sched_flags[] = {
	{"SCHED_FLAG_RESET_ON_FORK", 1},   {"SCHED_FLAG_RECLAIM", 2},
	{"SCHED_FLAG_DL_OVERRUN", 4},	   {"SCHED_FLAG_KEEP_POLICY", 8},
	{"SCHED_FLAG_KEEP_PARAMS", 16},	   {"SCHED_FLAG_UTIL_CLAMP_MIN", 32},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", 64},
};
static const struct name_value io_classes[] = {
	{"IOPRIO_CLASS_RT", 1},
	{"IOPRIO_CLASS_BE", 2},
	{"IOPRIO_CLASS_IDLE", 3},
};
static const struct name_value personalities[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};

static int find_value(const struct name_value *t, size_t n, const char *name, uint32_t *ret,
		      struct err *err)
{
	for (size_t i = 0; i < n; i++)
		if (streq(t[i].name, name)) {
			*ret = t[i].value;
			return 0;
		}
	return err_set(err, ERR_INVALID, "unknown value '%s'", str_or(name));
}

static int compile_priorities(const struct oci_process *src, const struct oci_spec *spec,
			      struct plan_process *p, struct err *err)
{
	const struct oci_scheduler *s = src->scheduler;
	uint32_t value;

	if (s) {
		if (find_value(policies, ARRAY_LEN(policies), s->policy, &p->sched_policy, err) < 0)
			return err_wrap(err, "process.scheduler.policy");
		strv_for_each (flag, &s->flags) {
			if (find_value(sched_flags, ARRAY_LEN(sched_flags), flag, &value, err) < 0)
				return err_wrap(err, "process.scheduler.flags");
			p->sched_flags |= value;
		}
		p->flags |= PLAN_P_SCHED;
		p->sched_nice = (int32_t)s->nice;
		p->sched_priority = (int32_t)s->priority;
		p->sched_runtime = s->runtime;
		p->sched_deadline = s->deadline;
		p->sched_period = s->period;
	}
	if (src->io_priority) {
		if (find_value(io_classes, ARRAY_LEN(io_classes), src->io_priority->class_, &value,
			       err) < 0)
			return err_wrap(err, "process.ioPriority.class");
		p->flags |= PLAN_P_IOPRIO;
		p->ioprio = value << 13 | ((uint32_t)src->io_priority->priority & 7);
	}
	if (spec && spec->linux_ && spec->linux_->personality) {
		const struct oci_personality *per = spec->linux_->personality;

		if (find_value(personalities, ARRAY_LEN(personalities), per->domain,
			       &p->personality, err) < 0)
			return err_wrap(err, "linux.personality.domain");
		p->flags |= PLAN_P_PERSONALITY;
	}
	return 0;
}

static bool apparmor_enabled(void)
{
	AUTO(buf) struct buf text = {0};

	return fs_read_file(-1, "/sys/module/apparmor/parameters/enabled", 16, &text) == 0 &&
	       text.p[0] == 'Y';
}

static int compile_labels(struct writer *w, const struct oci_process *src, struct plan_process *p,
			  struct err *err)
{
	const char *profile = src->apparmor_profile;

	if (profile && *profile && !streq(profile, "unconfined")) {
		if (!apparmor_enabled())
			return err_set(
				err, ERR_UNSUPPORTED,
				"apparmor profile '%s': apparmor is not enabled on this machine",
				profile);
		p->apparmor = plan_write_str(w, profile);
	}
	if (src->selinux_label && *src->selinux_label && fs_exists(-1, "/sys/fs/selinux/enforce"))
		p->selinux = plan_write_str(w, src->selinux_label);
	return 0;
}

int plan_compile_process(struct writer *w, const struct oci_process *src,
			 const struct oci_spec *spec, const struct plan_opts *opts,
			 struct plan_head *h, struct err *err)
{
	struct plan_process *p = &h->process;

	if (!src->args.n)
		return err_set(err, ERR_INVALID, "process.args is empty");
	if (!src->cwd || *src->cwd != '/')
		return err_set(err, ERR_INVALID, "process.cwd '%s' is not an absolute path",
			       str_or(src->cwd));
	if (src->exec_cpu_affinity &&
	    (src->exec_cpu_affinity->initial || src->exec_cpu_affinity->final))
		return err_set(err, ERR_UNSUPPORTED, "process.execCPUAffinity is not supported");
	if (opts->preserve_fds < 0 || opts->preserve_fds > 1024)
		return err_set(err, ERR_INVALID, "invalid number of descriptors to preserve");
	h->preserve_fds = (uint32_t)opts->preserve_fds;
	if (opts->rlimits_clamp)
		h->flags |= PLAN_F_CLAMP_RLIMITS;
	p->flags = (src->terminal ? PLAN_P_TERMINAL : 0) |
		   (src->no_new_privileges ? PLAN_P_NO_NEW_PRIVS : 0) |
		   (env_get(&src->env, "HOME") ? 0 : PLAN_P_HOME);
	p->args = plan_write_strv(w, &src->args);
	p->env = plan_write_strv(w, &src->env);
	p->cwd = plan_write_str(w, src->cwd);
	if (src->console_size) {
		p->rows = (uint16_t)MIN(src->console_size->height, 65535u);
		p->cols = (uint16_t)MIN(src->console_size->width, 65535u);
	}
	if (src->oom_score_adj.set) {
		if (src->oom_score_adj.v < -1000 || src->oom_score_adj.v > 1000)
			return err_set(err, ERR_INVALID, "oomScoreAdj %lld is not in -1000..1000",
				       (long long)src->oom_score_adj.v);
		p->flags |= PLAN_P_OOM_ADJ;
		p->oom_score_adj = (int32_t)src->oom_score_adj.v;
	}
	if (compile_user(w, &src->user, opts, p, err) < 0 ||
	    compile_caps(src->capabilities, p, err) < 0 ||
	    compile_rlimits(w, &src->rlimits, p, err) < 0 ||
	    compile_priorities(src, spec, p, err) < 0 || compile_labels(w, src, p, err) < 0)
		return -1;
	return compile_seccomp(w, spec, opts, p, err);
}
