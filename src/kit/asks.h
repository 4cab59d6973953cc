/* What a kit wants that a person should know of before it gets it. */
#ifndef KIT_ASKS_H
#define KIT_ASKS_H

#include <jansson.h>

/*
 * A list of sentences, owned by the caller, the same for the same kit: network
 * permissions, credentials and where they go, ports, privilege, real tokens
 * inside. NULL when memory is out.
 */
json_t *kit_asks(const json_t *spec);

#endif
