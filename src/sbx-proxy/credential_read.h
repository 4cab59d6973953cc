/*
 * A credential as sbxd sends it, made into one that requests can use.
 */
#ifndef SBX_PROXY_CREDENTIAL_READ_H
#define SBX_PROXY_CREDENTIAL_READ_H

struct credential;
struct proxy_message;

/* Takes what it can over from the message. -EPROTO: incomplete; -ENOMEM. */
int credential_read(struct proxy_message *message, struct credential *ret);

#endif
