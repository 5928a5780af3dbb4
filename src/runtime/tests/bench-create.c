/* bench-create.c - CPU and wall time of create, start and reap: bench-create [COUNT] */
#include <stdio.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "box.h"

static int64_t cpu_ns(void)
{
	int64_t sum = 0;

	for (int who = RUSAGE_CHILDREN; who <= RUSAGE_SELF; who++) {
		struct rusage ru;

		getrusage(who, &ru);
		sum += (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * NS_PER_SEC +
		       (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000LL;
	}
	return sum;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 200;
	AUTO(buf) struct buf blob = {0};
	struct runtime_io io = {.in = -1, .out = -1, .err = -1};
	int64_t cpu, wall, phase[4] = {0};
	struct err err = ERR_INIT;
	struct plan_opts opts;
	struct oci_spec spec;
	struct plan plan;
	struct box box;

	box_make(&box);
	box_opts(&box, &opts);
	box_spec(&box, &spec, "");
	strv_done(&spec.process->args);
	strv_add(&spec.process->args, "true");
	for (const char *f = argc > 2 ? argv[2] : ""; *f;
	     f++) { /* leave something out, to see its cost */
		if (*f == 'c')
			opts.cgroup_path = "";
		if (*f == 's')
			opts.seccomp = PLAN_SECCOMP_UNCONFINED;
		if (*f == 'm')
			strv_done(&spec.linux_->masked_paths),
				strv_done(&spec.linux_->readonly_paths);
		if (*f == 'd')
			json_unbind(&oci_resources_type, spec.linux_->resources);
		if (*f == 'n')
			oci_add_namespace(&spec, "network", "/proc/self/ns/net"),
				((struct oci_namespace *)spec.linux_->namespaces.v)[1] =
					((struct oci_namespace *)spec.linux_->namespaces
						 .v)[--spec.linux_->namespaces.n];
	}
	CHECK(box_plan(&spec, &opts, &blob, &plan, &err) == 0);
	cpu = cpu_ns();
	wall = clock_mono_ns();
	for (int i = 0; i < count; i++) {
		struct runtime_proc p = RUNTIME_PROC_INIT;
		int64_t t[5];

		t[0] = clock_mono_ns();
		if (runtime_create(&plan, &io, -1, &p, &err) < 0 ||
		    (t[1] = clock_mono_ns(), runtime_start(&p, &err)) < 0) {
			fprintf(stderr, "%s\n", err.msg);
			break;
		}
		t[2] = clock_mono_ns();
		box_wait(&p);
		t[3] = clock_mono_ns();
		CHECK(runtime_cgroup_remove(&p.cgroup, false, &err) == 0);
		t[4] = clock_mono_ns();
		for (int k = 0; k < 4; k++)
			phase[k] += t[k + 1] - t[k];
	}
	printf("%d containers: %.2f ms CPU, %.2f ms wall each (create %.2f start %.2f wait %.2f "
	       "cgroup removal %.2f); plan %zu bytes\n",
	       count, (double)(cpu_ns() - cpu) / count / 1e6,
	       (double)(clock_mono_ns() - wall) / count / 1e6, (double)phase[0] / count / 1e6,
	       (double)phase[1] / count / 1e6, (double)phase[2] / count / 1e6,
	       (double)phase[3] / count / 1e6, blob.len);
	oci_spec_done(&spec);
	box_remove(&box);
	return 0;
}
