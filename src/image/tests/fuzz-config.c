/* fuzz-config.c - any bytes as an image's config: refused, or a struct whose parts hold */
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(image) struct image *img = NULL;
	struct err err = ERR_INIT;

	if (image_parse(data, size, &img, &err) < 0)
		return 0;
	if (img->diff_ids.n > IMAGE_LAYERS_MAX || img->raw_size != size)
		abort();
	strv_for_each(diff, &img->diff_ids)
		if (!reference_is_digest(diff))
			abort();
	return 0;
}
