#include "erofs/crc32c.h"
#include "tests/unit/test.h"

/* RFC 3720, appendix B.4, before the final inversion. */
TEST(the_standards_examples)
{
	uint8_t bytes[32] = { 0 };

	CHECK_EQ(crc32c(UINT32_MAX, bytes, sizeof(bytes)), (uint32_t)~0x8a9136aaU);
	memset(bytes, 0xff, sizeof(bytes));
	CHECK_EQ(crc32c(UINT32_MAX, bytes, sizeof(bytes)), (uint32_t)~0x62a8ab43U);
	CHECK_EQ(crc32c(UINT32_MAX, "123456789", 9), (uint32_t)~0xe3069283U);
}

TEST_MAIN()
