#include "credential/websocket.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "credential/needles.h"

enum {
	/* RFC 6455 §5.2 */
	FINAL = 0x80,
	RESERVED = 0x70,
	OPCODE = 0x0f,
	CONTINUATION = 0,
	BINARY = 2,
	CONTROL = 8, /* and above */
	PONG = 10,
	MASKED = 0x80,
	LENGTH = 0x7f,
	LENGTH_16 = 126,
	LENGTH_64 = 127,

	PIECE_MAX = 1 << 16,
	AMONG_MAX = 1 << 16,
};

/* Something in `among`: where it stands, and its bytes behind this. */
struct mark {
	uint64_t at; /* of the bytes that the search was given */
	size_t len;
};

void websocket_init(struct websocket *websocket, struct needle_search *search)
{
	*websocket = (struct websocket){ .search = search };
	buf_init(&websocket->clear, 2 * PIECE_MAX + search->held.max);
	buf_init(&websocket->among, AMONG_MAX);
}

void websocket_finish(struct websocket *websocket)
{
	if (websocket->clear.data != NULL)
		explicit_bzero(websocket->clear.data, websocket->clear.cap);
	if (websocket->among.data != NULL)
		explicit_bzero(websocket->among.data, websocket->among.cap);
	explicit_bzero(websocket->control, sizeof(websocket->control));
	buf_finish(&websocket->clear);
	buf_finish(&websocket->among);
}

/* What was let go, and what stands among it; passed: bytes of messages in `out` already. */
static int join(struct websocket *websocket, uint64_t passed, struct buf *out)
{
	struct buf *clear = &websocket->clear, *among = &websocket->among;
	size_t used = 0, taken = 0;
	int r = 0;

	while (r == 0 && taken < among->len) {
		struct mark mark;
		uint64_t before;

		memcpy(&mark, among->data + taken, sizeof(mark));
		before = mark.at - passed;
		if (before > clear->len - used)
			break;
		taken += sizeof(mark);
		r = buf_append(out, clear->data + used, before);
		if (r == 0)
			r = buf_append(out, among->data + taken, mark.len);
		used += before;
		passed += before;
		taken += mark.len;
	}
	if (r == 0)
		r = buf_append(out, clear->data + used, clear->len - used);
	buf_consume(among, taken);
	buf_clear(clear);
	return r;
}

/* Bytes of a message; end: the last of them. */
static int pass_message(struct websocket *websocket, const uint8_t *bytes, size_t len, bool end,
			struct buf *out)
{
	struct needle_search *search = websocket->search;
	uint64_t passed = websocket->searched - search->held.len;
	int r;

	websocket->searched += len;
	if (websocket->among.len == 0)
		return needle_search_feed(search, bytes, len, end, out);
	r = needle_search_feed(search, bytes, len, end, &websocket->clear);
	return r < 0 ? r : join(websocket, passed, out);
}

/* What is no part of a message, in its place among those that are. */
static int pass_among(struct websocket *websocket, const uint8_t *bytes, size_t len,
		      struct buf *out)
{
	const struct mark mark = { .at = websocket->searched, .len = len };
	int r;

	if (websocket->search->held.len == 0)
		return buf_append(out, bytes, len);
	r = buf_append(&websocket->among, &mark, sizeof(mark));
	return r < 0 ? r : buf_append(&websocket->among, bytes, len);
}

/* A control frame may come within a message, and is searched for itself. */
static int pass_control(struct websocket *websocket, struct buf *out)
{
	struct needle_search *message = websocket->search;
	autocall(needle_search_finish) struct needle_search search;
	autocall(buf_finish) struct buf frame;
	int r;

	buf_init(&frame, WEBSOCKET_HEAD_MAX + WEBSOCKET_CONTROL_MAX);
	needle_search_init(&search, message->needles, message->action);
	search.ignore = message->ignore;
	r = buf_append(&frame, websocket->head, websocket->head_len);
	if (r == 0)
		r = needle_search_feed(&search, websocket->control, websocket->control_len, true,
				       &frame);
	if (search.found > 0) {
		message->found += search.found;
		message->owner = search.owner;
	}
	websocket->control_len = 0;
	return r < 0 ? r : pass_among(websocket, frame.data, frame.len, out);
}

static int pass_payload(struct websocket *websocket, const uint8_t *bytes, size_t len,
			struct buf *out)
{
	int r = 0;

	websocket->left -= len;
	if (!websocket->is_control) {
		bool is_last = websocket->is_final && websocket->left == 0;

		r = pass_message(websocket, bytes, len, is_last, out);
	} else if (len > 0) {
		memcpy(websocket->control + websocket->control_len, bytes, len);
		websocket->control_len += len;
	}
	if (r == 0 && websocket->left == 0 && websocket->is_control)
		r = pass_control(websocket, out);
	if (websocket->left == 0) {
		websocket->is_begun = false;
		websocket->head_len = 0;
	}
	return r;
}

static size_t head_size(const struct websocket *websocket)
{
	unsigned length = websocket->head_len < 2 ? 0 : websocket->head[1] & LENGTH;

	return length == LENGTH_64 ? 10 : length == LENGTH_16 ? 4 : 2;
}

static uint64_t payload_len(const uint8_t *head)
{
	unsigned length = head[1] & LENGTH;

	if (length == LENGTH_64)
		return be64_load(head + 2);
	return length == LENGTH_16 ? be16_load(head + 2) : length;
}

/* The head is whole. */
static int begin_frame(struct websocket *websocket, struct buf *out)
{
	const uint8_t *head = websocket->head;
	unsigned opcode = head[0] & OPCODE;
	bool is_final = (head[0] & FINAL) != 0;

	websocket->is_begun = true;
	websocket->is_control = opcode >= CONTROL;
	websocket->is_final = is_final;
	websocket->left = payload_len(head);
	if ((head[0] & RESERVED) != 0 || (head[1] & MASKED) != 0 || websocket->left > INT64_MAX)
		return -EBADMSG;
	if (websocket->is_control)
		return opcode > PONG || !is_final || websocket->left > WEBSOCKET_CONTROL_MAX
			       ? -EBADMSG
			       : 0;
	if (opcode > BINARY || (opcode == CONTINUATION) != websocket->is_open)
		return -EBADMSG;
	websocket->is_open = !is_final;
	return pass_among(websocket, head, websocket->head_len, out);
}

static int take_head(struct websocket *websocket, uint8_t byte, struct buf *out)
{
	int r;

	websocket->head[websocket->head_len++] = byte;
	if (websocket->head_len < 2 || websocket->head_len < head_size(websocket))
		return 0;
	r = begin_frame(websocket, out);
	return r < 0 || websocket->left > 0 ? r : pass_payload(websocket, NULL, 0, out);
}

int websocket_feed(struct websocket *websocket, const uint8_t *bytes, size_t len, bool end,
		   struct buf *out)
{
	int r = 0;

	while (r == 0 && len > 0) {
		size_t n = 1;

		if (websocket->is_begun) {
			n = min_of(len, (size_t)PIECE_MAX);
			if (n > websocket->left)
				n = (size_t)websocket->left;
			r = pass_payload(websocket, bytes, n, out);
		} else {
			r = take_head(websocket, *bytes, out);
		}
		bytes += n;
		len -= n;
	}
	return r == 0 && end ? pass_message(websocket, NULL, 0, true, out) : r;
}
