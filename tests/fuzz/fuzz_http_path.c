/*
 * Request targets. A canonical path is an absolute one without ambiguity, and it is
 * its own canonical path.
 */
#include <stdlib.h>
#include <string.h>

#include "http/path.h"
#include "tests/fuzz/fuzz.h"

static void check(const char *path)
{
	if (path[0] != '/' || strstr(path, "//") != NULL || strstr(path, "/../") != NULL ||
	    strstr(path, "/./") != NULL || strpbrk(path, "?#\\; ") != NULL)
		__builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *target = malloc(size + 1);
	struct buf once, twice;

	if (target == NULL)
		return 0;
	if (size > 0)
		memcpy(target, data, size);
	target[size] = '\0';
	buf_init(&once, 1 << 20);
	buf_init(&twice, 1 << 20);
	if (http_path_canonical(target, &once) == 0) {
		check(buf_str(&once));
		if (http_path_canonical(buf_str(&once), &twice) < 0 || once.len != twice.len ||
		    memcmp(once.data, twice.data, once.len) != 0)
			__builtin_trap();
	}
	buf_finish(&once);
	buf_finish(&twice);
	free(target);
	return 0;
}
