#include "tar/reader.h"

#include <errno.h>
#include <stdint.h>

#include "tar/header.h"
#include "tar/writer.h"
#include "tests/unit/tar/archive.h"
#include "tests/unit/test.h"

/* What was read, as text: "f name size mode mtime.ns content|". */
struct seen {
	struct buf text;
	unsigned begun, ended;
};

static int on_begin(void *context, const struct tar_entry *entry, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	seen->begun++;
	return buf_printf(&seen->text, "%c %s%s%s %d.%d:", "fdlh"[entry->type], entry -> name,
			  entry -> link == NULL ? "" : ">", entry->link == NULL ? "" : entry->link,
			  (int)entry->mtime_s, (int)entry->mtime_ns);
}

static int on_data(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	return buf_append(&seen->text, bytes, len);
}

static int on_end(void *context, struct err *err)
{
	struct seen *seen = context;

	(void)err;
	seen->ended++;
	return buf_printf(&seen->text, "|");
}

static const struct tar_reader_calls calls = { on_begin, on_data, on_end };
static const struct tar_limits limits = { .bytes_max = 1 << 20, .entries_max = 100 };

/* Feeds the archive in pieces of `piece` bytes; the result of feeding or finishing. */
static int read_all(const struct archive *archive, size_t piece, struct seen *seen, struct err *err)
{
	struct tar_reader *reader;
	int r;

	*seen = (struct seen){ 0 };
	buf_init(&seen->text, 1 << 20);
	r = tar_reader_create(&calls, seen, &limits, &reader);
	for (size_t at = 0; r == 0 && at < archive->bytes.len; at += piece) {
		size_t left = archive->bytes.len - at;

		r = tar_reader_feed(reader, archive->bytes.data + at, left < piece ? left : piece,
				    err);
	}
	if (r == 0)
		r = tar_reader_finish(reader, err);
	tar_reader_destroy(reader);
	return r;
}

static void check_refused(const struct archive *archive, int code, const char *text)
{
	struct err err = ERR_INIT;
	struct seen seen;

	CHECK_EQ(read_all(archive, SIZE_MAX, &seen, &err), code);
	CHECK_STR(err.text, text);
	buf_finish(&seen.text);
}

static int append(void *context, const void *bytes, size_t len, struct err *err)
{
	(void)err;
	return buf_append(context, bytes, len);
}

TEST(what_is_written_is_read_in_pieces_of_any_size)
{
	static const size_t pieces[] = { 1, 7, 511, 512, 513, 100000 };
	static struct tar_writer writer;
	char longest[TAR_NAME_MAX + 1], file[] = "dir/file", dir[] = "dir", link[] = "dir/link";
	char hard[] = "dir/hard";
	struct tar_entry folder = { .type = TAR_FOLDER, .name = dir, .mode = 0755 };
	struct tar_entry one = {
		.type = TAR_FILE, .name = file, .size_bytes = 5, .mtime_s = 77, .mtime_ns = 500
	};
	struct tar_entry two = { .type = TAR_SYMLINK, .name = link, .link = longest };
	struct tar_entry three = { .type = TAR_HARDLINK, .name = hard, .link = file };
	struct tar_entry four = { .type = TAR_FILE, .name = longest };
	struct err err = ERR_INIT;
	struct archive archive;
	struct seen seen;

	memset(longest, 'n', TAR_NAME_MAX);
	longest[TAR_NAME_MAX] = '\0';
	archive_init(&archive);
	tar_writer_init(&writer, append, &archive.bytes);
	CHECK_EQ(tar_writer_entry(&writer, &folder, &err), 0);
	CHECK_EQ(tar_writer_entry(&writer, &one, &err), 0);
	CHECK_EQ(tar_writer_data(&writer, "hel", 3, &err), 0);
	CHECK_EQ(tar_writer_entry(&writer, &two, &err), -EINVAL);
	CHECK_EQ(tar_writer_data(&writer, "lo", 2, &err), 0);
	CHECK_EQ(tar_writer_data(&writer, "x", 1, &err), -EINVAL);
	CHECK_EQ(tar_writer_entry(&writer, &two, &err), 0);
	CHECK_EQ(tar_writer_entry(&writer, &three, &err), 0);
	CHECK_EQ(tar_writer_entry(&writer, &four, &err), 0);
	CHECK_EQ(tar_writer_end(&writer, &err), 0);
	CHECK_EQ(archive.bytes.len % TAR_BLOCK, 0);
	for (size_t i = 0; i < 6; i++) {
		char want[3 * TAR_NAME_MAX];

		CHECK_EQ(read_all(&archive, pieces[i], &seen, &err), 0);
		(void)snprintf(want, sizeof(want),
			       "d dir 0.0:|f dir/file 77.500:hello|l dir/link>%s 0.0:|"
			       "h dir/hard>dir/file 0.0:|f %s 0.0:|",
			       longest, longest);
		CHECK_STR(buf_str(&seen.text), want);
		buf_finish(&seen.text);
	}
	archive_finish(&archive);
}

TEST(gnu_long_names_and_old_folders_are_read)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct seen seen;

	archive_init(&archive);
	archive_raw(&archive, 'L', "././@LongLink", "", "long/name", 10);
	archive_file(&archive, "short", "x");
	archive_raw(&archive, 'K', "././@LongLink", "", "long/target", 12);
	archive_raw(&archive, '2', "link", "short", "", 0);
	archive_raw(&archive, '0', "old/", "", "", 0);
	archive_raw(&archive, 'g', "global", "", "11 path=no\n", 11);
	archive_file(&archive, "last", "y");
	CHECK_EQ(read_all(&archive, 100, &seen, &err), 0);
	CHECK_STR(buf_str(&seen.text),
		  "f long/name 1000.0:x|l link>long/target 1000.0:|d old 1000.0:|f last 1000.0:y|");
	buf_finish(&seen.text);
	archive_finish(&archive);
}

