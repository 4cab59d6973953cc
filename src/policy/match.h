/*
 * Globs over host names and paths.
 *
 *	?		one character of a part
 *	[abc] [!a-z]	one character of a part, in the set or not (hosts only)
 *	*		any characters of one part, also none
 *	**		any characters, over parts
 *
 * A part ends at the separator, '.' in hosts and '/' in paths. All states of
 * the pattern advance together, so a match takes at most length of pattern
 * times length of text steps; nothing is tried twice.
 */
#ifndef POLICY_MATCH_H
#define POLICY_MATCH_H

#include <stdbool.h>

enum { MATCH_PATTERN_MAX = 512 }; /* bytes */

enum match_kind { MATCH_HOST, MATCH_PATH };

/* pattern: at most MATCH_PATTERN_MAX bytes, every set closed (resource.c and http.c see to it). */
bool match_glob(enum match_kind kind, const char *pattern, const char *text);

/* Whether the pattern holds a character that is special. */
bool match_is_glob(enum match_kind kind, const char *pattern);

#endif
