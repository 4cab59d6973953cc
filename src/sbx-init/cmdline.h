/* What the host says to the guest on the kernel's command line. */
#ifndef SBX_INIT_CMDLINE_H
#define SBX_INIT_CMDLINE_H

/*
 * The number N of the word "KEY=N" in a command line, the last one when there are several;
 * `otherwise` when there is none. -EINVAL: it is no number from 1 to max.
 */
int cmdline_number(const char *cmdline, const char *key, unsigned otherwise, unsigned max);

#endif
