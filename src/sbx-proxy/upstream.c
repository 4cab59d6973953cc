#include "sbx-proxy/upstream.h"

#include <errno.h>
#include <string.h>

#include "base/address.h"
#include "base/check.h"
#include "base/err.h"

enum {
	HEAD_MAX = 16384, /* bytes of a proxy's answer to CONNECT */
	NAME_MAX_SOCKS = 255,
	SOCKS_VERSION = 5,
	SOCKS_LOGIN_VERSION = 1,
	SOCKS_NO_LOGIN = 0,
	SOCKS_PASSWORD = 2,
	SOCKS_CONNECT = 1,
	SOCKS_V4 = 1,
	SOCKS_NAME = 3,
	SOCKS_V6 = 4,
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A part of a URL, its percent escapes decoded; no control bytes, no NUL. */
static int decode_part(const char *from, size_t len, char to[UPSTREAM_LOGIN_MAX + 1])
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)from[i];

		if (c == '%') {
			if (len - i < 3 || hex_digit(from[i + 1]) < 0 || hex_digit(from[i + 2]) < 0)
				return -EINVAL;
			c = hex_digit(from[i + 1]) * 16 + hex_digit(from[i + 2]);
			i += 2;
		}
		if (c < ' ' || c == 0x7f || used == UPSTREAM_LOGIN_MAX)
			return -EINVAL;
		to[used++] = (char)c;
	}
	to[used] = '\0';
	return 0;
}

static int parse_login(const char *from, size_t len, struct upstream *to)
{
	const char *colon = memchr(from, ':', len);
	size_t user = colon == NULL ? len : (size_t)(colon - from);

	to->has_login = true;
	if (decode_part(from, user, to->user) < 0)
		return -EINVAL;
	return colon == NULL ? 0 : decode_part(colon + 1, len - user - 1, to->password);
}

int upstream_parse(const char *url, struct upstream *ret)
{
	static const struct {
		const char *scheme;
		enum upstream_kind kind;
	} schemes[] = {
		{ "http://", UPSTREAM_HTTP },
		{ "socks5://", UPSTREAM_SOCKS5 },
		{ "socks5h://", UPSTREAM_SOCKS5 },
	};

	for (size_t i = 0; i < countof(schemes); i++) {
		struct upstream upstream = { .kind = schemes[i].kind };
		size_t skip = strlen(schemes[i].scheme), len;
		const char *at;

		if (strncmp(url, schemes[i].scheme, skip) != 0)
			continue;
		len = strcspn(url + skip, "/?#");
		at = memrchr(url + skip, '@', len);
		if (at != NULL && parse_login(url + skip, (size_t)(at - url) - skip, &upstream) < 0)
			return -EINVAL;
		*ret = upstream;
		return 0;
	}
	return -EINVAL;
}

void upstream_finish(struct upstream *upstream)
{
	explicit_bzero(upstream, sizeof(*upstream));
}

static void put_base64(struct buf *out, const uint8_t *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t part = len - i < 3 ? len - i : 3;
		uint32_t word = (uint32_t)bytes[i] << 16;

		if (part > 1)
			word |= (uint32_t)bytes[i + 1] << 8;
		if (part > 2)
			word |= bytes[i + 2];
		(void)buf_printf(out, "%c%c%c%c", digits[word >> 18], digits[word >> 12 & 63],
				 part > 1 ? digits[word >> 6 & 63] : '=',
				 part > 2 ? digits[word & 63] : '=');
	}
}

static int ask_http(const struct upstream_talk *talk, struct buf *out)
{
	const char *open = strchr(talk->host, ':') != NULL ? "[" : "";
	const char *close = open[0] != '\0' ? "]" : "";
	char login[2 * UPSTREAM_LOGIN_MAX + 2];
	int r = buf_printf(out, "CONNECT %s%s%s:%u HTTP/1.1\r\nHost: %s%s%s:%u\r\n", open,
			   talk->host, close, talk->port, open, talk->host, close, talk->port);

	if (r == 0 && talk->upstream->has_login) {
		size_t user = strlen(talk->upstream->user);
		size_t password = strlen(talk->upstream->password);

		memcpy(login, talk->upstream->user, user);
		login[user] = ':';
		memcpy(login + user + 1, talk->upstream->password, password);
		r = buf_printf(out, "Proxy-Authorization: Basic ");
		put_base64(out, (const uint8_t *)login, user + 1 + password);
		explicit_bzero(login, sizeof(login));
		if (r == 0)
			r = buf_printf(out, "\r\n");
	}
	return r == 0 ? buf_printf(out, "\r\n") : r;
}

static int greet_socks(const struct upstream_talk *talk, struct buf *out)
{
	static const uint8_t plain[] = { SOCKS_VERSION, 1, SOCKS_NO_LOGIN };
	static const uint8_t login[] = { SOCKS_VERSION, 2, SOCKS_NO_LOGIN, SOCKS_PASSWORD };

	return talk->upstream->has_login ? buf_append(out, login, sizeof(login))
					 : buf_append(out, plain, sizeof(plain));
}

int upstream_begin(struct upstream_talk *talk, const struct upstream *upstream, const char *host,
		   uint16_t port, struct buf *out)
{
	*talk = (struct upstream_talk){ .upstream = upstream, .host = host, .port = port };
	if (strlen(host) > NAME_MAX_SOCKS)
		return -EINVAL;
	if (upstream->kind == UPSTREAM_HTTP) {
		talk->state = UPSTREAM_ASKED;
		return ask_http(talk, out);
	}
	talk->state = UPSTREAM_GREETED;
	return greet_socks(talk, out);
}

