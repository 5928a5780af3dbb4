/*
 * changes.c - Dockerfile lines applied to a container's config (`import -c`, `commit -c`)
 *
 * Words follow the Dockerfile's rules: single quotes keep all, double quotes keep blanks and let
 * variables through, a backslash keeps the next byte; $NAME and ${NAME} come from Env.
 */
#include <ctype.h>
#include <errno.h>

#include "base/clock.h"
#include "base/fs.h"
#include "codec/json.h"
#include "transfer/transfer.h"

#define LINE_MAX_BYTES 65536
#define PORT_RANGE_MAX 65536

struct changes {
	json_t *config; /* docker's Config */
	bool cmd_set;
	struct err *err;
};

typedef int change_fn(struct changes *c, const char *name, const char *rest);

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* ---- words ---- */

static const char *lookup(struct changes *c, const char *name, size_t n)
{
	json_t *item;
	size_t i;

	json_array_foreach(json_object_get(c->config, "Env"), i, item)
	{
		const char *s = json_string_value(item);

		if (s && strncmp(s, name, n) == 0 && s[n] == '=')
			return s + n + 1;
	}
	return "";
}

/* At '$': appends the value, returns what follows. */
static const char *variable(struct changes *c, const char *s, struct buf *out)
{
	bool braces = s[1] == '{';
	const char *name = s + 1 + braces;
	size_t n = 0;

	while (isalnum((unsigned char)name[n]) || name[n] == '_')
		n++;
	if (n == 0 || (braces && name[n] != '}')) {
		buf_addc(out, '$');
		return s + 1;
	}
	buf_adds(out, lookup(c, name, n));
	return name + n + braces;
}

/* One word into out, without its quotes; stops at a blank, or at stop. NULL: a quote is open. */
static const char *word(struct changes *c, const char *s, char stop, struct buf *out)
{
	char quote = 0;

	for (; *s; s++) {
		if (quote == '\'') {
			if (*s == quote)
				quote = 0;
			else
				buf_addc(out, *s);
		} else if (*s == '\\' && s[1]) {
			if (quote && !strchr("\"$\\", s[1]))
				buf_addc(out, '\\');
			buf_addc(out, *++s);
		} else if (*s == '$') {
			s = variable(c, s, out) - 1;
		} else if (quote) {
			if (*s == quote)
				quote = 0;
			else
				buf_addc(out, *s);
		} else if (*s == '"' || *s == '\'') {
			quote = *s;
		} else if (*s == ' ' || *s == '\t' || (stop && *s == stop)) {
			break;
		} else {
			buf_addc(out, *s);
		}
	}
	return quote ? NULL : s;
}

static int words(struct changes *c, const char *name, const char *s, struct strv *ret)
{
	for (s = skip_blanks(s); *s; s = skip_blanks(s)) {
		struct buf b = {0};

		s = word(c, s, 0, &b);
		strv_take(ret, buf_take(&b));
		if (!s)
			return err_set(c->err, ERR_INVALID, "%s: unterminated quote", name);
	}
	return 0;
}

static int need(struct changes *c, const char *name, bool ok, const char *how_many)
{
	if (ok)
		return 0;
	return err_set(c->err, ERR_INVALID, "%s requires %s", name, how_many);
}

/* A JSON array of strings, or NULL if rest is none. */
static json_t *json_form(const char *rest)
{
	json_t *a = *rest == '[' ? json_parse(rest, strlen(rest), NULL) : NULL, *item;
	size_t i;

	if (!json_is_array(a)) {
		json_decref(a);
		return NULL;
	}
	json_array_foreach(a, i, item)
	{
		if (!json_is_string(item)) {
			json_decref(a);
			return NULL;
		}
	}
	return a;
}

/* The JSON form, or the line for a shell. */
static json_t *command(struct changes *c, const char *rest)
{
	json_t *a = json_form(rest), *shell = json_object_get(c->config, "Shell");

	if (a || !*rest)
		return a;
	if (json_array_size(shell) > 0)
		a = json_copy(shell);
	else
		a = json_pack("[ss]", "/bin/sh", "-c");
	json_array_append_new(a, json_str(rest));
	return a;
}

