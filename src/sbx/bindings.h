/*
 * Where the user lets keys and logins go, whichever kit asks for it: `bindings:` of
 * credentials.yaml in the configuration folder, with the grammar of sbxenv.yaml.
 *
 *	bindings:
 *	  github:
 *	    apiKey: {domains: [api.github.com]}
 *
 * Consent, and no secret. `sbx env` writes it, and a person may; sbx writes it anew
 * each time, so comments do not stay. A file that is wrong agrees to nothing.
 */
#ifndef SBX_BINDINGS_H
#define SBX_BINDINGS_H

#include <jansson.h>

struct err;

/* {SERVICE: {apiKey: {domains}, oauth: {domains}}}, owned by the caller; empty without a file. */
int bindings_read(json_t **ret, struct err *err);

/* Adds hosts that are not there yet; the file is written when that changes something. */
int bindings_add(const json_t *bindings, struct err *err);

/* Takes the whole entry of every service of `bindings` out. */
int bindings_remove(const json_t *bindings, struct err *err);

#endif
