/* The program itself, in its jail: blobs go in, an image and what is said of it come out. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/fd.h"
#include "base/file.h"
#include "jail/spawn.h"
#include "tests/unit/tar/archive.h"
#include "tests/unit/test.h"

enum { SAID_MAX = 8192, BLOB_MAX = 1 << 20 };

static char said[SAID_MAX]; /* the result */
static char image[] = "image.XXXXXX";

/* An unnamed file with these bytes, at its begin. */
static int file_of(const void *bytes, size_t len)
{
	int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 || fd_write_full(fd, bytes, len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fd;
}

static int spawn(char *const *argv, const int *fds, size_t count)
{
	struct err err = ERR_INIT;
	struct spawned child;
	siginfo_t info = { 0 };
	int r = jail_spawn(&(struct spawn_config){ .program = getenv("SBX_IMAGE"),
						   .argv = argv,
						   .fds = fds,
						   .fds_count = count,
						   .stdout_fd = 2 },
			   &child, &err);

	if (r == 0)
		r = jail_spawn_release(&child, &err);
	if (r < 0) {
		printf("# %s\n", err.text);
		return r;
	}
	if (waitid(P_PIDFD, (id_t)child.pidfd, &info, WEXITED) < 0)
		return -errno;
	spawned_finish(&child);
	return info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
}

/* Runs it over one or two blobs; its exit status, or minus the signal. */
static int convert(char *const *argv, int first, int second)
{
	autoclose int result = file_of("", 0);
	autoclose int output = -1;
	int fds[] = { first, -1, result, second }, r;

	memcpy(image, "image.XXXXXX", sizeof(image));
	output = mkostemp(image, O_CLOEXEC);
	fds[1] = output;
	if (output < 0 || result < 0 || first < 0)
		return -EIO;
	r = spawn(argv, fds, second < 0 ? 3 : 4);
	memset(said, 0, sizeof(said));
	if (lseek(result, 0, SEEK_SET) < 0 || fd_read_full(result, said, SAID_MAX - 1) < 0)
		return -EIO;
	return r;
}

static int convert_archive(const char *stack, const struct archive *archive)
{
	char *argv[] = { (char *)"sbx-image", (char *)stack, (char *)"tar", NULL };
	autoclose int blob = file_of(archive->bytes.data, archive->bytes.len);

	return convert(argv, blob, -1);
}

/* Whether this sentence is all that it said. */
static bool refused(const struct archive *archive, const char *sentence)
{
	int r = convert_archive("lowest", archive);

	(void)unlink(image);
	if (strncmp(said, "refused ", 8) != 0 || strstr(said, sentence) == NULL)
		printf("# it said: %s\n", said);
	return r == 0 && strncmp(said, "refused ", 8) == 0 && strstr(said, sentence) != NULL;
}

static bool has(const char *path, const char *content)
{
	char command[512];
	bool found;

	(void)snprintf(command, sizeof(command),
		       "fsck.erofs --extract=seen.image %s >/dev/null && "
		       "test \"$(cat seen.image/%s 2>&1)\" = '%s'",
		       image, path, content);
	found = system(command) == 0;
	return file_remove_tree(AT_FDCWD, "seen.image") == 0 && found;
}

static void hex_of(const void *bytes, size_t len, char ret[65])
{
	uint8_t hash[32];

	(void)crypto_hash_sha256(hash, bytes, len);
	(void)sodium_bin2hex(ret, 65, hash, sizeof(hash));
}

TEST(a_layer_becomes_an_image)
{
	char diff[65], want[256];
	struct archive archive;

	archive_init(&archive);
	archive_raw(&archive, '5', "./etc/", "", "", 0);
	archive_file(&archive, "./etc/passwd", "root");
	archive_raw(&archive, '1', "etc/copy", "etc/passwd", "", 0);
	archive_raw(&archive, '2', "bin", "usr/bin", "", 0);
	archive_end(&archive);
	CHECK_EQ(convert_archive("lowest", &archive), 0);
	hex_of(archive.bytes.data, archive.bytes.len, diff);
	(void)snprintf(want, sizeof(want), "blob %s %s\nimage 4 12288 ", diff, diff);
	CHECK(strncmp(said, want, strlen(want)) == 0);
	CHECK(has("etc/copy", "root"));
	(void)unlink(image);
	archive_finish(&archive);
}

static size_t gzip_of(const struct archive *archive, uint8_t *to)
{
	z_stream z = { .next_in = archive->bytes.data,
		       .avail_in = (uInt)archive->bytes.len,
		       .next_out = to,
		       .avail_out = BLOB_MAX };

	if (deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		return 0;
	(void)deflate(&z, Z_FINISH);
	(void)deflateEnd(&z);
	return z.total_out;
}

TEST(two_layers_become_one_image)
{
	char *argv[] = { (char *)"sbx-image", (char *)"lowest", (char *)"tar", (char *)"gzip",
			 NULL };
	static uint8_t gzip[BLOB_MAX];
	char blob[65], diff[65];
	struct archive low, high;
	size_t len;

	archive_init(&low);
	archive_file(&low, "a/gone", "gone");
	archive_file(&low, "a/kept", "kept");
	archive_file(&low, "b/old", "old");
	archive_end(&low);
	archive_init(&high);
	archive_file(&high, "a/.wh.gone", "");
	archive_file(&high, "b/new", "new");
	archive_file(&high, "b/.wh..wh..opq", "");
	archive_end(&high);
	len = gzip_of(&high, gzip);
	CHECK(len > 0);
	CHECK_EQ(convert(argv, file_of(low.bytes.data, low.bytes.len), file_of(gzip, len)), 0);
	hex_of(gzip, len, blob);
	hex_of(high.bytes.data, high.bytes.len, diff);
	CHECK(strstr(said, blob) != NULL);
	CHECK(strstr(said, diff) != NULL);
	CHECK(has("a/kept", "kept"));
	CHECK(has("b/new", "new"));
	CHECK(!has("a/gone", "gone"));
	CHECK(!has("b/old", "old"));
	(void)unlink(image);
	archive_finish(&low);
	archive_finish(&high);
}

/* The digest of the tree, from what was said. */
static const char *tree_said(void)
{
	const char *line = strstr(said, "image ");

	return line == NULL ? "none" : strrchr(line, ' ') + 1;
}

TEST(another_tree_has_another_digest)
{
	struct archive one, other;
	char first[128];

	archive_init(&one);
	archive_file(&one, "a", "content of a");
	archive_raw(&one, '1', "d", "a", "", 0);
	archive_end(&one);
	archive_init(&other);
	archive_file(&other, "a", "content of A");
	archive_raw(&other, '1', "d", "a", "", 0);
	archive_end(&other);
	CHECK_EQ(convert_archive("lowest", &one), 0);
	(void)unlink(image);
	(void)snprintf(first, sizeof(first), "%s", tree_said());
	CHECK_EQ(strlen(first), 65);
	CHECK_EQ(convert_archive("lowest", &other), 0);
	(void)unlink(image);
	CHECK(strcmp(first, tree_said()) != 0);
	archive_finish(&one);
	archive_finish(&other);
}

TEST(the_digest_tells_nothing_of_the_order)
{
	struct archive one, other;
	char first[128];

	archive_init(&one);
	archive_file(&one, "a", "content of a");
	archive_file(&one, "b", "content of b");
	archive_end(&one);
	archive_init(&other);
	archive_file(&other, "b", "replaced");
	archive_file(&other, "b", "content of b");
	archive_file(&other, "a", "content of a");
	archive_end(&other);
	CHECK_EQ(convert_archive("lowest", &one), 0);
	(void)unlink(image);
	(void)snprintf(first, sizeof(first), "%s", tree_said());
	CHECK_EQ(convert_archive("lowest", &other), 0);
	(void)unlink(image);
	CHECK_STR(tree_said(), first);
	archive_finish(&one);
	archive_finish(&other);
}

TEST(a_blob_may_be_a_part_of_a_file)
{
	char *list[] = { (char *)"sbx-image", (char *)"list", NULL };
	char word[64], *argv[] = { (char *)"sbx-image", (char *)"lowest", word, NULL };
	struct archive layer, outer;
	unsigned long offset, size;
	char diff[65];

	archive_init(&layer);
	archive_file(&layer, "inner", "here");
	archive_end(&layer);
	archive_init(&outer);
	archive_file(&outer, "manifest.json", "[]");
	archive_raw(&outer, '0', "blobs/layer.tar", "", (const char *)layer.bytes.data,
		    layer.bytes.len);
	archive_raw(&outer, '2', "again.tar", "blobs/layer.tar", "", 0);
	archive_file(&outer, "odd name", "left out");
	archive_end(&outer);
	CHECK_EQ(convert(list, file_of(outer.bytes.data, outer.bytes.len), -1), 0);
	(void)unlink(image);
	CHECK_STR(strchr(said, '\n') + 1, strstr(said, "file 1536 "));
	CHECK_EQ(sscanf(strstr(said, "file 1536 "), "file %lu %lu", &offset, &size), 2);
	CHECK_STR(strstr(said, "link "), "link again.tar blobs/layer.tar\nlisted\n");
	CHECK_EQ(size, layer.bytes.len);
	(void)snprintf(word, sizeof(word), "tar@%lu+%lu", offset, size);
	CHECK_EQ(convert(argv, file_of(outer.bytes.data, outer.bytes.len), -1), 0);
	hex_of(layer.bytes.data, layer.bytes.len, diff);
	CHECK(strstr(said, diff) != NULL);
	CHECK(has("inner", "here"));
	(void)unlink(image);
	archive_finish(&layer);
	archive_finish(&outer);
}

TEST(hostile_layers_are_refused)
{
	static const struct {
		char kind;
		const char *name, *link, *sentence;
	} rows[] = {
		{ '0', "/etc/passwd", "", "has an absolute name" },
		{ '0', "a/../../x", "", "leads out of its folder" },
		{ '1', "x", "../../etc/shadow", "leads out of its folder" },
		{ '1', "x", "etc/shadow", "it is a hard link to what is not there" },
		{ '3', "null", "", "is a device" },
		{ '4', "disk", "", "is a device" },
		{ '6', "pipe", "", "is a FIFO" },
		{ 'S', "holes", "", "is a sparse file" },
		{ '0', ".wh.", "", "it is a whiteout of nothing" },
		{ '0', "a/.wh...", "", "it is a whiteout of nothing" },
		{ '0', "through/passwd", "", "it lies below what is no folder" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct archive archive;

		archive_init(&archive);
		archive_raw(&archive, '2', "through", "/etc", "", 0);
		archive_raw(&archive, rows[i].kind, rows[i].name, rows[i].link, "", 0);
		archive_end(&archive);
		CHECK(refused(&archive, rows[i].sentence));
		archive_finish(&archive);
	}
}

TEST(what_is_cut_or_no_layer_is_refused)
{
	char *zstd[] = { (char *)"sbx-image", (char *)"upper", (char *)"zstd", NULL };
	char *gzip[] = { (char *)"sbx-image", (char *)"upper", (char *)"gzip", NULL };
	static uint8_t bytes[BLOB_MAX];
	struct archive archive;
	size_t len;

	archive_init(&archive);
	archive_file(&archive, "file", "content");
	len = gzip_of(&archive, bytes);
	CHECK_EQ(convert(gzip, file_of(bytes, len - 9), -1), 0);
	CHECK_STR(said, "refused the layer ends in the middle\n");
	(void)unlink(image);
	CHECK_EQ(convert(zstd, file_of(bytes, len), -1), 0);
	CHECK_STR(said, "refused the layer is not zstd, or it is broken\n");
	(void)unlink(image);
	archive.bytes.len -= 512;
	CHECK(refused(&archive, "the archive ends in the middle"));
	archive_finish(&archive);
}

TEST(wrong_words_end_it)
{
	char *no_stack[] = { (char *)"sbx-image", (char *)"tar", NULL };
	char *no_layer[] = { (char *)"sbx-image", (char *)"upper", NULL };
	char *odd[] = { (char *)"sbx-image", (char *)"upper", (char *)"xz", NULL };

	CHECK_EQ(convert(no_stack, file_of("", 0), -1), EXIT_FAILURE);
	CHECK_EQ(convert(no_layer, file_of("", 0), -1), EXIT_FAILURE);
	CHECK_EQ(convert(odd, file_of("", 0), -1), EXIT_FAILURE);
	CHECK_STR(said, "");
	(void)unlink(image);
}

TEST_MAIN()
