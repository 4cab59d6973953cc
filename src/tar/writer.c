#include "tar/writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "tar/header.h"
#include "tar/pax.h"

void tar_writer_init(struct tar_writer *writer, tar_write_fn *write, void *context)
{
	writer->write = write;
	writer->context = context;
	writer->left = 0;
	writer->padding = 0;
	writer->len = 0;
}

static int flush(struct tar_writer *writer, struct err *err)
{
	int r = writer->len == 0 ? 0
				 : writer->write(writer->context, writer->chunk, writer->len, err);

	writer->len = 0;
	return r;
}

/* Adds bytes, or zeros when there are none. */
static int put(struct tar_writer *writer, const void *bytes, size_t len, struct err *err)
{
	const uint8_t *from = bytes;

	while (len > 0) {
		size_t part = min_of(len, sizeof(writer->chunk) - writer->len);
		int r;

		if (from == NULL)
			memset(writer->chunk + writer->len, 0, part);
		else
			memcpy(writer->chunk + writer->len, from, part);
		from = from == NULL ? NULL : from + part;
		writer->len += part;
		len -= part;
		r = writer->len == sizeof(writer->chunk) ? flush(writer, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t padding_of(uint64_t size)
{
	return (size_t)(-size % TAR_BLOCK);
}

static int put_header(struct tar_writer *writer, const struct tar_header *header, struct err *err)
{
	uint8_t block[TAR_BLOCK];

	tar_header_build(header, block);
	return put(writer, block, sizeof(block), err);
}

static int put_pax(struct tar_writer *writer, const struct tar_entry *entry, struct err *err)
{
	struct tar_header header = { .kind = 'x', .name = "pax", .mode = 0644 };
	autocall(buf_finish) struct buf records = { 0 };
	int r;

	buf_init(&records, TAR_PAX_MAX);
	r = tar_pax_build(entry, &records);
	if (r < 0)
		return err_set_errno(err, r, "cannot pack '%s'", tar_show(entry->name).text);
	if (records.len == 0)
		return 0;
	header.size = records.len;
	r = put_header(writer, &header, err);
	if (r == 0)
		r = put(writer, records.data, records.len, err);
	return r < 0 ? r : put(writer, NULL, padding_of(records.len), err);
}

static char kind_of(enum tar_type type)
{
	static const char kinds[] = {
		[TAR_FILE] = '0', [TAR_FOLDER] = '5', [TAR_SYMLINK] = '2', [TAR_HARDLINK] = '1'
	};

	return kinds[type];
}

int tar_writer_entry(struct tar_writer *writer, const struct tar_entry *entry, struct err *err)
{
	const char *name = entry->name[0] == '\0' ? "." : entry->name;
	struct tar_header header = { .kind = kind_of(entry->type) };
	int r;

	if (writer->left > 0)
		return err_set(err, -EINVAL, "the archive's last entry is not complete");
	(void)snprintf(header.name, sizeof(header.name), "%.*s%s", TAR_FIELD_NAME, name,
		       entry->type == TAR_FOLDER ? "/" : "");
	(void)snprintf(header.link, sizeof(header.link), "%.*s", TAR_FIELD_NAME,
		       entry->link == NULL ? "" : entry->link);
	header.mode = (entry->mode & TAR_MODE_MASK) | (entry->set_id & TAR_SET_ID_MASK);
	header.uid = min_of(entry->uid, TAR_OCTAL_ID_MAX);
	header.gid = min_of(entry->gid, TAR_OCTAL_ID_MAX);
	header.mtime =
		entry->mtime_s < 0 ? 0 : min_of((uint64_t)entry->mtime_s, TAR_OCTAL_SIZE_MAX);
	header.size = entry->size_bytes > TAR_OCTAL_SIZE_MAX ? 0 : entry->size_bytes;
	r = put(writer, NULL, writer->padding, err);
	if (r == 0)
		r = put_pax(writer, entry, err);
	if (r == 0)
		r = put_header(writer, &header, err);
	if (r < 0)
		return r;
	writer->left = entry->size_bytes;
	writer->padding = padding_of(entry->size_bytes);
	return 0;
}

int tar_writer_data(struct tar_writer *writer, const void *bytes, size_t len, struct err *err)
{
	if (len > writer->left)
		return err_set(err, -EINVAL, "the archive's entry got more than its size");
	writer->left -= len;
	return put(writer, bytes, len, err);
}

int tar_writer_end(struct tar_writer *writer, struct err *err)
{
	int r;

	if (writer->left > 0)
		return err_set(err, -EINVAL, "the archive's last entry is not complete");
	/* Two zero blocks say that this was all. */
	r = put(writer, NULL, writer->padding + 2 * (size_t)TAR_BLOCK, err);
	writer->padding = 0;
	return r < 0 ? r : flush(writer, err);
}
