/*
 * States of the reader; each takes bytes until it has what it wants.
 *
 *	HEADER	a block is being gathered. Complete, it moves on to META (pax, long
 *		names), DATA (files), SKIP (padding, what is not wanted) or END.
 *	META	bytes about the next entry are being gathered; then SKIP.
 *	DATA	bytes go to the caller; when all are there the entry ends; then SKIP.
 *	SKIP	bytes are passed over; then HEADER.
 *	END	a zero block came: the rest is passed over.
 *	FAILED	nothing is taken any more.
 */
#include "tar/reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "tar/header.h"
#include "tar/pax.h"

enum state { HEADER, META, DATA, SKIP, END, FAILED };

struct tar_reader {
	const struct tar_reader_calls *calls; /* weak */
	void *context;			      /* weak */
	struct tar_limits limits;
	enum state state;
	int code; /* FAILED: the error */
	uint8_t block[TAR_BLOCK];
	size_t block_len;
	uint64_t left;	     /* META, DATA, SKIP: bytes still to take */
	size_t padding;	     /* after them */
	char meta_kind;	     /* META: the header's kind */
	struct buf meta;     /* META: what was gathered */
	struct tar_pax next; /* what was said of the next entry */
	uint64_t bytes, entries;
};

int tar_reader_create(const struct tar_reader_calls *calls, void *context,
		      const struct tar_limits *limits, struct tar_reader **ret)
{
	struct tar_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return -ENOMEM;
	reader->calls = calls;
	reader->context = context;
	reader->limits = *limits;
	buf_init(&reader->meta, TAR_PAX_MAX);
	*ret = reader;
	return 0;
}

void tar_reader_destroy(struct tar_reader *reader)
{
	if (reader == NULL)
		return;
	buf_finish(&reader->meta);
	tar_pax_finish(&reader->next);
	free(reader);
}

