/* The first byte picks a parser; the rest is the option's value. */
#include "cli/cli.h"
#include "cli/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one_json(int (*parse)(const char *s, json_t **ret, struct err *err), const char *s)
{
	struct err err = ERR_INIT;
	json_t *j = NULL;

	if (parse(s, &j, &err) == 0)
		json_decref(j);
}

static void ports(const char *s)
{
	json_t *a = json_object(), *b = json_object();
	struct err err = ERR_INIT;

	ignore_result(spec_publish(s, a, b, &err) < 0);
	ignore_result(spec_expose(s, a, &err) < 0);
	json_decref(a);
	json_decref(b);
}

static void volumes(const char *s)
{
	json_t *a = json_array(), *b = json_object();
	struct err err = ERR_INIT;

	ignore_result(spec_volume(s, a, b, &err) < 0);
	spec_tmpfs(s, b);
	json_decref(a);
	json_decref(b);
}

static void networks(const char *s)
{
	AUTO(free) char *name = NULL, *host = NULL;
	struct err err = ERR_INIT;
	json_t *j = NULL;

	if (spec_network(s, &name, &j, &err) == 0)
		json_decref(j);
	ignore_result(spec_add_host(s, &host, &err) < 0);
	ignore_result(check_domain(s, &err) < 0);
	ignore_result(check_ip(s, &err) < 0);
	ignore_result(check_link(s, &err) < 0);
}

static void devices(const char *s)
{
	struct err err = ERR_INIT;

	one_json(spec_device, s);
	one_json(spec_ulimit, s);
	one_json(spec_weight_device, s);
	one_json(spec_restart, s);
	ignore_result(check_device(s, &err) < 0);
	ignore_result(check_bps_device(s, &err) < 0);
	ignore_result(check_iops_device(s, &err) < 0);
	ignore_result(check_cgroup_rule(s, &err) < 0);
}

static void env(const char *s)
{
	AUTO(strv) struct strv v = {0};
	struct err err = ERR_INIT;

	ignore_result(spec_kv_text(s, strlen(s), true, "f", &v, &err) < 0);
	ignore_result(spec_csv(s, &v, &err) < 0);
}

static void mounts(const char *s)
{
	int64_t n;
	struct err err = ERR_INIT;

	one_json(spec_mount, s);
	ignore_result(cli_parse_bytes(s, &n, &err) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const parsers[])(const char *s) = {ports,	  volumes, networks,
							 devices, env,	   mounts};
	AUTO(free) char *s = NULL;

	if (!size || size > 4096)
		return 0;
	s = xstrndup((const char *)data + 1, size - 1);
	parsers[data[0] % ARRAY_LEN(parsers)](s);
	return 0;
}
