/*
 * Regular expressions of the RE2 kind: no look-around and no references back.
 * Matching is bounded in steps and memory, whatever the expression.
 */
#ifndef KIT_PATTERN_H
#define KIT_PATTERN_H

/*
 * 1 when the whole text matches, 0 when not; -EINVAL when the pattern is
 * none, -E2BIG when matching takes too many steps, -ENOMEM.
 */
int pattern_matches(const char *pattern, const char *text);

#endif
