#include "http/token.h"

#include <errno.h>
#include <string.h>

#include "http/message.h"

enum { LENGTH_DIGITS_MAX = 18 };

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

char http_lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter - 'A' + 'a') : letter;
}

static bool is_token_char(char c)
{
	return is_alpha(c) || is_digit(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

bool http_is_token(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!is_token_char(bytes[i]))
			return false;
	return len > 0;
}

bool http_is_method(const char *bytes, size_t len)
{
	if (len >= HTTP_METHOD_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (is_alpha(bytes[i]) && bytes[i] == http_lower(bytes[i]))
			return false;
	return http_is_token(bytes, len);
}

bool http_is_value(const char *bytes, size_t len)
{
	if (len > 0 && (is_blank(bytes[0]) || is_blank(bytes[len - 1])))
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];

		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool http_is_path(const char *bytes, size_t len)
{
	if (len == 0 || bytes[0] != '/')
		return false;
	for (size_t i = 0; i < len; i++)
		if (bytes[i] <= ' ' || bytes[i] > '~' || bytes[i] == '#')
			return false;
	return true;
}

int http_length_parse(const char *bytes, size_t len, int64_t *ret)
{
	int64_t length = 0;

	if (len == 0 || len > LENGTH_DIGITS_MAX)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (!is_digit(bytes[i]))
			return -EINVAL;
		length = length * 10 + (bytes[i] - '0');
	}
	*ret = length;
	return 0;
}

bool http_token_is(const char *bytes, size_t len, const char *word)
{
	if (len != strlen(word))
		return false;
	for (size_t i = 0; i < len; i++)
		if (http_lower(bytes[i]) != word[i])
			return false;
	return true;
}

bool http_list_next(const char **bytes, size_t *len, const char **ret_item, size_t *ret_item_len)
{
	while (*len > 0) {
		const char *item = *bytes, *comma = memchr(item, ',', *len);
		size_t item_len = comma != NULL ? (size_t)(comma - item) : *len;
		size_t step = comma != NULL ? item_len + 1 : item_len;

		*bytes += step;
		*len -= step;
		while (item_len > 0 && is_blank(item[0]))
			item++, item_len--;
		while (item_len > 0 && is_blank(item[item_len - 1]))
			item_len--;
		if (item_len == 0)
			continue;
		*ret_item = item;
		*ret_item_len = item_len;
		return true;
	}
	return false;
}

int http_hex_digit(char digit)
{
	if (is_digit(digit))
		return digit - '0';
	digit = http_lower(digit);
	return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}
