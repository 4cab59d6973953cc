#include "wire/guest.h"

#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "wire/tlv.h"

static int decode_payload(uint16_t type, const struct buf *payload, struct guest_message *ret)
{
	struct frame frame = { .type = type, .payload = payload->data, .len = payload->len };

	return guest_message_decode(&frame, ret);
}

TEST(an_exec_survives_the_round_trip)
{
	autocall(buf_finish) struct buf buf;
	autocall(guest_message_finish) struct guest_message got = { 0 };
	char *args[] = { (char *)"git", (char *)"status", (char *)"", NULL };
	char *env[] = { (char *)"A=1", NULL };
	const struct guest_message sent = { .type = GUEST_EXEC,
					    .args = args,
					    .args_count = 3,
					    .env = env,
					    .env_count = 1,
					    .cwd = (char *)"/w",
					    .user = (char *)"agent:docker",
					    .flags = GUEST_FLAG_TTY | GUEST_FLAG_STDIN,
					    .rows = 24,
					    .columns = 80 };
	struct frame frame;

	buf_init(&buf, 4096);
	CHECK_EQ(guest_message_append(&buf, &sent), 0);
	CHECK_EQ(frame_parse(buf.data, buf.len, &frame), buf.len);
	CHECK_EQ(guest_message_decode(&frame, &got), 0);
	CHECK_EQ(got.type, GUEST_EXEC);
	CHECK_EQ(got.args_count, 3);
	CHECK_STR(got.args[1], "status");
	CHECK_STR(got.args[2], "");
	CHECK(got.args[3] == NULL);
	CHECK_STR(got.env[0], "A=1");
	CHECK_STR(got.cwd, "/w");
	CHECK_STR(got.user, "agent:docker");
	CHECK_EQ(got.flags, sent.flags);
	CHECK_EQ(got.rows, 24);
	CHECK(got.name == NULL);
	CHECK(!got.has_status);
}

TEST(exit_status_zero_is_a_status)
{
	autocall(buf_finish) struct buf buf;
	autocall(guest_message_finish) struct guest_message got = { 0 };
	const struct guest_message sent = { .type = GUEST_EXIT, .has_status = true };
	struct frame frame;

	buf_init(&buf, 4096);
	CHECK_EQ(guest_message_append(&buf, &sent), 0);
	CHECK(frame_parse(buf.data, buf.len, &frame) > 0);
	CHECK_EQ(guest_message_decode(&frame, &got), 0);
	CHECK(got.has_status);
	CHECK_EQ(got.status, 0);
}

TEST(entropy_has_its_limits)
{
	autocall(buf_finish) struct buf payload;
	autocall(guest_message_finish) struct guest_message got = { 0 };
	uint8_t random[513] = { 7 };

	buf_init(&payload, 4096);
	CHECK_EQ(tlv_put(&payload, GUEST_TAG_ENTROPY, random, 31), 0);
	CHECK_EQ(decode_payload(GUEST_SETUP, &payload, &got), -EPROTO);
	buf_clear(&payload);
	CHECK_EQ(tlv_put(&payload, GUEST_TAG_ENTROPY, random, 513), 0);
	CHECK_EQ(decode_payload(GUEST_SETUP, &payload, &got), -EPROTO);
	buf_clear(&payload);
	CHECK_EQ(tlv_put(&payload, GUEST_TAG_ENTROPY, random, 512), 0);
	CHECK_EQ(decode_payload(GUEST_SETUP, &payload, &got), 0);
	CHECK_EQ(got.entropy_len, 512);
	CHECK_EQ(got.entropy[0], 7);
}

TEST(lists_grow_to_their_limit_and_no_further)
{
	autocall(buf_finish) struct buf payload;
	autocall(guest_message_finish) struct guest_message got = { 0 };

	buf_init(&payload, FRAME_PAYLOAD_MAX);
	for (int i = 0; i < GUEST_ENV_MAX; i++)
		CHECK_EQ(tlv_put_string(&payload, GUEST_TAG_ENV, "A=1"), 0);
	CHECK_EQ(decode_payload(GUEST_SETUP, &payload, &got), 0);
	CHECK_EQ(got.env_count, GUEST_ENV_MAX);
	for (int i = 0; i < GUEST_ENV_MAX; i++)
		CHECK_STR(got.env[i], "A=1");
	CHECK(got.env[GUEST_ENV_MAX] == NULL);
	guest_message_finish(&got);
	CHECK_EQ(tlv_put_string(&payload, GUEST_TAG_ENV, "A=1"), 0);
	CHECK_EQ(decode_payload(GUEST_SETUP, &payload, &got), -EPROTO);
}

TEST(unknown_tags_are_skipped_and_unknown_types_refused)
{
	autocall(buf_finish) struct buf payload;
	autocall(guest_message_finish) struct guest_message got = { 0 };

	buf_init(&payload, 4096);
	CHECK_EQ(tlv_put_string(&payload, 999, "of a newer peer"), 0);
	CHECK_EQ(tlv_put_string(&payload, GUEST_TAG_NAME, "n"), 0);
	CHECK_EQ(decode_payload(GUEST_KILL, &payload, &got), 0);
	CHECK_STR(got.name, "n");
	guest_message_finish(&got);
	CHECK_EQ(decode_payload(0, &payload, &got), -EPROTO);
	CHECK_EQ(decode_payload(GUEST_FAST_DIR + 1, &payload, &got), -EPROTO);
	CHECK_EQ(decode_payload(42, &payload, &got), -EPROTO);
	CHECK_EQ(decode_payload(GUEST_DATA, &payload, &got), -EPROTO);
	CHECK_EQ(decode_payload(GUEST_DATA_ERR, &payload, &got), -EPROTO);
}

TEST(a_string_twice_or_with_a_nul_is_refused)
{
	autocall(buf_finish) struct buf payload;
	struct guest_message got = { 0 };

	buf_init(&payload, 4096);
	CHECK_EQ(tlv_put_string(&payload, GUEST_TAG_NAME, "a"), 0);
	CHECK_EQ(tlv_put_string(&payload, GUEST_TAG_NAME, "b"), 0);
	CHECK_EQ(decode_payload(GUEST_KILL, &payload, &got), -EPROTO);
	buf_clear(&payload);
	CHECK_EQ(tlv_put(&payload, GUEST_TAG_ARG, "a\0b", 3), 0);
	CHECK_EQ(decode_payload(GUEST_EXEC, &payload, &got), -EPROTO);
}

TEST(what_does_not_fit_a_frame_is_not_sent)
{
	autocall(buf_finish) struct buf buf;
	autofree char *longest = malloc(GUEST_STRING_MAX + 2);
	struct guest_message sent = { .type = GUEST_MOUNT };

	CHECK(longest != NULL);
	memset(longest, 'a', GUEST_STRING_MAX + 1);
	longest[GUEST_STRING_MAX + 1] = '\0';
	buf_init(&buf, 4 * FRAME_PAYLOAD_MAX);
	sent.source = longest;
	CHECK_EQ(guest_message_append(&buf, &sent), -EMSGSIZE);
	longest[GUEST_STRING_MAX] = '\0';
	CHECK_EQ(guest_message_append(&buf, &sent), 0);
	sent.target = sent.cwd = longest;
	buf_clear(&buf);
	CHECK_EQ(guest_message_append(&buf, &sent), -EMSGSIZE);
	CHECK_EQ(buf.len, 0);
}

TEST_MAIN()
