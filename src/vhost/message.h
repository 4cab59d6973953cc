/*
 * The messages of vhost-user as bytes and as structs (QEMU
 * docs/interop/vhost-user.rst): a header of request, flags and payload size,
 * then a payload whose form follows from the request. Numbers are in the
 * machine's byte order, which is little-endian wherever we run. No I/O.
 */
#ifndef VHOST_MESSAGE_H
#define VHOST_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

enum vhost_request {
	VHOST_GET_FEATURES = 1,
	VHOST_SET_FEATURES = 2,
	VHOST_SET_OWNER = 3,
	VHOST_RESET_OWNER = 4,
	VHOST_SET_MEM_TABLE = 5,
	VHOST_SET_VRING_NUM = 8,
	VHOST_SET_VRING_ADDR = 9,
	VHOST_SET_VRING_BASE = 10,
	VHOST_GET_VRING_BASE = 11,
	VHOST_SET_VRING_KICK = 12,
	VHOST_SET_VRING_CALL = 13,
	VHOST_SET_VRING_ERR = 14,
	VHOST_GET_PROTOCOL_FEATURES = 15,
	VHOST_SET_PROTOCOL_FEATURES = 16,
	VHOST_GET_QUEUE_NUM = 17,
	VHOST_SET_VRING_ENABLE = 18,
	VHOST_SET_BACKEND_REQ_FD = 21,
	VHOST_GET_CONFIG = 24,
	VHOST_SET_CONFIG = 25,
	VHOST_GET_INFLIGHT_FD = 31,
	VHOST_SET_INFLIGHT_FD = 32,
	VHOST_RESET_DEVICE = 34,
	VHOST_REQUESTS_END,
};

/* What a backend asks of a frontend, on the socket of SET_BACKEND_REQ_FD. */
enum { VHOST_BACKEND_CONFIG_CHANGE = 2 };

enum vhost_flag {
	VHOST_VERSION = 1, /* the two lowest bits */
	VHOST_VERSION_MASK = 3,
	VHOST_REPLY = 1 << 2,
	VHOST_NEED_REPLY = 1 << 3,
};

/* The virtio feature bit that says: there are protocol features. */
#define VHOST_FEATURE_PROTOCOL (UINT64_C(1) << 30)

enum vhost_protocol_feature {
	VHOST_PROTOCOL_MQ = 1 << 0,
	VHOST_PROTOCOL_REPLY_ACK = 1 << 3,
	VHOST_PROTOCOL_BACKEND_REQ = 1 << 5,
	VHOST_PROTOCOL_CONFIG = 1 << 9,
	VHOST_PROTOCOL_INFLIGHT = 1 << 12,
	VHOST_PROTOCOL_RESET_DEVICE = 1 << 13,
};

enum {
	VHOST_HEADER_SIZE = 12,
	VHOST_MEMORY_MAX = 8,	/* regions of one table, and descriptors of one message */
	VHOST_CONFIG_MAX = 256, /* bytes of configuration space one message carries */
	VHOST_PAYLOAD_MAX = 12 + VHOST_CONFIG_MAX,
	VHOST_MESSAGE_MAX = VHOST_HEADER_SIZE + VHOST_PAYLOAD_MAX,
	VHOST_VRING_INDEX_MASK = 0xff, /* of the u64 with kick, call and err */
	VHOST_VRING_NO_DESCRIPTOR = 1 << 8,
};

enum vhost_payload {
	VHOST_PAYLOAD_NONE,
	VHOST_PAYLOAD_U64,
	VHOST_PAYLOAD_STATE,
	VHOST_PAYLOAD_ADDRESS,
	VHOST_PAYLOAD_MEMORY,
	VHOST_PAYLOAD_CONFIG,
	VHOST_PAYLOAD_AREA,
};

struct vhost_header {
	uint32_t request, flags, size; /* size: bytes of the payload */
};

struct vhost_state {
	uint32_t index, value;
};

struct vhost_address {
	uint32_t index, flags;
	uint64_t desc, used, avail, log; /* the frontend's own addresses */
};

struct vhost_memory_region {
	uint64_t gpa, size, uaddr, offset;
};

struct vhost_memory {
	uint32_t count;
	struct vhost_memory_region region[VHOST_MEMORY_MAX];
};

struct vhost_config {
	uint32_t offset, size, flags;
	uint8_t bytes[VHOST_CONFIG_MAX]; /* size of them count */
};

/* A shared memory area where chains under way are written down. */
struct vhost_area {
	uint64_t size, offset; /* in the descriptor that comes with it */
	uint16_t queues, queue_size;
};

/* A message whose member of the union is told by its vhost_payload. */
struct vhost_message {
	uint32_t request, flags;
	union {
		uint64_t u64;
		struct vhost_state state;
		struct vhost_address address;
		struct vhost_memory memory;
		struct vhost_config config;
		struct vhost_area area;
	};
};

/* -EPROTO: a version we do not speak, -EMSGSIZE: more payload than any message has. */
int vhost_header_decode(const uint8_t bytes[VHOST_HEADER_SIZE], struct vhost_header *ret);

/* -EPROTO when the payload's size is not that of its kind, or its counts exceed it. */
int vhost_message_decode(const struct vhost_header *header, enum vhost_payload kind,
			 const uint8_t *payload, struct vhost_message *ret);

/* Returns the bytes of the whole message, at most VHOST_MESSAGE_MAX. */
size_t vhost_message_encode(const struct vhost_message *message, enum vhost_payload kind,
			    uint8_t ret[VHOST_MESSAGE_MAX]);

#endif
