/*
 * plan.c - checks a plan blob once, so that nobody has to later
 *
 * Tables say where in each struct the offsets are; one walk over them checks each.
 *
 * (1) After plan_open() every string lies in the blob and ends in it, every vector lies in it,
 *     aligned, and every element's own offsets are good as well.
 * (2) The work is linear in the blob: vectors may overlap, but their total length is bounded.
 */
#include "runtime/plan.h"

#include <linux/filter.h>

enum field_kind { F_STR, F_STRV, F_VEC };

struct type;
struct field {
	enum field_kind kind;
	uint32_t at;
	const struct type *type; /* of F_VEC's elements */
};

struct type {
	size_t size;
	const struct field *fields;
	size_t nfields;
};

#define STR(s, m)                                                                                  \
	{                                                                                          \
		F_STR, offsetof(struct s, m), NULL                                                 \
	}
#define STRV(s, m)                                                                                 \
	{                                                                                          \
		F_STRV, offsetof(struct s, m), NULL                                                \
	}
#define VEC(s, m, t)                                                                               \
	{                                                                                          \
		F_VEC, offsetof(struct s, m), &(t)                                                 \
	}
#define TYPE(s, table)                                                                             \
	{                                                                                          \
		sizeof(struct s), table, ARRAY_LEN(table)                                          \
	}

static const struct type u32_type = {sizeof(uint32_t), NULL, 0};
static const struct type u64_type = {sizeof(uint64_t), NULL, 0};
static const struct type filter_type = {sizeof(struct sock_filter), NULL, 0};
static const struct type rlimit_type = {sizeof(struct plan_rlimit), NULL, 0};
static const struct type idmap_type = {sizeof(struct plan_idmap), NULL, 0};

static const struct field ns_fields[] = {STR(plan_ns, path)};
static const struct type ns_type = TYPE(plan_ns, ns_fields);

static const struct field mount_fields[] = {
	STR(plan_mount, dest),
	STR(plan_mount, source),
	STR(plan_mount, fstype),
	STRV(plan_mount, options),
	VEC(plan_mount, uidmap, idmap_type),
	VEC(plan_mount, gidmap, idmap_type),
};
static const struct type mount_type = TYPE(plan_mount, mount_fields);

static const struct field device_fields[] = {STR(plan_device, path)};
static const struct type device_type = TYPE(plan_device, device_fields);

static const struct field pair_fields[] = {STR(plan_pair, key), STR(plan_pair, value)};
static const struct type pair_type = TYPE(plan_pair, pair_fields);

static const struct field cgset_fields[] = {STR(plan_cgset, file), STR(plan_cgset, value)};
static const struct type cgset_type = TYPE(plan_cgset, cgset_fields);

static const struct field hook_fields[] = {
	STR(plan_hook, path),
	STRV(plan_hook, args),
	STRV(plan_hook, env),
};
static const struct type hook_type = TYPE(plan_hook, hook_fields);

static const struct field head_fields[] = {
	STR(plan_head, process.user),
	STR(plan_head, process.cwd),
	STRV(plan_head, process.args),
	STRV(plan_head, process.env),
	VEC(plan_head, process.gids, u32_type),
	STRV(plan_head, process.group_add),
	VEC(plan_head, process.rlimits, rlimit_type),
	VEC(plan_head, process.seccomp, filter_type),
	STR(plan_head, process.apparmor),
	STR(plan_head, process.selinux),
	STR(plan_head, id),
	STR(plan_head, bundle),
	STR(plan_head, hostname),
	STR(plan_head, domainname),
	STR(plan_head, init_path),
	VEC(plan_head, ns_join, ns_type),
	VEC(plan_head, uidmap, idmap_type),
	VEC(plan_head, gidmap, idmap_type),
	STR(plan_head, root),
	STRV(plan_head, lower),
	STR(plan_head, upper),
	STR(plan_head, work),
	VEC(plan_head, mounts, mount_type),
	VEC(plan_head, devices, device_type),
	STRV(plan_head, masked),
	STRV(plan_head, readonly),
	VEC(plan_head, sysctls, pair_type),
	VEC(plan_head, hooks, hook_type),
	STR(plan_head, cgroup),
	VEC(plan_head, cgroup_sets, cgset_type),
	VEC(plan_head, device_bpf, u64_type),
};
static const struct type head_type = TYPE(plan_head, head_fields);

struct walk {
	const char *base;
	size_t size;
	size_t budget; /* bytes that strings and vectors may still cover, (2) */
};

static bool spend(struct walk *w, size_t n)
{
	if (n > w->budget)
		return false;
	w->budget -= n;
	return true;
}

