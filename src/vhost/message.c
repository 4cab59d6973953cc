#include "vhost/message.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

enum {
	STATE_SIZE = 8,
	ADDRESS_SIZE = 40,
	MEMORY_HEAD = 8, /* count and padding */
	REGION_SIZE = 32,
	CONFIG_HEAD = 12,
	AREA_SIZE = 20,
	AREA_PADDED = 24, /* as QEMU sends and wants it */
};

int vhost_header_decode(const uint8_t bytes[VHOST_HEADER_SIZE], struct vhost_header *ret)
{
	struct vhost_header header = {
		.request = le32_load(bytes),
		.flags = le32_load(bytes + 4),
		.size = le32_load(bytes + 8),
	};

	if ((header.flags & VHOST_VERSION_MASK) != VHOST_VERSION)
		return -EPROTO;
	if (header.size > VHOST_PAYLOAD_MAX)
		return -EMSGSIZE;
	*ret = header;
	return 0;
}

static int decode_address(const uint8_t *payload, uint32_t size, struct vhost_address *ret)
{
	if (size != ADDRESS_SIZE)
		return -EPROTO;
	*ret = (struct vhost_address){
		.index = le32_load(payload),
		.flags = le32_load(payload + 4),
		.desc = le64_load(payload + 8),
		.used = le64_load(payload + 16),
		.avail = le64_load(payload + 24),
		.log = le64_load(payload + 32),
	};
	return 0;
}

/* A table may be sent with room for all eight regions, used or not. */
static int decode_memory(const uint8_t *payload, uint32_t size, struct vhost_memory *ret)
{
	if (size < MEMORY_HEAD)
		return -EPROTO;
	ret->count = le32_load(payload);
	if (ret->count > VHOST_MEMORY_MAX || size < MEMORY_HEAD + ret->count * REGION_SIZE)
		return -EPROTO;
	for (uint32_t i = 0; i < ret->count; i++) {
		const uint8_t *at = payload + MEMORY_HEAD + (size_t)i * REGION_SIZE;

		ret->region[i] = (struct vhost_memory_region){
			.gpa = le64_load(at),
			.size = le64_load(at + 8),
			.uaddr = le64_load(at + 16),
			.offset = le64_load(at + 24),
		};
	}
	return 0;
}

static int decode_config(const uint8_t *payload, uint32_t size, struct vhost_config *ret)
{
	if (size < CONFIG_HEAD)
		return -EPROTO;
	ret->offset = le32_load(payload);
	ret->size = le32_load(payload + 4);
	ret->flags = le32_load(payload + 8);
	if (ret->size != size - CONFIG_HEAD)
		return -EPROTO;
	memcpy(ret->bytes, payload + CONFIG_HEAD, ret->size);
	return 0;
}

static int decode_area(const uint8_t *payload, uint32_t size, struct vhost_area *ret)
{
	if (size != AREA_SIZE && size != AREA_PADDED)
		return -EPROTO;
	*ret = (struct vhost_area){
		.size = le64_load(payload),
		.offset = le64_load(payload + 8),
		.queues = le16_load(payload + 16),
		.queue_size = le16_load(payload + 18),
	};
	return 0;
}

int vhost_message_decode(const struct vhost_header *header, enum vhost_payload kind,
			 const uint8_t *payload, struct vhost_message *ret)
{
	*ret = (struct vhost_message){ .request = header->request, .flags = header->flags };
	switch (kind) {
	case VHOST_PAYLOAD_NONE:
		return header->size == 0 ? 0 : -EPROTO;
	case VHOST_PAYLOAD_U64:
		if (header->size != sizeof(ret->u64))
			return -EPROTO;
		ret->u64 = le64_load(payload);
		return 0;
	case VHOST_PAYLOAD_STATE:
		if (header->size != STATE_SIZE)
			return -EPROTO;
		ret->state.index = le32_load(payload);
		ret->state.value = le32_load(payload + 4);
		return 0;
	case VHOST_PAYLOAD_ADDRESS:
		return decode_address(payload, header->size, &ret->address);
	case VHOST_PAYLOAD_MEMORY:
		return decode_memory(payload, header->size, &ret->memory);
	case VHOST_PAYLOAD_CONFIG:
		return decode_config(payload, header->size, &ret->config);
	case VHOST_PAYLOAD_AREA:
		return decode_area(payload, header->size, &ret->area);
	}
	return -EPROTO;
}

static size_t encode_address(const struct vhost_address *address, uint8_t *to)
{
	le32_store(to, address->index);
	le32_store(to + 4, address->flags);
	le64_store(to + 8, address->desc);
	le64_store(to + 16, address->used);
	le64_store(to + 24, address->avail);
	le64_store(to + 32, address->log);
	return ADDRESS_SIZE;
}

static size_t encode_memory(const struct vhost_memory *memory, uint8_t *to)
{
	le32_store(to, memory->count);
	le32_store(to + 4, 0);
	for (uint32_t i = 0; i < memory->count; i++) {
		const struct vhost_memory_region *region = &memory->region[i];
		uint8_t *at = to + MEMORY_HEAD + (size_t)i * REGION_SIZE;

		le64_store(at, region->gpa);
		le64_store(at + 8, region->size);
		le64_store(at + 16, region->uaddr);
		le64_store(at + 24, region->offset);
	}
	return MEMORY_HEAD + (size_t)memory->count * REGION_SIZE;
}

static size_t encode_config(const struct vhost_config *config, uint8_t *to)
{
	le32_store(to, config->offset);
	le32_store(to + 4, config->size);
	le32_store(to + 8, config->flags);
	memcpy(to + CONFIG_HEAD, config->bytes, config->size);
	return CONFIG_HEAD + config->size;
}

static size_t encode_area(const struct vhost_area *area, uint8_t *to)
{
	le64_store(to, area->size);
	le64_store(to + 8, area->offset);
	le16_store(to + 16, area->queues);
	le16_store(to + 18, area->queue_size);
	le32_store(to + AREA_SIZE, 0);
	return AREA_PADDED;
}

static size_t encode_payload(const struct vhost_message *message, enum vhost_payload kind,
			     uint8_t *to)
{
	switch (kind) {
	case VHOST_PAYLOAD_NONE:
		return 0;
	case VHOST_PAYLOAD_U64:
		le64_store(to, message->u64);
		return sizeof(message->u64);
	case VHOST_PAYLOAD_STATE:
		le32_store(to, message->state.index);
		le32_store(to + 4, message->state.value);
		return STATE_SIZE;
	case VHOST_PAYLOAD_ADDRESS:
		return encode_address(&message->address, to);
	case VHOST_PAYLOAD_MEMORY:
		return encode_memory(&message->memory, to);
	case VHOST_PAYLOAD_CONFIG:
		return encode_config(&message->config, to);
	case VHOST_PAYLOAD_AREA:
		return encode_area(&message->area, to);
	}
	return 0;
}

size_t vhost_message_encode(const struct vhost_message *message, enum vhost_payload kind,
			    uint8_t ret[VHOST_MESSAGE_MAX])
{
	size_t size = encode_payload(message, kind, ret + VHOST_HEADER_SIZE);

	le32_store(ret, message->request);
	le32_store(ret + 4, message->flags | VHOST_VERSION);
	le32_store(ret + 8, (uint32_t)size);
	return VHOST_HEADER_SIZE + size;
}
