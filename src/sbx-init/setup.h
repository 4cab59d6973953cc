/* What makes this machine this one: name, clock, randomness, loopback, limits. */
#ifndef SBX_INIT_SETUP_H
#define SBX_INIT_SETUP_H

#include <stdbool.h>

struct err;
struct guest_message;

/* Once, at boot: loopback, resource limits, kernel settings. Best effort, except loopback. */
int setup_boot(struct err *err);

/* Name, clock and entropy, each when the message has it. */
int setup_apply(const struct guest_message *request, struct err *err);

/* Whether this file is empty or was written here, not by a user. Reads from it. */
bool setup_is_ours(int fd);

/* 1..63 letters, digits and '-', as RFC 1123 wants a host name. */
int setup_is_hostname(const char *name);

#endif
