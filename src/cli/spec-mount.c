/*
 * spec-mount.c - -v, --mount and --tmpfs
 *
 * (1) A --mount field is a row of a table: where its value goes and how it is read.
 */
#include <ctype.h>
#include <stdlib.h>

#include "base/fs.h"
#include "cli/cli.h"
#include "cli/spec.h"

/* --- -v --------------------------------------------------------------------------------- */

static int count_colons(const char *s)
{
	int n = 0;

	for (; *s; s++)
		n += *s == ':';
	return n;
}

int spec_volume(const char *s, json_t *binds, json_t *volumes, struct err *err)
{
	const char *colon = strchr(s, ':');

	if (!*s)
		return err_set(err, ERR_INVALID, "invalid empty volume spec");
	if (!colon) {
		json_object_set_new(volumes, s, json_object());
		return 0;
	}
	if (colon == s || strstr(s, "::") || !s[strlen(s) - 1] || s[strlen(s) - 1] == ':')
		return err_set(err, ERR_INVALID, "invalid spec: %s: empty section between colons",
			       s);
	if (count_colons(s) > 2)
		return err_set(err, ERR_INVALID, "invalid spec: %s: too many colons", s);
	if (*s == '.') {
		AUTO(free) char *host = xstrndup(s, (size_t)(colon - s));
		AUTO(free) char *cwd = getcwd(NULL, 0), *joined = NULL, *abs = NULL, *bind = NULL;

		joined = path_join(cwd ? cwd : "/", host);
		abs = path_clean(joined);
		bind = xasprintf("%s%s", abs, colon);
		json_array_append_new(binds, json_string(bind));
		return 0;
	}
	json_array_append_new(binds, json_string(s));
	return 0;
}

void spec_tmpfs(const char *s, json_t *tmpfs)
{
	const char *colon = strchr(s, ':');
	AUTO(free) char *path = xstrndup(s, colon ? (size_t)(colon - s) : strlen(s));

	json_object_set_new(tmpfs, path, json_string(colon ? colon + 1 : ""));
}

/* --- --mount ------------------------------------------------------------------------------ */

struct mount {
	json_t *j;
	const char *type;
	bool readonly;
	const char *bind_recursive;
};

enum field_kind { F_STRING, F_BOOL, F_SIZE, F_MODE, F_KV, F_TYPE, F_SOURCE, F_READONLY, F_RECURSIVE,
		  F_NONREC };

struct field {
	const char *key;
	enum field_kind kind;
	const char *group; /* "BindOptions", NULL: top */
	const char *name;  /* "DriverConfig.Name" below the group */
	const char *type;  /* only for mounts of this type */
	bool bare;	   /* may stand without '=' */
};

static const struct field fields[] = {
	{"type", F_TYPE, NULL, "Type"},
	{"source", F_SOURCE, NULL, "Source"},
	{"src", F_SOURCE, NULL, "Source"},
	{"target", F_STRING, NULL, "Target"},
	{"dst", F_STRING, NULL, "Target"},
	{"destination", F_STRING, NULL, "Target"},
	{"readonly", F_READONLY, NULL, "ReadOnly", NULL, true},
	{"ro", F_READONLY, NULL, "ReadOnly", NULL, true},
	{"consistency", F_STRING, NULL, "Consistency"},
	{"bind-propagation", F_STRING, "BindOptions", "Propagation", "bind"},
	{"bind-nonrecursive", F_NONREC, "BindOptions", "NonRecursive", "bind", true},
	{"bind-recursive", F_RECURSIVE, "BindOptions", NULL, "bind"},
	{"volume-subpath", F_STRING, "VolumeOptions", "Subpath", "volume"},
	{"volume-nocopy", F_BOOL, "VolumeOptions", "NoCopy", "volume", true},
	{"volume-label", F_KV, "VolumeOptions", "Labels", "volume"},
	{"volume-driver", F_STRING, "VolumeOptions", "DriverConfig.Name", "volume"},
	{"volume-opt", F_KV, "VolumeOptions", "DriverConfig.Options", "volume"},
	{"image-subpath", F_STRING, "ImageOptions", "Subpath", "image"},
	{"tmpfs-size", F_SIZE, "TmpfsOptions", "SizeBytes", "tmpfs"},
	{"tmpfs-mode", F_MODE, "TmpfsOptions", "Mode", "tmpfs"},
};

