#include "policy/http.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "policy/match.h"

static const char any_method[] = "ANY";

bool http_is_rule(const struct policy_rule *rule)
{
	return rule->methods != NULL;
}

/* RFC 9110, 5.6.2; methods longer than that are of no protocol we know. */
static bool is_token(const char *text, size_t len)
{
	enum { TOKEN_MAX = 32 };

	if (len == 0 || len > TOKEN_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && strchr("!#$%&'*+-.^_`|~", text[i]) == NULL)
			return false;
	return true;
}

/* A segment that canonical paths do not have. */
static bool is_dots(const char *segment, size_t len)
{
	return (len == 1 && segment[0] == '.') ||
	       (len == 2 && segment[0] == '.' && segment[1] == '.');
}

/* Begins with '/', no "." or "..", no query, nothing unprintable; "//" within is none either. */
static bool is_canonical(const char *path)
{
	if (path[0] != '/')
		return false;
	while (*path == '/') {
		size_t len = strcspn(++path, "/");

		if (is_dots(path, len) || (len == 0 && *path == '/'))
			return false;
		path += len;
	}
	return true;
}

static bool has_only_path_characters(const char *path)
{
	for (; *path != '\0'; path++)
		if ((unsigned char)*path <= ' ' || *path == 0x7f || strchr("?#\\", *path) != NULL)
			return false;
	return true;
}

bool http_is_question(const char *method, const char *path)
{
	if (method == NULL)
		return path == NULL;
	if (!is_token(method, strlen(method)) || path == NULL)
		return false;
	if (strcmp(path, "*") == 0)
		return true;
	return strnlen(path, HTTP_QUESTION_PATH_MAX + 1) <= HTTP_QUESTION_PATH_MAX &&
	       is_canonical(path) && has_only_path_characters(path);
}

static bool has_method(const char *methods, const char *method)
{
	size_t len = strlen(method);

	if (strcmp(methods, any_method) == 0)
		return true;
	while (*methods != '\0') {
		size_t one = strcspn(methods, ",");

		if (one == len && memcmp(methods, method, len) == 0)
			return true;
		methods += one + (methods[one] == ',');
	}
	return false;
}

/* A rule for all below a folder is for the folder too. */
static bool has_path(const char *pattern, const char *path)
{
	size_t len = strlen(pattern);

	if (match_glob(MATCH_PATH, pattern, path))
		return true;
	if (len > 3 && strcmp(pattern + len - 3, "/**") == 0) {
		char root[MATCH_PATTERN_MAX + 1];

		(void)snprintf(root, sizeof(root), "%.*s", (int)(len - 3), pattern);
		return match_glob(MATCH_PATH, root, path);
	}
	return false;
}

bool http_rule_matches(const struct policy_rule *rule, const char *method, const char *path)
{
	return has_method(rule->methods, method) &&
	       (rule->path == NULL || has_path(rule->path, path));
}

/* "get, post" becomes "GET,POST". */
static int normalize_methods(const char *text, char **ret, struct err *err)
{
	char methods[HTTP_RULE_METHODS_MAX];
	size_t len = 0;

	if (strlen(text) >= sizeof(methods))
		return err_set(err, -EINVAL, "'%.40s…' are too many methods", text);
	for (const char *at = text;; at++) {
		size_t one = strcspn(at, ",");

		if (!is_token(at, one))
			return err_set(err, -EINVAL,
				       "'%s' is no list of methods; write GET,POST or ANY", text);
		for (size_t i = 0; i < one; i++)
			methods[len++] = (char)toupper((unsigned char)at[i]);
		at += one;
		if (*at == '\0')
			break;
		methods[len++] = ',';
	}
	methods[len] = '\0';
	if (strchr(methods, ',') != NULL && has_method(methods, any_method))
		return err_set(err, -EINVAL, "'%s': ANY stands for all methods, so write it alone",
			       text);
	*ret = strdup(methods);
	return *ret == NULL ? err_set(err, -ENOMEM, "out of memory") : 0;
}

/* "**" only as a whole segment. */
static bool has_good_stars(const char *path)
{
	for (const char *at = path; (at = strstr(at, "**")) != NULL; at += 2)
		if (at[-1] != '/' || (at[2] != '/' && at[2] != '\0'))
			return false;
	return true;
}

static int check_path(const char *path, struct err *err)
{
	if (strlen(path) > MATCH_PATTERN_MAX)
		return err_set(err, -EINVAL, "the path '%.40s…' is longer than %d bytes", path,
			       MATCH_PATTERN_MAX);
	if (!is_canonical(path) || !has_only_path_characters(path))
		return err_set(err, -EINVAL,
			       "'%s' is no path in its canonical form: it begins with '/', has no "
			       "'//', '.', '..', '\\', spaces, query or fragment",
			       path);
	if (!has_good_stars(path))
		return err_set(err, -EINVAL, "'%s': '**' stands for whole segments: /a/**", path);
	return 0;
}

int policy_rule_set_http(struct policy_rule *rule, const char *methods, const char *path,
			 struct err *err)
{
	autofree char *own_methods = NULL, *own_path = NULL;
	int r;

	if (rule->resource.kind == POLICY_NET)
		return err_set(err, -EINVAL,
			       "a rule with method or path needs a host name, not an IP address");
	if (rule->protocols != POLICY_TCP)
		return err_set(err, -EINVAL, "a rule with method or path is for tcp only");
	r = normalize_methods(methods == NULL ? any_method : methods, &own_methods, err);
	if (r == 0 && path != NULL)
		r = check_path(path, err);
	if (r < 0)
		return r;
	if (path != NULL && (own_path = strdup(path)) == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	rule->methods = take_ptr(own_methods);
	rule->path = take_ptr(own_path);
	return 0;
}
