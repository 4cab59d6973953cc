#include "tests/unit/erofs/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fd.h"
#include "base/file.h"

enum { COMMAND_MAX = 256, PATH_BYTES = 8192 };

int image_init(struct image *image, bool is_upper)
{
	const struct erofs_limits limits = { .entries_max = 100000, .bytes_max = 16 << 20 };
	int r;

	*image = (struct image){ .path = "image.XXXXXX" };
	image->fd = mkostemp(image->path, O_CLOEXEC);
	if (image->fd < 0)
		return -errno;
	r = erofs_tree_create(&limits, is_upper, &image->tree);
	return r == 0 ? erofs_writer_create(image->fd, &image->writer) : r;
}

void image_finish(struct image *image)
{
	if (image->is_mounted)
		(void)umount2(image->seen, MNT_DETACH);
	if (image->seen[0] != '\0')
		(void)file_remove_tree(AT_FDCWD, image->seen);
	erofs_writer_destroy(image->writer);
	erofs_tree_destroy(image->tree);
	(void)close(image->fd);
	(void)unlink(image->path);
}

int image_put(struct image *image, const char *path, const struct erofs_attributes *attributes)
{
	struct erofs_node *node;

	return erofs_tree_put(image->tree, path, attributes, NULL, &image->err, &node);
}

int image_folder(struct image *image, const char *path)
{
	const struct erofs_attributes attributes = { .mode = S_IFDIR | 0755, .mtime_s = 1000 };

	return image_put(image, path, &attributes);
}

int image_symlink(struct image *image, const char *path, const char *target)
{
	const struct erofs_attributes attributes = { .mode = S_IFLNK | 0777, .mtime_s = 1000 };
	struct erofs_node *node;

	return erofs_tree_put(image->tree, path, &attributes, target, &image->err, &node);
}

int image_file(struct image *image, const char *path, const char *content)
{
	const struct erofs_attributes attributes = { .mode = S_IFREG | 0644, .mtime_s = 1000 };
	struct erofs_node *node;
	int r = erofs_tree_put(image->tree, path, &attributes, NULL, &image->err, &node);

	if (r < 0)
		return r;
	erofs_writer_begin(image->writer, node);
	r = erofs_writer_data(image->writer, content, strlen(content), &image->err);
	return r == 0 ? erofs_writer_end(image->writer, &image->err) : r;
}

int image_write(struct image *image)
{
	return erofs_writer_finish(image->writer, image->tree, &image->err, &image->bytes);
}

static int run(const char *before, const struct image *image, const char *after)
{
	char command[COMMAND_MAX];

	(void)snprintf(command, sizeof(command), "%s%s %s", before, image->seen, after);
	return system(command);
}

bool image_is_good(const struct image *image)
{
	char command[COMMAND_MAX];

	(void)snprintf(command, sizeof(command), "fsck.erofs %s", image->path);
	return system(command) == 0;
}

static int make_seen(struct image *image)
{
	char name[] = "seen.XXXXXX";

	if (mkdtemp(name) == NULL)
		return -errno;
	memcpy(image->seen, name, sizeof(name));
	return 0;
}

int image_extract(struct image *image)
{
	int r = make_seen(image);

	if (r < 0)
		return r;
	return run("fsck.erofs --extract=", image, image->path) == 0 ? 0 : -EIO;
}

int image_mount(struct image *image)
{
	char command[COMMAND_MAX];
	int r = make_seen(image);

	if (r < 0)
		return r;
	(void)snprintf(command, sizeof(command), "mount -t erofs -o ro,loop %s %s 2>/dev/null",
		       image->path, image->seen);
	image->is_mounted = system(command) == 0;
	return image->is_mounted ? 0 : -ENOTSUP;
}

bool image_has(const struct image *image, const char *path, const char *content)
{
	char full[PATH_BYTES];
	size_t len = strlen(content);
	autofree char *seen = malloc(len + 2);
	autoclose int fd = -1;

	(void)snprintf(full, sizeof(full), "%s/%s", image->seen, path);
	fd = open(full, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && seen != NULL && fd_read_full(fd, seen, len + 1) == (ssize_t)len &&
	       memcmp(seen, content, len) == 0;
}

bool image_exists(const struct image *image, const char *path)
{
	char full[PATH_BYTES];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s/%s", image->seen, path);
	return lstat(full, &st) == 0;
}
