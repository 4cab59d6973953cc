/*
 * One request to an OAuth token endpoint, made by curl as the user: it has the
 * host's certificates, and its proxy, $SBX_UPSTREAM_PROXY before the others. What is
 * sent goes in by its standard input, never by an argument; sbxd itself speaks
 * to no server.
 */
#ifndef SBXD_TOKEN_REQUEST_H
#define SBXD_TOKEN_REQUEST_H

struct buf;
struct err;

/* type: the body's. */
struct token_request {
	const char *url, *type;
	const struct buf *body; /* weak */
};

/*
 * The body of the answer is appended to `ret`, which holds secrets: wipe it.
 * The status of the answer, or -errno and a sentence: there was none.
 */
int token_request_send(const struct token_request *request, struct buf *ret, struct err *err);

#endif
