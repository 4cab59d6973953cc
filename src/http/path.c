#include "http/path.h"

#include <errno.h>
#include <string.h>

#include "http/token.h"

/* unreserved, sub-delims but ';', ':' and '@' (RFC 3986 §3.3) */
static bool is_segment_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~!$&'()*+,=:@", c) != NULL);
}

/*
 * Bytes that some server would take for a separator or an end. 0xc0 and 0xc1
 * begin overlong UTF-8 only, and beyond 0xf4 is none.
 */
static bool is_ambiguous(uint8_t c)
{
	return c < ' ' || c == 0x7f || c == '/' || c == '\\' || c == ';' || c == 0xc0 ||
	       c == 0xc1 || c > 0xf4;
}

/* 0xe0 and 0xf0 followed by so small a byte are overlong too. */
static bool is_overlong(uint8_t first, uint8_t second)
{
	return (first == 0xe0 && second >= 0x80 && second < 0xa0) ||
	       (first == 0xf0 && second >= 0x80 && second < 0x90);
}

/* One character of a segment, decoded; moves *at on. */
static int next_char(const char **at, const char *end, uint8_t *ret)
{
	int high, low;

	if (**at != '%') {
		*ret = (uint8_t) * (*at)++;
		return *ret > '~' || is_ambiguous(*ret) || *ret == ' ' || *ret == '#' ? -EINVAL : 0;
	}
	if (end - *at < 3)
		return -EINVAL;
	high = http_hex_digit((*at)[1]);
	low = http_hex_digit((*at)[2]);
	if (high < 0 || low < 0)
		return -EINVAL;
	*at += 3;
	*ret = (uint8_t)(high << 4 | low);
	return is_ambiguous(*ret) ? -EINVAL : 0;
}

/* "%25" and two hexadecimal digits: whoever decodes twice sees another path. */
static bool is_double_escape(const uint8_t *bytes, size_t len)
{
	return len >= 5 && memcmp(bytes + len - 5, "%25", 3) == 0 &&
	       http_hex_digit((char)bytes[len - 2]) >= 0 &&
	       http_hex_digit((char)bytes[len - 1]) >= 0;
}

static int append_segment(const char *at, const char *end, struct buf *out)
{
	size_t start = out->len;
	uint8_t c, last = 0;

	while (at < end) {
		int r = next_char(&at, end, &c);

		if (r == 0 && is_overlong(last, c))
			r = -EINVAL;
		if (r == 0)
			r = is_segment_char(c) ? buf_append(out, &c, 1)
					       : buf_printf(out, "%%%02X", c);
		if (r < 0)
			return r;
		if (is_double_escape(out->data + start, out->len - start))
			return -EINVAL;
		last = c;
	}
	return 0;
}

/* Drops the last segment, whose slash is at or after root. */
static int step_up(struct buf *out, size_t root)
{
	if (out->len == root)
		return -EINVAL;
	while (out->data[--out->len] != '/')
		;
	return 0;
}

/* Settles what the segment that begins (with its slash) at start means. */
static int settle(struct buf *out, size_t root, size_t start)
{
	const uint8_t *segment = out->data + start + 1;
	size_t len = out->len - start - 1;

	if (len == 0 || (len == 1 && segment[0] == '.')) {
		out->len = start;
		return 0;
	}
	if (len == 2 && segment[0] == '.' && segment[1] == '.') {
		out->len = start;
		return step_up(out, root);
	}
	return 0;
}

static int append_path(const char *target, const char *end, struct buf *out)
{
	size_t root = out->len;

	while (target < end) {
		const char *segment = target + 1;
		const char *slash = memchr(segment, '/', (size_t)(end - segment));
		size_t start = out->len;
		int r = buf_append(out, "/", 1);

		target = slash != NULL ? slash : end;
		if (r == 0)
			r = append_segment(segment, target, out);
		if (r == 0)
			r = settle(out, root, start);
		if (r < 0)
			return r;
	}
	return out->len > root ? 0 : buf_append(out, "/", 1);
}

int http_path_canonical(const char *target, struct buf *ret)
{
	size_t root = ret->len;
	int r;

	if (target[0] != '/')
		return -EINVAL;
	r = append_path(target, target + strcspn(target, "?"), ret);
	if (r < 0)
		ret->len = root;
	return r;
}
