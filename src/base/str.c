/*
 * str.c - growing byte strings, string vectors, numbers, random names
 */
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <sys/random.h>

void buf_done(struct buf *b)
{
	free(b->p);
	*b = (struct buf){0};
}

void buf_reserve(struct buf *b, size_t more)
{
	size_t want = b->len + more + 1, cap = b->cap ? b->cap : 64;

	CHECK(want > more);
	if (want <= b->cap)
		return;
	while (cap < want)
		cap += cap / 2 + 32;
	b->p = xrealloc(b->p, cap);
	b->cap = cap;
}

void buf_add(struct buf *b, const void *data, size_t n)
{
	buf_reserve(b, n);
	if (n)
		memcpy(b->p + b->len, data, n);
	b->len += n;
	b->p[b->len] = 0;
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap, ap2;
	int n;

	va_start(ap, fmt);
	va_copy(ap2, ap);
	n = vsnprintf(NULL, 0, fmt, ap2);
	va_end(ap2);
	CHECK(n >= 0);
	buf_reserve(b, (size_t)n);
	vsnprintf(b->p + b->len, (size_t)n + 1, fmt, ap);
	va_end(ap);
	b->len += (size_t)n;
}

void buf_consume(struct buf *b, size_t n)
{
	CHECK(n <= b->len);
	if (!n)
		return;
	memmove(b->p, b->p + n, b->len - n);
	b->len -= n;
	b->p[b->len] = 0;
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->p)
		b->p[0] = 0;
}

char *buf_take(struct buf *b)
{
	char *s;

	buf_reserve(b, 0);
	b->p[b->len] = 0;
	s = b->p;
	*b = (struct buf){0};
	return s;
}

void strv_done(struct strv *sv)
{
	for (size_t i = 0; i < sv->n; i++)
		free(sv->v[i]);
	free(sv->v);
	*sv = (struct strv){0};
}

void strv_take(struct strv *sv, char *s)
{
	if (sv->n + 2 > sv->cap) {
		sv->cap = sv->cap ? sv->cap * 2 : 8;
		sv->v = xrealloc(sv->v, sv->cap * sizeof(*sv->v));
	}
	sv->v[sv->n++] = s;
	sv->v[sv->n] = NULL;
}

void strv_add(struct strv *sv, const char *s)
{
	strv_take(sv, xstrdup(s));
}

void strv_addf(struct strv *sv, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	strv_take(sv, xvasprintf(fmt, ap));
	va_end(ap);
}

void strv_copy(struct strv *dst, const struct strv *src)
{
	struct strv copy = {0};

	for (size_t i = 0; i < src->n; i++)
		strv_add(&copy, src->v[i]);
	strv_done(dst);
	*dst = copy;
}

void strv_remove(struct strv *sv, size_t i)
{
	CHECK(i < sv->n);
	free(sv->v[i]);
	memmove(sv->v + i, sv->v + i + 1, (sv->n - i) * sizeof(*sv->v));
	sv->n--;
}

bool strv_has(const struct strv *sv, const char *s)
{
	for (size_t i = 0; i < sv->n; i++)
		if (strcmp(sv->v[i], s) == 0)
			return true;
	return false;
}

