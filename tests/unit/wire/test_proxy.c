#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "tests/unit/test.h"
#include "wire/proxy.h"
#include "wire/tlv.h"

static int travel(const struct proxy_message *sent, struct proxy_message *got)
{
	struct buf buf;
	struct frame frame;
	int r;

	buf_init(&buf, 2 * FRAME_PAYLOAD_MAX);
	r = proxy_message_append(&buf, sent);
	if (r == 0)
		r = frame_parse(buf.data, buf.len, &frame) == (int)buf.len ? 0 : -EBADMSG;
	if (r == 0)
		r = proxy_message_decode(&frame, got);
	buf_finish(&buf);
	return r;
}

TEST(a_credential_travels_whole)
{
	char *targets[] = { "api.example.com", "*.example.org:8443", NULL };
	struct proxy_message got, sent = { .type = PROXY_CREDENTIAL,
					   .name = "anthropic",
					   .kind = 1,
					   .targets = targets,
					   .header = "authorization",
					   .format = "Bearer %s",
					   .sentinel = "proxy-managed",
					   .username = "me",
					   .value = "s3cret",
					   .token_url = "https://example.com/token",
					   .refresh_sentinel = "refresh-managed" };

	CHECK_EQ(travel(&sent, &got), 0);
	CHECK_EQ(got.type, PROXY_CREDENTIAL);
	CHECK_EQ(got.kind, 1);
	CHECK_STR(got.name, "anthropic");
	CHECK_STR(got.header, "authorization");
	CHECK_STR(got.format, "Bearer %s");
	CHECK_STR(got.sentinel, "proxy-managed");
	CHECK_STR(got.username, "me");
	CHECK_STR(got.value, "s3cret");
	CHECK_STR(got.token_url, "https://example.com/token");
	CHECK_STR(got.refresh_sentinel, "refresh-managed");
	CHECK_STR(got.targets[0], "api.example.com");
	CHECK_STR(got.targets[1], "*.example.org:8443");
	CHECK(got.targets[2] == NULL);
	CHECK(got.pem == NULL && got.text == NULL && got.access == NULL);
	proxy_message_finish(&got);
	CHECK(got.value == NULL && got.targets == NULL);
}

TEST(tokens_and_numbers_travel)
{
	struct proxy_message got, sent = { .type = PROXY_TOKENS,
					   .name = "claude",
					   .access = "a",
					   .refresh = "r",
					   .expires = 1ull << 40,
					   .id = 7,
					   .generation = 9,
					   .flags = PROXY_FLAG_FORGET };

	CHECK_EQ(travel(&sent, &got), 0);
	CHECK_STR(got.access, "a");
	CHECK_STR(got.refresh, "r");
	CHECK_EQ(got.expires, 1ull << 40);
	CHECK_EQ(got.id, 7);
	CHECK_EQ(got.generation, 9);
	CHECK_EQ(got.flags, PROXY_FLAG_FORGET);
	proxy_message_finish(&got);
}

/* They are not said either: who said one would be taken for broken. */
TEST(too_long_strings_are_refused)
{
	static char text[PROXY_SECRET_MAX + 2];
	autocall(buf_finish) struct buf payload;
	struct proxy_message got, sent = { .type = PROXY_CREDENTIAL, .value = text };

	memset(text, 'x', PROXY_SECRET_MAX);
	CHECK_EQ(travel(&sent, &got), 0);
	proxy_message_finish(&got);
	text[PROXY_SECRET_MAX] = 'x';
	CHECK_EQ(travel(&sent, &got), -EMSGSIZE);
	buf_init(&payload, FRAME_PAYLOAD_MAX);
	CHECK_EQ(tlv_put_string(&payload, PROXY_TAG_VALUE, text), 0);
	CHECK_EQ(proxy_message_decode(&(struct frame){ .type = PROXY_CREDENTIAL,
						       .payload = payload.data,
						       .len = payload.len },
				      &got),
		 -EPROTO);
}

TEST(too_many_targets_are_refused)
{
	char *targets[PROXY_TARGETS_MAX + 2] = { NULL };
	struct proxy_message got, sent = { .type = PROXY_CREDENTIAL, .targets = targets };

	for (size_t i = 0; i < PROXY_TARGETS_MAX + 1; i++)
		targets[i] = "a.example";
	CHECK_EQ(travel(&sent, &got), -EPROTO);
	targets[PROXY_TARGETS_MAX] = NULL;
	CHECK_EQ(travel(&sent, &got), 0);
	proxy_message_finish(&got);
}

static int decode_raw(uint16_t type, const struct buf *payload)
{
	struct frame frame = { .type = type, .payload = payload->data, .len = payload->len };
	struct proxy_message got;
	int r = proxy_message_decode(&frame, &got);

	if (r == 0)
		proxy_message_finish(&got);
	return r;
}

TEST(nonsense_is_refused)
{
	struct buf payload;

	buf_init(&payload, 1024);
	CHECK_EQ(decode_raw(PROXY_CREDENTIALS_END, &payload), 0);
	CHECK_EQ(decode_raw(0, &payload), -EPROTO);
	CHECK_EQ(decode_raw(PROXY_POLICY_RULE, &payload), -EPROTO);
	CHECK_EQ(decode_raw(PROXY_VERDICT, &payload), -EPROTO);
	CHECK_EQ(tlv_put_string(&payload, PROXY_TAG_NAME, "a"), 0);
	CHECK_EQ(tlv_put_string(&payload, 999, "newer"), 0);
	CHECK_EQ(decode_raw(PROXY_CREDENTIAL, &payload), 0);
	CHECK_EQ(tlv_put_string(&payload, PROXY_TAG_NAME, "b"), 0);
	CHECK_EQ(decode_raw(PROXY_CREDENTIAL, &payload), -EPROTO);
	buf_clear(&payload);
	CHECK_EQ(tlv_put(&payload, PROXY_TAG_VALUE, "a\0b", 3), 0);
	CHECK_EQ(decode_raw(PROXY_CREDENTIAL, &payload), -EPROTO);
	buf_clear(&payload);
	CHECK_EQ(tlv_put(&payload, PROXY_TAG_KIND, "abc", 3), 0);
	CHECK_EQ(decode_raw(PROXY_CREDENTIAL, &payload), -EPROTO);
	payload.len--;
	CHECK_EQ(decode_raw(PROXY_CREDENTIAL, &payload), -EPROTO);
	buf_finish(&payload);
}

TEST_MAIN()