static json_t *member(struct changes *c, const char *key, json_t *(*make)(void))
{
	json_t *v = json_object_get(c->config, key);

	if (!v || json_is_null(v)) {
		v = make();
		json_object_set_new(c->config, key, v);
	}
	return v;
}

/* ---- instructions ---- */

static int change_cmd(struct changes *c, const char *name, const char *rest)
{
	json_t *a = command(c, rest);

	json_object_set_new(c->config, "Cmd", a ? a : json_null());
	c->cmd_set = true;
	return 0;
}

static int change_entrypoint(struct changes *c, const char *name, const char *rest)
{
	json_t *a = command(c, rest);

	json_object_set_new(c->config, "Entrypoint", a ? a : json_null());
	if (!c->cmd_set)
		json_object_set_new(c->config, "Cmd", json_null());
	return 0;
}

/* Calls set(key, value) for "K=V K2='V 2'" or the old "K rest of the line". */
static int pairs(struct changes *c, const char *name, const char *rest,
		 void (*set)(struct changes *c, const char *key, const char *value))
{
	size_t plain = strcspn(rest, "= \t");

	if (need(c, name, *rest != 0, "at least one argument") < 0)
		return -1;
	if (rest[plain] != '=') {
		AUTO(free) char *key = xstrndup(rest, plain);

		if (!rest[plain])
			return err_set(c->err, ERR_INVALID, "%s must have two arguments", name);
		set(c, key, skip_blanks(rest + plain));
		return 0;
	}
	while (*rest) {
		AUTO(buf) struct buf key = {0}, value = {0};
		const char *s = word(c, rest, '=', &key);

		if (!s || *s != '=' || !key.len)
			return err_set(
				c->err, ERR_INVALID,
				"Syntax error - can't find = in \"%.100s\". Must be of the form: "
				"name=value",
				rest);
		s = word(c, s + 1, 0, &value);
		if (!s)
			return err_set(c->err, ERR_INVALID, "%s: unterminated quote", name);
		set(c, key.p, value.p ? value.p : "");
		rest = skip_blanks(s);
	}
	return 0;
}

static void set_env(struct changes *c, const char *key, const char *value)
{
	json_t *env = member(c, "Env", json_array), *item;
	AUTO(free) char *s = xasprintf("%s=%s", key, value);
	size_t n = strlen(key), i;

	json_array_foreach(env, i, item)
	{
		const char *old = json_string_value(item);

		if (old && strncmp(old, key, n) == 0 && old[n] == '=') {
			json_array_set_new(env, i, json_str(s));
			return;
		}
	}
	json_array_append_new(env, json_str(s));
}

static int change_env(struct changes *c, const char *name, const char *rest)
{
	return pairs(c, name, rest, set_env);
}

static void set_label(struct changes *c, const char *key, const char *value)
{
	json_object_set_new(member(c, "Labels", json_object), key, json_str(value));
}

static int change_label(struct changes *c, const char *name, const char *rest)
{
	return pairs(c, name, rest, set_label);
}

static int bad_port(struct changes *c, const char *spec)
{
	return err_set(c->err, ERR_INVALID, "invalid containerPort: %s", spec);
}

static int expose(struct changes *c, const char *spec)
{
	AUTO(free) char *ports = xstrndup(spec, strcspn(spec, "/"));
	const char *slash = strchr(spec, '/'), *proto = slash ? slash + 1 : "tcp";
	char *dash = strchr(ports, '-');
	uint64_t first, last;

	if (dash)
		*dash = 0;
	if (str_to_u64(ports, 10, &first) < 0 || first > 65535)
		return bad_port(c, spec);
	last = first;
	if (dash && (str_to_u64(dash + 1, 10, &last) < 0 || last > 65535 || last < first))
		return bad_port(c, spec);
	if (strcasecmp(proto, "tcp") != 0 && strcasecmp(proto, "udp") != 0 &&
	    strcasecmp(proto, "sctp") != 0)
		return err_set(c->err, ERR_INVALID, "invalid proto: %s", proto);
	for (; first <= last; first++) {
		AUTO(free) char *key = xasprintf("%llu/%s", (unsigned long long)first, proto);

		str_lower(key);
		json_object_set_new(member(c, "ExposedPorts", json_object), key, json_object());
	}
	return 0;
}

