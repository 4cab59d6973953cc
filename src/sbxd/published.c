#include "sbxd/published.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

static const char *const names[PUBLISHED_PROTOCOLS] = {
	[PUBLISHED_TCP4] = "tcp4",
	[PUBLISHED_TCP6] = "tcp6",
	[PUBLISHED_UDP4] = "udp4",
	[PUBLISHED_UDP6] = "udp6",
};

const char *published_protocol_name(enum published_protocol protocol)
{
	return names[protocol];
}

bool published_is_udp(const struct published *published)
{
	return published->protocol == PUBLISHED_UDP4 || published->protocol == PUBLISHED_UDP6;
}

static enum address_family family_of(enum published_protocol protocol)
{
	return protocol == PUBLISHED_TCP4 || protocol == PUBLISHED_UDP4 ? ADDRESS_V4 : ADDRESS_V6;
}

void published_format(const struct published *published, char ret[PUBLISHED_TEXT_MAX])
{
	char host[ENDPOINT_TEXT_MAX];

	endpoint_format(&published->host, host);
	(void)snprintf(ret, PUBLISHED_TEXT_MAX, "%s->%u/%s", host, published->guest_port,
		       names[published->protocol]);
}

bool published_collide(const struct published *a, const struct published *b)
{
	return a->protocol == b->protocol && a->host.port != 0 && a->host.port == b->host.port &&
	       address_equal(&a->host.address, &b->host.address);
}

bool published_selects(const struct published *wanted, const struct published *there)
{
	if (wanted->protocol != there->protocol || wanted->guest_port != there->guest_port)
		return false;
	return wanted->host.port == 0 || published_collide(wanted, there);
}

static struct address loopback(enum address_family family)
{
	struct address address = { .family = family };

	if (family == ADDRESS_V4)
		memcpy(address.bytes, "\x7f\0\0\1", 4);
	else
		address.bytes[15] = 1;
	return address;
}

static int find_name(const char *name, enum published_protocol *ret)
{
	for (unsigned i = 0; i < PUBLISHED_PROTOCOLS; i++) {
		if (strcmp(names[i], name) == 0) {
			*ret = (enum published_protocol)i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_port(json_int_t number, json_int_t least, const char *what, uint16_t *ret,
		      struct err *err)
{
	if (number < least || number > UINT16_MAX)
		return err_set(err, -EINVAL, "%s must be a number from %d to 65535", what,
			       (int)least);
	*ret = (uint16_t)number;
	return 0;
}

/* One for each protocol that the word stands for. */
static int parse_protocols(const char *word, const struct address *address,
			   enum published_protocol ret[2], struct err *err)
{
	bool is_v4 = address->family != ADDRESS_V6, is_any = address->family == ADDRESS_NONE;
	bool is_tcp = strcmp(word, "tcp") == 0;

	if (word[0] == '\0') {
		ret[0] = is_v4 ? PUBLISHED_TCP4 : PUBLISHED_TCP6;
		return 1;
	}
	if (is_tcp || strcmp(word, "udp") == 0) {
		ret[0] = is_tcp ? PUBLISHED_TCP4 : PUBLISHED_UDP4;
		ret[1] = is_tcp ? PUBLISHED_TCP6 : PUBLISHED_UDP6;
		if (!is_any && !is_v4)
			ret[0] = ret[1];
		return is_any ? 2 : 1;
	}
	if (find_name(word, &ret[0]) < 0)
		return err_set(err, -EINVAL,
			       "'%.20s' is no protocol of a port: tcp, tcp4, tcp6, udp, udp4 and "
			       "udp6 are",
			       word);
	if (!is_any && family_of(ret[0]) != address->family)
		return err_set(err, -EINVAL, "the address does not belong to protocol '%s'", word);
	return 1;
}

int published_parse(json_t *json, struct published ret[2], struct err *err)
{
	const char *host = "", *protocol = "";
	json_int_t host_port = 0, guest_port = 0;
	enum published_protocol protocols[2];
	struct published published = { .is_any = false };
	json_error_t error;
	int count, r;

	if (json_unpack_ex(json, &error, JSON_STRICT, "{s?s s?I sI s?s}", "host_ip", &host,
			   "host_port", &host_port, "sandbox_port", &guest_port, "protocol",
			   &protocol) < 0)
		return err_set(err, -EINVAL, "a port is wrong: %s", error.text);
	if (host[0] != '\0' && address_parse(host, &published.host.address) < 0)
		return err_set(err, -EINVAL, "'%.60s' is no address of this host", host);
	r = parse_port(host_port, 0, "a port of this host", &published.host.port, err);
	if (r == 0)
		r = parse_port(guest_port, 1, "a port of the sandbox", &published.guest_port, err);
	if (r < 0)
		return r;
	published.is_any = published.host.port == 0;
	count = parse_protocols(protocol, &published.host.address, protocols, err);
	for (int i = 0; i < count; i++) {
		ret[i] = published;
		ret[i].protocol = protocols[i];
		if (ret[i].host.address.family == ADDRESS_NONE)
			ret[i].host.address = loopback(family_of(protocols[i]));
	}
	return count;
}

json_t *published_view(const struct published *published)
{
	char address[ADDRESS_TEXT_MAX];

	address_format(&published->host.address, address);
	return json_pack("{ss si si ss}", "host_ip", address, "host_port",
			 (int)published->host.port, "sandbox_port", (int)published->guest_port,
			 "protocol", names[published->protocol]);
}

json_t *published_store(const struct published *published)
{
	json_t *json = published_view(published);

	(void)json_object_set_new(json, "any", json_boolean(published->is_any));
	return json;
}

int published_load(json_t *json, struct published *ret)
{
	const char *host, *protocol;
	json_int_t host_port, guest_port;
	struct published published;
	int is_any;

	if (json_unpack_ex(json, NULL, JSON_STRICT, "{ss sI sI ss sb}", "host_ip", &host,
			   "host_port", &host_port, "sandbox_port", &guest_port, "protocol",
			   &protocol, "any", &is_any) < 0 ||
	    address_parse(host, &published.host.address) < 0 ||
	    find_name(protocol, &published.protocol) < 0 ||
	    family_of(published.protocol) != published.host.address.family || host_port < 0 ||
	    host_port > UINT16_MAX || guest_port < 1 || guest_port > UINT16_MAX)
		return -EINVAL;
	published.host.port = (uint16_t)host_port;
	published.guest_port = (uint16_t)guest_port;
	published.is_any = is_any != 0;
	*ret = published;
	return 0;
}

int published_list_add(struct published_list *list, const struct published *published)
{
	if (list->count == PUBLISHED_MAX)
		return -E2BIG;
	list->items[list->count++] = *published;
	return 0;
}

void published_list_remove(struct published_list *list, size_t index)
{
	memmove(&list->items[index], &list->items[index + 1],
		(--list->count - index) * sizeof(list->items[0]));
}
