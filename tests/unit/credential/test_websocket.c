/* P15: what a WebSocket server sends, frame by frame. */
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "tests/unit/credential/sample.h"
#include "tests/unit/test.h"

#define KEY "sk-0123456789"
#define STARS "*************"

static const struct sample samples[] = {
	{ "openai", CREDENTIAL_SERVICE, "api.test", "authorization", "Bearer %s", "proxy-managed",
	  NULL, KEY },
};

enum { FINAL = 0x80, CONTINUATION = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };

static void put_frame(struct buf *to, unsigned first, const char *payload)
{
	uint8_t head[4] = { (uint8_t)first, 126 };
	size_t len = strlen(payload);

	if (len < 126)
		head[1] = (uint8_t)len;
	else
		be16_store(head + 2, (uint16_t)len);
	(void)buf_append(to, head, len < 126 ? 2 : 4);
	(void)buf_append(to, payload, len);
}

struct frame {
	unsigned first;
	const char *payload, *masked; /* masked NULL: as it is */
};

static void put_frames(struct buf *to, const struct frame *frames, bool is_masked)
{
	for (; frames->payload != NULL; frames++)
		put_frame(to, frames->first,
			  is_masked && frames->masked != NULL ? frames->masked : frames->payload);
}

/* end: tells that no more comes. */
static int mask(const uint8_t *bytes, size_t len, size_t step, bool end, struct buf *out,
		unsigned *ret_found)
{
	struct credentials *set = sample_set(samples, countof(samples));
	struct credential_masker *masker = NULL;
	int r = credential_masker_create_websocket(set, &masker);

	buf_clear(out);
	for (size_t off = 0; r == 0 && off < len; off += step)
		r = credential_masker_feed(masker, bytes + off, min_of(step, len - off), false,
					   out);
	if (r == 0 && end)
		r = credential_masker_feed(masker, NULL, 0, true, out);
	*ret_found = masker == NULL ? 0 : credential_masker_found(masker);
	credential_masker_destroy(masker);
	credentials_destroy(set);
	return r;
}

/* In pieces of every size; each message is out when it has come, before the end. */
static void check_frames(const struct frame *frames, unsigned found_wanted)
{
	autocall(buf_finish) struct buf sent, want, out;
	unsigned found;

	buf_init(&sent, 1 << 20);
	buf_init(&want, 1 << 20);
	buf_init(&out, 1 << 20);
	put_frames(&sent, frames, false);
	put_frames(&want, frames, true);
	for (size_t step = 1; step <= sent.len; step++) {
		CHECK_EQ(mask(sent.data, sent.len, step, false, &out, &found), 0);
		CHECK_EQ(out.len, want.len);
		CHECK_MEM(out.data, want.data, want.len);
		CHECK_EQ(found, found_wanted);
	}
}

TEST(frames_without_a_value_pass)
{
	static const struct frame frames[] = { { FINAL | TEXT, "hello", NULL },
					       { FINAL | BINARY, "", NULL },
					       { TEXT, "a", NULL },
					       { FINAL | PING, "", NULL },
					       { FINAL | CONTINUATION, "", NULL },
					       { FINAL | CLOSE, "\003\350", NULL },
					       { 0, NULL, NULL } };

	check_frames(frames, 0);
}

TEST(a_value_is_masked)
{
	static const struct frame frames[] = { { FINAL | TEXT, "{\"key\":\"" KEY "\"}",
						 "{\"key\":\"" STARS "\"}" },
					       { FINAL | BINARY, KEY, STARS },
					       { 0, NULL, NULL } };

	check_frames(frames, 2);
}

TEST(a_value_is_found_across_frames)
{
	static const struct frame frames[] = {
		{ TEXT, "<sk-0", "<****" },
		{ CONTINUATION, "1", "*" },
		{ CONTINUATION, "", NULL },
		{ FINAL | PING, "are you there", NULL },
		{ FINAL | PONG, "", NULL },
		{ CONTINUATION, "23456", "*****" },
		{ FINAL | CONTINUATION, "789>", "***>" },
		{ FINAL | TEXT, "done", NULL },
		{ 0, NULL, NULL },
	};

	check_frames(frames, 1);
}

