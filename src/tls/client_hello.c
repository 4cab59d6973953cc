/*
 * Two passes: the records are walked until the handshake message is whole, then
 * its bytes are gathered and read once. The walk is bounded by
 * CLIENT_HELLO_RECORDS_MAX, so that a client that sends byte by byte costs little
 * each time.
 */
#include "tls/client_hello.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/cleanup.h"

enum {
	RECORD_HEADER = 5,
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 16384,
	MESSAGE_HEADER = 4,
	MESSAGE_CLIENT_HELLO = 1,
	RANDOM_SIZE = 32,
	SESSION_MAX = 32,
	EXTENSIONS_MAX = 128,
	VERSION_TLS12 = 0x0303,
	VERSION_TLS13 = 0x0304,
};

enum extension {
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
	EXTENSION_SUPPORTED_VERSIONS = 43,
	EXTENSION_ECH = 0xfe0d,
};

/* What is left to read. */
struct span {
	const uint8_t *bytes;
	size_t len;
};

static int take(struct span *from, size_t len, struct span *ret)
{
	if (len > from->len)
		return -EPROTO;
	*ret = (struct span){ from->bytes, len };
	from->bytes += len;
	from->len -= len;
	return 0;
}

static int take_number(struct span *from, size_t size, size_t *ret)
{
	struct span raw;
	size_t number = 0;

	if (take(from, size, &raw) < 0)
		return -EPROTO;
	for (size_t i = 0; i < size; i++)
		number = number << 8 | raw.bytes[i];
	*ret = number;
	return 0;
}

/* A vector with a length of `size` bytes in front (RFC 8446 §3.4). */
static int take_vector(struct span *from, size_t size, struct span *ret)
{
	size_t len;

	return take_number(from, size, &len) < 0 ? -EPROTO : take(from, len, ret);
}

static bool is_name_byte(uint8_t byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '-' ||
	       byte == '_';
}

/* Labels of 1 to 63 letters, digits, '-' and '_'; made lower case; no final dot. */
static int copy_name(const struct span *from, char *to)
{
	size_t label = 0;

	if (from->len == 0 || from->len > CLIENT_HELLO_NAME_MAX)
		return -EPROTO;
	for (size_t i = 0; i < from->len; i++) {
		uint8_t byte = from->bytes[i];

		if (byte >= 'A' && byte <= 'Z')
			byte = (uint8_t)(byte - 'A' + 'a');
		if (byte == '.' ? label == 0 : !is_name_byte(byte) || label == 63)
			return -EPROTO;
		label = byte == '.' ? 0 : label + 1;
		to[i] = (char)byte;
	}
	to[from->len] = '\0';
	return label > 0 ? 0 : -EPROTO;
}

/* RFC 6066 §3: a list that can hold one host_name, and here nothing else. */
static int read_server_name(struct span value, struct client_hello *to)
{
	struct span list, name;
	size_t type;

	if (take_vector(&value, 2, &list) < 0 || value.len > 0 ||
	    take_number(&list, 1, &type) < 0 || type != 0 || take_vector(&list, 2, &name) < 0 ||
	    list.len > 0)
		return -EPROTO;
	return copy_name(&name, to->name);
}

static bool span_is(const struct span *span, const char *text)
{
	return span->len == strlen(text) && memcmp(span->bytes, text, span->len) == 0;
}

static int read_alpn(struct span value, struct client_hello *to)
{
	struct span list, protocol;

	if (take_vector(&value, 2, &list) < 0 || value.len > 0 || list.len == 0)
		return -EPROTO;
	to->has_alpn = true;
	while (list.len > 0) {
		if (take_vector(&list, 1, &protocol) < 0 || protocol.len == 0)
			return -EPROTO;
		if (span_is(&protocol, "h2"))
			to->alpn |= ALPN_H2;
		if (span_is(&protocol, "http/1.1"))
			to->alpn |= ALPN_HTTP1;
	}
	return 0;
}

/* It replaces the version in the hello (RFC 8446 §4.2.1). */
static int read_versions(struct span value, struct client_hello *to)
{
	struct span list;
	size_t version;

	if (take_vector(&value, 1, &list) < 0 || value.len > 0 || list.len == 0)
		return -EPROTO;
	to->speaks_tls12 = false;
	while (list.len > 0) {
		if (take_number(&list, 2, &version) < 0)
			return -EPROTO;
		if (version == VERSION_TLS12 || version == VERSION_TLS13)
			to->speaks_tls12 = true;
	}
	return 0;
}

static int read_extension(size_t type, struct span value, struct client_hello *to)
{
	switch (type) {
	case EXTENSION_SERVER_NAME:
		return read_server_name(value, to);
	case EXTENSION_ALPN:
		return read_alpn(value, to);
	case EXTENSION_SUPPORTED_VERSIONS:
		return read_versions(value, to);
	case EXTENSION_ECH:
		to->has_ech = true;
		return 0;
	default: /* GREASE, and all that says nothing of the destination */
		return 0;
	}
}

