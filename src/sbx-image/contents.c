/*
 * The archive is fed block by block: when an entry begins, its header was the block
 * just fed, so its data begins with the next.
 */
#include "sbx-image/contents.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fd.h"
#include "tar/header.h"
#include "tar/reader.h"

enum {
	BLOCKS = 128, /* read at once */
	NAME_BYTES_MAX = 256,
	LINES_MAX = 4096,
	ENTRIES_MAX = 100000,
};

#define ARCHIVE_BYTES_MAX (64ULL << 30)

struct contents {
	int to;
	uint64_t offset; /* behind the block just fed */
	unsigned lines;
};

static bool is_plain(const char *name)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:";

	return name[0] != '\0' && strlen(name) <= NAME_BYTES_MAX &&
	       strspn(name, plain) == strlen(name);
}

static int say(struct contents *contents, const char *line, struct err *err)
{
	int r;

	if (contents->lines++ == LINES_MAX)
		return err_set(err, -EFBIG, "the archive holds more than %d files", LINES_MAX);
	r = fd_write_full(contents->to, line, strlen(line));
	return r < 0 ? err_set_errno(err, r, "the result cannot be told") : 0;
}

static int on_begin(void *context, const struct tar_entry *entry, struct err *err)
{
	struct contents *contents = context;
	char line[2 * NAME_BYTES_MAX + 64];

	if (!is_plain(entry->name) || entry->type == TAR_FOLDER)
		return 0;
	if (entry->type == TAR_FILE)
		(void)snprintf(line, sizeof(line), "file %" PRIu64 " %" PRIu64 " %s\n",
			       contents->offset, entry->size_bytes, entry->name);
	else if (is_plain(entry->link))
		(void)snprintf(line, sizeof(line), "link %s %s\n", entry->name, entry->link);
	else
		return 0;
	return say(contents, line, err);
}

static int on_data(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	(void)context;
	(void)bytes;
	(void)len;
	(void)err;
	return 0;
}

static int on_end(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return 0;
}

static int feed(struct contents *contents, struct tar_reader *reader, const uint8_t *bytes,
		size_t len, struct err *err)
{
	int r = 0;

	for (size_t at = 0; at < len && r == 0; at += TAR_BLOCK) {
		size_t part = len - at < TAR_BLOCK ? len - at : TAR_BLOCK;

		contents->offset += part;
		r = tar_reader_feed(reader, bytes + at, part, err);
	}
	return r;
}

static int read_all(struct contents *contents, int fd, struct tar_reader *reader, struct err *err)
{
	static uint8_t bytes[BLOCKS * TAR_BLOCK];

	for (;;) {
		ssize_t len = fd_read_full(fd, bytes, sizeof(bytes));
		int r;

		if (len < 0)
			return err_set_errno(err, (int)len, "the archive cannot be read");
		if (len == 0)
			return tar_reader_finish(reader, err);
		r = feed(contents, reader, bytes, (size_t)len, err);
		if (r < 0)
			return r;
	}
}

int contents_tell(int fd, int to, struct err *err)
{
	static const struct tar_reader_calls calls = { on_begin, on_data, on_end };
	const struct tar_limits limits = { .bytes_max = ARCHIVE_BYTES_MAX,
					   .entries_max = ENTRIES_MAX };
	struct contents contents = { .to = to };
	struct tar_reader *reader;
	int r = tar_reader_create(&calls, &contents, &limits, &reader);

	if (r < 0)
		return err_set_errno(err, r, "the archive cannot be read");
	r = read_all(&contents, fd, reader, err);
	tar_reader_destroy(reader);
	return r;
}
