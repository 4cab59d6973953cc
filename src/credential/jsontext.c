#include "credential/jsontext.h"

#include <errno.h>
#include <string.h>

/* What may come next. */
enum state {
	STATE_START,   /* the document's { or [ */
	STATE_FIRST,   /* a value or key, or the end of what was just opened */
	STATE_ELEMENT, /* a value or key after a comma */
	STATE_VALUE,   /* the value of a member */
	STATE_AFTER,   /* a comma or the end of the level */
	STATE_DONE,
};

void json_text_init(struct json_reader *reader, const char *text, size_t len)
{
	*reader = (struct json_reader){
		.text = text, .end = text + len, .copied = text, .state = STATE_START
	};
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The content of a string whose opening quote is at text[0]. */
static int read_string(struct json_reader *reader, struct json_span *ret)
{
	const char *text = reader->text + 1;

	ret->text = text;
	for (; text < reader->end && *text != '"'; text++) {
		if ((unsigned char)*text < ' ')
			return -EBADMSG;
		if (*text == '\\' && ++text == reader->end)
			return -EBADMSG;
	}
	if (text == reader->end)
		return -EBADMSG;
	ret->len = (size_t)(text - ret->text);
	reader->text = text + 1;
	return 0;
}

static bool is_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-' || c == '+' ||
	       c == '.' || c == 'E';
}

static int read_scalar(struct json_reader *reader, struct json_span *ret)
{
	ret->text = reader->text;
	while (reader->text < reader->end && is_scalar(*reader->text))
		reader->text++;
	ret->len = (size_t)(reader->text - ret->text);
	return ret->len > 0 ? 0 : -EBADMSG;
}

static bool is_in_object(const struct json_reader *reader)
{
	return reader->depth > 0 && reader->in_object[reader->depth - 1];
}

/* A brace, bracket or comma; 0 when there was one, 1 when a token begins here. */
static int take_mark(struct json_reader *reader)
{
	char c = *reader->text;
	bool opens = c == '{' || c == '[', closes = c == '}' || c == ']';
	bool may_begin = reader->state == STATE_VALUE || reader->state == STATE_START ||
			 ((reader->state == STATE_FIRST || reader->state == STATE_ELEMENT) &&
			  !is_in_object(reader));

	if (opens && may_begin && reader->depth < JSON_TEXT_DEPTH) {
		reader->in_object[reader->depth++] = c == '{';
		reader->state = STATE_FIRST;
	} else if (closes && (reader->state == STATE_FIRST || reader->state == STATE_AFTER) &&
		   is_in_object(reader) == (c == '}')) {
		reader->state = --reader->depth > 0 ? STATE_AFTER : STATE_DONE;
	} else if (c == ',' && reader->state == STATE_AFTER) {
		reader->state = STATE_ELEMENT;
	} else {
		return opens || closes || c == ',' || reader->state == STATE_START ||
				       reader->state == STATE_AFTER || reader->state == STATE_DONE
			       ? -EBADMSG
			       : 1;
	}
	reader->text++;
	return 0;
}

static void skip_space(struct json_reader *reader)
{
	while (reader->text < reader->end && is_space(*reader->text))
		reader->text++;
}

/* After a key: its colon. */
static int take_colon(struct json_reader *reader)
{
	skip_space(reader);
	if (reader->text == reader->end || *reader->text != ':')
		return -EBADMSG;
	reader->text++;
	return 0;
}

static int read_token(struct json_reader *reader, struct json_token *ret)
{
	bool is_key = reader->state != STATE_VALUE && is_in_object(reader);
	bool is_string = *reader->text == '"';
	int r = -EBADMSG;

	if (is_string)
		r = read_string(reader, &ret->span);
	else if (!is_key)
		r = read_scalar(reader, &ret->span);
	if (r < 0)
		return r;
	ret->before.text = reader->copied;
	ret->before.len = (size_t)(ret->span.text - reader->copied);
	reader->copied = ret->span.text + ret->span.len;
	ret->kind = is_key ? JSON_TEXT_KEY : is_string ? JSON_TEXT_STRING : JSON_TEXT_OTHER;
	reader->state = is_key ? STATE_VALUE : STATE_AFTER;
	if (!is_key)
		return 1;
	if (memchr(ret->span.text, '\\', ret->span.len) != NULL)
		return -EBADMSG;
	r = take_colon(reader);
	return r < 0 ? r : 1;
}

int json_text_next(struct json_reader *reader, struct json_token *ret)
{
	for (;;) {
		int r;

		skip_space(reader);
		if (reader->text == reader->end)
			break;
		r = take_mark(reader);
		if (r < 0)
			return r;
		if (r > 0)
			return read_token(reader, ret);
	}
	if (reader->state != STATE_DONE)
		return -EBADMSG;
	ret->before.text = reader->copied;
	ret->before.len = (size_t)(reader->end - reader->copied);
	return 0;
}

static int hex_of(char c)
{
	const char *digits = "0123456789abcdef0123456789ABCDEF";
	const char *place = c != '\0' ? strchr(digits, c) : NULL;

	return place != NULL ? (int)(place - digits) % 16 : -1;
}

/* \u00XX, of a printable character; text is after the 'u'. */
static int unescape_code(const char *text, size_t len)
{
	int high, low;

	if (len < 4 || text[0] != '0' || text[1] != '0')
		return -EBADMSG;
	high = hex_of(text[2]);
	low = hex_of(text[3]);
	return high < 0 || low < 0 ? -EBADMSG : high * 16 + low;
}

int json_text_unescape(const struct json_span *span, char *to)
{
	const char *text = span->text, *end = span->text + span->len;

	while (text < end) {
		int c = (unsigned char)*text++;

		if (c == '\\') {
			c = (unsigned char)*text++; /* there is one: read_string() saw to it */
			if (c == 'u') {
				c = unescape_code(text, (size_t)(end - text));
				text += 4;
			} else if (c != '"' && c != '\\' && c != '/') {
				return -EBADMSG;
			}
		}
		if (c <= ' ' || c > '~')
			return -EBADMSG;
		*to++ = (char)c;
	}
	*to = '\0';
	return 0;
}

size_t json_text_escape(const char *text, size_t len, char *to)
{
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '"' || text[i] == '\\')
			to[used++] = '\\';
		to[used++] = text[i];
	}
	to[used] = '\0';
	return used;
}