static bool good_string(struct walk *w, plan_str off)
{
	size_t n;

	if (!off)
		return true;
	if (off < sizeof(struct plan_head) || off >= w->size)
		return false;
	n = strnlen(w->base + off, w->size - off);
	return n < w->size - off && spend(w, n + 1);
}

/* Is the vector in the blob? *ret is its first element. */
static bool good_range(struct walk *w, const struct plan_vec *v, size_t size, const char **ret)
{
	*ret = NULL;
	if (!v->n)
		return true;
	if (v->off < sizeof(struct plan_head) || v->off >= w->size || v->off % 8)
		return false;
	if (v->n > (w->size - v->off) / size)
		return false;
	*ret = w->base + v->off;
	return spend(w, v->n * size);
}

static bool good_strv(struct walk *w, const struct plan_vec *v)
{
	const char *first;
	const plan_str *s;

	if (!good_range(w, v, sizeof(plan_str), &first))
		return false;
	s = (const plan_str *)first;
	for (uint32_t i = 0; i < v->n; i++)
		if (!s[i] || !good_string(w, s[i]))
			return false;
	return true;
}

static bool good_struct(struct walk *w, const struct type *t, const char *at);

static bool good_vec(struct walk *w, const struct plan_vec *v, const struct type *t)
{
	const char *first;

	if (!good_range(w, v, t->size, &first))
		return false;
	for (uint32_t i = 0; i < v->n && t->nfields; i++)
		if (!good_struct(w, t, first + i * t->size))
			return false;
	return true;
}

/* Recursion is as deep as the tables: two. */
static bool good_struct(struct walk *w, const struct type *t, const char *at)
{
	for (size_t i = 0; i < t->nfields; i++) {
		const struct field *f = &t->fields[i];
		const void *p = at + f->at;
		bool good = f->kind == F_STR	? good_string(w, *(const plan_str *)p)
			    : f->kind == F_STRV ? good_strv(w, p)
						: good_vec(w, p, f->type);

		if (!good)
			return false;
	}
	return true;
}

/* What the executing code needs beyond good offsets: strings that must be there. */
static bool complete(const struct plan_head *h, const struct plan *p)
{
	if (h->kind == PLAN_UPDATE)
		return true;
	if (!h->process.args.n || !h->process.cwd || h->preserve_fds > 1024)
		return false;
	if (h->kind == PLAN_EXEC)
		return true;
	if (!h->root && !h->lower.n)
		return false;
	plan_for_each(struct plan_mount, m, p,
		      &h->mounts) if (!m->dest || !m->fstype ||
				      (m->kind == PLAN_MOUNT_BIND && !m->source)) return false;
	plan_for_each(struct plan_device, d, p, &h->devices) if (!d->path) return false;
	plan_for_each(struct plan_ns, ns, p, &h->ns_join) if (!ns->path) return false;
	plan_for_each(struct plan_hook, hook, p,
		      &h->hooks) if (!hook->path || hook->stage >= RUNTIME_HOOKS) return false;
	plan_for_each(struct plan_pair, s, p, &h->sysctls) if (!s->key || !s->value) return false;
	return true;
}

static bool complete_cgroup(const struct plan_head *h, const struct plan *p)
{
	plan_for_each(struct plan_cgset, s, p,
		      &h->cgroup_sets) if (!s->file || !s->value ||
					   s->ctl >= CGROUP_CTLS) return false;
	return true;
}

int plan_open(const void *blob, size_t size, struct plan *ret, struct err *err)
{
	const struct plan_head *h = blob;
	struct plan plan = {.head = h, .size = size};
	struct walk w = {.base = blob, .size = size, .budget = 4 * size};

	if (!blob || (uintptr_t)blob % 8 || size < sizeof(*h) || size > PLAN_MAX_SIZE)
		return err_set(err, ERR_CORRUPT, "not a plan: %zu bytes", size);
	if (h->magic != PLAN_MAGIC || h->size != size)
		return err_set(err, ERR_CORRUPT, "not a plan");
	if (h->version != PLAN_VERSION || h->kind < PLAN_CREATE || h->kind > PLAN_UPDATE)
		return err_set(err, ERR_CORRUPT, "plan of another version (%u)", h->version);
	if (!good_struct(&w, &head_type, blob) || !complete(h, &plan) || !complete_cgroup(h, &plan))
		return err_set(err, ERR_CORRUPT, "plan is damaged");
	*ret = plan;
	return 0;
}

bool plan_terminal(const struct plan *plan)
{
	return plan->head->process.flags & PLAN_P_TERMINAL;
}

const char *plan_cgroup_path(const struct plan *plan)
{
	return str_or(plan_cstr(plan, plan->head->cgroup));
}
