/*
 * Taking a secret from the user: at the terminal without showing it, or from
 * standard input. Never from the command line, which every process of this
 * machine can read.
 */
#ifndef SBX_HIDDEN_H
#define SBX_HIDDEN_H

struct err;

enum { HIDDEN_MAX = 16384 };

/* No core dump, and no look into this process by others: before a secret is read. */
void hidden_protect(void);

/*
 * One line, without its end, owned by the caller: hidden_free() it. Asked for
 * at the terminal when standard input is one, else all of standard input.
 * -ECANCELED when nothing was given, -EINVAL when it is no single line.
 */
int hidden_read(const char *prompt, char **ret, struct err *err);
void hidden_free(char *secret); /* wipes */

#endif
