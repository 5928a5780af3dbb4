#include <fcntl.h>

#include "base/fs.h"
#include "base/tap.h"
#include "cli/create.h"
#include "cli/private.h"
#include "cli/session.h"
#include "cli/spec.h"

extern const struct cli_command cmd_run;

/* What one option adds to the body, as compact JSON with sorted keys, or the error. */
static char *body_of(const char *line, const char *where)
{
	AUTO(strv) struct strv argv = {0}, args = {0};
	struct create_opts o = {0};
	bool changed[160] = {0}, help = false;
	struct cli cli = {.cmd = &cmd_run, .changed = changed, .path = "run"};
	struct err err = ERR_INIT;
	json_t *body = NULL, *at;
	char *text;

	strv_split(&argv, line, '~');
	opt_init(run_table, &o);
	if (opt_parse(run_table, CLI_OPTS_FIRST, &o, changed, argv.v, &args, &help, &err) < 0 ||
	    create_body(&cli, &o, args.v, &body, &err) < 0) {
		opt_done(run_table, &o);
		return xstrdup(err.msg);
	}
	at = body;
	while (at && *where) {
		AUTO(free) char *key = xstrndup(where, strcspn(where, "."));

		at = json_object_get(at, key);
		where += strlen(key) + (where[strlen(key)] == '.');
	}
	text = at ? json_dumps(at, JSON_COMPACT | JSON_ENCODE_ANY | JSON_SORT_KEYS)
		  : xstrdup("absent");
	json_decref(body);
	opt_done(run_table, &o);
	return text;
}

