#include "http/outbox.h"
#include "tests/unit/test.h"

enum { MAX = 1000, PIECE = 300 };

TEST(a_box_that_is_never_empty_stays_small)
{
	struct outbox outbox;
	uint8_t piece[PIECE], got[PIECE];
	uint8_t next_in = 0, next_out = 0;

	outbox_init(&outbox, MAX);
	for (int round = 0; round < 10000; round++) {
		size_t len;

		while (outbox_len(&outbox) + PIECE <= MAX) {
			for (size_t i = 0; i < PIECE; i++)
				piece[i] = next_in++;
			CHECK_EQ(buf_append(outbox_bytes(&outbox), piece, PIECE), 0);
		}
		len = outbox_take(&outbox, got, 1 + (size_t)round % PIECE);
		for (size_t i = 0; i < len; i++)
			CHECK_EQ(got[i], next_out++);
		CHECK(outbox_len(&outbox) > 0);
	}
	outbox_finish(&outbox);
}

TEST(an_empty_box_keeps_no_memory)
{
	struct outbox outbox;
	uint8_t got[8];

	outbox_init(&outbox, MAX);
	CHECK_EQ(buf_append(outbox_bytes(&outbox), "secret", 6), 0);
	outbox.has_secret = true;
	CHECK_EQ(outbox_take(&outbox, got, sizeof(got)), 6);
	CHECK_MEM(got, "secret", 6);
	CHECK(outbox.bytes.data == NULL && !outbox.has_secret);
	CHECK_EQ(outbox_take(&outbox, got, sizeof(got)), 0);
	outbox_finish(&outbox);
}

TEST_MAIN()
