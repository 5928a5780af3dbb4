#include <stdint.h>

#include "codec/filters.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *s = xstrndup((const char *)data, size);
	AUTO(filters) struct filters f = {0};
	bool b;

	if (filters_parse(s, &f, NULL) < 0)
		return 0;
	map_for_each(it, &f.m) {
		filters_match(&f, it->key, "/name");
		filters_labels(&f, it->key, NULL);
		ignore_result(filters_bool(&f, it->key, false, &b, NULL));
	}
	return 0;
}
