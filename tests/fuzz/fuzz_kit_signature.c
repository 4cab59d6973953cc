/* Files of keys, and what a kit carries as its signature: nothing of it but a real one verifies. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "kit/bundle.h"
#include "kit/signature.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct signature_public_key keys[2] = { { { 1 } }, { { 2 } } };
	struct signature_secret_key secret;
	struct signature_public_key public;
	struct kit_bundle bundle = { .name = (char *)"kit" };
	struct err err = ERR_INIT;
	char *text = malloc(size + 1), id[SIGNATURE_ID_SIZE];
	int r;

	if (text == NULL)
		return 0;
	if (size > 0)
		memcpy(text, data, size);
	text[size] = '\0';
	r = signature_read_secret("key", text, &secret, &err);
	assert(r == 0 || (r == -EINVAL && err.text[0] != '\0'));
	if (r == 0)
		signature_secret_finish(&secret);
	r = signature_read_public("key", text, &public, &err);
	assert(r == 0 || (r == -EINVAL && err.text[0] != '\0'));
	if (r == 0)
		signature_key_id(&public, id);
	buf_init(&bundle.signature, 1 << 16);
	(void)buf_append(&bundle.signature, data, size);
	r = signature_verify(&bundle, keys, 2, &err);
	assert(r == -ENOKEY || r == -EBADMSG || r == -ENOMEM);
	buf_finish(&bundle.signature);
	free(text);
	return 0;
}
