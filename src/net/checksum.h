/*
 * The Internet checksum (RFC 1071), gathered over any number of pieces of any
 * length, and the pseudo headers of IPv4 (RFC 9293 §3.1) and IPv6 (RFC 8200 §8.1).
 */
#ifndef NET_CHECKSUM_H
#define NET_CHECKSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address;
struct iov;

struct checksum {
	uint64_t sum;
	bool odd; /* an odd number of bytes so far */
};

void checksum_add(struct checksum *checksum, const void *bytes, size_t len);

/* The next len bytes from the cursor, which does not move; it has them. */
void checksum_add_iov(struct checksum *checksum, const struct iov *from, size_t len);

/* len: of what the IP header carries. */
void checksum_add_pseudo(struct checksum *checksum, const struct address *from,
			 const struct address *to, uint8_t protocol, size_t len);

/* What the field holds (host order); 0 over data that carries its own sum. */
uint16_t checksum_finish(const struct checksum *checksum);

/* The sum without its complement: what the field holds while the rest is left to the device. */
uint16_t checksum_partial(const struct checksum *checksum);

#endif
