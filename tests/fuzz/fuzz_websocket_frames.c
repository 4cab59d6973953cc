/* What a WebSocket server sends, after a first byte that is the size of pieces: they change
 * nothing, no byte is lost, and the secret is not there any more. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/bytes.h"
#include "base/check.h"
#include "credential/credential.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/masking.h"

enum { OUT_MAX = 1 << 20 };

static const char secret[] = "aabaabaab";

static int mask(const struct credentials *set, const uint8_t *bytes, size_t len, size_t step,
		struct buf *out)
{
	struct credential_masker *masker = NULL;
	int r = credential_masker_create_websocket(set, &masker);

	assert(r == 0);
	return masking_feed(masker, bytes, len, step, out);
}

static bool holds_secret(const uint8_t *bytes, size_t len)
{
	return len > 0 && memmem(bytes, len, secret, strlen(secret)) != NULL;
}

/* The payload of the frame at bytes, as far as it has come; false: its head has not. */
static bool read_frame(const uint8_t *bytes, size_t len, const uint8_t **ret, size_t *ret_len)
{
	size_t head = len < 2 || bytes[1] < 126 ? 2 : bytes[1] == 126 ? 4 : 10;
	uint64_t payload;

	if (len < head)
		return false;
	payload = head == 2 ? bytes[1] : head == 4 ? be16_load(bytes + 2) : be64_load(bytes + 2);
	*ret = bytes + head;
	*ret_len = payload < len - head ? (size_t)payload : len - head;
	return true;
}

/* Neither a message nor a control frame says it; lengths may, which nobody reads. */
static bool says_secret(const struct buf *out)
{
	struct buf message;
	const uint8_t *payload;
	bool says = false;
	size_t at = 0, len;

	buf_init(&message, OUT_MAX);
	while (!says && read_frame(out->data + at, out->len - at, &payload, &len)) {
		bool is_control = (out->data[at] & 8) != 0, is_final = (out->data[at] & 0x80) != 0;

		at = (size_t)(payload - out->data) + len;
		if (is_control) {
			says = holds_secret(payload, len);
			continue;
		}
		(void)buf_append(&message, payload, len);
		says = holds_secret(message.data, message.len);
		if (is_final)
			buf_clear(&message);
	}
	buf_finish(&message);
	return says;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct credentials *set;
	struct buf whole, pieces;
	int r;

	if (set == NULL)
		set = masking_set(secret);
	if (size < 2 || size > OUT_MAX)
		return 0;
	buf_init(&whole, OUT_MAX);
	buf_init(&pieces, OUT_MAX);
	r = mask(set, data + 1, size - 1, size, &whole);
	assert(mask(set, data + 1, size - 1, data[0] + 1u, &pieces) == r);
	/* The head of a frame that did not come whole, or a control frame, is not shown. */
	assert(whole.len <= size - 1 && whole.len + 135 >= (r == 0 ? size - 1 : 0));
	assert(r < 0 || (pieces.len == whole.len &&
			 (whole.len == 0 || memcmp(whole.data, pieces.data, whole.len) == 0)));
	assert(!says_secret(&whole));
	buf_finish(&whole);
	buf_finish(&pieces);
	return 0;
}