static bool is_status(const uint8_t *digits)
{
	for (int i = 0; i < 3; i++)
		if (digits[i] < '0' || digits[i] > '9')
			return false;
	return true;
}

/* "HTTP/1.1 200 …", then fields to an empty line; we want no more of it than the number. */
static int hear_http(struct upstream_talk *talk, const uint8_t *bytes, size_t len,
		     size_t *ret_taken, struct err *err)
{
	const uint8_t *end = memmem(bytes, len, "\r\n\r\n", 4);

	if (end == NULL)
		return len < HEAD_MAX ? 0
				      : err_set(err, -EPROTO, "the upstream proxy talks nonsense");
	if (end - bytes < 12 || memcmp(bytes, "HTTP/1.", 7) != 0 || bytes[8] != ' ' ||
	    !is_status(bytes + 9))
		return err_set(err, -EPROTO, "the upstream proxy does not speak HTTP");
	if (bytes[9] != '2')
		return err_set(err, -ECONNREFUSED,
			       "the upstream proxy refuses to connect to %s:%u: it answers %.3s",
			       talk->host, talk->port, (const char *)bytes + 9);
	*ret_taken = (size_t)(end - bytes) + 4;
	talk->state = UPSTREAM_OPEN;
	return 1;
}

static int send_login(const struct upstream *upstream, struct buf *out)
{
	uint8_t user = (uint8_t)strlen(upstream->user);
	uint8_t password = (uint8_t)strlen(upstream->password);
	const uint8_t head[] = { SOCKS_LOGIN_VERSION, user };
	int r = buf_append(out, head, sizeof(head));

	if (r == 0)
		r = buf_append(out, upstream->user, user);
	if (r == 0)
		r = buf_append(out, &password, 1);
	return r == 0 ? buf_append(out, upstream->password, password) : r;
}

static int ask_socks(struct upstream_talk *talk, struct buf *out)
{
	const uint8_t port[] = { (uint8_t)(talk->port >> 8), (uint8_t)talk->port };
	uint8_t head[5] = { SOCKS_VERSION, SOCKS_CONNECT, 0, SOCKS_NAME };
	size_t head_len = 5, len = strlen(talk->host);
	const void *host = talk->host;
	struct address address;
	int r;

	head[4] = (uint8_t)len;
	if (address_parse(talk->host, &address) == 0) {
		head[3] = address.family == ADDRESS_V4 ? SOCKS_V4 : SOCKS_V6;
		head_len = 4;
		host = address.bytes;
		len = address.family == ADDRESS_V4 ? 4 : 16;
	}
	talk->state = UPSTREAM_ASKED;
	r = buf_append(out, head, head_len);
	if (r == 0)
		r = buf_append(out, host, len);
	return r == 0 ? buf_append(out, port, sizeof(port)) : r;
}

/* The answer to the greeting: which login the proxy wants. */
static int hear_method(struct upstream_talk *talk, const uint8_t *bytes, struct buf *out,
		       struct err *err)
{
	if (bytes[0] != SOCKS_VERSION)
		return err_set(err, -EPROTO, "the upstream proxy does not speak SOCKS5");
	if (bytes[1] == SOCKS_PASSWORD && talk->upstream->has_login) {
		talk->state = UPSTREAM_LOGGING_IN;
		return send_login(talk->upstream, out);
	}
	if (bytes[1] != SOCKS_NO_LOGIN)
		return err_set(err, -ECONNREFUSED, "the upstream proxy wants another login");
	return ask_socks(talk, out);
}

/* RFC 1928 §6: the reply ends in an address whose length depends on its kind. */
static int hear_reply(struct upstream_talk *talk, const uint8_t *bytes, size_t len,
		      size_t *ret_taken, struct err *err)
{
	size_t whole;

	if (len < 5)
		return 0;
	if (bytes[0] != SOCKS_VERSION)
		return err_set(err, -EPROTO, "the upstream proxy does not speak SOCKS5");
	if (bytes[1] != 0)
		return err_set(err, -ECONNREFUSED,
			       "the upstream proxy cannot connect to %s:%u (SOCKS5 error %u)",
			       talk->host, talk->port, bytes[1]);
	switch (bytes[3]) {
	case SOCKS_V4:
		whole = 4 + 4 + 2;
		break;
	case SOCKS_NAME:
		whole = 5 + (size_t)bytes[4] + 2;
		break;
	case SOCKS_V6:
		whole = 4 + 16 + 2;
		break;
	default: /* a byte of the proxy's */
		return err_set(err, -EPROTO, "the upstream proxy talks nonsense");
	}
	if (len < whole)
		return 0;
	*ret_taken = whole;
	talk->state = UPSTREAM_OPEN;
	return 1;
}

static int hear_socks(struct upstream_talk *talk, const uint8_t *bytes, size_t len,
		      size_t *ret_taken, struct buf *out, struct err *err)
{
	int r;

	if (talk->state == UPSTREAM_ASKED)
		return hear_reply(talk, bytes, len, ret_taken, err);
	if (len < 2)
		return 0;
	*ret_taken = 2;
	if (talk->state == UPSTREAM_GREETED)
		r = hear_method(talk, bytes, out, err);
	else if (bytes[1] != 0)
		r = err_set(err, -ECONNREFUSED, "the upstream proxy does not accept the login");
	else
		r = ask_socks(talk, out);
	return r;
}

int upstream_hear(struct upstream_talk *talk, const uint8_t *bytes, size_t len, size_t *ret_taken,
		  struct buf *out, struct err *err)
{
	*ret_taken = 0;
	if (talk->upstream->kind == UPSTREAM_HTTP)
		return hear_http(talk, bytes, len, ret_taken, err);
	return hear_socks(talk, bytes, len, ret_taken, out, err);
}
