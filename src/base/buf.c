#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_SIZE = 256 };

void buf_init(struct buf *buf, size_t max)
{
	*buf = (struct buf){ .max = max };
}

void buf_finish(struct buf *buf)
{
	if (buf == NULL)
		return;
	free(buf->data);
	*buf = (struct buf){ .max = buf->max };
}

void buf_clear(struct buf *buf)
{
	buf->len = 0;
}

/* Doubles, so that n appends cost O(n); never passes max. */
static size_t grown_size(const struct buf *buf, size_t need)
{
	size_t size = buf->cap > 0 ? buf->cap : BUF_FIRST_SIZE;

	while (size < need && size <= buf->max / 2)
		size *= 2;
	if (size < need || size > buf->max)
		size = buf->max;
	return size;
}

static int make_room(struct buf *buf, size_t len)
{
	size_t size;
	uint8_t *data;

	if (len > buf->max - buf->len)
		return -ENOBUFS;
	if (len <= buf->cap - buf->len)
		return 0;
	size = grown_size(buf, buf->len + len);
	data = realloc(buf->data, size);
	if (data == NULL)
		return -ENOMEM;
	buf->data = data;
	buf->cap = size;
	return 0;
}

void *buf_reserve(struct buf *buf, size_t len)
{
	if (make_room(buf, len) < 0)
		return NULL;
	return buf->data + buf->len;
}

int buf_append(struct buf *buf, const void *bytes, size_t len)
{
	int r;

	if (len == 0)
		return 0;
	r = make_room(buf, len);
	if (r < 0)
		return r;
	memcpy(buf->data + buf->len, bytes, len);
	buf->len += len;
	return 0;
}

int buf_printf(struct buf *buf, const char *format, ...)
{
	va_list args;
	int len, r;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		return -EINVAL;
	r = make_room(buf, (size_t)len + 1);
	if (r < 0)
		return r;
	va_start(args, format);
	(void)vsnprintf((char *)buf->data + buf->len, (size_t)len + 1, format, args);
	va_end(args);
	buf->len += (size_t)len;
	return 0;
}

void buf_consume(struct buf *buf, size_t len)
{
	assert(len <= buf->len);
	if (len > 0)
		memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

const char *buf_str(struct buf *buf)
{
	if (make_room(buf, 1) < 0)
		return NULL;
	buf->data[buf->len] = '\0';
	return (const char *)buf->data;
}
