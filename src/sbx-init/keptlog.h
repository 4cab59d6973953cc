/* Sending a detached exec's kept output, segment by segment; see keep.h. */
#ifndef SBX_INIT_KEPTLOG_H
#define SBX_INIT_KEPTLOG_H

#include <stdbool.h>

struct session;

/*
 * Sends the output kept in the folder dir as DATA and DATA_ERR frames; with
 * follow, until its keeper has ended. What was dropped to make room is told in a
 * line on DATA_ERR. 0, or -errno of reading or sending; -EPIPE when the host went.
 */
int keptlog_send(struct session *session, int dir, bool follow);

#endif
