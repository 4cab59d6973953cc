#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "tar/pack.h"
#include "tar/unpack.h"
#include "tests/unit/sbx-init/rig.h"
#include "tests/unit/test.h"

static int append(void *context, const void *bytes, size_t len, struct err *err)
{
	(void)err;
	return buf_append(context, bytes, len);
}

/* The archive of one thing in the rig's folder. */
static int pack(const struct rig *rig, const char *name, struct buf *archive)
{
	static struct tar_writer writer;
	autoclose int dir = open(rig->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const struct tar_pack_config config = { .dir = dir, .name = name, .top = name };
	struct err err = ERR_INIT;
	int r;

	tar_writer_init(&writer, append, archive);
	r = tar_pack(&config, &writer, &err);
	return r < 0 ? r : tar_writer_end(&writer, &err);
}

static int push(const struct rig *rig, const char *target, uint32_t flags,
		const struct buf *archive, struct guest_message *ret)
{
	char path[RIG_PATH_MAX];
	const struct guest_message eof = { .type = GUEST_EOF };
	const struct guest_message request = { .type = GUEST_PUSH, .target = path, .flags = flags };
	struct client client;
	int r = client_open(rig, &client);

	(void)snprintf(path, sizeof(path), "%.255s/%s", rig->folder, target);
	if (r == 0)
		r = client_send(&client, &request);
	for (size_t at = 0; r == 0 && at < archive->len; at += GUEST_DATA_MAX) {
		size_t left = archive->len - at;

		r = frame_append(&client.stream.out, GUEST_DATA, archive->data + at,
				 left < GUEST_DATA_MAX ? left : GUEST_DATA_MAX);
	}
	if (r == 0)
		r = client_send(&client, &eof);
	if (r == 0)
		r = client_receive(&client, ret);
	client_close(&client);
	return r;
}

static int pull(const struct rig *rig, const char *source, struct collected *output,
		struct guest_message *ret)
{
	char path[RIG_PATH_MAX];
	const struct guest_message request = { .type = GUEST_PULL, .source = path };
	struct client client;
	int r = client_open(rig, &client);

	(void)snprintf(path, sizeof(path), "%.255s/%s", rig->folder, source);
	if (r == 0)
		r = client_send(&client, &request);
	if (r == 0)
		r = client_collect(&client, output, ret);
	client_close(&client);
	return r;
}

static int write_at(const struct rig *rig, const char *name, const char *text)
{
	char path[RIG_PATH_MAX];

	(void)snprintf(path, sizeof(path), "%.255s/%s", rig->folder, name);
	return file_write(AT_FDCWD, path, text, strlen(text), 0644);
}

static bool holds(const struct rig *rig, const char *name, const char *text)
{
	char path[RIG_PATH_MAX];
	struct buf buf;
	bool same;

	(void)snprintf(path, sizeof(path), "%.255s/%s", rig->folder, name);
	buf_init(&buf, 1 << 20);
	same = file_read(AT_FDCWD, path, &buf) == 0 && buf.len == strlen(text) &&
	       memcmp(buf.data, text, buf.len) == 0;
	buf_finish(&buf);
	return same;
}

TEST(a_tree_is_pushed_under_a_new_name_or_into_a_folder)
{
	struct guest_message got = { 0 };
	char path[RIG_PATH_MAX];
	struct buf archive;
	struct rig rig;

	buf_init(&archive, 1 << 20);
	CHECK_EQ(rig_start(&rig), 0);
	(void)snprintf(path, sizeof(path), "%.255s/tree", rig.folder);
	CHECK_EQ(mkdir(path, 0755), 0);
	CHECK_EQ(write_at(&rig, "tree/file", "hello"), 0);
	CHECK_EQ(pack(&rig, "tree", &archive), 0);
	CHECK_EQ(push(&rig, "copy", 0, &archive, &got), 1);
	CHECK_EQ(got.type, GUEST_OK);
	CHECK(holds(&rig, "copy/file", "hello"));
	CHECK_EQ(push(&rig, "copy", GUEST_FLAG_INTO, &archive, &got), 1);
	CHECK_EQ(got.type, GUEST_OK);
	CHECK(holds(&rig, "copy/tree/file", "hello"));
	buf_finish(&archive);
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(a_failed_push_says_why_when_all_was_sent)
{
	struct guest_message got = { 0 };
	struct buf archive;
	struct rig rig;

	buf_init(&archive, 1 << 20);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(write_at(&rig, "file", "hello"), 0);
	CHECK_EQ(pack(&rig, "file", &archive), 0);
	CHECK_EQ(push(&rig, "missing/folder/file", 0, &archive, &got), 1);
	CHECK_EQ(got.type, GUEST_ERROR);
	CHECK_EQ(got.error, ENOENT);
	guest_message_finish(&got);
	/* Found out only at the end. */
	archive.len = 100;
	CHECK_EQ(push(&rig, "file", 0, &archive, &got), 1);
	CHECK_EQ(got.type, GUEST_ERROR);
	CHECK_STR(got.text, "the archive ends in the middle");
	guest_message_finish(&got);
	archive.len = 1024;
	archive.data[0]++;
	CHECK_EQ(push(&rig, "file", 0, &archive, &got), 1);
	CHECK_EQ(got.type, GUEST_ERROR);
	CHECK_STR(got.text, "this is not a tar archive, or it is broken");
	guest_message_finish(&got);
	buf_finish(&archive);
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST(what_is_pulled_is_an_archive)
{
	struct guest_message got = { 0 };
	struct collected output;
	struct buf archive;
	struct rig rig;

	collected_init(&output);
	buf_init(&archive, 1 << 20);
	CHECK_EQ(rig_start(&rig), 0);
	CHECK_EQ(write_at(&rig, "file", "hello"), 0);
	CHECK_EQ(pack(&rig, "file", &archive), 0);
	CHECK_EQ(pull(&rig, "file", &output, &got), 0);
	CHECK_EQ(got.type, GUEST_EOF);
	CHECK_EQ(output.out.len, archive.len);
	CHECK_MEM(output.out.data, archive.data, archive.len);
	CHECK_EQ(pull(&rig, "no such file", &output, &got), 0);
	CHECK_EQ(got.type, GUEST_ERROR);
	CHECK_EQ(got.error, ENOENT);
	guest_message_finish(&got);
	buf_finish(&archive);
	collected_finish(&output);
	CHECK_EQ(rig_stop(&rig), 0);
}

TEST_MAIN()
