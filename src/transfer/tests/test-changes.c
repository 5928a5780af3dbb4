/* test-changes.c - Dockerfile lines against a config, results as docker gives them */
#include "base/tap.h"

#include "codec/json.h"
#include "transfer/transfer.h"

static const char base[] = "{\"Env\":[\"A=b\"],\"Cmd\":[\"old\"]}";

static const struct {
	const char *line, *result, *message;
} cases[] = {
	{"CMD [\"x\", \"y\"]", "{\"Env\":[\"A=b\"],\"Cmd\":[\"x\",\"y\"]}", NULL},
	{"cmd echo hi", "{\"Env\":[\"A=b\"],\"Cmd\":[\"/bin/sh\",\"-c\",\"echo hi\"]}", NULL},
	{"ENTRYPOINT [\"e\"]", "{\"Env\":[\"A=b\"],\"Cmd\":null,\"Entrypoint\":[\"e\"]}", NULL},
	{"CMD x\nENTRYPOINT [\"e\"]",
	 "{\"Env\":[\"A=b\"],\"Cmd\":[\"/bin/sh\",\"-c\",\"x\"],\"Entrypoint\":[\"e\"]}", NULL},
	{"ENV A=c D=\"e $A\" F='$A'", "{\"Env\":[\"A=c\",\"D=e c\",\"F=$A\"],\"Cmd\":[\"old\"]}", NULL},
	{"ENV K some value", "{\"Env\":[\"A=b\",\"K=some value\"],\"Cmd\":[\"old\"]}", NULL},
	{"ENV x", NULL, "ENV must have two arguments"},
	{"EXPOSE 80 90-91/UDP", "{\"Env\":[\"A=b\"],\"Cmd\":[\"old\"],\"ExposedPorts\":{\"80/tcp\":{},"
				"\"90/udp\":{},\"91/udp\":{}}}", NULL},
	{"EXPOSE x", NULL, "invalid containerPort: x"},
	{"EXPOSE 80/icmp", NULL, "invalid proto: icmp"},
	{"WORKDIR a\nWORKDIR b/../c", "{\"Env\":[\"A=b\"],\"Cmd\":[\"old\"],\"WorkingDir\":\"/a/c\"}", NULL},
	{"LABEL a=b \"c d\"='e f'", "{\"Env\":[\"A=b\"],\"Cmd\":[\"old\"],\"Labels\":{\"a\":\"b\","
				    "\"c d\":\"e f\"}}", NULL},
	{"VOLUME /a /b", "{\"Env\":[\"A=b\"],\"Cmd\":[\"old\"],\"Volumes\":{\"/a\":{},\"/b\":{}}}", NULL},
	{"STOPSIGNAL nope", NULL, "invalid signal: nope"},
	{"USER a b", NULL, "USER requires exactly one argument"},
	{"ONBUILD FROM x", NULL, "FROM isn't allowed as an ONBUILD trigger"},
	{"HEALTHCHECK --interval=5s --retries=2 CMD foo bar",
	 "{\"Env\":[\"A=b\"],\"Cmd\":[\"old\"],\"Healthcheck\":{\"Interval\":5000000000,\"Retries\":2,"
	 "\"Test\":[\"CMD-SHELL\",\"foo bar\"]}}", NULL},
	{"HEALTHCHECK NONE", "{\"Env\":[\"A=b\"],\"Cmd\":[\"old\"],\"Healthcheck\":{\"Test\":[\"NONE\"]}}",
	 NULL},
	{"HEALTHCHECK foo", NULL, "Unknown type \"foo\" in HEALTHCHECK (try CMD)"},
	{"RUN x", NULL, "run is not a valid change command"},
	{"LABEL a='b", NULL, "LABEL: unterminated quote"},
};

static void test_changes(void)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(strv) struct strv lines = {0};
		AUTO(free) char *out = NULL;
		struct err err = ERR_INIT;
		int r;

		strv_split(&lines, cases[i].line, '\n');
		r = transfer_apply_changes(base, &lines, &out, &err);
		if (cases[i].message) {
			ok_eq(r, -1);
			ok_str(err.msg, cases[i].message);
			continue;
		}
		ok_eq(r, 0);
		ok_str(out, cases[i].result);
	}
}

int main(void)
{
	test_run(test_changes);
	return test_done();
}
