/* The first bytes of a connection: cut anywhere they are no other message. */
#include <assert.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tls/client_hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct client_hello whole, half;
	int r = client_hello_parse(data, size, &whole);

	if (r == 1) {
		int earlier = client_hello_parse(data, size / 2, &half);

		assert(earlier == 0 || (earlier == 1 && strcmp(whole.name, half.name) == 0));
		assert(strlen(whole.name) <= CLIENT_HELLO_NAME_MAX);
	}
	return 0;
}