/* F19 */
TEST(hostile_entries_are_refused_by_name)
{
	static const struct {
		char kind;
		const char *name, *text;
	} cases[] = {
		{ '0', "../up", "the archive's entry '../up' leads out of its folder" },
		{ '0', "/etc/x", "the archive's entry '/etc/x' has an absolute name" },
		{ '5', "a/../../b", "the archive's entry 'a/../../b' leads out of its folder" },
		{ '1', "hard", "the archive's entry '/etc/passwd' has an absolute name" },
		{ '3', "tty", "the archive's entry 'tty' is a device" },
		{ '4', "sda", "the archive's entry 'sda' is a device" },
		{ '6', "fifo", "the archive's entry 'fifo' is a FIFO" },
		{ 'S', "holes",
		  "the archive's entry 'holes' is a sparse file; pack it without -S" },
		{ 'Z', "odd", "the archive's entry 'odd' is of a kind that is not understood" },
		{ '0', ".", "the archive's entry '' has no name" },
	};

	for (size_t i = 0; i < 10; i++) {
		struct archive archive;

		archive_init(&archive);
		archive_raw(&archive, cases[i].kind, cases[i].name, "/etc/passwd", "", 0);
		check_refused(&archive, -EPERM, cases[i].text);
		archive_finish(&archive);
	}
}

TEST(broken_archives_are_refused)
{
	struct archive archive;

	archive_init(&archive);
	archive_file(&archive, "file", "content");
	archive.bytes.data[3]++;
	check_refused(&archive, -EPROTO, "this is not a tar archive, or it is broken");
	archive.bytes.data[3]--;
	archive.bytes.len -= 1;
	check_refused(&archive, -EPROTO, "the archive ends in the middle");
	archive.bytes.len = 100;
	check_refused(&archive, -EPROTO, "the archive ends in the middle");
	archive_finish(&archive);
}

TEST(broken_pax_records_are_refused)
{
	static const char *const records[] = { "5 a=b\n",	 "7 a=b\n",
					       "6 a=b",		 "6 a b\n",
					       "0 a=b\n",	 "99999999999999999999999 a=b\n",
					       "6=a=b\n",	 "x a=b\n",
					       "10 size=x\n",	 "13 mtime=1x2\n",
					       "14 size=-1234\n" };

	for (size_t i = 0; i < 11; i++) {
		struct archive archive;

		archive_init(&archive);
		archive_raw(&archive, 'x', "pax", "", records[i], strlen(records[i]));
		archive_file(&archive, "file", "");
		check_refused(&archive, -EPROTO, "the archive has a broken pax header");
		archive_finish(&archive);
	}
}

TEST(sparse_pax_files_and_bombs_are_refused)
{
	static const char sparse[] = "22 GNU.sparse.major=1\n";
	static const char huge[] = "29 size=18446744073709551615\n";
	static const char large[] = "16 size=1048577\n";
	struct archive archive;

	archive_init(&archive);
	archive_raw(&archive, 'x', "pax", "", sparse, strlen(sparse));
	check_refused(&archive, -EPERM, "the archive holds a sparse file; pack it without -S");
	archive.bytes.len = 0;
	archive_raw(&archive, 'x', "pax", "", huge, strlen(huge));
	archive_file(&archive, "bomb", "");
	check_refused(&archive, -EFBIG, "the archive is too large at 'bomb'");
	archive.bytes.len = 0;
	archive_raw(&archive, 'x', "pax", "", large, strlen(large));
	archive_raw(&archive, '5', "folder", "", "", 0);
	check_refused(&archive, -EFBIG, "the archive is too large at 'folder'");
	archive.bytes.len = 0;
	for (int i = 0; i < 101; i++)
		archive_raw(&archive, '5', "d", "", "", 0);
	check_refused(&archive, -EFBIG, "the archive has too many entries");
	archive_finish(&archive);
}

TEST(a_size_in_base_256_is_a_number_too)
{
	struct tar_header header = { .kind = '0' }, got;
	uint8_t block[TAR_BLOCK];
	unsigned sum = 8 * ' ';

	tar_header_build(&header, block);
	memset(block + 124, 0, 12);
	block[124] = 0x80;
	block[134] = 1;
	block[135] = 2;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += i >= 148 && i < 156 ? 0 : block[i];
	(void)snprintf((char *)block + 148, 8, "%06o", sum);
	CHECK_EQ(tar_header_parse(block, &got), 0);
	CHECK_EQ(got.size, 258);
}

TEST(nothing_is_taken_after_an_error)
{
	struct err err = ERR_INIT;
	struct tar_reader *reader;
	struct archive archive;
	struct seen seen = { 0 };

	buf_init(&seen.text, 1000);
	archive_init(&archive);
	archive_raw(&archive, '6', "fifo", "", "", 0);
	archive_file(&archive, "file", "");
	CHECK_EQ(tar_reader_create(&calls, &seen, &limits, &reader), 0);
	CHECK_EQ(tar_reader_feed(reader, archive.bytes.data, 512, &err), -EPERM);
	CHECK_EQ(tar_reader_feed(reader, archive.bytes.data + 512, 512, &err), -EPERM);
	CHECK_EQ(tar_reader_finish(reader, &err), -EPERM);
	CHECK_EQ(seen.begun, 0);
	tar_reader_destroy(reader);
	archive_finish(&archive);
	buf_finish(&seen.text);
}

TEST_MAIN()
