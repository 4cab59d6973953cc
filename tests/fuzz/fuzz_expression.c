/* Expressions: the result is bounded, and holds values only where names stood. */
#include <assert.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "tests/fuzz/fuzz.h"
#include "yaml/expression.h"

enum { RESULT_MAX = 4096 };

static const char *value(void *context, const char *name)
{
	*(size_t *)context += 1;
	assert(strlen(name) > 0 && strlen(name) <= EXPRESSION_NAME_MAX);
	return name[0] == 'u' ? NULL : "0123456789";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t asked = 0;
	const struct expression_names names = { .value = value, .context = &asked };
	struct err err = ERR_INIT;
	struct buf buf;
	int r;

	buf_init(&buf, RESULT_MAX);
	r = expression_expand((const char *)data, size, &names, &buf, &err);
	assert(buf.len <= RESULT_MAX);
	assert((r < 0) == (err.text[0] != '\0'));
	/* Ten bytes for what takes six at least; all else never grows. */
	assert(buf.len <= size + 4 * asked);
	buf_finish(&buf);
	return 0;
}
