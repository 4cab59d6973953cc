#include "sbx-proxy/sniff.h"
#include "tests/unit/test.h"

static enum sniffed look(const char *bytes, size_t len)
{
	struct client_hello hello;

	return sniff((const uint8_t *)bytes, len, &hello);
}

TEST(requests_are_told_from_other_words)
{
	static const char request[] = "OPTIONS * HTTP/1.1";

	for (size_t i = 0; i < 8; i++)
		CHECK_EQ(look(request, i), SNIFFED_MORE);
	CHECK_EQ(look(request, 8), SNIFFED_HTTP);
	CHECK_EQ(look("get / HTTP/1.1", 14), SNIFFED_OTHER);
	CHECK_EQ(look("SSH-2.0-x", 9), SNIFFED_OTHER);
	CHECK_EQ(look(" GET /", 6), SNIFFED_OTHER);
	CHECK_EQ(look("ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFGHIJ", 36), SNIFFED_OTHER);
	CHECK_EQ(look("\0\1\2", 3), SNIFFED_OTHER);
}

TEST(what_begins_as_TLS_is_TLS_or_bad)
{
	CHECK_EQ(look("\x16", 1), SNIFFED_MORE);
	CHECK_EQ(look("\x16\x03\x01\x01", 4), SNIFFED_MORE);
	CHECK_EQ(look("\x16\x03\x01\0\0", 5), SNIFFED_BAD);
	CHECK_EQ(look("\x16\x03\x01\0\x04\x02\0\0\0", 9), SNIFFED_BAD);
	CHECK_EQ(look("\x16\x01", 2), SNIFFED_OTHER);
}

TEST_MAIN()
