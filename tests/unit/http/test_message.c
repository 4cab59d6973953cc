#include "http/message.h"

#include <errno.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "http/inbound.h"
#include "http/token.h"
#include "tests/unit/test.h"

static int add(struct http_fields *fields, const char *name, const char *value)
{
	return http_fields_add(fields, name, value, strlen(value));
}

TEST(names_become_lower_case_and_values_stay)
{
	autocall(http_fields_finish) struct http_fields fields = { 0 };

	CHECK_EQ(add(&fields, "X-Name", "Va Lue"), 0);
	CHECK_STR(fields.items[0].name, "x-name");
	CHECK_STR(fields.items[0].value, "Va Lue");
	CHECK_EQ(fields.bytes, 12);
}

TEST(what_is_no_name_or_value_is_refused)
{
	static const char *const names[] = { "", "a b", "a:", "\r\n", "a\n", ":path", "\xc3\xa9" };
	static const char *const values[] = { " a", "a ", "\ta", "a\r", "a\nb", "a\x7f", "\x01" };
	autocall(http_fields_finish) struct http_fields fields = { 0 };

	for (size_t i = 0; i < countof(names); i++)
		CHECK_EQ(add(&fields, names[i], "v"), -EINVAL);
	for (size_t i = 0; i < countof(values); i++)
		CHECK_EQ(add(&fields, "n", values[i]), -EINVAL);
	CHECK_EQ(http_fields_add(&fields, "n", "a\0b", 3), -EINVAL);
	CHECK_EQ(fields.count, 0);
}

TEST(fields_are_bounded_in_number)
{
	autocall(http_fields_finish) struct http_fields fields = { 0 };

	for (int i = 0; i < HTTP_FIELDS_MAX; i++)
		CHECK_EQ(add(&fields, "n", "v"), 0);
	CHECK_EQ(add(&fields, "n", "v"), -E2BIG);
	CHECK_EQ(http_fields_remove(&fields, "n"), HTTP_FIELDS_MAX);
	CHECK_EQ(fields.bytes, 0);
	CHECK_EQ(add(&fields, "n", "v"), 0);
}

TEST(fields_are_bounded_in_bytes)
{
	autocall(http_fields_finish) struct http_fields fields = { 0 };
	autofree char *value = calloc(1, HTTP_HEAD_MAX + 1);

	memset(value, 'v', HTTP_HEAD_MAX);
	CHECK_EQ(http_fields_add(&fields, "n", value, HTTP_HEAD_MAX), -E2BIG);
	CHECK_EQ(http_fields_add(&fields, "n", value, HTTP_HEAD_MAX - 1), 0);
	CHECK_EQ(add(&fields, "n", ""), -E2BIG);
	CHECK_EQ(http_fields_replace(&fields, 0, value, HTTP_HEAD_MAX, false), -E2BIG);
	CHECK_EQ(http_fields_replace(&fields, 0, "", 0, false), 0);
	CHECK_EQ(fields.bytes, 1);
}

TEST(set_leaves_one)
{
	autocall(http_fields_finish) struct http_fields fields = { 0 };

	CHECK_EQ(add(&fields, "a", "1"), 0);
	CHECK_EQ(add(&fields, "b", "2"), 0);
	CHECK_EQ(add(&fields, "a", "3"), 0);
	CHECK(http_fields_only(&fields, "a") == NULL);
	CHECK_EQ(http_fields_count(&fields, "a"), 2);
	CHECK_EQ(http_fields_set(&fields, "a", "4\n"), -EINVAL);
	CHECK_EQ(fields.count, 3);
	CHECK_EQ(http_fields_set(&fields, "a", "4"), 0);
	CHECK_EQ(fields.count, 2);
	CHECK_STR(http_fields_only(&fields, "a")->value, "4");
	CHECK_STR(fields.items[1].value, "2");
	CHECK_EQ(http_fields_set(&fields, "c", "5"), 0);
	CHECK_EQ(fields.count, 3);
}

TEST(many_come_and_go)
{
	autocall(http_fields_finish) struct http_fields fields = { 0 };

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 100; i++)
			CHECK_EQ(add(&fields, i % 3 == 0 ? "a" : "b", "v"), 0);
		CHECK_EQ(http_fields_remove(&fields, "b"), 66);
	}
	CHECK_EQ(fields.count, 102);
	CHECK_EQ(fields.bytes, 204);
}

TEST(what_is_the_codecs_is_stripped)
{
	static const char *const gone[] = { "Connection",
					    "Keep-Alive",
					    "Proxy-Connection",
					    "Proxy-Authorization",
					    "Proxy-Anything",
					    "TE",
					    "Transfer-Encoding",
					    "Upgrade",
					    "HTTP2-Settings",
					    "Alt-Svc",
					    "Host",
					    "Content-Length" };
	autocall(http_fields_finish) struct http_fields fields = { 0 };

	for (size_t i = 0; i < countof(gone); i++)
		CHECK_EQ(add(&fields, gone[i], "v"), 0);
	CHECK_EQ(add(&fields, "proxy", "stays"), 0);
	CHECK_EQ(add(&fields, "trailer", "stays"), 0);
	http_strip(&fields);
	CHECK_EQ(fields.count, 2);
}

TEST(lists_have_elements)
{
	const char *list = " a ,, b c\t,,", *item;
	size_t len = strlen(list), item_len;

	CHECK(http_list_next(&list, &len, &item, &item_len));
	CHECK(item_len == 1 && item[0] == 'a');
	CHECK(http_list_next(&list, &len, &item, &item_len));
	CHECK(item_len == 3 && memcmp(item, "b c", 3) == 0);
	CHECK(!http_list_next(&list, &len, &item, &item_len));
	CHECK(!http_list_next(&list, &len, &item, &item_len));
}

TEST_MAIN()
