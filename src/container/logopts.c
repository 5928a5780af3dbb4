/*
 * logopts.c - --log-driver and --log-opt
 */
#include "container/private.h"

char *log_path(const struct container *c)
{
	if (!streq(c->host.log_config.type, "json-file"))
		return NULL;
	return xasprintf("%s/%s-json.log", c->dir, c->id);
}

/* "10m", "20k", "1g", "-1": bytes. */
static int parse_size(const char *s, int64_t *ret)
{
	static const char units[] = "bkmgt";
	char *end;
	double v = strtod(s, &end);
	int shift = 0;

	if (end == s)
		return -1;
	if (*end) {
		char unit = (char)(*end | 32);
		const char *u = strchr(units, unit);

		if (!u)
			return -1;
		shift = (int)(u - units) * 10;
		end++;
		if (shift && (*end | 32) == 'b')
			end++;
		if (*end)
			return -1;
	}
	if (v > 1e15)
		return -1;
	*ret = (int64_t)(v * (double)(1LL << shift));
	return 0;
}

static const char *const json_file_options[] = {
	"max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag", NULL,
};

static int check_options(const struct map *opts, struct err *err)
{
	map_for_each(it, opts) {
		bool known = false;
		int64_t v;

		for (const char *const *p = json_file_options; *p; p++)
			known = known || streq(*p, it->key);
		if (!known)
			return err_set(err, ERR_INVALID,
				       "unknown log opt '%s' for json-file log driver", it->key);
		if (streq(it->key, "max-size") && (parse_size(it->value, &v) < 0 || v == 0 || v < -1))
			return err_set(err, ERR_INVALID, "invalid value for max-size: %s",
				       (char *)it->value);
		if (streq(it->key, "max-file") && (str_to_i64(it->value, 10, &v) < 0 || v < 1 || v > 1000))
			return err_set(err, ERR_INVALID, "max-file must be a number from 1 to 1000: %s",
				       (char *)it->value);
		if (streq(it->key, "compress") && !streq(it->value, "false"))
			return err_set(err, ERR_INVALID,
				       "log opt compress is not supported: rotated files stay plain");
		if (streq(it->key, "labels-regex") || streq(it->key, "env-regex") || streq(it->key, "tag"))
			return err_set(err, ERR_INVALID, "log opt %s is not supported", it->key);
	}
	return 0;
}

int log_check(const struct host_config *h, struct err *err)
{
	const char *type = h->log_config.type;

	if (streq(type, "none"))
		return 0;
	if (!streq(type, "json-file"))
		return err_set(err, ERR_INVALID,
			       "logger: no log driver named '%s' is registered (this engine has json-file "
			       "and none)",
			       type);
	return check_options(&h->log_config.config, err);
}

/* The labels and variables that --log-opt labels= and env= name, as a JSON object, or NULL. */
static char *attributes(const struct container *c)
{
	const char *labels = map_get(&c->host.log_config.config, "labels");
	const char *env = map_get(&c->host.log_config.config, "env");
	AUTO(strv) struct strv names = {0};
	AUTO(json) json_t *o = json_object();
	size_t nlabels;

	strv_split(&names, str_or(labels), ',');
	nlabels = names.n;
	strv_split(&names, str_or(env), ',');
	for (size_t i = 0; i < names.n; i++) {
		const char *v = i < nlabels ? map_get(&c->config.labels, names.v[i]) :
					      env_get(&c->config.env, names.v[i]);

		if (v && *names.v[i])
			json_object_set_new(o, names.v[i], json_str(v));
	}
	return json_object_size(o) ? json_text(o, 0) : NULL;
}

void log_options(struct container *c, struct shim_log *ret)
{
	const struct map *opts = &c->host.log_config.config;
	const char *size = map_get(opts, "max-size"), *files = map_get(opts, "max-file");
	int64_t v;

	free(c->log_file);
	free(c->log_attrs);
	c->log_file = log_path(c);
	c->log_attrs = attributes(c);
	*ret = (struct shim_log){.driver = c->log_file ? SHIM_LOG_JSON : SHIM_LOG_NONE,
				 .path = c->log_file,
				 .attrs = c->log_attrs};
	if (size && parse_size(size, &v) == 0)
		ret->max_size = v;
	if (files && str_to_i64(files, 10, &v) == 0)
		ret->max_files = (uint32_t)v;
}
