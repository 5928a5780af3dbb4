/*
 * spec-device.c - devices, limits, restart policies, security options
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#include "base/fs.h"
#include "cli/cli.h"
#include "cli/spec.h"

static bool device_mode_ok(const char *mode)
{
	for (const char *p = mode; *p; p++)
		if (!strchr("rwm", *p) || strchr(p + 1, *p))
			return false;
	return *mode;
}

bool spec_is_cdi(const char *s)
{
	const char *slash = strchr(s, '/'), *eq = strchr(s, '=');

	return *s != '/' && slash && eq && slash < eq && slash > s && eq > slash + 1 && eq[1];
}

int spec_device(const char *s, json_t **ret, struct err *err)
{
	AUTO(strv) struct strv part = {0};
	const char *src, *dst, *mode = "rwm";

	strv_split(&part, s, ':');
	src = dst = part.v[0];
	if (part.n > 3)
		return err_set(err, ERR_INVALID, "invalid device specification: %s", s);
	if (part.n == 3) {
		mode = part.v[2];
		dst = part.v[1];
	} else if (part.n == 2) {
		if (device_mode_ok(part.v[1]))
			mode = part.v[1];
		else
			dst = part.v[1];
	}
	*ret = json_pack("{s:s, s:s, s:s}", "PathOnHost", src, "PathInContainer",
			 *dst ? dst : src, "CgroupPermissions", mode);
	return 0;
}

int check_device(const char *s, struct err *err)
{
	AUTO(strv) struct strv part = {0};
	const char *path;

	if (spec_is_cdi(s))
		return err_set(err, ERR_UNSUPPORTED, "CDI devices are not supported");
	strv_split(&part, s, ':');
	if (part.n > 3 || !*part.v[0] || (part.n > 1 && !*part.v[1]))
		return err_set(err, ERR_INVALID, "bad format for path: %s", s);
	if (part.n == 3 && !device_mode_ok(part.v[2]))
		return err_set(err, ERR_INVALID, "bad mode specified: %s", part.v[2]);
	path = part.n == 1 || (part.n == 2 && device_mode_ok(part.v[1])) ? part.v[0] : part.v[1];
	if (*path != '/')
		return err_set(err, ERR_INVALID, "%s is not an absolute path", path);
	return 0;
}

/* "a 7:* rmw" */
int check_cgroup_rule(const char *s, struct err *err)
{
	char type, major[16], minor[16], mode[8];
	int end = -1;

	if (sscanf(s, "%c %15[0-9*]:%15[0-9*] %7[rwm]%n", &type, major, minor, mode, &end) == 4 &&
	    end >= 0 && !s[end] && strchr("acb", type) && strlen(mode) <= 3)
		return 0;
	return err_set(err, ERR_INVALID, "invalid device cgroup format '%s'", s);
}

static const char *const ulimit_names[] = {
	"core",	      "cpu",	    "data",  "fsize",  "locks",	  "memlock", "msgqueue", "nice",
	"nofile",     "nproc",	    "rss",   "rtprio", "rttime",  "sigpending", "stack",
};

int spec_ulimit(const char *s, json_t **ret, struct err *err)
{
	const char *eq = strchr(s, '='), *colon;
	AUTO(free) char *name = NULL, *first = NULL;
	int64_t soft, hard;
	bool known = false;

	if (!eq)
		return err_set(err, ERR_INVALID, "invalid ulimit argument: %s", s);
	name = xstrndup(s, (size_t)(eq - s));
	for (size_t i = 0; i < ARRAY_LEN(ulimit_names); i++)
		known |= streq(name, ulimit_names[i]);
	if (!known)
		return err_set(err, ERR_INVALID, "invalid ulimit type: %s", name);
	colon = strchr(eq, ':');
	first = xstrndup(eq + 1, colon ? (size_t)(colon - eq - 1) : strlen(eq + 1));
	if (colon && strchr(colon + 1, ':'))
		return err_set(err, ERR_INVALID,
			       "too many limit value arguments - %s, can only have up to two, "
			       "`soft[:hard]`",
			       eq + 1);
	if (str_to_i64(first, 10, &soft) < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
			       first);
	hard = soft;
	if (colon && str_to_i64(colon + 1, 10, &hard) < 0)
		return err_set(err, ERR_INVALID, "strconv.ParseInt: parsing \"%s\": invalid syntax",
			       colon + 1);
	if (hard != -1 && (soft == -1 || soft > hard))
		return err_set(err, ERR_INVALID,
			       soft == -1 ? "ulimit soft limit must be less than or equal to hard "
					    "limit: soft: -1 (unlimited), hard: %lld"
					  : "ulimit soft limit must be less than or equal to hard "
					    "limit: %2$lld > %1$lld",
			       (long long)hard, (long long)soft);
	*ret = json_pack("{s:s, s:I, s:I}", "Name", name, "Hard", (json_int_t)hard, "Soft",
			 (json_int_t)soft);
	return 0;
}

int spec_weight_device(const char *s, json_t **ret, struct err *err)
{
	const char *colon = strchr(s, ':');
	AUTO(free) char *path = NULL;
	int64_t weight;

	if (!colon || colon == s)
		return err_set(err, ERR_INVALID, "bad format: %s", s);
	if (strncmp(s, "/dev/", 5) != 0)
		return err_set(err, ERR_INVALID, "bad format for device path: %s", s);
	if (str_to_i64(colon + 1, 10, &weight) < 0 ||
	    (weight != 0 && (weight < 10 || weight > 1000)))
		return err_set(err, ERR_INVALID, "invalid weight for device: %s", s);
	path = xstrndup(s, (size_t)(colon - s));
	*ret = json_pack("{s:s, s:I}", "Path", path, "Weight", (json_int_t)weight);
	return 0;
}

