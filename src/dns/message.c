#include "dns/message.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"
#include "base/check.h"
#include "dns/name.h"

/* The header, RFC 1035 §4.1.1. */
enum {
	ID = 0,
	FLAGS = 2,
	QUESTIONS = 4,
	ANSWERS = 6,
	AUTHORITIES = 8,
	ADDITIONALS = 10,
	FLAG_RESPONSE = 1 << 15,
	FLAG_OPCODE = 15 << 11,
	FLAG_TRUNCATED = 1 << 9,
	FLAG_RECURSE = 1 << 8,
	FLAG_RECURSES = 1 << 7,
	FLAG_RCODE = 15,
};

enum {
	CLASS_IN = 1,
	QUESTION_TAIL = 4, /* type and class */
	RECORD_TAIL = 10,  /* type, class, TTL, length of the data */
	OPT_SIZE = 11,	   /* an OPT record without options (RFC 6891 §6.1.2) */
	NAME_OF_QUESTION = 0xc000 | DNS_HEADER_SIZE, /* a pointer to it */
};

/* The head of a record, without its name. */
struct record_head {
	uint16_t type, class, data_len;
	uint32_t ttl;
	size_t data; /* offset of the data */
};

/* Passes a record's name and head; -EPROTO. ret_name: as dns_name_read, "" for no host name. */
static int read_head(const uint8_t *bytes, size_t len, size_t *at, char name[DNS_NAME_MAX + 1],
		     struct record_head *ret)
{
	size_t taken;
	int r;

	name[0] = '\0';
	r = dns_name_read(bytes, len, *at, name, &taken);
	if (r < 0 && r != -EINVAL)
		return r;
	*at += taken;
	if (len - *at < RECORD_TAIL)
		return -EPROTO;
	*ret = (struct record_head){ .type = be16_load(bytes + *at),
				     .class = be16_load(bytes + *at + 2),
				     .ttl = be32_load(bytes + *at + 4),
				     .data_len = be16_load(bytes + *at + 8),
				     .data = *at + RECORD_TAIL };
	if (ret->data_len > len - ret->data)
		return -EPROTO;
	*at = ret->data + ret->data_len;
	return r < 0 ? 0 : 1;
}

/* The question: 0, -EPROTO, -EINVAL when its name is no host name. */
static int read_question(const uint8_t *bytes, size_t len, char name[DNS_NAME_MAX + 1],
			 uint16_t *type, uint16_t *class, size_t *ret_len)
{
	size_t taken;
	int r = dns_name_read(bytes, len, DNS_HEADER_SIZE, name, &taken);

	if (r < 0 && r != -EINVAL)
		return r;
	if (len - DNS_HEADER_SIZE - taken < QUESTION_TAIL)
		return -EPROTO;
	*type = be16_load(bytes + DNS_HEADER_SIZE + taken);
	*class = be16_load(bytes + DNS_HEADER_SIZE + taken + 2);
	*ret_len = taken + QUESTION_TAIL;
	return r < 0 ? r : 0;
}

/* The additional section of a query: one OPT record at most, all else is passed over. */
static int read_edns(const uint8_t *bytes, size_t len, size_t at, unsigned count,
		     struct dns_query *query)
{
	for (unsigned i = 0; i < count; i++) {
		char name[DNS_NAME_MAX + 1];
		struct record_head head;

		if (read_head(bytes, len, &at, name, &head) < 0)
			return DNS_FORMERR;
		if (head.type != DNS_OPT)
			continue;
		if (query->has_edns || name[0] != '\0')
			return DNS_FORMERR;
		query->has_edns = true;
		query->udp_size = (uint16_t)max_of(DNS_UDP_MIN, min_of(head.class, DNS_UDP_MAX));
		if ((head.ttl >> 16 & 0xff) != 0)
			return DNS_BADVERS;
	}
	return 0;
}

int dns_query_parse(const uint8_t *bytes, size_t len, struct dns_query *ret)
{
	struct dns_query query = { .udp_size = DNS_UDP_MIN };
	uint16_t flags, class = 0;
	size_t question_len = 0;
	int r;

	if (len < DNS_HEADER_SIZE || len > DNS_MESSAGE_MAX)
		return -EPROTO;
	flags = be16_load(bytes + FLAGS);
	if ((flags & FLAG_RESPONSE) != 0)
		return -EPROTO;
	query.id = be16_load(bytes + ID);
	query.wants_recursion = (flags & FLAG_RECURSE) != 0;
	*ret = query;
	if ((flags & FLAG_OPCODE) != 0)
		return DNS_NOTIMP;
	if (be16_load(bytes + QUESTIONS) != 1 || be16_load(bytes + ANSWERS) != 0 ||
	    be16_load(bytes + AUTHORITIES) != 0 || be16_load(bytes + ADDITIONALS) > 2)
		return DNS_FORMERR;
	r = read_question(bytes, len, query.name, &query.type, &class, &question_len);
	/* A question's name has nothing before it to point at, so it is whole here. */
	if (r == -EPROTO || question_len > sizeof(query.question))
		return DNS_FORMERR;
	memcpy(query.question, bytes + DNS_HEADER_SIZE, question_len);
	query.question_len = question_len;
	*ret = query;
	if (r < 0 || class != CLASS_IN)
		return DNS_REFUSED;
	r = read_edns(bytes, len, DNS_HEADER_SIZE + question_len, be16_load(bytes + ADDITIONALS),
		      &query);
	*ret = query;
	return r;
}

