#include "app/nearest.h"

#include <string.h>

#include "base/check.h"

enum { WORD_MAX = 32 };

/*
 * Edits between two words: insert, delete, replace, or swap two neighbours
 * (the restricted Damerau-Levenshtein distance). Words beyond WORD_MAX are far
 * from everything.
 */
static size_t distance(const char *a, const char *b)
{
	size_t a_len = strlen(a), b_len = strlen(b);
	size_t cost[WORD_MAX + 1][WORD_MAX + 1];

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= a_len; i++)
		cost[i][0] = i;
	for (size_t j = 0; j <= b_len; j++)
		cost[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		for (size_t j = 1; j <= b_len; j++) {
			size_t replace = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1] ? 1 : 0);
			size_t insert = min_of(cost[i - 1][j], cost[i][j - 1]) + 1;

			cost[i][j] = min_of(replace, insert);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = min_of(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[a_len][b_len];
}

struct nearest nearest_begin(const char *typed)
{
	/* Half of the letters, three at most, may be wrong. */
	size_t limit = min_of(strlen(typed) / 2, (size_t)3) + 1;

	return (struct nearest){ .typed = typed, .distance = limit };
}

void nearest_offer(struct nearest *nearest, const char *candidate)
{
	size_t far = distance(nearest->typed, candidate);

	if (far >= nearest->distance)
		return;
	nearest->distance = far;
	nearest->best = candidate;
}
