#include "policy/encode.h"

#include <errno.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"
#include "wire/tlv.h"

enum { FRAME_TYPE = 7 };

static void make(struct policy_rule *rule, const char *resource, const char *methods,
		 const char *path)
{
	struct err err = ERR_INIT;

	*rule = (struct policy_rule){ .id = "local:1",
				      .decision = POLICY_ALLOW,
				      .origin = POLICY_FROM_KIT,
				      .is_global = true,
				      .protocols = POLICY_TCP };
	(void)policy_resource_parse(resource, &rule->resource, &err);
	if (methods != NULL)
		(void)policy_rule_set_http(rule, methods, path, &err);
}

static int parse(const struct buf *buf, struct frame *ret)
{
	return frame_parse(buf->data, buf->len, ret);
}

TEST(a_rule_comes_back)
{
	autocall(buf_finish) struct buf buf;
	struct policy_rule rule, again;
	struct frame frame;
	char resource[POLICY_RESOURCE_MAX];

	buf_init(&buf, 1 << 16);
	make(&rule, "**.example.com:443", "GET,POST", "/a/**");
	CHECK_EQ(policy_rule_append(&buf, FRAME_TYPE, &rule), 0);
	CHECK(parse(&buf, &frame) > 0);
	CHECK_EQ(frame.type, FRAME_TYPE);
	CHECK_EQ(policy_rule_decode(&frame, &again), 0);
	policy_resource_format(&again.resource, resource);
	CHECK_STR(resource, "**.example.com:443");
	CHECK_STR(again.id, "local:1");
	CHECK_STR(again.methods, "GET,POST");
	CHECK_STR(again.path, "/a/**");
	CHECK_EQ(again.origin, POLICY_FROM_KIT);
	CHECK_EQ(again.decision, POLICY_ALLOW);
	CHECK(again.is_global);
	policy_rule_finish(&rule);
	policy_rule_finish(&again);
}

/* Encodes by hand; fields that are NULL or 99 are left out. */
struct raw {
	const char *id, *resource, *methods, *path;
	uint32_t decision, origin, global, protocols;
};

static int decode_raw(const struct raw *raw)
{
	autocall(buf_finish) struct buf buf;
	struct frame frame = { .type = FRAME_TYPE };
	struct policy_rule rule;
	int r = 0;

	buf_init(&buf, 1 << 16);
	r |= raw->id != NULL ? tlv_put_string(&buf, 1, raw->id) : 0;
	r |= raw->decision != 99 ? tlv_put_u32(&buf, 2, raw->decision) : 0;
	r |= tlv_put_u32(&buf, 3, raw->origin) | tlv_put_u32(&buf, 4, raw->global);
	r |= tlv_put_u32(&buf, 5, raw->protocols);
	r |= raw->resource != NULL ? tlv_put_string(&buf, 6, raw->resource) : 0;
	r |= raw->methods != NULL ? tlv_put_string(&buf, 7, raw->methods) : 0;
	r |= raw->path != NULL ? tlv_put_string(&buf, 8, raw->path) : 0;
	frame.payload = buf.data;
	frame.len = buf.len;
	if (r == 0)
		r = policy_rule_decode(&frame, &rule);
	if (r == 0)
		policy_rule_finish(&rule);
	return r;
}