static const struct {
	const char *line, *where, *expect;
} table[] = {
	{"bb", "Image", "\"bb\""},
	{"bb", "Cmd", "absent"},
	{"bb~sh~-c~x", "Cmd", "[\"sh\",\"-c\",\"x\"]"},
	{"bb", "AttachStdout", "true"},
	{"-d~bb", "AttachStdout", "false"},
	{"-i~bb", "StdinOnce", "true"},
	{"-di~bb", "StdinOnce", "false"},
	{"-it~bb", "Tty", "true"},
	{"-a~stdout~bb", "AttachStderr", "false"},
	{"--entrypoint~~bb", "Entrypoint", "[\"\"]"},
	{"--entrypoint=/x~bb", "Entrypoint", "[\"/x\"]"},
	{"-e~A=b~-e~C=~bb", "Env", "[\"A=b\",\"C=\"]"},
	{"-l~a~-l~b=c=d~bb", "Labels", "{\"a\":\"\",\"b\":\"c=d\"}"},
	{"-m~64m~bb", "HostConfig.Memory", "67108864"},
	{"--memory-swap~-1~bb", "HostConfig.MemorySwap", "-1"},
	{"--cpus~0.5~bb", "HostConfig.NanoCpus", "500000000"},
	{"--pids-limit~5~bb", "HostConfig.PidsLimit", "5"},
	{"--shm-size~1k~bb", "HostConfig.ShmSize", "1024"},
	{"--cap-add~net_admin~--cap-add~ALL~bb", "HostConfig.CapAdd", "[\"ALL\",\"CAP_NET_ADMIN\"]"},
	{"--restart~on-failure:3~bb", "HostConfig.RestartPolicy",
	 "{\"MaximumRetryCount\":3,\"Name\":\"on-failure\"}"},
	{"--rm~bb", "HostConfig.AutoRemove", "true"},
	{"--init~bb", "HostConfig.Init", "true"},
	{"--init=false~bb", "HostConfig.Init", "false"},
	{"bb", "HostConfig.Init", "absent"},
	{"--sysctl~a.b=1~bb", "HostConfig.Sysctls", "{\"a.b\":\"1\"}"},
	{"--stop-timeout~0~bb", "StopTimeout", "0"},
	{"-p~80~bb", "HostConfig.PortBindings",
	 "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]}"},
	{"-p~127.0.0.1:8080:80/udp~bb", "HostConfig.PortBindings",
	 "{\"80/udp\":[{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8080\"}]}"},
	{"-p~[::1]:8080:80~bb", "HostConfig.PortBindings",
	 "{\"80/tcp\":[{\"HostIp\":\"::1\",\"HostPort\":\"8080\"}]}"},
	{"-p~8000-8001:80-81~bb", "ExposedPorts", "{\"80/tcp\":{},\"81/tcp\":{}}"},
	{"-p~8000-8009:80~bb", "HostConfig.PortBindings",
	 "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8000-8009\"}]}"},
	{"-p~target=80,published=8080,protocol=udp~bb", "HostConfig.PortBindings",
	 "{\"80/udp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"}]}"},
	{"--expose~90-91/udp~bb", "ExposedPorts", "{\"90/udp\":{},\"91/udp\":{}}"},
	{"-v~/a:/b:ro~-v~/c~bb", "HostConfig.Binds", "[\"/a:/b:ro\"]"},
	{"-v~/a:/b:ro~-v~/c~bb", "Volumes", "{\"/c\":{}}"},
	{"--mount~type=bind,src=/a,dst=/b,ro~bb", "HostConfig.Mounts",
	 "[{\"ReadOnly\":true,\"Source\":\"/a\",\"Target\":\"/b\",\"Type\":\"bind\"}]"},
	{"--mount~type=tmpfs,dst=/b,tmpfs-size=1m,tmpfs-mode=755~bb", "HostConfig.Mounts",
	 "[{\"Target\":\"/b\",\"TmpfsOptions\":{\"Mode\":493,\"SizeBytes\":1048576},\"Type\":"
	 "\"tmpfs\"}]"},
	{"--tmpfs~/a:size=1m~bb", "HostConfig.Tmpfs", "{\"/a\":\"size=1m\"}"},
	{"--device~/dev/x:/dev/y:r~bb", "HostConfig.Devices",
	 "[{\"CgroupPermissions\":\"r\",\"PathInContainer\":\"/dev/y\",\"PathOnHost\":\"/dev/x\"}]"},
	{"--ulimit~nofile=1:2~--ulimit~core=0~bb", "HostConfig.Ulimits",
	 "[{\"Hard\":0,\"Name\":\"core\",\"Soft\":0},{\"Hard\":2,\"Name\":\"nofile\",\"Soft\":1}]"},
	{"--device-read-bps~/dev/a:1k~bb", "HostConfig.BlkioDeviceReadBps",
	 "[{\"Path\":\"/dev/a\",\"Rate\":1024}]"},
	{"--health-cmd~x y~--health-interval~5s~bb", "Healthcheck",
	 "{\"Interval\":5000000000,\"Test\":[\"CMD-SHELL\",\"x y\"]}"},
	{"--no-healthcheck~bb", "Healthcheck", "{\"Test\":[\"NONE\"]}"},
	{"--network~none~bb", "HostConfig.NetworkMode", "\"none\""},
	{"--network~name=n,alias=x,ip=1.2.3.4~bb", "NetworkingConfig.EndpointsConfig",
	 "{\"n\":{\"Aliases\":[\"x\"],\"IPAMConfig\":{\"IPv4Address\":\"1.2.3.4\"}}}"},
	{"--add-host~a:1.2.3.4~--add-host~b=[::1]~bb", "HostConfig.ExtraHosts",
	 "[\"a:1.2.3.4\",\"b:::1\"]"},
	{"--log-driver~json-file~--log-opt~max-size=1m~bb", "HostConfig.LogConfig",
	 "{\"Config\":{\"max-size\":\"1m\"},\"Type\":\"json-file\"}"},
	{"--security-opt~no-new-privileges~bb", "HostConfig.SecurityOpt", "[\"no-new-privileges\"]"},
	{"--security-opt~systempaths=unconfined~bb", "HostConfig.MaskedPaths", "[]"},

	/* refusals, in docker's words */
	{"-p~99999~bb", "", "invalid containerPort: 99999"},
	{"-p~x:80~bb", "", "invalid hostPort: x"},
	{"-p~8000-8002:80-83~bb", "",
	 "invalid ranges specified for container and host Ports: 80-83 and 8000-8002"},
	{"-p~80/foo~bb", "", "invalid proto: foo"},
	{"-p~localhost:80:80~bb", "", "invalid IP address: localhost"},
	{"-v~/a:/b:/c:/d~bb", "", "invalid spec: /a:/b:/c:/d: too many colons"},
	{"-v~:/b~bb", "", "invalid spec: :/b: empty section between colons"},
	{"--mount~type=bind,src=/a~bb", "",
	 "invalid argument \"type=bind,src=/a\" for \"--mount\" flag: target is required"},
	{"--mount~type=volume,dst=/b,tmpfs-size=1~bb", "",
	 "invalid argument \"type=volume,dst=/b,tmpfs-size=1\" for \"--mount\" flag: cannot mix "
	 "'tmpfs-*' options with mount type 'volume'"},
	{"--rm~--restart~always~bb", "",
	 "conflicting options: cannot specify both --restart and --rm"},
	{"--network~a~--network~a~bb", "", "network \"a\" is specified multiple times"},
	{"--network~a~--network~host~bb", "",
	 "conflicting options: cannot attach both user-defined and non-user-defined network-modes"},
	{"--memory-swappiness~101~bb", "",
	 "invalid value: 101. Valid memory swappiness range is 0-100"},
	{"--pid~x~bb", "", "--pid: invalid PID mode"},
	{"--health-interval~-1s~bb", "", "--health-interval cannot be negative"},
	{"--security-opt~seccomp=/nonexistent/x~bb", "",
	 "opening seccomp profile (/nonexistent/x) failed: open /nonexistent/x: no such file or "
	 "directory"},
	{"--env-file~/nonexistent/x~bb", "", "open /nonexistent/x: no such file or directory"},
	{"--ulimit~foo=1~bb", "",
	 "invalid argument \"foo=1\" for \"--ulimit\" flag: invalid ulimit type: foo"},
};

