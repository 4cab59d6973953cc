#include "oci/reference.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

#define DEFAULT_DOMAIN "docker.io"
#define DEFAULT_FOLDER "library/"
#define DEFAULT_TAG "latest"

#define LOWER "abcdefghijklmnopqrstuvwxyz0123456789"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static bool is_alnum(char c)
{
	return isalnum((unsigned char)c) != 0;
}

static int refuse(const char *text, struct err *err)
{
	return err_set(err, -EINVAL,
		       "'%.80s' is no image: write it like name, name:tag or "
		       "registry.example/name:tag, in lower case",
		       text);
}

/* The first part of a name is a domain when it could not be a folder's name. */
static bool is_domain(const char *part, size_t len)
{
	return memchr(part, '.', len) != NULL || memchr(part, ':', len) != NULL ||
	       (len == strlen("localhost") && strncmp(part, "localhost", len) == 0);
}

static bool is_good_domain(const char *domain)
{
	return is_alnum(domain[0]) && is_alnum(domain[strlen(domain) - 1]) &&
	       strspn(domain, LOWER UPPER "-.:[]") == strlen(domain) &&
	       strstr(domain, "..") == NULL;
}

/* Parts of lower-case letters and digits, with '.', '_' or '-' between them. */
static bool is_good_path(const char *path)
{
	for (const char *part = path;; part++) {
		size_t len = strcspn(part, "/");

		if (len == 0 || len != strspn(part, LOWER "._-") || !is_alnum(part[0]) ||
		    !is_alnum(part[len - 1]))
			return false;
		part += len;
		if (*part == '\0')
			return true;
	}
}

static bool is_good_tag(const char *tag)
{
	size_t len = strlen(tag);

	return len > 0 && len <= OCI_TAG_MAX && tag[0] != '.' && tag[0] != '-' &&
	       strspn(tag, LOWER UPPER "._-") == len;
}

/* Cuts "@DIGEST" and ":TAG" off the end. */
static bool cut_end(char *text, struct oci_reference *ret)
{
	char *at = strchr(text, '@'), *colon;

	if (at != NULL) {
		*at++ = '\0';
		if (!oci_digest_is_valid(at))
			return false;
		memcpy(ret->digest, at, strlen(at) + 1);
	}
	colon = strrchr(text, ':');
	if (colon != NULL && strchr(colon, '/') == NULL) {
		*colon++ = '\0';
		if (!is_good_tag(colon))
			return false;
		memcpy(ret->tag, colon, strlen(colon) + 1);
		ret->has_tag = true;
	} else if (at == NULL) {
		memcpy(ret->tag, DEFAULT_TAG, sizeof(DEFAULT_TAG));
	}
	return true;
}

static bool take_name(const char *text, struct oci_reference *ret)
{
	size_t first = strcspn(text, "/");

	ret->has_domain = text[first] == '/' && is_domain(text, first);
	(void)snprintf(ret->domain, sizeof(ret->domain), "%.*s",
		       ret->has_domain ? (int)first : (int)strlen(DEFAULT_DOMAIN),
		       ret->has_domain ? text : DEFAULT_DOMAIN);
	if (ret->has_domain)
		text += first + 1;
	(void)snprintf(ret->path, sizeof(ret->path), "%s%s",
		       strcmp(ret->domain, DEFAULT_DOMAIN) == 0 && strchr(text, '/') == NULL
			       ? DEFAULT_FOLDER
			       : "",
		       text);
	return is_good_domain(ret->domain) && is_good_path(ret->path);
}

int oci_reference_parse(const char *text, struct oci_reference *ret, struct err *err)
{
	struct oci_reference reference = { .tag = "" };
	char name[OCI_REFERENCE_MAX + 1];
	size_t len = strlen(text);

	if (len == 0 || len > OCI_REFERENCE_MAX)
		return refuse(text, err);
	memcpy(name, text, len + 1);
	if (!cut_end(name, &reference) || name[0] == '\0' || !take_name(name, &reference))
		return refuse(text, err);
	*ret = reference;
	return 0;
}

void oci_reference_format(const struct oci_reference *reference, char ret[OCI_REFERENCE_TEXT])
{
	(void)snprintf(ret, OCI_REFERENCE_TEXT, "%s/%s%s%s%s%s", reference->domain, reference->path,
		       reference->tag[0] != '\0' ? ":" : "", reference->tag,
		       reference->digest[0] != '\0' ? "@" : "", reference->digest);
}
