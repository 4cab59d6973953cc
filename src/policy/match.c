#include "policy/match.h"

#include <stddef.h>
#include <string.h>

/*
 * A state is an offset in the pattern: what comes before it has matched. Only
 * the states between low and high are set.
 */
struct states {
	bool set[MATCH_PATTERN_MAX + 2];
	size_t low, high; /* low > high: none */
};

bool match_is_glob(enum match_kind kind, const char *pattern)
{
	return strpbrk(pattern, kind == MATCH_HOST ? "*?[" : "*") != NULL;
}

static bool is_star(const char *at)
{
	return at[0] == '*';
}

static bool is_double_star(const char *at)
{
	return at[0] == '*' && at[1] == '*';
}

/* The offset after the element that begins there. */
static size_t skip_element(enum match_kind kind, const char *pattern, size_t at)
{
	if (is_double_star(pattern + at))
		return at + 2;
	if (kind == MATCH_HOST && pattern[at] == '[')
		return at + strcspn(pattern + at, "]") + 1;
	return at + 1;
}

/* Whether c is in the set that begins after '['. */
static bool is_in_set(const char *set, char c)
{
	bool negated = *set == '!', found = false;

	for (set += negated; *set != ']'; set++) {
		if (set[1] == '-' && set[2] != ']') {
			found |= *set <= c && c <= set[2];
			set += 2;
		} else {
			found |= *set == c;
		}
	}
	return found != negated;
}

/* One character against an element that is no star. */
static bool takes(enum match_kind kind, const char *element, char c, char separator)
{
	if (kind == MATCH_HOST && *element == '?')
		return c != separator;
	if (kind == MATCH_HOST && *element == '[')
		return c != separator && is_in_set(element + 1, c);
	return *element == c;
}

static void add(struct states *states, enum match_kind kind, const char *pattern, size_t at)
{
	for (;;) {
		if (states->low > states->high)
			states->low = states->high = at;
		else if (at < states->low)
			states->low = at;
		else if (at > states->high)
			states->high = at;
		states->set[at] = true;
		if (!is_star(pattern + at))
			return;
		at = skip_element(kind, pattern, at); /* a star may stand for nothing */
	}
}

static void clear(struct states *states)
{
	if (states->low <= states->high)
		memset(states->set + states->low, 0, states->high - states->low + 1);
	states->low = 1;
	states->high = 0;
}

static void advance(const struct states *from, struct states *to, enum match_kind kind,
		    const char *pattern, char c)
{
	char separator = kind == MATCH_HOST ? '.' : '/';

	clear(to);
	for (size_t at = from->low; at <= from->high; at++) {
		if (!from->set[at] || pattern[at] == '\0')
			continue;
		if (is_double_star(pattern + at) || (is_star(pattern + at) && c != separator))
			add(to, kind, pattern, at);
		else if (!is_star(pattern + at) && takes(kind, pattern + at, c, separator))
			add(to, kind, pattern, skip_element(kind, pattern, at));
	}
}

bool match_glob(enum match_kind kind, const char *pattern, const char *text)
{
	struct states a = { .low = 1 }, b = { .low = 1 };
	struct states *now = &a, *next = &b;
	size_t len = strlen(pattern);

	if (len > MATCH_PATTERN_MAX)
		return false;
	add(now, kind, pattern, 0);
	for (; *text != '\0' && now->low <= now->high; text++) {
		struct states *swap = now;

		advance(now, next, kind, pattern, *text);
		now = next;
		next = swap;
	}
	return *text == '\0' && now->set[len];
}
