/* What a kit wants that a person should know of before it gets it. */
#ifndef KIT_ASKS_H
#define KIT_ASKS_H

#include <jansson.h>
#include <stdbool.h>

struct kit;
struct kit_bundle;

/*
 * A list of sentences, owned by the caller, the same for the same kit: network
 * permissions, credentials and where they go, ports, privilege, real tokens
 * inside. NULL when memory is out.
 */
json_t *kit_asks(const json_t *spec);

/*
 * Whether the user's bindings, {SERVICE: {apiKey: {domains: []}, oauth: {domains: []}}}, agree to
 * a sentence of kit_asks(): where a credential or a login goes, and nothing else.
 */
bool kit_ask_is_bound(const json_t *bindings, const char *ask);

/*
 * Who asks for it: {name, source, digest, asks}, owned by the caller. NULL
 * when memory is out.
 */
json_t *kit_stranger(const struct kit_bundle *bundle, const struct kit *kit);

#endif
