/*
 * SipHash-2-4: a short keyed hash. Who does not know the key can neither choose
 * what collides in a table nor foretell a sequence number (RFC 6528).
 */
#ifndef NET_SIPHASH_H
#define NET_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t siphash(const uint8_t key[16], const void *bytes, size_t len);

#endif