TEST(a_control_frame_is_looked_through)
{
	static const struct frame frames[] = {
		{ TEXT, "sk-0123", NULL },
		{ FINAL | PONG, "sk-0123456789!", STARS "!" },
		{ FINAL | CONTINUATION, " is no value", NULL },
		{ FINAL | CLOSE, "\003\350" KEY, "\003\350" STARS },
		{ 0, NULL, NULL },
	};

	check_frames(frames, 2);
}

/* The client may answer before it hears more: nothing of a message is held back. */
TEST(what_only_begins_like_a_value_is_not_held_back)
{
	static const struct frame frames[] = { { FINAL | TEXT, "sk-012345678", NULL },
					       { FINAL | TEXT, "9", NULL },
					       { 0, NULL, NULL } };

	check_frames(frames, 0);
}

TEST(long_frames_have_long_lengths)
{
	autocall(buf_finish) struct buf sent, out;
	enum { LEN = 70000, AT = 65530 };
	static uint8_t payload[LEN];
	const uint8_t head[] = { FINAL | BINARY, 127, 0, 0, 0, 0, 0, 1, 0x11, 0x70 };
	unsigned found;

	buf_init(&sent, 1 << 20);
	buf_init(&out, 1 << 20);
	memcpy(payload + AT, KEY, strlen(KEY));
	(void)buf_append(&sent, head, sizeof(head));
	(void)buf_append(&sent, payload, LEN);
	memcpy(payload + AT, STARS, strlen(KEY));
	for (size_t step = 1000; step < 200000; step *= 3) {
		CHECK_EQ(mask(sent.data, sent.len, step, false, &out, &found), 0);
		CHECK_EQ(out.len, sent.len);
		CHECK_MEM(out.data, head, sizeof(head));
		CHECK_MEM(out.data + sizeof(head), payload, LEN);
	}
}

TEST(a_stream_may_end_anywhere)
{
	static const uint8_t sent[] = { TEXT, 9, 's', 'k', '-', '0' };
	autocall(buf_finish) struct buf out;
	unsigned found;

	buf_init(&out, 64);
	CHECK_EQ(mask(sent, sizeof(sent), 1, true, &out, &found), 0);
	CHECK_EQ(out.len, sizeof(sent));
	CHECK_MEM(out.data, sent, sizeof(sent));
}

TEST(what_cannot_be_looked_into_ends_it)
{
	static const struct {
		const char *why;
		uint8_t bytes[12];
		size_t len;
	} cases[] = {
		{ "masked", { FINAL | TEXT, 0x81, 1, 2, 3, 4, 'x' }, 7 },
		{ "compressed", { 0xc1, 1, 'x' }, 3 },
		{ "RSV2", { 0xa1, 1, 'x' }, 3 },
		{ "RSV3", { 0x91, 1, 'x' }, 3 },
		{ "opcode 3", { FINAL | 3, 1, 'x' }, 3 },
		{ "opcode 7", { FINAL | 7, 1, 'x' }, 3 },
		{ "opcode 11", { FINAL | 11, 1, 'x' }, 3 },
		{ "opcode 15", { FINAL | 15, 1, 'x' }, 3 },
		{ "a ping in pieces", { PING, 1, 'x' }, 3 },
		{ "a long ping", { FINAL | PING, 126, 0, 126 }, 4 },
		{ "a continuation of nothing", { FINAL, 1, 'x' }, 3 },
		{ "a message within a message", { TEXT, 1, 'x', FINAL | TEXT, 1, 'x' }, 6 },
		{ "a length beyond all", { FINAL | TEXT, 127, 0x80, 0, 0, 0, 0, 0, 0, 0 }, 10 },
	};
	autocall(buf_finish) struct buf out;
	unsigned found;

	buf_init(&out, 64);
	for (size_t i = 0; i < countof(cases); i++) {
		printf("# %s\n", cases[i].why);
		CHECK_EQ(mask(cases[i].bytes, cases[i].len, 1, true, &out, &found), -EBADMSG);
	}
}

/* A server that makes us wait may not make us gather. */
TEST(what_waits_is_bounded)
{
	autocall(buf_finish) struct buf sent, out;
	unsigned found;

	buf_init(&sent, 1 << 20);
	buf_init(&out, 1 << 20);
	put_frame(&sent, TEXT, "sk-");
	for (int i = 0; i < 100000; i++)
		put_frame(&sent, FINAL | PING, "");
	CHECK_EQ(mask(sent.data, sent.len, 1000, false, &out, &found), -ENOBUFS);
}

TEST_MAIN()
