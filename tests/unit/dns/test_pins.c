#include "dns/pins.h"

#include <errno.h>

#include "tests/unit/test.h"

enum { S = 1000 };

static struct address v4(unsigned number)
{
	return (struct address){
		ADDRESS_V4, { 8, (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number }
	};
}

TEST(a_pin_holds_for_its_name_and_address)
{
	const struct address one = v4(1), two = v4(2);
	struct dns_pins *pins;

	CHECK_EQ(dns_pins_create(&pins), 0);
	CHECK_EQ(dns_pins_add(pins, "a.test", &one, 60, 0), 0);
	CHECK(dns_pins_find(pins, "a.test", &one, 0) != NULL);
	CHECK(dns_pins_find(pins, "b.test", &one, 0) == NULL);
	CHECK(dns_pins_find(pins, "a.test", &two, 0) == NULL);
	dns_pins_destroy(pins);
}

TEST(a_pin_ends_after_its_grace)
{
	const uint64_t end = (60 + DNS_PIN_GRACE_S) * (uint64_t)S;
	const struct address one = v4(1);
	struct dns_pins *pins;

	CHECK_EQ(dns_pins_create(&pins), 0);
	CHECK_EQ(dns_pins_add(pins, "a.test", &one, 60, 0), 0);
	CHECK(dns_pins_find(pins, "a.test", &one, end - 1) != NULL);
	CHECK(dns_pins_find(pins, "a.test", &one, end) == NULL);
	CHECK(dns_pins_of_address(pins, &one, NULL, end) == NULL);
	CHECK_EQ(dns_pins_add(pins, "a.test", &one, 60, end), 0);
	CHECK(dns_pins_find(pins, "a.test", &one, end) != NULL);
	CHECK_EQ(dns_pins_count(pins), 1);
	dns_pins_destroy(pins);
}

TEST(a_held_pin_does_not_end)
{
	const struct address one = v4(1);
	struct dns_pins *pins;
	struct dns_pin *pin;

	CHECK_EQ(dns_pins_create(&pins), 0);
	CHECK_EQ(dns_pins_add(pins, "a.test", &one, 5, 0), 0);
	pin = dns_pin_hold(dns_pins_find(pins, "a.test", &one, 0));
	CHECK(dns_pins_find(pins, "a.test", &one, UINT64_MAX) == pin);
	CHECK_STR(dns_pin_name(pin), "a.test");
	dns_pin_release(pin);
	CHECK(dns_pins_find(pins, "a.test", &one, UINT64_MAX) == NULL);
	dns_pins_destroy(pins);
}

TEST(an_address_may_have_many_names)
{
	const struct address one = v4(1), two = v4(2);
	struct dns_pins *pins;
	struct dns_pin *pin = NULL;
	unsigned count = 0;

	CHECK_EQ(dns_pins_create(&pins), 0);
	CHECK_EQ(dns_pins_add(pins, "a.test", &one, 5, 0), 0);
	CHECK_EQ(dns_pins_add(pins, "b.test", &one, 5, 0), 0);
	CHECK_EQ(dns_pins_add(pins, "c.test", &two, 5, 0), 0);
	while ((pin = dns_pins_of_address(pins, &one, pin, 0)) != NULL) {
		CHECK(dns_pin_name(pin)[0] != 'c');
		count++;
	}
	CHECK_EQ(count, 2);
	dns_pins_destroy(pins);
}

TEST(fresh_addresses_are_those_within_their_ttl)
{
	const struct address one = v4(1), two = v4(2);
	struct address found[4];
	struct dns_pins *pins;

	CHECK_EQ(dns_pins_create(&pins), 0);
	CHECK_EQ(dns_pins_add(pins, "a.test", &one, 5, 0), 0);
	CHECK_EQ(dns_pins_add(pins, "a.test", &two, 50, 0), 0);
	CHECK_EQ(dns_pins_fresh(pins, "a.test", found, 4, 0), 2);
	CHECK_EQ(dns_pins_fresh(pins, "a.test", found, 1, 0), 1);
	CHECK_EQ(dns_pins_fresh(pins, "a.test", found, 4, 5 * S), 1);
	CHECK(address_equal(&found[0], &two));
	CHECK_EQ(dns_pins_fresh(pins, "b.test", found, 4, 0), 0);
	dns_pins_destroy(pins);
}

/* The longest unused gives way; one that is held does not. */
TEST(the_table_is_bounded)
{
	struct dns_pins *pins;
	struct dns_pin *held;
	struct address at = v4(0), first = v4(0), second = v4(1);

	CHECK_EQ(dns_pins_create(&pins), 0);
	for (unsigned i = 0; i < DNS_PINS_MAX; i++) {
		at = v4(i);
		CHECK_EQ(dns_pins_add(pins, "a.test", &at, 60, 0), 0);
	}
	held = dns_pin_hold(dns_pins_of_address(pins, &first, NULL, 0));
	at = v4(DNS_PINS_MAX);
	CHECK_EQ(dns_pins_add(pins, "a.test", &at, 60, 0), 0);
	CHECK_EQ(dns_pins_count(pins), DNS_PINS_MAX);
	CHECK(dns_pins_find(pins, "a.test", &first, 0) == held);
	CHECK(dns_pins_find(pins, "a.test", &second, 0) == NULL);
	dns_pin_release(held);
	dns_pins_destroy(pins);
}

TEST(no_more_pins_than_fit_can_be_held)
{
	static struct dns_pin *held[DNS_PINS_MAX];
	struct dns_pins *pins;
	struct address at;

	CHECK_EQ(dns_pins_create(&pins), 0);
	for (unsigned i = 0; i < DNS_PINS_MAX; i++) {
		at = v4(i);
		CHECK_EQ(dns_pins_add(pins, "a.test", &at, 60, 0), 0);
		held[i] = dns_pin_hold(dns_pins_find(pins, "a.test", &at, 0));
	}
	at = v4(DNS_PINS_MAX);
	CHECK_EQ(dns_pins_add(pins, "a.test", &at, 60, 0), -ENOSPC);
	for (unsigned i = 0; i < DNS_PINS_MAX; i++)
		dns_pin_release(held[i]);
	CHECK_EQ(dns_pins_add(pins, "a.test", &at, 60, 0), 0);
	dns_pins_destroy(pins);
}

TEST_MAIN()
