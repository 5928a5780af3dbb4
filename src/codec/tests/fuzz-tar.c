/* fuzz-tar.c - any bytes, in two ways of cutting them: the same events, all within limits */
#include "codec/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t mix(uint64_t h, uint64_t v)
{
	return (h ^ v) * 0x100000001b3ull;
}

static uint64_t read_all(const uint8_t *data, size_t size, size_t step)
{
	struct tar_reader *r = tar_reader_new();
	uint64_t h = 1;
	int64_t end = 0, file_size = 0;
	struct err err = ERR_INIT;
	int ev = 0;

	while (size > 0 && ev >= 0 && ev != TAR_EOF) {
		size_t n = MIN(step, size);
		const void *in = data;

		data += n;
		size -= n;
		do {
			const struct tar_entry *e = NULL;
			struct tar_data d = {0};

			ev = tar_reader_next(r, &in, &n, &e, &d, &err);
			if (ev == TAR_ENTRY) {
				if (strlen(e->name) == 0 || strlen(e->name) > TAR_PATH_MAX)
					abort();
				if (e->nxattrs > TAR_XATTR_MAX || e->size < 0 || e->size > TAR_SIZE_MAX)
					abort();
				end = 0;
				file_size = e->size;
				h = mix(h, (uint64_t)e->size + (uint64_t)e->type + e->mode);
			} else if (ev == TAR_DATA) {
				if (d.offset < end || d.offset > file_size - (int64_t)d.n)
					abort();
				end = d.offset + (int64_t)d.n;
				for (size_t i = 0; i < d.n; i++)
					h = mix(h, ((const uint8_t *)d.p)[i]);
			}
		} while (ev == TAR_ENTRY || ev == TAR_DATA);
	}
	h = mix(h, ev < 0 || tar_reader_end(r, &err) < 0);
	tar_reader_free(r);
	return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (read_all(data, size, size ? size : 1) != read_all(data, size, 97))
		abort();
	return 0;
}
