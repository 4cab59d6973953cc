/*
 * A sandbox's branch brought to the user: as a branch of theirs, or merged into
 * what they have checked out.
 *
 * The merge is computed in the quarantine (git/quarantine.h) without any checkout; only
 * when it is whole does the user's repository fetch the result and go forward to
 * it. A conflict, and changes of the user's that are in the way, end it with nothing
 * changed. Killed at any point, it has either happened or can be done again.
 */
#ifndef GIT_MERGE_H
#define GIT_MERGE_H

#include <stdbool.h>

struct err;
struct quarantine;

enum merge_outcome {
	MERGE_NOTHING,	/* there was nothing that the user does not have */
	MERGE_FORWARD,	/* their branch went forward to the sandbox's */
	MERGE_COMMITTED /* with a merge commit */
};

/*
 * Merges what the quarantine brought. -EBUSY when the repository is in the middle of
 * something, -EEXIST with the names of the files when there are conflicts.
 */
int merge_into_head(const struct quarantine *quarantine, enum merge_outcome *ret, struct err *err);

/* Makes or forwards the user's branch of the same name; -EIO when it has commits of its own. */
int merge_into_branch(const struct quarantine *quarantine, struct err *err);

#endif
