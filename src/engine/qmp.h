/*
 * Asking a running QEMU over its monitor socket (QMP, JSON lines).
 *
 * Only the supervisor reaches the socket. One call is one connection: greeting,
 * qmp_capabilities, the command, its answer; every wait has the caller's
 * deadline. Answers are searched for, not parsed: QEMU is trusted no further
 * than to say "return" or "error" once, and more than QMP_ANSWER_MAX bytes are
 * refused.
 */
#ifndef ENGINE_QMP_H
#define ENGINE_QMP_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum { QMP_ANSWER_MAX = 65536 };

/* Runs `command`, a JSON object without line ends, e.g. {"execute":"query-status"}. */
int qmp_call(const char *path, const char *command, uint64_t deadline_ms, struct err *err);

/*
 * Judges one line of QMP: 0 for an event or the greeting, 1 for an answer that
 * succeeded, -EREMOTEIO for an error answer, -EPROTO for anything else.
 */
int qmp_judge(const char *line, size_t len);

#endif
