/*
 * Services as data: share/services/NAME.service. One statement a line, '#'
 * begins a comment, words are parted by blanks:
 *
 *	service NAME			once, first
 *	env NAME...			what guests find the sentinel in, and `secret import` a key
 *	sentinel TEXT			absent: "proxy-managed"
 *	inject HEADER MANNER HOST...	once for each way; MANNER is raw, bearer or basic:USER
 *
 * and for a service with an OAuth login:
 *
 *	oauth-token-url URL		https; where tokens are given and refreshed
 *	oauth-sentinels ACCESS REFRESH
 *	oauth-client ID json|form	who we are at that URL, and how it is told: sbxd refreshes
 *					the token itself. Absent: the guest's program does
 *	oauth-login URL REDIRECT NAME=VALUE...
 *					`secret set --oauth` (RFC 6749 §4.1, with PKCE): where a
 *					browser asks the user, "http://localhost:PORT/PATH" where
 *					it brings the code, and more of the query, encoded
 *	oauth-hosts HOST...		get the access token as a bearer's
 *	oauth-file PATH			below the guest's home
 *	oauth-text TEXT			what is in it; the rest of the line
 *
 * In the text are filled in: %access%, %refresh%, %id% (claims without a signature), %expires%
 * (milliseconds since 1970), and %claim NAME NAME...%, the string at that path of members of the
 * id token's claims, in quotes, or null.
 *
 * HOST is a target as in struct credential. What is not understood is refused.
 */
#ifndef CREDENTIAL_SERVICE_H
#define CREDENTIAL_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

struct err;

enum {
	SERVICE_FILE_MAX = 16384, /* bytes */
	SERVICE_WORDS_MAX = 64,	  /* of a line */
	SERVICE_INJECTS_MAX = 8,
	SERVICE_NAME_MAX = 63,
	SERVICES_MAX = 128,
};

struct service_inject {
	char *header;
	char *format; /* as in struct credential */
	char **hosts; /* NULL-terminated */
};

/* All owned; absent: NULL. */
struct service {
	char *name;
	char **env; /* NULL-terminated; may be empty */
	char *sentinel;
	struct service_inject injects[SERVICE_INJECTS_MAX];
	size_t injects_count;
	char *token_url, *access_sentinel, *refresh_sentinel;
	char **oauth_hosts;
	char *oauth_client;
	bool oauth_is_form; /* the token URL takes a form, else JSON */
	char *login_url, *login_redirect;
	char **login_query; /* NULL-terminated; may be empty */
	char *oauth_file, *oauth_text;
};

/* -EINVAL and a sentence that names the line. */
int service_parse(const char *text, size_t len, struct service *ret, struct err *err);
void service_finish(struct service *service);

struct services {
	struct service *items; /* owned; sorted by name */
	size_t count;
};

/* Every *.service of the folder; one that is wrong is a failure, with its name. */
int services_load(const char *folder, struct services *ret, struct err *err);
void services_finish(struct services *services);
const struct service *services_find(const struct services *services, const char *name);

#endif
