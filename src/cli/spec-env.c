/*
 * spec-env.c - environment variables and labels, and files of them
 *
 * (1) A file is lines of KEY=VALUE; blank lines and lines starting with '#' do not count;
 *     white space before a key is dropped, inside it is an error; values are kept as they are.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>

#include "base/fs.h"
#include "cli/spec.h"

extern char **environ;

int check_env(const char *s, struct err *err)
{
	if (*s && *s != '=')
		return 0;
	return err_set(err, ERR_INVALID, "invalid environment variable: %s", s);
}

int check_label(const char *s, struct err *err)
{
	if (*s && *s != '=')
		return 0;
	return err_set(err, ERR_INVALID, *s ? "invalid label '%s': empty name" : "invalid label "
					      "'%s': empty name", s);
}

char *spec_env(const char *s)
{
	const char *v = strchr(s, '=') ? NULL : getenv(s);

	return v ? xasprintf("%s=%s", s, v) : xstrdup(s);
}

static bool valid_utf8(const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		unsigned char c = (unsigned char)s[i];
		size_t more = c < 0x80 ? 0 : c >= 0xc2 && c < 0xe0 ? 1 : c >= 0xe0 && c < 0xf0 ? 2
			    : c >= 0xf0 && c < 0xf5 ? 3 : n;

		if (i + more >= n)
			return false;
		for (size_t k = 1; k <= more; k++)
			if (((unsigned char)s[i + k] & 0xc0) != 0x80)
				return false;
		i += more + 1;
	}
	return true;
}

static int one_line(const char *line, size_t n, bool with_env, const char *where, size_t number,
		    struct strv *ret, struct err *err)
{
	const char *eq = memchr(line, '=', n);
	size_t key = eq ? (size_t)(eq - line) : n;
	AUTO(free) char *name = NULL;
	const char *v;

	if (n == 0 || *line == '#')
		return 0;
	if (key == 0)
		return err_set(err, ERR_INVALID,
			       "invalid env file (%s): no variable name on line '%.*s'", where,
			       (int)MIN(n, 200), line);
	for (size_t i = 0; i < key; i++)
		if (isspace((unsigned char)line[i]))
			return err_set(err, ERR_INVALID,
				       "invalid env file (%s): variable '%.*s' contains whitespaces",
				       where, (int)MIN(key, 200), line);
	if (eq) {
		strv_take(ret, xstrndup(line, n));
		return 0;
	}
	name = xstrndup(line, n);
	if (!with_env) {
		strv_add(ret, name);
	} else if ((v = getenv(name))) {
		strv_addf(ret, "%s=%s", name, v);
	}
	return 0;
}

int spec_kv_text(const char *text, size_t n, bool with_env, const char *where, struct strv *ret,
		 struct err *err)
{
	size_t number = 0;

	if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) {
		text += 3;
		n -= 3;
	}
	while (n) {
		const char *end = memchr(text, '\n', n);
		size_t len = end ? (size_t)(end - text) : n, skip = 0;

		number++;
		if (memchr(text, 0, len) || !valid_utf8(text, len))
			return err_set(err, ERR_INVALID,
				       "invalid env file (%s): invalid utf8 bytes at line %zu",
				       where, number);
		while (skip < len && isspace((unsigned char)text[skip]))
			skip++;
		if (one_line(text + skip,
			     len - skip - (len > skip && text[len - 1] == '\r'), with_env,
			     where, number, ret, err) < 0)
			return -1;
		n -= len + (end != NULL);
		text += len + (end != NULL);
	}
	return 0;
}

int spec_kv_file(const char *path, bool with_env, struct strv *ret, struct err *err)
{
	AUTO(buf) struct buf text = {0};
	int r = fs_read_file(AT_FDCWD, path, SPEC_MAX_FILE, &text);

	if (r == -ENOENT)
		return err_set(err, ERR_INVALID, "open %s: no such file or directory", path);
	if (r == -EFBIG)
		return err_set(err, ERR_INVALID, "open %s: file too large", path);
	if (r < 0) {
		err_sys(err, -r, "open %s", path);
		return -1;
	}
	return spec_kv_text(str_or(text.p), text.len, with_env, path, ret, err);
}
