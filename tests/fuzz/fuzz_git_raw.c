/* `git diff --raw -z` about files that a sandbox named: whole changes, or a refusal. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "git/compare.h"
#include "git/repository.h"
#include "tests/fuzz/fuzz.h"

static int visit(void *context, const struct change *change)
{
	size_t *count = context;

	assert(git_is_oid(change->object) && change->path[0] != '\0');
	assert(change->old_mode < 1u << 18 && change->new_mode < 1u << 18);
	(*count)++;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t count = 0;
	int r = compare_walk((const char *)data, size, visit, &count);

	assert(r == 0 || r == -EBADMSG);
	assert(r != 0 || (count > 0) == (size > 0));
	return 0;
}
