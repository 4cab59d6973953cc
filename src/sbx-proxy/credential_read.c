#include "sbx-proxy/credential_read.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "credential/credential.h"
#include "wire/proxy.h"

int credential_read(struct proxy_message *message, struct credential *ret)
{
	struct credential credential = { .kind = (enum credential_kind)message->kind };
	int r = 0;

	if (message->name == NULL || message->targets == NULL ||
	    message->kind < CREDENTIAL_SERVICE || message->kind > CREDENTIAL_OAUTH)
		return -EPROTO;
	credential.name = take_ptr(message->name);
	credential.targets = take_ptr(message->targets);
	credential.header = take_ptr(message->header);
	credential.format = take_ptr(message->format);
	credential.sentinel = take_ptr(message->sentinel);
	credential.username = take_ptr(message->username);
	credential.token_url = take_ptr(message->token_url);
	credential.refresh_sentinel = take_ptr(message->refresh_sentinel);
	if (message->value != NULL)
		r = credential_set_value(&credential, message->value, strlen(message->value));
	if (r == 0 && message->refresh != NULL)
		r = credential_set_refresh(&credential, message->refresh, strlen(message->refresh));
	if (r < 0) {
		credential_finish(&credential);
		return r;
	}
	*ret = credential;
	return 0;
}
