#include "sbxd/template_source.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "sbxd/template_layer.h"

/* Links to links: what `docker save` makes is one link to one file. */
enum { NAME_SIZE = 520, LINKS_MAX = 4 };

struct template_source {
	int folder;    /* owned; -1: an archive */
	int archive;   /* owned; -1: a folder */
	char *path;    /* owned: of the archive */
	char *listing; /* owned: of the archive, see sbx-image/contents.h */
};

/* A line of the listing, taken apart. */
struct line {
	bool is_link;
	uint64_t offset, size_bytes;
	char name[NAME_SIZE], target[NAME_SIZE];
};

static int new_source(struct template_source **ret, struct err *err)
{
	*ret = calloc(1, sizeof(**ret));
	if (*ret == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	(*ret)->folder = (*ret)->archive = -1;
	return 0;
}

void template_source_close(struct template_source *source)
{
	if (source == NULL)
		return;
	if (source->folder >= 0)
		(void)close(source->folder);
	if (source->archive >= 0)
		(void)close(source->archive);
	free(source->path);
	free(source->listing);
	free(source);
}

static int open_archive(const char *path, struct err *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat info;

	if (fd < 0)
		return err_set_errno(err, -errno, "cannot open '%s'", path);
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode))
		return err_set(err, -EINVAL, "'%s' is no file", path);
	return take_fd(&fd);
}

int template_source_archive(const struct artefacts *artefacts, const char *path,
			    struct template_source **ret, struct err *err)
{
	struct template_source *source;
	int r = new_source(&source, err);

	if (r < 0)
		return r;
	source->path = strdup(path);
	source->archive = open_archive(path, err);
	r = source->archive;
	if (r >= 0 && source->path == NULL)
		r = err_set(err, -ENOMEM, "out of memory");
	if (r >= 0)
		r = template_layer_list(artefacts, source->archive, &source->listing, err);
	if (r < 0) {
		template_source_close(source);
		return r;
	}
	*ret = source;
	return 0;
}

int template_source_folder(const char *path, struct template_source **ret, struct err *err)
{
	struct template_source *source;
	int r = new_source(&source, err);

	if (r < 0)
		return r;
	source->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (source->folder < 0) {
		r = err_set_errno(err, -errno, "cannot open '%s'", path);
		template_source_close(source);
		return r;
	}
	*ret = source;
	return 0;
}

static bool parse_line(const char *text, struct line *ret)
{
	*ret = (struct line){ .is_link = false };
	if (sscanf(text, "file %" SCNu64 " %" SCNu64 " %519s", &ret->offset, &ret->size_bytes,
		   ret->name) == 3)
		return true;
	ret->is_link = true;
	return sscanf(text, "link %519s %519s", ret->name, ret->target) == 2;
}

/* The line of a name, the last one when there are several, as unpacking would have it. */
static bool find_line(const char *listing, const char *name, struct line *ret)
{
	struct line line;
	bool found = false;

	for (const char *text = listing; *text != '\0'; text = strchrnul(text, '\n')) {
		text += *text == '\n';
		if (parse_line(text, &line) && strcmp(line.name, name) == 0) {
			*ret = line;
			found = true;
		}
	}
	return found;
}

/* "../a/layer.tar" of "b/layer.tar" is "a/layer.tar". False for what leads elsewhere. */
static bool follow(const struct line *line, char ret[NAME_SIZE])
{
	const char *target = line->target;
	char folder[NAME_SIZE];
	char *slash;

	(void)snprintf(folder, sizeof(folder), "%s", line->name);
	slash = strrchr(folder, '/');
	*(slash != NULL ? slash : folder) = '\0';
	while (strncmp(target, "../", 3) == 0) {
		if (folder[0] == '\0')
			return false;
		slash = strrchr(folder, '/');
		*(slash != NULL ? slash : folder) = '\0';
		target += 3;
	}
	return snprintf(ret, NAME_SIZE, "%s%s%s", folder, folder[0] != '\0' ? "/" : "", target) <
	       NAME_SIZE;
}

static bool find_file(const char *listing, const char *name, struct line *ret)
{
	char wanted[NAME_SIZE];

	if (strlen(name) >= sizeof(wanted))
		return false;
	memcpy(wanted, name, strlen(name) + 1);
	for (int i = 0; i <= LINKS_MAX; i++) {
		if (!find_line(listing, wanted, ret))
			return false;
		if (!ret->is_link)
			return true;
		/* a hard link's target is a name of the archive, a symbolic one's is not */
		if (find_line(listing, ret->target, &(struct line){ 0 }))
			memcpy(wanted, ret->target, strlen(ret->target) + 1);
		else if (!follow(ret, wanted))
			return false;
	}
	return false;
}

bool template_source_has(const struct template_source *source, const char *name)
{
	struct line line;

	if (source->folder >= 0)
		return faccessat(source->folder, name, R_OK, AT_SYMLINK_NOFOLLOW) == 0;
	return find_file(source->listing, name, &line);
}

static int open_of_folder(int folder, const char *name, struct template_part *ret, struct err *err)
{
	/* Who filled the folder spoke with strangers: nothing in it leads out. */
	const struct open_how how = { .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC,
				      .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS };
	autoclose int fd = (int)syscall(SYS_openat2, folder, name, &how, sizeof(how));
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0)
		return err_set_errno(err, -errno, "the image has no file '%.120s'", name);
	*ret = (struct template_part){ .fd = take_fd(&fd), .size_bytes = (uint64_t)info.st_size };
	return 0;
}

int template_source_open(const struct template_source *source, const char *name,
			 struct template_part *ret, struct err *err)
{
	struct line line;
	int fd;

	if (source->folder >= 0)
		return open_of_folder(source->folder, name, ret, err);
	if (!find_file(source->listing, name, &line))
		return err_set(err, -ENOENT, "the archive has no file '%.120s'", name);
	/* a file position of its own */
	fd = open_archive(source->path, err);
	if (fd < 0)
		return fd;
	*ret = (struct template_part){ .fd = fd,
				       .offset = line.offset,
				       .size_bytes = line.size_bytes };
	return 0;
}

int template_source_read(const struct template_source *source, const char *name, struct buf *buf,
			 struct err *err)
{
	struct template_part part = { .fd = -1 };
	ssize_t len = 0;
	uint8_t *to;
	int r = template_source_open(source, name, &part, err);

	if (r < 0)
		return r;
	to = part.size_bytes > buf->max - buf->len ? NULL
						   : buf_reserve(buf, (size_t)part.size_bytes + 1);
	if (to != NULL)
		len = pread(part.fd, to, (size_t)part.size_bytes, (off_t)part.offset);
	if (to == NULL)
		r = err_set(err, -EFBIG, "'%.120s' of the image is too large", name);
	else if (len < 0 || (uint64_t)len != part.size_bytes)
		r = err_set(err, -EIO, "'%.120s' of the image cannot be read", name);
	else
		buf->len += (size_t)len;
	(void)close(part.fd);
	return r;
}