/* Some numbers, then a name, and nothing after it. */
static int read_named(const uint8_t *bytes, size_t len, const struct record_head *head,
		      size_t numbers, struct dns_record *record)
{
	size_t at = head->data + 2 * numbers;
	int n;

	if (head->data_len < 2 * numbers)
		return -EINVAL;
	for (size_t i = 0; i < numbers; i++)
		record->numbers[i] = be16_load(bytes + head->data + 2 * i);
	n = dns_name_read(bytes, len, at, record->target, NULL);
	return n < 0 || at + (size_t)n != head->data + head->data_len ? -EINVAL : 0;
}

static int read_address(const uint8_t *data, const struct record_head *head,
			enum address_family family, struct dns_record *record)
{
	size_t size = family == ADDRESS_V4 ? 4 : 16;

	if (head->data_len != size)
		return -EINVAL;
	record->address.family = family;
	memcpy(record->address.bytes, data, size);
	return 0;
}

/* The data by its type; -EINVAL: not of a kind that is passed on. */
static int read_data(const uint8_t *bytes, size_t len, const struct record_head *head,
		     struct dns_record *record)
{
	const uint8_t *data = bytes + head->data;

	switch ((enum dns_type)head->type) {
	case DNS_A:
		return read_address(data, head, ADDRESS_V4, record);
	case DNS_AAAA:
		return read_address(data, head, ADDRESS_V6, record);
	case DNS_SRV:
		return read_named(bytes, len, head, 3, record);
	case DNS_MX:
		return read_named(bytes, len, head, 1, record);
	case DNS_CNAME:
	case DNS_NS:
	case DNS_PTR:
		return read_named(bytes, len, head, 0, record);
	case DNS_TXT:
	case DNS_CAA:
		record->data = data;
		record->data_len = head->data_len;
		return head->data_len > 0 ? 0 : -EINVAL;
	case DNS_OPT:
	case DNS_SVCB:
	case DNS_HTTPS:
	case DNS_ANY:
		break;
	}
	return -EINVAL; /* these, and any other number */
}

static int read_records(const uint8_t *bytes, size_t len, size_t at, unsigned count,
			struct dns_answer *answer)
{
	for (unsigned i = 0; i < count && answer->count < DNS_RECORDS_MAX; i++) {
		struct dns_record *record = &answer->record[answer->count];
		struct record_head head;
		int r;

		*record = (struct dns_record){ .type = 0 };
		r = read_head(bytes, len, &at, record->name, &head);
		if (r < 0)
			return answer->is_truncated ? 0 : r;
		if (r == 0 || head.class != CLASS_IN || read_data(bytes, len, &head, record) < 0)
			continue;
		record->type = head.type;
		/* The highest bit makes it zero (RFC 2181 §8). */
		record->ttl = head.ttl > INT32_MAX ? 0 : head.ttl;
		answer->count++;
	}
	return 0;
}

int dns_answer_parse(const uint8_t *bytes, size_t len, uint16_t id, const char *name, uint16_t type,
		     struct dns_answer *ret)
{
	char asked[DNS_NAME_MAX + 1];
	uint16_t flags, asked_type, class;
	size_t question_len;

	if (len < DNS_HEADER_SIZE || len > DNS_MESSAGE_MAX)
		return -EPROTO;
	flags = be16_load(bytes + FLAGS);
	if (be16_load(bytes + ID) != id || (flags & FLAG_RESPONSE) == 0 ||
	    (flags & FLAG_OPCODE) != 0 || be16_load(bytes + QUESTIONS) != 1)
		return -ENOMSG;
	if (read_question(bytes, len, asked, &asked_type, &class, &question_len) < 0)
		return -EPROTO;
	if (strcmp(asked, name) != 0 || asked_type != type || class != CLASS_IN)
		return -ENOMSG;
	ret->rcode = (enum dns_rcode)(flags & FLAG_RCODE);
	ret->is_truncated = (flags & FLAG_TRUNCATED) != 0;
	ret->count = 0;
	return read_records(bytes, len, DNS_HEADER_SIZE + question_len, be16_load(bytes + ANSWERS),
			    ret);
}

/* Where a message is composed; what does not fit makes it full and is not written. */
struct writer {
	uint8_t *to;
	size_t len, max;
	bool is_full;
};

static void put(struct writer *writer, const void *bytes, size_t len)
{
	writer->is_full |= len > writer->max - writer->len;
	if (writer->is_full || len == 0)
		return;
	memcpy(writer->to + writer->len, bytes, len);
	writer->len += len;
}

