/*
 * The grammar of resources, strict: what could be read in two ways, or could
 * never match, is refused with a sentence that says what to write instead.
 *
 *	resource = "**" [port] | host [port] | ipv4 [port] | "[" ipv6 "]" [port]
 *		 | ipv4 "/" bits [port] | ipv6 "/" bits | "[" ipv6 "/" bits "]" [port]
 *	host	 = labels of letters, digits, '-', '_' and globs (match.h)
 *	port	 = ":" 1..65535
 */
#include "policy/resource.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"
#include "base/parse.h"
#include "policy/match.h"

enum { TEXT_MAX = 320 };

const char *const resource_host_names[RESOURCE_HOST_NAMES] = { "localhost",
							       "host.docker.internal" };

void policy_resource_finish(struct policy_resource *resource)
{
	free(resource->pattern);
	*resource = (struct policy_resource){ .kind = POLICY_ANY };
}

/* What people bring along from elsewhere. */
static int refuse_foreign(const char *text, struct err *err)
{
	if (text[0] == '\0')
		return err_set(err, -EINVAL, "a resource is empty; write a host: example.com:443");
	if (strlen(text) > TEXT_MAX)
		return err_set(err, -EINVAL, "'%.40s…' is too long for a host", text);
	if (strstr(text, "://") != NULL)
		return err_set(err, -EINVAL, "'%s' is a URL; write host and port: example.com:443",
			       text);
	if (strchr(text, '\\') != NULL)
		return err_set(err, -EINVAL, "'%s' has a backslash; nothing in a host is escaped",
			       text);
	if (strchr(text, '@') != NULL)
		return err_set(err, -EINVAL, "'%s' has a user in it; write the host alone", text);
	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at <= ' ' || (unsigned char)*at > '~')
			return err_set(err, -EINVAL,
				       "'%s' has a character that no host has; write names of "
				       "other scripts as xn--…",
				       text);
	return 0;
}

static int parse_port(const char *text, const char *port, uint16_t *ret, struct err *err)
{
	uint64_t value = 0;

	if (parse_u64(port, UINT16_MAX, &value) < 0 || value == 0 || port[0] == '0')
		return err_set(err, -EINVAL, "'%s' does not end in a port from 1 to 65535", text);
	*ret = (uint16_t)value;
	return 0;
}

static unsigned bits_of(const struct address *address)
{
	return address->family == ADDRESS_V4 ? 32 : 128;
}

static bool has_host_bits(const struct address *net, unsigned bits)
{
	struct address other = *net;

	for (unsigned i = bits; i < bits_of(net); i++)
		other.bytes[i / 8] &= (uint8_t) ~(0x80u >> (i % 8));
	return !address_equal(&other, net);
}

/* An IPv6 form of an IPv4 address is judged as the latter, so such a rule would never match. */
static int check_net(const char *text, const struct policy_resource *resource, struct err *err)
{
	struct address real = address_unmap(&resource->net);
	char written[ADDRESS_TEXT_MAX];

	if (has_host_bits(&resource->net, resource->bits))
		return err_set(err, -EINVAL, "'%s' has bits beyond its first %u; write the network",
			       text, resource->bits);
	if (real.family == resource->net.family || resource->bits < 96)
		return 0;
	address_format(&real, written);
	return err_set(err, -EINVAL, "'%s' stands for an IPv4 address; write %s", text, written);
}

/* "ADDRESS" or "ADDRESS/BITS"; -ENOENT when it is neither and may be a name. */
static int parse_net(const char *text, const char *net, struct policy_resource *ret,
		     struct err *err)
{
	struct policy_resource resource = { .kind = POLICY_NET, .port = ret->port };
	char address[TEXT_MAX + 1];
	size_t len = strcspn(net, "/");
	uint64_t bits;
	int r;

	(void)snprintf(address, sizeof(address), "%.*s", (int)len, net);
	if (address_parse(address, &resource.net) < 0) {
		if (net[len] == '/')
			return err_set(err, -EINVAL,
				       "'%s' is no network; write ADDRESS/BITS, and no paths",
				       text);
		return -ENOENT;
	}
	bits = bits_of(&resource.net);
	if (net[len] == '/' &&
	    (parse_u64(net + len + 1, bits, &bits) < 0 || (bits > 0 && net[len + 1] == '0')))
		return err_set(err, -EINVAL, "'%s' does not end in 0 to %u bits", text,
			       bits_of(&resource.net));
	resource.bits = (unsigned)bits;
	r = check_net(text, &resource, err);
	if (r == 0)
		*ret = resource;
	return r;
}

