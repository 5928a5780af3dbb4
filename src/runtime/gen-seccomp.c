/*
 * gen-seccomp.c - run by the build: prints the default filter as a C array
 */
#include "runtime/profile.h"

int main(void)
{
	struct oci_seccomp profile;
	AUTO(buf) struct buf filter = {0};
	struct err err = ERR_INIT;
	uint32_t flags;
	const uint64_t *word;

	runtime_seccomp_default(SECCOMP_DEFAULT_CAPS, &profile);
	if (runtime_seccomp_compile(&profile, &filter, &flags, &err) < 0) {
		fprintf(stderr, "gen-seccomp: %s\n", err.msg);
		return 1;
	}
	json_unbind(&oci_seccomp_type, &profile);
	word = (const uint64_t *)(const void *)filter.p;
	printf("#include \"runtime/profile.h\"\nconst uint64_t runtime_seccomp_default_filter[] = "
	       "{\n");
	for (size_t i = 0; i < filter.len / 8; i++)
		printf("\t0x%016llx,\n", (unsigned long long)word[i]);
	printf("};\nconst size_t runtime_seccomp_default_filter_n = %zu;\n", filter.len / 8);
	return 0;
}
