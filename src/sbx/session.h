/*
 * One request of the guest protocol whose answer is a stream of output: EXEC
 * and LOGS (wire/guest.h), between a connected socket and descriptors of this
 * process.
 *
 * Input is read only as fast as the guest takes it, and output is taken from
 * the guest only as fast as it can be written, so nothing is held but a few
 * frames. Descriptors keep their blocking mode, because they may be shared with
 * others (a shell's terminal): a write is made only when poll() promises room,
 * and no longer than what that promise covers.
 *
 * With forward_signals SIGINT, SIGTERM, SIGQUIT and SIGHUP go to the command in
 * the guest; when the third comes and the command has not ended, the session
 * ends with 128 plus its number. SIGPIPE is ignored meanwhile.
 *
 * A command that runs longer than timeout_s gets SIGTERM, and SESSION_GRACE_S later
 * the session ends, with which the guest kills the command. Its status is then
 * SESSION_TIMED_OUT, as timeout(1) has it.
 */
#ifndef SBX_SESSION_H
#define SBX_SESSION_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct guest_message;

enum { SESSION_GRACE_S = 10, SESSION_TIMED_OUT = 124 };

struct session_config {
	int socket; /* to the guest's pid 1, nothing sent yet; weak */
	const struct guest_message *request;
	int in;	      /* what the command reads; -1: nothing */
	int out, err; /* where its output goes */
	int terminal; /* the command's terminal follows the size of this one; -1: none */
	bool raw;     /* make `terminal` raw for as long as it runs */
	bool forward_signals;
	uint64_t timeout_s; /* 0: none */
};

/*
 * Runs to the end. *ret_status is the command's exit status, 128 plus the
 * signal that ended it, SESSION_TIMED_OUT, 0 at the end of a LOGS, or 141 (128 + SIGPIPE) when
 * nobody reads the output any more. Failures: the guest's own refusal with its
 * errno, or
 *	-ECONNRESET	the sandbox ended meanwhile
 *	-EPROTO		the guest answers nonsense
 *	-EIO		the output cannot be written
 */
int session_run(const struct session_config *config, int *ret_status, struct err *err);

#endif
