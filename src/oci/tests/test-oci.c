#include "base/tap.h"
#include "oci/oci.h"

static const char document[] =
	"{\"ociVersion\":\"1.0.2\",\"process\":{\"terminal\":true,\"consoleSize\":{\"height\":24,"
	"\"width\":80},"
	"\"user\":{\"uid\":1000,\"gid\":1001,\"umask\":18,\"additionalGids\":[5,6]},\"args\":["
	"\"sh\",\"-c\",\"x\"],"
	"\"env\":[\"A=b\"],\"cwd\":\"/w\",\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"]},"
	"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":18446744073709551615,\"soft\":7}],"
	"\"noNewPrivileges\":true,\"oomScoreAdj\":-5},\"root\":{\"path\":\"r\",\"readonly\":true},"
	"\"hostname\":\"h\","
	"\"mounts\":[{\"destination\":\"/"
	"proc\",\"type\":\"proc\",\"source\":\"proc\",\"options\":[\"nosuid\"]}],"
	"\"hooks\":{\"poststop\":[{\"path\":\"/bin/"
	"true\",\"timeout\":3}]},\"annotations\":{\"a\":\"b\"},"
	"\"linux\":{\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\",\"path\":\"/n\"}],"
	"\"resources\":{\"memory\":{\"limit\":1048576,\"swap\":-1},\"cpu\":{\"shares\":0,\"cpus\":"
	"\"0-1\"},"
	"\"devices\":[{\"allow\":false,\"access\":\"rwm\"},{\"allow\":true,\"type\":\"c\","
	"\"major\":1,\"minor\":0}],"
	"\"unified\":{\"memory.high\":\"5\"}},\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ERRNO\","
	"\"defaultErrnoRet\":1,"
	"\"syscalls\":[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"args\":[{\"index\":0,"
	"\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]},"
	"\"sysctl\":{\"net.x\":\"1\"},\"maskedPaths\":[\"/m\"]}}";

static void check(const struct oci_spec *s)
{
	const struct oci_namespace *ns = s->linux_->namespaces.v;
	const struct oci_device_rule *rule = s->linux_->resources->devices.v;
	const struct oci_rlimit *rl = s->process->rlimits.v;
	const struct oci_hook *hook = s->hooks->poststop.v;

	ok(s->process->terminal && s->process->console_size->width == 80);
	ok_eq(s->process->user.uid, 1000);
	ok_eq(s->process->user.umask.v, 18);
	ok_eq(json_array_size(s->process->user.additional_gids), 2);
	ok_str(s->process->args.v[2], "x");
	ok_str(s->process->capabilities->bounding.v[0], "CAP_CHOWN");
	ok_eq(rl->soft, 7);
	ok_eq(s->process->oom_score_adj.v, -5);
	ok(s->root->readonly);
	ok_eq(hook->timeout.v, 3);
	ok_eq(s->linux_->namespaces.n, 2);
	ok(!ns[0].path);
	ok_str(ns[1].path, "/n");
	ok_eq(s->linux_->resources->memory->swap.v, -1);
	ok(s->linux_->resources->cpu->shares.set);
	ok(!rule[0].type && !rule[0].major.set && rule[1].minor.set && rule[1].allow);
	ok_str(map_get(&s->linux_->resources->unified, "memory.high"), "5");
	ok_str(map_get(&s->annotations, "a"), "b");
	ok_eq(s->linux_->seccomp->syscalls.n, 1);
}

/* oci.c (1): what is parsed is printed, and what is printed parses to the same */
static void test_round(void)
{
	struct err err = ERR_INIT;
	struct oci_spec a, b;
	char *text, *again;

	ok_eq(oci_spec_parse(document, strlen(document), &a, &err), 0);
	check(&a);
	text = oci_spec_text(&a);
	ok_eq(oci_spec_parse(text, strlen(text), &b, &err), 0);
	check(&b);
	again = oci_spec_text(&b);
	ok_str(again, text);
	free(text);
	free(again);
	oci_spec_done(&a);
	oci_spec_done(&b);
}

static void test_errors(void)
{
	static const char *const bad[] = {"",
					  "[]",
					  "{\"process\":3}",
					  "{\"process\":{\"args\":\"sh\"}}",
					  "{\"linux\":{\"namespaces\":{}}}",
					  "{\"process\":{\"user\":{\"uid\":\"x\"}}}",
					  "{\"process\":{\"rlimits\":[{\"hard\":-1}]}}"};
	struct oci_spec s;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;

		ok_eq(oci_spec_parse(bad[i], strlen(bad[i]), &s, &err), -1);
		ok(err.msg[0]);
	}
}

/* What docker and podman write for "unlimited". */
static void test_unlimited(void)
{
	static const char text[] = "{\"process\":{\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"hard\":"
				   "18446744073709551615,"
				   "\"soft\":18446744073709551615}]}}";
	struct err err = ERR_INIT;
	struct oci_spec s;

	if (oci_spec_parse(text, strlen(text), &s, &err) < 0) {
		ok(!"parsed");
		printf("# %s\n", err.msg);
		return;
	}
	ok(((struct oci_rlimit *)s.process->rlimits.v)->hard == INT64_MAX);
	oci_spec_done(&s);
}

int main(void)
{
	test_run(test_round);
	test_run(test_errors);
	test_run(test_unlimited);
	return test_done();
}
