#include "yaml/expression.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"

static const char opening[] = "${{", closing[] = "}}", escaped[] = "$${{";

enum {
	OPENING = sizeof(opening) - 1,
	CLOSING = sizeof(closing) - 1,
	ESCAPED = sizeof(escaped) - 1
};

static bool starts_with(const char *at, const char *end, const char *word, size_t len)
{
	return (size_t)(end - at) >= len && memcmp(at, word, len) == 0;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name(const char *name, size_t len)
{
	if (len == 0 || len > EXPRESSION_NAME_MAX || !is_letter(name[0]))
		return false;
	for (size_t i = 1; i < len; i++)
		if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') && name[i] != '.' &&
		    name[i] != '-')
			return false;
	return true;
}

static int append(struct buf *buf, const char *bytes, size_t len, struct err *err)
{
	int r = buf_append(buf, bytes, len);

	if (r == -ENOBUFS)
		return err_set(err, r, "more than %zu bytes after its expressions were replaced",
			       buf->max);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

/* Appends the value of what stands between start and end. */
static int append_value(const char *start, const char *end, const struct expression_names *names,
			struct buf *buf, struct err *err)
{
	char name[EXPRESSION_NAME_MAX + 1];
	const char *value;
	size_t len;

	while (start < end && (*start == ' ' || *start == '\t'))
		start++;
	while (end > start && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	len = (size_t)(end - start);
	if (!is_name(start, len))
		return err_set(err, -EBADMSG,
			       "an expression holds one name, as in ${{ kit.args.NAME }}");
	memcpy(name, start, len);
	name[len] = '\0';
	value = names->value(names->context, name);
	if (value == NULL)
		return err_set(err, -EBADMSG, "'%s' is not declared", name);
	return append(buf, value, strlen(value), err);
}

/* An expression at `at`; *ret_end is what follows it. */
static int expand_one(const char *at, const char *end, const struct expression_names *names,
		      struct buf *buf, const char **ret_end, struct err *err)
{
	const char *start = at + OPENING;
	const char *close = memmem(start, (size_t)(end - start), closing, CLOSING);
	int r;

	if (close == NULL)
		return err_set(err, -EBADMSG,
			       "an expression is not closed by }}; write $${{ for ${{ itself");
	r = append_value(start, close, names, buf, err);
	if (r < 0)
		return r;
	*ret_end = close + CLOSING;
	return 0;
}

int expression_expand(const char *text, size_t len, const struct expression_names *names,
		      struct buf *ret, struct err *err)
{
	const char *at = text, *end = text + len;
	int r = 0;

	while (r == 0 && at < end) {
		const char *dollar = memchr(at, '$', (size_t)(end - at));
		const char *stop = dollar != NULL ? dollar : end;

		if (stop > at) {
			r = append(ret, at, (size_t)(stop - at), err);
			at = stop;
		} else if (starts_with(at, end, escaped, ESCAPED)) {
			r = append(ret, opening, OPENING, err);
			at += ESCAPED;
		} else if (starts_with(at, end, opening, OPENING)) {
			r = expand_one(at, end, names, ret, &at, err);
		} else {
			r = append(ret, at++, 1, err);
		}
	}
	return r;
}
