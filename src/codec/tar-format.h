/*
 * tar-format.h - the header block of POSIX ustar (pax(1), "ustar Interchange Format")
 */
#pragma once

#include <assert.h>

struct tar_header {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char chksum[8];
	char typeflag;
	char linkname[100];
	char magic[6]; /* "ustar", then NUL or (GNU) a space */
	char version[2];
	char uname[32];
	char gname[32];
	char devmajor[8];
	char devminor[8];
	char prefix[155];
	char tail[12];
};
static_assert(sizeof(struct tar_header) == 512, "a tar header is one block");
