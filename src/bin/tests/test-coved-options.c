#include "coved-options.h"

#include <fcntl.h>
#include <stdarg.h>

#include "base/fs.h"
#include "base/tap.h"

static struct coved_options o;
static struct err err;
static char config[64];

/* Parses the flags, up to NULL; 0 or -1. */
static int parse(const char *first, ...)
{
	char *argv[32] = {(char *)"coved"};
	int argc = 1;
	va_list ap;

	coved_options_done(&o);
	err = (struct err){0};
	va_start(ap, first);
	for (const char *s = first; s; s = va_arg(ap, const char *))
		argv[argc++] = (char *)s;
	va_end(ap);
	return coved_options_parse(argc, argv, &o, &err);
}

static int parse_json(const char *json, const char *flag)
{
	CHECK(fs_replace(AT_FDCWD, config, json, strlen(json), 0600, 0) >= 0);
	return parse("--config-file", config, flag, NULL);
}

static void test_flags(void)
{
	ok_eq(parse("-D", "-H", "unix:///a", "-H=tcp://127.0.0.1:1", "--host", "fd://", "--data-root=/d", "-lwarn",
		    "--dns", "1.1.1.1", "--ip-masq=false", "--mtu", "1400", "--log-opt", "max-size=1m",
		    "--default-address-pool", "base=10.0.0.0/8,size=24", NULL), 0);
	ok(o.debug && !o.ip_masq && o.icc);
	ok_eq(o.hosts.n, 3);
	ok_str(o.hosts.v[1], "tcp://127.0.0.1:1");
	ok_str(o.data_root, "/d");
	ok_str(o.log_level, "warn");
	ok_eq(o.mtu, 1400);
	ok_str(map_get(&o.log_opts, "max-size"), "1m");
	ok_str(o.pools.v[0], "10.0.0.0/8,24");
	ok_eq(parse("--version", NULL), 0);
	ok(o.version);
	ok_eq(parse("--exec-opt", "native.cgroupdriver=systemd", NULL), 0);
	ok(coved_systemd_cgroup(&o));
}

static void test_refused(void)
{
	static const struct {
		const char *flag, *msg;
	} cases[] = {
	    {"--nope", "unknown flag: --nope"},
	    {"-x", "unknown shorthand flag: 'x' in -x"},
	    {"word", "\"coved\" accepts no arguments, but got \"word\""},
	    {"--data-root", "flag needs an argument: --data-root"},
	    {"--mtu=x", "invalid argument \"x\" for \"--mtu\" flag"},
	    {"--debug=maybe", "invalid argument \"maybe\" for \"--debug\" flag"},
	    {"--tlsverify", "the flag --tlsverify is not supported"},
	    {"--storage-driver=btrfs", "the storage driver 'btrfs' is not supported: overlay2 is the only one"},
	    {"--log-driver=syslog", "logger: no log driver named 'syslog' is registered"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		ok_eq(parse(cases[i].flag, NULL), -1);
		ok_str(err.msg, cases[i].msg);
	}
}

static void test_file(void)
{
	ok_eq(parse_json("{\"debug\":true,\"hosts\":[\"unix:///x\"],\"log-opts\":{\"max-file\":\"3\"},"
			 "\"default-address-pools\":[{\"base\":\"10.0.0.0/8\",\"size\":24}],\"mtu\":1300}", "--icc"), 0);
	ok(o.debug);
	ok_str(o.hosts.v[0], "unix:///x");
	ok_str(map_get(&o.log_opts, "max-file"), "3");
	ok_str(o.pools.v[0], "10.0.0.0/8,24");
	ok_eq(o.mtu, 1300);
	ok_eq(parse_json("{\"debug\":false}", "-D"), -1);
	ok(strstr(err.msg, "specified both as a flag and in the configuration file: debug"));
	ok_eq(parse_json("{\"nope\":1}", "-D"), -1);
	ok(strstr(err.msg, "don't match any configuration option: nope"));
	ok_eq(parse_json("{\"tls\":true}", "-D"), -1);
	ok(strstr(err.msg, "the directive tls is not supported"));
	ok_eq(parse_json("{\"mtu\":\"x\"}", "-D"), -1);
	ok_eq(parse_json("[]", "-D"), -1);
	ok_eq(parse_json("{", "-D"), -1);
	ok_eq(parse_json("", "-D"), 0);
	ok_eq(parse("--config-file", "/nonexistent/x", NULL), -1);
	unlink(config);
}

int main(void)
{
	snprintf(config, sizeof(config), "/tmp/test-coved-%d.json", (int)getpid());
	test_run(test_flags);
	test_run(test_refused);
	test_run(test_file);
	coved_options_done(&o);
	return test_done();
}