bool strv_equal(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

char *strv_join(const struct strv *sv, const char *sep)
{
	struct buf b = {0};

	for (size_t i = 0; i < sv->n; i++) {
		if (i)
			buf_adds(&b, sep);
		buf_adds(&b, sv->v[i]);
	}
	return buf_take(&b);
}

void strv_split(struct strv *dst, const char *s, char sep)
{
	const char *end;

	for (; (end = strchr(s, sep)); s = end + 1)
		strv_take(dst, xstrndup(s, (size_t)(end - s)));
	strv_add(dst, s);
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *sv)
{
	if (sv->n)
		qsort(sv->v, sv->n, sizeof(*sv->v), compare_strings);
}

static ssize_t env_find(const struct strv *env, const char *key, size_t n)
{
	for (size_t i = 0; i < env->n; i++)
		if (strncmp(env->v[i], key, n) == 0 && env->v[i][n] == '=')
			return (ssize_t)i;
	return -1;
}

const char *env_get(const struct strv *env, const char *key)
{
	ssize_t i = env_find(env, key, strlen(key));

	return i < 0 ? NULL : env->v[i] + strlen(key) + 1;
}

void env_set(struct strv *env, const char *key, const char *value)
{
	ssize_t i = env_find(env, key, strlen(key));
	char *s = xasprintf("%s=%s", key, value);

	if (i < 0) {
		strv_take(env, s);
	} else {
		free(env->v[i]);
		env->v[i] = s;
	}
}

void env_put(struct strv *env, const char *assignment)
{
	const char *eq = strchr(assignment, '=');
	ssize_t i = env_find(env, assignment, eq ? (size_t)(eq - assignment) : strlen(assignment));

	if (!eq) {
		if (i >= 0)
			strv_remove(env, (size_t)i);
	} else if (i < 0) {
		strv_add(env, assignment);
	} else {
		free(env->v[i]);
		env->v[i] = xstrdup(assignment);
	}
}

int str_to_i64(const char *s, int base, int64_t *ret)
{
	char *end;
	long long v;

	if (!*s || isspace((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtoll(s, &end, base);
	if (errno)
		return -errno;
	if (*end || end == s)
		return -EINVAL;
	*ret = v;
	return 0;
}

int str_to_u64(const char *s, int base, uint64_t *ret)
{
	char *end;
	unsigned long long v;

	if (!isxdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtoull(s, &end, base);
	if (errno)
		return -errno;
	if (*end || end == s)
		return -EINVAL;
	*ret = v;
	return 0;
}

int str_to_double(const char *s, double *ret)
{
	char *end;
	double v;

	if (!*s || isspace((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	v = strtod(s, &end);
	if (errno)
		return -errno;
	if (*end || end == s || !isfinite(v))
		return -EINVAL;
	*ret = v;
	return 0;
}

void hex_encode(char *ret, const void *data, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = data;

	for (size_t i = 0; i < n; i++) {
		ret[2 * i] = digits[p[i] >> 4];
		ret[2 * i + 1] = digits[p[i] & 15];
	}
	ret[2 * n] = 0;
}

void random_hex(char *ret, size_t n)
{
	unsigned char raw[64];

	CHECK(n % 2 == 0 && n / 2 <= sizeof(raw));
	CHECK(getrandom(raw, n / 2, 0) == (ssize_t)(n / 2));
	hex_encode(ret, raw, n / 2);
}

bool is_hex(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return s[n] == 0;
}

void str_lower(char *s)
{
	for (; *s; s++)
		if (*s >= 'A' && *s <= 'Z')
			*s = (char)(*s + 32);
}

int signal_from_name(const char *s)
{
	const char *name = strncasecmp(s, "SIG", 3) == 0 ? s + 3 : s;
	int64_t n;

	if (str_to_i64(s, 10, &n) == 0)
		return n > 0 && n < NSIG ? (int)n : -EINVAL;
	for (int i = 1; i < NSIG; i++)
		if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), name) == 0)
			return i;
	if (strcasecmp(name, "IOT") == 0)
		return SIGABRT;
	if (strcasecmp(name, "CLD") == 0)
		return SIGCHLD;
	if (strcasecmp(name, "RTMIN") == 0)
		return 34; /* as the C library counts it; Go's table too */
	if (strcasecmp(name, "RTMAX") == 0)
		return 64;
	if (strncasecmp(name, "RTMIN+", 6) == 0 && str_to_i64(name + 6, 10, &n) == 0 && n >= 0 &&
	    n <= 30)
		return 34 + (int)n;
	if (strncasecmp(name, "RTMAX-", 6) == 0 && str_to_i64(name + 6, 10, &n) == 0 && n >= 0 &&
	    n <= 30)
		return 64 - (int)n;
	return -EINVAL;
}

const char *signal_name(int sig)
{
	return sigabbrev_np(sig);
}
