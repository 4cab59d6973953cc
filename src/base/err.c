#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A sentence before it is made to fit: two paths and words around them. */
enum { WHOLE_MAX = 2 * 4096 + ERR_TEXT_MAX };

/* The first byte at or before `at` that begins a character of UTF-8 (RFC 3629). */
static size_t character_before(const char *text, size_t at)
{
	while (at > 0 && ((unsigned char)text[at] & 0xc0) == 0x80)
		at--;
	return at;
}

/* Keeps as much as fits: what a sentence is about is at its beginning, and why at its end. */
static void keep(struct err *err, const char *whole)
{
	static const char gap[] = "...";
	size_t len = strlen(whole), room = sizeof(err->text) - sizeof(gap);
	size_t head, tail;

	if (len < sizeof(err->text)) {
		memcpy(err->text, whole, len + 1);
		return;
	}
	head = character_before(whole, room / 2);
	tail = len - room / 2;
	while (((unsigned char)whole[tail] & 0xc0) == 0x80)
		tail++;
	(void)snprintf(err->text, sizeof(err->text), "%.*s%s%s", (int)head, whole, gap,
		       whole + tail);
}

/* The sentence with ": " and `end`, unless that is NULL. */
__attribute__((format(printf, 2, 0))) static void set_text(struct err *err, const char *format,
							   va_list args, const char *end)
{
	char whole[WHOLE_MAX + ERR_TEXT_MAX];
	size_t len;

	if (vsnprintf(whole, WHOLE_MAX, format, args) < 0)
		whole[0] = '\0';
	len = strlen(whole);
	if (end != NULL)
		(void)snprintf(whole + len, sizeof(whole) - len, ": %s", end);
	keep(err, whole);
}

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(err, format, args, NULL);
	va_end(args);
	err->code = code;
	return code;
}

int err_set_errno(struct err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(err, format, args, strerror(-code));
	va_end(args);
	err->code = code;
	return code;
}

int err_wrap(struct err *err, const char *format, ...)
{
	char inner[ERR_TEXT_MAX];
	va_list args;

	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	set_text(err, format, args, inner);
	va_end(args);
	return err->code;
}
