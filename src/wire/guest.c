/*
 * A message is a set of fields, and a field is a row of a table: its tag, its
 * kind, and where it lives in struct guest_message. Decoding looks the tag up
 * and lets the kind read the value; encoding walks the table and lets each
 * kind write what is there.
 */
#include "wire/guest.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "wire/tlv.h"

enum { ENTROPY_MIN = 32, LIST_FIRST_SIZE = 8 };

struct field;

/* decode: 0, -EPROTO, -ENOMEM. encode: 0 or an error of buf_append(); writes nothing if absent. */
struct field_kind {
	int (*decode)(const struct field *field, const struct tlv *tlv, struct guest_message *to);
	int (*encode)(const struct field *field, const struct guest_message *from, struct buf *to);
};

struct field {
	enum guest_tag tag;
	const struct field_kind *kind;
	size_t offset;	     /* of the member */
	size_t count_offset; /* lists: of the member that counts */
	size_t count_max;    /* lists */
};

static void *member(struct guest_message *message, size_t offset)
{
	return (char *)message + offset;
}

static const void *member_of(const struct guest_message *message, size_t offset)
{
	return (const char *)message + offset;
}

/* A second value for the same field would leak the first: nobody sends it. */
static int decode_string(const struct field *field, const struct tlv *tlv, struct guest_message *to)
{
	char **place = member(to, field->offset);

	return *place != NULL ? -EPROTO : tlv_string(tlv, GUEST_STRING_MAX, place);
}

static int encode_string(const struct field *field, const struct guest_message *from,
			 struct buf *to)
{
	char *const *value = member_of(from, field->offset);

	if (*value == NULL)
		return 0;
	return strlen(*value) > GUEST_STRING_MAX ? -EMSGSIZE
						 : tlv_put_string(to, field->tag, *value);
}

/*
 * Makes room for one more string and the NULL. A list that holds count strings
 * and a NULL has as many places as the next power of two, LIST_FIRST_SIZE at least.
 */
