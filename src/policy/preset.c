#include "policy/preset.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/err.h"

enum { LINE_BYTES = 1024, WORDS_MAX = 5, RULES_FIRST = 64 };

/* A file as far as it was read. */
struct reading {
	struct preset preset;
	size_t room;
	char group[POLICY_ID_MAX + 1]; /* "": none yet */
	enum policy_origin origin;
	unsigned line;
};

/* A line taken apart; the words lie in `text`. */
struct statement {
	char text[LINE_BYTES];
	char *words[WORDS_MAX];
	size_t count;
};

void preset_finish(struct preset *preset)
{
	for (size_t i = 0; i < preset->count; i++)
		policy_rule_finish(&preset->rules[i]);
	free(preset->rules);
	*preset = (struct preset){ .rules = NULL };
}

static int check_bytes(const char *line, size_t len, struct err *err)
{
	if (len >= LINE_BYTES)
		return err_set(err, -EINVAL, "longer than %d bytes", LINE_BYTES - 1);
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return err_set(err, -EINVAL, "has a control character");
	return 0;
}

static int split(const char *line, size_t len, struct statement *ret, struct err *err)
{
	int r = check_bytes(line, len, err);
	char *rest = ret->text, *word;

	if (r < 0)
		return r;
	memcpy(ret->text, line, len);
	ret->text[len] = '\0';
	ret->text[strcspn(ret->text, "#")] = '\0';
	ret->count = 0;
	while ((word = strsep(&rest, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (ret->count == WORDS_MAX)
			return err_set(err, -EINVAL, "has too many words");
		ret->words[ret->count++] = word;
	}
	return 0;
}

static int parse_protocols(const char *word, unsigned *ret, struct err *err)
{
	static const struct {
		const char *word;
		unsigned protocols;
	} rows[] = {
		{ "tcp", POLICY_TCP },
		{ "udp", POLICY_UDP },
		{ "tcp,udp", POLICY_TCP | POLICY_UDP },
	};

	for (size_t i = 0; i < countof(rows); i++) {
		if (strcmp(word, rows[i].word) == 0) {
			*ret = rows[i].protocols;
			return 0;
		}
	}
	return err_set(err, -EINVAL, "'%s' is not tcp, udp or tcp,udp", word);
}

static int make_room(struct reading *reading, struct err *err)
{
	size_t room = reading->room == 0 ? RULES_FIRST : reading->room * 2;
	struct policy_rule *grown;

	if (reading->preset.count < reading->room)
		return 0;
	if (reading->preset.count == POLICY_RULES_MAX)
		return err_set(err, -EINVAL, "there are more than %d rules", POLICY_RULES_MAX);
	grown = realloc(reading->preset.rules, room * sizeof(*grown));
	if (grown == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	reading->preset.rules = grown;
	reading->room = room;
	return 0;
}

static int fill_rule(const struct statement *statement, struct policy_rule *rule, struct err *err)
{
	char *const *words = statement->words;
	size_t count = statement->count;
	bool is_allow = strcmp(words[0], "allow") == 0;
	int r;

	if (count < 2)
		return err_set(err, -EINVAL, "'%s' needs a resource", words[0]);
	rule->decision = is_allow ? POLICY_ALLOW : POLICY_DENY;
	/* a request is only ever made over tcp */
	rule->protocols = is_allow || count > 3 ? POLICY_TCP : POLICY_TCP | POLICY_UDP;
	r = policy_resource_parse(words[1], &rule->resource, err);
	if (r == 0 && count > 2)
		r = parse_protocols(words[2], &rule->protocols, err);
	if (r == 0 && count > 3)
		r = policy_rule_set_http(rule, words[3], count > 4 ? words[4] : NULL, err);
	return r;
}

static int take_rule(struct reading *reading, const struct statement *statement, struct err *err)
{
	struct policy_rule rule = { .origin = reading->origin };
	int r;

	if (reading->group[0] == '\0')
		return err_set(err, -EINVAL, "a rule stands before the first 'group NAME'");
	r = make_room(reading, err);
	if (r < 0)
		return r;
	(void)snprintf(rule.id, sizeof(rule.id), "%s", reading->group);
	r = fill_rule(statement, &rule, err);
	if (r < 0) {
		policy_rule_finish(&rule);
		return r;
	}
	reading->preset.rules[reading->preset.count++] = rule;
	return 0;
}

static int take_group(struct reading *reading, const struct statement *statement, struct err *err)
{
	const char *name = statement->count == 2 ? statement->words[1] : "";
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && strchr("-.:", name[i]) == NULL)
			len = 0;
	if (len == 0 || len > POLICY_ID_MAX || strncmp(name, "local:", strlen("local:")) == 0)
		return err_set(err, -EINVAL,
			       "'group' needs a name of at most %d letters, digits, '-', '.' and "
			       "':', and not one that begins with 'local:'",
			       POLICY_ID_MAX);
	memcpy(reading->group, name, len + 1);
	return 0;
}

static int take_title(struct reading *reading, const struct statement *statement, struct err *err)
{
	char *title = reading->preset.title;
	size_t len = 0;

	if (title[0] != '\0' || statement->count < 2)
		return err_set(err, -EINVAL, "'title' needs words and stands once");
	for (size_t i = 1; i < statement->count; i++) {
		int n = snprintf(title + len, PRESET_TITLE_MAX + 1 - len, "%s%s", i > 1 ? " " : "",
				 statement->words[i]);

		if (n < 0 || (size_t)n > PRESET_TITLE_MAX - len)
			return err_set(err, -EINVAL, "the title is longer than %d bytes",
				       PRESET_TITLE_MAX);
		len += (size_t)n;
	}
	return 0;
}

static int take_ceiling(struct reading *reading, const struct statement *statement, struct err *err)
{
	if (statement->count != 1)
		return err_set(err, -EINVAL, "'ceiling' stands alone");
	reading->preset.ceiling = true;
	return 0;
}

static const struct {
	const char *word;
	int (*take)(struct reading *reading, const struct statement *statement, struct err *err);
} statements[] = {
	{ "title", take_title }, { "ceiling", take_ceiling }, { "group", take_group },
	{ "allow", take_rule },	 { "deny", take_rule },
};

static int take_line(struct reading *reading, const char *line, size_t len, struct err *err)
{
	struct statement statement;
	int r = split(line, len, &statement, err);

	if (r < 0 || statement.count == 0)
		return r;
	for (size_t i = 0; i < countof(statements); i++)
		if (strcmp(statement.words[0], statements[i].word) == 0)
			return statements[i].take(reading, &statement, err);
	return err_set(err, -EINVAL,
		       "'%.40s' is no statement; there are: title, ceiling, group, allow, deny",
		       statement.words[0]);
}

int preset_parse(const char *text, size_t len, enum policy_origin origin, struct preset *ret,
		 struct err *err)
{
	struct reading reading = { .origin = origin };
	int r = len > PRESET_BYTES_MAX ? err_set(err, -EINVAL, "the policy file is too large") : 0;

	while (r == 0 && len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line_len = end == NULL ? len : (size_t)(end - text);

		reading.line++;
		r = take_line(&reading, text, line_len, err);
		if (r < 0)
			(void)err_wrap(err, "line %u", reading.line);
		line_len += end != NULL;
		text += line_len;
		len -= line_len;
	}
	if (r < 0)
		preset_finish(&reading.preset);
	else
		*ret = reading.preset;
	return r;
}
