#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "credential/login.h"
#include "credential/passage.h"
#include "credential/query.h"
#include "credential/set.h"
#include "credential/text.h"
#include "http/message.h"

enum { HTTPS_PORT = 443 };

bool passage_is_bare(const struct passage *passage, const struct credential *credential)
{
	return (credential->kind != CREDENTIAL_CUSTOM || passage->port == HTTPS_PORT) &&
	       strcmp(passage->request->scheme, "https") != 0;
}

bool passage_binds(const struct passage *passage, const struct credential *credential)
{
	return !passage_is_bare(passage, credential) &&
	       credential_binds(credential, passage->host, passage->port);
}

bool passage_holds_sentinel(const struct passage *passage, const char *text, size_t len)
{
	for (size_t i = 0; i < passage->credentials->count; i++)
		if (text_holds(text, len, passage->credentials->items[i].sentinel))
			return true;
	return false;
}

/* A sentinel that stands for several credentials belongs here when one of them does. */
static bool sentinel_belongs(const struct passage *passage, const char *sentinel)
{
	for (size_t i = 0; i < passage->credentials->count; i++) {
		const struct credential *other = &passage->credentials->items[i];

		if (other->sentinel != NULL && strcmp(other->sentinel, sentinel) == 0 &&
		    passage_binds(passage, other))
			return true;
	}
	return false;
}

/* The values that are at home here, and all placeholders: those are judged as sentinels. */
static void ignore_own(const struct passage *passage, struct needle_ignore *ignore)
{
	for (size_t i = 0; i < passage->credentials->count; i++) {
		if (passage_binds(passage, &passage->credentials->items[i]))
			needle_ignore_add(ignore, owner_of_value(passage->credentials, i));
		needle_ignore_add(ignore, owner_of_placeholder(i));
	}
}

static const struct credential *find_in_text(const struct passage *passage,
					     const struct needle_ignore *ignore, const char *text,
					     size_t len)
{
	uint32_t owner;

	for (size_t i = 0; i < passage->credentials->count; i++) {
		const struct credential *credential = &passage->credentials->items[i];

		if (text_holds(text, len, credential->sentinel) &&
		    !sentinel_belongs(passage, credential->sentinel))
			return credential;
	}
	if (needles_find(passage->credentials->needles, ignore, (const uint8_t *)text, len, &owner))
		return credential_of_owner(passage->credentials, owner);
	return NULL;
}

/* What cannot be looked into for want of memory is taken for the first one's. */
static const struct credential *find_in_field(const struct passage *passage,
					      const struct needle_ignore *ignore,
					      const struct http_field *field)
{
	autocall(login_finish) struct login login = { .text = NULL };
	int r = login_decode(field->value, field->value_len, &login);
	const struct credential *found;

	if (r < 0)
		return &passage->credentials->items[0];
	found = find_in_text(passage, ignore, field->value, field->value_len);
	if (found == NULL && r > 0)
		found = find_in_text(passage, ignore, login.text, login.len);
	return found;
}

static const struct credential *find_in_path(const struct passage *passage,
					     const struct needle_ignore *ignore, const char *path)
{
	autofree char *decoded = query_decode(path);
	const struct credential *found;

	if (decoded == NULL)
		return &passage->credentials->items[0];
	found = find_in_text(passage, ignore, path, strlen(path));
	if (found == NULL)
		found = find_in_text(passage, ignore, decoded, strlen(decoded));
	return found;
}

const struct credential *passage_find_foreign(const struct passage *passage)
{
	const struct http_request *request = passage->request;
	const struct credential *found = NULL;
	struct needle_ignore ignore = { { 0 } };

	ignore_own(passage, &ignore);
	for (size_t i = 0; found == NULL && i < request->fields.count; i++)
		found = find_in_field(passage, &ignore, &request->fields.items[i]);
	if (found == NULL && request->path != NULL)
		found = find_in_path(passage, &ignore, request->path);
	return found;
}
