#include "http/http1_section.h"

#include <errno.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "http/token.h"

enum { FIELD_NAME_MAX = 256 };

void http1_section_init(struct http1_section *section, size_t max)
{
	*section = (struct http1_section){ .line_start = 0 };
	buf_init(&section->bytes, max);
}

void http1_section_finish(struct http1_section *section)
{
	if (section != NULL)
		buf_finish(&section->bytes);
}

void http1_section_clear(struct http1_section *section)
{
	buf_finish(&section->bytes);
	section->line_start = 0;
	section->is_complete = false;
}

/* The line that just got its LF: CRLF at its end and nowhere else. */
static int end_line(struct http1_section *section)
{
	const uint8_t *line = section->bytes.data + section->line_start;
	size_t len = section->bytes.len - section->line_start;

	if (len < 2 || line[len - 2] != '\r' || memchr(line, '\r', len - 2) != NULL ||
	    memchr(line, '\0', len) != NULL)
		return -EPROTO;
	section->is_complete = len == 2;
	section->line_start = section->bytes.len;
	return 0;
}

ssize_t http1_section_feed(struct http1_section *section, const uint8_t *bytes, size_t len)
{
	size_t taken = 0;

	while (taken < len && !section->is_complete) {
		const uint8_t *lf = memchr(bytes + taken, '\n', len - taken);
		size_t step = lf != NULL ? (size_t)(lf + 1 - bytes) - taken : len - taken;
		int r = buf_append(&section->bytes, bytes + taken, step);

		if (r == 0 && lf != NULL)
			r = end_line(section);
		if (r < 0)
			return r == -ENOBUFS ? -EMSGSIZE : r;
		taken += step;
	}
	return (ssize_t)taken;
}

bool http1_section_line(const struct http1_section *section, size_t *offset, const char **ret_line,
			size_t *ret_len)
{
	const char *line = (const char *)section->bytes.data + *offset;
	const char *end = memchr(line, '\r', section->bytes.len - *offset);
	size_t len = (size_t)(end - line);

	if (len == 0)
		return false;
	*offset += len + 2;
	*ret_line = line;
	*ret_len = len;
	return true;
}

/* A folded line has a blank where its name should be: no token (RFC 9112 §5.2). */
static int add_line(struct http_fields *fields, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len), *value;
	char name[FIELD_NAME_MAX];
	size_t name_len;
	int r;

	if (colon == NULL || colon - line >= FIELD_NAME_MAX)
		return -EPROTO;
	name_len = (size_t)(colon - line);
	memcpy(name, line, name_len);
	name[name_len] = '\0';
	value = colon + 1;
	len -= name_len + 1;
	while (len > 0 && (value[0] == ' ' || value[0] == '\t'))
		value++, len--;
	while (len > 0 && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;
	r = http_fields_add(fields, name, value, len);
	return r == -EINVAL ? -EPROTO : r;
}

int http1_section_fields(const struct http1_section *section, size_t offset,
			 struct http_fields *ret)
{
	autocall(http_fields_finish) struct http_fields fields;
	const char *line;
	size_t len;

	http_fields_init(&fields);
	while (http1_section_line(section, &offset, &line, &len)) {
		int r = add_line(&fields, line, len);

		if (r < 0)
			return r;
	}
	*ret = fields;
	http_fields_init(&fields);
	return 0;
}
