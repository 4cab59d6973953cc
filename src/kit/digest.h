/* SHA-256 in the form "sha256:" and 64 hexadecimal digits. */
#ifndef KIT_DIGEST_H
#define KIT_DIGEST_H

#include <stddef.h>

enum { DIGEST_HEX_SIZE = 65, DIGEST_TEXT_SIZE = 72 };

void digest_hex(const void *bytes, size_t len, char ret[DIGEST_HEX_SIZE]);
void digest_text(const void *bytes, size_t len, char ret[DIGEST_TEXT_SIZE]);

#endif
