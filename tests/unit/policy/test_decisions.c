/* Runs decisions.table: TABLE is its path, set by meson.build. */
#include <errno.h>

#include "base/err.h"
#include "base/parse.h"
#include "policy/policy.h"
#include "tests/unit/test.h"

enum { WORDS_MAX = 16, RULES_MAX = 16, LINE_BYTES = 512, LEAST_QUESTIONS = 300 };

struct section {
	struct policy_rule rules[RULES_MAX];
	size_t count;
	bool locked_down;
	struct policy *policy; /* made of the rules at the first question */
};

struct words {
	char *items[WORDS_MAX];
	size_t count;
};

static void split(char *line, struct words *ret)
{
	char *save = NULL;

	ret->count = 0;
	for (char *word = strtok_r(line, " \t\n", &save); word != NULL && ret->count < WORDS_MAX;
	     word = strtok_r(NULL, " \t\n", &save))
		ret->items[ret->count++] = word;
}

static unsigned protocols_of(const char *word)
{
	return (strstr(word, "tcp") != NULL ? POLICY_TCP : 0u) |
	       (strstr(word, "udp") != NULL ? POLICY_UDP : 0u);
}

static int origin_of(const char *word)
{
	static const char *const names[] = { "preset", "user", "kit", "approval" };

	for (int i = 0; i < 4; i++)
		if (strcmp(word, names[i]) == 0)
			return i;
	return -EINVAL;
}

static void begin(struct section *section, const struct words *words)
{
	policy_destroy(section->policy);
	for (size_t i = 0; i < section->count; i++)
		policy_rule_finish(&section->rules[i]);
	*section = (struct section){ .locked_down = strcmp(words->items[words->count - 1],
							   "locked-down") == 0 };
}

/* rule ID ORIGIN DECISION RESOURCE PROTOCOLS [METHODS [PATH]] */
static int add_rule(struct section *section, const struct words *words, struct err *err)
{
	struct policy_rule *rule = &section->rules[section->count];
	char *const *word = words->items;
	int r;

	if (words->count < 6 || section->count == RULES_MAX || origin_of(word[2]) < 0)
		return err_set(err, -EINVAL, "a rule is wrong");
	(void)snprintf(rule->id, sizeof(rule->id), "%s", word[1]);
	rule->origin = (enum policy_origin)origin_of(word[2]);
	rule->decision = strcmp(word[3], "allow") == 0 ? POLICY_ALLOW : POLICY_DENY;
	rule->protocols = protocols_of(word[5]);
	r = policy_resource_parse(word[4], &rule->resource, err);
	if (r == 0 && words->count > 6)
		r = policy_rule_set_http(rule, word[6], words->count > 7 ? word[7] : NULL, err);
	if (r == 0)
		section->count++;
	return r;
}

/* What is expected: VERDICT [RULE] [http] */
static bool is_as_expected(const struct policy_verdict *verdict, char *const *word, size_t count)
{
	static const char *const kinds[] = {
		[POLICY_NOT_DENIED] = "allow",	[POLICY_IMPLICIT] = "implicit",
		[POLICY_EXPLICIT] = "explicit", [POLICY_CEILING] = "ceiling",
		[POLICY_UNSAFE] = "unsafe",	[POLICY_MALFORMED] = "malformed",
	};
	bool http = strcmp(word[count - 1], "http") == 0;
	const char *rule = count - http > 1 ? word[1] : NULL;

	if (strcmp(kinds[verdict->kind], word[0]) != 0 || verdict->needs_http != http ||
	    (verdict->decision == POLICY_ALLOW) != (verdict->kind == POLICY_NOT_DENIED) ||
	    verdict->sentence[0] == '\0')
		return false;
	return rule == NULL ? verdict->decision == POLICY_DENY && verdict->kind != POLICY_EXPLICIT
			    : verdict->rule != NULL && strcmp(verdict->rule->id, rule) == 0;
}

/* ask PROTOCOL NAME ADDRESS PORT [METHOD PATH] [host] [own] = … ; the index after '='. */
static size_t read_question(const struct words *words, struct policy_question *ret)
{
	char *const *word = words->items;
	uint64_t port = 0;
	size_t i = 5;

	*ret = (struct policy_question){ .protocol = protocols_of(word[1]) };
	if (words->count < 7 || parse_u64(word[4], UINT16_MAX, &port) < 0)
		return 0;
	ret->port = (uint16_t)port;
	ret->name = strcmp(word[2], "-") == 0 ? NULL : word[2];
	if (strcmp(word[3], "-") != 0 && address_parse(word[3], &ret->address) < 0)
		return 0;
	for (; i < words->count && strcmp(word[i], "=") != 0; i++) {
		if (strcmp(word[i], "host") == 0)
			ret->is_host = true;
		else if (strcmp(word[i], "own") == 0)
			ret->is_own = true;
		else if (ret->method == NULL)
			ret->method = word[i];
		else
			ret->path = word[i];
	}
	return i + 1 < words->count ? i + 1 : 0;
}

static int ask(struct section *section, const struct words *words, struct err *err)
{
	struct policy_question question;
	struct policy_verdict verdict;
	size_t expected = read_question(words, &question);

	if (expected == 0)
		return err_set(err, -EINVAL, "a question is wrong");
	if (section->policy == NULL && policy_create(section->rules, section->count,
						     section->locked_down, &section->policy) < 0)
		return err_set(err, -EINVAL, "the rules are no policy");
	policy_decide(section->policy, &question, &verdict);
	if (is_as_expected(&verdict, words->items + expected, words->count - expected))
		return 0;
	return err_set(err, -EINVAL, "kind %d, rule '%s', http %d: %s", verdict.kind,
		       verdict.rule == NULL ? "" : verdict.rule->id, verdict.needs_http,
		       verdict.sentence);
}

static int run_line(struct section *section, char *line, unsigned *asked, struct err *err)
{
	struct words words;

	split(line, &words);
	if (words.count == 0 || words.items[0][0] == '#')
		return 0;
	if (strcmp(words.items[0], "policy") == 0) {
		begin(section, &words);
		return 0;
	}
	if (strcmp(words.items[0], "rule") == 0)
		return add_rule(section, &words, err);
	*asked += 1;
	return strcmp(words.items[0], "ask") == 0 ? ask(section, &words, err)
						  : err_set(err, -EINVAL, "what is this line");
}

TEST(every_line_of_the_table)
{
	FILE *table = fopen(TABLE, "re");
	struct section section = { .count = 0 };
	char line[LINE_BYTES], shown[LINE_BYTES];
	unsigned number = 0, asked = 0, wrong = 0;
	char none[] = "policy none";

	CHECK(table != NULL);
	while (fgets(line, sizeof(line), table) != NULL) {
		struct err err = ERR_INIT;

		number++;
		(void)snprintf(shown, sizeof(shown), "%s", line);
		if (run_line(&section, line, &asked, &err) == 0)
			continue;
		wrong++;
		printf("# line %u: %s#   %s\n", number, shown, err.text);
	}
	(void)fclose(table);
	(void)run_line(&section, none, &asked, &(struct err)ERR_INIT);
	printf("# %u questions\n", asked);
	CHECK_EQ(wrong, 0);
	CHECK(asked >= LEAST_QUESTIONS);
}

TEST_MAIN()
