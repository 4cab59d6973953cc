#include "dns/message.h"

#include <errno.h>

#include "base/bytes.h"
#include "base/check.h"
#include "dns/name.h"
#include "tests/unit/test.h"

/* A message is put together as text of bytes; sizes are those of the literals. */
#define BYTES(literal) (const uint8_t *)(literal), sizeof(literal) - 1
#define HEAD(id, flags, qd, an, ns, ar) id flags "\0" qd "\0" an "\0" ns "\0" ar
#define QUERY HEAD("\x12\x34", "\x01\x00", "\1", "\0", "\0", "\0")
#define ANSWER(count) HEAD("\x12\x34", "\x81\x80", "\1", count, "\0", "\0")
#define EXAMPLE "\7example\4test\0"
#define A_IN "\0\1\0\1"
#define TTL60 "\0\0\0\x3c"

TEST(a_query_is_read)
{
	struct dns_query query;

	CHECK_EQ(dns_query_parse(BYTES(QUERY "\7eXAMPle\4TEST\0" A_IN), &query), 0);
	CHECK_EQ(query.id, 0x1234);
	CHECK_EQ(query.type, DNS_A);
	CHECK(query.wants_recursion && !query.has_edns);
	CHECK_STR(query.name, "example.test");
	CHECK_EQ(query.udp_size, DNS_UDP_MIN);
	CHECK_EQ(query.question_len, 18);
	CHECK_MEM(query.question, "\7eXAMPle\4TEST", 14); /* 0x20: the case goes back, N18 */
}

TEST(edns_is_read_and_limited)
{
	struct dns_query query;

	CHECK_EQ(dns_query_parse(BYTES(HEAD("\0\1", "\1\0", "\1", "\0", "\0", "\1") EXAMPLE A_IN
				       "\0\0\x29\xff\xff\0\0\0\0\0\0"),
				 &query),
		 0);
	CHECK(query.has_edns);
	CHECK_EQ(query.udp_size, DNS_UDP_MAX);
	CHECK_EQ(dns_query_parse(BYTES(HEAD("\0\1", "\1\0", "\1", "\0", "\0", "\1") EXAMPLE A_IN
				       "\0\0\x29\0\1\0\0\0\0\0\0"),
				 &query),
		 0);
	CHECK_EQ(query.udp_size, DNS_UDP_MIN);
	CHECK_EQ(dns_query_parse(BYTES(HEAD("\0\1", "\1\0", "\1", "\0", "\0", "\1") EXAMPLE A_IN
				       "\0\0\x29\0\1\0\1\0\0\0\0"),
				 &query),
		 DNS_BADVERS);
	CHECK_EQ(dns_query_parse(BYTES(HEAD("\0\1", "\1\0", "\1", "\0", "\0", "\2") EXAMPLE A_IN
				       "\0\0\x29\0\1\0\0\0\0\0\0"
				       "\0\0\x29\0\1\0\0\0\0\0\0"),
				 &query),
		 DNS_FORMERR);
}

TEST(wrong_queries_get_an_rcode_or_nothing)
{
	static const struct {
		const uint8_t *bytes;
		size_t len;
		int want;
	} cases[] = {
		{ BYTES("\0\1\1\0\0\1\0\0\0\0\0"), -EPROTO },
		{ BYTES(ANSWER("\0") EXAMPLE A_IN), -EPROTO },
		{ BYTES(HEAD("\0\1", "\x28\0", "\1", "\0", "\0", "\0") EXAMPLE A_IN), DNS_NOTIMP },
		{ BYTES(HEAD("\0\1", "\1\0", "\0", "\0", "\0", "\0")), DNS_FORMERR },
		{ BYTES(HEAD("\0\1", "\1\0", "\2", "\0", "\0", "\0") EXAMPLE A_IN EXAMPLE A_IN),
		  DNS_FORMERR },
		{ BYTES(HEAD("\0\1", "\1\0", "\1", "\1", "\0", "\0") EXAMPLE A_IN), DNS_FORMERR },
		{ BYTES(HEAD("\0\1", "\1\0", "\1", "\0", "\0", "\1") EXAMPLE A_IN), DNS_FORMERR },
		{ BYTES(QUERY EXAMPLE "\0\1\0"), DNS_FORMERR },
		{ BYTES(QUERY "\7exampl"), DNS_FORMERR },
		{ BYTES(QUERY "\xc0\x0c" A_IN), DNS_FORMERR },
		{ BYTES(QUERY "\1a\xc0\x0c" A_IN), DNS_FORMERR },
		{ BYTES(QUERY "\x40" A_IN), DNS_FORMERR },
		{ BYTES(QUERY EXAMPLE "\0\1\0\3"), DNS_REFUSED },
		{ BYTES(QUERY "\7exa\0ple\4test\0" A_IN), DNS_REFUSED },
		{ BYTES(QUERY "\7exa.ple\4test\0" A_IN), DNS_REFUSED },
		{ BYTES(QUERY "\7exa\r\nle\4test\0" A_IN), DNS_REFUSED },
		{ BYTES(QUERY "\7ex%00le\4test\0" A_IN), DNS_REFUSED },
		{ BYTES(QUERY "\7us@rple\4test\0" A_IN), DNS_REFUSED },
		{ BYTES(QUERY "\7ex\xc3\xa4mpl\4test\0" A_IN), DNS_REFUSED },
	};
	struct dns_query query;

	for (size_t i = 0; i < countof(cases); i++) {
		int got = dns_query_parse(cases[i].bytes, cases[i].len, &query);

		if (got != cases[i].want)
			TEST_FAIL_("case %zu: %d, not %d", i, got, cases[i].want);
	}
}

