/*
 * port.c - cove port
 */
#include "cli/calls.h"
#include "cli/output.h"

static int natural(const void *a, const void *b)
{
	return natural_compare(*(const char *const *)a, *(const char *const *)b);
}

static void add(struct strv *out, const char *from, json_t *bindings)
{
	json_t *b;
	size_t i;

	json_array_foreach(bindings, i, b)
	{
		const char *ip = str_or(json_string_value(json_object_get(b, "HostIp")));
		const char *port = str_or(json_string_value(json_object_get(b, "HostPort")));

		strv_addf(out, strchr(ip, ':') ? "%s%s[%s]:%s" : "%s%s%s:%s", str_or(from),
			  from ? " -> " : "", ip, port);
	}
}

static int one_port(json_t *ports, char **args, struct strv *out, struct err *err)
{
	AUTO(free) char *port = xstrdup(args[1]), *key = NULL;
	char *slash = strchr(port, '/');
	uint64_t n;

	if (slash)
		*slash = '\0';
	if (str_to_u64(port, 10, &n) < 0 || n > 65535)
		return err_set(err, ERR_INVALID,
			       "Error: invalid port (%s): strconv.ParseUint: parsing \"%s\": %s",
			       port, port,
			       *port && strspn(port, "0123456789") == strlen(port)
				       ? "value out of range"
				       : "invalid syntax");
	key = xasprintf("%s/%s", port, slash && slash[1] ? slash + 1 : "tcp");
	add(out, NULL, json_object_get(ports, key));
	if (!out->n)
		return err_set(err, ERR_NOT_FOUND, "Error: No public port '%s' published for %s",
			       args[1], args[0]);
	return 0;
}

static int run(struct cli *cli, void *opts, char **args, struct err *err)
{
	AUTO(buf) struct buf path = {0};
	AUTO(strv) struct strv out = {0};
	json_t *answer = NULL, *ports, *bindings;
	const char *from;
	int r = 0;

	path_container(&path, args[0], "json");
	if (call(cli, "GET", path.p, NULL, &answer, err) < 0)
		return -1;
	ports = json_object_get(json_object_get(answer, "NetworkSettings"), "Ports");
	if (args[1]) {
		r = one_port(ports, args, &out, err);
	} else {
		json_object_foreach(ports, from, bindings) add(&out, from, bindings);
	}
	json_decref(answer);
	if (r < 0)
		return -1;
	if (out.n)
		qsort(out.v, out.n, sizeof(*out.v), natural);
	strv_for_each (line, &out)
		print_line(line);
	return 0;
}

const struct cli_command cmd_port = {
	.paths = CLI_PATHS("container port", "port"),
	.args = "CONTAINER [PRIVATE_PORT[/PROTO]]",
	.summary = "List port mappings or a specific mapping for the container",
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
