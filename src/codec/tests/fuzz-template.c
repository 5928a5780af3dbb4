/*
 * fuzz-template.c - a template, a line with a single dot, and the JSON it runs over
 */
#include <stdint.h>

#include "codec/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(free) char *text = xstrndup((const char *)data, size);
	char *split = strstr(text, "\n.\n");
	json_t *json = NULL;
	struct tmpl *t = NULL;
	struct err err = ERR_INIT;

	if (split) {
		*split = '\0';
		json = json_loads(split + 3, JSON_DECODE_ANY, NULL);
	}
	if (tmpl_parse(text, &t, &err) == 0) {
		for (unsigned flags = 0; flags < 4; flags += 3) {
			AUTO(buf) struct buf out = {0};

			ignore_result(
				tmpl_exec(t, json ? json : json_null(), NULL, flags, &out, &err));
		}
		ignore_result(tmpl_mentions(t, "Size"));
	}
	tmpl_free(t);
	json_decref(json);
	return 0;
}