static size_t padding_of(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

static void enter(struct tar_reader *reader, enum state state, uint64_t size)
{
	reader->state = state;
	reader->left = size;
	reader->padding = padding_of(size);
	reader->block_len = 0;
}

/* After META or DATA: their padding. */
static void enter_padding(struct tar_reader *reader)
{
	reader->state = reader->padding > 0 ? SKIP : HEADER;
	reader->left = reader->padding;
	reader->block_len = 0;
}

/* Passes size bytes and their padding over. */
static int skip(struct tar_reader *reader, uint64_t size, struct err *err)
{
	uint64_t whole;

	if (u64_add(size, padding_of(size), &whole) < 0)
		return err_set(err, -EPROTO, "the archive is broken");
	reader->state = whole > 0 ? SKIP : HEADER;
	reader->left = whole;
	reader->block_len = 0;
	return 0;
}

static int refuse(const struct tar_entry *entry, const char *why, struct err *err)
{
	return err_set(err, -EPERM, "the archive's entry '%s' %s", tar_show(entry->name).text, why);
}

static int set_type(struct tar_entry *entry, char kind, bool slash, struct err *err)
{
	switch (kind) {
	case '\0':
	case '0':
	case '7':
		entry->type = slash ? TAR_FOLDER : TAR_FILE;
		return 0;
	case '1':
		entry->type = TAR_HARDLINK;
		return 0;
	case '2':
		entry->type = TAR_SYMLINK;
		return 0;
	case '5':
		entry->type = TAR_FOLDER;
		return 0;
	case '3':
	case '4':
		return refuse(entry, "is a device", err);
	case '6':
		return refuse(entry, "is a FIFO", err);
	case 'S':
		return refuse(entry, "is a sparse file; pack it without -S", err);
	default:
		return refuse(entry, "is of a kind that is not understood", err);
	}
}

static int set_link(struct tar_entry *entry, const char *link, struct err *err)
{
	if (link[0] == '\0')
		return refuse(entry, "is a link to nothing", err);
	if (entry->type == TAR_HARDLINK)
		return tar_name_normalise(link, err, &entry->link);
	entry->link = strdup(link);
	return entry->link == NULL ? err_set_errno(err, -ENOMEM, "cannot read the archive") : 0;
}

static bool ends_in_slash(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && name[len - 1] == '/';
}

/* The entry that a header and what came before it describe. Its size may be that of a link. */
static int make_entry(const struct tar_reader *reader, const struct tar_header *header,
		      struct err *err, struct tar_entry *entry)
{
	const struct tar_pax *pax = &reader->next;
	const char *name = pax->path != NULL ? pax->path : header->name;
	int r = tar_name_normalise(name, err, &entry->name);

	if (r == 0)
		r = set_type(entry, header->kind, ends_in_slash(name), err);
	if (r == 0 && (entry->type == TAR_SYMLINK || entry->type == TAR_HARDLINK))
		r = set_link(entry, pax->link != NULL ? pax->link : header->link, err);
	if (r < 0)
		return r;
	if (entry->name[0] == '\0' && entry->type != TAR_FOLDER)
		return refuse(entry, "has no name", err);
	entry->mode = header->mode & TAR_MODE_MASK;
	entry->set_id = header->mode & (S_ISUID | S_ISGID);
	entry->uid = pax->has_uid ? pax->uid : header->uid;
	entry->gid = pax->has_gid ? pax->gid : header->gid;
	entry->size_bytes = pax->has_size ? pax->size : header->size;
	entry->mtime_s = pax->has_mtime ? pax->mtime_s : (int64_t)header->mtime;
	entry->mtime_ns = pax->has_mtime ? pax->mtime_ns : 0;
	return 0;
}

static int count_entry(struct tar_reader *reader, const struct tar_entry *entry, struct err *err)
{
	if (reader->entries >= reader->limits.entries_max)
		return err_set(err, -EFBIG, "the archive has too many entries");
	if (entry->size_bytes > reader->limits.bytes_max - reader->bytes)
		return err_set(err, -EFBIG, "the archive is too large at '%s'",
			       tar_show(entry->name).text);
	reader->entries++;
	reader->bytes += entry->size_bytes;
	return 0;
}

static int begin_entry(struct tar_reader *reader, const struct tar_header *header, struct err *err)
{
	autocall(tar_entry_finish) struct tar_entry entry = { 0 };
	uint64_t size;
	int r = make_entry(reader, header, err, &entry);

	entry.xattrs = take_ptr(reader->next.xattrs);
	tar_pax_finish(&reader->next);
	if (r == 0)
		r = count_entry(reader, &entry, err);
	if (r < 0)
		return r;
	size = entry.size_bytes;
	if (entry.type != TAR_FILE)
		entry.size_bytes = 0;
	r = reader->calls->begin(reader->context, &entry, err);
	if (r < 0)
		return r;
	if (entry.size_bytes > 0) {
		enter(reader, DATA, size);
		return 0;
	}
	r = reader->calls->end(reader->context, err);
	return r < 0 ? r : skip(reader, size, err);
}

static int take_header(struct tar_reader *reader, struct err *err)
{
	struct tar_header header;

	if (tar_header_is_zero(reader->block)) {
		reader->state = END;
		return 0;
	}
	if (tar_header_parse(reader->block, &header) < 0)
		return err_set(err, -EPROTO, "this is not a tar archive, or it is broken");
	if (header.kind == 'g')
		return skip(reader, header.size, err);
	if (strchr("xLK", header.kind) == NULL || header.kind == '\0')
		return begin_entry(reader, &header, err);
	if (header.size > TAR_PAX_MAX)
		return err_set(err, -EPROTO, "the archive has too long a header");
	reader->meta_kind = header.kind;
	buf_clear(&reader->meta);
	enter(reader, header.size > 0 ? META : HEADER, header.size);
	return 0;
}

/* GNU's long names are a NUL-terminated string, which is what a pax value says too. */
static int take_meta(struct tar_reader *reader, struct err *err)
{
	const char *text = buf_str(&reader->meta);
	char **place = reader->meta_kind == 'L' ? &reader->next.path : &reader->next.link;
	char *copy;

	if (reader->meta_kind == 'x')
		return tar_pax_parse(reader->meta.data, reader->meta.len, err, &reader->next);
	if (text == NULL || strlen(text) > TAR_NAME_MAX)
		return err_set(err, -EPROTO, "the archive has too long a name");
	copy = strdup(text);
	if (copy == NULL)
		return err_set_errno(err, -ENOMEM, "cannot read the archive");
	free(*place);
	*place = copy;
	return 0;
}

static int step_header(struct tar_reader *reader, const uint8_t *bytes, size_t len, struct err *err)
{
	memcpy(reader->block + reader->block_len, bytes, len);
	reader->block_len += len;
	return reader->block_len < TAR_BLOCK ? 0 : take_header(reader, err);
}

static int step_meta(struct tar_reader *reader, const uint8_t *bytes, size_t len, struct err *err)
{
	int r = buf_append(&reader->meta, bytes, len);

	if (r < 0)
		return err_set_errno(err, r, "cannot read the archive");
	reader->left -= len;
	if (reader->left > 0)
		return 0;
	r = take_meta(reader, err);
	enter_padding(reader);
	return r;
}

static int step_data(struct tar_reader *reader, const uint8_t *bytes, size_t len, struct err *err)
{
	int r = reader->calls->data(reader->context, bytes, len, err);

	reader->left -= len;
	if (r < 0 || reader->left > 0)
		return r;
	r = reader->calls->end(reader->context, err);
	enter_padding(reader);
	return r;
}

static int step_skip(struct tar_reader *reader, size_t len)
{
	reader->left -= len;
	if (reader->left == 0)
		enter(reader, HEADER, 0);
	return 0;
}

/* How many bytes the state wants. */
static uint64_t wanted(const struct tar_reader *reader)
{
	switch (reader->state) {
	case HEADER:
		return TAR_BLOCK - reader->block_len;
	case META:
	case DATA:
	case SKIP:
		return reader->left;
	case END:
	case FAILED:
		break;
	}
	return UINT64_MAX;
}

static int step(struct tar_reader *reader, const uint8_t *bytes, size_t len, struct err *err)
{
	switch (reader->state) {
	case HEADER:
		return step_header(reader, bytes, len, err);
	case META:
		return step_meta(reader, bytes, len, err);
	case DATA:
		return step_data(reader, bytes, len, err);
	case SKIP:
		return step_skip(reader, len);
	case END:
		return 0;
	case FAILED:
		break;
	}
	return err_set(err, reader->code, "the archive was refused before");
}

int tar_reader_feed(struct tar_reader *reader, const void *bytes, size_t len, struct err *err)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		size_t part = (size_t)min_of((uint64_t)len, wanted(reader));
		int r = step(reader, from, part, err);

		if (r < 0) {
			reader->state = FAILED;
			reader->code = r;
			return r;
		}
		from += part;
		len -= part;
	}
	return 0;
}

int tar_reader_finish(struct tar_reader *reader, struct err *err)
{
	if (reader->state == END || (reader->state == HEADER && reader->block_len == 0))
		return 0;
	if (reader->state == FAILED)
		return err_set(err, reader->code, "the archive was refused before");
	return err_set(err, -EPROTO, "the archive ends in the middle");
}
