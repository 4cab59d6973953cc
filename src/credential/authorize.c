#include "credential/authorize.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "credential/forms.h"
#include "credential/jsontext.h"
#include "credential/service.h"
#include "credential/text.h"

enum { RANDOM_BYTES = 32, URL_MAX = 8192, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

/* One parameter of a request. */
struct parameter {
	const char *name, *value;
};

static void make_word(char ret[AUTHORIZE_WORD_SIZE])
{
	uint8_t bytes[RANDOM_BYTES];

	randombytes_buf(bytes, sizeof(bytes));
	(void)sodium_bin2base64(ret, AUTHORIZE_WORD_SIZE, bytes, sizeof(bytes), BASE64);
	sodium_memzero(bytes, sizeof(bytes));
}

void authorize_begin(struct authorize_attempt *ret)
{
	make_word(ret->state);
	make_word(ret->verifier);
}

/* RFC 7636 §4.2: S256. */
static void make_challenge(const char *verifier, char ret[AUTHORIZE_WORD_SIZE])
{
	uint8_t hash[crypto_hash_sha256_BYTES];

	(void)crypto_hash_sha256(hash, (const uint8_t *)verifier, strlen(verifier));
	(void)sodium_bin2base64(ret, AUTHORIZE_WORD_SIZE, hash, sizeof(hash), BASE64);
}

/* NAME=VALUE, percent-encoded, behind what is there. */
static int add_to_form(struct buf *to, const char *joint, const struct parameter *parameter)
{
	size_t len = strlen(parameter->value);
	autocall(text_cleanup) char *encoded = sodium_malloc(3 * len + 1);
	size_t encoded_len;
	int r;

	if (encoded == NULL)
		return -ENOMEM;
	encoded_len = forms_percent((const uint8_t *)parameter->value, len, encoded);
	r = buf_printf(to, "%s%s=", joint, parameter->name);
	return r < 0 ? r : buf_append(to, encoded, encoded_len);
}

static int add_to_json(struct buf *to, const char *joint, const struct parameter *parameter)
{
	size_t len = strlen(parameter->value);
	autocall(text_cleanup) char *escaped = sodium_malloc(2 * len + 1);
	size_t escaped_len;
	int r;

	if (escaped == NULL)
		return -ENOMEM;
	escaped_len = json_text_escape(parameter->value, len, escaped);
	r = buf_printf(to, "%s\"%s\":\"", joint, parameter->name);
	if (r == 0)
		r = buf_append(to, escaped, escaped_len);
	return r < 0 ? r : buf_append(to, "\"", 1);
}

static int add_body(const struct service *service, const struct parameter *parameters, size_t count,
		    struct buf *body)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = service->oauth_is_form ? add_to_form(body, i == 0 ? "" : "&", &parameters[i])
					   : add_to_json(body, i == 0 ? "{" : ",", &parameters[i]);
	return r == 0 && !service->oauth_is_form ? buf_append(body, "}", 1) : r;
}

char *authorize_url(const struct service *service, const struct authorize_attempt *attempt)
{
	char challenge[AUTHORIZE_WORD_SIZE];
	const struct parameter parameters[] = {
		{ "response_type", "code" },
		{ "client_id", service->oauth_client },
		{ "redirect_uri", service->login_redirect },
		{ "code_challenge", challenge },
		{ "code_challenge_method", "S256" },
		{ "state", attempt->state },
	};
	autocall(buf_finish) struct buf url;
	int r;

	make_challenge(attempt->verifier, challenge);
	buf_init(&url, URL_MAX);
	r = buf_printf(&url, "%s", service->login_url);
	for (size_t i = 0; r == 0 && i < countof(parameters); i++)
		r = add_to_form(&url, i == 0 ? "?" : "&", &parameters[i]);
	for (char **more = service->login_query; r == 0 && more != NULL && *more != NULL; more++)
		r = buf_printf(&url, "&%s", *more);
	return r == 0 && buf_str(&url) != NULL ? strdup(buf_str(&url)) : NULL;
}

static bool is_visible(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~')
			return false;
	return text[0] != '\0';
}

int authorize_code_body(const struct service *service, const struct authorize_attempt *attempt,
			const char *code, struct buf *body)
{
	const struct parameter parameters[] = {
		{ "grant_type", "authorization_code" },	     { "code", code },
		{ "redirect_uri", service->login_redirect }, { "client_id", service->oauth_client },
		{ "code_verifier", attempt->verifier },	     { "state", attempt->state },
	};

	if (!is_visible(code))
		return -EINVAL;
	/* RFC 6749 knows no state here; servers that take JSON want it. */
	return add_body(service, parameters, countof(parameters) - service->oauth_is_form, body);
}

int authorize_refresh_body(const struct service *service, const char *refresh, struct buf *body)
{
	const struct parameter parameters[] = {
		{ "grant_type", "refresh_token" },
		{ "refresh_token", refresh },
		{ "client_id", service->oauth_client },
	};

	return add_body(service, parameters, countof(parameters), body);
}

const char *authorize_content_type(const struct service *service)
{
	return service->oauth_is_form ? "application/x-www-form-urlencoded" : "application/json";
}
