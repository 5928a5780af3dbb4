/*
 * user.c - docker's user string against passwd and group files
 *
 * The files belong to the image: any bytes. Lines are walked in place, nothing is copied.
 *
 * (1) A numeric user means the uid, even if some entry has that name; so do groups.
 * (2) Numbers outside 0..2^31-1 are refused.
 */
#include "runtime/user.h"

#include <limits.h>

#define ID_MAX INT_MAX

struct field {
	const char *p;
	size_t n;
};

/* The next line of *at cut at colons into at most max fields (the rest empty). False: no more. */
static bool next_line(const char **at, struct field *f, size_t max)
{
	const char *p = *at, *end;

	memset(f, 0, max * sizeof(*f));
	if (!p || !*p)
		return false;
	end = p + strcspn(p, "\n");
	*at = *end ? end + 1 : end;
	for (size_t i = 0; i < max; i++) {
		const char *stop = i + 1 < max ? memchr(p, ':', (size_t)(end - p)) : NULL;

		f[i] = (struct field){p, (size_t)((stop ? stop : end) - p)};
		if (!stop)
			break;
		p = stop + 1;
	}
	return true;
}

static bool is(struct field f, const char *s)
{
	return f.p && strlen(s) == f.n && memcmp(f.p, s, f.n) == 0;
}

/* A number with nothing around it: 1; too large: -1; not a number: 0. */
static int number(const char *p, size_t n, uint32_t *ret)
{
	uint64_t v = 0;
	bool negative = n > 1 && *p == '-';

	if (negative || (n > 1 && *p == '+')) {
		p++;
		n--;
	}
	if (!n)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (p[i] < '0' || p[i] > '9')
			return 0;
		if (v <= ID_MAX)
			v = v * 10 + (uint64_t)(p[i] - '0');
	}
	if ((negative && v) || v > ID_MAX)
		return -1;
	*ret = (uint32_t)v;
	return 1;
}

static bool field_number(struct field f, uint32_t *ret)
{
	return f.p && number(f.p, f.n, ret) == 1;
}

static bool in_list(struct field list, const char *name, size_t n)
{
	const char *p = list.p, *end = p + list.n;

	while (p && p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		if ((size_t)(stop - p) == n && memcmp(p, name, n) == 0)
			return true;
		p = stop + 1;
	}
	return false;
}

static int range_error(struct err *err)
{
	return err_set(err, ERR_INVALID, "uids and gids must be in range 0-%d", ID_MAX);
}

/* Fills uid, gid, home; *ret_name is the entry's name, if there is one. */
static int find_user(const char *arg, const char *passwd, struct user *ret, struct field *ret_name,
		     struct err *err)
{
	uint32_t want = 0, uid, gid;
	int numeric = *arg ? number(arg, strlen(arg), &want) : 1;
	struct field f[7];

	while (next_line(&passwd, f, ARRAY_LEN(f))) {
		if (!f[0].n || !field_number(f[2], &uid))
			continue;
		if (numeric > 0 ? uid != want : numeric < 0 || !is(f[0], arg))
			continue;
		ret->uid = uid;
		ret->gid = field_number(f[3], &gid) ? gid : 0;
		snprintf(ret->home, sizeof(ret->home), "%.*s", (int)f[5].n, f[5].p ? f[5].p : "");
		*ret_name = f[0];
		return 0;
	}
	if (numeric == 0)
		return err_set(err, ERR_INVALID,
			       "unable to find user %s: no matching entries in passwd file", arg);
	if (numeric < 0)
		return range_error(err);
	ret->uid = want;
	return 0;
}

/* Does this line of the group file have the group that arg names? */
static bool group_matches(struct field f[4], const char *arg, int numeric, uint32_t want,
			  uint32_t *ret)
{
	if (!f[0].n || !field_number(f[2], ret))
		return false;
	return numeric > 0 ? *ret == want : numeric == 0 && is(f[0], arg);
}

static int find_group(const char *arg, const char *group, bool additional, uint32_t *ret,
		      struct err *err)
{
	uint32_t want = 0, gid;
	int numeric = number(arg, strlen(arg), &want);
	struct field f[4];

	while (next_line(&group, f, ARRAY_LEN(f)))
		if (group_matches(f, arg, numeric, want, &gid)) {
			*ret = gid;
			return 0;
		}
	if (numeric == 0)
		return additional ? err_set(err, ERR_INVALID, "unable to find group %s", arg)
				  : err_set(err, ERR_INVALID,
					    "unable to find group %s: no matching entries in group "
					    "file",
					    arg);
	if (numeric < 0)
		return range_error(err);
	*ret = want;
	return 0;
}

static void member_groups(struct field name, const char *group, struct user *ret)
{
	struct field f[4];
	uint32_t gid;

	while (next_line(&group, f, ARRAY_LEN(f)) && ret->ngids < USER_GROUPS_MAX)
		if (f[0].n && field_number(f[2], &gid) && in_list(f[3], name.p, name.n))
			ret->gids[ret->ngids++] = gid;
}

int runtime_user_resolve(const char *spec, const char *passwd, const char *group, struct user *ret,
			 struct err *err)
{
	AUTO(free) char *user = xstrdup(spec);
	char *colon = strchr(user, ':');
	const char *group_arg = "";
	struct field name = {0};

	*ret = (struct user){0};
	if (colon) {
		*colon = 0;
		group_arg = colon + 1;
		if (strchr(group_arg, ':'))
			return err_set(err, ERR_INVALID, "invalid user '%s': more than one colon",
				       spec);
	}
	if (find_user(user, passwd, ret, &name, err) < 0)
		return -1;
	if (*group_arg)
		return find_group(group_arg, group, false, &ret->gid, err);
	if (name.n)
		member_groups(name, group, ret);
	return 0;
}

int runtime_user_group(const char *spec, const char *group, uint32_t *ret, struct err *err)
{
	return find_group(spec, group, true, ret, err);
}

bool runtime_user_home(uint32_t uid, const char *passwd, char *ret, size_t size)
{
	struct field f[7];
	uint32_t id;

	while (next_line(&passwd, f, ARRAY_LEN(f))) {
		if (!f[0].n || !field_number(f[2], &id) || id != uid || !f[5].n)
			continue;
		snprintf(ret, size, "%.*s", (int)f[5].n, f[5].p);
		return true;
	}
	return false;
}
