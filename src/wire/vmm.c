#include "wire/vmm.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

enum { ERROR = 0, STATE = 4, MMIO = 8, PIO = 16, OTHER = 24, BALLOON = 32, TEXT = 40 };

void vmm_ask_encode(const struct vmm_ask_message *message, uint8_t to[VMM_ASK_SIZE])
{
	le32_store(to, VMM_ASK_MAGIC);
	le32_store(to + 4, message->ask);
	le64_store(to + 8, message->value);
}

int vmm_ask_decode(const uint8_t from[VMM_ASK_SIZE], struct vmm_ask_message *ret)
{
	uint32_t ask = le32_load(from + 4);
	uint64_t value = le64_load(from + 8);

	if (le32_load(from) != VMM_ASK_MAGIC || ask < VMM_ASK_STATE || ask > VMM_ASK_BACKEND)
		return -EPROTO;
	if (ask != VMM_ASK_BALLOON && ask != VMM_ASK_BACKEND && value != 0)
		return -EPROTO;
	*ret = (struct vmm_ask_message){ .ask = (enum vmm_ask)ask, .value = value };
	return 0;
}

void vmm_answer_encode(const struct vmm_answer *answer, uint8_t to[VMM_ANSWER_SIZE])
{
	memset(to, 0, VMM_ANSWER_SIZE);
	le32_store(to + ERROR, answer->error);
	le32_store(to + STATE, answer->state);
	le64_store(to + MMIO, answer->exits_mmio);
	le64_store(to + PIO, answer->exits_pio);
	le64_store(to + OTHER, answer->exits_other);
	le64_store(to + BALLOON, answer->balloon_bytes);
	memcpy(to + TEXT, answer->text, strnlen(answer->text, VMM_TEXT_MAX - 1));
}

int vmm_answer_decode(const uint8_t from[VMM_ANSWER_SIZE], struct vmm_answer *ret)
{
	uint32_t state = le32_load(from + STATE);

	if (state < VMM_RUNNING || state > VMM_FAILED ||
	    memchr(from + TEXT, '\0', VMM_TEXT_MAX) == NULL)
		return -EPROTO;
	*ret = (struct vmm_answer){
		.error = le32_load(from + ERROR),
		.state = (enum vmm_state)state,
		.exits_mmio = le64_load(from + MMIO),
		.exits_pio = le64_load(from + PIO),
		.exits_other = le64_load(from + OTHER),
		.balloon_bytes = le64_load(from + BALLOON),
	};
	memcpy(ret->text, from + TEXT, VMM_TEXT_MAX);
	return 0;
}
