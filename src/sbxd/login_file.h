/* The login file of a service as the guest gets it (credential/service.h, oauth-text). */
#ifndef SBXD_LOGIN_FILE_H
#define SBXD_LOGIN_FILE_H

#include <stdint.h>

struct service;

/*
 * The service's text with its words filled in: sentinels, never a token. id: claims without a
 * signature, as PROXY_TOKENS brings them; NULL: none came. expires_s: seconds since 1970. The
 * caller frees it; NULL without memory, or when it grows beyond 2 * SERVICE_FILE_MAX.
 */
char *login_file_text(const struct service *service, const char *id, uint64_t expires_s);

#endif