static void test_options(void)
{
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		AUTO(free) char *got = body_of(table[i].line, table[i].where);

		ok_str(got, table[i].expect);
	}
}

/* Where a row says JSON it is one of the create body's objects. */
static void test_rows(void)
{
	for (const struct cli_opt *o = run_table; o->name; o++) {
		ok(!o->json || !strchr(o->json, '.') || strncmp(o->json, "HostConfig.", 11) == 0);
		ok(o->offset < sizeof(struct create_opts));
		if (o[1].name)
			ok(strcmp(o->name, o[1].name) < 0);
	}
	ok(opt_find(create_table, "detach") == NULL);
	ok(opt_find(create_table, "workdir") != NULL);
}

static void test_env_text(void)
{
	static const char text[] = "\xef\xbb\xbf# c\n\n  A=1 \nB\nC=\"x\"\r\nHOME_NOT_SET_X\n";
	AUTO(strv) struct strv env = {0}, labels = {0};
	AUTO(free) char *e = NULL, *l = NULL;
	struct err err = ERR_INIT;

	setenv("B", "from env", 1);
	ok_eq(spec_kv_text(text, sizeof(text) - 1, true, "f", &env, &err), 0);
	e = strv_join(&env, "|");
	ok_str(e, "A=1 |B=from env|C=\"x\"");
	ok_eq(spec_kv_text(text, sizeof(text) - 1, false, "f", &labels, &err), 0);
	l = strv_join(&labels, "|");
	ok_str(l, "A=1 |B|C=\"x\"|HOME_NOT_SET_X");
	ok_eq(spec_kv_text("a b=1", 5, true, "f", &env, &err), -1);
	ok_str(err.msg, "invalid env file (f): variable 'a b' contains whitespaces");
	ok_eq(spec_kv_text("=1", 2, true, "f", &env, &err), -1);
	ok_eq(spec_kv_text("a=\xff", 3, true, "f", &env, &err), -1);
}

static void test_detach_keys(void)
{
	struct cli cli = {.config_read = true};
	struct detach_keys k;
	struct err err = ERR_INIT;
	char out[64];
	size_t n;

	ok_eq(detach_keys_parse(&cli, "", &k, &err), 0);
	ok_eq(k.n, 2);
	ok_eq(k.seq[0], 16);
	ok_eq(k.seq[1], 17);
	ok(!detach_keys_feed(&k, "ab\x10", 3, out, &n));
	ok_eq(n, 2);
	ok(!detach_keys_feed(&k, "c", 1, out, &n)); /* the one held back comes first */
	ok_eq(n, 2);
	ok_eq(out[0], 0x10);
	ok(!detach_keys_feed(&k, "\x10\x10", 2, out, &n));
	ok_eq(n, 1);
	ok(detach_keys_feed(&k, "\x11z", 2, out, &n));
	ok_eq(n, 0);
	ok_eq(detach_keys_parse(&cli, "ctrl-a,b", &k, &err), 0);
	ok_eq(k.seq[0], 1);
	ok_eq(k.seq[1], 'b');
	ok_eq(detach_keys_parse(&cli, "ctrl-,b", &k, &err), -1);
	ok_eq(detach_keys_parse(&cli, "foo", &k, &err), -1);
	ok_str(err.msg, "invalid detach keys (foo): Unknown character: 'foo'");
}

static void test_start_status(void)
{
	ok_eq(start_error_status("exec: \"x\": executable file not found in $PATH"), 127);
	ok_eq(start_error_status("exec: \"/x\": stat /x: no such file or directory"), 127);
	ok_eq(start_error_status("exec: \"/etc\": permission denied: unknown"), 126);
	ok_eq(start_error_status("port is already allocated"), 125);
}

int main(void)
{
	test_run(test_options);
	test_run(test_rows);
	test_run(test_env_text);
	test_run(test_detach_keys);
	test_run(test_start_status);
	return test_done();
}