static int change_expose(struct changes *c, const char *name, const char *rest)
{
	AUTO(strv) struct strv w = {0};

	if (words(c, name, rest, &w) < 0 || need(c, name, w.n > 0, "at least one argument") < 0)
		return -1;
	strv_for_each (spec, &w)
		if (expose(c, spec) < 0)
			return -1;
	return 0;
}

static int one_word(struct changes *c, const char *name, const char *rest, struct buf *ret)
{
	const char *end = word(c, rest, 0, ret);

	if (!end)
		return err_set(c->err, ERR_INVALID, "%s: unterminated quote", name);
	return need(c, name, ret->len && !*skip_blanks(end), "exactly one argument");
}

static int change_workdir(struct changes *c, const char *name, const char *rest)
{
	const char *old = json_get_str(c->config, "WorkingDir", "/");
	AUTO(buf) struct buf dir = {0};
	AUTO(free) char *joined = NULL;
	AUTO(free) char *clean = NULL;

	if (one_word(c, name, rest, &dir) < 0)
		return -1;
	joined = *dir.p == '/' ? xstrdup(dir.p) : path_join(*old ? old : "/", dir.p);
	clean = path_clean(joined);
	json_object_set_new(c->config, "WorkingDir", json_str(clean));
	return 0;
}

static int change_user(struct changes *c, const char *name, const char *rest)
{
	AUTO(buf) struct buf user = {0};

	if (one_word(c, name, rest, &user) < 0)
		return -1;
	json_object_set_new(c->config, "User", json_str(user.p));
	return 0;
}

static int change_stopsignal(struct changes *c, const char *name, const char *rest)
{
	AUTO(buf) struct buf sig = {0};

	if (one_word(c, name, rest, &sig) < 0)
		return -1;
	if (signal_from_name(sig.p) < 0)
		return err_set(c->err, ERR_INVALID, "invalid signal: %s", sig.p);
	json_object_set_new(c->config, "StopSignal", json_str(sig.p));
	return 0;
}

static int change_volume(struct changes *c, const char *name, const char *rest)
{
	AUTO(strv) struct strv w = {0};
	AUTO(json) json_t *a = json_form(rest);
	json_t *item;
	size_t i;

	json_array_foreach(a, i, item) strv_add(&w, json_string_value(item));
	if (!a && words(c, name, rest, &w) < 0)
		return -1;
	if (need(c, name, w.n > 0, "at least one argument") < 0)
		return -1;
	strv_for_each (path, &w) {
		if (!*path)
			return err_set(c->err, ERR_INVALID,
				       "VOLUME specified can not be an empty string");
		json_object_set_new(member(c, "Volumes", json_object), path, json_object());
	}
	return 0;
}

