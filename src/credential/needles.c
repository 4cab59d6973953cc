#include "credential/needles.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

enum {
	PIECE_MAX = 16384, /* bytes that are joined with what is held back at a time */
	FIRST_ROOM = 4096,
	PAIRS = 65536,
};

struct needle {
	size_t off; /* of its bytes in the arena */
	uint32_t len, owner;
	uint16_t pair; /* its first two bytes */
};

struct needles {
	uint8_t *arena; /* owned, locked */
	size_t used, room;
	struct needle *items; /* owned, locked; sorted by pair once sealed */
	size_t count, items_room;
	size_t longest;
	uint8_t *pairs;	    /* owned, locked: a bit for each first pair; NULL until sealed */
	uint8_t firsts[32]; /* a bit for each first byte */
};

/* The longest match and whether more bytes could make one, at one place. */
struct look {
	size_t len;
	uint32_t owner;
	bool is_open;
};

static uint16_t pair_of(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

static void set_bit(uint8_t *bits, size_t n)
{
	bits[n / 8] |= (uint8_t)(1u << n % 8);
}

static bool has_bit(const uint8_t *bits, size_t n)
{
	return bits[n / 8] >> n % 8 & 1;
}

int needles_create(struct needles **ret)
{
	struct needles *needles;

	if (sodium_init() < 0)
		return -ENOSYS;
	needles = calloc(1, sizeof(*needles));
	if (needles == NULL)
		return -ENOMEM;
	*ret = needles;
	return 0;
}

void needles_destroy(struct needles *needles)
{
	if (needles == NULL)
		return;
	sodium_free(needles->arena);
	sodium_free(needles->items);
	sodium_free(needles->pairs);
	sodium_memzero(needles, sizeof(*needles));
	free(needles);
}

/* Locked memory cannot grow in place: a bigger one, and the old one wiped. */
static void *grow(void *old, size_t used, size_t *room, size_t need, size_t first)
{
	size_t bytes = *room > 0 ? *room : first;
	void *grown;

	while (bytes < need)
		bytes *= 2;
	grown = sodium_malloc(bytes);
	if (grown == NULL)
		return NULL;
	if (used > 0)
		memcpy(grown, old, used);
	sodium_free(old);
	*room = bytes;
	return grown;
}

static int make_room(struct needles *needles, size_t len)
{
	size_t items_bytes = needles->count * sizeof(struct needle);
	void *grown;

	if (needles->used + len > needles->room) {
		grown = grow(needles->arena, needles->used, &needles->room, needles->used + len,
			     FIRST_ROOM);
		if (grown == NULL)
			return -ENOMEM;
		needles->arena = grown;
	}
	if (items_bytes + sizeof(struct needle) > needles->items_room) {
		grown = grow(needles->items, items_bytes, &needles->items_room,
			     items_bytes + sizeof(struct needle), FIRST_ROOM);
		if (grown == NULL)
			return -ENOMEM;
		needles->items = grown;
	}
	return 0;
}

static bool has(const struct needles *needles, const void *bytes, size_t len, uint32_t owner)
{
	for (size_t i = needles->count; i > 0 && needles->items[i - 1].owner == owner; i--)
		if (needles->items[i - 1].len == len &&
		    memcmp(needles->arena + needles->items[i - 1].off, bytes, len) == 0)
			return true;
	return false;
}

int needles_add(struct needles *needles, const void *bytes, size_t len, uint32_t owner)
{
	int r;

	if (len < NEEDLE_LEN_MIN || len > UINT32_MAX || owner >= NEEDLE_OWNERS)
		return -EINVAL;
	if (has(needles, bytes, len, owner))
		return 0;
	if (needles->count == NEEDLES_MAX)
		return -E2BIG;
	r = make_room(needles, len);
	if (r < 0)
		return r;
	memcpy(needles->arena + needles->used, bytes, len);
	needles->items[needles->count++] = (struct needle){
		.off = needles->used,
		.len = (uint32_t)len,
		.owner = owner,
		.pair = pair_of(bytes),
	};
	needles->used += len;
	needles->longest = max_of(needles->longest, len);
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct needle *left = a, *right = b;

	return (int)left->pair - (int)right->pair;
}

int needles_seal(struct needles *needles)
{
	needles->pairs = sodium_malloc(PAIRS / 8);
	if (needles->pairs == NULL)
		return -ENOMEM;
	memset(needles->pairs, 0, PAIRS / 8);
	if (needles->count > 1)
		qsort(needles->items, needles->count, sizeof(struct needle), compare);
	for (size_t i = 0; i < needles->count; i++) {
		set_bit(needles->pairs, needles->items[i].pair);
		set_bit(needles->firsts, needles->items[i].pair >> 8);
	}
	return 0;
}

void needle_ignore_add(struct needle_ignore *ignore, uint32_t owner)
{
	ignore->words[owner / 64] |= UINT64_C(1) << owner % 64;
}

static bool is_ignored(const struct needle_ignore *ignore, uint32_t owner)
{
	return ignore != NULL && (ignore->words[owner / 64] >> owner % 64 & 1);
}

/* The first needle whose pair is not less. */
static size_t find_pair(const struct needles *needles, unsigned pair)
{
	size_t low = 0, high = needles->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (needles->items[middle].pair < pair)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void compare_one(const struct needles *needles, const struct needle *needle,
			const uint8_t *bytes, size_t len, struct look *look)
{
	size_t common = min_of(len, needle->len);

	if (memcmp(needles->arena + needle->off, bytes, common) != 0)
		return;
	if (common < needle->len) {
		look->is_open = true;
	} else if (needle->len > look->len) {
		look->len = needle->len;
		look->owner = needle->owner;
	}
}

/* What begins at bytes[0]; len >= 1. */
static struct look look_at(const struct needles *needles, const struct needle_ignore *ignore,
			   const uint8_t *bytes, size_t len)
{
	unsigned low = len > 1 ? pair_of(bytes) : (unsigned)bytes[0] << 8;
	unsigned high = len > 1 ? low : low | 0xff;
	struct look look = { .len = 0 };

	for (size_t i = find_pair(needles, low);
	     i < needles->count && needles->items[i].pair <= high; i++)
		if (!is_ignored(ignore, needles->items[i].owner))
			compare_one(needles, &needles->items[i], bytes, len, &look);
	return look;
}

/* How many bytes from here on begin nothing. */
static size_t skip(const struct needles *needles, const uint8_t *bytes, size_t len)
{
	size_t i = 0;

	while (i + 1 < len && !has_bit(needles->pairs, pair_of(bytes + i)))
		i++;
	if (i + 1 == len && !has_bit(needles->firsts, bytes[i]))
		i++;
	return i;
}

bool needles_find(const struct needles *needles, const struct needle_ignore *ignore,
		  const uint8_t *bytes, size_t len, uint32_t *ret_owner)
{
	for (size_t i = skip(needles, bytes, len); i < len;
	     i += 1 + skip(needles, bytes + i + 1, len - i - 1)) {
		struct look look = look_at(needles, ignore, bytes + i, len - i);

		if (look.len > 0) {
			*ret_owner = look.owner;
			return true;
		}
	}
	return false;
}

void needle_search_init(struct needle_search *search, const struct needles *needles,
			enum needle_action action)
{
	*search = (struct needle_search){ .needles = needles, .action = action };
	buf_init(&search->held, needles->longest + PIECE_MAX);
}

void needle_search_finish(struct needle_search *search)
{
	if (search->held.data != NULL)
		sodium_memzero(search->held.data, search->held.cap);
	buf_finish(&search->held);
}

/* What begins nothing goes on as it is, but for what an earlier match covers. */
static int pass(struct needle_search *search, const uint8_t *bytes, size_t len, struct buf *out)
{
	size_t covered = min_of(search->masked, len);
	uint8_t *to = len > 0 ? buf_reserve(out, len) : NULL;

	if (len > 0 && to == NULL)
		return len > out->max - out->len ? -ENOBUFS : -ENOMEM;
	if (len == 0)
		return 0;
	memset(to, '*', covered);
	memcpy(to + covered, bytes + covered, len - covered);
	out->len += len;
	search->masked -= covered;
	return 0;
}

static int take_match(struct needle_search *search, const struct look *look)
{
	search->owner = look->owner;
	if (search->masked == 0)
		search->found++;
	search->masked = max_of(search->masked, look->len);
	return search->action == NEEDLE_REFUSE ? -EACCES : 0;
}

/* *ret: how many bytes were let go; the rest may be the beginning of something. */
static int search_piece(struct needle_search *search, const uint8_t *bytes, size_t len, bool end,
			struct buf *out, size_t *ret)
{
	size_t i = 0;
	int r = 0;

	while (r == 0 && i < len) {
		size_t clean = skip(search->needles, bytes + i, len - i);
		struct look look = { .len = 0 };

		r = pass(search, bytes + i, clean, out);
		i += clean;
		if (r < 0 || i == len)
			break;
		look = look_at(search->needles, &search->ignore, bytes + i, len - i);
		if (look.is_open && !end)
			break;
		if (look.len > 0)
			r = take_match(search, &look);
		if (r == 0)
			r = pass(search, bytes + i++, 1, out);
	}
	*ret = i;
	return r;
}

/* With something held back, the piece is joined to it first. */
static int feed_piece(struct needle_search *search, const uint8_t *bytes, size_t len, bool end,
		      struct buf *out)
{
	struct buf *held = &search->held;
	size_t used = 0;
	int r;

	if (len == 0 && held->len == 0)
		return 0;
	if (held->len == 0) {
		r = search_piece(search, bytes, len, end, out, &used);
		return r < 0 ? r : buf_append(held, bytes + used, len - used);
	}
	r = len > 0 ? buf_append(held, bytes, len) : 0;
	if (r == 0)
		r = search_piece(search, held->data, held->len, end, out, &used);
	if (r == 0)
		buf_consume(held, used);
	return r;
}

int needle_search_feed(struct needle_search *search, const uint8_t *bytes, size_t len, bool end,
		       struct buf *out)
{
	int r;

	do {
		size_t piece = min_of(len, (size_t)PIECE_MAX);

		r = feed_piece(search, bytes, piece, end && piece == len, out);
		len -= piece;
		if (len > 0)
			bytes += piece;
	} while (r == 0 && len > 0);
	return r;
}
