/* A template's manifest: refused with a sentence, or the same again when it is written. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "sbxd/template.h"
#include "tests/fuzz/fuzz.h"

static char *text_of(const struct template *template)
{
	json_t *json = template_pack(template);
	char *text = json_dumps(json, JSON_SORT_KEYS);

	json_decref(json);
	assert(text != NULL);
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *json = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	struct template once, twice;
	struct err err = ERR_INIT;
	char *first, *second;

	if (json == NULL)
		return 0;
	if (template_unpack(json, &once, &err) < 0) {
		assert(err.text[0] != '\0');
		json_decref(json);
		return 0;
	}
	json_decref(json);
	assert(once.layers.count > 0 && once.layers.count <= TEMPLATE_LAYERS_MAX);
	assert(template_copy(&once, &twice) == 0);
	first = text_of(&once);
	second = text_of(&twice);
	assert(strcmp(first, second) == 0);
	free(first);
	free(second);
	template_finish(&once);
	template_finish(&twice);
	return 0;
}
