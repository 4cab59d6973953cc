#include "credential/oauth.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "base/parse.h"
#include "credential/forms.h"
#include "credential/jsontext.h"
#include "credential/set.h"
#include "credential/text.h"

static const char url_scheme[] = "https://";
static const char cut_signature[] = "proxy-managed";

int oauth_url_host(const char *url, char ret_host[OAUTH_HOST_MAX + 1], uint16_t *ret_port)
{
	const char *host = url + sizeof(url_scheme) - 1;
	uint64_t port = 443;
	char digits[6];
	size_t len, rest;

	if (strncmp(url, url_scheme, sizeof(url_scheme) - 1) != 0)
		return -EINVAL;
	len = strcspn(host, ":/");
	rest = strcspn(host + len, "/");
	if (len == 0 || len > OAUTH_HOST_MAX || host[len + rest] != '/' || rest > sizeof(digits))
		return -EINVAL;
	if (rest > 0) {
		memcpy(digits, host + len + 1, rest - 1);
		digits[rest - 1] = '\0';
		if (parse_u64(digits, UINT16_MAX, &port) < 0 || port == 0)
			return -EINVAL;
	}
	memcpy(ret_host, host, len);
	ret_host[len] = '\0';
	*ret_port = (uint16_t)port;
	return 0;
}

bool credential_watches(const struct credential *credential, const char *host, uint16_t port)
{
	char wanted[OAUTH_HOST_MAX + 1];
	uint16_t wanted_port;

	return credential->kind == CREDENTIAL_OAUTH && credential->token_url != NULL &&
	       oauth_url_host(credential->token_url, wanted, &wanted_port) == 0 &&
	       strcasecmp(wanted, host) == 0 && wanted_port == port;
}

static bool path_matches(const char *url, const char *path)
{
	const char *wanted = strchr(url + sizeof(url_scheme) - 1, '/');

	return strlen(wanted) == strcspn(path, "?") && strncmp(wanted, path, strlen(wanted)) == 0;
}

const struct credential *credentials_token_endpoint(const struct credentials *credentials,
						    const char *host, uint16_t port,
						    const char *path)
{
	for (size_t i = 0; credentials != NULL && i < credentials->count; i++) {
		const struct credential *credential = &credentials->items[i];

		if (credential_watches(credential, host, port) &&
		    path_matches(credential->token_url, path))
			return credential;
	}
	return NULL;
}

/* The body becomes `text`; the old one is wiped. */
static int set_body(struct buf *body, const char *text, size_t len)
{
	sodium_memzero(body->data, body->len);
	buf_clear(body);
	return buf_append(body, text, len);
}

enum body_type { BODY_JSON, BODY_FORM, BODY_OTHER };

static enum body_type type_of(const char *content_type)
{
	static const char json[] = "application/json", form[] = "application/x-www-form-urlencoded";
	size_t len = content_type != NULL ? strcspn(content_type, "; \t") : 0;

	if (len == sizeof(json) - 1 && strncasecmp(content_type, json, len) == 0)
		return BODY_JSON;
	if (len == sizeof(form) - 1 && strncasecmp(content_type, form, len) == 0)
		return BODY_FORM;
	return BODY_OTHER;
}

int oauth_fill_request(const struct credential *credential, const char *content_type,
		       struct buf *body)
{
	autocall(text_cleanup) char *escaped = NULL, *filled = NULL;
	const char *sentinel = credential->refresh_sentinel;
	enum body_type type = type_of(content_type);
	size_t escaped_len, len;

	if (body->len == 0 || !text_holds((const char *)body->data, body->len, sentinel))
		return 0;
	if (credential->refresh == NULL)
		return -EACCES;
	if (type == BODY_OTHER)
		return -EINVAL;
	escaped = sodium_malloc(credential->refresh_len * 3 + 1);
	if (escaped == NULL)
		return -ENOMEM;
	escaped_len = type == BODY_JSON ? json_text_escape(credential->refresh,
							   credential->refresh_len, escaped)
					: forms_percent((const uint8_t *)credential->refresh,
							credential->refresh_len, escaped);
	filled = text_replace((const char *)body->data, body->len, sentinel, escaped, escaped_len,
			      &len);
	return filled != NULL ? set_body(body, filled, len) : -ENOMEM;
}

/* What a member of a reply is for. */
enum member { MEMBER_OTHER, MEMBER_ACCESS, MEMBER_REFRESH, MEMBER_ID, MEMBER_EXPIRES };

static enum member member_of(const struct json_span *key)
{
	static const struct {
		const char *name;
		enum member member;
	} names[] = {
		{ "access_token", MEMBER_ACCESS },   { "accessToken", MEMBER_ACCESS },
		{ "refresh_token", MEMBER_REFRESH }, { "refreshToken", MEMBER_REFRESH },
		{ "id_token", MEMBER_ID },	     { "idToken", MEMBER_ID },
		{ "expires_in", MEMBER_EXPIRES },    { "expiresIn", MEMBER_EXPIRES },
	};

