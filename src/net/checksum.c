#include "net/checksum.h"

#include "base/address.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/iov.h"

/* Ones' complement addition: what overflows comes in again at the bottom. */
static uint64_t add(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? sum + 1 : sum;
}

static uint16_t fold(uint64_t sum)
{
	while (sum >> 16 != 0)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* In memory order: RFC 1071 §2 (B), the sum does not depend on the order of bytes. */
static uint64_t sum_words(const uint8_t *bytes, size_t len)
{
	uint64_t low = 0, high = 0, word[2];

	for (; len >= sizeof(word); bytes += sizeof(word), len -= sizeof(word)) {
		memcpy(word, bytes, sizeof(word));
		low = add(low, word[0]);
		high = add(high, word[1]);
	}
	memset(word, 0, sizeof(word));
	memcpy(word, bytes, len);
	return add(add(low, word[0]), add(high, word[1]));
}

void checksum_add(struct checksum *checksum, const void *bytes, size_t len)
{
	uint16_t part;

	if (len == 0)
		return;
	part = fold(sum_words(bytes, len));
	if (checksum->odd)
		part = (uint16_t)(part << 8 | part >> 8);
	checksum->sum += part;
	checksum->odd ^= len & 1;
}

void checksum_add_iov(struct checksum *checksum, const struct iov *from, size_t len)
{
	size_t offset = from->offset;

	for (size_t i = from->index; len > 0; i++) {
		size_t n = min_of(from->vec[i].iov_len - offset, len);

		checksum_add(checksum, (const uint8_t *)from->vec[i].iov_base + offset, n);
		len -= n;
		offset = 0;
	}
}

void checksum_add_pseudo(struct checksum *checksum, const struct address *from,
			 const struct address *to, uint8_t protocol, size_t len)
{
	size_t size = from->family == ADDRESS_V4 ? 4 : 16;
	uint8_t tail[8] = { 0 };

	be32_store(tail, (uint32_t)len);
	tail[7] = protocol;
	checksum_add(checksum, from->bytes, size);
	checksum_add(checksum, to->bytes, size);
	checksum_add(checksum, tail, sizeof(tail));
}

uint16_t checksum_partial(const struct checksum *checksum)
{
	return be16toh(fold(checksum->sum));
}

uint16_t checksum_finish(const struct checksum *checksum)
{
	return (uint16_t)~checksum_partial(checksum);
}
