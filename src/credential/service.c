#include "credential/service.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "credential/oauth.h"

/* One line, taken apart. */
struct line {
	unsigned number;
	char *words[SERVICE_WORDS_MAX]; /* weak: in the line's copy */
	size_t count;
	const char *rest; /* weak: the second word and all after it */
};

static void free_list(char **list)
{
	for (char **item = list; item != NULL && *item != NULL; item++)
		free(*item);
	free(list);
}

void service_finish(struct service *service)
{
	if (service == NULL)
		return;
	free(service->name);
	free_list(service->env);
	free(service->sentinel);
	for (size_t i = 0; i < service->injects_count; i++) {
		free(service->injects[i].header);
		free(service->injects[i].format);
		free_list(service->injects[i].hosts);
	}
	free(service->token_url);
	free(service->access_sentinel);
	free(service->refresh_sentinel);
	free_list(service->oauth_hosts);
	free(service->oauth_client);
	free(service->login_url);
	free(service->login_redirect);
	free_list(service->login_query);
	free(service->oauth_file);
	free(service->oauth_text);
	*service = (struct service){ .name = NULL };
}

static bool is_name(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len > 0 && len <= SERVICE_NAME_MAX && text[len] == '\0' && text[0] != '-';
}

static bool is_variable(const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++)
		if (!isupper((unsigned char)text[i]) && text[i] != '_' &&
		    (i == 0 || !isdigit((unsigned char)text[i])))
			return false;
	return text[0] != '\0';
}

static bool is_header(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_");

	return len > 0 && text[len] == '\0';
}

static bool is_host(const char *text)
{
	size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_.*?:[]");

	return len > 0 && len <= OAUTH_HOST_MAX && text[len] == '\0';
}