	for (size_t i = 0; i < countof(names); i++)
		if (strlen(names[i].name) == key->len &&
		    memcmp(names[i].name, key->text, key->len) == 0)
			return names[i].member;
	return MEMBER_OTHER;
}

/* A reply being rewritten. */
struct rewrite {
	const struct credential *credential;
	struct oauth_tokens *tokens;
	struct buf *out;
};

/* Keeps the real token, writes the sentinel. The last of several counts. */
static int take_token(struct rewrite *rewrite, const struct json_span *value, const char *sentinel,
		      char **secret)
{
	char *token = sodium_malloc(value->len + 1);
	int r = token != NULL ? json_text_unescape(value, token) : -ENOMEM;

	if (r == 0 && (sentinel == NULL || sentinel[0] == '\0'))
		r = -EBADMSG;
	if (r < 0) {
		sodium_free(token);
		return r;
	}
	sodium_free(*secret);
	*secret = token;
	return buf_append(rewrite->out, sentinel, strlen(sentinel));
}

/* header.claims.signature (RFC 7519 §3), or whatever has no dots. */
static int cut_id_token(struct rewrite *rewrite, const struct json_span *value)
{
	const char *last = memrchr(value->text, '.', value->len);
	size_t keep = last != NULL ? (size_t)(last - value->text) + 1 : 0;
	char *id = sodium_malloc(keep + sizeof(cut_signature));
	int r;

	if (id == NULL)
		return -ENOMEM;
	memcpy(id, value->text, keep);
	memcpy(id + keep, cut_signature, sizeof(cut_signature));
	r = buf_append(rewrite->out, id, strlen(id));
	sodium_free(rewrite->tokens->id);
	rewrite->tokens->id = id;
	return r;
}

static int take_string(struct rewrite *rewrite, enum member member, const struct json_span *value)
{
	switch (member) {
	case MEMBER_ACCESS:
		return take_token(rewrite, value, rewrite->credential->sentinel,
				  &rewrite->tokens->access);
	case MEMBER_REFRESH:
		return take_token(rewrite, value, rewrite->credential->refresh_sentinel,
				  &rewrite->tokens->refresh);
	case MEMBER_ID:
		return cut_id_token(rewrite, value);
	case MEMBER_EXPIRES:
	case MEMBER_OTHER:
		break;
	}
	return buf_append(rewrite->out, value->text, value->len);
}

static void take_number(struct rewrite *rewrite, enum member member, const struct json_span *value)
{
	char digits[16];

	if (member != MEMBER_EXPIRES || value->len >= sizeof(digits))
		return;
	memcpy(digits, value->text, value->len);
	digits[value->len] = '\0';
	(void)parse_u64(digits, INT32_MAX, &rewrite->tokens->expires_in_s);
}

/* Copies the text token by token; string values of the members sought are replaced. */
static int rewrite_all(struct rewrite *rewrite, struct json_reader *reader)
{
	enum member member = MEMBER_OTHER;
	struct json_token token;
	int r;

	while ((r = json_text_next(reader, &token)) > 0) {
		r = buf_append(rewrite->out, token.before.text, token.before.len);
		if (r == 0 && token.kind == JSON_TEXT_STRING)
			r = take_string(rewrite, member, &token.span);
		else if (r == 0)
			r = buf_append(rewrite->out, token.span.text, token.span.len);
		if (r < 0)
			return r;
		if (token.kind == JSON_TEXT_OTHER)
			take_number(rewrite, member, &token.span);
		member = token.kind == JSON_TEXT_KEY ? member_of(&token.span) : MEMBER_OTHER;
	}
	return r < 0 ? r : buf_append(rewrite->out, token.before.text, token.before.len);
}

int oauth_take_reply(const struct credential *credential, struct buf *body,
		     struct oauth_tokens *ret)
{
	struct oauth_tokens tokens = { .access = NULL };
	struct json_reader reader;
	struct buf out;
	struct rewrite rewrite = { credential, &tokens, &out };
	int r;

	buf_init(&out, body->max);
	json_text_init(&reader, (const char *)body->data, body->len);
	r = body->len > 0 ? rewrite_all(&rewrite, &reader) : 0;
	if (r == 0 && body->len > 0)
		r = set_body(body, (const char *)out.data, out.len);
	buf_finish(&out);
	if (r < 0) {
		oauth_tokens_finish(&tokens);
		return r;
	}
	*ret = tokens;
	return 0;
}

void oauth_tokens_finish(struct oauth_tokens *tokens)
{
	sodium_free(tokens->access);
	sodium_free(tokens->refresh);
	sodium_free(tokens->id);
	*tokens = (struct oauth_tokens){ .access = NULL };
}
