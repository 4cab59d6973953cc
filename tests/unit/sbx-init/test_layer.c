#include "sbx-init/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tar/reader.h"
#include "tests/unit/test.h"

struct fixture {
	char folder[64];
	int root;
	struct buf archive, names;
};

static bool start(struct fixture *f)
{
	(void)snprintf(f->folder, sizeof(f->folder), "/tmp/sbx-layer-XXXXXX");
	buf_init(&f->archive, 1 << 20);
	buf_init(&f->names, 1 << 16);
	if (mkdtemp(f->folder) == NULL)
		return false;
	f->root = open(f->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return f->root >= 0;
}

static void finish(struct fixture *f)
{
	buf_finish(&f->archive);
	buf_finish(&f->names);
	(void)close(f->root);
	(void)file_remove_tree(AT_FDCWD, f->folder);
}

static bool put(const struct fixture *f, const char *path, const char *text)
{
	return file_write(f->root, path, text, strlen(text), 0644) == 0;
}

static int append(void *context, const void *bytes, size_t len, struct err *err)
{
	(void)err;
	return buf_append(context, bytes, len);
}

static int on_begin(void *context, const struct tar_entry *entry, struct err *err)
{
	static const char kinds[] = {
		[TAR_FILE] = 'f', [TAR_FOLDER] = 'd', [TAR_SYMLINK] = 'l', [TAR_HARDLINK] = 'h'
	};
	struct buf *names = context;

	(void)err;
	(void)buf_printf(names, "%c %s%s%s", kinds[entry->type], entry->name,
			 entry->link != NULL ? " " : "", entry->link != NULL ? entry->link : "");
	for (const struct tar_xattr *x = entry->xattrs; x != NULL; x = x->next)
		(void)buf_printf(names, " %s=%.*s", x->name, (int)x->len, (const char *)x->value);
	return buf_printf(names, "%s\n", entry->set_id != 0 ? " set-id" : "");
}

static int on_data(void *context, const uint8_t *bytes, size_t len, struct err *err)
{
	(void)err;
	return buf_printf(context, "  %.*s\n", (int)len, (const char *)bytes);
}

static int on_end(void *context, struct err *err)
{
	(void)context;
	(void)err;
	return 0;
}

/* What the archive of the layer holds, a line an entry; the error's sentence when there is none. */
static const char *packed(struct fixture *f, bool is_own, const char *mounts)
{
	static const struct tar_reader_calls calls = { on_begin, on_data, on_end };
	const struct tar_limits limits = { .bytes_max = 1 << 20, .entries_max = 100 };
	const struct layer_config config = { .root = f->root, .is_own = is_own, .mounts = mounts };
	static struct tar_writer writer;
	static struct err err;
	struct tar_reader *reader;

	buf_clear(&f->archive);
	buf_clear(&f->names);
	tar_writer_init(&writer, append, &f->archive);
	if (layer_pack(&config, &writer, &err) < 0 ||
	    tar_reader_create(&calls, &f->names, &limits, &reader) < 0)
		return err.text;
	if (tar_reader_feed(reader, f->archive.data, f->archive.len, &err) == 0)
		(void)tar_reader_finish(reader, &err);
	tar_reader_destroy(reader);
	return buf_str(&f->names);
}

TEST(entries_come_sorted_with_links)
{
	struct fixture f;

	CHECK(start(&f));
	CHECK_EQ(mkdirat(f.root, "b", 0755), 0);
	CHECK(put(&f, "b/file", "text"));
	CHECK_EQ(linkat(f.root, "b/file", f.root, "z", 0), 0);
	CHECK_EQ(symlinkat("/etc/x", f.root, "a"), 0);
	CHECK(put(&f, "c", "set"));
	CHECK_EQ(fchmodat(f.root, "c", 04755, 0), 0);
	CHECK_EQ(mkfifoat(f.root, "pipe", 0600), 0);
	CHECK_STR(packed(&f, false, NULL),
		  "d \nl a /etc/x\nd b\nf b/file\n  text\nf c set-id\n  "
		  "set\nh z b/file\n");
	finish(&f);
}

TEST(what_overlayfs_hides_is_a_whiteout)
{
	struct fixture f;
	char path[128];

	CHECK(start(&f));
	CHECK_EQ(mkdirat(f.root, "dir", 0755), 0);
	if (mknodat(f.root, "dir/gone", S_IFCHR, makedev(0, 0)) < 0) {
		finish(&f);
		SKIP("no device nodes here");
	}
	(void)snprintf(path, sizeof(path), "%s/dir", f.folder);
	if (setxattr(path, "trusted.overlay.opaque", "y", 1, 0) < 0) {
		finish(&f);
		SKIP("no trusted attributes here");
	}
	CHECK_STR(packed(&f, false, NULL), "d \nd dir\nf dir/.wh..wh..opq\nf dir/.wh.gone\n");
	finish(&f);
}

TEST(attributes_of_users_are_kept)
{
	struct fixture f;
	char path[128];

	CHECK(start(&f));
	CHECK(put(&f, "file", "x"));
	(void)snprintf(path, sizeof(path), "%s/file", f.folder);
	if (setxattr(path, "user.b", "two", 3, 0) < 0 ||
	    setxattr(path, "user.a", "one", 3, 0) < 0) {
		finish(&f);
		SKIP("no attributes here");
	}
	CHECK(strstr(packed(&f, false, NULL), "user.a=one") != NULL);
	CHECK(strstr(packed(&f, false, NULL), "user.b=two") != NULL);
	finish(&f);
}

TEST(what_is_the_sandboxes_own_is_left_out)
{
	static const char mounts[] =
		"30 1 0:1 / / rw - overlay overlay rw\n"
		"31 30 0:2 / /srv/shared rw - virtiofs sbx rw\n";
	static const char *const folders[] = { "etc",
					       "etc/ssl",
					       "etc/ssl/certs",
					       "tmp",
					       "var",
					       "var/lib",
					       "var/lib/sbx",
					       "srv",
					       "srv/shared",
					       "usr",
					       "usr/local",
					       "usr/local/share",
					       "usr/local/share/ca-certificates" };
	struct fixture f;

	CHECK(start(&f));
	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		CHECK_EQ(mkdirat(f.root, folders[i], 0755), 0);
	CHECK(put(&f, "etc/hostname", "me"));
	CHECK(put(&f, "etc/hosts", "127.0.0.1 kept\n"));
	CHECK(put(&f, "etc/resolv.conf",
		  "# Written by the sandbox at each start; remove this line "
		  "to keep your own.\nnameserver x\n"));
	CHECK(put(&f, "usr/local/share/ca-certificates/sbx.crt", "AUTHORITY\n"));
	CHECK(put(&f, "etc/ssl/certs/ca-certificates.crt", "one\nAUTHORITY\ntwo\n"));
	CHECK_EQ(symlinkat("sbx.pem", f.root, "etc/ssl/certs/12345678.0"), 0);
	CHECK(put(&f, "tmp/x", "x"));
	CHECK(put(&f, "var/lib/sbx/log", "x"));
	CHECK_STR(packed(&f, true, mounts),
		  "d \nd etc\nf etc/hosts\n  127.0.0.1 kept\n\nd etc/ssl\nd etc/ssl/certs\n"
		  "f etc/ssl/certs/ca-certificates.crt\n  one\ntwo\n\nd srv\nd usr\nd usr/local\n"
		  "d usr/local/share\nd usr/local/share/ca-certificates\nd var\nd var/lib\n");
	CHECK(strstr(packed(&f, false, NULL), "etc/hostname") != NULL);
	finish(&f);
}

TEST_MAIN()
