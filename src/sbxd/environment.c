#include "sbxd/environment.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "net/link.h"
#include "sbxd/record.h"
#include "sbxd/string_list.h"
#include "sbxd/workspace.h"

#define PROXY "http://" LINK_GATEWAY_NAME ":3128"
#define NO_PROXY "localhost,127.0.0.1,::1,[::1]," LINK_GATEWAY_NAME
#define BUNDLE "/etc/ssl/certs/ca-certificates.crt"

_Static_assert(LINK_PROXY_PORT == 3128 && LINK_SSH_AGENT_PORT == 3129, "the ports in the texts");

struct variable {
	const char *name, *value;
};

/* The same in every sandbox. */
static const struct variable fixed[] = {
	{ "IS_SANDBOX", "1" },
	{ "BASH_ENV", "/etc/sandbox-persistent.sh" },
	{ "HTTP_PROXY", PROXY },
	{ "HTTPS_PROXY", PROXY },
	{ "http_proxy", PROXY },
	{ "https_proxy", PROXY },
	{ "NO_PROXY", NO_PROXY },
	{ "no_proxy", NO_PROXY },
	{ "NODE_USE_ENV_PROXY", "1" },
	{ "NODE_EXTRA_CA_CERTS", BUNDLE },
	{ "SSL_CERT_FILE", BUNDLE },
	{ "REQUESTS_CA_BUNDLE", BUNDLE },
	{ "CURL_CA_BUNDLE", BUNDLE },
	{ "GIT_SSL_CAINFO", BUNDLE },
	{ "SSH_AUTH_SOCK", "/run/ssh-agent.sock" },
	{ "SSH_AUTH_SOCK_GATEWAY", LINK_GATEWAY_NAME ":3129" },
};

static int add(struct string_list *list, const struct variable *variable)
{
	autofree char *text = NULL;

	if (variable->value == NULL)
		return 0;
	if (asprintf(&text, "%s=%s", variable->name, variable->value) < 0)
		return -ENOMEM;
	return string_list_add(list, text);
}

static char *encode_base64(const char *text)
{
	size_t len = strlen(text);
	char *encoded = malloc(4 * ((len + 2) / 3) + 1);

	if (encoded != NULL)
		(void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text,
				      (int)len);
	return encoded;
}

int environment_make(const struct record *record, const char *authority, struct string_list *ret)
{
	autofree char *encoded = encode_base64(authority);
	const struct variable own[] = {
		{ "SANDBOX_NAME", record->name },  { "SANDBOX_ID", record->id },
		{ "SANDBOX_VM_ID", record->name }, { "WORKSPACE_DIR", workspace_of(record) },
		{ "PROXY_CA_CERT_B64", encoded },
	};
	const struct string_list *image = &record->template.env;
	int r = encoded == NULL ? -ENOMEM : 0;

	for (size_t i = 0; r == 0 && i < image->count; i++)
		r = string_list_add(ret, image->items[i]);
	for (size_t i = 0; r == 0 && i < countof(own); i++)
		r = add(ret, &own[i]);
	for (size_t i = 0; r == 0 && i < countof(fixed); i++)
		r = add(ret, &fixed[i]);
	for (size_t i = 0; r == 0 && i < record->env.count; i++)
		r = string_list_add(ret, record->env.items[i]);
	return r;
}

/* Is the variable of this line set by one of the lines? */
static bool has_name(const struct string_list *lines, const char *line)
{
	size_t length = strcspn(line, "=") + 1;

	for (size_t i = 0; i < lines->count; i++)
		if (strncmp(lines->items[i], line, length) == 0)
			return true;
	return false;
}

int environment_merge(struct string_list *env, const struct string_list *more)
{
	struct string_list merged = { .count = 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < env->count; i++)
		if (!has_name(more, env->items[i]))
			r = string_list_add(&merged, env->items[i]);
	for (size_t i = 0; r == 0 && i < more->count; i++)
		r = string_list_add(&merged, more->items[i]);
	if (r < 0) {
		string_list_finish(&merged);
		return r;
	}
	string_list_finish(env);
	*env = merged;
	return 0;
}
