#include "http/authority.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "http/token.h"

enum { LABEL_MAX = 63, PORT_DIGITS_MAX = 5, V6_TEXT_MAX = INET6_ADDRSTRLEN };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_label_char(char c)
{
	return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '_';
}

/* Lower cases len bytes that must fit and hold no NUL. */
static int copy_lower(const char *bytes, size_t len, char *to, size_t size)
{
	if (len == 0 || len >= size || memchr(bytes, '\0', len) != NULL)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		to[i] = http_lower(bytes[i]);
	to[len] = '\0';
	return 0;
}

/* What the URL standard calls "ends in a number": such a host is an IPv4 address or nothing. */
static bool ends_in_number(const char *host)
{
	const char *dot = strrchr(host, '.'), *label = dot != NULL ? dot + 1 : host;

	if (strncmp(label, "0x", 2) == 0)
		return label[2 + strspn(label + 2, "0123456789abcdef")] == '\0';
	return label[strspn(label, "0123456789")] == '\0';
}

static int check_name(char *host)
{
	struct in_addr v4;
	size_t len = strlen(host), label = 0;

	if (len > 1 && host[len - 1] == '.')
		host[--len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if (host[i] == '.' ? label == 0 : !is_label_char(host[i]))
			return -EINVAL;
		label = host[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return -EINVAL;
	}
	if (label == 0 || len >= HTTP_HOST_MAX)
		return -EINVAL;
	if (ends_in_number(host) && inet_pton(AF_INET, host, &v4) != 1)
		return -EINVAL;
	return 0;
}

static int parse_port(const char *digits, size_t len, uint16_t *ret)
{
	int64_t port;

	if (len > PORT_DIGITS_MAX || http_length_parse(digits, len, &port) < 0)
		return -EINVAL;
	if (digits[0] == '0' || port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

/* "[v6]": rewrites host without brackets in its one form. */
static int parse_v6(const char *bytes, size_t len, char host[HTTP_HOST_MAX])
{
	char text[V6_TEXT_MAX];
	struct in6_addr v6;

	if (copy_lower(bytes, len, text, sizeof(text)) < 0)
		return -EINVAL;
	if (inet_pton(AF_INET6, text, &v6) != 1)
		return -EINVAL;
	return inet_ntop(AF_INET6, &v6, host, HTTP_HOST_MAX) != NULL ? 0 : -EINVAL;
}

/* Splits bytes into a checked host and the digits of a port, if there are any. */
static int parse(const char *bytes, size_t len, char host[HTTP_HOST_MAX], uint16_t *port)
{
	bool is_v6 = len > 0 && bytes[0] == '[';
	const char *close = is_v6 ? memchr(bytes, ']', len) : NULL;
	const char *colon;
	size_t host_len, rest;
	int r;

	if (is_v6 && close == NULL)
		return -EINVAL;
	colon = is_v6 ? close + 1 : memchr(bytes, ':', len);
	host_len = colon != NULL ? (size_t)(colon - bytes) : len;
	if (is_v6) {
		r = parse_v6(bytes + 1, host_len - 2, host);
	} else {
		/* One more than a host may have: the dot that check_name() drops. */
		char text[HTTP_HOST_MAX + 1];

		r = copy_lower(bytes, host_len, text, sizeof(text));
		if (r == 0)
			r = check_name(text);
		if (r == 0)
			(void)snprintf(host, HTTP_HOST_MAX, "%.*s", HTTP_HOST_MAX - 1, text);
	}
	rest = len - host_len;
	*port = 0;
	if (r < 0 || rest == 0)
		return r;
	return bytes[host_len] == ':' ? parse_port(bytes + host_len + 1, rest - 1, port) : -EINVAL;
}

int http_authority_check(const char *bytes, size_t len, char ret[HTTP_AUTHORITY_MAX])
{
	char host[HTTP_HOST_MAX], suffix[8] = "";
	uint16_t port;
	bool is_v6 = len > 0 && bytes[0] == '[';
	int r = parse(bytes, len, host, &port);

	if (r < 0)
		return r;
	if (port != 0)
		(void)snprintf(suffix, sizeof(suffix), ":%u", port);
	(void)snprintf(ret, HTTP_AUTHORITY_MAX, is_v6 ? "[%s]%s" : "%s%s", host, suffix);
	return 0;
}

int http_authority_split(const char *authority, char ret_host[HTTP_HOST_MAX], uint16_t *ret_port)
{
	return parse(authority, strlen(authority), ret_host, ret_port);
}

static uint16_t port_or_default(uint16_t port, const char *scheme)
{
	if (port != 0)
		return port;
	return strcmp(scheme, "https") == 0 ? 443 : 80;
}

bool http_authority_equal(const char *a, const char *b, const char *scheme)
{
	char host_a[HTTP_HOST_MAX], host_b[HTTP_HOST_MAX];
	uint16_t port_a, port_b;

	if (http_authority_split(a, host_a, &port_a) < 0 ||
	    http_authority_split(b, host_b, &port_b) < 0)
		return false;
	return strcmp(host_a, host_b) == 0 &&
	       port_or_default(port_a, scheme) == port_or_default(port_b, scheme);
}
