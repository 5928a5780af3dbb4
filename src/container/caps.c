/*
 * caps.c - --cap-add, --cap-drop and --privileged as a list of capabilities
 */
#include "container/spec.h"

#include "sys/caps.h"

static const char *const defaults[] = {
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD", "CAP_NET_RAW",
	"CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE",
	"CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE",
};

/* Every capability that we have ourselves to give. */
static void add_all(struct strv *caps)
{
	uint64_t ours = 0;

	if (caps_permitted(&ours) < 0)
		return;
	for (int i = 0; i <= cap_last(); i++)
		if ((ours >> i & 1) && cap_name(i))
			strv_add(caps, cap_name(i));
}

/* "net_admin", "CAP_NET_ADMIN", "ALL" as the kernel's name, or an error with docker's text. */
static int normalise(const char *s, const char *what, char **ret, struct err *err)
{
	AUTO(free) char *name = xasprintf("%s%s", strncasecmp(s, "CAP_", 4) == 0 ? "" : "CAP_", s);

	for (char *p = name; *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 32);
	if (streq(name, "CAP_ALL")) {
		*ret = xstrdup("ALL");
		return 0;
	}
	if (cap_from_name(name) < 0)
		return err_set(err, ERR_INVALID, "invalid %s: unknown capability: \"%s\"", what, name);
	*ret = TAKE_PTR(name);
	return 0;
}

static int normalise_list(const struct strv *in, const char *what, struct strv *out, bool *all,
			  struct err *err)
{
	for (size_t i = 0; i < in->n; i++) {
		char *name;

		if (normalise(in->v[i], what, &name, err) < 0)
			return -1;
		*all = *all || streq(name, "ALL");
		strv_take(out, name);
	}
	return 0;
}

int caps_for(const struct host_config *h, bool privileged, struct strv *ret, struct err *err)
{
	AUTO(strv) struct strv add = {0};
	AUTO(strv) struct strv drop = {0};
	AUTO(strv) struct strv base = {0};
	bool add_everything = false, drop_everything = false;

	if (normalise_list(&h->cap_add, "CapAdd", &add, &add_everything, err) < 0 ||
	    normalise_list(&h->cap_drop, "CapDrop", &drop, &drop_everything, err) < 0)
		return -1;
	if (privileged || add_everything)
		add_all(&base);
	else if (!drop_everything)
		for (size_t i = 0; i < ARRAY_LEN(defaults); i++)
			strv_add(&base, defaults[i]);
	for (size_t i = 0; i < base.n; i++)
		if (privileged || !strv_has(&drop, base.v[i]))
			strv_add(ret, base.v[i]);
	for (size_t i = 0; i < add.n; i++)
		if (!streq(add.v[i], "ALL") && !strv_has(ret, add.v[i]) &&
		    (add_everything ? !strv_has(&drop, add.v[i]) : true))
			strv_add(ret, add.v[i]);
	return 0;
}
