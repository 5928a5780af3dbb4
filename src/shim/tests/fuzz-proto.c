/*
 * fuzz-proto.c - messages of a hostile peer, on both sides, and records on disk
 *
 * The first byte says how many descriptors came along and which side reads.
 */
#include "base/mem.h"
#include "shim/proto.h"
#include "shim/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const char *s)
{
	static volatile size_t sink;

	sink += strlen(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct init_view v;
	struct shim_record rec;
	size_t nfds;
	void *msg;

	if (size < 1 || size > PROTO_MAX)
		return 0;
	nfds = data[0] & 15;
	msg = xmemdup(data + 1, size - 1); /* its exact size: reads past it are seen */
	if (proto_check_request(msg, size - 1, nfds, &err) == 0) {
		const struct msg_request *m = msg;

		use(m->exec);
		use(m->name);
		CHECK(m->data_len + sizeof(*m) == size - 1);
	}
	if (proto_parse_init(msg, size - 1, nfds, &v, &err) == 0) {
		for (int i = 0; i < INIT_STRINGS; i++)
			use(v.s[i]);
		use(v.m->id);
	}
	if (record_parse(msg, size - 1, &rec, NULL, &err) == 0)
		use(rec.exit.error);
	if (proto_check_answer(msg, size - 1, &err) == 0 &&
	    ((struct msg_head *)msg)->type == MSG_REPLY && ((struct msg_reply *)msg)->kind)
		use((char *)((struct msg_reply *)msg)->data);
	free(msg);
	return 0;
}
