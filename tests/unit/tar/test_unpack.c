#include "tar/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tar/pack.h"
#include "tests/unit/tar/archive.h"
#include "tests/unit/test.h"

/* A folder with "in" to unpack into and "out" beside it. */
struct place {
	char path[64];
	int top, in; /* owned */
};

static int place_make(struct place *place)
{
	(void)snprintf(place->path, sizeof(place->path), "/tmp/sbx-tar-XXXXXX");
	if (mkdtemp(place->path) == NULL)
		return -1;
	place->top = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mkdirat(place->top, "in", 0755) < 0 || mkdirat(place->top, "out", 0755) < 0)
		return -1;
	place->in = openat(place->top, "in", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return place->in < 0 ? -1 : 0;
}

static void place_remove(struct place *place)
{
	(void)close(place->in);
	(void)close(place->top);
	(void)file_remove_tree(AT_FDCWD, place->path);
}

static int unpack(const struct place *place, const struct archive *archive, const char *top,
		  struct err *err)
{
	const struct tar_unpack_config config = {
		.root = place->in,
		.top = top,
		.limits = { .bytes_max = 1 << 20, .entries_max = 1000 },
	};
	struct tar_unpack *unpack;
	int r = tar_unpack_create(&config, &unpack);

	if (r < 0)
		return r;
	r = tar_unpack_feed(unpack, archive->bytes.data, archive->bytes.len, err);
	if (r == 0)
		r = tar_unpack_finish(unpack, err);
	tar_unpack_destroy(unpack);
	return r;
}

/* A file's content, or "" when there is none. */
static const char *content(int dir, const char *path)
{
	static char text[256];
	struct buf buf;

	buf_init(&buf, sizeof(text) - 1);
	text[0] = '\0';
	if (file_read(dir, path, &buf) == 0) {
		memcpy(text, buf.data, buf.len);
		text[buf.len] = '\0';
	}
	buf_finish(&buf);
	return text;
}

static int count_entries(const struct place *place)
{
	char command[128];
	FILE *pipe;
	int count = -1;

	(void)snprintf(command, sizeof(command), "find %s/in -mindepth 1 | wc -l", place->path);
	pipe = popen(command, "r");
	if (pipe == NULL || fscanf(pipe, "%d", &count) != 1)
		count = -1;
	if (pipe != NULL)
		(void)pclose(pipe);
	return count;
}

TEST(a_tree_is_made_with_modes_times_and_links)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;
	struct stat info;

	CHECK_EQ(place_make(&place), 0);
	archive_init(&archive);
	archive_raw(&archive, '5', "d/", "", "", 0);
	archive_file(&archive, "d/file", "hello");
	archive_raw(&archive, '2', "d/link", "file", "", 0);
	archive_raw(&archive, '1', "d/hard", "d/file", "", 0);
	archive_file(&archive, "implied/parents/file", "deep");
	archive_end(&archive);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_STR(content(place.in, "d/link"), "hello");
	CHECK_STR(content(place.in, "implied/parents/file"), "deep");
	CHECK_EQ(fstatat(place.in, "d/hard", &info, 0), 0);
	CHECK_EQ(info.st_nlink, 2);
	CHECK_EQ(info.st_mode, S_IFREG | 0644);
	CHECK_EQ(info.st_mtim.tv_sec, 1000);
	CHECK_EQ(fstatat(place.in, "d", &info, 0), 0);
	CHECK_EQ(info.st_mtim.tv_sec, 1000);
	CHECK_EQ(info.st_mode, S_IFDIR | 0755);
	archive_finish(&archive);
	place_remove(&place);
}

TEST(setuid_and_setgid_are_dropped)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;
	struct stat info;
	unsigned sum = 0;

	CHECK_EQ(place_make(&place), 0);
	archive_init(&archive);
	archive_file(&archive, "su", "");
	memcpy(archive.bytes.data + 100, "0006755", 7);
	memset(archive.bytes.data + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += archive.bytes.data[i];
	(void)snprintf((char *)archive.bytes.data + 148, 8, "%06o", sum);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_EQ(fstatat(place.in, "su", &info, 0), 0);
	CHECK_EQ(info.st_mode, S_IFREG | 0755);
	archive_finish(&archive);
	place_remove(&place);
}

