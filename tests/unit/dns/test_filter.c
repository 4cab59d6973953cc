#include "dns/filter.h"

#include "base/check.h"
#include "tests/unit/test.h"

static struct dns_answer answer;
static struct address stripped;
static unsigned asked; /* times */

/* Public ones only, as the policy has it without an address rule. */
static bool admits(void *owner, const char *name, const struct address *address)
{
	(void)owner;
	asked += strcmp(name, "a.test") == 0;
	return address_kind(address) == ADDRESS_PUBLIC;
}

static const struct dns_filter filter = { .admits = admits };

static struct dns_record record(const char *name, enum dns_type type, const char *value)
{
	struct dns_record made = { .type = (uint16_t)type, .ttl = 60 };

	(void)snprintf(made.name, sizeof(made.name), "%s", name);
	if (type == DNS_A || type == DNS_AAAA)
		(void)address_parse(value, &made.address);
	else
		(void)snprintf(made.target, sizeof(made.target), "%s", value);
	return made;
}

static size_t apply(const struct dns_record *records, size_t count, enum dns_type type)
{
	answer = (struct dns_answer){ .count = count };
	memcpy(answer.record, records, count * sizeof(*records));
	asked = 0;
	return dns_filter_apply(&filter, "a.test", (uint16_t)type, &answer, &stripped);
}

TEST(what_was_asked_for_is_kept)
{
	const struct dns_record records[] = {
		record("a.test", DNS_A, "8.8.8.8"),
		record("b.test", DNS_A, "8.8.4.4"),
		record("a.test", DNS_AAAA, "2606::1"),
		record("a.test", DNS_A, "1.1.1.1"),
	};

	CHECK_EQ(apply(records, countof(records), DNS_A), 0);
	CHECK_EQ(answer.count, 2);
	CHECK_EQ(answer.record[0].address.bytes[0], 8);
	CHECK_EQ(answer.record[1].address.bytes[0], 1);
}

/* N08: the chain is shown, and the policy is asked about the name that was asked for. */
TEST(aliases_are_followed)
{
	const struct dns_record records[] = {
		record("c.other", DNS_A, "8.8.8.8"),   record("b.test", DNS_CNAME, "c.other"),
		record("a.test", DNS_CNAME, "b.test"), record("x.test", DNS_CNAME, "c.other"),
		record("b.test", DNS_A, "1.1.1.1"),
	};

	CHECK_EQ(apply(records, countof(records), DNS_A), 0);
	CHECK_EQ(answer.count, 3);
	CHECK_STR(answer.record[0].name, "c.other");
	CHECK_STR(answer.record[1].target, "c.other");
	CHECK_STR(answer.record[2].target, "b.test");
	CHECK_EQ(asked, 1);
}

TEST(circles_end)
{
	const struct dns_record records[] = { record("a.test", DNS_CNAME, "b.test"),
					      record("b.test", DNS_CNAME, "a.test") };

	CHECK_EQ(apply(records, countof(records), DNS_A), 0);
	CHECK_EQ(answer.count, 2);
}

TEST(an_alias_can_be_asked_for)
{
	const struct dns_record records[] = { record("a.test", DNS_CNAME, "b.test"),
					      record("b.test", DNS_CNAME, "c.test") };

	CHECK_EQ(apply(records, countof(records), DNS_CNAME), 0);
	CHECK_EQ(answer.count, 1);
}

/* N09, N10 */
TEST(addresses_that_are_not_public_go)
{
	const struct dns_record records[] = {
		record("a.test", DNS_AAAA, "::ffff:127.0.0.1"),
		record("a.test", DNS_AAAA, "64:ff9b::a00:1"),
		record("a.test", DNS_AAAA, "fd00::1"),
		record("a.test", DNS_AAAA, "2606:4700::1"),
		record("a.test", DNS_AAAA, "::"),
	};

	CHECK_EQ(apply(records, countof(records), DNS_AAAA), 4);
	CHECK_EQ(answer.count, 1);
	CHECK_EQ(answer.record[0].address.bytes[0], 0x26);
	CHECK_EQ(address_kind(&stripped), ADDRESS_LOOPBACK);
}

TEST(ttls_are_clamped)
{
	struct dns_record records[] = { record("a.test", DNS_A, "8.8.8.8"),
					record("a.test", DNS_A, "8.8.4.4") };

	records[0].ttl = 0;
	records[1].ttl = 86400;
	CHECK_EQ(apply(records, countof(records), DNS_A), 0);
	CHECK_EQ(answer.record[0].ttl, DNS_TTL_MIN);
	CHECK_EQ(answer.record[1].ttl, DNS_TTL_MAX);
}

TEST(types_are_treated_as_they_deserve)
{
	CHECK_EQ(dns_treatment_of(DNS_A), DNS_ASK);
	CHECK_EQ(dns_treatment_of(DNS_TXT), DNS_ASK);
	CHECK_EQ(dns_treatment_of(DNS_HTTPS), DNS_EMPTY);
	CHECK_EQ(dns_treatment_of(DNS_SVCB), DNS_EMPTY);
	CHECK_EQ(dns_treatment_of(DNS_ANY), DNS_DECLINE);
	CHECK_EQ(dns_treatment_of(DNS_PTR), DNS_DECLINE);
	CHECK_EQ(dns_treatment_of(10), DNS_DECLINE);  /* NULL */
	CHECK_EQ(dns_treatment_of(252), DNS_DECLINE); /* AXFR */
}

TEST_MAIN()
