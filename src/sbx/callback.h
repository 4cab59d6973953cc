/*
 * Where a browser brings the end of an OAuth login (RFC 8252 §7.3): a loopback
 * address of this machine that is listened on for as long as the user takes.
 */
#ifndef SBX_CALLBACK_H
#define SBX_CALLBACK_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { CALLBACK_HEAD_MAX = 16384, CALLBACK_WAIT_MS = 15 * 60 * 1000 };

/* What a request is. */
enum callback_kind {
	CALLBACK_PARTIAL, /* its head is not whole yet */
	CALLBACK_CODE,
	CALLBACK_DENIED,  /* the server says that the user or it refused */
	CALLBACK_FOREIGN, /* anything else: another page, another login, no HTTP */
};

/*
 * The head of a request, for `path`. CODE: *ret_code is the code; DENIED: what
 * the server calls the error. Owned by the caller; out of memory is FOREIGN. Pure.
 */
enum callback_kind callback_parse(const char *head, size_t len, const char *path, const char *state,
				  char **ret_code);

struct callback {
	int sockets[2];	  /* owned; 127.0.0.1 and ::1; -1: none */
	const char *path; /* weak: of the address */
};

/* address: "http://localhost:PORT/PATH". -EADDRINUSE and others, with a sentence. */
int callback_open(const char *address, struct callback *ret, struct err *err);
void callback_close(struct callback *callback);

/* Until the browser came with that state: the code, owned by the caller. -ETIMEDOUT, -EACCES. */
int callback_wait(struct callback *callback, const char *state, char **ret_code, struct err *err);

#endif
