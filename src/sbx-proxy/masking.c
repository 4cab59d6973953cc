#include "sbx-proxy/masking.h"

#include <errno.h>
#include <string.h>

#include "credential/credential.h"
#include "http/message.h"

enum { SWITCHING = 101 };

/* The compression of WebSocket messages is one (RFC 7692). */
static const char extensions[] = "sec-websocket-extensions";

void masking_ask(struct http_request *request)
{
	const struct http_field *field = http_fields_only(&request->fields, "accept-encoding");
	bool gzip = field != NULL && strstr(field->value, "gzip") != NULL;

	(void)http_fields_set(&request->fields, "accept-encoding", gzip ? "gzip" : "identity");
	(void)http_fields_remove(&request->fields, extensions);
}

/* Its bytes are told decoded. */
static int begin_body(const struct credentials *credentials, struct http_response *response,
		      struct credential_masker **ret)
{
	const struct http_field *encoding = http_fields_only(&response->fields, "content-encoding");
	int r;

	if (http_fields_count(&response->fields, "content-encoding") > 1)
		return -EOPNOTSUPP;
	r = credential_masker_create(credentials, encoding == NULL ? NULL : encoding->value, ret);
	if (r < 0 || encoding == NULL)
		return r;
	(void)http_fields_remove(&response->fields, "content-encoding");
	response->content_length = -1;
	return 0;
}

int masking_begin(const struct credentials *credentials, struct http_response *response,
		  bool has_body, struct credential_masker **ret)
{
	unsigned masked;
	int r = credentials_mask_fields(credentials, &response->fields, &masked);

	*ret = NULL;
	if (r < 0)
		return r;
	if (response->status == SWITCHING)
		return http_fields_count(&response->fields, extensions) > 0
			       ? -EOPNOTSUPP
			       : credential_masker_create_websocket(credentials, ret);
	return has_body ? begin_body(credentials, response, ret) : 0;
}
