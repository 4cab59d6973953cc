/* The input is a payload kind and a message. What decodes must encode to the same bytes again. */
#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vhost/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vhost_message message, again;
	static uint8_t bytes[VHOST_MESSAGE_MAX], bytes_again[VHOST_MESSAGE_MAX];
	struct vhost_header header;
	enum vhost_payload kind;
	size_t len;

	if (size < 1 + VHOST_HEADER_SIZE || data[0] > VHOST_PAYLOAD_AREA)
		return 0;
	kind = data[0];
	if (vhost_header_decode(data + 1, &header) < 0 ||
	    size - 1 - VHOST_HEADER_SIZE < header.size ||
	    vhost_message_decode(&header, kind, data + 1 + VHOST_HEADER_SIZE, &message) < 0)
		return 0;
	len = vhost_message_encode(&message, kind, bytes);
	assert(kind == VHOST_PAYLOAD_AREA ||
	       len <= VHOST_HEADER_SIZE + header.size); /* it is padded */
	assert(vhost_header_decode(bytes, &header) == 0);
	assert(vhost_message_decode(&header, kind, bytes + VHOST_HEADER_SIZE, &again) == 0);
	assert(vhost_message_encode(&again, kind, bytes_again) == len);
	assert(memcmp(bytes, bytes_again, len) == 0);
	return 0;
}
