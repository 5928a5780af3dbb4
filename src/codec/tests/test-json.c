#include "codec/json.h"

#include "base/tap.h"

struct inner {
	int64_t n;
	struct strv cmd;
};

static const struct jfield inner_fields[] = {
	JF(struct inner, n, "N", J_INT, 0),
	JF(struct inner, cmd, "Cmd", J_STRV, J_SCALAR_OK | J_NULL),
};
static const struct jtype inner_type = JTYPE(struct inner, inner_fields);

struct outer {
	bool on;
	char *name;
	struct map labels, nets;
	struct inner in;
	struct inner *opt;
	struct jarray list;
	struct opt_int swap;
	struct strv ports;
	json_t *raw;
	uint64_t u;
};

static const struct jfield outer_fields[] = {
	JF(struct outer, on, "On", J_BOOL, 0),
	JF(struct outer, name, "Name", J_STR, 0),
	JF(struct outer, labels, "Labels", J_STRMAP, 0),
	JFT(struct outer, nets, "Nets", J_MAP, J_OMITEMPTY, &inner_type),
	JFT(struct outer, in, "In", J_OBJ, 0, &inner_type),
	JFT(struct outer, opt, "Opt", J_PTR, 0, &inner_type),
	JFT(struct outer, list, "List", J_ARR, J_OMITEMPTY, &inner_type),
	JF(struct outer, swap, "Swap", J_OPT_INT, 0),
	JF(struct outer, ports, "Ports", J_SET, J_OMITEMPTY),
	JF(struct outer, raw, "Raw", J_RAW, J_OMITEMPTY),
	JF(struct outer, u, "U", J_UINT, J_OMITEMPTY),
};
static const struct jtype outer_type = JTYPE(struct outer, outer_fields);

static void check_round(const char *in, const char *want)
{
	struct outer o = {0}, copy = {0};
	struct err err = ERR_INIT;
	json_t *j = json_parse(in, strlen(in), &err), *out;
	AUTO(free) char *text = NULL;

	ok(j != NULL);
	ok_eq(json_bind(&outer_type, j, &o, &err), 0);
	json_bind_copy(&outer_type, &copy, &o);
	out = json_print(&outer_type, &copy);
	text = json_text(out, 0);
	ok_str(text, want);
	json_decref(j);
	json_decref(out);
	json_unbind(&outer_type, &o);
	json_unbind(&outer_type, &copy);
}

static void test_round_trip(void)
{
	check_round("{}", "{\"On\":false,\"Name\":\"\",\"Labels\":{},\"In\":{\"N\":0,\"Cmd\":null},"
			  "\"Opt\":null,\"Swap\":null}");
	check_round("{\"on\":true,\"NAME\":\"x\",\"labels\":{\"b\":\"2\",\"a\":\"1\"},"
		    "\"nets\":{\"n\":{\"N\":9007199254740993},\"z\":null},\"In\":{\"Cmd\":\"sh\"},"
		    "\"Opt\":{\"N\":-1},\"List\":[{\"N\":1},{\"Cmd\":[\"a\",\"b\"]}],\"Swap\":-1,"
		    "\"Ports\":{\"80/tcp\":{}},\"Raw\":[1,{}],\"Unknown\":{}}",
		    "{\"On\":true,\"Name\":\"x\",\"Labels\":{\"b\":\"2\",\"a\":\"1\"},"
		    "\"Nets\":{\"n\":{\"N\":9007199254740993,\"Cmd\":null},\"z\":null},"
		    "\"In\":{\"N\":0,\"Cmd\":[\"sh\"]},\"Opt\":{\"N\":-1,\"Cmd\":null},"
		    "\"List\":[{\"N\":1,\"Cmd\":null},{\"N\":0,\"Cmd\":[\"a\",\"b\"]}],\"Swap\":-1,"
		    "\"Ports\":{\"80/tcp\":{}},\"Raw\":[1,{}]}");
	check_round("{\"Name\":\"a\xff\xed\xa0\x80z\"}",
		    "{\"On\":false,\"Name\":\"a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz\","
		    "\"Labels\":{},\"In\":{\"N\":0,\"Cmd\":null},\"Opt\":null,\"Swap\":null}");
}

static void check_error(const char *in, const char *want)
{
	struct outer o = {0};
	struct err err = ERR_INIT;
	json_t *j = json_parse(in, strlen(in), &err);

	ok(j != NULL);
	ok_eq(json_bind(&outer_type, j, &o, &err), -1);
	ok_str(err.msg, want);
	json_decref(j);
	json_unbind(&outer_type, &o);
}

static void test_errors(void)
{
	check_error("{\"On\":1}", "invalid value for On: expected a boolean, got a number");
	check_error("{\"In\":{\"N\":\"x\"}}", "In: invalid value for N: expected an integer, got a string");
	check_error("{\"In\":{\"N\":1.5}}", "In: invalid value for N: expected an integer, got a number");
	check_error("{\"List\":[{\"N\":1},{\"N\":[]}]}",
		    "List: [1]: invalid value for N: expected an integer, got an array");
	check_error("{\"Labels\":{\"a\":1}}", "invalid value for Labels: expected an object of strings, got a number");
	check_error("{\"U\":-1}", "invalid value for U: expected a number that is not negative");
	check_error("[]", "expected an object, got an array");
}

int main(void)
{
	test_run(test_round_trip);
	test_run(test_errors);
	return test_done();
}
