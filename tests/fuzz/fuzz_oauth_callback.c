/* What comes to the loopback address of a login: a code is given out for the right state only. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sbx/callback.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *head = (const char *)data;
	char *code = NULL;

	switch (callback_parse(head, size, "/auth/done", "state", &code)) {
	case CALLBACK_CODE:
	case CALLBACK_DENIED:
		assert(code != NULL && strlen(code) < size);
		break;
	case CALLBACK_PARTIAL:
	case CALLBACK_FOREIGN:
		assert(code == NULL);
		break;
	}
	free(code);
	return 0;
}
