/*
 * A message is a struct and a table: one row a field, with its place in the
 * struct. What is zero or NULL is not sent. A number or string that comes twice
 * is -EPROTO; lists gather.
 */
#include "wire/net.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "wire/tlv.h"

enum field_kind { FIELD_U32, FIELD_U64, FIELD_STRING, FIELD_LIST };

struct field {
	uint16_t tag;
	enum field_kind kind;
	size_t offset; /* in the struct */
	size_t max;    /* bytes of a string */
};

enum { NAME_MAX_BYTES = 512, TEXT_MAX_BYTES = 1024, PATH_MAX_BYTES = 8192 };

#define MESSAGE(member) offsetof(struct net_message, member)
static const struct field message_fields[] = {
	{ NET_TAG_FLAGS, FIELD_U32, MESSAGE(flags), 0 },
	{ NET_TAG_GENERATION, FIELD_U64, MESSAGE(generation), 0 },
	{ NET_TAG_RESOLVER, FIELD_LIST, MESSAGE(resolvers), NAME_MAX_BYTES },
	{ NET_TAG_OWN_ADDRESS, FIELD_LIST, MESSAGE(own_addresses), NAME_MAX_BYTES },
	{ NET_TAG_UPSTREAM, FIELD_STRING, MESSAGE(upstream), NAME_MAX_BYTES },
	{ NET_TAG_NO_PROXY, FIELD_LIST, MESSAGE(no_proxy), NAME_MAX_BYTES },
	{ NET_TAG_PORT, FIELD_U32, MESSAGE(port), 0 },
	{ NET_TAG_ID, FIELD_U64, MESSAGE(id), 0 },
	{ NET_TAG_KIND, FIELD_U32, MESSAGE(kind), 0 },
	{ NET_TAG_ADDRESS, FIELD_STRING, MESSAGE(address), NAME_MAX_BYTES },
	{ NET_TAG_ERROR, FIELD_U32, MESSAGE(error), 0 },
	{ NET_TAG_RULE, FIELD_STRING, MESSAGE(rule), NAME_MAX_BYTES },
	{ NET_TAG_TEXT, FIELD_STRING, MESSAGE(text), TEXT_MAX_BYTES },
	{ NET_TAG_FLOW, FIELD_U64, MESSAGE(flow), 0 },
	{ NET_TAG_COUNT, FIELD_U64, MESSAGE(count), 0 },
	{ NET_TAG_BYTES_IN, FIELD_U64, MESSAGE(bytes_in), 0 },
	{ NET_TAG_BYTES_OUT, FIELD_U64, MESSAGE(bytes_out), 0 },
};

/* A NAME is a list in NET_INSPECT and one name elsewhere. */
static const struct field one_name = { NET_TAG_NAME, FIELD_STRING, MESSAGE(name), NAME_MAX_BYTES };
static const struct field many_names = { NET_TAG_NAME, FIELD_LIST, MESSAGE(names), NAME_MAX_BYTES };

#define VERDICT(member) offsetof(struct net_verdict, member)
static const struct field verdict_fields[] = {
	{ NET_TAG_DECISION, FIELD_U32, VERDICT(decision), 0 },
	{ NET_TAG_DENY_KIND, FIELD_U32, VERDICT(deny_kind), 0 },
	{ NET_TAG_PROTOCOL, FIELD_U32, VERDICT(protocol), 0 },
	{ NET_TAG_PATH_KIND, FIELD_U32, VERDICT(path_kind), 0 },
	{ NET_TAG_PORT, FIELD_U32, VERDICT(port), 0 },
	{ NET_TAG_STATUS, FIELD_U32, VERDICT(status), 0 },
	{ NET_TAG_COUNT, FIELD_U64, VERDICT(count), 0 },
	{ NET_TAG_NAME, FIELD_STRING, VERDICT(name), NAME_MAX_BYTES },
	{ NET_TAG_ADDRESS, FIELD_STRING, VERDICT(address), NAME_MAX_BYTES },
	{ NET_TAG_RULE, FIELD_STRING, VERDICT(rule), NAME_MAX_BYTES },
	{ NET_TAG_TEXT, FIELD_STRING, VERDICT(text), TEXT_MAX_BYTES },
	{ NET_TAG_METHOD, FIELD_STRING, VERDICT(method), NAME_MAX_BYTES },
	{ NET_TAG_PATH, FIELD_STRING, VERDICT(path), PATH_MAX_BYTES },
};

static void *member_of(const void *object, const struct field *field)
{
	return (char *)(uintptr_t)object + field->offset;
}

static int put_list(struct buf *buf, uint16_t tag, char *const *list)
{
	int r = 0;

	for (size_t i = 0; list != NULL && list[i] != NULL && r == 0; i++)
		r = i == NET_LIST_MAX ? -EMSGSIZE : tlv_put_string(buf, tag, list[i]);
	return r;
}

