#include "sbxd/reuse.h"

#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "sbxd/sandbox.h"
#include "sbxd/supervisor.h"

static bool has_same_labels(const struct string_list *one, const struct string_list *other)
{
	if (one->count != other->count)
		return false;
	for (size_t i = 0; i < one->count; i++) {
		size_t j = 0;

		while (j < other->count && strcmp(one->items[i], other->items[j]) != 0)
			j++;
		if (j == other->count)
			return false;
	}
	return true;
}

static bool serves_the_same(const struct record *record, const struct record *wanted)
{
	return record->mounts.count > 0 && wanted->mounts.count > 0 &&
	       strcmp(record->mounts.items[0].source, wanted->mounts.items[0].source) == 0 &&
	       strcmp(record->agent, wanted->agent) == 0 &&
	       has_same_labels(&record->labels, &wanted->labels);
}

/* When it was used last, at least 1; 0 when it is not one to come back to. */
static int64_t rate(struct sandbox *sandbox, const struct record *wanted)
{
	const struct record *record = &sandbox->record;
	int64_t rating = 0;

	(void)pthread_mutex_lock(&sandbox->lock);
	if (record->status < SANDBOX_REMOVING && !sandbox->want_remove &&
	    serves_the_same(record, wanted))
		rating = 1 + record->last_used_at;
	(void)pthread_mutex_unlock(&sandbox->lock);
	return rating;
}

struct sandbox *reuse_find(struct supervisor *supervisor, const struct record *wanted, bool named)
{
	autofree struct sandbox **all = NULL;
	struct sandbox *best = NULL;
	int64_t best_rating = 0;
	size_t count = 0;

	if (named)
		return supervisor_find(supervisor, wanted->name);
	all = supervisor_list(supervisor, &count);
	for (size_t i = 0; i < count; i++) {
		int64_t rating = rate(all[i], wanted);

		if (rating > best_rating) {
			supervisor_put(best);
			best = supervisor_get(all[i]);
			best_rating = rating;
		}
		supervisor_put(all[i]);
	}
	return best;
}
