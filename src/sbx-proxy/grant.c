#include "sbx-proxy/login.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "credential/credential.h"
#include "credential/oauth.h"
#include "sbx-proxy/control.h"

enum { SECOND_NS = 1000000000 };

void login_init(struct login *login)
{
	*login = (struct login){ .credential = NULL };
	http_response_init(&login->head, 0);
	buf_init(&login->body, OAUTH_BODY_MAX);
}

void login_finish(struct login *login)
{
	if (login->body.data != NULL)
		explicit_bzero(login->body.data, login->body.cap);
	buf_finish(&login->body);
	http_response_finish(&login->head);
}

int login_fill(const struct login *login, struct http_request *request, struct buf *body)
{
	const struct http_field *type = http_fields_only(&request->fields, "content-type");
	int r = oauth_fill_request(login->credential, type == NULL ? "" : type->value, body);

	if (r < 0)
		return r;
	request->content_length = (int64_t)body->len;
	return http_fields_set(&request->fields, "accept-encoding", "identity");
}

void login_hold(struct login *login, struct http_response *response)
{
	http_response_finish(&login->head);
	login->head = *response;
	http_response_init(response, 0);
}

int login_gather(struct login *login, const uint8_t *bytes, size_t len)
{
	return buf_append(&login->body, bytes, len) < 0 ? -EMSGSIZE : 0;
}

int login_take(struct login *login, struct control *control)
{
	struct oauth_tokens tokens;
	int r = oauth_take_reply(login->credential, &login->body, &tokens);

	if (r < 0)
		return r;
	login->head.content_length = (int64_t)login->body.len;
	if (tokens.access != NULL || tokens.refresh != NULL)
		control_tell_tokens(control, login->credential->name, tokens.access, tokens.refresh,
				    tokens.expires_in_s == 0 ? 0
							     : clock_realtime_ns() / SECOND_NS +
								       tokens.expires_in_s);
	oauth_tokens_finish(&tokens);
	return 0;
}
