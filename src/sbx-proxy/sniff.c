#include "sbx-proxy/sniff.h"

enum { METHOD_MAX = 32 };

/* A method of upper-case letters and a space (RFC 9112 §3). */
static enum sniffed sniff_request(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len && i <= METHOD_MAX; i++) {
		if (bytes[i] == ' ' && i > 0)
			return SNIFFED_HTTP;
		if (bytes[i] < 'A' || bytes[i] > 'Z')
			return SNIFFED_OTHER;
	}
	return len > METHOD_MAX ? SNIFFED_OTHER : SNIFFED_MORE;
}

enum sniffed sniff(const uint8_t *bytes, size_t len, struct client_hello *ret_hello)
{
	int r;

	if (len == 0)
		return SNIFFED_MORE;
	if (!client_hello_may_begin(bytes, len))
		return sniff_request(bytes, len);
	r = client_hello_parse(bytes, len, ret_hello);
	if (r < 0 || (r == 0 && len >= SNIFF_MAX))
		return SNIFFED_BAD;
	return r > 0 ? SNIFFED_TLS : SNIFFED_MORE;
}
