#include "sbx-init/layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "sbx-init/layer_own.h"
#include "tar/header.h"

enum { DEPTH_MAX = 256, XATTR_NAMES = 16384, XATTR_VALUE = 16384, SET_ID = S_ISUID | S_ISGID };

/* A file with several names, and the first of them. */
struct known {
	ino_t inode;
	char name[];
};

struct pack {
	const struct layer_config *config;
	struct tar_writer *writer; /* weak */
	struct err *err;	   /* weak */
	void *known;		   /* struct known, by inode (tsearch) */
	char name[TAR_NAME_MAX + 1];
	size_t len;
	unsigned depth;
	char xattr_names[XATTR_NAMES];
};

static int pack_folder(struct pack *pack, int fd, const struct stat *info);

static int fail(const struct pack *pack, int r, const char *what)
{
	return err_set_errno(pack->err, r, "cannot %s '/%s'", what, tar_show(pack->name).text);
}

static int compare_known(const void *a, const void *b)
{
	ino_t first = ((const struct known *)a)->inode, second = ((const struct known *)b)->inode;

	return first < second ? -1 : first > second;
}

/* The first name of a file with several, NULL when this is it. */
static int find_first_name(struct pack *pack, const struct stat *info, const char **ret)
{
	struct known *known = malloc(sizeof(*known) + pack->len + 1), **found;

	if (known == NULL)
		return -ENOMEM;
	known->inode = info->st_ino;
	memcpy(known->name, pack->name, pack->len + 1);
	found = tsearch(known, &pack->known, compare_known);
	if (found == NULL || *found != known) {
		free(known);
		*ret = found == NULL ? NULL : (*found)->name;
		return found == NULL ? -ENOMEM : 0;
	}
	*ret = NULL;
	return 0;
}

static struct tar_entry entry_of(struct pack *pack, enum tar_type type, const struct stat *info)
{
	return (struct tar_entry){ .type = type,
				   .name = pack->name,
				   .mode = info->st_mode & TAR_MODE_MASK,
				   .set_id = info->st_mode & SET_ID,
				   .uid = info->st_uid,
				   .gid = info->st_gid,
				   .mtime_s = info->st_mtim.tv_sec,
				   .mtime_ns = (uint32_t)info->st_mtim.tv_nsec };
}