static int put_field(struct buf *buf, const struct field *field, const void *object)
{
	const void *member = member_of(object, field);

	switch (field->kind) {
	case FIELD_U32: {
		uint32_t value = *(const uint32_t *)member;

		return value == 0 ? 0 : tlv_put_u32(buf, field->tag, value);
	}
	case FIELD_U64: {
		uint64_t value = *(const uint64_t *)member;

		return value == 0 ? 0 : tlv_put_u64(buf, field->tag, value);
	}
	case FIELD_STRING: {
		const char *value = *(char *const *)member;

		if (value == NULL)
			return 0;
		return strlen(value) > field->max ? -EMSGSIZE
						  : tlv_put_string(buf, field->tag, value);
	}
	case FIELD_LIST:
		return put_list(buf, field->tag, *(char **const *)member);
	}
	return -EINVAL;
}

static int put_fields(struct buf *buf, const struct field *fields, size_t count, const void *object)
{
	int r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = put_field(buf, &fields[i], object);
	return r;
}

static int add_to_list(const struct tlv *tlv, size_t max, char ***place)
{
	size_t count = 0;
	char **list;

	while (*place != NULL && (*place)[count] != NULL)
		count++;
	if (count == NET_LIST_MAX)
		return -EPROTO;
	list = reallocarray(*place, count + 2, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	*place = list;
	list[count] = list[count + 1] = NULL;
	return tlv_string(tlv, max, &list[count]);
}

static int take_field(const struct tlv *tlv, const struct field *field, void *object)
{
	void *member = member_of(object, field);

	switch (field->kind) {
	case FIELD_U32:
		return *(uint32_t *)member != 0 ? -EPROTO : tlv_u32(tlv, member);
	case FIELD_U64:
		return *(uint64_t *)member != 0 ? -EPROTO : tlv_u64(tlv, member);
	case FIELD_STRING:
		return *(char **)member != NULL ? -EPROTO : tlv_string(tlv, field->max, member);
	case FIELD_LIST:
		return add_to_list(tlv, field->max, member);
	}
	return -EPROTO;
}

static const struct field *find_field(const struct field *fields, size_t count, uint16_t tag)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].tag == tag)
			return &fields[i];
	}
	return NULL;
}

static void free_field(const struct field *field, void *object)
{
	void *member = member_of(object, field);

	if (field->kind == FIELD_STRING) {
		free(*(char **)member);
	} else if (field->kind == FIELD_LIST) {
		char **list = *(char ***)member;

		for (size_t i = 0; list != NULL && list[i] != NULL; i++)
			free(list[i]);
		free(list);
	}
}

static const struct field *name_field(uint16_t type)
{
	return type == NET_INSPECT ? &many_names : &one_name;
}

static const struct field *message_field(uint16_t type, uint16_t tag)
{
	return tag == NET_TAG_NAME ? name_field(type)
				   : find_field(message_fields, countof(message_fields), tag);
}

static const struct field *verdict_field(uint16_t type, uint16_t tag)
{
	(void)type;
	return find_field(verdict_fields, countof(verdict_fields), tag);
}

/* Fills the object; what find() does not know is skipped. */
static int take_fields(const struct frame *frame,
		       const struct field *(*find)(uint16_t type, uint16_t tag), void *object)
{
	const uint8_t *bytes = frame->payload;
	size_t len = frame->len;
	struct tlv tlv;
	int r;

	while ((r = tlv_next(&bytes, &len, &tlv)) > 0) {
		const struct field *field = find(frame->type, tlv.tag);

		r = field == NULL ? 0 : take_field(&tlv, field, object);
		if (r < 0)
			return r;
	}
	return r;
}

int net_message_append(struct buf *buf, const struct net_message *message)
{
	autocall(buf_finish) struct buf payload;
	int r;

	buf_init(&payload, FRAME_PAYLOAD_MAX);
	r = put_fields(&payload, message_fields, countof(message_fields), message);
	if (r == 0)
		r = put_field(&payload, name_field(message->type), message);
	return r < 0 ? r : frame_append(buf, message->type, payload.data, payload.len);
}

int net_message_decode(const struct frame *frame, struct net_message *ret)
{
	struct net_message message = { .type = frame->type };
	int r = take_fields(frame, message_field, &message);

	if (r < 0)
		net_message_finish(&message);
	else
		*ret = message;
	return r;
}

void net_message_finish(struct net_message *message)
{
	if (message == NULL)
		return;
	for (size_t i = 0; i < countof(message_fields); i++)
		free_field(&message_fields[i], message);
	free_field(&one_name, message);
	free_field(&many_names, message);
	*message = (struct net_message){ .type = 0 };
}

int net_verdict_append(struct buf *buf, uint16_t frame_type, const struct net_verdict *verdict)
{
	autocall(buf_finish) struct buf payload;
	int r;

	buf_init(&payload, FRAME_PAYLOAD_MAX);
	r = put_fields(&payload, verdict_fields, countof(verdict_fields), verdict);
	return r < 0 ? r : frame_append(buf, frame_type, payload.data, payload.len);
}

int net_verdict_decode(const struct frame *frame, struct net_verdict *ret)
{
	struct net_verdict verdict = { .decision = 0 };
	int r = take_fields(frame, verdict_field, &verdict);

	if (r < 0)
		net_verdict_finish(&verdict);
	else
		*ret = verdict;
	return r;
}

void net_verdict_finish(struct net_verdict *verdict)
{
	if (verdict == NULL)
		return;
	for (size_t i = 0; i < countof(verdict_fields); i++)
		free_field(&verdict_fields[i], verdict);
	*verdict = (struct net_verdict){ .decision = 0 };
}
