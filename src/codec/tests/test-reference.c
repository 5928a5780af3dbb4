/* test-reference.c - what docker's client and daemon make of image names */
#include "base/tap.h"

#include "codec/reference.h"
#include "base/mem.h"

#define HEX "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
	const char *in, *full, *familiar;
} good[] = {
	{"nginx", "docker.io/library/nginx:latest", "nginx:latest"},
	{"nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"},
	{"docker.io/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
	{"index.docker.io/a/b", "docker.io/a/b:latest", "a/b:latest"},
	{"library/nginx", "docker.io/library/nginx:latest", "nginx:latest"},
	{"a/b", "docker.io/a/b:latest", "a/b:latest"},
	{"library/a/b", "docker.io/library/a/b:latest", "library/a/b:latest"},
	{"localhost/x", "localhost/x:latest", "localhost/x:latest"},
	{"localhost:5000/x:T_a.g-1", "localhost:5000/x:T_a.g-1", "localhost:5000/x:T_a.g-1"},
	{"[::1]:5000/x", "[::1]:5000/x:latest", "[::1]:5000/x:latest"},
	{"Foo/bar", "Foo/bar:latest", "Foo/bar:latest"},
	{"a__b/c--d.e_f", "docker.io/a__b/c--d.e_f:latest", "a__b/c--d.e_f:latest"},
	{"nginx@sha256:" HEX, "docker.io/library/nginx@sha256:" HEX, "nginx@sha256:" HEX},
	{"nginx:1@sha256:" HEX, "docker.io/library/nginx:1@sha256:" HEX, "nginx:1@sha256:" HEX},
	{"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com/myimage:xn--n3h.com",
	 "xn--n3h.com/myimage:xn--n3h.com"},
};

static const struct {
	const char *in, *message;
} bad[] = {
	{"", "invalid reference format"},
	{":x", "invalid reference format"},
	{"a:", "invalid reference format"},
	{"a:-x", "invalid reference format"},
	{"-a", "invalid reference format"},
	{"a..b", "invalid reference format"},
	{"a___b", "invalid reference format"},
	{"a//b", "invalid reference format"},
	{"a/", "invalid reference format"},
	{"a b", "invalid reference format"},
	{"https://x/y", "invalid reference format"},
	{"Foo", "invalid reference format: repository name (library/Foo) must be lowercase"},
	{"a/Foo:Bar", "invalid reference format: repository name (a/Foo) must be lowercase"},
	{"a@sha256:abc", "invalid reference format"},
	{"a@sha256:" HEX "aa", "invalid checksum digest length"},
	{"a@md7:" HEX, "unsupported digest algorithm"},
	{HEX, "invalid reference format: repository name (" HEX ") cannot be 64-byte "
	      "hexadecimal strings"},
};

static void test_good(void) /* (1) */
{
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO(reference) struct reference ref = {0}, again = {0};
		AUTO(free) char *full = NULL;
		AUTO(free) char *familiar = NULL;
		AUTO(free) char *second = NULL;
		struct err err = ERR_INIT;

		ok_eq(reference_parse(good[i].in, &ref, &err), 0);
		if (!ref.path) {
			printf("# %s: %s\n", good[i].in, err.msg);
			continue;
		}
		reference_default_tag(&ref);
		full = reference_full(&ref);
		familiar = reference_familiar(&ref);
		ok_str(full, good[i].full);
		ok_str(familiar, good[i].familiar);
		ok_eq(reference_parse(full, &again, &err), 0);
		second = reference_full(&again);
		ok_str(second, full);
	}
}

static void test_bad(void)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct reference ref = {0};
		struct err err = ERR_INIT;

		ok_eq(reference_parse(bad[i].in, &ref, &err), -1);
		ok_eq(err.kind, ERR_INVALID);
		ok_str(err.msg, bad[i].message);
	}
}

static void test_match(void)
{
	AUTO(reference) struct reference ref = {0};
	struct err err = ERR_INIT;

	ok_eq(reference_parse("me/app:v1", &ref, &err), 0);
	ok(reference_match(&ref, "me/app"));
	ok(reference_match(&ref, "me/app:v1"));
	ok(reference_match(&ref, "me/*"));
	ok(reference_match(&ref, "*/*:v?"));
	ok(!reference_match(&ref, "app"));
	ok(!reference_match(&ref, "*"));
	ok(!reference_match(&ref, "me/app:v2"));
}

int main(void)
{
	test_run(test_good);
	test_run(test_bad);
	test_run(test_match);
	return test_done();
}
