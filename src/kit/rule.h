/*
 * Grammars as tables: a row says which key a mapping may have and what its
 * value must be. What no row names is refused.
 */
#ifndef KIT_RULE_H
#define KIT_RULE_H

#include <jansson.h>
#include <stdbool.h>

#include "yaml/document.h"

struct err;

enum rule_kind {
	RULE_TEXT,    /* a string; numbers and booleans are taken as they are written */
	RULE_BOOL,    /* true or false */
	RULE_NUMBER,  /* zero or more */
	RULE_TEXTS,   /* a list of strings */
	RULE_NAMED,   /* a mapping of strings; `check` is for the keys */
	RULE_MEMBERS, /* a mapping by `members` */
	RULE_LIST,    /* a list of mappings by `members` */
	RULE_TABLE,   /* a mapping of mappings by `members`; `check` is for the keys */
	RULE_COMMAND, /* a list of strings, or a mapping by `members` */
	RULE_EITHER,  /* a list of mappings by `members`, or a mapping of strings */
	RULE_ANY,     /* whatever it is */
};

/* A table ends with a row whose key is NULL. */
struct rule {
	const char *key;
	enum rule_kind kind;
	bool is_required;
	/* NULL when the text will do, else what it must be: "an absolute path". */
	const char *(*check)(const char *text);
	const struct rule *members;
};

/*
 * Holds a mapping against its rows. -EBADMSG with place and sentence, -ENOMEM;
 * else 0 and *ret is a JSON object, owned by the caller, of what was there.
 * A member that says null is as if it were not there.
 */
int rule_check(const struct document *document, const struct node *node, const struct rule *rules,
	       json_t **ret, struct err *err);

#endif
