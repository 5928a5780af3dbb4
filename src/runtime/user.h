/*
 * user.h - who a container's process is: docker's user string against passwd and group files
 */
#pragma once

#include "base/str.h"

#define USER_FILE_MAX	(4u << 20) /* of a passwd or group file */
#define USER_GROUPS_MAX 1024

struct user {
	uint32_t uid, gid;
	uint32_t gids[USER_GROUPS_MAX]; /* supplementary, from the group file */
	size_t ngids;
	char home[256]; /* "" if no entry was found */
};

/*
 * spec is "", "name", "uid", "name:group", "uid:gid" and so on; passwd and group are the files'
 * text (NULL: absent). ERR_INVALID with docker's texts.
 */
int runtime_user_resolve(const char *spec, const char *passwd, const char *group, struct user *ret,
			 struct err *err) MUST_USE;

/* One group of --group-add: a name in the file or a number. */
int runtime_user_group(const char *spec, const char *group, uint32_t *ret,
		       struct err *err) MUST_USE;

/* The home directory of uid in passwd; false: no entry. */
bool runtime_user_home(uint32_t uid, const char *passwd, char *ret, size_t size);
