/*
 * What a connection is, by its first bytes: sans-I/O, no state.
 */
#ifndef SBX_PROXY_SNIFF_H
#define SBX_PROXY_SNIFF_H

#include <stddef.h>
#include <stdint.h>

#include "tls/client_hello.h"

enum sniffed {
	SNIFFED_MORE, /* it cannot be told yet */
	SNIFFED_TLS,  /* *ret_hello is filled */
	SNIFFED_HTTP, /* begins as a request does */
	SNIFFED_OTHER,
	SNIFFED_BAD, /* begins as TLS does and is malformed: never passed on */
};

enum { SNIFF_MAX = CLIENT_HELLO_BYTES_MAX };

enum sniffed sniff(const uint8_t *bytes, size_t len, struct client_hello *ret_hello);

#endif
