#include "sbx-net/place.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "net/link.h"

static const struct {
	enum place place;
	enum address_family family;
	const char *text;
} places[] = {
	{ PLACE_GATEWAY, ADDRESS_V4, LINK_GATEWAY4 }, { PLACE_GATEWAY, ADDRESS_V6, LINK_GATEWAY6 },
	{ PLACE_HOST, ADDRESS_V4, LINK_HOST4 },	      { PLACE_HOST, ADDRESS_V6, LINK_HOST6 },
	{ PLACE_GUEST, ADDRESS_V4, LINK_GUEST4 },     { PLACE_GUEST, ADDRESS_V6, LINK_GUEST6 },
};

static struct address parsed(const char *text)
{
	struct address address = { .family = ADDRESS_NONE };

	(void)address_parse(text, &address);
	return address;
}

enum place place_of(const struct address *address)
{
	for (size_t i = 0; i < countof(places); i++) {
		const struct address known = parsed(places[i].text);

		if (address_equal(address, &known))
			return places[i].place;
	}
	return PLACE_OUTSIDE;
}

struct address place_address(enum place place, enum address_family family)
{
	for (size_t i = 0; i < countof(places); i++) {
		if (places[i].place == place && places[i].family == family)
			return parsed(places[i].text);
	}
	return (struct address){ .family = ADDRESS_NONE };
}

struct address place_loopback(enum address_family family)
{
	return parsed(family == ADDRESS_V4 ? "127.0.0.1" : "::1");
}

enum place place_of_name(const char *name)
{
	if (strcmp(name, LINK_HOST_NAME) == 0)
		return PLACE_HOST;
	return strcmp(name, LINK_GATEWAY_NAME) == 0 ? PLACE_GATEWAY : PLACE_OUTSIDE;
}

/* RFC 1035 §3.5, RFC 3596 §2.5. */
static void reverse_name(const struct address *address, char ret[DNS_NAME_MAX + 1])
{
	const uint8_t *b = address->bytes;
	size_t at = 0;

	if (address->family == ADDRESS_V4) {
		(void)snprintf(ret, DNS_NAME_MAX + 1, "%u.%u.%u.%u.in-addr.arpa", b[3], b[2], b[1],
			       b[0]);
		return;
	}
	for (int i = 15; i >= 0; i--)
		at += (size_t)snprintf(ret + at, DNS_NAME_MAX + 1 - at, "%x.%x.", b[i] & 15u,
				       b[i] >> 4u);
	(void)snprintf(ret + at, DNS_NAME_MAX + 1 - at, "ip6.arpa");
}

const char *place_reverse(const char *name)
{
	for (size_t i = 0; i < countof(places); i++) {
		const struct address address = parsed(places[i].text);
		char reverse[DNS_NAME_MAX + 1];

		if (places[i].place == PLACE_GUEST)
			continue;
		reverse_name(&address, reverse);
		if (strcmp(name, reverse) == 0)
			return places[i].place == PLACE_HOST ? LINK_HOST_NAME : LINK_GATEWAY_NAME;
	}
	return NULL;
}

bool place_published(unsigned attempt, struct address *ret_from, struct address *ret_to)
{
	static const struct {
		enum address_family family;
		bool is_loopback;
	} attempts[] = { { ADDRESS_V4, false }, { ADDRESS_V4, true }, { ADDRESS_V6, false } };

	if (attempt >= countof(attempts))
		return false;
	*ret_from = place_address(PLACE_GATEWAY, attempts[attempt].family);
	*ret_to = attempts[attempt].is_loopback
			  ? place_loopback(attempts[attempt].family)
			  : place_address(PLACE_GUEST, attempts[attempt].family);
	return true;
}
