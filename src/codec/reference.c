/*
 * reference.c - names of images: the grammar of distribution's reference package
 *
 *	reference := name [":" tag] ["@" digest]
 *	name      := [domain "/"] component {"/" component}
 *	domain    := (label {"." label} | "[" ipv6 "]") [":" port]
 *	component := [a-z0-9]+ { ("." | "_" | "__" | "-"+) [a-z0-9]+ }
 *	digest    := algorithm ":" hex{32,}
 *
 * (1) What parses prints, by reference_full(), to a string that parses to the same.
 */
#include "codec/reference.h"

#include <ctype.h>
#include <fnmatch.h>

#include "base/str.h"

#define DEFAULT_DOMAIN	"docker.io"
#define LEGACY_DOMAIN	"index.docker.io"
#define OFFICIAL_PREFIX "library/"
#define NAME_MAX_BYTES	255
#define TAG_MAX_BYTES	128
#define INPUT_MAX	4096

static bool is_alnum(char c)
{
	return isascii((unsigned char)c) && isalnum((unsigned char)c);
}

static bool is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* One path component of n bytes. */
static bool component_ok(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t start = i;

		while (i < n && is_lower_alnum(s[i]))
			i++;
		if (i == start)
			return false;
		if (i == n)
			return true;
		start = i;
		if (s[i] == '.') {
			i++;
		} else if (s[i] == '_') {
			i += i + 1 < n && s[i + 1] == '_' ? 2 : 1;
		} else {
			while (i < n && s[i] == '-')
				i++;
		}
		if (i == start)
			return false;
	}
	return false;
}

static bool path_ok(const char *path)
{
	for (;;) {
		size_t n = strcspn(path, "/");

		if (!component_ok(path, n))
			return false;
		if (!path[n])
			return true;
		path += n + 1;
	}
}

static bool label_ok(const char *s, size_t n)
{
	if (n == 0 || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(s[i]) && s[i] != '-')
			return false;
	return true;
}

static bool port_ok(const char *s)
{
	return *s && strspn(s, "0123456789") == strlen(s);
}

static bool domain_ok(const char *s)
{
	if (*s == '[') {
		size_t n = strspn(s + 1, "0123456789abcdefABCDEF:");

		if (n == 0 || s[1 + n] != ']')
			return false;
		s += n + 2;
		return !*s || (*s == ':' && port_ok(s + 1));
	}
	for (;;) {
		size_t n = strcspn(s, ".:");

		if (!label_ok(s, n))
			return false;
		s += n;
		if (!*s)
			return true;
		if (*s++ == ':')
			return port_ok(s);
	}
}

bool reference_is_tag(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > TAG_MAX_BYTES || !(is_alnum(*s) || *s == '_'))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_alnum(s[i]) && !strchr("_.-", s[i]))
			return false;
	return true;
}

bool reference_is_digest(const char *s)
{
	const char *hex = str_after(s, "sha256:");

	return hex && is_hex(hex, 64);
}

/* The algorithm part: words joined by one of "-_+." */
static bool algorithm_ok(const char *s, size_t n)
{
	bool start = true;

	for (size_t i = 0; i < n; i++) {
		if (start) {
			if (!isalpha((unsigned char)s[i]) || !isascii((unsigned char)s[i]))
				return false;
			start = false;
		} else if (strchr("-_+.", s[i])) {
			start = true;
		} else if (!is_alnum(s[i])) {
			return false;
		}
	}
	return n > 0 && !start;
}

static int check_digest(const char *s, struct err *err)
{
	static const struct {
		const char *prefix;
		size_t digits;
	} known[] = {{"sha256:", 64}, {"sha384:", 96}, {"sha512:", 128}};
	size_t n = strcspn(s, ":");
	size_t digits = s[n] ? strlen(s + n + 1) : 0;

	if (!algorithm_ok(s, n) || digits < 32 ||
	    strspn(s + n + 1, "0123456789abcdefABCDEF") != digits)
		return err_set(err, ERR_INVALID, "invalid reference format");
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		const char *hex = str_after(s, known[i].prefix);

		if (!hex)
			continue;
		if (digits != known[i].digits)
			return err_set(err, ERR_INVALID, "invalid checksum digest length");
		if (!is_hex(hex, digits))
			return err_set(err, ERR_INVALID, "invalid checksum digest format");
		return 0;
	}
	return err_set(err, ERR_INVALID, "unsupported digest algorithm");
}

