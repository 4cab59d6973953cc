/*
 * What our processes say to each other, one of which may have been taken over: sbxd and sbx-fs,
 * sbxd and sbx-vmm, sbxd, sbx-net and sbx-proxy. What decodes must encode, and decode to the same.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/fuzz/fuzz.h"
#include "wire/fs.h"
#include "wire/proxy.h"
#include "wire/vmm.h"

#define REQUIRE(condition)        \
	do {                      \
		if (!(condition)) \
			abort();  \
	} while (0)

static void fs_again(const struct fs_message *message)
{
	autocall(buf_finish) struct buf bytes;
	struct fs_message back;
	struct frame frame;

	buf_init(&bytes, 2 * FRAME_PAYLOAD_MAX);
	REQUIRE(fs_message_append(&bytes, message) == 0);
	REQUIRE(frame_parse(bytes.data, bytes.len, &frame) == (int)bytes.len);
	REQUIRE(fs_message_decode(&frame, &back) == 0 && back.type == message->type);
	REQUIRE(strcmp(back.name, message->name) == 0 && strcmp(back.text, message->text) == 0);
	REQUIRE(back.flags == message->flags && back.error == message->error);
}

static void proxy_again(const struct proxy_message *message)
{
	autocall(proxy_message_finish) struct proxy_message back = { 0 };
	autocall(buf_finish) struct buf first, second;
	struct frame frame;

	buf_init(&first, 2 * FRAME_PAYLOAD_MAX);
	buf_init(&second, 2 * FRAME_PAYLOAD_MAX);
	REQUIRE(proxy_message_append(&first, message) == 0);
	REQUIRE(frame_parse(first.data, first.len, &frame) == (int)first.len);
	REQUIRE(proxy_message_decode(&frame, &back) == 0);
	REQUIRE(proxy_message_append(&second, &back) == 0);
	REQUIRE(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
}

/* These have a size of their own, and no frame around them. */
static void try_vmm(const uint8_t *data, size_t size)
{
	uint8_t bytes[VMM_ANSWER_SIZE] = { 0 }, again[VMM_ANSWER_SIZE];
	struct vmm_ask_message ask;
	struct vmm_answer answer, back;

	memcpy(bytes, data, size < sizeof(bytes) ? size : sizeof(bytes));
	if (vmm_ask_decode(bytes, &ask) == 0) {
		vmm_ask_encode(&ask, again);
		REQUIRE(memcmp(bytes, again, VMM_ASK_SIZE) == 0);
	}
	if (vmm_answer_decode(bytes, &answer) == 0) {
		REQUIRE(memchr(answer.text, '\0', sizeof(answer.text)) != NULL);
		vmm_answer_encode(&answer, again);
		REQUIRE(vmm_answer_decode(again, &back) == 0);
		REQUIRE(strcmp(back.text, answer.text) == 0 && back.state == answer.state);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame;
	int n;

	try_vmm(data, size);
	while ((n = frame_parse(data, size, &frame)) > 0) {
		autocall(proxy_message_finish) struct proxy_message message = { 0 };
		struct fs_message mount;

		if (fs_message_decode(&frame, &mount) == 0)
			fs_again(&mount);
		if (proxy_message_decode(&frame, &message) == 0)
			proxy_again(&message);
		data += n;
		size -= (size_t)n;
	}
	return 0;
}
