#include "audit/chain.h"

#include <errno.h>

#include "audit/audit.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

static int add(struct chain *chain, struct buf *buf, const char *text)
{
	json_t *details = json_pack("{ss}", "text", text);
	int r = chain_format(chain, 1700000000, "exec", "web", details, buf);

	json_decref(details);
	return r;
}

TEST(a_line_is_as_documented)
{
	autocall(buf_finish) struct buf buf;
	struct chain chain, again;
	struct err err = ERR_INIT;
	const char *start =
		"{\"n\":1,\"time\":\"2023-11-14T22:13:20Z\",\"event\":\"exec\","
		"\"sandbox\":\"web\",\"text\":\"a\",\"prev\":\"0000";

	buf_init(&buf, 1 << 16);
	chain_init(&chain);
	chain_init(&again);
	CHECK_EQ(add(&chain, &buf, "a"), 0);
	CHECK_EQ(chain.next, 2);
	CHECK_MEM(buf.data, start, strlen(start));
	CHECK_EQ(buf.data[buf.len - 1], '\n');
	CHECK_EQ(chain_check(&again, (const char *)buf.data, buf.len - 1, &err), 0);
	CHECK_STR(again.prev, chain.prev);
}

TEST(any_changed_byte_shows)
{
	autocall(buf_finish) struct buf buf;
	struct chain chain;
	unsigned unseen = 0;

	buf_init(&buf, 1 << 16);
	chain_init(&chain);
	CHECK_EQ(add(&chain, &buf, "what was done"), 0);
	for (size_t i = 0; i + 1 < buf.len; i++) {
		struct chain fresh;
		struct err err = ERR_INIT;

		chain_init(&fresh);
		buf.data[i] ^= 1;
		unseen += chain_check(&fresh, (const char *)buf.data, buf.len - 1, &err) == 0;
		buf.data[i] ^= 1;
	}
	CHECK_EQ(unseen, 0);
}

TEST(order_matters)
{
	autocall(buf_finish) struct buf first, second;
	struct chain chain, fresh;
	struct err err = ERR_INIT;

	buf_init(&first, 1 << 16);
	buf_init(&second, 1 << 16);
	chain_init(&chain);
	CHECK_EQ(add(&chain, &first, "a"), 0);
	CHECK_EQ(add(&chain, &second, "b"), 0);
	chain_init(&fresh);
	CHECK_EQ(chain_check(&fresh, (const char *)second.data, second.len - 1, &err), -EBADMSG);
	CHECK_EQ(fresh.next, 1);
	fresh.next = 2;
	CHECK_EQ(chain_check(&fresh, (const char *)second.data, second.len - 1, &err), -EBADMSG);
	CHECK_EQ(chain_resume(&fresh, (const char *)second.data, second.len - 1), 0);
	CHECK_EQ(fresh.next, 3);
	CHECK_STR(fresh.prev, chain.prev);
}

TEST(what_is_too_long_is_cut_and_says_so)
{
	autocall(buf_finish) struct buf buf;
	char text[AUDIT_LINE_MAX];
	struct chain chain, again;
	struct err err = ERR_INIT;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	buf_init(&buf, 1 << 16);
	chain_init(&chain);
	chain_init(&again);
	CHECK_EQ(add(&chain, &buf, text), 0);
	CHECK(buf.len < 512);
	CHECK(strstr(buf_str(&buf), "\"cut\":true") != NULL);
	CHECK_EQ(chain_check(&again, (const char *)buf.data, buf.len - 1, &err), 0);
}

TEST(details_cannot_pose_as_other_members)
{
	autocall(buf_finish) struct buf buf;
	struct chain chain, again;
	struct err err = ERR_INIT;
	json_t *details = json_pack("{sI ss ss ss}", "n", (json_int_t)99, "event", "other", "time",
				    "never", "text", "\x1b[31m\n\xc3\xa4");

	buf_init(&buf, 1 << 16);
	chain_init(&chain);
	chain_init(&again);
	CHECK_EQ(chain_format(&chain, 0, "exec", NULL, details, &buf), 0);
	json_decref(details);
	CHECK(strstr(buf_str(&buf), "99") == NULL);
	CHECK(strstr(buf_str(&buf), "never") == NULL);
	CHECK(strstr(buf_str(&buf), "\\u001B[31m\\n\\u00E4") != NULL);
	CHECK_EQ(chain_check(&again, (const char *)buf.data, buf.len - 1, &err), 0);
}

TEST_MAIN()