static int change_onbuild(struct changes *c, const char *name, const char *rest)
{
	AUTO(free) char *trigger = xstrndup(rest, strcspn(rest, " \t"));

	if (need(c, name, *rest != 0, "at least one argument") < 0)
		return -1;
	if (strcasecmp(trigger, "ONBUILD") == 0)
		return err_set(c->err, ERR_INVALID,
			       "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
	if (strcasecmp(trigger, "FROM") == 0 || strcasecmp(trigger, "MAINTAINER") == 0)
		return err_set(c->err, ERR_INVALID, "%s isn't allowed as an ONBUILD trigger",
			       trigger);
	json_array_append_new(member(c, "OnBuild", json_array), json_str(rest));
	return 0;
}

static int health_flag(struct changes *c, json_t *health, const char *flag)
{
	static const struct {
		const char *prefix, *key;
	} durations[] = {{"--interval=", "Interval"},
			 {"--timeout=", "Timeout"},
			 {"--start-period=", "StartPeriod"},
			 {"--start-interval=", "StartInterval"}};
	const char *value = str_after(flag, "--retries=");
	int64_t v;

	if (value) {
		if (str_to_i64(value, 10, &v) < 0 || v < 0)
			return err_set(c->err, ERR_INVALID, "--retries cannot be negative: %s",
				       value);
		json_object_set_new(health, "Retries", json_integer(v));
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		value = str_after(flag, durations[i].prefix);
		if (!value)
			continue;
		if (clock_parse_duration(value, &v) < 0 || (v != 0 && v < NS_PER_MS))
			return err_set(c->err, ERR_INVALID,
				       "Interval \"%s\" cannot be less than 1ms",
				       durations[i].prefix);
		json_object_set_new(health, durations[i].key, json_integer(v));
		return 0;
	}
	return err_set(c->err, ERR_INVALID, "unknown flag: %s", flag);
}

static int change_healthcheck(struct changes *c, const char *name, const char *rest)
{
	AUTO(json) json_t *health = json_object();
	json_t *test;
	size_t n;

	while (strncmp(rest, "--", 2) == 0) {
		AUTO(free) char *flag = xstrndup(rest, strcspn(rest, " \t"));

		if (health_flag(c, health, flag) < 0)
			return -1;
		rest = skip_blanks(rest + strlen(flag));
	}
	n = strcspn(rest, " \t");
	if (n == 4 && strncasecmp(rest, "NONE", 4) == 0 && !*skip_blanks(rest + 4)) {
		test = json_pack("[s]", "NONE");
	} else if (n == 3 && strncasecmp(rest, "CMD", 3) == 0 && *skip_blanks(rest + 3)) {
		rest = skip_blanks(rest + 3);
		test = json_form(rest);
		if (test)
			json_array_insert_new(test, 0, json_string("CMD"));
		else
			test = json_pack("[so]", "CMD-SHELL", json_str(rest));
	} else {
		return err_set(c->err, ERR_INVALID,
			       "Unknown type \"%.*s\" in HEALTHCHECK (try CMD)", (int)n, rest);
	}
	json_object_set_new(health, "Test", test);
	json_object_set(c->config, "Healthcheck", health);
	return 0;
}

static const struct {
	const char *name;
	change_fn *fn;
} instructions[] = {
	{"CMD", change_cmd},
	{"ENTRYPOINT", change_entrypoint},
	{"ENV", change_env},
	{"EXPOSE", change_expose},
	{"WORKDIR", change_workdir},
	{"USER", change_user},
	{"LABEL", change_label},
	{"VOLUME", change_volume},
	{"ONBUILD", change_onbuild},
	{"STOPSIGNAL", change_stopsignal},
	{"HEALTHCHECK", change_healthcheck},
};

static int apply(struct changes *c, const char *line)
{
	AUTO(free) char *name = NULL;
	AUTO(free) char *rest = NULL;
	size_t n;

	line += strspn(line, " \t\r\n");
	if (strlen(line) > LINE_MAX_BYTES)
		return err_set(c->err, ERR_INVALID, "change is longer than 64 KiB");
	if (!*line || *line == '#')
		return 0;
	name = xstrndup(line, strcspn(line, " \t"));
	rest = xstrdup(skip_blanks(line + strlen(name)));
	n = strlen(rest);
	while (n > 0 && isspace((unsigned char)rest[n - 1]))
		rest[--n] = 0;
	for (char *p = name; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	for (size_t i = 0; i < ARRAY_LEN(instructions); i++)
		if (streq(name, instructions[i].name))
			return instructions[i].fn(c, name, rest);
	str_lower(name); /* as docker shows it */
	return err_set(c->err, ERR_INVALID, "%s is not a valid change command", name);
}

int transfer_apply_changes(const char *config_json, const struct strv *changes, char **ret,
			   struct err *err)
{
	AUTO(json) json_t *config = json_parse(config_json, strlen(config_json), err);
	struct changes c = {.config = config, .err = err};

	if (!config)
		return -1;
	if (!json_is_object(config))
		return err_set(err, ERR_INVALID, "config is not an object");
	if (changes)
		strv_for_each (line, changes)
			if (apply(&c, line) < 0)
				return -1;
	*ret = json_text(config, 0);
	return 0;
}
