/*
 * A hostile archive, fed whole and in pieces: both must come to the same end,
 * and no entry may ever have a name that leads out.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "tar/reader.h"
#include "tests/fuzz/fuzz.h"

struct tally {
	uint64_t entries, bytes, owed;
};

static int on_begin(void *context, const struct tar_entry *entry, struct err *err)
{
	struct tally *tally = context;

	(void)err;
	if (entry->name[0] == '/' || strstr(entry->name, "//") != NULL ||
	    strlen(entry->name) > TAR_NAME_MAX || (entry->mode & ~(mode_t)TAR_MODE_MASK) != 0)
		abort();
	for (const char *part = entry->name; part != NULL; part = strchr(part, '/')) {
		part += *part == '/';
		if (strcmp(part, "..") == 0 || strncmp(part, "../", 3) == 0)
			abort();
	}
	tally->entries++;
	tally->owed = entry->size_bytes;
	return 0;
}

static int on_data(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	struct tally *tally = context;

	(void)bytes;
	(void)err;
	if (len > tally->owed)
		abort();
	tally->owed -= len;
	tally->bytes += len;
	return 0;
}

static int on_end(void *context, struct err *err)
{
	struct tally *tally = context;

	(void)err;
	if (tally->owed != 0)
		abort();
	return 0;
}

static const struct tar_reader_calls calls = { on_begin, on_data, on_end };

static int read_pieces(const uint8_t *data, size_t size, size_t piece, struct tally *tally)
{
	const struct tar_limits limits = { .bytes_max = 1 << 20, .entries_max = 1000 };
	struct err err = ERR_INIT;
	struct tar_reader *reader;
	int r;

	if (tar_reader_create(&calls, tally, &limits, &reader) < 0)
		return -1;
	for (size_t at = 0; at < size; at += piece) {
		r = tar_reader_feed(reader, data + at, size - at < piece ? size - at : piece, &err);
		if (r < 0)
			break;
	}
	r = tar_reader_finish(reader, &err);
	tar_reader_destroy(reader);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tally whole = { 0 }, pieces = { 0 };
	int a = read_pieces(data, size, size, &whole);
	int b = read_pieces(data, size, 13, &pieces);

	if (a != b || whole.entries != pieces.entries)
		abort();
	return 0;
}
