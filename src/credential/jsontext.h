/*
 * JSON (RFC 8259) read as text, so that it can be copied with a few strings
 * changed and nothing else, and so that no other copy of its secrets is made.
 */
#ifndef CREDENTIAL_JSONTEXT_H
#define CREDENTIAL_JSONTEXT_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_TEXT_DEPTH = 32 };

struct json_span {
	const char *text; /* weak: in the document */
	size_t len;
};

enum json_text_kind {
	JSON_TEXT_KEY,	  /* a member's name, without quotes; holds no escape */
	JSON_TEXT_STRING, /* a string value, without quotes, escapes as they are */
	JSON_TEXT_OTHER,  /* a number, true, false or null */
};

struct json_token {
	enum json_text_kind kind;
	struct json_span before; /* what stands between the token before and this one */
	struct json_span span;
};

struct json_reader {
	const char *text, *end, *copied;
	bool in_object[JSON_TEXT_DEPTH]; /* each level: an object, else an array */
	size_t depth;
	int state;
};

void json_text_init(struct json_reader *reader, const char *text, size_t len);

/*
 * The next token: 1; 0 at the end, with ret->before the rest of the text;
 * -EBADMSG when it is not one whole JSON object or array, nested too deeply, or
 * has an escape in a member's name, which could hide what it is.
 */
int json_text_next(struct json_reader *reader, struct json_token *ret);

/* Undoes escapes; to: span->len + 1 bytes. -EBADMSG on characters beyond ASCII and controls. */
int json_text_unescape(const struct json_span *span, char *to);

/* Escapes what must be in a string without control characters; to: 2 * len + 1 bytes. */
size_t json_text_escape(const char *text, size_t len, char *to);

#endif
