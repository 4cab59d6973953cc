/* Keys of kit signatures (kit/signature.h) in files. */
#ifndef SBX_KIT_KEYS_H
#define SBX_KIT_KEYS_H

#include <jansson.h>

struct err;
struct kit_bundle;
struct signature_secret_key;

/* A secret key; *ret must be wiped. -errno with a sentence. */
int kit_keys_read_secret(const char *path, struct signature_secret_key *ret, struct err *err);

/* A new pair: path (0600) and path.pub. -EEXIST when one of them is there. */
int kit_keys_make(const char *path, struct err *err);

/* Is the kit signed by one of the keys in these files? As of signature_verify(). */
int kit_keys_verify(const struct kit_bundle *bundle, const json_t *paths, struct err *err);

#endif
