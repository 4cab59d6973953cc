#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <strings.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "credential/login.h"
#include "credential/passage.h"
#include "credential/query.h"
#include "credential/set.h"
#include "credential/text.h"
#include "http/message.h"

/* Where clients put credentials. */
static const char *const credential_fields[] = {
	"authorization", "proxy-authorization", "x-api-key",  "api-key",       "x-goog-api-key",
	"cookie",	 "x-auth-token",	"x-auth-key", "private-token", "x-access-token",
};

static bool client_shows(const struct passage *passage, const struct credential *credential)
{
	const struct http_fields *fields = &passage->request->fields;

	for (size_t i = 0; i < fields->count; i++)
		if (text_holds(fields->items[i].value, fields->items[i].value_len,
			       credential->sentinel))
			return true;
	return false;
}

static bool sets_header(const struct credential *credential)
{
	if (credential->kind == CREDENTIAL_OAUTH)
		return credential->value != NULL;
	return credential->kind != CREDENTIAL_CUSTOM;
}

/* The credential whose header is set here: one that the client asks for by its sentinel, or the
 * first. */
static const struct credential *choose(const struct passage *passage)
{
	const struct credential *first = NULL;

	for (size_t i = 0; i < passage->credentials->count; i++) {
		const struct credential *credential = &passage->credentials->items[i];

		if (!sets_header(credential) || !passage_binds(passage, credential))
			continue;
		if (client_shows(passage, credential))
			return credential;
		if (first == NULL)
			first = credential;
	}
	return first;
}

static bool is_credential_parameter(void *context, const char *name, size_t name_len,
				    const char *value, size_t value_len)
{
	static const char *const names[] = { "access_token", "api_key", "apikey", "api-key" };
	const struct passage *passage = context;

	for (size_t i = 0; i < countof(names); i++)
		if (strlen(names[i]) == name_len && strncasecmp(name, names[i], name_len) == 0)
			return true;
	return passage_holds_sentinel(passage, value, value_len);
}

/* Google's APIs take key= in the query; elsewhere the word means other things. */
static bool is_credential_parameter_google(void *context, const char *name, size_t name_len,
					   const char *value, size_t value_len)
{
	return (name_len == 3 && strncasecmp(name, "key", 3) == 0) ||
	       is_credential_parameter(context, name, name_len, value, value_len);
}

static void strip(struct passage *passage, const struct credential *credential)
{
	bool is_google =
		credential->header != NULL && strcmp(credential->header, "x-goog-api-key") == 0;

	for (size_t i = 0; i < countof(credential_fields); i++)
		(void)http_fields_remove(&passage->request->fields, credential_fields[i]);
	if (credential->header != NULL)
		(void)http_fields_remove(&passage->request->fields, credential->header);
	if (passage->request->path != NULL)
		query_strip(passage->request->path,
			    is_google ? is_credential_parameter_google : is_credential_parameter,
			    passage);
}

/* "Bearer %s" and the like; in locked memory. */
static char *format_value(const struct credential *credential, size_t *ret_len)
{
	const char *format = credential->format;
	const char *place = strstr(format, "%s");
	size_t before = place != NULL ? (size_t)(place - format) : strlen(format);
	const char *after = place != NULL ? place + 2 : "";
	size_t len = before + credential->value_len + strlen(after);
	char *text = sodium_malloc(len + 1);

	if (text == NULL)
		return NULL;
	memcpy(text, format, before);
	memcpy(text + before, credential->value, credential->value_len);
	memcpy(text + before + credential->value_len, after, strlen(after) + 1);
	*ret_len = len;
	return text;
}

static char *make_value(const struct credential *credential, size_t *ret_len)
{
	static const char basic[] = "basic:";

	if (credential->kind == CREDENTIAL_REGISTRY)
		return login_make(credential->username, credential->value, ret_len);
	if (strncmp(credential->format, basic, sizeof(basic) - 1) == 0)
		return login_make(credential->format + sizeof(basic) - 1, credential->value,
				  ret_len);
	return format_value(credential, ret_len);
}

static int set_header(struct passage *passage, const struct credential *credential)
{
	const char *header = credential->header != NULL ? credential->header : "authorization";
	size_t len = 0;
	char *value = make_value(credential, &len);
	int r = -ENOMEM;

	if (value != NULL)
		r = http_fields_add_secret(&passage->request->fields, header, value, len);
	sodium_free(value);
	return r;
}

/* A registry gives bearer tokens of its own, which are not ours to replace. */
static bool is_registry_token(const struct passage *passage, const struct credential *credential)
{
	const struct http_field *field =
		http_fields_only(&passage->request->fields, "authorization");

	return credential->kind == CREDENTIAL_REGISTRY && field != NULL &&
	       strncasecmp(field->value, "bearer ", 7) == 0 &&
	       !passage_holds_sentinel(passage, field->value, field->value_len);
}

/* The field's value with the secret in the placeholder's stead; 0 when it is not there. */
static int make_filled(const struct http_field *field, const struct credential *credential,
		       char **ret, size_t *ret_len)
{
	autocall(login_finish) struct login login = { .text = NULL }, filled = { .text = NULL };
	const char *word = credential->sentinel;
	int r;

	if (text_holds(field->value, field->value_len, word)) {
		*ret = text_replace(field->value, field->value_len, word, credential->value,
				    credential->value_len, ret_len);
		return *ret != NULL ? 1 : -ENOMEM;
	}
	r = login_decode(field->value, field->value_len, &login);
	if (r <= 0 || !text_holds(login.text, login.len, word))
		return min_of(r, 0);
	filled.text = text_replace(login.text, login.len, word, credential->value,
				   credential->value_len, &filled.len);
	*ret = filled.text != NULL ? login_encode(&filled, ret_len) : NULL;
	return *ret != NULL ? 1 : -ENOMEM;
}

