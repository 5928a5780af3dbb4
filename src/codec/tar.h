/*
 * tar.h - tar as values: a streaming reader and a deterministic writer, without any I/O
 *
 * The reader takes ustar, pax (GNU sparse 0.0, 0.1 and 1.0, SCHILY.xattr), GNU long names,
 * GNU's old sparse and base-256 numbers; v7 as well. It is fed bytes and gives
 * events. Input is hostile: everything has a named limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define TAR_BLOCK      512
#define TAR_PATH_MAX   4096	     /* bytes of a name or link target */
#define TAR_PAX_MAX    (1024 * 1024) /* bytes of one extended header */
#define TAR_XATTR_MAX  64	     /* extended attributes of one entry */
#define TAR_SPARSE_MAX (64 * 1024)   /* pieces of one sparse file */
#define TAR_SIZE_MAX   ((int64_t)1 << 52)

enum tar_type { TAR_FILE, TAR_HARDLINK, TAR_SYMLINK, TAR_CHAR, TAR_BLOCK_DEV, TAR_DIR, TAR_FIFO };

struct tar_xattr {
	char *name;
	void *value;
	size_t n;
};

struct tar_piece { /* of a sparse file: where data goes */
	int64_t offset, length;
};

/* One entry; strings belong to the reader and live until the next event. */
struct tar_entry {
	enum tar_type type;
	char *name; /* as written, not cleaned; without trailing slashes */
	char *link;
	uint32_t mode; /* permission bits, set-id, sticky; no file type */
	uint32_t uid, gid;
	int64_t mtime; /* seconds */
	uint32_t mtime_ns;
	int64_t size; /* of the file, holes included */
	uint32_t dev_major, dev_minor;
	struct tar_xattr *xattrs;
	size_t nxattrs;
	struct tar_piece *pieces; /* NULL: not sparse */
	size_t npieces;
};

void tar_entry_done(struct tar_entry *e);

enum tar_event {
	TAR_NEED,  /* all input consumed; give more, or tar_reader_end() */
	TAR_ENTRY, /* *ret_entry is a new entry; its data follow if it is a file */
	TAR_DATA,  /* data of the current file, at .offset */
	TAR_EOF,   /* the end marker was seen; further input is ignored */
};

struct tar_reader;
struct tar_data {
	const void *p; /* points into the input given, or into the reader */
	size_t n;
	int64_t offset; /* in the file */
};

struct tar_reader *tar_reader_new(void);
void tar_reader_free(struct tar_reader *r);

/*
 * Consumes from *in (moves it and *n on) until there is an event. Returns enum tar_event, or
 * -1 with ERR_INVALID: "not a tar archive", "tar header checksum mismatch", ...
 */
int tar_reader_next(struct tar_reader *r, const void **in, size_t *n,
		    const struct tar_entry **ret_entry, struct tar_data *ret_data,
		    struct err *err) MUST_USE;

/* The input has ended: 0 if that is a fine place, else -1, ERR_INVALID "truncated tar archive". */
int tar_reader_end(struct tar_reader *r, struct err *err) MUST_USE;

/*
 * Appends the header blocks of e. The same entry gives the same bytes for ever: ustar where it
 * fits, else one pax header before it with sorted records. The caller then writes e->size bytes
 * of data (files) and tar_put_padding(). pieces are not used.
 */
void tar_put_header(struct buf *out, const struct tar_entry *e);
size_t tar_padding(int64_t size);  /* zero bytes to add after size bytes of data */
void tar_put_end(struct buf *out); /* the two zero blocks */
