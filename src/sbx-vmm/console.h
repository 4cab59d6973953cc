/*
 * Who reads the guest's console: whoever connects to a listening socket, one at
 * a time, a new one in place of the old. While nobody does, what the guest
 * prints goes nowhere but into the last lines that serial.h keeps.
 */
#ifndef SBX_VMM_CONSOLE_H
#define SBX_VMM_CONSOLE_H

#include "base/loop.h"

struct serial;

struct console {
	struct serial *serial;	  /* weak */
	struct loop *loop;	  /* weak */
	struct loop_watch listen; /* fd weak */
	struct loop_watch reader; /* fd owned */
};

/* Serves a listening socket, which stays the caller's; -1: there is no reader ever. */
int console_init(struct console *console, struct loop *loop, int socket, struct serial *serial);
void console_finish(struct console *console);

#endif
