/* packed-refs that a sandbox wrote: whatever is taken from it is a name and a whole object. */
#include <assert.h>
#include <string.h>

#include "git/refs.h"
#include "tests/fuzz/fuzz.h"

static int visit(void *context, const char *name, const char *oid)
{
	size_t *left = context;

	assert(name[0] != '\0' && strchr(name, '\n') == NULL && git_is_oid(oid));
	return --*left == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t left = 64;
	char oid[GIT_OID_MAX + 1];
	int r = refs_walk_packed((const char *)data, size, visit, &left);

	assert(r == (left == 0));
	if (refs_take_oid((const char *)data, size, oid) == 0)
		assert(git_is_oid(oid));
	return 0;
}
