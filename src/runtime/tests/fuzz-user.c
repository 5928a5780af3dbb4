/* fuzz-user.c - the input is "spec NUL passwd NUL group" */
#include "runtime/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)"", 0);
	const char *spec, *passwd, *group, *end;
	struct err err = ERR_INIT;
	char home[64];
	uint32_t gid;
	struct user u;

	if (size > 65536)
		return 0;
	free(text);
	text = xcalloc(1, size + 3);
	memcpy(text, data, size);
	end = text + size;
	spec = text;
	passwd = MIN(spec + strlen(spec) + 1, end);
	group = MIN(passwd + strlen(passwd) + 1, end);
	if (runtime_user_resolve(spec, passwd, group, &u, &err) == 0)
		CHECK(u.ngids <= USER_GROUPS_MAX);
	ignore_result(runtime_user_group(spec, group, &gid, &err) < 0);
	runtime_user_home(1000, passwd, home, sizeof(home));
	return 0;
}
