/*
 * platform.c - "os/architecture/variant" in Go's names
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "transfer/transfer-priv.h"

static const struct {
	const char *machine; /* uname's, and other spellings */
	const char *architecture, *variant;
} names[] = {
	{"x86_64", "amd64", ""},    {"x86-64", "amd64", ""},	{"amd64", "amd64", ""},
	{"aarch64", "arm64", ""},   {"arm64", "arm64", ""},	{"armv7l", "arm", "v7"},
	{"armhf", "arm", "v7"},	    {"armv6l", "arm", "v6"},	{"armel", "arm", "v6"},
	{"arm", "arm", "v7"},	    {"i386", "386", ""},	{"i686", "386", ""},
	{"ppc64le", "ppc64le", ""}, {"riscv64", "riscv64", ""}, {"s390x", "s390x", ""},
};

static void normalize(struct platform *p)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (!streq(p->architecture, names[i].machine))
			continue;
		snprintf(p->architecture, sizeof(p->architecture), "%s", names[i].architecture);
		if (!p->variant[0])
			snprintf(p->variant, sizeof(p->variant), "%s", names[i].variant);
		break;
	}
	if (streq(p->architecture, "arm64") && streq(p->variant, "v8"))
		p->variant[0] = 0;
}

static void host(struct platform *p)
{
	struct utsname u;

	*p = (struct platform){.os = "linux"};
	if (uname(&u) == 0)
		snprintf(p->architecture, sizeof(p->architecture), "%.31s", u.machine);
	normalize(p);
}

static int part(const char **s, char *dst, size_t size)
{
	size_t n = strcspn(*s, "/");

	if (n == 0 || n >= size ||
	    strspn(*s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") < n)
		return -1;
	memcpy(dst, *s, n);
	dst[n] = 0;
	str_lower(dst);
	*s += n + ((*s)[n] == '/');
	return 0;
}

int transfer_platform_parse(const char *s, struct platform *ret, struct err *err)
{
	const char *at = s;
	struct platform ours;

	host(&ours);
	*ret = ours;
	if (!s || !*s)
		return 0;
	if (!strchr(s, '/')) { /* an operating system or an architecture alone */
		struct platform p = ours;

		p.variant[0] = 0;
		if (part(&at, p.architecture, sizeof(p.architecture)) < 0)
			goto bad;
		if (streq(p.architecture, "linux"))
			return 0;
		normalize(&p);
		*ret = p;
		return 0;
	}
	*ret = (struct platform){0};
	if (part(&at, ret->os, sizeof(ret->os)) < 0 ||
	    part(&at, ret->architecture, sizeof(ret->architecture)) < 0 ||
	    (*at && part(&at, ret->variant, sizeof(ret->variant)) < 0) || *at)
		goto bad;
	normalize(ret);
	return 0;
bad:
	return err_set(err, ERR_INVALID,
		       "\"%.100s\": unknown operating system or architecture: "
		       "invalid argument",
		       s);
}

int transfer_platform_match(const struct platform *want, const char *os, const char *architecture,
			    const char *variant)
{
	struct platform p = {0};

	snprintf(p.os, sizeof(p.os), "%s", os && *os ? os : "linux");
	snprintf(p.architecture, sizeof(p.architecture), "%s", str_or(architecture));
	snprintf(p.variant, sizeof(p.variant), "%s", str_or(variant));
	normalize(&p);
	if (!streq(p.os, want->os) || !streq(p.architecture, want->architecture))
		return 0;
	if (streq(p.variant, want->variant))
		return 3;
	return want->variant[0] && p.variant[0] ? strcmp(p.variant, want->variant) < 0 : 2;
}
