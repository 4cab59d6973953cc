/*
 * Reads a tar archive from hostile hands: ustar, pax, and the long names of
 * GNU tar. Bytes are pushed in as they come, in pieces of any size; entries
 * and their data come out through callbacks, each entry being begun, given its
 * size_bytes bytes of data (FILE only), and ended.
 *
 * Refused with a sentence that names the entry: absolute names, "..", devices,
 * FIFOs, sparse files, names beyond TAR_NAME_MAX, sums beyond the limits. A
 * broken header is -EPROTO. After an error the reader stays in error. Memory is
 * bounded by TAR_NAME_MAX and 64 KiB of pax header.
 */
#ifndef TAR_READER_H
#define TAR_READER_H

#include <stddef.h>
#include <stdint.h>

#include "tar/entry.h"

/* All mandatory; 0 or -errno with a sentence, which ends the reading. */
struct tar_reader_calls {
	int (*begin)(void *context, const struct tar_entry *entry, struct err *err);
	int (*data)(void *context, const uint8_t *bytes, size_t len, struct err *err);
	int (*end)(void *context, struct err *err);
};

struct tar_limits {
	uint64_t bytes_max;   /* of all files together */
	uint64_t entries_max; /* in the archive */
};

struct tar_reader;

/* calls and context must outlive the reader; limits are copied. */
int tar_reader_create(const struct tar_reader_calls *calls, void *context,
		      const struct tar_limits *limits, struct tar_reader **ret);
void tar_reader_destroy(struct tar_reader *reader);

int tar_reader_feed(struct tar_reader *reader, const void *bytes, size_t len, struct err *err);

/* No more bytes come: -EPROTO when the archive was cut short. Two zero blocks at the end are
 * optional. */
int tar_reader_finish(struct tar_reader *reader, struct err *err);

#endif
