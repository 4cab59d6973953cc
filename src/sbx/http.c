#include "sbx/http.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"

enum { LINE_MAX_BYTES = 4096 };

/* A line without its CRLF, in bytes that somebody else owns. */
struct line {
	const char *text;
	size_t len;
};

/*
 * Takes the next line off *bytes; 1, 0 when it is not complete, -EPROTO. A line
 * holds no control character but tab: no bare CR or LF, no NUL.
 */
static int line_next(const uint8_t **bytes, size_t *len, struct line *ret)
{
	const uint8_t *start = *bytes;
	size_t n = 0;

	while (n < *len && start[n] != '\r') {
		if ((start[n] < 0x20 && start[n] != '\t') || start[n] == 0x7f)
			return -EPROTO;
		n++;
	}
	if (n > LINE_MAX_BYTES)
		return -EPROTO;
	if (*len - n < 2)
		return 0;
	if (start[n + 1] != '\n')
		return -EPROTO;
	*ret = (struct line){ .text = (const char *)start, .len = n };
	*bytes += n + 2;
	*len -= n + 2;
	return 1;
}

/* "HTTP/1.1 200 OK"; the reason may be empty. */
static int parse_status(const struct line *line, int *ret)
{
	static const char version[] = "HTTP/1.1 ";
	const char *digits = line->text + sizeof(version) - 1;
	int status = 0;

	if (line->len < sizeof(version) - 1 + 3 ||
	    memcmp(line->text, version, sizeof(version) - 1) != 0)
		return -EPROTO;
	for (int i = 0; i < 3; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return -EPROTO;
		status = status * 10 + (digits[i] - '0');
	}
	if (status < 100 || (line->len > sizeof(version) - 1 + 3 && digits[3] != ' '))
		return -EPROTO;
	*ret = status;
	return 0;
}