static json_t *child(json_t *j, const char *name, size_t n)
{
	AUTO(free) char *key = xstrndup(name, n);
	json_t *c = json_object_get(j, key);

	if (!c) {
		c = json_object();
		json_object_set_new(j, key, c);
	}
	return c;
}

static json_t *place(struct mount *m, const struct field *f, const char **ret_name)
{
	json_t *j = f->group ? child(m->j, f->group, strlen(f->group)) : m->j;
	const char *dot = f->name ? strchr(f->name, '.') : NULL;

	*ret_name = dot ? dot + 1 : f->name;
	return dot ? child(j, f->name, (size_t)(dot - f->name)) : j;
}

static int bad_value(const char *key, const char *v, struct err *err)
{
	return err_set(err, ERR_INVALID, "invalid value for %s: %s", key, v);
}

static char *absolute_source(const char *v)
{
	AUTO(free) char *cwd = NULL, *joined = NULL;

	if (*v != '.')
		return xstrdup(v);
	cwd = getcwd(NULL, 0);
	joined = path_join(cwd ? cwd : "/", v);
	return path_clean(joined);
}

static int set_recursive(struct mount *m, json_t *at, const char *v, struct err *err)
{
	m->bind_recursive = v;
	if (streq(v, "enabled"))
		return 0;
	if (streq(v, "disabled"))
		json_object_set_new(at, "NonRecursive", json_true());
	else if (streq(v, "writable"))
		json_object_set_new(at, "ReadOnlyNonRecursive", json_true());
	else if (streq(v, "readonly"))
		json_object_set_new(at, "ReadOnlyForceRecursive", json_true());
	else
		return err_set(err, ERR_INVALID,
			       "invalid value for bind-recursive: %s (must be \"enabled\", "
			       "\"disabled\", \"writable\", or \"readonly\")",
			       v);
	return 0;
}

static int set_field(struct mount *m, const struct field *f, const char *v, struct err *err)
{
	const char *name, *eq;
	json_t *at = place(m, f, &name);
	AUTO(free) char *text = NULL;
	int64_t n;
	int b;

	switch (f->kind) {
	case F_TYPE:
		text = xstrdup(v);
		str_lower(text);
		json_object_set_new(at, name, json_string(text));
		return 0;
	case F_SOURCE:
		text = absolute_source(v);
		json_object_set_new(at, name, json_string(text));
		return 0;
	case F_STRING:
		text = xstrdup(v);
		if (streq(f->key, "consistency") || streq(f->key, "bind-propagation"))
			str_lower(text);
		json_object_set_new(at, name, json_string(text));
		return 0;
	case F_BOOL:
	case F_READONLY:
	case F_NONREC:
		b = spec_bool(v);
		if (b < 0)
			return bad_value(f->key, v, err);
		json_object_set_new(at, name, json_boolean(b));
		m->readonly = f->kind == F_READONLY ? b : m->readonly;
		return 0;
	case F_SIZE:
		if (cli_parse_bytes(v, &n, err) < 0)
			return bad_value(f->key, v, err);
		json_object_set_new(at, name, json_integer(n));
		return 0;
	case F_MODE:
		if (str_to_i64(v, 8, &n) < 0 || n < 0 || n > UINT32_MAX)
			return bad_value(f->key, v, err);
		json_object_set_new(at, name, json_integer(n));
		return 0;
	case F_KV:
		eq = strchr(v, '=');
		text = xstrndup(v, eq ? (size_t)(eq - v) : strlen(v));
		json_object_set_new(child(at, name, strlen(name)), text,
				    json_string(eq ? eq + 1 : ""));
		return 0;
	case F_RECURSIVE:
		return set_recursive(m, at, v, err);
	}
	return 0;
}