/* Where the path starts in s, if s names a domain before it; else s. */
static const char *split_domain(const char *s, char **ret_domain)
{
	size_t n = strcspn(s, "/");
	bool upper = false, marked = false;

	for (size_t i = 0; i < n; i++) {
		upper |= s[i] >= 'A' && s[i] <= 'Z';
		marked |= s[i] == '.' || s[i] == ':';
	}
	if (!s[n] || (!marked && !upper && !(n == 9 && memcmp(s, "localhost", 9) == 0))) {
		*ret_domain = xstrdup(DEFAULT_DOMAIN);
		return s;
	}
	*ret_domain = xstrndup(s, n);
	if (streq(*ret_domain, LEGACY_DOMAIN)) {
		free(*ret_domain);
		*ret_domain = xstrdup(DEFAULT_DOMAIN);
	}
	return s + n + 1;
}

/* Splits "path[:tag][@digest]" in place. */
static int split_rest(char *rest, struct reference *ref, struct err *err)
{
	char *at = strchr(rest, '@'), *slash, *colon;

	if (at) {
		*at = 0;
		if (check_digest(at + 1, err) < 0)
			return -1;
		ref->digest = xstrdup(at + 1);
	}
	slash = strrchr(rest, '/');
	colon = strchr(slash ? slash : rest, ':');
	if (colon) {
		*colon = 0;
		if (!reference_is_tag(colon + 1))
			return err_set(err, ERR_INVALID, "invalid reference format");
		ref->tag = xstrdup(colon + 1);
	}
	return 0;
}

static int check_case(const char *rest, struct err *err)
{
	size_t n = strcspn(rest, ":");

	for (size_t i = 0; i < n; i++)
		if (rest[i] >= 'A' && rest[i] <= 'Z')
			return err_set(err, ERR_INVALID,
				       "invalid reference format: repository name (%.*s) must be "
				       "lowercase",
				       (int)n, rest);
	return 0;
}

static int parse(const char *s, struct reference *ref, struct err *err)
{
	AUTO(free) char *rest = NULL;
	const char *remainder;

	if (strlen(s) > INPUT_MAX)
		return err_set(err, ERR_INVALID, "invalid reference format");
	if (is_hex(s, 64))
		return err_set(err, ERR_INVALID,
			       "invalid reference format: repository name (%s) cannot be 64-byte "
			       "hexadecimal strings",
			       s);
	remainder = split_domain(s, &ref->domain);
	if (streq(ref->domain, DEFAULT_DOMAIN) && !strchr(remainder, '/'))
		rest = xasprintf(OFFICIAL_PREFIX "%s", remainder);
	else
		rest = xstrdup(remainder);
	if (check_case(rest, err) < 0 || split_rest(rest, ref, err) < 0)
		return -1;
	if (!domain_ok(ref->domain) || !path_ok(rest))
		return err_set(err, ERR_INVALID, "invalid reference format");
	if (strlen(rest) > NAME_MAX_BYTES)
		return err_set(err, ERR_INVALID,
			       "repository name must not be more than %d characters",
			       NAME_MAX_BYTES);
	ref->path = TAKE_PTR(rest);
	return 0;
}

int reference_parse(const char *s, struct reference *ret, struct err *err)
{
	struct reference ref = {0};

	if (parse(s, &ref, err) < 0) {
		reference_done(&ref);
		return -1;
	}
	*ret = ref;
	return 0;
}

void reference_done(struct reference *ref)
{
	free(ref->domain);
	free(ref->path);
	free(ref->tag);
	free(ref->digest);
	memset(ref, 0, sizeof(*ref));
}

void reference_default_tag(struct reference *ref)
{
	if (!ref->tag && !ref->digest)
		ref->tag = xstrdup("latest");
}

char *reference_name(const struct reference *ref)
{
	return xasprintf("%s/%s", ref->domain, ref->path);
}

char *reference_familiar_name(const struct reference *ref)
{
	const char *official = str_after(ref->path, OFFICIAL_PREFIX);

	if (!streq(ref->domain, DEFAULT_DOMAIN))
		return reference_name(ref);
	return xstrdup(official && !strchr(official, '/') ? official : ref->path);
}

static char *with_rest(char *name, const struct reference *ref)
{
	char *s = xasprintf("%s%s%s%s%s", name, ref->tag ? ":" : "", str_or(ref->tag),
			    ref->digest ? "@" : "", str_or(ref->digest));

	free(name);
	return s;
}

char *reference_full(const struct reference *ref)
{
	return with_rest(reference_name(ref), ref);
}

char *reference_familiar(const struct reference *ref)
{
	return with_rest(reference_familiar_name(ref), ref);
}

bool reference_match(const struct reference *ref, const char *pattern)
{
	AUTO(free) char *whole = reference_familiar(ref);
	AUTO(free) char *name = reference_familiar_name(ref);

	return fnmatch(pattern, whole, FNM_PATHNAME) == 0 ||
	       fnmatch(pattern, name, FNM_PATHNAME) == 0;
}
