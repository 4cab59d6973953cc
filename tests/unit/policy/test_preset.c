/* The parser, and the presets that are shipped: FOLDER is theirs, set by meson.build. */
#include "policy/preset.h"

#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "tests/unit/test.h"

static int parse(const char *text, struct preset *ret, struct err *err)
{
	return preset_parse(text, strlen(text), POLICY_FROM_PRESET, ret, err);
}

TEST(statements)
{
	struct preset preset;
	struct err err = ERR_INIT;

	CHECK_EQ(parse("# nothing\n\n title  A B\nceiling # only ours\ngroup g-1\n"
		       "allow a.example:443 tcp\n\tdeny **.b.example\n"
		       "allow c.example tcp GET,POST /x/**\ndeny d.example tcp ANY",
		       &preset, &err),
		 0);
	CHECK_STR(preset.title, "A B");
	CHECK(preset.ceiling);
	CHECK_EQ(preset.count, 4);
	CHECK_STR(preset.rules[0].id, "g-1");
	CHECK_EQ(preset.rules[0].decision, POLICY_ALLOW);
	CHECK_EQ(preset.rules[0].protocols, POLICY_TCP);
	CHECK_EQ(preset.rules[1].decision, POLICY_DENY);
	CHECK_EQ(preset.rules[1].protocols, POLICY_TCP | POLICY_UDP);
	CHECK_STR(preset.rules[2].methods, "GET,POST");
	CHECK_STR(preset.rules[2].path, "/x/**");
	CHECK_STR(preset.rules[3].methods, "ANY");
	preset_finish(&preset);
}

TEST(errors_name_the_line)
{
	static const struct {
		const char *text, *sentence;
	} rows[] = {
		{ "allow a.example\n", "line 1: a rule stands before" },
		{ "group g\nallow\n", "line 2: 'allow' needs a resource" },
		{ "group g\n\nallow *\n", "line 3: '*' alone" },
		{ "group g\nallow a.example icmp", "line 2: 'icmp' is not tcp" },
		{ "group g\nallow a.example udp GET", "line 2: a rule with method" },
		{ "group g\nallow a.example tcp GET / x", "line 2: has too many words" },
		{ "group a b", "line 1: 'group' needs a name" },
		{ "group", "line 1: 'group' needs a name" },
		{ "group local:1", "line 1: 'group' needs a name" },
		{ "group ../x", "line 1: 'group' needs a name" },
		{ "title A\ntitle B", "line 2: 'title' needs words" },
		{ "title", "line 1: 'title' needs words" },
		{ "ceiling 5", "line 1: 'ceiling' stands alone" },
		{ "permit x", "line 1: 'permit' is no statement" },
		{ "title A\x01", "line 1: has a control character" },
		{ "title A\r\n", "line 1: has a control character" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct preset preset;
		struct err err = ERR_INIT;

		CHECK_EQ(parse(rows[i].text, &preset, &err), -EINVAL);
		if (strncmp(err.text, rows[i].sentence, strlen(rows[i].sentence)) != 0)
			TEST_FAIL_("row %zu: %s", i, err.text);
	}
}

TEST(lines_and_titles_have_an_end)
{
	char text[4096];
	struct preset preset;
	struct err err = ERR_INIT;

	memset(text, 'a', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	CHECK_EQ(parse(text, &preset, &err), -EINVAL);
	memcpy(text, "title ", 6);
	text[6 + PRESET_TITLE_MAX] = '\0';
	CHECK_EQ(parse(text, &preset, &err), 0);
	preset_finish(&preset);
	text[6 + PRESET_TITLE_MAX] = 'a';
	text[7 + PRESET_TITLE_MAX] = '\0';
	CHECK_EQ(parse(text, &preset, &err), -EINVAL);
}

static int load(const char *path, struct preset *ret)
{
	autocall(buf_finish) struct buf text;
	struct err err = ERR_INIT;
	int r;

	buf_init(&text, PRESET_BYTES_MAX);
	r = file_read(AT_FDCWD, path, &text);
	if (r == 0)
		r = preset_parse((const char *)text.data, text.len, POLICY_FROM_PRESET, ret, &err);
	if (r < 0)
		printf("# %s: %s\n", path, err.text);
	return r;
}

static enum policy_decision ask(const struct policy *policy, const char *name, uint16_t port)
{
	const struct policy_question question = { .name = name,
						  .port = port,
						  .protocol = POLICY_TCP };
	struct policy_verdict verdict;

	policy_decide(policy, &question, &verdict);
	return verdict.decision;
}

TEST(balanced_is_six_groups_over_tls)
{
	struct preset preset;
	struct policy *policy;
	unsigned plain = 0, groups = 0;

	CHECK_EQ(load(FOLDER "/balanced.policy", &preset), 0);
	CHECK_STR(preset.title, "Balanced");
	CHECK(!preset.ceiling);
	CHECK(preset.count > 180 && preset.count < 260);
	for (size_t i = 0; i < preset.count; i++) {
		const struct policy_rule *rule = &preset.rules[i];

		groups += i == 0 || strcmp(rule->id, preset.rules[i - 1].id) != 0;
		CHECK(rule->resource.kind == POLICY_NAME);
		CHECK(rule->resource.port == 443 || rule->resource.port == 80);
		CHECK_EQ(rule->decision, POLICY_ALLOW);
		CHECK_EQ(rule->protocols, POLICY_TCP);
		if (rule->resource.port == 80) {
			plain++;
			CHECK(strcmp(rule->id, "default-os-packages") == 0 ||
			      strcmp(rule->id, "default-cert-validation") == 0);
		}
	}
	CHECK_EQ(groups, 6);
	CHECK(plain > 0);
	CHECK_EQ(policy_create(preset.rules, preset.count, false, &policy), 0);
	preset_finish(&preset);
	CHECK_EQ(ask(policy, "api.anthropic.com", 443), POLICY_ALLOW);
	CHECK_EQ(ask(policy, "pypi.org", 443), POLICY_ALLOW);
	CHECK_EQ(ask(policy, "pypi.org", 80), POLICY_DENY);
	CHECK_EQ(ask(policy, "archive-of-os.debian.org", 80), POLICY_ALLOW);
	CHECK_EQ(ask(policy, "example.com", 443), POLICY_DENY);
	CHECK_EQ(ask(policy, "github.com", 22), POLICY_DENY);
	policy_destroy(policy);
}

TEST(open_allows_and_locked_down_does_not)
{
	struct preset preset;
	struct policy *policy;

	CHECK_EQ(load(FOLDER "/open.policy", &preset), 0);
	CHECK_EQ(policy_create(preset.rules, preset.count, preset.ceiling, &policy), 0);
	preset_finish(&preset);
	CHECK_EQ(ask(policy, "example.com", 4321), POLICY_ALLOW);
	policy_destroy(policy);
	CHECK_EQ(load(FOLDER "/locked-down.policy", &preset), 0);
	CHECK_EQ(preset.count, 0);
	CHECK(preset.ceiling);
	CHECK_STR(preset.title, "Locked Down");
	preset_finish(&preset);
}

TEST_MAIN()
