/*
 * fuzz-plan.c - a plan that opens can be walked to its last string
 *
 * The input is a blob; or, if it starts with "P", a patch of a good one: records of four bytes
 * offset and four bytes value, so that the fuzzer need not guess the magic number and the size.
 */
#include "oci/oci.h"
#include "runtime/plan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct buf *good(void)
{
	static struct buf blob;
	struct err err = ERR_INIT;
	struct oci_spec spec;
	struct oci_hook *hook;

	if (blob.len)
		return &blob;
	oci_spec_init(&spec);
	strv_add(&spec.process->args, "sh");
	strv_add(&spec.process->env, "PATH=/bin");
	spec.process->cwd = xstrdup("/");
	spec.root->path = xstrdup("/tmp");
	spec.hooks = xnew(struct oci_hooks);
	hook = jarray_add(&spec.hooks->poststop, sizeof(*hook));
	hook->path = xstrdup("/bin/true");
	strv_add(&spec.linux_->masked_paths, "/proc/kcore");
	map_set_str(&spec.linux_->sysctl, "net.ipv4.ip_forward", "1");
	oci_add_mount(&spec, "/proc", "proc", "proc", "nosuid");
	oci_add_mount(&spec, "/data", "bind", "/tmp", "rbind,ro");
	oci_add_namespace(&spec, "mount", NULL);
	oci_add_namespace(&spec, "network", NULL);
	oci_add_rlimit(spec.process, "RLIMIT_NOFILE", 10, 20);
	CHECK(plan_compile(&spec, &(struct plan_opts){.cgroup_path = "a/b", .user = "x"}, &blob,
			   &err) == 0);
	oci_spec_done(&spec);
	return &blob;
}

static size_t walk_strings(const struct plan *p, const struct plan_vec *v)
{
	size_t n = 0;

	for (uint32_t i = 0; i < v->n; i++)
		n += strlen(plan_nth(p, v, i));
	return n;
}

/* Touches what the executing code would. */
static size_t walk(const struct plan *p)
{
	const struct plan_head *h = p->head;
	size_t n = walk_strings(p, &h->process.args) + walk_strings(p, &h->process.env) +
		   walk_strings(p, &h->lower) + walk_strings(p, &h->masked) +
		   walk_strings(p, &h->readonly) + walk_strings(p, &h->process.group_add) +
		   strlen(plan_cgroup_path(p)) + plan_terminal(p);

	plan_for_each(struct plan_mount, m, p, &h->mounts) n +=
		strlen(str_or(plan_cstr(p, m->dest))) + strlen(str_or(plan_cstr(p, m->source))) +
		walk_strings(p, &m->options);
	plan_for_each(struct plan_hook, hook, p, &h->hooks) n +=
		strlen(str_or(plan_cstr(p, hook->path))) + walk_strings(p, &hook->args);
	plan_for_each(struct plan_pair, s, p, &h->sysctls) n +=
		strlen(str_or(plan_cstr(p, s->key)));
	plan_for_each(struct plan_cgset, s, p, &h->cgroup_sets) n +=
		strlen(plan_cstr(p, s->file)) + strlen(plan_cstr(p, s->value)) + s->ctl;
	plan_for_each(struct plan_rlimit, rl, p, &h->process.rlimits) n += rl->resource;
	for (uint32_t i = 0; i < h->process.seccomp.n; i++)
		n += ((const uint64_t *)plan_vec(p, &h->process.seccomp))[i] & 1;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static volatile size_t sink;
	AUTO(free) uint8_t *copy = NULL;
	struct plan plan;
	struct err err = ERR_INIT;

	if (size > 1u << 20)
		return 0;
	if (size && data[0] == 'P') {
		const struct buf *b = good();

		copy = xmemdup(b->p, b->len);
		for (size_t i = 1; i + 8 <= size; i += 8) {
			uint32_t off, value;

			memcpy(&off, data + i, 4);
			memcpy(&value, data + i + 4, 4);
			memcpy(copy + off % (b->len - 4), &value, 4);
		}
		size = b->len;
	} else {
		copy = xmemdup(data, size);
	}
	if (plan_open(copy, size, &plan, &err) == 0)
		sink += walk(&plan);
	return 0;
}
