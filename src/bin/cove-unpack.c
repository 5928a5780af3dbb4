/*
 * cove-unpack.c - unpacks one tar stream into one directory, with nothing else in reach
 */
#include "image/image.h"

int main(int argc, char **argv)
{
	return image_unpack_main(argc, argv);
}