/* 1 when the placeholder stood there, plainly or in a Basic login. */
static int fill_field(struct http_fields *fields, size_t index, const struct credential *credential)
{
	autocall(text_cleanup) char *value = NULL;
	size_t len;
	int r = make_filled(&fields->items[index], credential, &value, &len);

	if (r <= 0)
		return r;
	r = http_fields_replace(fields, index, value, len, true);
	return r < 0 ? r : 1;
}

static bool is_client_s_own(const struct http_fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->count; i++)
		if (strcmp(fields->items[i].name, name) == 0 && !fields->items[i].is_secret)
			return true;
	return false;
}

/* A request that got a secret keeps no other credential beside it; one said twice goes whole. */
static void strip_beside(struct passage *passage)
{
	struct http_fields *fields = &passage->request->fields;

	for (size_t i = 0; i < countof(credential_fields); i++)
		if (is_client_s_own(fields, credential_fields[i]))
			(void)http_fields_remove(fields, credential_fields[i]);
}

static int fill_custom(struct passage *passage, const struct credential *credential)
{
	struct http_fields *fields = &passage->request->fields;
	int filled = 0, r;

	for (size_t i = 0; i < fields->count; i++) {
		r = fill_field(fields, i, credential);
		if (r < 0)
			return r;
		filled |= r;
	}
	if (passage->request->path == NULL)
		return filled;
	r = query_fill(&passage->request->path, credential->sentinel, credential->value,
		       credential->value_len);
	return r < 0 ? r : filled | r;
}

static bool request_shows(const struct passage *passage, const struct credential *credential)
{
	const struct http_fields *fields = &passage->request->fields;
	const char *path = passage->request->path;

	for (size_t i = 0; i < fields->count; i++) {
		autocall(login_finish) struct login login = { .text = NULL };

		if (text_holds(fields->items[i].value, fields->items[i].value_len,
			       credential->sentinel))
			return true;
		if (login_decode(fields->items[i].value, fields->items[i].value_len, &login) > 0 &&
		    text_holds(login.text, login.len, credential->sentinel))
			return true;
	}
	return path != NULL && text_holds(path, strlen(path), credential->sentinel);
}

static enum credential_result refuse(const struct credential *credential, const char **ret_name,
				     struct err *err, int code, const char *why)
{
	*ret_name = credential->name;
	(void)err_set(err, code, "%s '%s'", why, credential->name);
	return CREDENTIAL_REFUSED;
}

static enum credential_result apply_customs(struct passage *passage, const char **ret_name,
					    struct err *err)
{
	enum credential_result result = CREDENTIAL_NONE;

	for (size_t i = 0; i < passage->credentials->count; i++) {
		const struct credential *credential = &passage->credentials->items[i];
		int r;

		if (credential->kind != CREDENTIAL_CUSTOM || !passage_binds(passage, credential) ||
		    !request_shows(passage, credential))
			continue;
		if (credential->value == NULL)
			return refuse(credential, ret_name, err, -ENOKEY,
				      "there is no value at present for the secret");
		r = fill_custom(passage, credential);
		if (r < 0)
			return refuse(credential, ret_name, err, r,
				      "the request has no room for the secret");
		*ret_name = credential->name;
		result = CREDENTIAL_INJECTED;
	}
	return result;
}

static enum credential_result apply_header(struct passage *passage, const char **ret_name,
					   struct err *err)
{
	const struct credential *credential = choose(passage);
	int r;

	if (credential == NULL || is_registry_token(passage, credential))
		return CREDENTIAL_NONE;
	if (credential->value == NULL)
		return refuse(credential, ret_name, err, -ENOKEY,
			      "there is no value at present for the secret");
	strip(passage, credential);
	r = set_header(passage, credential);
	if (r < 0)
		return refuse(credential, ret_name, err, r,
			      "the request has no room for the secret");
	*ret_name = credential->name;
	return CREDENTIAL_INJECTED;
}

enum credential_result credentials_apply(const struct credentials *credentials, const char *host,
					 uint16_t port, struct http_request *request,
					 const char **ret_name, struct err *err)
{
	struct passage passage = { credentials, host, port, request };
	const struct credential *foreign;
	enum credential_result header, custom;

	*ret_name = NULL;
	if (credentials == NULL || credentials->count == 0)
		return CREDENTIAL_NONE;
	foreign = passage_find_foreign(&passage);
	if (foreign != NULL) {
		*ret_name = foreign->name;
		(void)err_set(err, -EACCES,
			      "secret '%s' was on its way to %s, which it is not for%s",
			      foreign->name, host,
			      passage_is_bare(&passage, foreign) ? " without TLS" : "");
		return CREDENTIAL_REFUSED;
	}
	header = apply_header(&passage, ret_name, err);
	if (header == CREDENTIAL_REFUSED)
		return header;
	custom = apply_customs(&passage, ret_name, err);
	if (custom == CREDENTIAL_INJECTED)
		strip_beside(&passage);
	return custom == CREDENTIAL_NONE ? header : custom;
}
