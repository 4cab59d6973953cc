/*
 * The supervisor and sbx-vmm: what is said over its control socket.
 *
 * sbx-vmm accepts connections on a listening socket that its starter made. A
 * connection carries asks of VMM_ASK_SIZE bytes, each answered by
 * VMM_ANSWER_SIZE bytes, in order:
 *
 *	ask	offset 0  le32 VMM_ASK_MAGIC
 *		       4  le32 enum vmm_ask
 *		       8  le64 value (BALLOON: bytes the guest shall use; BACKEND: number of the
 *			  device, as sbx-vmm was told them, from 0), else zero
 *
 *	answer	offset 0  le32 error: 0 or a positive errno
 *		       4  le32 enum vmm_state
 *		       8  le64 each: exits for MMIO, for ports, all others; bytes in the balloon
 *		      40  text, a sentence when error is not 0 or the VM ended, NUL-padded
 *
 * VMM_ASK_BACKEND comes with a descriptor: a connected vhost-user socket of a backend that
 * shall go on where the one of that device ended.
 *
 * VMM_ASK_STATE, VMM_ASK_BALLOON and VMM_ASK_BACKEND are answered at once, VMM_ASK_END when the
 * VM has ended. A guest that ends by itself, whether it wanted to power off or to
 * reboot, has state VMM_RESET: what it wanted is known to who asked it.
 */
#ifndef WIRE_VMM_H
#define WIRE_VMM_H

#include <stdint.h>

enum {
	VMM_ASK_MAGIC = 0x6d6d7673,
	VMM_ASK_SIZE = 16,
	VMM_ANSWER_SIZE = 1024,
	VMM_TEXT_MAX = VMM_ANSWER_SIZE - 40, /* bytes with the NUL */
};

enum vmm_ask { VMM_ASK_STATE = 1, VMM_ASK_END = 2, VMM_ASK_BALLOON = 3, VMM_ASK_BACKEND = 4 };

enum vmm_state {
	VMM_RUNNING = 1,
	VMM_RESET = 2,	  /* the guest ended */
	VMM_PANICKED = 3, /* so did its kernel; the text has its last lines */
	VMM_FAILED = 4,	  /* the VM cannot be started or go on; the text says why */
};

struct vmm_ask_message {
	enum vmm_ask ask;
	uint64_t value;
};

struct vmm_answer {
	uint32_t error; /* positive errno */
	enum vmm_state state;
	uint64_t exits_mmio, exits_pio, exits_other;
	uint64_t balloon_bytes;
	char text[VMM_TEXT_MAX]; /* always ended */
};

/* Encode and decode exactly the sizes above; decode returns -EPROTO on anything else. */
void vmm_ask_encode(const struct vmm_ask_message *message, uint8_t to[VMM_ASK_SIZE]);
int vmm_ask_decode(const uint8_t from[VMM_ASK_SIZE], struct vmm_ask_message *ret);
void vmm_answer_encode(const struct vmm_answer *answer, uint8_t to[VMM_ANSWER_SIZE]);
int vmm_answer_decode(const uint8_t from[VMM_ANSWER_SIZE], struct vmm_answer *ret);

#endif
