/* fuzz-reference.c - a name that parses must print to one that parses to the same */
#include "codec/reference.h"

#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *s = xstrndup((const char *)data, size);
	AUTO(reference) struct reference ref = {0}, again = {0};
	AUTO(free) char *full = NULL;
	AUTO(free) char *second = NULL;
	struct err err = ERR_INIT;

	if (reference_parse(s, &ref, &err) < 0)
		return 0;
	reference_default_tag(&ref);
	full = reference_full(&ref);
	if (reference_parse(full, &again, &err) < 0)
		abort();
	second = reference_full(&again);
	if (!streq(full, second))
		abort();
	ignore_result(reference_match(&ref, s)); /* only that it ends */
	return 0;
}