static bool is_kept_xattr(const char *name)
{
	return strncmp(name, "user.", 5) == 0 || strcmp(name, "security.capability") == 0;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Puts an attribute before those there. */
static int add_xattr(int fd, const char *name, struct tar_xattr **list)
{
	size_t size = strlen(name) + 1;
	struct tar_xattr *xattr = malloc(sizeof(*xattr) + size + XATTR_VALUE);
	ssize_t len;

	if (xattr == NULL)
		return -ENOMEM;
	memcpy(xattr->name, name, size);
	xattr->value = (uint8_t *)xattr->name + size;
	len = fgetxattr(fd, name, xattr->value, XATTR_VALUE);
	if (len < 0) {
		free(xattr);
		return errno == ENODATA ? 0 : -errno;
	}
	xattr->len = (size_t)len;
	xattr->next = *list;
	*list = xattr;
	return 0;
}

/* In the order of their names. */
static int read_xattrs(struct pack *pack, int fd, struct tar_entry *entry)
{
	const char *kept[TAR_XATTRS_PACKED];
	ssize_t len = flistxattr(fd, pack->xattr_names, sizeof(pack->xattr_names));
	size_t count = 0;
	int r = 0;

	if (len < 0)
		return errno == ENOTSUP ? 0 : -errno;
	for (const char *name = pack->xattr_names; name < pack->xattr_names + len;
	     name += strlen(name) + 1) {
		if (!is_kept_xattr(name))
			continue;
		if (count == countof(kept))
			return -E2BIG;
		kept[count++] = name;
	}
	qsort(kept, count, sizeof(*kept), compare_texts);
	while (count > 0 && r == 0)
		r = add_xattr(fd, kept[--count], &entry->xattrs);
	return r;
}

/* Exactly as many bytes as were announced. */
static int pack_bytes(struct pack *pack, int fd, uint64_t size)
{
	static uint8_t chunk[TAR_CHUNK];

	while (size > 0) {
		size_t want = (size_t)min_of(size, (uint64_t)sizeof(chunk));
		ssize_t n = read(fd, chunk, want);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(pack, n < 0 ? -errno : -ESTALE, "read");
		r = tar_writer_data(pack->writer, chunk, (size_t)n, pack->err);
		if (r < 0)
			return r;
		size -= (uint64_t)n;
	}
	return 0;
}

static int pack_new_file(struct pack *pack, int fd, const struct stat *info)
{
	struct tar_entry entry = entry_of(pack, TAR_FILE, info);
	int r = read_xattrs(pack, fd, &entry);

	entry.size_bytes = (uint64_t)info->st_size;
	r = r < 0 ? fail(pack, r, "read the attributes of")
		  : tar_writer_entry(pack->writer, &entry, pack->err);
	tar_xattrs_free(entry.xattrs);
	return r < 0 ? r : pack_bytes(pack, fd, entry.size_bytes);
}

static int pack_file(struct pack *pack, int fd, const struct stat *info)
{
	struct tar_entry link = entry_of(pack, TAR_HARDLINK, info);
	const char *first = NULL;
	int r = info->st_nlink > 1 ? find_first_name(pack, info, &first) : 0;

	if (r < 0)
		return fail(pack, r, "pack");
	if (first == NULL)
		return pack_new_file(pack, fd, info);
	link.link = (char *)(uintptr_t)first;
	return tar_writer_entry(pack->writer, &link, pack->err);
}

static int pack_symlink(struct pack *pack, int dir, const char *base, const struct stat *info)
{
	struct tar_entry entry = entry_of(pack, TAR_SYMLINK, info);
	char target[TAR_NAME_MAX + 1];
	ssize_t n = readlinkat(dir, base, target, sizeof(target) - 1);

	if (n < 0)
		return fail(pack, -errno, "read the link");
	target[n] = '\0';
	entry.link = target;
	entry.mode = 0777;
	return tar_writer_entry(pack->writer, &entry, pack->err);
}

/* The empty file `mark` in the folder that pack->name is of, or in place of its last part. */
static int pack_mark(struct pack *pack, const char *mark, const char *base)
{
	char name[TAR_NAME_MAX + 1];
	struct tar_entry entry = { .type = TAR_FILE, .name = name };
	size_t folder = pack->len - strlen(base);
	int n = snprintf(name, sizeof(name), "%.*s%s%s", (int)folder, pack->name, mark, base);

	if (n < 0 || (size_t)n >= sizeof(name))
		return fail(pack, -ENAMETOOLONG, "pack");
	return tar_writer_entry(pack->writer, &entry, pack->err);
}

static int pack_opaque_mark(struct pack *pack)
{
	char name[TAR_NAME_MAX + 1];
	struct tar_entry entry = { .type = TAR_FILE, .name = name };
	int n = snprintf(name, sizeof(name), "%s%s.wh..wh..opq", pack->name,
			 pack->len > 0 ? "/" : "");

	if (n < 0 || (size_t)n >= sizeof(name))
		return fail(pack, -ENAMETOOLONG, "pack");
	return tar_writer_entry(pack->writer, &entry, pack->err);
}

static int pack_opened(struct pack *pack, int dir, const char *base)
{
	int fd = openat(dir, base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat info;
	int r;

	if (fd < 0 || fstat(fd, &info) < 0) {
		r = fail(pack, -errno, "open");
	} else if (S_ISDIR(info.st_mode)) {
		return pack_folder(pack, fd, &info);
	} else {
		r = layer_own_packs(pack->config, pack->name)
			    ? layer_own_pack(pack->config, pack->name, &info, pack->writer,
					     pack->err)
			    : pack_file(pack, fd, &info);
	}
	if (fd >= 0)
		(void)close(fd);
	return r;
}

static int pack_thing(struct pack *pack, int dir, const char *base)
{
	struct stat info;

	if (fstatat(dir, base, &info, AT_SYMLINK_NOFOLLOW) < 0)
		return fail(pack, -errno, "find");
	if (strncmp(base, ".wh.", 4) == 0 || layer_own_skips(pack->config, pack->name))
		return 0;
	if (S_ISCHR(info.st_mode) && info.st_rdev == 0)
		return pack_mark(pack, ".wh.", base);
	if (S_ISLNK(info.st_mode))
		return pack_symlink(pack, dir, base, &info);
	return S_ISREG(info.st_mode) || S_ISDIR(info.st_mode) ? pack_opened(pack, dir, base) : 0;
}

/* With "/base" appended for the time of one call. */
static int pack_below(struct pack *pack, int dir, const char *base)
{
	size_t len = pack->len;
	int n = snprintf(pack->name + len, sizeof(pack->name) - len, "%s%s", len > 0 ? "/" : "",
			 base);
	int r;

	if (n < 0 || (size_t)n >= sizeof(pack->name) - len)
		return fail(pack, -ENAMETOOLONG, "pack");
	pack->len = len + (size_t)n;
	r = pack_thing(pack, dir, base);
	pack->len = len;
	pack->name[len] = '\0';
	return r;
}

static int is_child(const struct dirent *entry)
{
	return strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int pack_children(struct pack *pack, int fd)
{
	struct dirent **children;
	char path[32];
	int count, r = 0;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	count = scandir(path, &children, is_child, by_bytes);
	if (count < 0)
		return fail(pack, -errno, "read the folder");
	for (int i = 0; i < count; i++) {
		if (r == 0)
			r = pack_below(pack, fd, children[i]->d_name);
		free(children[i]);
	}
	free(children);
	return r;
}

static int pack_folder_entry(struct pack *pack, int fd, const struct stat *info)
{
	struct tar_entry entry = entry_of(pack, TAR_FOLDER, info);
	char opaque = '\0';
	int r = read_xattrs(pack, fd, &entry);

	r = r < 0 ? fail(pack, r, "read the attributes of")
		  : tar_writer_entry(pack->writer, &entry, pack->err);
	tar_xattrs_free(entry.xattrs);
	if (r == 0 && fgetxattr(fd, "trusted.overlay.opaque", &opaque, 1) == 1 && opaque == 'y')
		r = pack_opaque_mark(pack);
	return r;
}

/* Takes fd over. */
static int pack_folder(struct pack *pack, int fd, const struct stat *info)
{
	int r = pack->depth == DEPTH_MAX ? fail(pack, -ELOOP, "go deeper than")
					 : pack_folder_entry(pack, fd, info);

	pack->depth++;
	if (r == 0)
		r = pack_children(pack, fd);
	pack->depth--;
	(void)close(fd);
	return r;
}

static void free_known(struct pack *pack)
{
	while (pack->known != NULL) {
		struct known *first = *(struct known **)pack->known;

		(void)tdelete(first, &pack->known, compare_known);
		free(first);
	}
}

int layer_pack(const struct layer_config *config, struct tar_writer *writer, struct err *err)
{
	struct pack *pack = calloc(1, sizeof(*pack));
	struct stat info;
	int fd, r;

	if (pack == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	pack->config = config;
	pack->writer = writer;
	pack->err = err;
	fd = openat(config->root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &info) < 0)
		r = err_set_errno(err, -errno, "cannot read the layer");
	else
		r = pack_folder(pack, fd, &info);
	if (r == 0)
		r = tar_writer_end(writer, err);
	free_known(pack);
	free(pack);
	return r;
}
