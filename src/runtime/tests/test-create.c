#include "base/tap.h"
#include "box.h"

static struct box box;
static struct box_result res;

static void run(struct oci_spec *spec, struct plan_opts *opts)
{
	box_run(&box, spec, opts, &res);
	oci_spec_done(spec);
	if (res.status == -1)
		printf("# %s\n", res.err.msg);
}

static void script(const char *text)
{
	struct plan_opts opts;
	struct oci_spec spec;

	box_opts(&box, &opts);
	box_spec(&box, &spec, text);
	run(&spec, &opts);
}

#define out_has(text)                                                                              \
	do {                                                                                       \
		if (!strstr(res.out, text)) {                                                      \
			tap_bad++;                                                                 \
			printf("# %s:%d: output lacks \"%s\":\n# %s\n", __FILE__, __LINE__, text,  \
			       res.out);                                                           \
		}                                                                                  \
	} while (0)

static void test_hello(void)
{
	script("echo hello; echo pid $$; hostname; exit 7");
	ok_eq(res.status, 7);
	out_has("hello\npid 1\nbox\n");
}

static void test_status(void)
{
	script("cat /proc/self/status");
	ok_eq(res.status, 0);
	out_has("CapEff:\t00000000a80425fb");
	out_has("CapBnd:\t00000000a80425fb");
	out_has("CapPrm:\t00000000a80425fb");
	out_has("CapInh:\t0000000000000000");
	out_has("CapAmb:\t0000000000000000");
	out_has("Seccomp:\t2");
	out_has("NoNewPrivs:\t0");
}

static void test_mounts(void)
{
	script("cat /proc/mounts; ls /dev /proc/self/fd; cat /proc/self/cgroup; touch /x && echo wrote; cat /proc/kcore | head -c 3; "
	       "touch /proc/sys/kernel/x; ls -la /sys/firmware; ls /sys/fs/cgroup; ip addr show lo; ls -l /dev");
	ok_eq(res.status, 0);
	out_has("overlay / overlay rw");
	out_has("proc /proc proc rw,nosuid,nodev,noexec");
	out_has("/dev/shm tmpfs rw,nosuid,nodev,noexec");
	out_has("wrote");
	out_has("inet 127.0.0.1");
	if (getenv("VERBOSE"))
		puts(res.out);
}

int main(void)
{
	const char *missing = box_missing();

	if (missing) {
		printf("1..0 # SKIP needs %s\n", missing);
		return 0;
	}
	box_make(&box);
	test_run(test_hello);
	test_run(test_status);
	test_run(test_mounts);
	box_remove(&box);
	return test_done();
}
