/*
 * Help texts, printed from the tables of options.h.
 */
#ifndef APP_HELP_H
#define APP_HELP_H

#include <stdio.h>

struct invocation;

/* The help of the command that was named; bold headings when colour is true. */
void help_print(const struct invocation *invocation, FILE *to, int colour);

#endif
