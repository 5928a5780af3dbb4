/* An answer in pieces of every size, as JSON documents and as frames. */
#include "client/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int nothing(void *ctx, int stream, const char *data, size_t n, struct err *err)
{
	return 0;
}

static void feed(const char *data, size_t size, size_t piece, bool hijack)
{
	struct err err = ERR_INIT;
	struct client_demux d = {0};
	struct http_in in;

	http_in_init(&in, false, hijack);
	for (size_t off = 0; off < size; off += piece)
		if (http_in_feed(&in, data + off, MIN(piece, size - off), &err) < 0)
			break;
	if (!in.done)
		ignore_result(http_in_feed(&in, NULL, 0, &err));
	ignore_result(http_in_keepalive(&in));
	ignore_result(client_demux_feed(&d, str_or(in.body.p), in.body.len, nothing, NULL, &err));
	json_decref(client_parse_json(str_or(in.body.p), in.body.len));
	http_in_done(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	feed((const char *)data, size, size + 1, false);
	feed((const char *)data, size, 1, false);
	feed((const char *)data, size, 7, true);
	return 0;
}
