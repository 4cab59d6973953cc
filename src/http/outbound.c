#include "http/outbound.h"

#include <string.h>

#include "http/authority.h"
#include "http/inbound.h"
#include "http/token.h"

static bool is_sound_path(const struct http_request *request)
{
	bool is_connect = strcmp(request->method, "CONNECT") == 0;

	if (request->path == NULL || is_connect)
		return request->path == NULL && is_connect;
	if (strcmp(request->path, "*") == 0)
		return strcmp(request->method, "OPTIONS") == 0;
	return http_is_path(request->path, strlen(request->path));
}

bool http_request_is_sound(const struct http_request *request)
{
	char authority[HTTP_AUTHORITY_MAX];

	return http_is_method(request->method, strlen(request->method)) && is_sound_path(request) &&
	       request->authority != NULL &&
	       http_authority_check(request->authority, strlen(request->authority), authority) ==
		       0 &&
	       (request->upgrade == NULL || strcmp(request->upgrade, "websocket") == 0);
}

bool http_field_is_sound(const struct http_field *field)
{
	return http_is_token(field->name, strlen(field->name)) &&
	       http_is_value(field->value, field->value_len);
}

bool http_is_sent_field(const char *name)
{
	return !http_is_codec_field(name) && strncmp(name, "proxy-", 6) != 0;
}

bool http_fields_have_secret(const struct http_fields *fields)
{
	for (size_t i = 0; i < fields->count; i++)
		if (fields->items[i].is_secret)
			return true;
	return false;
}