static const struct field *find_field(const char *key)
{
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (streq(fields[i].key, key))
			return &fields[i];
	return NULL;
}

static int parse_field(struct mount *m, const char *text, struct err *err)
{
	const char *eq = strchr(text, '=');
	AUTO(free) char *key = xstrndup(text, eq ? (size_t)(eq - text) : strlen(text));
	const struct field *f;

	str_lower(key);
	f = find_field(key);
	if (!eq && f && f->bare)
		return set_field(m, f, "true", err);
	if (!eq)
		return err_set(err, ERR_INVALID, "invalid field '%s' must be a key=value pair",
			       text);
	if (!f)
		return err_set(err, ERR_INVALID, "unexpected key '%s' in '%s'", key, text);
	return set_field(m, f, eq + 1, err);
}

static int check_groups(struct mount *m, const char *type, struct err *err)
{
	static const struct {
		const char *group, *prefix, *type;
	} groups[] = {
		{"VolumeOptions", "volume-*", "volume"},
		{"ImageOptions", "image-*", "image"},
		{"BindOptions", "bind-*", "bind"},
		{"TmpfsOptions", "tmpfs-*", "tmpfs"},
	};

	for (size_t i = 0; i < ARRAY_LEN(groups); i++)
		if (json_object_get(m->j, groups[i].group) && !streq(type, groups[i].type))
			return err_set(err, ERR_INVALID,
				       "cannot mix '%s' options with mount type '%s'",
				       groups[i].prefix, type);
	return 0;
}

static int check_recursive(struct mount *m, struct err *err)
{
	json_t *bind = json_object_get(m->j, "BindOptions");

	if (json_is_true(json_object_get(bind, "ReadOnlyNonRecursive")) && !m->readonly)
		return err_set(err, ERR_INVALID,
			       "option 'bind-recursive=writable' requires 'readonly' to be "
			       "specified in conjunction");
	if (!json_is_true(json_object_get(bind, "ReadOnlyForceRecursive")))
		return 0;
	if (!m->readonly)
		return err_set(err, ERR_INVALID,
			       "option 'bind-recursive=readonly' requires 'readonly' to be "
			       "specified in conjunction");
	if (!streq(json_string_value(json_object_get(bind, "Propagation")), "rprivate"))
		return err_set(err, ERR_INVALID,
			       "option 'bind-recursive=readonly' requires "
			       "'bind-propagation=rprivate' to be specified in conjunction");
	return 0;
}

static int fill_mount(struct mount *m, const char *s, struct err *err)
{
	AUTO(strv) struct strv parts = {0};
	const char *type, *target;

	if (spec_csv(s, &parts, err) < 0)
		return -1;
	strv_for_each(part, &parts)
		if (parse_field(m, part, err) < 0)
			return -1;
	type = json_string_value(json_object_get(m->j, "Type"));
	if (!type || !*type)
		return err_set(err, ERR_INVALID, "type is required");
	target = json_string_value(json_object_get(m->j, "Target"));
	if (!target || !*target)
		return err_set(err, ERR_INVALID, "target is required");
	if (check_groups(m, type, err) < 0)
		return -1;
	return check_recursive(m, err);
}

int spec_mount(const char *s, json_t **ret, struct err *err)
{
	struct mount m = {.j = json_pack("{s:s}", "Type", "volume")};

	if (fill_mount(&m, s, err) < 0) {
		json_decref(m.j);
		return -1;
	}
	*ret = m.j;
	return 0;
}

int check_mount(const char *s, struct err *err)
{
	json_t *j;

	if (!*s)
		return err_set(err, ERR_INVALID, "value is empty");
	if (spec_mount(s, &j, err) < 0)
		return -1;
	json_decref(j);
	return 0;
}
