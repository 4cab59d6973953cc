#include "policy/encode.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "wire/tlv.h"

enum tag {
	TAG_ID = 1,	   /* string */
	TAG_DECISION = 2,  /* u32, enum policy_decision */
	TAG_ORIGIN = 3,	   /* u32, enum policy_origin */
	TAG_GLOBAL = 4,	   /* u32, 0 or 1 */
	TAG_PROTOCOLS = 5, /* u32, bits */
	TAG_RESOURCE = 6,  /* string, in the grammar of policy_resource_parse() */
	TAG_METHODS = 7,   /* string; present: an HTTP rule */
	TAG_PATH = 8,	   /* string */
};

enum { RULE_BYTES_MAX = 4096, STRING_MAX = 1024 };

/* Fields as they came, before they are judged together. */
struct fields {
	uint32_t decision, origin, global, protocols;
	char *id, *resource, *methods, *path; /* owned */
};

static void fields_finish(struct fields *fields)
{
	free(fields->id);
	free(fields->resource);
	free(fields->methods);
	free(fields->path);
}

int policy_rule_append(struct buf *buf, uint16_t frame_type, const struct policy_rule *rule)
{
	autocall(buf_finish) struct buf payload;
	char resource[POLICY_RESOURCE_MAX];
	int r;

	buf_init(&payload, RULE_BYTES_MAX);
	policy_resource_format(&rule->resource, resource);
	r = tlv_put_string(&payload, TAG_ID, rule->id);
	if (r == 0)
		r = tlv_put_u32(&payload, TAG_DECISION, rule->decision);
	if (r == 0)
		r = tlv_put_u32(&payload, TAG_ORIGIN, rule->origin);
	if (r == 0)
		r = tlv_put_u32(&payload, TAG_GLOBAL, rule->is_global);
	if (r == 0)
		r = tlv_put_u32(&payload, TAG_PROTOCOLS, rule->protocols);
	if (r == 0)
		r = tlv_put_string(&payload, TAG_RESOURCE, resource);
	if (r == 0 && rule->methods != NULL)
		r = tlv_put_string(&payload, TAG_METHODS, rule->methods);
	if (r == 0 && rule->path != NULL)
		r = tlv_put_string(&payload, TAG_PATH, rule->path);
	return r == 0 ? frame_append(buf, frame_type, payload.data, payload.len) : r;
}

static int take_string(const struct tlv *tlv, size_t max, char **member)
{
	return *member != NULL ? -EPROTO : tlv_string(tlv, max, member);
}

static int take_field(const struct tlv *tlv, struct fields *fields)
{
	switch (tlv->tag) {
	case TAG_ID:
		return take_string(tlv, POLICY_ID_MAX, &fields->id);
	case TAG_DECISION:
		return tlv_u32(tlv, &fields->decision);
	case TAG_ORIGIN:
		return tlv_u32(tlv, &fields->origin);
	case TAG_GLOBAL:
		return tlv_u32(tlv, &fields->global);
	case TAG_PROTOCOLS:
		return tlv_u32(tlv, &fields->protocols);
	case TAG_RESOURCE:
		return take_string(tlv, STRING_MAX, &fields->resource);
	case TAG_METHODS:
		return take_string(tlv, STRING_MAX, &fields->methods);
	case TAG_PATH:
		return take_string(tlv, STRING_MAX, &fields->path);
	default:
		return 0; /* of a newer sender */
	}
}

static bool are_in_range(const struct fields *fields)
{
	return fields->id != NULL && fields->resource != NULL && fields->decision <= POLICY_ALLOW &&
	       fields->origin <= POLICY_FROM_APPROVAL && fields->global <= 1 &&
	       fields->protocols != 0 &&
	       (fields->protocols & ~(unsigned)(POLICY_TCP | POLICY_UDP)) == 0 &&
	       (fields->path == NULL || fields->methods != NULL);
}

static int build(const struct fields *fields, struct policy_rule *rule)
{
	struct err err = ERR_INIT;
	int r;

	memcpy(rule->id, fields->id, strlen(fields->id) + 1);
	rule->decision = (enum policy_decision)fields->decision;
	rule->origin = (enum policy_origin)fields->origin;
	rule->is_global = fields->global != 0;
	rule->protocols = fields->protocols;
	r = policy_resource_parse(fields->resource, &rule->resource, &err);
	if (r == 0 && fields->methods != NULL)
		r = policy_rule_set_http(rule, fields->methods, fields->path, &err);
	return r;
}

int policy_rule_decode(const struct frame *frame, struct policy_rule *ret)
{
	autocall(fields_finish) struct fields fields = { .decision = UINT32_MAX };
	struct policy_rule rule = { .decision = POLICY_DENY };
	const uint8_t *bytes = frame->payload;
	size_t len = frame->len;
	struct tlv tlv;
	int r;

	while ((r = tlv_next(&bytes, &len, &tlv)) == 1) {
		r = take_field(&tlv, &fields);
		if (r < 0)
			return r;
	}
	if (r < 0 || !are_in_range(&fields))
		return -EPROTO;
	r = build(&fields, &rule);
	if (r < 0) {
		policy_rule_finish(&rule);
		return r == -ENOMEM ? r : -EPROTO;
	}
	*ret = rule;
	return 0;
}

struct policy_reader {
	struct policy_rule *rules; /* owned */
	size_t count, room;
	bool locked_down;
	int failure; /* of the first bad rule */
};

int policy_reader_create(struct policy_reader **ret)
{
	struct policy_reader *reader = calloc(1, sizeof(*reader));

	if (reader == NULL)
		return -ENOMEM;
	reader->failure = -EPROTO; /* nothing has begun */
	*ret = reader;
	return 0;
}

static void forget(struct policy_reader *reader)
{
	for (size_t i = 0; i < reader->count; i++)
		policy_rule_finish(&reader->rules[i]);
	free(reader->rules);
	*reader = (struct policy_reader){ .failure = -EPROTO };
}

void policy_reader_destroy(struct policy_reader *reader)
{
	if (reader == NULL)
		return;
	forget(reader);
	free(reader);
}

void policy_reader_begin(struct policy_reader *reader, bool locked_down)
{
	forget(reader);
	reader->locked_down = locked_down;
	reader->failure = 0;
}

static int make_room(struct policy_reader *reader)
{
	size_t room = reader->room == 0 ? 64 : reader->room * 2;
	struct policy_rule *grown;

	if (reader->count < reader->room)
		return 0;
	if (reader->count == POLICY_RULES_MAX)
		return -EPROTO;
	grown = realloc(reader->rules, room * sizeof(*grown));
	if (grown == NULL)
		return -ENOMEM;
	reader->rules = grown;
	reader->room = room;
	return 0;
}

int policy_reader_rule(struct policy_reader *reader, const struct frame *frame)
{
	int r = reader->failure;

	if (r == 0)
		r = make_room(reader);
	if (r == 0)
		r = policy_rule_decode(frame, &reader->rules[reader->count]);
	if (r == 0)
		reader->count++;
	else
		reader->failure = r;
	return r;
}

int policy_reader_end(struct policy_reader *reader, struct policy **ret)
{
	int r = reader->failure;

	if (r == 0)
		r = policy_create(reader->rules, reader->count, reader->locked_down, ret);
	forget(reader);
	return r;
}
