#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 0))) static void set_text(struct err *err, const char *format,
							   va_list args)
{
	if (vsnprintf(err->text, sizeof(err->text), format, args) < 0)
		err->text[0] = '\0';
}

static void append(struct err *err, const char *text)
{
	size_t used = strlen(err->text);
	size_t len = strlen(text);
	size_t room = sizeof(err->text) - 1 - used;

	if (len > room)
		len = room;
	memcpy(err->text + used, text, len);
	err->text[used + len] = '\0';
}

int err_set(struct err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	err->code = code;
	return code;
}

int err_set_errno(struct err *err, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	append(err, ": ");
	append(err, strerror(-code));
	err->code = code;
	return code;
}

int err_wrap(struct err *err, const char *format, ...)
{
	char inner[ERR_TEXT_MAX];
	va_list args;

	memcpy(inner, err->text, sizeof(inner));
	va_start(args, format);
	set_text(err, format, args);
	va_end(args);
	append(err, ": ");
	append(err, inner);
	return err->code;
}