TEST(the_root_and_strange_names_are_no_names)
{
	struct dns_query query;

	CHECK_EQ(dns_query_parse(BYTES(QUERY "\0\0\2\0\1"), &query), 0);
	CHECK_STR(query.name, "");
	CHECK_EQ(dns_query_parse(BYTES(QUERY "\3a b\0" A_IN), &query), DNS_REFUSED);
	CHECK_STR(query.name, "");
	CHECK_EQ(query.question_len, 9);
}

/* Four labels of 63 bytes are one byte too many, N14. */
TEST(names_have_an_end)
{
	uint8_t bytes[512] = { 0x12, 0x34, 1, 0, 0, 1 };
	struct dns_query query;
	size_t at = DNS_HEADER_SIZE;

	for (int label = 0; label < 4; label++) {
		size_t len = label < 3 ? 63 : 61;

		bytes[at++] = (uint8_t)len;
		memset(bytes + at, 'a', len);
		at += len;
	}
	bytes[at++] = 0;
	memcpy(bytes + at, "\0\1\0\1", 4);
	CHECK_EQ(dns_query_parse(bytes, at + 4, &query), 0);
	CHECK_EQ(strlen(query.name), DNS_NAME_MAX);
	bytes[at - 63] = 62;
	bytes[at - 1] = 'a';
	memcpy(bytes + at, "\0\0\1\0\1", 5);
	CHECK_EQ(dns_query_parse(bytes, at + 5, &query), DNS_FORMERR);
}

TEST(answers_are_read)
{
	static struct dns_answer answer;

	CHECK_EQ(dns_answer_parse(BYTES(ANSWER("\4") EXAMPLE A_IN
					"\xc0\x0c\0\5\0\1" TTL60 "\0\7\4host\xc0\x14"
					"\xc0\x2a\0\1\0\1" TTL60 "\0\4\1\2\3\4"
					"\xc0\x2a\0\x40\0\1" TTL60 "\0\3abc"
					"\xc0\x2a\0\x10\0\1" TTL60 "\0\3\2hi"),
				  0x1234, "example.test", DNS_A, &answer),
		 0);
	CHECK_EQ(answer.rcode, DNS_NOERROR);
	CHECK_EQ(answer.count, 3); /* not SVCB */
	CHECK_EQ(answer.record[0].type, DNS_CNAME);
	CHECK_STR(answer.record[0].name, "example.test");
	CHECK_STR(answer.record[0].target, "host.test");
	CHECK_STR(answer.record[1].name, "host.test");
	CHECK_EQ(answer.record[1].ttl, 60);
	CHECK_EQ(answer.record[1].address.family, ADDRESS_V4);
	CHECK_MEM(answer.record[1].address.bytes, "\1\2\3\4", 4);
	CHECK_EQ(answer.record[2].data_len, 3);
}

TEST(mail_and_services_are_read)
{
	static struct dns_answer answer;

	CHECK_EQ(dns_answer_parse(BYTES(ANSWER("\2") EXAMPLE
					"\0\x21\0\1"
					"\xc0\x0c\0\x21\0\1" TTL60 "\0\x0c\0\1\0\2\0\3\3srv\xc0\x14"
					"\xc0\x0c\0\x0f\0\1" TTL60 "\0\x07\0\x0a\2mx\xc0\x14"),
				  0x1234, "example.test", DNS_SRV, &answer),
		 0);
	CHECK_EQ(answer.count, 2);
	CHECK_EQ(answer.record[0].numbers[2], 3);
	CHECK_STR(answer.record[0].target, "srv.test");
	CHECK_EQ(answer.record[1].numbers[0], 10);
	CHECK_STR(answer.record[1].target, "mx.test");
}

