/*
 * cove-fetch.c - decompresses and hashes a stream, as nobody, without files
 */
#include "image/image.h"

int main(void)
{
	return image_fetch_main();
}