/* F19: a link out, then a file through it, in the archive and waiting on the disk. */
TEST(nothing_is_written_through_a_link)
{
	static const char *const targets[] = { "../out", "/tmp", "..", "." };
	struct err err = ERR_INIT;

	for (size_t i = 0; i < 4; i++) {
		struct archive archive;
		struct place place;

		CHECK_EQ(place_make(&place), 0);
		archive_init(&archive);
		archive_raw(&archive, '2', "link", targets[i], "", 0);
		archive_file(&archive, "link/sbx-evil", "evil");
		CHECK_EQ(unpack(&place, &archive, NULL, &err), -ELOOP);
		CHECK_STR(err.text, "'link/sbx-evil' leads through a symbolic link");
		CHECK_EQ(count_entries(&place), 1);
		CHECK(faccessat(place.top, "out/sbx-evil", F_OK, 0) < 0);
		archive.bytes.len = 0;
		archive_raw(&archive, '5', "link/", "", "", 0);
		CHECK(unpack(&place, &archive, NULL, &err) < 0);
		archive.bytes.len = 0;
		archive_file(&archive, "link/a/b", "evil");
		CHECK_EQ(unpack(&place, &archive, NULL, &err), -ELOOP);
		archive_finish(&archive);
		place_remove(&place);
	}
}

TEST(a_link_in_a_files_place_is_replaced_not_followed)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;
	struct stat info;

	CHECK_EQ(place_make(&place), 0);
	CHECK_EQ(file_write(place.top, "out/precious", "precious", 8, 0600), 0);
	CHECK_EQ(symlinkat("../out/precious", place.in, "file"), 0);
	archive_init(&archive);
	archive_file(&archive, "file", "new");
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_STR(content(place.top, "out/precious"), "precious");
	CHECK_EQ(fstatat(place.in, "file", &info, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISREG(info.st_mode));
	archive_finish(&archive);
	place_remove(&place);
}

TEST(a_hard_link_gives_away_nothing_that_was_there)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;

	CHECK_EQ(place_make(&place), 0);
	CHECK_EQ(file_write(place.in, "secret", "secret", 6, 0600), 0);
	CHECK_EQ(symlinkat("../out", place.in, "way"), 0);
	archive_init(&archive);
	archive_raw(&archive, '1', "open", "secret", "", 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), -EPERM);
	CHECK_STR(err.text, "the archive's entry 'open' links to 'secret', which is not its");
	archive.bytes.len = 0;
	archive_raw(&archive, '1', "open", "way", "", 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), -EPERM);
	archive.bytes.len = 0;
	archive_raw(&archive, '1', "open", "way/x", "", 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), -ELOOP);
	CHECK_EQ(count_entries(&place), 2);
	archive_finish(&archive);
	place_remove(&place);
}

TEST(an_existing_hard_link_is_not_written_into)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;

	CHECK_EQ(place_make(&place), 0);
	CHECK_EQ(file_write(place.top, "out/precious", "precious", 8, 0600), 0);
	CHECK_EQ(linkat(place.top, "out/precious", place.in, "file", 0), 0);
	archive_init(&archive);
	archive_file(&archive, "file", "new");
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_STR(content(place.in, "file"), "new");
	CHECK_STR(content(place.top, "out/precious"), "precious");
	archive_finish(&archive);
	place_remove(&place);
}

TEST(a_file_does_not_replace_a_folder_nor_the_reverse)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;

	CHECK_EQ(place_make(&place), 0);
	CHECK_EQ(mkdirat(place.in, "d", 0755), 0);
	CHECK_EQ(file_write(place.in, "f", "f", 1, 0600), 0);
	archive_init(&archive);
	archive_file(&archive, "d", "x");
	CHECK_EQ(unpack(&place, &archive, NULL, &err), -EISDIR);
	archive.bytes.len = 0;
	archive_raw(&archive, '5', "f", "", "", 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), -ENOTDIR);
	/* No temporary stays behind. */
	CHECK_EQ(count_entries(&place), 2);
	archive_finish(&archive);
	place_remove(&place);
}

TEST(a_cut_archive_leaves_no_temporary)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;

	CHECK_EQ(place_make(&place), 0);
	archive_init(&archive);
	archive_file(&archive, "file", "content");
	archive.bytes.len = 514;
	CHECK_EQ(unpack(&place, &archive, NULL, &err), -EPROTO);
	CHECK_EQ(count_entries(&place), 0);
	archive_finish(&archive);
	place_remove(&place);
}

