#include "wire/tlv.h"

#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"

TEST(fields_come_back_in_order)
{
	autocall(buf_finish) struct buf buf;
	autofree char *text = NULL;
	const uint8_t *bytes;
	size_t len;
	struct tlv tlv;
	uint32_t small;
	uint64_t big;

	buf_init(&buf, 1024);
	CHECK_EQ(tlv_put_u32(&buf, 5, 0xdeadbeef), 0);
	CHECK_EQ(tlv_put_u64(&buf, 12, 0x0123456789abcdef), 0);
	CHECK_EQ(tlv_put_string(&buf, 3, "/home/agent"), 0);
	bytes = buf.data;
	len = buf.len;
	CHECK_EQ(tlv_next(&bytes, &len, &tlv), 1);
	CHECK_EQ(tlv.tag, 5);
	CHECK_EQ(tlv_u32(&tlv, &small), 0);
	CHECK(small == 0xdeadbeef);
	CHECK_EQ(tlv_next(&bytes, &len, &tlv), 1);
	CHECK_EQ(tlv_u64(&tlv, &big), 0);
	CHECK(big == 0x0123456789abcdef);
	CHECK_EQ(tlv_next(&bytes, &len, &tlv), 1);
	CHECK_EQ(tlv_string(&tlv, 100, &text), 0);
	CHECK_STR(text, "/home/agent");
	CHECK_EQ(tlv_next(&bytes, &len, &tlv), 0);
}

TEST(a_field_cut_short_is_refused)
{
	autocall(buf_finish) struct buf buf;
	struct tlv tlv;

	buf_init(&buf, 1024);
	CHECK_EQ(tlv_put_string(&buf, 1, "abc"), 0);
	for (size_t cut = 1; cut < buf.len; cut++) {
		const uint8_t *bytes = buf.data;
		size_t len = cut;

		CHECK_EQ(tlv_next(&bytes, &len, &tlv), -EPROTO);
	}
}

TEST(a_length_beyond_the_payload_is_refused)
{
	uint8_t field[12] = { 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff };
	const uint8_t *bytes = field;
	size_t len = sizeof(field);
	struct tlv tlv;

	CHECK_EQ(tlv_next(&bytes, &len, &tlv), -EPROTO);
	field[2] = 1;
	field[4] = field[5] = field[6] = field[7] = 0;
	CHECK_EQ(tlv_next(&bytes, &len, &tlv), -EPROTO);
}

TEST(numbers_have_exactly_their_size)
{
	const uint8_t bytes[8] = { 1 };
	struct tlv tlv = { .value = bytes, .len = 3 };
	uint32_t small = 77;
	uint64_t big = 77;

	CHECK_EQ(tlv_u32(&tlv, &small), -EPROTO);
	CHECK_EQ(tlv_u64(&tlv, &big), -EPROTO);
	CHECK_EQ(small, 77);
	CHECK_EQ(big, 77);
}

TEST(strings_hold_no_nul_and_have_a_limit)
{
	struct tlv tlv = { .value = (const uint8_t *)"a\0b", .len = 3 };
	char *text = NULL;

	CHECK_EQ(tlv_string(&tlv, 100, &text), -EPROTO);
	tlv.value = (const uint8_t *)"abc";
	CHECK_EQ(tlv_string(&tlv, 2, &text), -EPROTO);
	CHECK(text == NULL);
}

TEST(put_is_whole_or_nothing)
{
	autocall(buf_finish) struct buf buf;

	buf_init(&buf, 10);
	CHECK_EQ(tlv_put_string(&buf, 1, "abc"), -ENOBUFS);
	CHECK_EQ(buf.len, 0);
	CHECK_EQ(tlv_put_string(&buf, 1, "ab"), 0);
}

TEST_MAIN()
