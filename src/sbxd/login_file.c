#include "sbxd/login_file.h"

#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/cleanup.h"
#include "credential/service.h"

/* An id token (RFC 7519) that claims nothing and is signed by nobody. */
static const char unknown_id[] = "eyJhbGciOiJub25lIn0.e30.proxy-managed";

static const char claim[] = "claim ";
enum { CLAIM_LEN = sizeof(claim) - 1 };

/* What the words of one text stand for. */
struct filling {
	struct {
		const char *name, *by;
	} words[4];
	const char *id;
};

/* The claims of "header.claims.signature", base64url without padding; NULL: none that is JSON. */
static json_t *read_claims(const char *id)
{
	const char *begin = id + strcspn(id, ".");
	size_t len = *begin == '.' ? strcspn(++begin, ".") : 0, got = 0;
	autofree unsigned char *text = malloc(len + 1);

	if (text == NULL || sodium_base642bin(text, len, begin, len, NULL, &got, NULL,
					      sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
		return NULL;
	return json_loadb((const char *)text, got, JSON_REJECT_DUPLICATES, NULL);
}

/* The string at a path of members' names, a blank between two, as JSON; null: there is none. */
static int put_claim(const char *id, const char *path, size_t len, struct buf *to)
{
	json_t *claims = read_claims(id);
	const json_t *at = claims;
	autofree char *literal = NULL;

	while (len > 0) {
		const char *blank = memchr(path, ' ', len);
		size_t name = blank != NULL ? (size_t)(blank - path) : len;

		at = json_object_getn(at, path, name);
		path += min_of(name + 1, len);
		len -= min_of(name + 1, len);
	}
	if (json_is_string(at))
		literal = json_dumps(at, JSON_ENCODE_ANY);
	json_decref(claims);
	return buf_printf(to, "%s", literal != NULL ? literal : "null");
}

/* What stands between two '%'; *ret_known: it is a word, and was filled in. */
static int put_word(const struct filling *filling, const char *word, size_t len, struct buf *to,
		    bool *ret_known)
{
	*ret_known = true;
	for (size_t i = 0; i < countof(filling->words); i++)
		if (strlen(filling->words[i].name) == len &&
		    memcmp(filling->words[i].name, word, len) == 0)
			return buf_printf(to, "%s", filling->words[i].by);
	if (len > CLAIM_LEN && memcmp(word, claim, CLAIM_LEN) == 0)
		return put_claim(filling->id, word + CLAIM_LEN, len - CLAIM_LEN, to);
	*ret_known = false;
	return 0;
}

/* Up to the next word and that; or what only begins like one, as it is. */
static int put_next(const struct filling *filling, const char **from, struct buf *to)
{
	size_t plain = strcspn(*from, "%");
	const char *word = *from + plain + 1, *end;
	bool is_known = false;
	int r = buf_append(to, *from, plain);

	*from += plain;
	if (r < 0 || **from == '\0')
		return r;
	end = strchr(word, '%');
	if (end != NULL)
		r = put_word(filling, word, (size_t)(end - word), to, &is_known);
	*from = is_known ? end + 1 : word;
	return r < 0 || is_known ? r : buf_append(to, "%", 1);
}

char *login_file_text(const struct service *service, const char *id, uint64_t expires_s)
{
	char expires[32];
	const struct filling filling = {
		.words = { { "access", service->access_sentinel },
			   { "refresh", service->refresh_sentinel },
			   { "id", id != NULL ? id : unknown_id },
			   { "expires", expires } },
		.id = id != NULL ? id : unknown_id,
	};
	autocall(buf_finish) struct buf text = { 0 };
	const char *from = service->oauth_text;
	int r = 0;

	(void)snprintf(expires, sizeof(expires), "%llu", (unsigned long long)expires_s * 1000);
	buf_init(&text, SERVICE_FILE_MAX * 2);
	while (r == 0 && *from != '\0')
		r = put_next(&filling, &from, &text);
	return r == 0 && buf_str(&text) != NULL ? strdup(buf_str(&text)) : NULL;
}
