/* What the commands of `sbx secret` share. */
#ifndef SBX_SECRETS_H
#define SBX_SECRETS_H

#include <jansson.h>
#include <stdbool.h>

struct client;
struct err;

/* GET /secret; owned by the caller. */
int secrets_list(struct client *client, json_t **ret, struct err *err);

/* The entry of that type, name and scope (NULL: global) in a list; NULL: none. */
const json_t *secrets_find(const json_t *list, const char *type, const char *name,
			   const char *scope);

/* "Applied secret updates for N running sandbox(es)", when N is not 0. */
void secrets_print_applied(const json_t *answer);

/*
 * POST /secret: asks before something is replaced, unless `force`, and tells
 * once when nothing but file permissions protects it. *ret may be NULL.
 */
int secrets_enter(struct client *client, json_t *body, bool force, json_t **ret, struct err *err);

/* "on-demand" or a span, into the body; NULL: nothing. */
int secrets_add_refresh(json_t *body, const char *text, struct err *err);

/* -g and a sandbox's name as an argument are how it was said once. */
void secrets_warn_older(const char *what, const char *instead);

#endif
