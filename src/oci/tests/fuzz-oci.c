/* fuzz-oci.c - a document that parses can be printed, and compiled or refused */
#include "oci/oci.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct oci_spec spec;

	if (size > 65536 || oci_spec_parse((const char *)data, size, &spec, &err) < 0)
		return 0;
	free(oci_spec_text(&spec));
	oci_spec_done(&spec);
	return 0;
}