TEST(answers_to_something_else_are_told_apart)
{
	static struct dns_answer answer;

	CHECK_EQ(dns_answer_parse(BYTES(ANSWER("\0") EXAMPLE A_IN), 0x1235, "example.test", DNS_A,
				  &answer),
		 -ENOMSG);
	CHECK_EQ(dns_answer_parse(BYTES(ANSWER("\0") EXAMPLE A_IN), 0x1234, "example.tes", DNS_A,
				  &answer),
		 -ENOMSG);
	CHECK_EQ(dns_answer_parse(BYTES(ANSWER("\0") EXAMPLE A_IN), 0x1234, "example.test",
				  DNS_AAAA, &answer),
		 -ENOMSG);
	CHECK_EQ(
		dns_answer_parse(BYTES(QUERY EXAMPLE A_IN), 0x1234, "example.test", DNS_A, &answer),
		-ENOMSG);
}

TEST(broken_answers_are_refused)
{
	static const struct {
		const uint8_t *bytes;
		size_t len;
	} cases[] = {
		{ BYTES(ANSWER("\1") EXAMPLE A_IN) },
		{ BYTES(ANSWER("\1") EXAMPLE A_IN "\xc0\x0c\0\1\0\1" TTL60 "\0\5\1\2\3\4") },
		{ BYTES(ANSWER("\1") EXAMPLE A_IN "\xc0\x0c\0\1\0\1" TTL60) },
		/* forwards, at itself, into the header, in a circle */
		{ BYTES(ANSWER("\1") EXAMPLE A_IN "\xc0\x40\0\1\0\1" TTL60 "\0\4\1\2\3\4") },
		{ BYTES(ANSWER("\1") EXAMPLE A_IN "\xc0\x1e\0\1\0\1" TTL60 "\0\4\1\2\3\4") },
		{ BYTES(ANSWER("\1") EXAMPLE A_IN "\xc0\x02\0\1\0\1" TTL60 "\0\4\1\2\3\4") },
		{ BYTES(ANSWER("\1") EXAMPLE A_IN "\1a\xc0\x1e\0\1\0\1" TTL60 "\0\4\1\2\3\4") },
	};
	static struct dns_answer answer;

	for (size_t i = 0; i < countof(cases); i++) {
		int got = dns_answer_parse(cases[i].bytes, cases[i].len, 0x1234, "example.test",
					   DNS_A, &answer);

		if (got != -EPROTO)
			TEST_FAIL_("case %zu: %d", i, got);
	}
}

/* Each pointer leads one back, to the next one: legal, and too far. */
TEST(pointers_are_followed_only_so_far)
{
	uint8_t bytes[DNS_HEADER_SIZE + 3 + 2 * (DNS_HOPS_MAX + 2)] = { 0 };
	char name[DNS_NAME_MAX + 1];
	size_t at = DNS_HEADER_SIZE + 3;

	memcpy(bytes + DNS_HEADER_SIZE, "\1a", 3);
	for (int i = 0; i < DNS_HOPS_MAX + 1; i++, at += 2)
		be16_store(bytes + at, (uint16_t)(0xc000 | (i == 0 ? DNS_HEADER_SIZE : at - 2)));
	CHECK_EQ(dns_name_read(bytes, sizeof(bytes), at - 4, name, NULL), 2);
	CHECK_STR(name, "a");
	CHECK_EQ(dns_name_read(bytes, sizeof(bytes), at - 2, name, NULL), -EPROTO);
}

/* A target that is no host name takes its record with it, not the rest. */
TEST(strange_records_are_left_out)
{
	static struct dns_answer answer;

	CHECK_EQ(dns_answer_parse(BYTES(ANSWER("\4") EXAMPLE A_IN
					"\xc0\x0c\0\5\0\1" TTL60 "\0\5\3a b\0"
					"\3a b\0\0\1\0\1" TTL60 "\0\4\1\2\3\4"
					"\xc0\x0c\0\1\0\1" TTL60 "\0\3\1\2\3"
					"\xc0\x0c\0\1\0\1\xff\xff\xff\xff\0\4\1\2\3\4"),
				  0x1234, "example.test", DNS_A, &answer),
		 0);
	CHECK_EQ(answer.count, 1);
	CHECK_EQ(answer.record[0].ttl, 0); /* RFC 2181 */
}

static struct dns_query asked(void)
{
	struct dns_query query = { .type = 0 };

	(void)dns_query_parse(BYTES(QUERY "\7ExAmPlE\4test\0" A_IN), &query);
	return query;
}

