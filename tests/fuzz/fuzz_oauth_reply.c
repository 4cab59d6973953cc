/*
 * Bodies at a token endpoint: the guest's request, which holds the sentinel of a refresh token,
 * and the origin's reply, which holds real ones. No real token is in what the guest gets.
 */
#include <assert.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "credential/credential.h"
#include "credential/oauth.h"
#include "tests/fuzz/fuzz.h"

static const char *const types[] = { "application/json", "application/x-www-form-urlencoded",
				     "application/json; charset=utf-8", "text/plain", NULL };

static const struct credential credential = {
	.name = (char *)"service",
	.kind = CREDENTIAL_OAUTH,
	.header = (char *)"authorization",
	.format = (char *)"Bearer %s",
	.sentinel = (char *)"proxy-managed-access",
	.token_url = (char *)"https://login.example.com/token",
	.refresh_sentinel = (char *)"proxy-managed-refresh",
	.refresh = (char *)"real\"refresh&token",
	.refresh_len = 18,
};

static void fill(struct buf *body, const uint8_t *data, size_t size)
{
	buf_init(body, OAUTH_BODY_MAX);
	(void)buf_append(body, data, size);
}

static void check_absent(const struct buf *body, const char *token)
{
	/* Short ones are words of the rest, too. */
	if (token != NULL && strlen(token) > 32)
		assert(memmem(body->data, body->len, token, strlen(token)) == NULL);
}

/* A kit says where its tokens come from. */
static void parse_url(const uint8_t *data, size_t size)
{
	char url[512], host[OAUTH_HOST_MAX + 1];
	size_t len = size < sizeof(url) - 1 ? size : sizeof(url) - 1;
	uint16_t port;

	memcpy(url, data, len);
	url[len] = '\0';
	if (oauth_url_host(url, host, &port) == 0)
		assert(host[0] != '\0' && strpbrk(host, ":/") == NULL && port != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oauth_tokens tokens = { .access = NULL };
	struct buf body;
	int r;

	if (sodium_init() < 0 || size < 1)
		return 0;
	parse_url(data + 1, size - 1);
	fill(&body, data + 1, size - 1);
	r = oauth_fill_request(&credential, types[data[0] % 5], &body);
	assert(r == 0 || r == -EINVAL || r == -EACCES || r == -ENOMEM || r == -EMSGSIZE);
	buf_finish(&body);
	fill(&body, data + 1, size - 1);
	r = oauth_take_reply(&credential, &body, &tokens);
	if (r == 0) {
		check_absent(&body, tokens.access);
		check_absent(&body, tokens.refresh);
	}
	oauth_tokens_finish(&tokens);
	buf_finish(&body);
	return 0;
}
