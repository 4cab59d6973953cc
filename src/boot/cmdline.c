#include "boot/cmdline.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"

void cmdline_init(struct cmdline *line)
{
	line->text[0] = '\0';
	line->len = 0;
}

static int check_characters(const char *word, struct err *err)
{
	for (const char *c = word; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			return err_set(err, -EINVAL,
				       "the kernel command line has a control character");
	return 0;
}

int cmdline_add(struct cmdline *line, struct err *err, const char *format, ...)
{
	size_t gap = line->len > 0;
	size_t room = sizeof(line->text) - line->len;
	char *word;
	va_list args;
	int written, r;

	if (room <= gap)
		return err_set(err, -E2BIG, "the kernel command line is longer than %d bytes",
			       CMDLINE_MAX - 1);
	word = line->text + line->len + gap;
	va_start(args, format);
	written = vsnprintf(word, room - gap, format, args);
	va_end(args);
	if (written < 0 || (size_t)written >= room - gap) {
		line->text[line->len] = '\0';
		return err_set(err, -E2BIG, "the kernel command line is longer than %d bytes",
			       CMDLINE_MAX - 1);
	}
	r = check_characters(word, err);
	if (r < 0) {
		line->text[line->len] = '\0';
		return r;
	}
	if (gap > 0)
		line->text[line->len] = ' ';
	line->len += gap + (size_t)written;
	return 0;
}
