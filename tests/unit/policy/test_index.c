/*
 * The index against the plain walk over all rules: whatever rule matches must
 * be offered. Rules and questions are made by a fixed generator.
 */
#include "policy/index.h"

#include "base/err.h"
#include "tests/unit/test.h"

enum { RULES = POLICY_RULES_MAX, QUESTIONS = 2000 };

static uint32_t state = 7;

static unsigned next(unsigned limit)
{
	state = state * 1664525u + 1013904223u;
	return (state >> 8) % limit;
}

static void make_text(char *ret, size_t size)
{
	static const char *const prefixes[] = { "", "*.", "**.", "a?.", "x*." };

	switch (next(8)) {
	case 0:
		(void)snprintf(ret, size, "10.%u.0.0/%u", next(4), 16u);
		return;
	case 1:
		(void)snprintf(ret, size, "198.51.%u.%u", next(4), next(8));
		return;
	case 2:
		(void)snprintf(ret, size, "2001:db8:%u::/48", next(16));
		return;
	default:
		(void)snprintf(ret, size, "%sh%u.d%u.example%s", prefixes[next(5)], next(50),
			       next(20), next(2) != 0 ? ":443" : "");
		return;
	}
}

static void make_question(struct policy_question *ret, char name[64])
{
	static const char *const prefixes[] = { "", "ab.", "b.c.", "xyz.", "a." };
	char address[64];

	(void)snprintf(name, 64, "%sh%u.d%u.example", prefixes[next(5)], next(50), next(20));
	*ret = (struct policy_question){ .name = next(4) != 0 ? name : NULL,
					 .port = next(2) != 0 ? 443 : 80,
					 .protocol = POLICY_TCP };
	if (next(3) == 0)
		(void)snprintf(address, sizeof(address), "10.%u.3.4", next(8));
	else if (next(2) == 0)
		(void)snprintf(address, sizeof(address), "198.51.%u.%u", next(4), next(8));
	else
		(void)snprintf(address, sizeof(address), "2001:db8:%u::7", next(32));
	(void)address_parse(address, &ret->address);
}

static struct policy_rule rules[RULES];
static bool offered[RULES];

static void visit(void *context, uint32_t rule)
{
	*(unsigned *)context += 1;
	offered[rule] = true;
}

static bool fill(void)
{
	struct err err = ERR_INIT;

	for (size_t i = 0; i < RULES; i++) {
		char text[128];

		make_text(text, sizeof(text));
		rules[i] = (struct policy_rule){ .decision = next(2) ? POLICY_ALLOW : POLICY_DENY,
						 .origin = POLICY_FROM_USER,
						 .protocols = POLICY_TCP };
		(void)snprintf(rules[i].id, sizeof(rules[i].id), "r%zu", i);
		if (policy_resource_parse(text, &rules[i].resource, &err) < 0) {
			printf("# %s\n", err.text);
			return false;
		}
	}
	return true;
}

static void empty(void)
{
	for (size_t i = 0; i < RULES; i++)
		policy_rule_finish(&rules[i]);
}

TEST(every_rule_that_matches_is_offered)
{
	struct rule_index index;
	unsigned offers = 0, matches = 0, missed = 0;

	CHECK(fill());
	CHECK_EQ(index_create(rules, RULES, &index), 0);
	for (unsigned q = 0; q < QUESTIONS; q++) {
		struct policy_question question;
		char name[64];

		make_question(&question, name);
		memset(offered, 0, sizeof(offered));
		index_visit(&index, &question, visit, &offers);
		for (size_t i = 0; i < RULES; i++) {
			bool is_match = policy_resource_matches(&rules[i].resource, &question);

			matches += is_match;
			missed += is_match && !offered[i];
		}
	}
	printf("# %u matches, %u offers\n", matches, offers);
	index_finish(&index);
	empty();
	CHECK_EQ(missed, 0);
	CHECK(matches > QUESTIONS);
}

/* 8192 rules of which a question is offered few: decisions stay far from linear. */
TEST(few_rules_are_offered_for_plain_rules)
{
	struct rule_index index;
	struct err err = ERR_INIT;
	struct policy_question question = { .name = "h77.d.example", .protocol = POLICY_TCP };
	unsigned offers = 0;

	for (size_t i = 0; i < RULES; i++) {
		char text[64];

		(void)snprintf(text, sizeof(text), "%sh%zu.d.example", i % 2 ? "**." : "", i);
		rules[i] = (struct policy_rule){ .protocols = POLICY_TCP };
		CHECK_EQ(policy_resource_parse(text, &rules[i].resource, &err), 0);
	}
	CHECK_EQ(index_create(rules, RULES, &index), 0);
	index_visit(&index, &question, visit, &offers);
	index_finish(&index);
	empty();
	CHECK(offers < 32);
}

TEST(no_rules_at_all)
{
	struct rule_index index;
	struct policy_question question = { .name = "a.example", .protocol = POLICY_TCP };
	unsigned offers = 0;

	CHECK_EQ(index_create(NULL, 0, &index), 0);
	index_visit(&index, &question, visit, &offers);
	CHECK_EQ(offers, 0);
	index_finish(&index);
}

TEST_MAIN()