static int read_extensions(struct span list, struct client_hello *to)
{
	uint16_t seen[EXTENSIONS_MAX];
	size_t count = 0;

	while (list.len > 0) {
		struct span value;
		size_t type;

		if (count == EXTENSIONS_MAX || take_number(&list, 2, &type) < 0 ||
		    take_vector(&list, 2, &value) < 0)
			return -EPROTO;
		for (size_t i = 0; i < count; i++)
			if (seen[i] == type)
				return -EPROTO;
		seen[count++] = (uint16_t)type;
		if (read_extension(type, value, to) < 0)
			return -EPROTO;
	}
	return 0;
}

static int read_message(struct span message, struct client_hello *ret)
{
	struct client_hello hello = { .name = "" };
	struct span skipped, ciphers, extensions;
	size_t version;

	if (take_number(&message, 2, &version) < 0 || version >> 8 != 3 ||
	    take(&message, RANDOM_SIZE, &skipped) < 0 || take_vector(&message, 1, &skipped) < 0 ||
	    skipped.len > SESSION_MAX || take_vector(&message, 2, &ciphers) < 0 ||
	    ciphers.len < 2 || ciphers.len % 2 != 0 || take_vector(&message, 1, &skipped) < 0 ||
	    skipped.len == 0)
		return -EPROTO;
	hello.speaks_tls12 = version >= VERSION_TLS12;
	if (message.len > 0 && (take_vector(&message, 2, &extensions) < 0 || message.len > 0 ||
				read_extensions(extensions, &hello) < 0))
		return -EPROTO;
	*ret = hello;
	return 0;
}

/* The payload of the next record; 0 when it is not all there. */
static int next_record(struct span *from, struct span *ret)
{
	struct span record = *from;
	size_t len;

	if (!client_hello_may_begin(from->bytes, from->len) && from->len > 0)
		return -EPROTO;
	if (from->len < RECORD_HEADER)
		return 0;
	len = be16_load(from->bytes + 3);
	if (len == 0 || len > RECORD_MAX)
		return -EPROTO;
	record.bytes += RECORD_HEADER;
	record.len -= RECORD_HEADER;
	/* What is there of a record counts: a wrong message is seen early. */
	*ret = (struct span){ record.bytes, record.len < len ? record.len : len };
	if (record.len < len) {
		from->len = 0;
		return 1;
	}
	(void)take(&record, len, ret);
	*from = record;
	return 1;
}

/* Type and length of the message, as soon as its first four bytes are there. */
static int check_start(const uint8_t *message, size_t len, size_t *ret_whole)
{
	if (len > 0 && message[0] != MESSAGE_CLIENT_HELLO)
		return -EPROTO;
	if (len < MESSAGE_HEADER)
		return 0;
	*ret_whole = MESSAGE_HEADER + (be32_load(message) & 0xffffff);
	return *ret_whole > CLIENT_HELLO_MAX ? -EPROTO : 1;
}

/* Counts, or with `to` copies, the handshake bytes; stops at `limit`. */
static int gather(struct span from, uint8_t *to, size_t limit, size_t *ret_len)
{
	size_t len = 0;
	unsigned records = 0;
	struct span part;
	int r = 0;

	while (len < limit && (r = next_record(&from, &part)) > 0) {
		if (++records > CLIENT_HELLO_RECORDS_MAX)
			return -EPROTO;
		if (part.len > limit - len)
			part.len = limit - len;
		if (to != NULL)
			memcpy(to + len, part.bytes, part.len);
		len += part.len;
	}
	*ret_len = len;
	return r < 0 ? r : 0;
}

int client_hello_parse(const uint8_t *bytes, size_t len, struct client_hello *ret)
{
	const struct span input = { bytes, len };
	uint8_t start[MESSAGE_HEADER];
	autofree uint8_t *message = NULL;
	size_t have, whole = 0;
	int r = gather(input, start, sizeof(start), &have);

	if (r == 0)
		r = check_start(start, have, &whole);
	if (r <= 0)
		return r;
	r = gather(input, NULL, whole, &have);
	if (r < 0 || have < whole)
		return r;
	message = malloc(whole);
	if (message == NULL)
		return -ENOMEM;
	(void)gather(input, message, whole, &have);
	r = read_message((struct span){ message + MESSAGE_HEADER, whole - MESSAGE_HEADER }, ret);
	return r < 0 ? r : 1;
}

bool client_hello_may_begin(const uint8_t *bytes, size_t len)
{
	return len > 0 && bytes[0] == RECORD_HANDSHAKE && (len < 2 || bytes[1] == 3);
}
