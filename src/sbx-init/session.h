/*
 * One connection of the host, served in a process of its own: it blocks when
 * it likes, and what goes wrong in it ends it alone. Requests are answered one
 * after the other until the peer or a streamed request ends the connection.
 */
#ifndef SBX_INIT_SESSION_H
#define SBX_INIT_SESSION_H

#include "wire/stream.h"

struct err;
struct guest_message;
struct machine;
struct places;

struct session {
	struct stream stream;
	int control;		       /* weak; to pid 1, see control.h */
	const struct machine *machine; /* weak */
	const struct places *places;   /* weak */
};

/* Serves the connection to its end. */
void session_run(struct session *session);

/* Sends a message, waiting as long as the peer takes to read. */
int session_send(struct session *session, const struct guest_message *message);

/* Sends raw bytes as frames of that type (DATA, DATA_ERR). */
int session_send_data(struct session *session, uint16_t type, const void *bytes, size_t len);

/*
 * Requests that are more than a question and an answer, each in the file of
 * its name. 0: OK is to be sent with what *answer says, and the connection
 * goes on; SESSION_END: all was said; -errno with a sentence: ERROR is to be sent.
 */
enum { SESSION_END = 1 };

int exec_handle(struct session *session, const struct guest_message *request,
		struct guest_message *answer, struct err *err);
int copy_push(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err);
int copy_pull(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err);
int export_layer(struct session *session, const struct guest_message *request,
		 struct guest_message *answer, struct err *err);
int kept_logs(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err);
int kept_list(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err);
int kept_kill(struct session *session, const struct guest_message *request,
	      struct guest_message *answer, struct err *err);

#endif
