#include "wire/proxy.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "wire/tlv.h"

enum field_kind { FIELD_U32, FIELD_U64, FIELD_STRING };

/* How each tag lies in struct proxy_message; TARGET, the only list, is apart. */
static const struct field {
	uint16_t tag;
	enum field_kind kind;
	size_t offset; /* in the struct */
	size_t max;    /* bytes of a string */
} fields[] = {
#define NUMBER(tag, kind, member)                                                \
	{                                                                        \
		PROXY_TAG_##tag, kind, offsetof(struct proxy_message, member), 0 \
	}
#define STRING(tag, member, max)                                                           \
	{                                                                                  \
		PROXY_TAG_##tag, FIELD_STRING, offsetof(struct proxy_message, member), max \
	}
	NUMBER(FLAGS, FIELD_U32, flags),
	NUMBER(KIND, FIELD_U32, kind),
	NUMBER(ID, FIELD_U64, id),
	NUMBER(EXPIRES, FIELD_U64, expires),
	NUMBER(GENERATION, FIELD_U64, generation),
	STRING(NAME, name, PROXY_STRING_MAX),
	STRING(HEADER, header, PROXY_STRING_MAX),
	STRING(FORMAT, format, PROXY_STRING_MAX),
	STRING(SENTINEL, sentinel, PROXY_STRING_MAX),
	STRING(USERNAME, username, PROXY_STRING_MAX),
	STRING(TEXT, text, PROXY_STRING_MAX),
	STRING(TOKEN_URL, token_url, PROXY_STRING_MAX),
	STRING(REFRESH_SENTINEL, refresh_sentinel, PROXY_STRING_MAX),
	STRING(PEM, pem, PROXY_PEM_MAX),
	STRING(VALUE, value, PROXY_SECRET_MAX),
	STRING(ACCESS, access, PROXY_SECRET_MAX),
	STRING(REFRESH, refresh, PROXY_SECRET_MAX),
#undef NUMBER
#undef STRING
};

static void *member_of(struct proxy_message *message, const struct field *field)
{
	return (char *)message + field->offset;
}

static const void *member_of_const(const struct proxy_message *message, const struct field *field)
{
	return (const char *)message + field->offset;
}

static bool type_is_known(uint16_t type)
{
	switch (type) {
	case PROXY_POLICY_BEGIN:
	case PROXY_POLICY_END:
	case PROXY_AUTHORITY:
	case PROXY_TRUST:
	case PROXY_UPSTREAM:
	case PROXY_CREDENTIALS_BEGIN:
	case PROXY_CREDENTIAL:
	case PROXY_CREDENTIALS_END:
	case PROXY_AGENT:
	case PROXY_APPLIED:
	case PROXY_SECRET_USED:
	case PROXY_ALARM:
	case PROXY_TOKENS:
	case PROXY_AGENT_WANTED:
		return true;
	default:
		return false;
	}
}

static void free_secret(char **string)
{
	if (*string != NULL)
		explicit_bzero(*string, strlen(*string));
	free(*string);
	*string = NULL;
}

static size_t count_targets(const struct proxy_message *message)
{
	size_t count = 0;

	while (message->targets != NULL && message->targets[count] != NULL)
		count++;
	return count;
}

void proxy_message_finish(struct proxy_message *message)
{
	if (message == NULL)
		return;
	for (size_t i = 0; i < countof(fields); i++)
		if (fields[i].kind == FIELD_STRING)
			free_secret(member_of(message, &fields[i]));
	for (size_t i = 0; i < count_targets(message); i++)
		free(message->targets[i]);
	free(message->targets);
	*message = (struct proxy_message){ 0 };
}

static int decode_target(const struct tlv *tlv, struct proxy_message *to)
{
	size_t count = count_targets(to);

	if (count == PROXY_TARGETS_MAX)
		return -EPROTO;
	if (to->targets == NULL) {
		to->targets = calloc(PROXY_TARGETS_MAX + 1, sizeof(*to->targets));
		if (to->targets == NULL)
			return -ENOMEM;
	}
	return tlv_string(tlv, PROXY_STRING_MAX, &to->targets[count]);
}

/* A string that is said twice is malformed: the first copy would be lost. */
static int decode_string(const struct tlv *tlv, const struct field *field, struct proxy_message *to)
{
	char **string = member_of(to, field);

	return *string == NULL ? tlv_string(tlv, field->max, string) : -EPROTO;
}

static int decode_field(const struct tlv *tlv, struct proxy_message *to)
{
	if (tlv->tag == PROXY_TAG_TARGET)
		return decode_target(tlv, to);
	for (size_t i = 0; i < countof(fields); i++) {
		if (fields[i].tag != tlv->tag)
			continue;
		switch (fields[i].kind) {
		case FIELD_U32:
			return tlv_u32(tlv, member_of(to, &fields[i]));
		case FIELD_U64:
			return tlv_u64(tlv, member_of(to, &fields[i]));
		case FIELD_STRING:
			return decode_string(tlv, &fields[i], to);
		}
	}
	return 0; /* a newer peer may say more */
}

int proxy_message_decode(const struct frame *frame, struct proxy_message *ret)
{
	struct proxy_message message = { .type = frame->type };
	const uint8_t *bytes = frame->payload;
	size_t len = frame->len;
	struct tlv tlv;
	int r;

	if (!type_is_known(frame->type))
		return -EPROTO;
	while ((r = tlv_next(&bytes, &len, &tlv)) > 0) {
		r = decode_field(&tlv, &message);
		if (r < 0)
			break;
	}
	if (r < 0) {
		proxy_message_finish(&message);
		return r;
	}
	*ret = message;
	return 0;
}

static int put_field(struct buf *to, const struct field *field, const struct proxy_message *message)
{
	const void *member = member_of_const(message, field);

	switch (field->kind) {
	case FIELD_U32: {
		uint32_t value = *(const uint32_t *)member;

		return value == 0 ? 0 : tlv_put_u32(to, field->tag, value);
	}
	case FIELD_U64: {
		uint64_t value = *(const uint64_t *)member;

		return value == 0 ? 0 : tlv_put_u64(to, field->tag, value);
	}
	case FIELD_STRING: {
		const char *string = *(char *const *)member;

		if (string == NULL)
			return 0;
		return strlen(string) > field->max ? -EMSGSIZE
						   : tlv_put_string(to, field->tag, string);
	}
	}
	return -EINVAL;
}

static int put_fields(struct buf *to, const struct proxy_message *message)
{
	size_t targets = count_targets(message);
	int r = 0;

	for (size_t i = 0; r == 0 && i < countof(fields); i++)
		r = put_field(to, &fields[i], message);
	for (size_t i = 0; r == 0 && i < targets; i++)
		r = tlv_put_string(to, PROXY_TAG_TARGET, message->targets[i]);
	return r == -ENOBUFS ? -EMSGSIZE : r;
}

int proxy_message_append(struct buf *buf, const struct proxy_message *message)
{
	struct buf payload;
	int r;

	buf_init(&payload, FRAME_PAYLOAD_MAX);
	/* All of it at once: a buffer that grows leaves copies of secrets behind. */
	if (buf_reserve(&payload, FRAME_PAYLOAD_MAX) == NULL)
		return -ENOMEM;
	r = put_fields(&payload, message);
	if (r == 0)
		r = frame_append(buf, message->type, payload.data, payload.len);
	explicit_bzero(payload.data, payload.len);
	buf_finish(&payload);
	return r;
}
