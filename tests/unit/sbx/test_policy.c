#include "sbx/policy.h"

#include <errno.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "tests/unit/test.h"

static const char *split(const char *text)
{
	static char ret[256];
	json_t *list = json_array();
	struct err err = ERR_INIT;
	char *dumped;

	if (policy_split(text, list, &err) < 0) {
		json_decref(list);
		return err.text[0] != '\0' ? "-" : "no sentence";
	}
	dumped = json_dumps(list, JSON_COMPACT);
	(void)snprintf(ret, sizeof(ret), "%s", dumped);
	free(dumped);
	json_decref(list);
	return ret;
}

TEST(resources_are_a_list_of_commas)
{
	CHECK_STR(split("a.example"), "[\"a.example\"]");
	CHECK_STR(split("a.example, b.example:443"), "[\"a.example\",\"b.example:443\"]");
	CHECK_STR(split("a b ,c"), "[\"a b\",\"c\"]");
	CHECK_STR(split(""), "-");
	CHECK_STR(split(","), "-");
	CHECK_STR(split("a,"), "-");
	CHECK_STR(split("a,,b"), "-");
}

TEST(urls_are_escaped)
{
	autofree char *plain = policy_url("/policy", "sandbox", NULL);
	autofree char *odd = policy_url("/policy", "sandbox", "a&b=\xc3\xa4/");
	autofree char *second = policy_url("/audit?limit=5", "event", "exec");

	CHECK_STR(plain, "/policy");
	CHECK_STR(odd, "/policy?sandbox=a%26b%3D%C3%A4%2F");
	CHECK_STR(second, "/audit?limit=5&event=exec");
}

static int add(json_t *body, const char *policy, const char *deny)
{
	const char *items[] = { deny };
	const struct option_list list = { .items = items, .count = deny == NULL ? 0 : 1 };
	struct err err = ERR_INIT;
	int r = policy_add_to_body(body, policy, &list, &err);

	return r < 0 && err.text[0] == '\0' ? 0 : r;
}

TEST(a_policy_is_a_preset_or_a_file)
{
	char path[] = "policy.XXXXXX";
	json_t *body = json_object();
	const char *preset = NULL, *file = NULL;
	int fd;

	CHECK_EQ(add(body, NULL, NULL), 0);
	CHECK_EQ(json_object_size(body), 0);
	CHECK_EQ(add(body, "deny-all", "a.example,b.example"), 0);
	CHECK_EQ(json_unpack(body, "{s{ss}}", "policy", "preset", &preset), 0);
	CHECK_STR(preset, "deny-all");
	CHECK_EQ(json_array_size(json_object_get(body, "deny_network")), 2);
	CHECK_EQ(add(body, "no-such-file", NULL), -EINVAL);
	fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "group g\n", 8), 8);
	CHECK_EQ(add(body, path, NULL), 0);
	CHECK_EQ(json_unpack(body, "{s{ss}}", "policy", "file", &file), 0);
	CHECK_STR(file, "group g\n");
	CHECK_EQ(write(fd, "\0\xff", 2), 2);
	CHECK_EQ(add(body, path, NULL), -EINVAL);
	(void)close(fd);
	(void)unlink(path);
	json_decref(body);
}

TEST_MAIN()
