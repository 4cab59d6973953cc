#include "credential/login.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char scheme[] = "Basic ";
enum { SCHEME_LEN = sizeof(scheme) - 1 };

int login_decode(const char *value, size_t len, struct login *ret)
{
	struct login login = { .text = NULL };
	const char *text, *end;

	if (len < SCHEME_LEN || strncasecmp(value, scheme, SCHEME_LEN) != 0)
		return 0;
	text = value + SCHEME_LEN;
	end = value + len;
	while (end > text && end[-1] == '=')
		end--;
	login.text = sodium_malloc(len + 1);
	if (login.text == NULL)
		return -ENOMEM;
	if (sodium_base642bin((unsigned char *)login.text, len, text, (size_t)(end - text), " ",
			      &login.len, NULL, sodium_base64_VARIANT_ORIGINAL_NO_PADDING) != 0) {
		login_finish(&login);
		return 0;
	}
	login.text[login.len] = '\0';
	*ret = login;
	return 1;
}

void login_finish(struct login *login)
{
	sodium_free(login->text);
	*login = (struct login){ .text = NULL };
}

char *login_encode(const struct login *login, size_t *ret_len)
{
	size_t room = sodium_base64_encoded_len(login->len, sodium_base64_VARIANT_ORIGINAL);
	char *value = sodium_malloc(SCHEME_LEN + room);

	if (value == NULL)
		return NULL;
	memcpy(value, scheme, SCHEME_LEN);
	(void)sodium_bin2base64(value + SCHEME_LEN, room, (const unsigned char *)login->text,
				login->len, sodium_base64_VARIANT_ORIGINAL);
	*ret_len = SCHEME_LEN + room - 1;
	return value;
}

char *login_make(const char *user, const char *password, size_t *ret_len)
{
	struct login login = { .len = strlen(user) + 1 + strlen(password) };
	char *value = NULL;

	login.text = sodium_malloc(login.len + 1);
	if (login.text != NULL) {
		(void)snprintf(login.text, login.len + 1, "%s:%s", user, password);
		value = login_encode(&login, ret_len);
	}
	login_finish(&login);
	return value;
}
