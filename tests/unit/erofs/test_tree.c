/* What becomes of a tree when layers are put on it, as its image shows. */
#include <errno.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/unit/erofs/image.h"
#include "tests/unit/test.h"

static struct image image;

static bool is_whiteout(const char *path)
{
	char full[256];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s/%s", image.seen, path);
	return lstat(full, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0);
}

TEST(later_entries_replace_earlier_ones)
{
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(image_file(&image, "file", "old"), 0);
	CHECK_EQ(image_file(&image, "folder/kept", "kept"), 0);
	CHECK_EQ(image_file(&image, "was_folder/gone", "gone"), 0);
	CHECK_EQ(image_file(&image, "was_file", "gone"), 0);
	erofs_tree_next_layer(image.tree);
	CHECK_EQ(image_file(&image, "file", "new"), 0);
	CHECK_EQ(image_folder(&image, "folder"), 0);
	CHECK_EQ(image_file(&image, "was_folder", "file"), 0);
	CHECK_EQ(image_file(&image, "was_file/now", "below"), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK_EQ(image_extract(&image), 0);
	CHECK(image_has(&image, "file", "new"));
	CHECK(image_has(&image, "folder/kept", "kept"));
	CHECK(image_has(&image, "was_folder", "file"));
	CHECK(image_has(&image, "was_file/now", "below"));
	image_finish(&image);
}

TEST(what_is_hidden_in_a_lowest_image_is_gone)
{
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(image_file(&image, "a/b", "b"), 0);
	CHECK_EQ(image_file(&image, "d/one", "1"), 0);
	CHECK_EQ(image_file(&image, "d/deep/two", "2"), 0);
	erofs_tree_next_layer(image.tree);
	CHECK_EQ(erofs_tree_hide(image.tree, "a/b", &image.err), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "not/there", &image.err), 0);
	CHECK_EQ(image_file(&image, "d/deep/three", "3"), 0);
	CHECK_EQ(erofs_tree_hide_content(image.tree, "d", &image.err), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK_EQ(image_extract(&image), 0);
	CHECK(!image_exists(&image, "a/b"));
	CHECK(!image_exists(&image, "not"));
	CHECK(!image_exists(&image, "d/one"));
	CHECK(!image_exists(&image, "d/deep/two"));
	CHECK(image_has(&image, "d/deep/three", "3"));
	image_finish(&image);
}

TEST(a_layer_hides_nothing_of_its_own)
{
	CHECK_EQ(image_init(&image, true), 0);
	CHECK_EQ(image_file(&image, "file", "mine"), 0);
	CHECK_EQ(image_file(&image, "folder/mine", "mine"), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "file", &image.err), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "folder", &image.err), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "back", &image.err), 0);
	CHECK_EQ(image_file(&image, "back/again", "mine"), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK_EQ(image_extract(&image), 0);
	CHECK(image_has(&image, "file", "mine"));
	CHECK(image_has(&image, "folder/mine", "mine"));
	CHECK(image_has(&image, "back/again", "mine"));
	image_finish(&image);
}

TEST(an_upper_image_keeps_the_marks_of_overlayfs)
{
	CHECK_EQ(image_init(&image, true), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "gone", &image.err), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "deep/gone", &image.err), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "again", &image.err), 0);
	erofs_tree_next_layer(image.tree);
	CHECK_EQ(image_folder(&image, "again"), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "deep", &image.err), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK(image_is_good(&image));
	if (geteuid() != 0) {
		image_finish(&image);
		SKIP("devices are unpacked by root only");
	}
	CHECK_EQ(image_extract(&image), 0);
	CHECK(is_whiteout("gone"));
	CHECK(is_whiteout("deep"));
	CHECK(!is_whiteout("again"));
	image_finish(&image);
}

static const char *opaque_mark(const char *path)
{
	static char value[8];
	char full[256];
	ssize_t len;

	(void)snprintf(full, sizeof(full), "%s/%s", image.seen, path);
	len = lgetxattr(full, "trusted.overlay.opaque", value, sizeof(value) - 1);
	value[len > 0 ? len : 0] = '\0';
	return value;
}

TEST(what_replaces_is_opaque)
{
	CHECK_EQ(image_init(&image, true), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "again", &image.err), 0);
	CHECK_EQ(image_file(&image, "was_file", ""), 0);
	CHECK_EQ(image_folder(&image, "plain"), 0);
	CHECK_EQ(image_folder(&image, "hidden"), 0);
	CHECK_EQ(erofs_tree_hide(image.tree, "hidden", &image.err), 0);
	erofs_tree_next_layer(image.tree);
	CHECK_EQ(image_folder(&image, "again"), 0);
	CHECK_EQ(image_folder(&image, "was_file"), 0);
	CHECK_EQ(image_folder(&image, "hidden"), 0);
	CHECK_EQ(erofs_tree_hide_content(image.tree, "content", &image.err), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK(image_is_good(&image));
	if (image_mount(&image) < 0) {
		image_finish(&image);
		SKIP("an erofs image cannot be mounted here");
	}
	CHECK_STR(opaque_mark("again"), "y");
	CHECK_STR(opaque_mark("was_file"), "y");
	CHECK_STR(opaque_mark("hidden"), "y");
	CHECK_STR(opaque_mark("content"), "y");
	CHECK_STR(opaque_mark("plain"), "");
	image_finish(&image);
}

