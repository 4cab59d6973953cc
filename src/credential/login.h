/* The value of an Authorization header with a Basic login (RFC 7617), in locked memory. */
#ifndef CREDENTIAL_LOGIN_H
#define CREDENTIAL_LOGIN_H

#include <stddef.h>

/* "user:password" */
struct login {
	char *text; /* owned, sodium_malloc() */
	size_t len;
};

/* 1 when value is "Basic " and base64, 0 when it is something else, -ENOMEM. */
int login_decode(const char *value, size_t len, struct login *ret);
void login_finish(struct login *login);

/* "Basic …"; NULL without memory. */
char *login_encode(const struct login *login, size_t *ret_len);
char *login_make(const char *user, const char *password, size_t *ret_len);

#endif
