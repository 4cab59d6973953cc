/* Sums against the plainest of loops, and the hash against its published vector. */
#include "net/checksum.h"

#include "base/iov.h"
#include "net/siphash.h"
#include "tests/unit/net/wire.h"
#include "tests/unit/test.h"

enum { BYTES = 4099 };

TEST(the_sum_of_rfc1071)
{
	const uint8_t bytes[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	struct checksum checksum = { 0 };

	checksum_add(&checksum, bytes, sizeof(bytes));
	CHECK_EQ(checksum_partial(&checksum), 0xddf2);
	CHECK_EQ(checksum_finish(&checksum), 0x220d);
}

TEST(any_pieces_sum_up_the_same)
{
	static uint8_t bytes[BYTES];

	srandom(1);
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)random();
	for (int round = 0; round < 500; round++) {
		struct checksum checksum = { 0 };
		size_t begin = (size_t)random() % 64, end = BYTES - (size_t)random() % 2000;

		for (size_t at = begin; at < end;) {
			size_t n = 1 + (size_t)random() % (round < 100 ? 3 : 700);

			n = n > end - at ? end - at : n;
			checksum_add(&checksum, bytes + at, n);
			at += n;
		}
		CHECK_EQ(checksum_partial(&checksum), wire_sum(bytes + begin, end - begin, 0));
	}
}

TEST(a_cursor_is_summed_where_it_stands)
{
	uint8_t bytes[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };
	const struct iovec vec[] = {
		{ bytes, 3 }, { bytes + 3, 0 }, { bytes + 3, 4 }, { bytes + 7, 2 }
	};
	struct iov iov = iov_make(vec, 4);
	struct checksum checksum = { 0 };

	(void)iov_skip(&iov, 1);
	checksum_add_iov(&checksum, &iov, 7);
	CHECK_EQ(checksum_partial(&checksum), wire_sum(bytes + 1, 7, 0));
	CHECK_EQ(iov.left, 8);
}

TEST(siphash_of_its_paper)
{
	uint8_t key[16], bytes[15];

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	memcpy(bytes, key, sizeof(bytes));
	CHECK_EQ(siphash(key, bytes, sizeof(bytes)), 0xa129ca6149be45e5);
	key[0] ^= 1;
	CHECK(siphash(key, bytes, sizeof(bytes)) != 0xa129ca6149be45e5);
}

TEST_MAIN()
