#include "base/tap.h"
#include "runtime/user.h"

static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\n"
			     "# comment\n:x:7:7::/nobody:\nbad:x:notanumber:1::/:\n"
			     "alice:x:1000:1001::/home/alice:/bin/sh\n"
			     "1234:x:50:50::/home/odd:/bin/sh\n"
			     "nonewline:x:77:78::/home/n:/bin/sh";
static const char group[] = "root:x:0:\nwheel:x:10:root,alice\nstaff:x:50:alice\nusers:x:100:\n"
			    "1001:x:60:al,alice,bob\n";

struct sample {
	const char *spec;
	uint32_t uid, gid;
	size_t ngids;
	const char *home, *error;
};

static const struct sample samples[] = {
	{"", 0, 0, 1, "/root", NULL},
	{"root", 0, 0, 1, "/root", NULL},
	{"0", 0, 0, 1, "/root", NULL},
	{"alice", 1000, 1001, 3, "/home/alice", NULL},
	{"1000", 1000, 1001, 3, "/home/alice", NULL},
	{"alice:staff", 1000, 50, 0, "/home/alice", NULL},
	{"alice:0", 1000, 0, 0, "/home/alice", NULL},
	{"alice:", 1000, 1001, 3, "/home/alice", NULL},
	{":staff", 0, 50, 0, "/root", NULL},
	{"4242", 4242, 0, 0, "", NULL},
	{"4242:4343", 4242, 4343, 0, "", NULL},
	{"1234", 1234, 0, 0, "", NULL}, /* a number is a uid, whatever entries are called */
	{"nonewline", 77, 78, 0, "/home/n", NULL},
	{"nobody", 0, 0, 0, "", "unable to find user nobody: no matching entries in passwd file"},
	{"alice:nogroup", 0, 0, 0, "",
	 "unable to find group nogroup: no matching entries in group file"},
	{"2147483648", 0, 0, 0, "", "uids and gids must be in range 0-2147483647"},
	{"-1", 0, 0, 0, "", "uids and gids must be in range 0-2147483647"},
	{"99999999999999999999", 0, 0, 0, "", "uids and gids must be in range 0-2147483647"},
	{"bad", 0, 0, 0, "", "unable to find user bad: no matching entries in passwd file"},
};

static void test_samples(void)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const struct sample *s = &samples[i];
		struct err err = ERR_INIT;
		struct user u;
		int r = runtime_user_resolve(s->spec, passwd, group, &u, &err);

		if (s->error) {
			ok_eq(r, -1);
			ok_str(err.msg, s->error);
			continue;
		}
		ok_eq(r, 0);
		ok_eq(u.uid, s->uid);
		ok_eq(u.gid, s->gid);
		ok_eq(u.ngids, s->ngids);
		ok_str(u.home, s->home);
	}
}

static void test_no_files(void)
{
	struct err err = ERR_INIT;
	struct user u;
	uint32_t gid;

	ok_eq(runtime_user_resolve("", NULL, NULL, &u, &err), 0);
	ok_eq(u.uid, 0);
	ok_eq(runtime_user_resolve("1000", NULL, NULL, &u, &err), 0);
	ok_eq(runtime_user_resolve("root", NULL, NULL, &u, &err), -1);
	ok_eq(runtime_user_group("12", NULL, &gid, &err), 0);
	ok_eq(gid, 12);
	ok_eq(runtime_user_group("wheel", group, &gid, &err), 0);
	ok_eq(gid, 10);
	ok_eq(runtime_user_group("nope", group, &gid, &err), -1);
	ok_str(err.msg, "unable to find group nope");
}

int main(void)
{
	test_run(test_samples);
	test_run(test_no_files);
	return test_done();
}
