#include "wire/fs.h"

#include <errno.h>

#include "base/buf.h"
#include "base/check.h"
#include "tests/unit/test.h"
#include "wire/tlv.h"

/* What arrives when `message` is sent; returns the decoder's answer. */
static int send_and_receive(const struct fs_message *message, struct fs_message *ret)
{
	struct buf buf;
	struct frame frame;
	int r;

	buf_init(&buf, 4096);
	r = fs_message_append(&buf, message);
	if (r == 0)
		r = frame_parse(buf.data, buf.len, &frame) > 0 ? 0 : -EPROTO;
	if (r == 0)
		r = fs_message_decode(&frame, ret);
	buf_finish(&buf);
	return r;
}

TEST(every_field_survives)
{
	struct fs_message sent = { .type = FS_MOUNT, .name = "m0", .flags = FS_FLAG_READ_ONLY };
	struct fs_message got;

	CHECK_EQ(send_and_receive(&sent, &got), 0);
	CHECK_EQ(got.type, FS_MOUNT);
	CHECK_STR(got.name, "m0");
	CHECK_EQ(got.flags, FS_FLAG_READ_ONLY);

	sent = (struct fs_message){ .type = FS_ERROR, .error = EEXIST, .text = "m0 is there" };
	CHECK_EQ(send_and_receive(&sent, &got), 0);
	CHECK_EQ(got.error, EEXIST);
	CHECK_STR(got.text, "m0 is there");
}

TEST(names_that_could_mean_a_path_are_refused)
{
	static const char *const bad[] = { "", ".", "..", ".m", "a/b", "a b", "a\n", "\xc3\xa9" };
	struct fs_message got;

	for (size_t i = 0; i < countof(bad); i++) {
		struct fs_message sent = { .type = FS_MOUNT };

		memcpy(sent.name, bad[i], strlen(bad[i]) + 1);
		CHECK(!fs_name_is_valid(bad[i]));
		CHECK_EQ(send_and_receive(&sent, &got), -EPROTO);
	}
	CHECK(fs_name_is_valid("workspace-1.x_Y"));
}

TEST(fields_with_wrong_lengths_are_refused)
{
	struct buf payload;
	struct frame frame;
	struct fs_message got = { .type = FS_OK };

	buf_init(&payload, 4096);
	CHECK_EQ(tlv_put_string(&payload, FS_TAG_NAME, "m"), 0);
	CHECK_EQ(tlv_put(&payload, FS_TAG_FLAGS, "abc", 3), 0);
	frame = (struct frame){ .type = FS_MOUNT, .payload = payload.data, .len = payload.len };
	CHECK_EQ(fs_message_decode(&frame, &got), -EPROTO);
	CHECK_EQ(got.type, FS_OK); /* untouched */
	frame.len = 5;
	CHECK_EQ(fs_message_decode(&frame, &got), -EPROTO);
	frame = (struct frame){ .type = 99 };
	CHECK_EQ(fs_message_decode(&frame, &got), -EPROTO);
	buf_finish(&payload);
}

TEST_MAIN()
