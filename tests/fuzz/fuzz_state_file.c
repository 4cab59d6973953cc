/* A sandbox's state file: what is read can be written and read again, the same. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sbxd/record.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct record record, again;
	struct err err = ERR_INIT;
	char *text, *text_again;

	if (record_parse((const char *)data, size, &record, &err) < 0) {
		assert(err.text[0] != '\0');
		return 0;
	}
	text = record_format(&record);
	assert(text != NULL && record_parse(text, strlen(text), &again, &err) == 0);
	text_again = record_format(&again);
	assert(text_again != NULL && strcmp(text, text_again) == 0);
	free(text);
	free(text_again);
	record_finish(&record);
	record_finish(&again);
	return 0;
}
