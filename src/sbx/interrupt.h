/*
 * ^C while something is half made: the signal is held back, so that what was
 * begun can be taken back, and does its work after that.
 */
#ifndef SBX_INTERRUPT_H
#define SBX_INTERRUPT_H

#include <signal.h>
#include <stdbool.h>

/*
 * Holds SIGINT, SIGTERM and SIGHUP back (SIGHUP only when it would do something, which nohup(1)
 * prevents); *before is for interrupt_release().
 */
void interrupt_hold(sigset_t *before);

/* Whether one of them came. */
bool interrupt_pending(void);

/* Lets them through: ends the process when one came. */
void interrupt_release(const sigset_t *before);

/* Whether somebody had this signal ignored before we ran. */
bool interrupt_is_ignored(int number);

#endif