TEST(what_is_malformed)
{
	char long_id[POLICY_ID_MAX + 2];
	const struct raw rows[] = {
		{ NULL, "a.example", NULL, NULL, 1, 0, 0, POLICY_TCP },
		{ long_id, "a.example", NULL, NULL, 1, 0, 0, POLICY_TCP },
		{ "i", NULL, NULL, NULL, 1, 0, 0, POLICY_TCP },
		{ "i", "*", NULL, NULL, 1, 0, 0, POLICY_TCP },
		{ "i", "a.example", NULL, NULL, 2, 0, 0, POLICY_TCP },
		{ "i", "a.example", NULL, NULL, 99, 0, 0, POLICY_TCP },
		{ "i", "a.example", NULL, NULL, 1, 4, 0, POLICY_TCP },
		{ "i", "a.example", NULL, NULL, 1, 0, 2, POLICY_TCP },
		{ "i", "a.example", NULL, NULL, 1, 0, 0, 0 },
		{ "i", "a.example", NULL, NULL, 1, 0, 0, 4 },
		{ "i", "a.example", NULL, "/a", 1, 0, 0, POLICY_TCP },
		{ "i", "a.example", "GET", "a", 1, 0, 0, POLICY_TCP },
		{ "i", "a.example", "GET", NULL, 1, 0, 0, POLICY_UDP },
		{ "i", "10.0.0.1", "GET", NULL, 1, 0, 0, POLICY_TCP },
	};
	const struct raw good = { "i", "a.example", "GET", "/a", 1, 0, 0, POLICY_TCP };

	memset(long_id, 'x', sizeof(long_id) - 1);
	long_id[sizeof(long_id) - 1] = '\0';
	CHECK_EQ(decode_raw(&good), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (decode_raw(&rows[i]) != -EPROTO)
			TEST_FAIL_("row %zu was taken", i);
}

static int send_rule(struct policy_reader *reader, const char *resource)
{
	autocall(buf_finish) struct buf buf;
	struct policy_rule rule;
	struct frame frame;
	int r;

	buf_init(&buf, 1 << 16);
	make(&rule, resource, NULL, NULL);
	r = policy_rule_append(&buf, FRAME_TYPE, &rule);
	policy_rule_finish(&rule);
	return r == 0 && parse(&buf, &frame) > 0 ? policy_reader_rule(reader, &frame) : -EINVAL;
}

TEST(a_policy_is_put_in_force_whole_or_not_at_all)
{
	static const uint8_t garbage[] = { 1, 2, 3 };
	const struct frame bad = { .type = FRAME_TYPE, .payload = garbage, .len = 3 };
	struct policy_reader *reader;
	struct policy *policy = NULL;
	struct policy_verdict verdict;
	const struct policy_question question = { .name = "a.example",
						  .port = 443,
						  .protocol = POLICY_TCP };

	CHECK_EQ(policy_reader_create(&reader), 0);
	CHECK_EQ(policy_reader_end(reader, &policy), -EPROTO);
	policy_reader_begin(reader, false);
	CHECK_EQ(send_rule(reader, "a.example"), 0);
	CHECK_EQ(policy_reader_rule(reader, &bad), -EPROTO);
	CHECK_EQ(send_rule(reader, "b.example"), -EPROTO);
	CHECK_EQ(policy_reader_end(reader, &policy), -EPROTO);
	CHECK(policy == NULL);
	policy_reader_begin(reader, false);
	CHECK_EQ(send_rule(reader, "b.example"), 0);
	policy_reader_begin(reader, false);
	for (unsigned i = 0; i < 100; i++)
		CHECK_EQ(send_rule(reader, "a.example"), 0);
	CHECK_EQ(policy_reader_end(reader, &policy), 0);
	policy_decide(policy, &question, &verdict);
	CHECK_EQ(verdict.decision, POLICY_ALLOW);
	policy_destroy(policy);
	policy_reader_begin(reader, true);
	CHECK_EQ(send_rule(reader, "a.example"), 0);
	CHECK_EQ(policy_reader_end(reader, &policy), 0);
	policy_decide(policy, &question, &verdict);
	CHECK_EQ(verdict.kind, POLICY_CEILING);
	policy_destroy(policy);
	policy_reader_destroy(reader);
}

TEST(nobody_sends_more_rules_than_there_may_be)
{
	struct policy_reader *reader;
	int r = 0;

	CHECK_EQ(policy_reader_create(&reader), 0);
	policy_reader_begin(reader, false);
	for (unsigned i = 0; r == 0 && i < POLICY_RULES_MAX; i++)
		r = send_rule(reader, "a.example");
	CHECK_EQ(r, 0);
	CHECK_EQ(send_rule(reader, "a.example"), -EPROTO);
	policy_reader_destroy(reader);
}

TEST_MAIN()