TEST(one_thing_takes_the_name_it_is_given)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;

	CHECK_EQ(place_make(&place), 0);
	archive_init(&archive);
	archive_raw(&archive, '5', "old/", "", "", 0);
	archive_file(&archive, "old/file", "hello");
	archive_raw(&archive, '1', "old/hard", "old/file", "", 0);
	CHECK_EQ(unpack(&place, &archive, "new", &err), 0);
	CHECK_STR(content(place.in, "new/file"), "hello");
	CHECK_STR(content(place.in, "new/hard"), "hello");
	archive_file(&archive, "other", "x");
	CHECK_EQ(unpack(&place, &archive, "again", &err), -EINVAL);
	archive.bytes.len = 0;
	archive_raw(&archive, '5', "./", "", "", 0);
	archive_file(&archive, "./a/b", "below");
	CHECK_EQ(unpack(&place, &archive, "third", &err), 0);
	CHECK_STR(content(place.in, "third/a/b"), "below");
	archive.bytes.len = 0;
	CHECK_EQ(unpack(&place, &archive, "none", &err), -ENOENT);
	archive_finish(&archive);
	place_remove(&place);
}

static int append(void *context, const void *bytes, size_t len, struct err *err)
{
	(void)err;
	return buf_append(context, bytes, len);
}

static int pack(int dir, const char *name, const char *top, bool follow, struct archive *archive,
		struct err *err)
{
	static struct tar_writer writer;
	const struct tar_pack_config config = {
		.dir = dir, .name = name, .top = top, .follow_top = follow
	};
	int r;

	archive->bytes.len = 0;
	tar_writer_init(&writer, append, &archive->bytes);
	r = tar_pack(&config, &writer, err);
	return r < 0 ? r : tar_writer_end(&writer, err);
}

TEST(what_is_packed_is_unpacked)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;
	struct stat info;
	char large[100000];

	memset(large, 'x', sizeof(large));
	CHECK_EQ(place_make(&place), 0);
	archive_init(&archive);
	CHECK_EQ(mkdirat(place.top, "out/sub", 0755), 0);
	CHECK_EQ(file_write(place.top, "out/sub/small", "hello", 5, 0640), 0);
	CHECK_EQ(file_write(place.top, "out/sub/large", large, sizeof(large), 0755), 0);
	CHECK_EQ(symlinkat("sub/small", place.top, "out/link"), 0);
	CHECK_EQ(mkfifoat(place.top, "out/fifo", 0600), 0);
	CHECK_EQ(fchmodat(place.top, "out/sub", 0555, 0), 0);
	CHECK_EQ(pack(place.top, "out", "copy", false, &archive, &err), 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_STR(content(place.in, "copy/link"), "hello");
	CHECK(faccessat(place.in, "copy/fifo", F_OK, 0) < 0);
	CHECK_EQ(fstatat(place.in, "copy/sub/large", &info, 0), 0);
	CHECK_EQ(info.st_size, sizeof(large));
	CHECK_EQ(info.st_mode, S_IFREG | 0755);
	CHECK_EQ(fstatat(place.in, "copy/sub", &info, 0), 0);
	CHECK_EQ(info.st_mode, S_IFDIR | 0555);
	CHECK_EQ(fchmodat(place.in, "copy/sub", 0755, 0), 0);
	CHECK_EQ(fchmodat(place.top, "out/sub", 0755, 0), 0);
	archive_finish(&archive);
	place_remove(&place);
}

TEST(links_are_packed_as_links_unless_the_top_is_followed)
{
	struct err err = ERR_INIT;
	struct archive archive;
	struct place place;
	struct stat info;

	CHECK_EQ(place_make(&place), 0);
	archive_init(&archive);
	CHECK_EQ(file_write(place.top, "out/file", "hello", 5, 0640), 0);
	CHECK_EQ(symlinkat("file", place.top, "out/link"), 0);
	CHECK_EQ(pack(place.top, "out/link", "as-link", false, &archive, &err), 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_EQ(fstatat(place.in, "as-link", &info, AT_SYMLINK_NOFOLLOW), 0);
	CHECK(S_ISLNK(info.st_mode));
	CHECK_EQ(pack(place.top, "out/link", "as-file", true, &archive, &err), 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_STR(content(place.in, "as-file"), "hello");
	CHECK_EQ(pack(place.top, "out", "", false, &archive, &err), 0);
	CHECK_EQ(unpack(&place, &archive, NULL, &err), 0);
	CHECK_STR(content(place.in, "file"), "hello");
	CHECK_EQ(pack(place.top, "missing", "m", false, &archive, &err), -ENOENT);
	archive_finish(&archive);
	place_remove(&place);
}

TEST_MAIN()