/* "[…]" with IPv6 in it. */
static int parse_bracketed(const char *text, struct policy_resource *ret, struct err *err)
{
	const char *end = strchr(text, ']');
	struct policy_resource resource = { .kind = POLICY_NET };
	char inner[TEXT_MAX + 1];
	int r = 0;

	if (end[1] == ':')
		r = parse_port(text, end + 2, &resource.port, err);
	else if (end[1] != '\0')
		r = err_set(err, -EINVAL, "'%s' goes on after ']'; write [ADDRESS]:PORT", text);
	if (r < 0)
		return r;
	(void)snprintf(inner, sizeof(inner), "%.*s", (int)(end - text - 1), text + 1);
	r = parse_net(text, inner, &resource, err);
	if (r == -ENOENT || (r == 0 && resource.net.family != ADDRESS_V6))
		return err_set(err, -EINVAL, "'%s' has no IPv6 address in its brackets", text);
	if (r == 0)
		*ret = resource;
	return r;
}

/* A set of letters and digits; returns its end, NULL when it is none. */
static const char *skip_set(const char *at)
{
	const char *first = at + (at[0] == '!'), *end = strchr(first, ']');

	if (end == NULL || end == first)
		return NULL;
	for (at = first; at < end; at++) {
		bool is_range = *at == '-' && at > first && at + 1 < end;

		if (!isalnum((unsigned char)*at) && *at != '-' && *at != '_')
			return NULL;
		if (is_range && at[-1] > at[1])
			return NULL;
	}
	return end;
}

static int check_characters(const char *text, const char *pattern, struct err *err)
{
	for (const char *at = pattern; *at != '\0'; at++) {
		if (*at == '[') {
			at = skip_set(at + 1);
			if (at == NULL)
				return err_set(err, -EINVAL,
					       "'%s' has a set that is none; write [abc] or [!abc]",
					       text);
			continue;
		}
		if (!isalnum((unsigned char)*at) && strchr("-_.*?", *at) == NULL)
			return err_set(err, -EINVAL,
				       "'%s' has a '%c', which no host has; a resource is "
				       "HOST[:PORT], ADDRESS or ADDRESS/BITS",
				       text, *at);
	}
	return 0;
}

/* Checks one label; a set has no '.' in it, so labels end where they seem to. */
static int check_label(const char *text, const char *label, size_t len, bool is_first,
		       struct err *err)
{
	if (len == 0)
		return err_set(err, -EINVAL, "'%s' has an empty label", text);
	if (label[0] == '-' || label[len - 1] == '-')
		return err_set(err, -EINVAL, "'%s' has a label that begins or ends in '-'", text);
	for (size_t i = 0; i + 1 < len; i++)
		if (label[i] == '*' && label[i + 1] == '*' && !(is_first && len == 2))
			return err_set(err, -EINVAL, "'%s': '**' can only be the first label",
				       text);
	return 0;
}

static int check_labels(const char *text, const char *pattern, struct err *err)
{
	for (const char *label = pattern;; label++) {
		size_t len = strcspn(label, ".");
		int r = check_label(text, label, len, label == pattern, err);

		if (r < 0)
			return r;
		label += len;
		if (*label == '\0')
			return 0;
	}
}

static int check_pattern(const char *text, const char *pattern, struct err *err)
{
	char name[POLICY_NAME_MAX + 1];
	int r;

	if (strcmp(pattern, "*") == 0)
		return err_set(err, -EINVAL,
			       "'*' alone is ambiguous; write '**' for every host, '*.example.com' "
			       "for one label, '**.example.com' for any depth");
	if (strlen(pattern) > POLICY_NAME_MAX)
		return err_set(err, -EINVAL, "'%.40s…' is longer than %d bytes", text,
			       POLICY_NAME_MAX);
	r = check_characters(text, pattern, err);
	if (r == 0)
		r = check_labels(text, pattern, err);
	if (r == 0 && !match_is_glob(MATCH_HOST, pattern) &&
	    policy_name_check(pattern, strlen(pattern), name) < 0)
		return err_set(err, -EINVAL, "'%s' is neither a host name nor an IP address", text);
	return r;
}

