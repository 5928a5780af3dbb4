/* fuzz-changes.c - Dockerfile lines against a config; what comes out is applied once more */
#include "transfer/transfer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	AUTO(free) char *out = NULL;
	AUTO(free) char *again = NULL;
	AUTO(strv) struct strv lines = {0};
	struct err err = ERR_INIT;

	strv_split(&lines, text, '\n');
	if (transfer_apply_changes("{\"Env\":[\"PATH=/bin\",\"A=b\"],\"Cmd\":[\"x\"]}", &lines, &out,
				   &err) < 0)
		return 0;
	if (transfer_apply_changes(out, NULL, &again, &err) < 0 || !streq(out, again))
		abort();
	return 0;
}