TEST(what_is_composed_can_be_read)
{
	const struct dns_query query = asked();
	static const struct dns_record records[] = {
		{ .name = "example.test", .type = DNS_CNAME, .ttl = 5, .target = "b.test" },
		{ .name = "b.test",
		  .type = DNS_A,
		  .ttl = 6,
		  .address = { ADDRESS_V4, { 1, 2, 3, 4 } } },
		{ .name = "b.test",
		  .type = DNS_AAAA,
		  .ttl = 7,
		  .address = { ADDRESS_V6, { 0x20 } } },
		{ .name = "b.test", .type = DNS_MX, .numbers = { 10 }, .target = "" },
		{ .name = "b.test", .type = DNS_SRV, .numbers = { 1, 2, 3 }, .target = "c.test" },
		{ .name = "b.test",
		  .type = DNS_TXT,
		  .data = (const uint8_t *)"\2hi",
		  .data_len = 3 },
	};
	static struct dns_answer answer;
	uint8_t bytes[512];
	size_t len = dns_reply_compose(&query, DNS_NOERROR, records, countof(records), bytes,
				       sizeof(bytes));

	CHECK_MEM(bytes + DNS_HEADER_SIZE, "\7ExAmPlE", 8);
	CHECK_EQ(dns_answer_parse(bytes, len, 0x1234, "example.test", DNS_A, &answer), 0);
	CHECK(!answer.is_truncated);
	CHECK_EQ(answer.count, countof(records));
	for (size_t i = 0; i < countof(records); i++) {
		CHECK_STR(answer.record[i].name, records[i].name);
		CHECK_STR(answer.record[i].target, records[i].target);
		CHECK_EQ(answer.record[i].type, records[i].type);
		CHECK_EQ(answer.record[i].ttl, records[i].ttl);
		CHECK(address_equal(&answer.record[i].address, &records[i].address));
		CHECK_MEM(answer.record[i].numbers, records[i].numbers, sizeof(records[i].numbers));
	}
	CHECK_EQ(answer.record[5].data_len, 3);
}

TEST(an_answer_that_does_not_fit_says_so)
{
	struct dns_query query = asked();
	static struct dns_record records[40];
	static struct dns_answer answer;
	uint8_t bytes[512];
	size_t len;

	query.has_edns = true;
	for (size_t i = 0; i < countof(records); i++)
		records[i] = (struct dns_record){ .name = "other.example.test", .type = DNS_A };
	len = dns_reply_compose(&query, DNS_NOERROR, records, countof(records), bytes,
				sizeof(bytes));
	CHECK(len <= sizeof(bytes));
	CHECK_EQ(be16_load(bytes + 10), 1); /* OPT is there */
	CHECK_EQ(dns_answer_parse(bytes, len, 0x1234, "example.test", DNS_A, &answer), 0);
	CHECK(answer.is_truncated);
	CHECK_EQ(answer.count, 0);
}

TEST(large_rcodes_stand_in_opt)
{
	struct dns_query query = asked();
	uint8_t bytes[512];
	size_t len;

	query.has_edns = true;
	len = dns_reply_compose(&query, DNS_BADVERS, NULL, 0, bytes, sizeof(bytes));
	CHECK_EQ(bytes[3] & 15, 0);
	CHECK_EQ(bytes[len - 6], 1); /* the upper bits */
}

TEST(questions_are_composed)
{
	uint8_t bytes[DNS_QUERY_MAX];
	size_t len = dns_query_compose(7, "example.test", DNS_AAAA, bytes);
	struct dns_query query;

	CHECK_EQ(dns_query_parse(bytes, len, &query), 0);
	CHECK_EQ(query.id, 7);
	CHECK_STR(query.name, "example.test");
	CHECK_EQ(query.type, DNS_AAAA);
	CHECK_EQ(query.udp_size, DNS_UDP_MAX);
}

TEST(names_are_written)
{
	uint8_t wire[DNS_WIRE_NAME_MAX];
	char longest[DNS_LABEL_MAX + 2];

	CHECK_EQ(dns_name_write("", wire), 1);
	CHECK_EQ(dns_name_write("a.bc", wire), 6);
	CHECK_MEM(wire, "\1a\2bc", 6);
	CHECK_EQ(dns_name_write("a..b", wire), -EINVAL);
	CHECK_EQ(dns_name_write(".a", wire), -EINVAL);
	CHECK_EQ(dns_name_write("a.", wire), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	longest[DNS_LABEL_MAX] = '\0';
	CHECK_EQ(dns_name_write(longest, wire), DNS_LABEL_MAX + 2);
	longest[DNS_LABEL_MAX] = 'a';
	longest[DNS_LABEL_MAX + 1] = '\0';
	CHECK_EQ(dns_name_write(longest, wire), -EINVAL);
}

TEST(types_have_names)
{
	CHECK_STR(dns_type_name(DNS_HTTPS), "HTTPS");
	CHECK(dns_type_name(10) == NULL);
}

TEST_MAIN()
