#include "sbx-proxy/grant.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "credential/credential.h"
#include "credential/oauth.h"
#include "sbx-proxy/control.h"

enum { SECOND_NS = 1000000000 };

void grant_init(struct grant *grant)
{
	*grant = (struct grant){ .credential = NULL };
	http_response_init(&grant->head, 0);
	buf_init(&grant->body, OAUTH_BODY_MAX);
}

void grant_finish(struct grant *grant)
{
	if (grant->body.data != NULL)
		explicit_bzero(grant->body.data, grant->body.cap);
	buf_finish(&grant->body);
	http_response_finish(&grant->head);
}

int grant_fill(const struct grant *grant, struct http_request *request, struct buf *body)
{
	const struct http_field *type = http_fields_only(&request->fields, "content-type");
	int r = oauth_fill_request(grant->credential, type == NULL ? "" : type->value, body);

	if (r < 0)
		return r;
	request->content_length = (int64_t)body->len;
	return http_fields_set(&request->fields, "accept-encoding", "identity");
}

void grant_hold(struct grant *grant, struct http_response *response)
{
	http_response_finish(&grant->head);
	grant->head = *response;
	http_response_init(response, 0);
}

int grant_gather(struct grant *grant, const uint8_t *bytes, size_t len)
{
	return buf_append(&grant->body, bytes, len) < 0 ? -EMSGSIZE : 0;
}

static bool can_be_kept(const char *token)
{
	return token == NULL || strlen(token) <= PROXY_SECRET_MAX;
}

int grant_take(struct grant *grant, struct control *control)
{
	struct oauth_tokens tokens;
	int r = oauth_take_reply(grant->credential, &grant->body, &tokens);

	if (r < 0)
		return r;
	grant->head.content_length = (int64_t)grant->body.len;
	if (!can_be_kept(tokens.access) || !can_be_kept(tokens.refresh))
		r = -EMSGSIZE;
	else if (tokens.access != NULL || tokens.refresh != NULL)
		control_tell_tokens(control, grant->credential->name, &tokens,
				    tokens.expires_in_s == 0 ? 0
							     : clock_realtime_ns() / SECOND_NS +
								       tokens.expires_in_s);
	oauth_tokens_finish(&tokens);
	return r;
}
