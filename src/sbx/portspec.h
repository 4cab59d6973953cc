/*
 * How ports are written: [[HOST_IP:]HOST_PORT:]SANDBOX_PORT[/PROTOCOL], the
 * address of IPv6 in brackets. The daemon judges addresses and protocols.
 */
#ifndef SBX_PORTSPEC_H
#define SBX_PORTSPEC_H

#include <jansson.h>

struct err;

/* Adds the object of POST /sandbox/{name}/ports to the list; -EINVAL with a sentence. */
int portspec_add(json_t *list, const char *text, struct err *err);

/* "127.0.0.1:8080", an IPv6 address in brackets; of an object of the list above. */
void portspec_host(const json_t *port, char *ret, size_t size);

/* All ports of a sandbox, "127.0.0.1:8080->3000/tcp4, …"; owned by the caller, NULL without memory.
 */
char *portspec_list(const json_t *ports);

#endif