static int grow_list(char ***list, size_t count)
{
	size_t used = count + 1;
	bool full = used >= LIST_FIRST_SIZE && (used & (used - 1)) == 0;
	char **grown;

	if (*list != NULL && !full)
		return 0;
	grown = realloc(*list, (*list == NULL ? LIST_FIRST_SIZE : 2 * used) * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	grown[count] = NULL;
	*list = grown;
	return 0;
}

static int decode_list(const struct field *field, const struct tlv *tlv, struct guest_message *to)
{
	char ***list = member(to, field->offset);
	size_t *count = member(to, field->count_offset);
	char *value;
	int r;

	if (*count >= field->count_max)
		return -EPROTO;
	r = grow_list(list, *count);
	if (r == 0)
		r = tlv_string(tlv, GUEST_STRING_MAX, &value);
	if (r < 0)
		return r;
	(*list)[(*count)++] = value;
	(*list)[*count] = NULL;
	return 0;
}

static int encode_list(const struct field *field, const struct guest_message *from, struct buf *to)
{
	char **const *list = member_of(from, field->offset);
	const size_t *count = member_of(from, field->count_offset);

	if (*count > field->count_max)
		return -EMSGSIZE;
	for (size_t i = 0; i < *count; i++) {
		int r = strlen((*list)[i]) > GUEST_STRING_MAX
				? -EMSGSIZE
				: tlv_put_string(to, field->tag, (*list)[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int decode_u32(const struct field *field, const struct tlv *tlv, struct guest_message *to)
{
	return tlv_u32(tlv, member(to, field->offset));
}

static int encode_u32(const struct field *field, const struct guest_message *from, struct buf *to)
{
	const uint32_t *value = member_of(from, field->offset);

	return *value == 0 ? 0 : tlv_put_u32(to, field->tag, *value);
}

static int decode_u64(const struct field *field, const struct tlv *tlv, struct guest_message *to)
{
	return tlv_u64(tlv, member(to, field->offset));
}

static int encode_u64(const struct field *field, const struct guest_message *from, struct buf *to)
{
	const uint64_t *value = member_of(from, field->offset);

	return *value == 0 ? 0 : tlv_put_u64(to, field->tag, *value);
}

/* Zero is an exit status too, so its presence is a member of its own. */
static int decode_status(const struct field *field, const struct tlv *tlv, struct guest_message *to)
{
	int r = decode_u32(field, tlv, to);

	if (r == 0)
		to->has_status = true;
	return r;
}

static int encode_status(const struct field *field, const struct guest_message *from,
			 struct buf *to)
{
	return from->has_status ? tlv_put_u32(to, field->tag, from->status) : 0;
}

static int decode_entropy(const struct field *field, const struct tlv *tlv,
			  struct guest_message *to)
{
	(void)field;
	if (tlv->len < ENTROPY_MIN || tlv->len > sizeof(to->entropy))
		return -EPROTO;
	memcpy(to->entropy, tlv->value, tlv->len);
	to->entropy_len = tlv->len;
	return 0;
}

static int encode_entropy(const struct field *field, const struct guest_message *from,
			  struct buf *to)
{
	if (from->entropy_len == 0)
		return 0;
	if (from->entropy_len < ENTROPY_MIN || from->entropy_len > sizeof(from->entropy))
		return -EMSGSIZE;
	return tlv_put(to, field->tag, from->entropy, from->entropy_len);
}

static const struct field_kind kind_string = { decode_string, encode_string };
static const struct field_kind kind_list = { decode_list, encode_list };
static const struct field_kind kind_u32 = { decode_u32, encode_u32 };
static const struct field_kind kind_u64 = { decode_u64, encode_u64 };
static const struct field_kind kind_status = { decode_status, encode_status };
static const struct field_kind kind_entropy = { decode_entropy, encode_entropy };

#define AT(name) .offset = offsetof(struct guest_message, name)
#define LIST(name, max) \
	AT(name), .count_offset = offsetof(struct guest_message, name##_count), .count_max = (max)

static const struct field fields[] = {
	{ GUEST_TAG_ARG, &kind_list, LIST(args, GUEST_ARGS_MAX) },
	{ GUEST_TAG_ENV, &kind_list, LIST(env, GUEST_ENV_MAX) },
	{ GUEST_TAG_CWD, &kind_string, AT(cwd) },
	{ GUEST_TAG_USER, &kind_string, AT(user) },
	{ GUEST_TAG_FLAGS, &kind_u32, AT(flags) },
	{ GUEST_TAG_ROWS, &kind_u32, AT(rows) },
	{ GUEST_TAG_COLUMNS, &kind_u32, AT(columns) },
	{ GUEST_TAG_NAME, &kind_string, AT(name) },
	{ GUEST_TAG_SOURCE, &kind_string, AT(source) },
	{ GUEST_TAG_TARGET, &kind_string, AT(target) },
	{ GUEST_TAG_HOSTNAME, &kind_string, AT(hostname) },
	{ GUEST_TAG_REALTIME_NS, &kind_u64, AT(realtime_ns) },
	{ GUEST_TAG_ENTROPY, &kind_entropy, AT(entropy) },
	{ GUEST_TAG_ERRNO, &kind_u32, AT(error) },
	{ GUEST_TAG_TEXT, &kind_string, AT(text) },
	{ GUEST_TAG_STATUS, &kind_status, AT(status) },
	{ GUEST_TAG_SIGNAL, &kind_u32, AT(signal) },
	{ GUEST_TAG_COUNT, &kind_u32, AT(count) },
	{ GUEST_TAG_BYTES, &kind_u64, AT(bytes) },
	{ GUEST_TAG_STARTED_NS, &kind_u64, AT(started_ns) },
	{ GUEST_TAG_AUTHORITY, &kind_string, AT(authority) },
};

/* Types whose payload is fields. */
static bool has_fields(uint16_t type)
{
	bool request = type >= GUEST_SETUP && type <= GUEST_FAST_DIR;
	bool answer = type >= GUEST_OK && type <= GUEST_ITEM;

	return (request || answer) && type != GUEST_DATA && type != GUEST_DATA_ERR;
}

/* NULL for a tag of a newer peer. */
static const struct field *find_field(uint16_t tag)
{
	for (size_t i = 0; i < countof(fields); i++) {
		if (fields[i].tag == tag)
			return &fields[i];
	}
	return NULL;
}

int guest_message_decode(const struct frame *frame, struct guest_message *ret)
{
	struct guest_message message = { 0 };
	const uint8_t *bytes = frame->payload;
	size_t len = frame->len;
	struct tlv tlv;
	int r;

	if (!has_fields(frame->type))
		return -EPROTO;
	message.type = (enum guest_type)frame->type;
	while ((r = tlv_next(&bytes, &len, &tlv)) == 1) {
		const struct field *field = find_field(tlv.tag);

		r = field == NULL ? 0 : field->kind->decode(field, &tlv, &message);
		if (r < 0)
			break;
	}
	if (r < 0) {
		guest_message_finish(&message);
		return r;
	}
	*ret = message;
	return 0;
}

static void free_list(char **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(list[i]);
	free(list);
}

void guest_message_finish(struct guest_message *message)
{
	if (message == NULL)
		return;
	free_list(message->args, message->args_count);
	free_list(message->env, message->env_count);
	free(message->cwd);
	free(message->user);
	free(message->name);
	free(message->source);
	free(message->target);
	free(message->hostname);
	free(message->text);
	free(message->authority);
	*message = (struct guest_message){ 0 };
}

int guest_message_append(struct buf *buf, const struct guest_message *message)
{
	autocall(buf_finish) struct buf payload;
	int r = 0;

	buf_init(&payload, FRAME_PAYLOAD_MAX);
	if (!has_fields((uint16_t)message->type))
		return -EINVAL;
	for (size_t i = 0; i < countof(fields) && r == 0; i++)
		r = fields[i].kind->encode(&fields[i], message, &payload);
	if (r < 0)
		return r == -ENOBUFS ? -EMSGSIZE : r;
	return frame_append(buf, (uint16_t)message->type, payload.data, payload.len);
}
