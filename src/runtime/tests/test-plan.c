#include <errno.h>

#include "base/tap.h"
#include "oci/oci.h"
#include "runtime/plan.h"

static void minimal(struct oci_spec *spec)
{
	oci_spec_init(spec);
	strv_add(&spec->process->args, "sh");
	spec->process->cwd = xstrdup("/");
	spec->root->path = xstrdup("/tmp");
	oci_add_namespace(spec, "mount", NULL);
}

static int compile(const struct oci_spec *spec, const struct plan_opts *opts, struct buf *blob,
		   struct err *err)
{
	*err = (struct err){0};
	buf_reset(blob);
	return plan_compile(spec, opts, blob, err);
}

static void test_round(void)
{
	struct plan_opts opts = {.cgroup_path = "/cove/../cove/x/", .bundle = "/b"};
	AUTO(buf) struct buf blob = {0};
	struct oci_spec spec;
	struct plan plan;
	struct err err;

	minimal(&spec);
	free(spec.root->path);
	spec.root->path = xstrdup("rootfs");
	ok_eq(compile(&spec, &opts, &blob, &err), 0);
	ok_eq(plan_open(blob.p, blob.len, &plan, &err), 0);
	ok_str(plan_cstr(&plan, plan.head->root), "/b/rootfs");
	ok_str(plan_cgroup_path(&plan), "cove/x");
	ok(!plan_terminal(&plan));
	oci_spec_done(&spec);
}

/* plan.c (1): every word changed in turn to values that lead astray */
static void test_damage(void)
{
	static const uint32_t bad[] = {0, 1, 7, 8, 0x7fffffff, 0xffffffff, 0xfffffff8};
	AUTO(buf) struct buf blob = {0};
	AUTO(free) char *copy = NULL;
	struct oci_spec spec;
	struct plan plan;
	struct err err;
	size_t opened = 0;

	minimal(&spec);
	oci_add_mount(&spec, "/proc", "proc", "proc", "nosuid,hidepid=2");
	ok_eq(compile(&spec, &(struct plan_opts){0}, &blob, &err), 0);
	copy = xmalloc(blob.len);
	for (size_t at = 0; at + 4 <= blob.len; at += 4)
		for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
			memcpy(copy, blob.p, blob.len);
			memcpy(copy + at, &bad[i], 4);
			opened += plan_open(copy, blob.len, &plan, &err) == 0;
		}
	ok(opened > 0);
	for (size_t n = 0; n < blob.len; n++) { /* cut short */
		AUTO(free) char *cut = xmemdup(blob.p, n);

		ok(plan_open(cut, n, &plan, &err) < 0);
	}
	oci_spec_done(&spec);
}

static void refused(const struct oci_spec *spec, const struct plan_opts *opts, enum err_kind kind,
		    const char *msg)
{
	AUTO(buf) struct buf blob = {0};
	struct err err;

	ok_eq(compile(spec, opts, &blob, &err), -1);
	ok_eq(err.kind, kind);
	if (!strstr(err.msg, msg)) {
		ok(!"message");
		printf("# \"%s\" lacks \"%s\"\n", err.msg, msg);
	}
}

static void test_refused(void)
{
	struct plan_opts none = {0}, systemd = {.cgroup_driver = "systemd"},
			 up = {.cgroup_path = "../x"};
	struct oci_spec spec;

	minimal(&spec);
	refused(&spec, &systemd, ERR_UNSUPPORTED, "systemd");
	refused(&spec, &up, ERR_INVALID, "cgroup path");
	map_set_str(&spec.linux_->sysctl, "kernel.panic", "1");
	refused(&spec, &none, ERR_INVALID,
		"sysctl \"kernel.panic\" is not in a separate kernel namespace");
	map_done(&spec.linux_->sysctl);
	map_set_str(&spec.linux_->sysctl, "net.ipv4.ip_forward", "1"); /* no network namespace */
	refused(&spec, &none, ERR_INVALID, "net.ipv4.ip_forward");
	map_done(&spec.linux_->sysctl);
	spec.process->capabilities = xnew(struct oci_caps);
	strv_add(&spec.process->capabilities->bounding, "CAP_FLY");
	refused(&spec, &none, ERR_INVALID, "CAP_FLY");
	strv_done(&spec.process->capabilities->bounding);
	oci_add_rlimit(spec.process, "RLIMIT_NOFILE", 20, 10);
	refused(&spec, &none, ERR_INVALID, "RLIMIT_NOFILE");
	oci_for_each(struct oci_rlimit, rl, &spec.process->rlimits) free(rl->type);
	spec.process->rlimits.n = 0;
	oci_add_namespace(&spec, "time", NULL);
	refused(&spec, &none, ERR_UNSUPPORTED, "time");
	oci_for_each(struct oci_namespace, ns, &spec.linux_->namespaces) free(ns->type);
	spec.linux_->namespaces.n = 0;
	refused(&spec, &none, ERR_INVALID, "mount namespace");
	oci_spec_done(&spec);
}

static void test_seccomp_profile(void)
{
	static const char profile[] = "{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"archMap\":[{"
				      "\"architecture\":\"SCMP_ARCH_X86_64\","
				      "\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],\"syscalls\":["
				      "{\"names\":[\"mkdir\",\"nosuchcall\"],\"action\":\"SCMP_ACT_"
				      "ERRNO\",\"excludes\":{\"caps\":[\"CAP_SYS_ADMIN\"]}},"
				      "{\"name\":\"chmod\",\"action\":\"SCMP_ACT_ERRNO\","
				      "\"errnoRet\":38,\"includes\":{\"minKernel\":\"4.8\"}}]}";
	struct plan_opts opts = {.seccomp = PLAN_SECCOMP_PROFILE,
				 .seccomp_profile = profile};
	AUTO(buf) struct buf blob = {0};
	struct oci_spec spec;
	struct plan plan;
	struct err err;

	minimal(&spec);
	ok_eq(compile(&spec, &opts, &blob, &err), 0);
	ok_eq(plan_open(blob.p, blob.len, &plan, &err), 0);
	ok(plan.head->process.seccomp.n > 4);
	opts.seccomp_profile = "{\"defaultAction\":\"SCMP_ACT_FOO\"}";
	refused(&spec, &opts, ERR_INVALID, "SCMP_ACT_FOO");
	opts.seccomp_profile = "{";
	refused(&spec, &opts, ERR_INVALID, "decoding seccomp profile failed");
	opts.seccomp = PLAN_SECCOMP_DEFAULT; /* for other capabilities: compiled now */
	ok_eq(compile(&spec, &opts, &blob, &err), 0);
	ok_eq(plan_open(blob.p, blob.len, &plan, &err), 0);
	ok(plan.head->process.seccomp.n > 100);
	oci_spec_done(&spec);
}

int main(void)
{
	test_run(test_round);
	test_run(test_damage);
	test_run(test_refused);
	test_run(test_seccomp_profile);
	return test_done();
}
