/*
 * A command and whoever listens to it: the host at the other end of a
 * session, or the folder that keeps a detached command's output.
 */
#ifndef SBX_INIT_ATTACH_H
#define SBX_INIT_ATTACH_H

struct command;
struct keep;
struct session;

/*
 * Carries bytes between the session and the command until the command ends,
 * then sends EXIT. When the host goes away first, the command is hung up.
 * Takes the command over.
 */
void attach_run(struct session *session, struct command *command);

/* Keeps the output until the command ends, then its status. Takes the command over. */
void attach_keep(struct keep *keep, struct command *command);

#endif