static int parse_name(const char *text, char *host, struct policy_resource *ret, struct err *err)
{
	size_t len = strlen(host);
	char *pattern;
	int r;

	if (len > 1 && host[len - 1] == '.')
		host[len - 1] = '\0';
	for (char *at = host; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	if (strcmp(host, "**") == 0) {
		ret->kind = POLICY_ANY;
		return 0;
	}
	r = check_pattern(text, host, err);
	if (r < 0)
		return r;
	pattern = strdup(host);
	if (pattern == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	ret->kind = POLICY_NAME;
	ret->pattern = pattern;
	return 0;
}

/* Cuts ":port" off; two colons are IPv6, which only a network may be without brackets. */
static int split_port(const char *text, char *host, uint16_t *ret_port, struct err *err)
{
	char *colon = strchr(host, ':');
	struct address address;

	if (colon == NULL)
		return 0;
	if (strchr(colon + 1, ':') == NULL) {
		*colon = '\0';
		return parse_port(text, colon + 1, ret_port, err);
	}
	if (strchr(host, '/') != NULL)
		return 0;
	if (address_parse(host, &address) == 0)
		return err_set(err, -EINVAL, "'%s' needs brackets: [%s] or [%s]:PORT, or %s/128",
			       text, text, text, text);
	return err_set(err, -EINVAL, "'%s' has too many colons; write HOST:PORT", text);
}

int policy_resource_parse(const char *text, struct policy_resource *ret, struct err *err)
{
	struct policy_resource resource = { .kind = POLICY_ANY };
	char host[TEXT_MAX + 1];
	int r = refuse_foreign(text, err);

	if (r < 0)
		return r;
	if (text[0] == '[' && memchr(text, ':', strcspn(text, "]")) != NULL &&
	    strchr(text, ']') != NULL)
		return parse_bracketed(text, ret, err);
	(void)snprintf(host, sizeof(host), "%s", text);
	r = split_port(text, host, &resource.port, err);
	if (r == 0)
		r = parse_net(text, host, &resource, err);
	if (r == -ENOENT)
		r = parse_name(text, host, &resource, err);
	if (r == 0)
		*ret = resource;
	return r;
}

static void format_net(const struct policy_resource *resource, char *ret, size_t size)
{
	bool is_v6 = resource->net.family == ADDRESS_V6;
	bool is_whole = resource->bits == bits_of(&resource->net);
	char address[ADDRESS_TEXT_MAX], bits[16] = "";

	address_format(&resource->net, address);
	if (!is_whole)
		(void)snprintf(bits, sizeof(bits), "/%u", resource->bits);
	if (is_v6 && (is_whole || resource->port != 0))
		(void)snprintf(ret, size, "[%s%s]", address, bits);
	else
		(void)snprintf(ret, size, "%s%s", address, bits);
}

void policy_resource_format(const struct policy_resource *resource, char ret[POLICY_RESOURCE_MAX])
{
	size_t len;

	switch (resource->kind) {
	case POLICY_ANY:
		(void)snprintf(ret, POLICY_RESOURCE_MAX, "**");
		break;
	case POLICY_NAME:
		(void)snprintf(ret, POLICY_RESOURCE_MAX, "%s", resource->pattern);
		break;
	case POLICY_NET:
		format_net(resource, ret, POLICY_RESOURCE_MAX);
		break;
	}
	len = strlen(ret);
	if (resource->port != 0)
		(void)snprintf(ret + len, POLICY_RESOURCE_MAX - len, ":%u", resource->port);
}

const char *resource_suffix(const struct policy_resource *resource)
{
	const char *rest;

	if (resource->kind != POLICY_NAME || resource->pattern[0] != '*')
		return NULL;
	rest = resource->pattern + strspn(resource->pattern, "*");
	return *rest == '.' && !match_is_glob(MATCH_HOST, rest) ? rest + 1 : NULL;
}

static bool ends_in(const char *name, size_t len, const char *suffix)
{
	size_t tail = strlen(suffix);

	return len > tail + 1 && name[len - tail - 1] == '.' &&
	       memcmp(name + len - tail, suffix, tail) == 0;
}

/* Most rules are a name or a suffix; the matcher is for the others. */
static bool matches_name(const struct policy_resource *resource, const char *name)
{
	const char *pattern = resource->pattern, *suffix;
	size_t len;

	if (!match_is_glob(MATCH_HOST, pattern))
		return strcmp(pattern, name) == 0;
	suffix = resource_suffix(resource);
	if (suffix == NULL)
		return match_glob(MATCH_HOST, pattern, name);
	len = strlen(name);
	return ends_in(name, len, suffix) &&
	       (pattern[1] == '*' || memchr(name, '.', len - strlen(suffix) - 1) == NULL);
}

static bool matches_any_name(const struct policy_resource *resource,
			     const struct policy_question *question)
{
	if (question->name != NULL && matches_name(resource, question->name))
		return true;
	for (size_t i = 0; question->is_host && i < RESOURCE_HOST_NAMES; i++)
		if (matches_name(resource, resource_host_names[i]))
			return true;
	return false;
}

bool resource_matches_host(const struct policy_resource *resource,
			   const struct policy_question *question)
{
	struct address address;

	switch (resource->kind) {
	case POLICY_ANY:
		return true;
	case POLICY_NAME:
		return matches_any_name(resource, question);
	case POLICY_NET:
		address = address_unmap(&question->address);
		return address.family != ADDRESS_NONE &&
		       address_in(&address, &resource->net, resource->bits);
	}
	return false;
}

bool policy_resource_matches(const struct policy_resource *resource,
			     const struct policy_question *question)
{
	return (resource->port == 0 || resource->port == question->port) &&
	       resource_matches_host(resource, question);
}

bool resource_names(const struct policy_resource *resource, const struct policy_question *question)
{
	struct address address;

	switch (resource->kind) {
	case POLICY_ANY:
		return false;
	case POLICY_NAME:
		return question->is_host && !match_is_glob(MATCH_HOST, resource->pattern);
	case POLICY_NET:
		/* 0.0.0.0/0 holds every private address and means none. */
		address = address_unmap(&question->address);
		return address_kind(&resource->net) == address_kind(&address);
	}
	return false;
}
