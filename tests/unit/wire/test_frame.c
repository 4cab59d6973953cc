#include "wire/frame.h"

#include <errno.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"

TEST(a_frame_survives_the_round_trip)
{
	autocall(buf_finish) struct buf buf;
	struct frame frame;

	buf_init(&buf, 1024);
	CHECK_EQ(frame_append(&buf, 34, "hello", 5), 0);
	CHECK_EQ(frame_append(&buf, 36, NULL, 0), 0);
	CHECK_EQ(frame_parse(buf.data, buf.len, &frame), 13);
	CHECK_EQ(frame.type, 34);
	CHECK_EQ(frame.len, 5);
	CHECK_MEM(frame.payload, "hello", 5);
	buf_consume(&buf, 13);
	CHECK_EQ(frame_parse(buf.data, buf.len, &frame), 8);
	CHECK_EQ(frame.type, 36);
	CHECK_EQ(frame.len, 0);
}

TEST(every_prefix_asks_for_more)
{
	autocall(buf_finish) struct buf buf;
	struct frame frame;

	buf_init(&buf, 1024);
	CHECK_EQ(frame_append(&buf, 1, "abc", 3), 0);
	for (size_t len = 0; len < buf.len; len++)
		CHECK_EQ(frame_parse(buf.data, len, &frame), 0);
}

TEST(a_length_beyond_the_limit_ends_the_stream)
{
	uint8_t header[FRAME_HEADER_SIZE] = { 0 };
	struct frame frame;

	le32_store(header, FRAME_PAYLOAD_MAX + 1);
	CHECK_EQ(frame_parse(header, sizeof(header), &frame), -EPROTO);
	le32_store(header, UINT32_MAX);
	CHECK_EQ(frame_parse(header, sizeof(header), &frame), -EPROTO);
	le32_store(header, FRAME_PAYLOAD_MAX);
	CHECK_EQ(frame_parse(header, sizeof(header), &frame), 0);
}

TEST(the_reserved_half_word_must_be_zero)
{
	uint8_t header[FRAME_HEADER_SIZE] = { 0 };
	struct frame frame;

	header[7] = 1;
	CHECK_EQ(frame_parse(header, sizeof(header), &frame), -EPROTO);
}

TEST(append_is_whole_or_nothing)
{
	static const uint8_t zeros[FRAME_PAYLOAD_MAX + 1];
	autocall(buf_finish) struct buf buf;

	buf_init(&buf, 100);
	CHECK_EQ(frame_append(&buf, 1, zeros, sizeof(zeros)), -EMSGSIZE);
	CHECK_EQ(frame_append(&buf, 1, zeros, 93), -ENOBUFS);
	CHECK_EQ(buf.len, 0);
	CHECK_EQ(frame_append(&buf, 1, zeros, 92), 0);
	CHECK_EQ(buf.len, 100);
}

TEST_MAIN()