static bool is_digit_of(char c, unsigned base, unsigned *ret)
{
	if (c >= '0' && c <= '9')
		*ret = (unsigned)(c - '0');
	else if (base == 16 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		*ret = (unsigned)((c | 0x20) - 'a') + 10;
	else
		return false;
	return true;
}

static int parse_number(const struct line *text, unsigned base, uint64_t *ret)
{
	uint64_t value = 0;

	if (text->len == 0)
		return -EPROTO;
	for (size_t i = 0; i < text->len; i++) {
		unsigned digit;

		if (!is_digit_of(text->text[i], base, &digit) || u64_mul(value, base, &value) < 0 ||
		    u64_add(value, digit, &value) < 0)
			return -EPROTO;
	}
	*ret = value;
	return 0;
}

static bool is_called(const struct line *name, const char *wanted)
{
	return name->len == strlen(wanted) && strncasecmp(name->text, wanted, name->len) == 0;
}

static int parse_field(const struct line *line, struct http_head *head)
{
	const char *colon = memchr(line->text, ':', line->len);
	struct line name, value;

	if (colon == NULL || colon == line->text)
		return -EPROTO;
	name = (struct line){ .text = line->text, .len = (size_t)(colon - line->text) };
	value = (struct line){ .text = colon + 1, .len = line->len - name.len - 1 };
	if (memchr(name.text, ' ', name.len) != NULL || memchr(name.text, '\t', name.len) != NULL)
		return -EPROTO;
	while (value.len > 0 && (*value.text == ' ' || *value.text == '\t'))
		value.text++, value.len--;
	while (value.len > 0 &&
	       (value.text[value.len - 1] == ' ' || value.text[value.len - 1] == '\t'))
		value.len--;
	if (is_called(&name, "content-length")) {
		if (head->has_length)
			return -EPROTO;
		head->has_length = true;
		return parse_number(&value, 10, &head->length);
	}
	if (is_called(&name, "transfer-encoding")) {
		if (head->chunked || !is_called(&value, "chunked"))
			return -EPROTO;
		head->chunked = true;
	}
	return 0;
}

static int parse_fields(const uint8_t **bytes, size_t *len, struct http_head *head)
{
	for (;;) {
		struct line line;
		int r = line_next(bytes, len, &line);

		if (r <= 0)
			return r;
		if (line.len == 0)
			return 1;
		r = parse_field(&line, head);
		if (r < 0)
			return r;
	}
}

int http_head_parse(const uint8_t *bytes, size_t len, struct http_head *ret)
{
	const uint8_t *cursor = bytes;
	size_t left = min_of(len, (size_t)HTTP_HEAD_MAX);
	struct http_head head = { .status = 0 };
	struct line line;
	int r;

	r = line_next(&cursor, &left, &line);
	if (r > 0)
		r = parse_status(&line, &head.status) < 0 ? -EPROTO : 1;
	if (r > 0)
		r = parse_fields(&cursor, &left, &head);
	if (r == 0 && len >= HTTP_HEAD_MAX)
		return -EPROTO;
	if (r <= 0)
		return r;
	if (head.chunked && head.has_length)
		return -EPROTO;
	*ret = head;
	return (int)(cursor - bytes);
}

void http_body_init(struct http_body *body, const struct http_head *head)
{
	*body = (struct http_body){ .state = HTTP_BODY_UNTIL_END };
	if (head->status < 200 || head->status == 204 || head->status == 304) {
		body->state = HTTP_BODY_DONE;
	} else if (head->chunked) {
		body->state = HTTP_BODY_CHUNK_SIZE;
	} else if (head->has_length) {
		body->state = head->length > 0 ? HTTP_BODY_PLAIN : HTTP_BODY_DONE;
		body->left = head->length;
	}
}

/* Passes bytes on, `left` at most; goes to `next` after the last. */
static ssize_t take_bytes(struct http_body *body, const uint8_t *bytes, size_t len, struct buf *to,
			  enum http_body_state next)
{
	size_t n = (size_t)min_of((uint64_t)len, body->left);
	int r = buf_append(to, bytes, n);

	if (r < 0)
		return r;
	body->left -= n;
	if (body->left == 0)
		body->state = next;
	return (ssize_t)n;
}

static int take_size_line(struct http_body *body, struct line *line)
{
	const char *extension = memchr(line->text, ';', line->len);

	if (extension != NULL)
		line->len = (size_t)(extension - line->text);
	if (parse_number(line, 16, &body->left) < 0)
		return -EPROTO;
	body->state = body->left > 0 ? HTTP_BODY_CHUNK : HTTP_BODY_TRAILER;
	return 0;
}

static ssize_t take_line(struct http_body *body, const uint8_t *bytes, size_t len)
{
	const uint8_t *cursor = bytes;
	struct line line;
	int r = line_next(&cursor, &len, &line);

	if (r <= 0)
		return r;
	if (body->state == HTTP_BODY_CHUNK_SIZE) {
		r = take_size_line(body, &line);
	} else if (body->state == HTTP_BODY_CHUNK_END) {
		r = line.len == 0 ? 0 : -EPROTO;
		body->state = HTTP_BODY_CHUNK_SIZE;
	} else if (line.len == 0) {
		body->state = HTTP_BODY_DONE;
		r = 0;
	}
	return r < 0 ? r : cursor - bytes;
}

/* One piece; 0 when nothing can be taken. */
static ssize_t take(struct http_body *body, const uint8_t *bytes, size_t len, struct buf *to)
{
	int r;

	switch (body->state) {
	case HTTP_BODY_PLAIN:
		return take_bytes(body, bytes, len, to, HTTP_BODY_DONE);
	case HTTP_BODY_CHUNK:
		return take_bytes(body, bytes, len, to, HTTP_BODY_CHUNK_END);
	case HTTP_BODY_UNTIL_END:
		r = buf_append(to, bytes, len);
		return r < 0 ? r : (ssize_t)len;
	case HTTP_BODY_CHUNK_SIZE:
	case HTTP_BODY_CHUNK_END:
	case HTTP_BODY_TRAILER:
		return take_line(body, bytes, len);
	case HTTP_BODY_DONE:
		return 0;
	}
	return -EPROTO;
}

ssize_t http_body_feed(struct http_body *body, const uint8_t *bytes, size_t len, struct buf *to)
{
	size_t taken = 0;

	while (taken < len) {
		ssize_t n = take(body, bytes + taken, len - taken, to);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		taken += (size_t)n;
	}
	return (ssize_t)taken;
}

int http_body_end(struct http_body *body)
{
	if (body->state == HTTP_BODY_UNTIL_END)
		body->state = HTTP_BODY_DONE;
	return body->state == HTTP_BODY_DONE ? 0 : -EPROTO;
}