static void put16(struct writer *writer, unsigned value)
{
	uint8_t raw[2];

	be16_store(raw, (uint16_t)value);
	put(writer, raw, sizeof(raw));
}

static void put32(struct writer *writer, uint32_t value)
{
	uint8_t raw[4];

	be32_store(raw, value);
	put(writer, raw, sizeof(raw));
}

static void put_name(struct writer *writer, const char *name)
{
	uint8_t wire[DNS_WIRE_NAME_MAX];
	int n = dns_name_write(name, wire);

	if (n < 0)
		writer->is_full = true;
	else
		put(writer, wire, (size_t)n);
}

static void put_header(struct writer *writer, uint16_t id, unsigned flags)
{
	uint8_t header[DNS_HEADER_SIZE] = { 0 };

	be16_store(header + ID, id);
	be16_store(header + FLAGS, (uint16_t)flags);
	put(writer, header, sizeof(header));
}

static void put_opt(struct writer *writer, enum dns_rcode rcode)
{
	static const uint8_t root = 0;

	put(writer, &root, 1);
	put16(writer, DNS_OPT);
	put16(writer, DNS_UDP_MAX);
	put32(writer, (uint32_t)(rcode >> 4) << 24);
	put16(writer, 0);
}

static void put_data(struct writer *writer, const struct dns_record *record)
{
	size_t numbers = record->type == DNS_SRV ? 3 : record->type == DNS_MX;

	if (record->type == DNS_A || record->type == DNS_AAAA) {
		put(writer, record->address.bytes, record->type == DNS_A ? 4 : 16);
	} else if (record->type == DNS_TXT || record->type == DNS_CAA) {
		put(writer, record->data, record->data_len);
	} else {
		for (size_t i = 0; i < numbers; i++)
			put16(writer, record->numbers[i]);
		put_name(writer, record->target);
	}
}

static void put_record(struct writer *writer, const struct dns_query *query,
		       const struct dns_record *record)
{
	size_t length_at;

	if (strcmp(record->name, query->name) == 0)
		put16(writer, NAME_OF_QUESTION);
	else
		put_name(writer, record->name);
	put16(writer, record->type);
	put16(writer, CLASS_IN);
	put32(writer, record->ttl);
	length_at = writer->len;
	put16(writer, 0);
	put_data(writer, record);
	if (!writer->is_full)
		be16_store(writer->to + length_at, (uint16_t)(writer->len - length_at - 2));
}

size_t dns_reply_compose(const struct dns_query *query, enum dns_rcode rcode,
			 const struct dns_record *records, size_t count, uint8_t *to, size_t max)
{
	struct writer writer = { .to = to, .max = max };
	unsigned flags = FLAG_RESPONSE | FLAG_RECURSES | (rcode & FLAG_RCODE) |
			 (query->wants_recursion ? FLAG_RECURSE : 0);
	size_t before;

	put_header(&writer, query->id, flags);
	put(&writer, query->question, query->question_len);
	if (writer.is_full)
		return writer.len;
	be16_store(to + QUESTIONS, query->question_len > 0);
	before = writer.len;
	writer.max -= query->has_edns ? min_of(OPT_SIZE, writer.max - writer.len) : 0;
	for (size_t i = 0; i < count; i++)
		put_record(&writer, query, &records[i]);
	if (writer.is_full) {
		be16_store(to + FLAGS, (uint16_t)(flags | FLAG_TRUNCATED));
		writer.len = before;
		count = 0;
	}
	be16_store(to + ANSWERS, (uint16_t)count);
	writer.is_full = false;
	writer.max = max;
	if (query->has_edns && max - writer.len >= OPT_SIZE) {
		put_opt(&writer, rcode);
		be16_store(to + ADDITIONALS, 1);
	}
	return writer.len;
}

size_t dns_query_compose(uint16_t id, const char *name, uint16_t type, uint8_t to[DNS_QUERY_MAX])
{
	struct writer writer = { .to = to, .max = DNS_QUERY_MAX };

	put_header(&writer, id, FLAG_RECURSE);
	be16_store(to + QUESTIONS, 1);
	be16_store(to + ADDITIONALS, 1);
	put_name(&writer, name);
	put16(&writer, type);
	put16(&writer, CLASS_IN);
	put_opt(&writer, DNS_NOERROR);
	return writer.len;
}

const char *dns_type_name(uint16_t type)
{
	static const struct {
		uint16_t type;
		const char *name;
	} names[] = {
		{ DNS_A, "A" },	      { DNS_NS, "NS" },	      { DNS_CNAME, "CNAME" },
		{ DNS_PTR, "PTR" },   { DNS_MX, "MX" },	      { DNS_TXT, "TXT" },
		{ DNS_AAAA, "AAAA" }, { DNS_SRV, "SRV" },     { DNS_SVCB, "SVCB" },
		{ DNS_CAA, "CAA" },   { DNS_HTTPS, "HTTPS" }, { DNS_ANY, "ANY" },
	};

	for (size_t i = 0; i < countof(names); i++) {
		if (names[i].type == type)
			return names[i].name;
	}
	return NULL;
}
