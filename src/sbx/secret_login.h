/* `sbx secret set SERVICE --oauth`: a login by the user's browser, kept by sbxd. */
#ifndef SBX_SECRET_LOGIN_H
#define SBX_SECRET_LOGIN_H

struct client;
struct err;

/*
 * Shows the address to visit (and opens it, where there is a terminal and a
 * desktop), waits for the browser to come back, and has sbxd fetch the tokens.
 */
int secret_login(struct client *client, const char *service, struct err *err);

#endif
