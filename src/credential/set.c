#include "credential/set.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/parse.h"
#include "credential/forms.h"

static bool may_stand_in_header(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (((unsigned char)bytes[i] < ' ' && bytes[i] != '\t') || bytes[i] == 0x7f)
			return false;
	return true;
}

static int set_secret(char **secret, size_t *secret_len, const char *bytes, size_t len)
{
	char *copy;

	if (len == 0 || !may_stand_in_header(bytes, len))
		return -EINVAL;
	if (len > CREDENTIAL_VALUE_MAX)
		return -EMSGSIZE;
	if (sodium_init() < 0)
		return -ENOSYS;
	copy = sodium_malloc(len + 1);
	if (copy == NULL)
		return -ENOMEM;
	memcpy(copy, bytes, len);
	copy[len] = '\0';
	sodium_free(*secret);
	*secret = copy;
	*secret_len = len;
	return 0;
}

int credential_set_value(struct credential *credential, const char *bytes, size_t len)
{
	return set_secret(&credential->value, &credential->value_len, bytes, len);
}

int credential_set_refresh(struct credential *credential, const char *bytes, size_t len)
{
	return set_secret(&credential->refresh, &credential->refresh_len, bytes, len);
}

void credential_finish(struct credential *credential)
{
	if (credential == NULL)
		return;
	for (char **target = credential->targets; target != NULL && *target != NULL; target++)
		free(*target);
	free(credential->targets);
	free(credential->name);
	free(credential->header);
	free(credential->format);
	free(credential->sentinel);
	free(credential->username);
	free(credential->token_url);
	free(credential->refresh_sentinel);
	sodium_free(credential->value);
	sodium_free(credential->refresh);
	*credential = (struct credential){ .name = NULL };
}

static bool is_whole(const struct credential *credential)
{
	if (credential->name == NULL || credential->targets == NULL)
		return false;
	switch (credential->kind) {
	case CREDENTIAL_CUSTOM:
		return credential->sentinel != NULL && credential->sentinel[0] != '\0';
	case CREDENTIAL_SERVICE:
	case CREDENTIAL_OAUTH:
		return credential->header != NULL && credential->format != NULL;
	case CREDENTIAL_REGISTRY:
		return credential->username != NULL;
	}
	return false;
}

static int add_needles(struct credentials *credentials, size_t item)
{
	const struct credential *credential = &credentials->items[item];
	int r = 0;

	if (credential->value_len >= CREDENTIAL_SCAN_MIN)
		r = forms_add(credentials->needles, (const uint8_t *)credential->value,
			      credential->value_len, owner_of_value(credentials, item));
	if (r == 0 && credential->refresh_len >= CREDENTIAL_SCAN_MIN)
		r = forms_add(credentials->needles, (const uint8_t *)credential->refresh,
			      credential->refresh_len, owner_of_value(credentials, item));
	if (r == 0 && credential->kind == CREDENTIAL_CUSTOM &&
	    strlen(credential->sentinel) >= CREDENTIAL_SCAN_MIN)
		r = needles_add(credentials->needles, credential->sentinel,
				strlen(credential->sentinel), owner_of_placeholder(item));
	return r;
}

static uint32_t find_same(const struct credentials *credentials, size_t item)
{
	const struct credential *items = credentials->items;

	for (size_t i = 0; i < item; i++)
		if (items[i].value_len == items[item].value_len && items[i].value != NULL &&
		    items[item].value != NULL && strcmp(items[i].value, items[item].value) == 0)
			return (uint32_t)i;
	return (uint32_t)item;
}

static int fill(struct credentials *credentials)
{
	int r = needles_create(&credentials->needles);

	for (size_t i = 0; i < credentials->count; i++)
		credentials->same[i] = find_same(credentials, i);
	for (size_t i = 0; r == 0 && i < credentials->count; i++)
		r = is_whole(&credentials->items[i]) ? add_needles(credentials, i) : -EINVAL;
	return r < 0 ? r : needles_seal(credentials->needles);
}

static struct credentials *allocate(size_t count)
{
	struct credentials *credentials = calloc(1, sizeof(*credentials));

