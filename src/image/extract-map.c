/*
 * extract-map.c - what it takes beside the unpacked files to give the very same tar again
 *
 * Headers, padding and the like as they came; instead of a file's data, where they are now.
 */
#include <zstd.h>

#include "base/fs.h"
#include "image/extract-priv.h"

#define LEVEL	 1
#define OUT_SIZE (128 * 1024)

struct extract_map {
	int fd;
	ZSTD_CCtx *zstd;
	char *out;
	int64_t data_offset, data_length; /* a run not written yet */
};

struct extract_map *extract_map_new(int fd)
{
	struct extract_map *m = xnew(struct extract_map);

	m->fd = fd;
	m->zstd = ZSTD_createCCtx();
	CHECK(m->zstd);
	ZSTD_CCtx_setParameter(m->zstd, ZSTD_c_compressionLevel, LEVEL);
	m->out = xmalloc(OUT_SIZE);
	return m;
}

void extract_map_free(struct extract_map *m)
{
	if (!m)
		return;
	ZSTD_freeCCtx(m->zstd);
	free(m->out);
	free(m);
}

static int put(struct extract_map *m, const void *p, size_t n, ZSTD_EndDirective end,
	       struct err *err)
{
	ZSTD_inBuffer in = {p, n, 0};
	size_t left;

	do {
		ZSTD_outBuffer out = {m->out, OUT_SIZE, 0};
		int r;

		left = ZSTD_compressStream2(m->zstd, &out, &in, end);
		if (ZSTD_isError(left))
			return err_set(err, ERR_SYSTEM, "compress the layer's map: %s",
				       ZSTD_getErrorName(left));
		r = fs_write_full(m->fd, m->out, out.pos);
		if (r < 0)
			return err_sys(err, -r, "write the layer's map");
	} while (end == ZSTD_e_end ? left > 0 : in.pos < in.size);
	return 0;
}

static int put_record(struct extract_map *m, struct map_head head, const void *p, struct err *err)
{
	if (put(m, &head, sizeof(head), ZSTD_e_continue, err) < 0)
		return -1;
	return p ? put(m, p, (size_t)head.length, ZSTD_e_continue, err) : 0;
}

static int flush_data(struct extract_map *m, struct err *err)
{
	struct map_head head = {MAP_DATA, 0, m->data_length, m->data_offset};

	if (!m->data_length)
		return 0;
	m->data_length = 0;
	return put_record(m, head, NULL, err);
}

int extract_map_raw(struct extract_map *m, const void *p, size_t n, struct err *err)
{
	struct map_head head = {MAP_RAW, 0, (int64_t)n, 0};

	if (!n)
		return 0;
	return flush_data(m, err) < 0 ? -1 : put_record(m, head, p, err);
}

int extract_map_file(struct extract_map *m, const char *path, struct err *err)
{
	struct map_head head = {MAP_FILE, 0, (int64_t)strlen(path), 0};

	return flush_data(m, err) < 0 ? -1 : put_record(m, head, path, err);
}

int extract_map_data(struct extract_map *m, int64_t offset, int64_t n, struct err *err)
{
	if (m->data_length && m->data_offset + m->data_length == offset) {
		m->data_length += n;
		return 0;
	}
	if (flush_data(m, err) < 0)
		return -1;
	m->data_offset = offset;
	m->data_length = n;
	return 0;
}

int extract_map_end(struct extract_map *m, struct err *err)
{
	if (flush_data(m, err) < 0)
		return -1;
	return put(m, "", 0, ZSTD_e_end, err);
}
