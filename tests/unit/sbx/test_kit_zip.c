#include "sbx/kit_zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "kit/bundle.h"
#include "tests/unit/test.h"

struct item {
	const char *name;
	unsigned type; /* 0: a file */
	size_t size;   /* of zeros */
};

/* What libarchive writes when it is asked to; path ends in XXXXXX. */
static void write_zip(char *path, const struct item *items, size_t count)
{
	static const char zeros[1 << 16];
	struct archive *archive = archive_write_new();
	autoclose int fd = mkstemp(path);

	(void)archive_write_set_format_zip(archive);
	(void)archive_write_open_fd(archive, fd);
	for (size_t i = 0; i < count; i++) {
		struct archive_entry *entry = archive_entry_new();

		archive_entry_set_pathname(entry, items[i].name);
		archive_entry_set_perm(entry, 0644);
		archive_entry_set_filetype(entry, items[i].type == 0 ? AE_IFREG : items[i].type);
		archive_entry_set_size(entry, (la_int64_t)items[i].size);
		if (items[i].type == AE_IFLNK)
			archive_entry_set_symlink(entry, "/etc/passwd");
		(void)archive_write_header(archive, entry);
		for (size_t left = items[i].size; left > 0;) {
			size_t part = min_of(left, sizeof(zeros));

			(void)archive_write_data(archive, zeros, part);
			left -= part;
		}
		archive_entry_free(entry);
	}
	(void)archive_write_free(archive);
}

TEST(zips_of_strangers)
{
	static const struct {
		struct item items[3];
		int want;
		const char *words;
	} rows[] = {
		{ { { "spec.yaml", 0, 1 }, { "files/home/a", 0, 1 } }, 0, "" },
		{ { { "./spec.yaml", 0, 1 }, { "README.md", 0, 1 }, { "files/", AE_IFDIR, 0 } },
		  0,
		  "" },
		{ { { "files/", AE_IFDIR, 0 }, { "spec.yaml", 0, 1 } }, 0, "" },
		{ { { "README.md", 0, 1 } }, -ENOENT, "no spec.yaml at its top" },
		{ { { "kit/spec.yaml", 0, 1 } }, -ENOENT, "no spec.yaml at its top" },
		{ { { "spec.yaml", 0, 1 }, { "../../etc/cron.d/x", 0, 1 } },
		  -EPERM,
		  "leads out of its folder" },
		{ { { "spec.yaml", 0, 1 }, { "files/home/../../x", 0, 1 } },
		  -EPERM,
		  "leads out of its folder" },
		{ { { "spec.yaml", 0, 1 }, { "/etc/passwd", 0, 1 } }, -EPERM, "absolute" },
		{ { { "spec.yaml", 0, 1 }, { "files/home/l", AE_IFLNK, 0 } },
		  -EPERM,
		  "'files/home/l' is a link" },
		{ { { "spec.yaml", 0, 1 }, { "spec.yaml", 0, 1 } }, -EPERM, "is there twice" },
		{ { { "spec.yaml", 0, 1 }, { "files/home/a", 0, 1 }, { "files/home/a", 0, 1 } },
		  -EPERM,
		  "is there twice" },
		{ { { "spec.yaml", 0, 1 }, { "files/home/a", 0, 1 }, { "files/home/a/b", 0, 1 } },
		  -EPERM,
		  "both a file and a folder" },
		{ { { "spec.yaml", 0, 257 << 10 } }, -EFBIG, "larger than 256 KiB" },
		{ { { "spec.yaml", 0, 1 }, { "files/home/bomb", 0, 1 << 30 } },
		  -EFBIG,
		  "larger than 16 MiB" },
		{ { { "spec.yaml", 0, 1 }, { "beside", 0, 1 << 30 } }, -EFBIG, "larger than" },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		char path[] = "zip-XXXXXX";
		struct kit_bundle bundle;
		struct err err = ERR_INIT;
		size_t count = 0;
		int got;

		while (count < countof(rows[i].items) && rows[i].items[count].name != NULL)
			count++;
		write_zip(path, rows[i].items, count);
		(void)kit_bundle_init(&bundle, "k");
		got = kit_zip_read(path, &bundle, &err);
		kit_bundle_finish(&bundle);
		(void)unlink(path);
		if (got != rows[i].want || strstr(err.text, rows[i].words) == NULL)
			TEST_FAIL_("row %zu gives %d: %s", i, got, err.text);
	}
}

TEST(what_is_no_zip)
{
	char path[] = "zip-XXXXXX";
	autoclose int fd = mkstemp(path);
	struct kit_bundle bundle;
	struct err err = ERR_INIT;
	int text, folder, nothing;

	(void)kit_bundle_init(&bundle, "k");
	CHECK_EQ(write(fd, "schemaVersion: \"2\"\n", 19), 19);
	text = kit_zip_read(path, &bundle, &err);
	folder = kit_zip_read(".", &bundle, &err);
	(void)unlink(path);
	nothing = kit_zip_read(path, &bundle, &err);
	kit_bundle_finish(&bundle);
	CHECK_EQ(text, -EPROTO);
	CHECK_EQ(folder, -EINVAL);
	CHECK_EQ(nothing, -ENOENT);
}

TEST(what_was_written_is_read)
{
	char path[] = "zip-XXXXXX", before[BUNDLE_DIGEST_SIZE], after[BUNDLE_DIGEST_SIZE];
	autoclose int fd = mkstemp(path);
	struct kit_bundle bundle, back;
	struct err err = ERR_INIT;

	(void)kit_bundle_init(&bundle, "k");
	(void)kit_bundle_init(&back, "k");
	CHECK_EQ(buf_append(&bundle.spec, "a: b\n", 5), 0);
	CHECK_EQ(kit_bundle_add(&bundle, "home/a", "", 0, &err), 0);
	CHECK_EQ(kit_bundle_add(&bundle, "workspace/b c/d", "x", 1, &err), 0);
	CHECK_EQ(kit_zip_write(&bundle, path, &err), 0);
	CHECK_EQ(kit_zip_read(path, &back, &err), 0);
	(void)unlink(path);
	CHECK_EQ(kit_bundle_digest(&bundle, before, NULL), 0);
	CHECK_EQ(kit_bundle_digest(&back, after, NULL), 0);
	kit_bundle_finish(&bundle);
	kit_bundle_finish(&back);
	CHECK_STR(after, before);
}

TEST_MAIN()