static bool is_visible(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

/* What may stand in a query as it is. */
static bool is_name_value(const char *text)
{
	return text[0] != '\0' && text[strspn(text,
					      "abcdefghijklmnopqrstuvwxyz"
					      "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "0123456789-._~+%=:")] == '\0';
}

/* Below the home, and never out of it. */
static bool is_path(const char *text)
{
	return is_visible(text) && text[0] != '/' && text[0] != '\0' && strstr(text, "..") == NULL;
}

static int set_once(char **place, const char *text)
{
	if (*place != NULL)
		return -EEXIST;
	*place = strdup(text);
	return *place != NULL ? 0 : -ENOMEM;
}

static int set_list(char ***place, char *const *words, size_t count,
		    bool (*is_good)(const char *text))
{
	char **list;

	if (*place != NULL)
		return -EEXIST;
	list = calloc(count + 1, sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	*place = list;
	for (size_t i = 0; i < count; i++) {
		if (!is_good(words[i]))
			return -EINVAL;
		list[i] = strdup(words[i]);
		if (list[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int take_service(struct service *service, const struct line *line)
{
	return is_name(line->words[1]) ? set_once(&service->name, line->words[1]) : -EINVAL;
}

static int take_env(struct service *service, const struct line *line)
{
	return set_list(&service->env, line->words + 1, line->count - 1, is_variable);
}

static int take_sentinel(struct service *service, const struct line *line)
{
	return is_visible(line->words[1]) ? set_once(&service->sentinel, line->words[1]) : -EINVAL;
}

static const char *format_of(const char *manner)
{
	if (strcmp(manner, "raw") == 0)
		return "%s";
	if (strcmp(manner, "bearer") == 0)
		return "Bearer %s";
	return strncmp(manner, "basic:", 6) == 0 && manner[6] != '\0' && is_visible(manner) ? manner
											    : NULL;
}

static int take_inject(struct service *service, const struct line *line)
{
	struct service_inject *inject = &service->injects[service->injects_count];
	const char *format = format_of(line->words[2]);
	int r;

	if (service->injects_count == SERVICE_INJECTS_MAX || format == NULL ||
	    !is_header(line->words[1]))
		return -EINVAL;
	service->injects_count++;
	r = set_once(&inject->header, line->words[1]);
	if (r == 0)
		r = set_once(&inject->format, format);
	return r < 0 ? r : set_list(&inject->hosts, line->words + 3, line->count - 3, is_host);
}

static int take_url(struct service *service, const struct line *line)
{
	char host[OAUTH_HOST_MAX + 1];
	uint16_t port;

	if (!is_visible(line->words[1]) || oauth_url_host(line->words[1], host, &port) < 0)
		return -EINVAL;
	return set_once(&service->token_url, line->words[1]);
}

static int take_sentinels(struct service *service, const struct line *line)
{
	int r = is_visible(line->words[1]) && is_visible(line->words[2]) ? 0 : -EINVAL;

	if (r == 0)
		r = set_once(&service->access_sentinel, line->words[1]);
	return r < 0 ? r : set_once(&service->refresh_sentinel, line->words[2]);
}

static int take_client(struct service *service, const struct line *line)
{
	service->oauth_is_form = strcmp(line->words[2], "form") == 0;
	if (!is_name_value(line->words[1]) ||
	    (!service->oauth_is_form && strcmp(line->words[2], "json") != 0))
		return -EINVAL;
	return set_once(&service->oauth_client, line->words[1]);
}

/* A browser on this machine brings the code, so the address is this machine's. */
static bool is_loopback_url(const char *url)
{
	static const char prefix[] = "http://localhost:";
	const char *port = url + sizeof(prefix) - 1, *path;

	if (strncmp(url, prefix, sizeof(prefix) - 1) != 0)
		return false;
	path = port + strspn(port, "0123456789");
	return path > port && path - port <= 5 && *path == '/' && strpbrk(path, "?#\"\\") == NULL;
}

static int take_login(struct service *service, const struct line *line)
{
	char host[OAUTH_HOST_MAX + 1];
	uint16_t port;
	int r = 0;

	if (!is_visible(line->words[1]) || !is_visible(line->words[2]) ||
	    oauth_url_host(line->words[1], host, &port) < 0 || !is_loopback_url(line->words[2]))
		r = -EINVAL;
	if (r == 0)
		r = set_once(&service->login_url, line->words[1]);
	if (r == 0)
		r = set_once(&service->login_redirect, line->words[2]);
	return r < 0 ? r
		     : set_list(&service->login_query, line->words + 3, line->count - 3,
				is_name_value);
}

static int take_oauth_hosts(struct service *service, const struct line *line)
{
	return set_list(&service->oauth_hosts, line->words + 1, line->count - 1, is_host);
}

static int take_file(struct service *service, const struct line *line)
{
	return is_path(line->words[1]) ? set_once(&service->oauth_file, line->words[1]) : -EINVAL;
}

static int take_text(struct service *service, const struct line *line)
{
	return set_once(&service->oauth_text, line->rest);
}

static const struct statement {
	const char *word;
	size_t least, most; /* words after it */
	int (*take)(struct service *service, const struct line *line);
} statements[] = {
	{ "service", 1, 1, take_service },
	{ "env", 1, 8, take_env },
	{ "sentinel", 1, 1, take_sentinel },
	{ "inject", 3, SERVICE_WORDS_MAX, take_inject },
	{ "oauth-token-url", 1, 1, take_url },
	{ "oauth-sentinels", 2, 2, take_sentinels },
	{ "oauth-client", 2, 2, take_client },
	{ "oauth-login", 2, SERVICE_WORDS_MAX, take_login },
	{ "oauth-hosts", 1, SERVICE_WORDS_MAX, take_oauth_hosts },
	{ "oauth-file", 1, 1, take_file },
	{ "oauth-text", 1, SERVICE_WORDS_MAX, take_text },
};

static const struct statement *find_statement(const char *word)
{
	for (size_t i = 0; i < countof(statements); i++)
		if (strcmp(statements[i].word, word) == 0)
			return &statements[i];
	return NULL;
}

static int take_line(struct service *service, const struct line *line, struct err *err)
{
	const struct statement *statement = find_statement(line->words[0]);
	int r;

	if (statement == NULL)
		return err_set(err, -EINVAL, "line %u: no statement is called '%.40s'",
			       line->number, line->words[0]);
	if (line->count - 1 < statement->least || line->count - 1 > statement->most)
		return err_set(err, -EINVAL, "line %u: '%s' has too few or too many words",
			       line->number, statement->word);
	if ((service->name == NULL) != (statement->take == take_service))
		return err_set(err, -EINVAL, "line %u: 'service NAME' stands first, once",
			       line->number);
	r = statement->take(service, line);
	if (r == -EEXIST)
		return err_set(err, -EINVAL, "line %u: '%s' is said twice", line->number,
			       statement->word);
	if (r == -EINVAL)
		return err_set(err, r, "line %u: '%s' has a word that cannot be", line->number,
			       statement->word);
	return r < 0 ? err_set(err, r, "out of memory") : 0;
}

/* Takes a line apart, in place; no words is an empty line or a comment. */
static int split(char *text, struct line *line)
{
	char *word;

	while ((word = strsep(&text, " \t")) != NULL) {
		if (*word == '\0')
			continue;
		if (line->count == 0 && *word == '#')
			return 0;
		if (line->count == SERVICE_WORDS_MAX)
			return -E2BIG;
		line->words[line->count++] = word;
	}
	return 0;
}

static int check_whole(const struct service *service, struct err *err)
{
	bool has_url = service->token_url != NULL;

	if (service->name == NULL)
		return err_set(err, -EINVAL, "'service NAME' is missing");
	if (service->injects_count == 0 && !has_url)
		return err_set(err, -EINVAL, "there is no 'inject', and no login");
	if (has_url != (service->access_sentinel != NULL) ||
	    has_url != (service->oauth_hosts != NULL) ||
	    (service->oauth_file != NULL) != (service->oauth_text != NULL) ||
	    (service->oauth_file != NULL && !has_url))
		return err_set(err, -EINVAL,
			       "an OAuth login needs a token URL, sentinels and hosts, and its "
			       "file a text");
	if ((service->oauth_client != NULL && service->refresh_sentinel == NULL) ||
	    (service->login_url != NULL && service->oauth_client == NULL))
		return err_set(err, -EINVAL,
			       "'oauth-login' needs an 'oauth-client', and that a token URL");
	return 0;
}

static int parse_line(struct service *service, const char *text, size_t len, unsigned number,
		      struct err *err)
{
	autofree char *copy = strndup(text, len), *whole = strndup(text, len);
	struct line line = { .number = number };

	if (copy == NULL || whole == NULL)
		return err_set(err, -ENOMEM, "out of memory");
	if (split(copy, &line) < 0)
		return err_set(err, -EINVAL, "line %u: too many words", number);
	if (line.count == 0)
		return 0;
	line.rest = line.count > 1 ? whole + (line.words[1] - copy) : "";
	return take_line(service, &line, err);
}

static int parse_all(struct service *service, const char *text, size_t len, struct err *err)
{
	const char *end = text + len;
	int r = 0;

	for (unsigned number = 1; r == 0 && text < end; number++) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t line_len = newline != NULL ? (size_t)(newline - text) : (size_t)(end - text);

		r = parse_line(service, text, line_len, number, err);
		text += line_len + (newline != NULL);
	}
	if (r == 0)
		r = check_whole(service, err);
	if (r == 0 && service->sentinel == NULL &&
	    set_once(&service->sentinel, "proxy-managed") < 0)
		r = err_set(err, -ENOMEM, "out of memory");
	return r;
}

int service_parse(const char *text, size_t len, struct service *ret, struct err *err)
{
	struct service service = { .name = NULL };
	int r;

	if (len > SERVICE_FILE_MAX || memchr(text, '\0', len) != NULL ||
	    memchr(text, '\r', len) != NULL)
		return err_set(err, -EINVAL, "it is too long, or no text");
	r = parse_all(&service, text, len, err);
	if (r < 0)
		service_finish(&service);
	else
		*ret = service;
	return r;
}
