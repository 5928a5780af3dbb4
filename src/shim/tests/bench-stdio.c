/*
 * bench-stdio.c - what a shim costs: log throughput, CPU, memory. Usage: bench-stdio COVE-SHIM
 *
 * The container is the fake runtime's shell script, so all that is measured is the shim.
 */
#include "rig.h"

#include <signal.h>

static double cpu_seconds(pid_t pid)
{
	AUTO(free) char *path = xasprintf("/proc/%d/stat", (int)pid);
	AUTO(free) char *text = rig_file(path);
	const char *p = strrchr(text, ')');
	unsigned long ut = 0, st = 0;

	if (p)
		sscanf(p + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &ut, &st);
	return (double)(ut + st) / (double)sysconf(_SC_CLK_TCK);
}

static void print_memory(pid_t pid)
{
	AUTO(free) char *path = xasprintf("/proc/%d/smaps_rollup", (int)pid);
	AUTO(free) char *text = rig_file(path);

	printf("%s", text);
}

static void run(const char *name, const char *line, enum shim_log_driver driver)
{
	char script[512];
	struct err err = ERR_INIT;
	struct shim_event ev;
	double cpu, wall;
	struct rig r;

	rig_init(&r);
	r.cfg.log.driver = driver;
	snprintf(script, sizeof(script), "yes '%s' | head -c 300000000; sleep 0.2", line);
	ok(rig_spawn(&r, script, &err) == 0);
	ok(shim_start(r.shim, &err) == 0);
	for (int i = 0; i < 20 && !rig_event(SHIM_EV_EXITED, &ev); i++)
		;
	cpu = cpu_seconds(r.status.shim_pid);
	wall = (double)(ev.exit.finished_ns - ev.exit.started_ns) / 1e9 - 0.2;
	printf("%-28s 300 MB in %5.2f s: %4.0f MB/s; shim's CPU %5.2f s: %4.0f MB/s\n", name, wall,
	       300 / wall, cpu, 300 / cpu);
	rig_done(&r);
}

static void idle(void)
{
	struct err err = ERR_INIT;
	struct rig r;

	rig_init(&r);
	r.cfg.start = true;
	ok(rig_spawn(&r, "echo hello; exec sleep 60", &err) == 0);
	usleep(2500000);
	print_memory(r.status.shim_pid);
	rig_done(&r);
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	rig_program = argv[1];
	idle();
	run("json-file, 100 byte lines",
	    "10.0.0.1 - - [23/Nov/2026:13:00:00 +0000] GET /index.html HTTP/1.1 200 612 - curl/7.88.1 abcdefghi",
	    SHIM_LOG_JSON);
	run("json-file, with quotes", "10.0.0.1 - - \"GET /a?b=1&c=2 HTTP/1.1\" 200 \"curl/7\" <x>",
	    SHIM_LOG_JSON);
	run("json-file, 10 byte lines", "123456789", SHIM_LOG_JSON);
	run("none", "10.0.0.1 - - \"GET /a?b=1&c=2 HTTP/1.1\" 200", SHIM_LOG_NONE);
	return 0;
}
