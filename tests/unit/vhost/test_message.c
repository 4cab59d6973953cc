#include "vhost/message.h"

#include <errno.h>

#include "tests/unit/test.h"

static uint8_t bytes[VHOST_MESSAGE_MAX];

/* Encodes, decodes again into *ret, and returns the payload's size or -errno. */
static int round_trip(const struct vhost_message *message, enum vhost_payload kind,
		      struct vhost_message *ret)
{
	size_t len = vhost_message_encode(message, kind, bytes);
	struct vhost_header header;
	int r;

	r = vhost_header_decode(bytes, &header);
	if (r == 0 && header.size != len - VHOST_HEADER_SIZE)
		return -EIO;
	if (r == 0)
		r = vhost_message_decode(&header, kind, bytes + VHOST_HEADER_SIZE, ret);
	return r < 0 ? r : (int)header.size;
}

TEST(payloads_survive_a_round_trip)
{
	const struct vhost_address address = { 1, 2, 3, 4, 5, 6 };
	struct vhost_message message = { .request = VHOST_SET_VRING_NUM, .state = { 7, 256 } }, got;

	CHECK_EQ(round_trip(&message, VHOST_PAYLOAD_STATE, &got), 8);
	CHECK_EQ(got.request, VHOST_SET_VRING_NUM);
	CHECK_EQ(got.flags, VHOST_VERSION);
	CHECK_EQ(got.state.index, 7);
	CHECK_EQ(got.state.value, 256);
	message = (struct vhost_message){ .u64 = UINT64_MAX - 1 };
	CHECK_EQ(round_trip(&message, VHOST_PAYLOAD_U64, &got), 8);
	CHECK(got.u64 == UINT64_MAX - 1);
	message = (struct vhost_message){ .address = address };
	CHECK_EQ(round_trip(&message, VHOST_PAYLOAD_ADDRESS, &got), 40);
	CHECK_MEM(&got.address, &address, sizeof(address));
	CHECK_EQ(round_trip(&message, VHOST_PAYLOAD_NONE, &got), 0);
}

TEST(tables_and_configuration_survive_a_round_trip)
{
	struct vhost_message message = { .memory = { .count = VHOST_MEMORY_MAX } }, got;

	for (uint32_t i = 0; i < VHOST_MEMORY_MAX; i++)
		message.memory.region[i] =
			(struct vhost_memory_region){ i, i + 10, i + 20, i + 30 };
	CHECK_EQ(round_trip(&message, VHOST_PAYLOAD_MEMORY, &got), 8 + 32 * VHOST_MEMORY_MAX);
	CHECK_MEM(&got.memory, &message.memory, sizeof(message.memory));
	message = (struct vhost_message){ .config = { .offset = 4, .size = VHOST_CONFIG_MAX } };
	memset(message.config.bytes, 0x5a, VHOST_CONFIG_MAX);
	CHECK_EQ(round_trip(&message, VHOST_PAYLOAD_CONFIG, &got), VHOST_PAYLOAD_MAX);
	CHECK_MEM(&got.config, &message.config, sizeof(message.config));
}

TEST(a_table_may_come_with_empty_room)
{
	struct vhost_message message = { .memory = { .count = VHOST_MEMORY_MAX } }, got;
	struct vhost_header header = { .flags = VHOST_VERSION };

	header.size = (uint32_t)vhost_message_encode(&message, VHOST_PAYLOAD_MEMORY, bytes) -
		      VHOST_HEADER_SIZE;
	bytes[VHOST_HEADER_SIZE] = 1;
	CHECK_EQ(vhost_message_decode(&header, VHOST_PAYLOAD_MEMORY, bytes + VHOST_HEADER_SIZE,
				      &got),
		 0);
	CHECK_EQ(got.memory.count, 1);
}

TEST(headers_of_other_protocols_are_refused)
{
	struct vhost_message message = { .u64 = 1 };
	struct vhost_header header;

	(void)vhost_message_encode(&message, VHOST_PAYLOAD_U64, bytes);
	bytes[4] = 2;
	CHECK_EQ(vhost_header_decode(bytes, &header), -EPROTO);
	bytes[4] = VHOST_VERSION;
	bytes[8] = 0xff;
	bytes[9] = 0xff;
	CHECK_EQ(vhost_header_decode(bytes, &header), -EMSGSIZE);
}

TEST(payloads_of_the_wrong_size_are_refused)
{
	static const struct {
		enum vhost_payload kind;
		uint32_t size;
		uint32_t first, second; /* words of the payload */
	} cases[] = {
		{ VHOST_PAYLOAD_NONE, 8, 0, 0 },
		{ VHOST_PAYLOAD_U64, 4, 0, 0 },
		{ VHOST_PAYLOAD_U64, 0, 0, 0 },
		{ VHOST_PAYLOAD_STATE, 12, 0, 0 },
		{ VHOST_PAYLOAD_ADDRESS, 8, 0, 0 },
		{ VHOST_PAYLOAD_MEMORY, 4, 0, 0 },
		{ VHOST_PAYLOAD_MEMORY, 8, 1, 0 },
		{ VHOST_PAYLOAD_MEMORY, 8, UINT32_MAX, 0 },
		{ VHOST_PAYLOAD_MEMORY, VHOST_PAYLOAD_MAX, VHOST_MEMORY_MAX + 1, 0 },
		{ VHOST_PAYLOAD_CONFIG, 8, 0, 0 },
		{ VHOST_PAYLOAD_CONFIG, 12, 0, 1 },
		{ VHOST_PAYLOAD_CONFIG, 13, 0, UINT32_MAX },
	};
	struct vhost_message got;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct vhost_header header = { .flags = VHOST_VERSION,
						     .size = cases[i].size };

		memset(bytes, 0, sizeof(bytes));
		memcpy(bytes, &cases[i].first, 4);
		memcpy(bytes + 4, &cases[i].second, 4);
		CHECK_EQ(vhost_message_decode(&header, cases[i].kind, bytes, &got), -EPROTO);
	}
}

TEST_MAIN()
