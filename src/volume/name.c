/*
 * name.c - what a volume may be called
 *
 * (1) A name that passes is one path component: never empty, ".", "..", hidden or with a slash.
 */
#include "volume/volume.h"

#define NAME_LEN_MAX 255

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int volume_check_name(const char *name, struct err *err)
{
	size_t n = strlen(name);

	if (n == 1)
		return err_set(err, ERR_INVALID,
			       "create %s: volume name is too short, names should be at least two "
			       "alphanumeric characters",
			       name);
	for (size_t i = 0; i < n; i++)
		if (!is_alnum(name[i]) && (i == 0 || !strchr("_.-", name[i])))
			return err_set(err, ERR_INVALID,
				       "create %.255s: \"%.255s\" includes invalid characters for a local "
				       "volume name, only \"[a-zA-Z0-9][a-zA-Z0-9_.-]\" are allowed. If you "
				       "intended to pass a host directory, use absolute path",
				       name, name);
	if (n == 0 || n > NAME_LEN_MAX)
		return err_set(err, ERR_INVALID, "create: a volume name has 2 to %d characters",
			       NAME_LEN_MAX);
	return 0;
}