	if (credentials == NULL)
		return NULL;
	credentials->items = calloc(count + 1, sizeof(*credentials->items));
	credentials->same = calloc(count + 1, sizeof(*credentials->same));
	if (credentials->items != NULL && credentials->same != NULL)
		return credentials;
	credentials_destroy(credentials);
	return NULL;
}

int credentials_create(struct credential *items, size_t count, struct credentials **ret)
{
	struct credentials *credentials = count <= CREDENTIALS_MAX ? allocate(count) : NULL;
	int r = count <= CREDENTIALS_MAX ? -ENOMEM : -E2BIG;

	for (size_t i = 0; i < count; i++) {
		if (credentials != NULL)
			credentials->items[i] = items[i];
		else
			credential_finish(&items[i]);
		items[i] = (struct credential){ .name = NULL };
	}
	if (credentials == NULL)
		return r;
	credentials->count = count;
	r = fill(credentials);
	if (r < 0) {
		credentials_destroy(credentials);
		return r;
	}
	*ret = credentials;
	return 0;
}

void credentials_destroy(struct credentials *credentials)
{
	if (credentials == NULL)
		return;
	for (size_t i = 0; i < credentials->count; i++)
		credential_finish(&credentials->items[i]);
	free(credentials->items);
	free(credentials->same);
	needles_destroy(credentials->needles);
	free(credentials);
}

enum { HOST_MAX = 253 };

/* One element of a pattern at work: from where in the host one could be, to where one can get. */
static void step(const char *element, bool is_deep, const char *host, bool at[HOST_MAX + 1])
{
	bool is_star = *element == '*';
	bool was_here = at[0], got_here = false;

	at[0] = false;
	for (size_t i = 0; host[i] != '\0'; i++) {
		bool may_begin = was_here || (is_star && got_here);
		bool fits = is_star || *element == '?' ? is_deep || host[i] != '.'
						       : strncasecmp(element, host + i, 1) == 0;

		was_here = at[i + 1];
		got_here = at[i + 1] = may_begin && fits;
	}
}

/*
 * A glob over host names: '*' characters of one label, "**" any, '?' one of a
 * label; a star stands for one character at least.
 */
static bool glob_matches(const char *pattern, const char *end, const char *host)
{
	bool at[HOST_MAX + 1] = { true };
	size_t len = strlen(host);

	if (len > HOST_MAX)
		return false;
	while (pattern < end) {
		bool is_deep = pattern[0] == '*' && end - pattern > 1 && pattern[1] == '*';

		step(pattern, is_deep, host, at);
		pattern += is_deep ? 2 : 1;
	}
	return at[len];
}

/* Where the host in "host:port" or "[v6]:port" ends; *ret_port 0: none. */
static const char *split_port(const char *pattern, uint16_t *ret_port)
{
	const char *colon = strrchr(pattern, ':');
	bool is_bare_v6 = colon != NULL && pattern[0] != '[' && strchr(pattern, ':') != colon;
	uint64_t port;

	*ret_port = 0;
	if (colon == NULL || is_bare_v6 || parse_u64(colon + 1, UINT16_MAX, &port) < 0)
		return pattern + strlen(pattern);
	*ret_port = (uint16_t)port;
	return colon;
}

bool credential_target_matches(const char *pattern, const char *host, uint16_t port)
{
	uint16_t wanted;
	const char *end = split_port(pattern, &wanted);

	if (wanted != 0 && wanted != port)
		return false;
	if (end - pattern > 2 && pattern[0] == '[' && end[-1] == ']') {
		pattern++;
		end--;
	}
	if (end - pattern == 1 && pattern[0] == '*')
		return true;
	return glob_matches(pattern, end, host);
}

bool credential_binds(const struct credential *credential, const char *host, uint16_t port)
{
	for (char **target = credential->targets; *target != NULL; target++)
		if (credential_target_matches(*target, host, port))
			return true;
	return false;
}

bool credentials_bind(const struct credentials *credentials, const char *host, uint16_t port)
{
	for (size_t i = 0; credentials != NULL && i < credentials->count; i++)
		if (credential_binds(&credentials->items[i], host, port) ||
		    credential_watches(&credentials->items[i], host, port))
			return true;
	return false;
}
