#include <errno.h>

#include "base/bytes.h"
#include "tests/unit/test.h"
#include "wire/vmm.h"

TEST(asks_travel)
{
	uint8_t bytes[VMM_ASK_SIZE];
	struct vmm_ask_message got, sent = { .ask = VMM_ASK_BALLOON, .value = 1ull << 40 };

	vmm_ask_encode(&sent, bytes);
	CHECK_EQ(vmm_ask_decode(bytes, &got), 0);
	CHECK_EQ(got.ask, VMM_ASK_BALLOON);
	CHECK_EQ(got.value, 1ull << 40);
	sent = (struct vmm_ask_message){ .ask = VMM_ASK_BACKEND, .value = 2 };
	vmm_ask_encode(&sent, bytes);
	CHECK_EQ(vmm_ask_decode(bytes, &got), 0);
	CHECK_EQ(got.ask, VMM_ASK_BACKEND);
	CHECK_EQ(got.value, 2);
}

TEST(nonsense_is_refused)
{
	uint8_t bytes[VMM_ASK_SIZE];
	struct vmm_ask_message got = { .ask = VMM_ASK_END };

	vmm_ask_encode(&(struct vmm_ask_message){ .ask = VMM_ASK_STATE, .value = 1 }, bytes);
	CHECK_EQ(vmm_ask_decode(bytes, &got), -EPROTO);
	le64_store(bytes + 8, 0);
	CHECK_EQ(vmm_ask_decode(bytes, &got), 0);
	le32_store(bytes + 4, 0);
	CHECK_EQ(vmm_ask_decode(bytes, &got), -EPROTO);
	le32_store(bytes + 4, 5);
	CHECK_EQ(vmm_ask_decode(bytes, &got), -EPROTO);
	le32_store(bytes + 4, 1);
	bytes[0] ^= 1;
	CHECK_EQ(vmm_ask_decode(bytes, &got), -EPROTO);
	CHECK_EQ(got.ask, VMM_ASK_STATE); /* of the one that was right */
}

TEST(answers_travel)
{
	uint8_t bytes[VMM_ANSWER_SIZE];
	struct vmm_answer got, sent = { .error = ENOMEM,
					.state = VMM_FAILED,
					.exits_mmio = 1,
					.exits_pio = 2,
					.exits_other = 3,
					.balloon_bytes = 4,
					.text = "no memory" };

	vmm_answer_encode(&sent, bytes);
	CHECK_EQ(vmm_answer_decode(bytes, &got), 0);
	CHECK_EQ(got.error, ENOMEM);
	CHECK_EQ(got.state, VMM_FAILED);
	CHECK_EQ(got.exits_mmio, 1);
	CHECK_EQ(got.exits_pio, 2);
	CHECK_EQ(got.exits_other, 3);
	CHECK_EQ(got.balloon_bytes, 4);
	CHECK_STR(got.text, "no memory");
	le32_store(bytes + 4, 0);
	CHECK_EQ(vmm_answer_decode(bytes, &got), -EPROTO);
	le32_store(bytes + 4, 5);
	CHECK_EQ(vmm_answer_decode(bytes, &got), -EPROTO);
	le32_store(bytes + 4, 1);
	memset(bytes + 40, 'x', VMM_TEXT_MAX);
	CHECK_EQ(vmm_answer_decode(bytes, &got), -EPROTO);
}

TEST(long_text_is_cut)
{
	uint8_t bytes[VMM_ANSWER_SIZE];
	struct vmm_answer got, sent = { .state = VMM_PANICKED };

	memset(sent.text, 'p', sizeof(sent.text));
	vmm_answer_encode(&sent, bytes);
	CHECK_EQ(vmm_answer_decode(bytes, &got), 0);
	CHECK_EQ(strlen(got.text), VMM_TEXT_MAX - 1);
}

TEST_MAIN()
