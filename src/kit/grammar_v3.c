/* The configurations of capabilities have tables of their own: kit/capability.h. */
#include "kit/grammar.h"
#include "kit/text.h"

static const struct rule argument[] = {
	{ .key = "default", .kind = RULE_TEXT },
	{ .key = "required", .kind = RULE_BOOL },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = "enum", .kind = RULE_TEXTS },
	{ .key = "pattern", .kind = RULE_TEXT },
	{ .key = "env", .kind = RULE_TEXT, .check = text_variable },
	{ .key = "buildArg", .kind = RULE_TEXT, .check = text_filled },
	{ .key = NULL },
};

#define CAPABILITY_ROWS                                                                      \
	{ .key = "type", .kind = RULE_TEXT, .check = text_capability },                      \
		{ .key = "name", .kind = RULE_TEXT }, { .key = "config", .kind = RULE_ANY }, \
		{ .key = "description", .kind = RULE_TEXT },                                 \
	{                                                                                    \
		.key = "source", .kind = RULE_ANY                                            \
	}

static const struct rule member[] = { CAPABILITY_ROWS, { .key = NULL } };

static const struct rule group[] = {
	{ .key = "name", .kind = RULE_TEXT },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = "optional", .kind = RULE_BOOL },
	{ .key = "capabilities", .kind = RULE_LIST, .is_required = true, .members = member },
	{ .key = NULL },
};

static const struct rule capability[] = {
	CAPABILITY_ROWS,
	{ .key = "optional", .kind = RULE_BOOL },
	{ .key = "group", .kind = RULE_MEMBERS, .members = group },
	{ .key = NULL },
};

static const struct rule listed[] = {
	{ .key = "ref", .kind = RULE_TEXT, .is_required = true, .check = text_filled },
	{ .key = "digest", .kind = RULE_TEXT },
	{ .key = "args", .kind = RULE_NAMED, .check = text_argument },
	{ .key = NULL },
};

const struct rule grammar_v3[] = {
	{ .key = "schemaVersion", .kind = RULE_TEXT, .is_required = true },
	{ .key = "kind", .kind = RULE_TEXT, .is_required = true, .check = text_kind_v3 },
	{ .key = "displayName", .kind = RULE_TEXT },
	{ .key = "author", .kind = RULE_TEXT },
	{ .key = "description", .kind = RULE_TEXT },
	{ .key = "sourceUrl", .kind = RULE_TEXT },
	{ .key = "iconUrl", .kind = RULE_TEXT, .check = text_https },
	{ .key = "version", .kind = RULE_TEXT },
	{ .key = "licenses", .kind = RULE_TEXTS, .check = text_filled },
	{ .key = "provides", .kind = RULE_TEXTS, .check = text_filled },
	{ .key = "requires", .kind = RULE_TEXTS, .check = text_filled },
	{ .key = "integrates", .kind = RULE_TEXTS, .check = text_filled },
	{ .key = "conflicts", .kind = RULE_TEXTS, .check = text_filled },
	{ .key = "capabilities", .kind = RULE_LIST, .members = capability },
	{ .key = "args", .kind = RULE_TABLE, .check = text_argument, .members = argument },
	{ .key = "build", .kind = RULE_TEXT },
	{ .key = "dockerfile", .kind = RULE_TEXT },
	{ .key = "kits", .kind = RULE_LIST, .members = listed },
	{ .key = NULL },
};
