/* An image of everything, through fsck.erofs and, where that can be, through the kernel. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "tests/unit/erofs/image.h"
#include "tests/unit/test.h"

enum { MANY = 3000, BIG = 3 * 4096 + 17 };

static struct image image;

static struct stat look(const char *path)
{
	char full[8192];
	struct stat st = { 0 };

	(void)snprintf(full, sizeof(full), "%s/%s", image.seen, path);
	(void)lstat(full, &st);
	return st;
}

static int put_links(void)
{
	char target[4096];
	int r = image_symlink(&image, "short", "some/where");

	memset(target, 't', sizeof(target) - 1);
	target[sizeof(target) - 1] = '\0';
	if (r == 0)
		r = image_symlink(&image, "long", target);
	target[3900] = '\0';
	if (r == 0)
		r = image_symlink(&image, "middle", target);
	return r == 0 ? erofs_tree_link(image.tree, "second", "big", &image.err) : r;
}

static int put_many(void)
{
	int r = 0;

	for (int i = 0; i < MANY && r == 0; i++) {
		char path[32];

		(void)snprintf(path, sizeof(path), "many/file_%d", i);
		r = image_file(&image, path, i % 100 == 0 ? path : "");
	}
	/* These sort before "." and "..". */
	if (r == 0)
		r = image_file(&image, "many/!", "first");
	return r == 0 ? image_file(&image, "many/.-", "second") : r;
}

static int put_attributes(void)
{
	const struct erofs_attributes odd = { .mode = S_IFREG | 06751,
					      .uid = 100000,
					      .gid = 70000,
					      .mtime_s = 1700000000,
					      .mtime_ns = 123456789 };
	const struct erofs_attributes null = { .mode = S_IFCHR | 0666, .major = 1, .minor = 3 };
	const struct erofs_attributes disk = { .mode = S_IFBLK | 0600,
					       .major = 259,
					       .minor = 1000 };
	const struct erofs_attributes pipe = { .mode = S_IFIFO | 0600 };
	static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 4 };
	struct erofs_node *node;
	int r = erofs_tree_put(image.tree, "odd", &odd, NULL, &image.err, &node);

	if (r == 0)
		r = erofs_tree_set_xattr(image.tree, node, "user.colour", "blue", 4, &image.err);
	if (r == 0)
		r = erofs_tree_set_xattr(image.tree, node, "security.capability", capability,
					 sizeof(capability), &image.err);
	if (r == 0)
		r = image_put(&image, "null", &null);
	if (r == 0)
		r = image_put(&image, "disk", &disk);
	return r == 0 ? image_put(&image, "pipe", &pipe) : r;
}

static int put_all(void)
{
	static char big[BIG + 1];
	int r;

	memset(big, 'b', BIG);
	big[4096] = 'B';
	r = image_file(&image, "big", big);
	if (r == 0)
		r = image_file(&image, "empty", "");
	if (r == 0)
		r = image_folder(&image, "a/b/c");
	if (r == 0)
		r = put_links();
	if (r == 0)
		r = put_many();
	return r == 0 ? put_attributes() : r;
}

static void check_links(void)
{
	struct stat one = look("big"), two = look("second");
	char full[64], target[5000];

	CHECK_EQ(one.st_size, BIG);
	CHECK_EQ(one.st_ino, two.st_ino);
	CHECK_EQ(one.st_nlink, 2);
	CHECK_EQ(look("long").st_size, 4095);
	CHECK_EQ(look("middle").st_size, 3900);
	(void)snprintf(full, sizeof(full), "%s/short", image.seen);
	CHECK_EQ(readlink(full, target, sizeof(target)), 10);
	CHECK_MEM(target, "some/where", 10);
	(void)snprintf(full, sizeof(full), "%s/long", image.seen);
	CHECK_EQ(readlink(full, target, sizeof(target)), 4095);
	CHECK_EQ(target[4094], 't');
}

static void check_attributes(void)
{
	struct stat odd = look("odd");

	CHECK_EQ(odd.st_mode, S_IFREG | 06751);
	CHECK_EQ(odd.st_uid, 100000);
	CHECK_EQ(odd.st_gid, 70000);
	CHECK_EQ(odd.st_mtim.tv_sec, 1700000000);
	CHECK_EQ(odd.st_mtim.tv_nsec, 123456789);
	CHECK_EQ(look("null").st_rdev, makedev(1, 3));
	CHECK_EQ(look("disk").st_rdev, makedev(259, 1000));
	CHECK(S_ISFIFO(look("pipe").st_mode));
}

static void check_many(void)
{
	CHECK(image_has(&image, "many/!", "first"));
	CHECK(image_has(&image, "many/.-", "second"));
	CHECK(image_has(&image, "many/file_0", "many/file_0"));
	CHECK(image_has(&image, "many/file_2900", "many/file_2900"));
	CHECK(image_has(&image, "many/file_2999", ""));
	CHECK(!image_exists(&image, "many/file_3000"));
	CHECK(image_has(&image, "empty", ""));
	CHECK(image_exists(&image, "a/b/c"));
}

TEST(fsck_unpacks_what_was_put)
{
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(put_all(), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK(image_is_good(&image));
	if (geteuid() != 0) {
		image_finish(&image);
		SKIP("owners and devices are unpacked by root only");
	}
	CHECK_EQ(image_extract(&image), 0);
	check_many();
	CHECK_EQ(look("odd").st_uid, 100000);
	CHECK_EQ(look("disk").st_rdev, makedev(259, 1000));
	CHECK_EQ(look("big").st_size, BIG);
	CHECK_EQ(look("long").st_size, 4095);
	image_finish(&image);
}

TEST(the_kernel_mounts_it)
{
	char full[64], value[64];

	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(put_all(), 0);
	CHECK_EQ(image_write(&image), 0);
	if (image_mount(&image) < 0) {
		image_finish(&image);
		SKIP("an erofs image cannot be mounted here");
	}
	check_many();
	check_attributes();
	check_links();
	(void)snprintf(full, sizeof(full), "%s/odd", image.seen);
	CHECK_EQ(lgetxattr(full, "user.colour", value, sizeof(value)), 4);
	CHECK_MEM(value, "blue", 4);
	CHECK_EQ(lgetxattr(full, "security.capability", value, sizeof(value)), 20);
	CHECK_EQ(look("many").st_nlink, 2);
	CHECK_EQ(look("a").st_nlink, 3);
	image_finish(&image);
}

static bool same_bytes(const char *a, const char *b)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "cmp %s %s", a, b);
	return system(command) == 0;
}

TEST(the_same_calls_make_the_same_bytes)
{
	struct image first;

	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(put_all(), 0);
	CHECK_EQ(image_write(&image), 0);
	first = image;
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(put_all(), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK(same_bytes(first.path, image.path));
	CHECK_EQ(first.bytes, image.bytes);
	CHECK_EQ(lseek(image.fd, 0, SEEK_END), (off_t)image.bytes);
	image_finish(&first);
	image_finish(&image);
}

TEST(an_empty_image_is_one)
{
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK(image_is_good(&image));
	image_finish(&image);
}

TEST(a_full_disk_is_said)
{
	struct err err = ERR_INIT;
	autoclose int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	CHECK(full >= 0);
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(image_file(&image, "f", ""), 0);
	CHECK_EQ(dup2(full, image.fd), image.fd);
	CHECK_EQ(erofs_writer_finish(image.writer, image.tree, &err, &image.bytes), -ENOSPC);
	CHECK(strstr(err.text, "the image cannot be written") != NULL);
	image_finish(&image);
}

TEST_MAIN()