int spec_rate_device(const char *s, bool bytes, json_t **ret, struct err *err)
{
	const char *colon = strchr(s, ':');
	AUTO(free) char *path = NULL;
	uint64_t iops;
	int64_t rate;

	if (!colon || colon == s)
		return err_set(err, ERR_INVALID, "bad format: %s", s);
	if (strncmp(s, "/dev/", 5) != 0)
		return err_set(err, ERR_INVALID, "bad format for device path: %s", s);
	if (bytes && cli_parse_bytes(colon + 1, &rate, err) < 0)
		return err_set(err, ERR_INVALID,
			       "invalid rate for device: %s. The correct format is "
			       "<device-path>:<number>[<unit>]. Number must be a positive integer. "
			       "Unit is optional and can be kb, mb, or gb",
			       s);
	if (!bytes) {
		if (str_to_u64(colon + 1, 10, &iops) < 0 || iops > INT64_MAX)
			return err_set(err, ERR_INVALID,
				       "invalid rate for device: %s. The correct format is "
				       "<device-path>:<number>. Number must be a positive integer",
				       s);
		rate = (int64_t)iops;
	}
	path = xstrndup(s, (size_t)(colon - s));
	*ret = json_pack("{s:s, s:I}", "Path", path, "Rate", (json_int_t)rate);
	return 0;
}

int spec_restart(const char *s, json_t **ret, struct err *err)
{
	const char *colon = strchr(s, ':');
	AUTO(free) char *name = xstrndup(s, colon ? (size_t)(colon - s) : strlen(s));
	int64_t count = 0;

	if (*s && !*name)
		return err_set(err, ERR_INVALID,
			       "invalid restart policy format: no policy provided before colon");
	if (colon && (strchr(colon + 1, ':') || str_to_i64(colon + 1, 10, &count) < 0))
		return err_set(err, ERR_INVALID,
			       "invalid restart policy format: maximum retry count must be an "
			       "integer");
	*ret = json_pack("{s:s, s:I}", "Name", name, "MaximumRetryCount", (json_int_t)count);
	return 0;
}

/* --- security options ------------------------------------------------------------------------ */

static int read_profile(const char *path, char **ret, struct err *err)
{
	AUTO(buf) struct buf text = {0};
	json_t *j;
	int r = fs_read_file(AT_FDCWD, path, SPEC_MAX_FILE, &text);

	if (r < 0)
		return err_set(err, ERR_INVALID,
			       "opening seccomp profile (%s) failed: open %s: %s", path, path,
			       r == -ENOENT ? "no such file or directory" : strerror(-r));
	j = json_loadb(str_or(text.p), text.len, 0, NULL);
	if (!j)
		return err_set(err, ERR_INVALID,
			       "compacting json for seccomp profile (%s) failed: invalid JSON",
			       path);
	*ret = json_dumps(j, JSON_COMPACT);
	json_decref(j);
	return 0;
}

int spec_security_opt(const char *s, json_t *opts, bool *systempaths, struct err *err)
{
	AUTO(free) char *profile = NULL, *line = NULL;
	const char *eq = strpbrk(s, "="), *v;

	if (!eq)
		eq = strchr(s, ':');
	if (!eq && !streq(s, "no-new-privileges"))
		return err_set(err, ERR_INVALID, "Invalid --security-opt: \"%s\"", s);
	if (streq(s, "systempaths=unconfined")) {
		*systempaths = true;
		return 0;
	}
	v = str_after(s, "seccomp=");
	if (!v)
		v = str_after(s, "seccomp:");
	if (v && !streq(v, "unconfined") && !streq(v, "builtin")) {
		if (read_profile(v, &profile, err) < 0)
			return -1;
		line = xasprintf("seccomp=%s", profile);
		s = line;
	}
	json_array_append_new(opts, json_string(s));
	return 0;
}

/* --- checks that only look ------------------------------------------------------------------- */

int check_ulimit(const char *s, struct err *err)
{
	json_t *j = NULL;
	int r = spec_ulimit(s, &j, err);

	json_decref(j);
	return r;
}

int check_weight_device(const char *s, struct err *err)
{
	json_t *j = NULL;
	int r = spec_weight_device(s, &j, err);

	json_decref(j);
	return r;
}

int check_bps_device(const char *s, struct err *err)
{
	json_t *j = NULL;
	int r = spec_rate_device(s, true, &j, err);

	json_decref(j);
	return r;
}

int check_iops_device(const char *s, struct err *err)
{
	json_t *j = NULL;
	int r = spec_rate_device(s, false, &j, err);

	json_decref(j);
	return r;
}

int check_attach(const char *s, struct err *err)
{
	if (strcasecmp(s, "stdin") == 0 || strcasecmp(s, "stdout") == 0 ||
	    strcasecmp(s, "stderr") == 0)
		return 0;
	return err_set(err, ERR_INVALID, "valid streams are STDIN, STDOUT and STDERR");
}

int check_windows(const char *s, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED, "only a daemon on Windows supports it");
}

int check_gpus(const char *s, struct err *err)
{
	return err_set(err, ERR_UNSUPPORTED,
		       "GPU requests are not supported: pass the devices with --device");
}

int check_sysctl(const char *s, struct err *err)
{
	if (strchr(s, '='))
		return 0;
	return err_set(err, ERR_INVALID, "sysctl '%s' is not allowed", s);
}
