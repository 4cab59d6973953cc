/*
 * One request to the REST interface (docs/api.md), as its handler sees it.
 *
 * A handler runs in a thread of its own and may wait. It returns 0 after one
 * of the reply functions, or -errno with a sentence: the errno decides the
 * status, the sentence is the answer.
 */
#ifndef SBXD_REQUEST_H
#define SBXD_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "sbxd/sandbox.h"

struct err;
struct request;
struct supervisor;

enum { REQUEST_BODY_MAX = 1 << 20, REQUEST_ARGS_MAX = 2 };

/* What a stream shows at its end. */
typedef json_t *request_result_fn(struct sandbox *sandbox);

struct request {
	struct supervisor *supervisor;	    /* weak */
	const char *args[REQUEST_ARGS_MAX]; /* weak: the {} of the route's path */
	json_t *body;			    /* owned; an object, empty without a body */
	bool wants_upgrade;
	const char *(*query)(const struct request *request, const char *key); /* NULL: absent */
	void *connection;						      /* of the server */

	/* the reply, filled by the functions below */
	unsigned status;
	json_t *json; /* owned */
	char *text;   /* owned; instead of json */
	size_t text_len;
	int hand_over;		 /* owned descriptor for a 101; -1: none */
	struct sandbox *watched; /* reference; instead: the stream of an operation */
	struct sandbox_ticket ticket;
	request_result_fn *result;
	/* of a stream that spans several: called when one ended, to begin the next; NULL: none */
	bool (*next)(struct request *request, struct err *err);
	void (*after)(struct supervisor *supervisor); /* once the reply is sent; NULL: nothing */
};

/* The answer is this value, which is taken over. -ENOMEM when it is NULL. */
int request_reply(struct request *request, unsigned status, json_t *json, struct err *err);

/* The answer is the stream of an operation on a sandbox; a reference is taken. */
void request_reply_stream(struct request *request, struct sandbox *sandbox,
			  const struct sandbox_ticket *ticket, request_result_fn *result);

/*
 * Takes the body apart as json_unpack() does, strictly: unknown members and
 * wrong types are -EINVAL with a sentence. Strings stay the body's.
 */
int request_unpack(const struct request *request, struct err *err, const char *format, ...);

/* The sandbox named by the first argument, a new reference; -ENOENT. */
int request_sandbox(const struct request *request, struct sandbox **ret, struct err *err);

/* The status that tells of an errno. */
unsigned request_status_of(int code);

/* A list of strings of the body; NULL list: none. what: for the sentence. */
int request_strings(json_t *list, const char *what, size_t max, struct string_list *ret,
		    struct err *err);

#endif
