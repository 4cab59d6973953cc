/*
 * The small words of HTTP's grammar (RFC 9110 §5.6, RFC 3986), each over bytes
 * with a length: nothing here trusts a NUL.
 */
#ifndef HTTP_TOKEN_H
#define HTTP_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 1*tchar */
bool http_is_token(const char *bytes, size_t len);

/* A token without lower case letters, shorter than HTTP_METHOD_MAX: "get" is no way around "GET".
 */
bool http_is_method(const char *bytes, size_t len);

/* A field value: no control but HTAB, no blank at either end; may be empty. */
bool http_is_value(const char *bytes, size_t len);

/* Path and query of a target: "/" and visible ASCII without "#". */
bool http_is_path(const char *bytes, size_t len);

/* 1*DIGIT below 10^18: no sign, no blank, no list. -EINVAL. */
int http_length_parse(const char *bytes, size_t len, int64_t *ret);

/* Whether the bytes are this lower case word, in whatever case. */
bool http_token_is(const char *bytes, size_t len, const char *word);

/*
 * The next element of a comma separated list (RFC 9110 §5.6.1), without blanks
 * around it; empty ones are skipped. False at the end. Moves *bytes and *len on.
 */
bool http_list_next(const char **bytes, size_t *len, const char **ret_item, size_t *ret_item_len);

/* The value of a hexadecimal digit; -1: it is none. */
int http_hex_digit(char digit);

char http_lower(char letter);

#endif
