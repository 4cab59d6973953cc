/* The guest's Authorization header: a login that is read is the same when it is written again. */
#include <assert.h>
#include <sodium.h>
#include <string.h>

#include "credential/login.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct login login, again;
	size_t len;
	char *text;

	if (sodium_init() < 0 || login_decode((const char *)data, size, &login) != 1)
		return 0;
	text = login_encode(&login, &len);
	assert(text != NULL && login_decode(text, len, &again) == 1);
	assert(again.len == login.len && memcmp(again.text, login.text, login.len) == 0);
	login_finish(&again);
	login_finish(&login);
	sodium_free(text);
	return 0;
}