TEST(hard_links_outlive_what_they_replace)
{
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(image_file(&image, "a", "text"), 0);
	CHECK_EQ(erofs_tree_link(image.tree, "a", "a", &image.err), 0);
	CHECK_EQ(erofs_tree_link(image.tree, "x/b", "a", &image.err), 0);
	erofs_tree_next_layer(image.tree);
	CHECK_EQ(erofs_tree_link(image.tree, "a/in/itself", "a", &image.err), 0);
	CHECK_EQ(image_file(&image, "x/b", "other"), 0);
	CHECK_EQ(image_write(&image), 0);
	CHECK_EQ(image_extract(&image), 0);
	CHECK(image_has(&image, "a/in/itself", "text"));
	CHECK(image_has(&image, "x/b", "other"));
	image_finish(&image);
}

TEST(what_cannot_be_is_refused)
{
	const struct erofs_attributes file = { .mode = S_IFREG | 0644 };
	char name[300], deep[2 * EROFS_DEPTH_MAX + 8];
	struct erofs_node *node;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	for (size_t i = 0; i < sizeof(deep) - 1; i++)
		deep[i] = i % 2 == 0 ? 'd' : '/';
	deep[sizeof(deep) - 1] = '\0';
	CHECK_EQ(image_init(&image, false), 0);
	CHECK_EQ(image_put(&image, "", &file), -EPERM);
	CHECK_EQ(image_put(&image, name, &file), -EPERM);
	CHECK_EQ(image_put(&image, deep, &file), -EPERM);
	CHECK_EQ(image_file(&image, "file", ""), 0);
	CHECK_EQ(image_put(&image, "file/below", &file), -EPERM);
	CHECK_STR(image.err.text, "it lies below what is no folder");
	CHECK_EQ(image_symlink(&image, "link", "/etc"), 0);
	CHECK_EQ(image_put(&image, "link/passwd", &file), -EPERM);
	CHECK_EQ(image_symlink(&image, "empty", ""), -EPERM);
	CHECK_EQ(image_folder(&image, "folder"), 0);
	CHECK_EQ(erofs_tree_link(image.tree, "l", "folder", &image.err), -EPERM);
	CHECK_EQ(erofs_tree_link(image.tree, "l", "none", &image.err), -EPERM);
	CHECK_EQ(erofs_tree_link(image.tree, "", "file", &image.err), -EPERM);
	CHECK_EQ(erofs_tree_hide(image.tree, "", &image.err), -EPERM);
	CHECK_EQ(erofs_tree_put(image.tree, "f", &file, NULL, &image.err, &node), 0);
	CHECK_EQ(erofs_tree_set_xattr(image.tree, node, "odd", "", 0, &image.err), -EOPNOTSUPP);
	CHECK_EQ(erofs_tree_set_xattr(image.tree, node, "trusted.overlay.redirect", "/", 1,
				      &image.err),
		 -EPERM);
	CHECK_EQ(erofs_tree_set_xattr(image.tree, node, "user.big", deep, sizeof(deep), &image.err),
		 0);
	for (int i = 0; i < 5; i++)
		(void)erofs_tree_set_xattr(image.tree, node, "user.more", deep, sizeof(deep),
					   &image.err);
	CHECK_EQ(
		erofs_tree_set_xattr(image.tree, node, "user.much", deep, sizeof(deep), &image.err),
		-EPERM);
	image_finish(&image);
}

TEST(limits_end_it)
{
	const struct erofs_limits few = { .entries_max = 2, .bytes_max = 1000 };
	const struct erofs_limits short_names = { .entries_max = 100, .bytes_max = 8 };
	const struct erofs_attributes folder = { .mode = S_IFDIR };
	struct err err = ERR_INIT;
	struct erofs_node *node;
	struct erofs_tree *tree;

	CHECK_EQ(erofs_tree_create(&few, false, &tree), 0);
	CHECK_EQ(erofs_tree_put(tree, "a/b", &folder, NULL, &err, &node), 0);
	CHECK_EQ(erofs_tree_put(tree, "a/c", &folder, NULL, &err, &node), -EFBIG);
	erofs_tree_destroy(tree);
	CHECK_EQ(erofs_tree_create(&short_names, false, &tree), 0);
	CHECK_EQ(erofs_tree_put(tree, "1234567", &folder, NULL, &err, &node), 0);
	CHECK_EQ(erofs_tree_put(tree, "a", &folder, NULL, &err, &node), -EFBIG);
	erofs_tree_destroy(tree);
}

TEST_MAIN()
