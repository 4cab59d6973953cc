/*
 * A short command in a sandbox whose output this process wants: nothing of it
 * reaches the terminal, and no key reaches it.
 */
#ifndef SBX_GUESTRUN_H
#define SBX_GUESTRUN_H

#include <jansson.h>
#include <stdbool.h>

struct buf;
struct client;
struct err;

struct guestrun {
	const json_t *sandbox;	    /* its object; it runs; weak */
	const char *const *command; /* strings and a NULL */
	bool as_root;
};

/*
 * Runs it in the folder "/" and appends what it prints to *ret, as far as that holds. Its exit
 * status; *err then holds the last line that it printed on stderr. What comes back was written by
 * the guest.
 */
int guestrun(struct client *client, const struct guestrun *what, struct buf *ret, struct err *err);

#endif
