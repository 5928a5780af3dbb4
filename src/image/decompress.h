/*
 * decompress.h - any compression to plain bytes on a pipe, with the digest of what came in
 */
#pragma once

#include "image/helper.h"

/*
 * Reads in to its end, writes plain bytes to out. The compression is told by the first bytes:
 * gzip, zstd, xz, lzma, bzip2, lz4; anything else goes through as it is. ret->err and -1 on
 * failure: ERR_INVALID for bad data, ERR_CANCELLED when nobody reads out any more.
 */
int decompress(int in, int out, struct fetch_report *ret);
