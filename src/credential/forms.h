/*
 * The ways in which a secret may be written in text: as it is, escaped in JSON,
 * percent-encoded, and within base64.
 */
#ifndef CREDENTIAL_FORMS_H
#define CREDENTIAL_FORMS_H

#include <stddef.h>
#include <stdint.h>

struct needles;

/*
 * Adds the forms of value to the needles, which drops repetitions. In base64 a
 * secret may begin at any of three alignments; the characters that its
 * neighbours have a part in are left out, so a few bits at each end remain unsought.
 */
int forms_add(struct needles *needles, const uint8_t *value, size_t len, uint32_t owner);

/* Percent-encodes all but unreserved characters (RFC 3986 §2.3); to: 3 * len + 1 bytes. */
size_t forms_percent(const uint8_t *value, size_t len, char *to);

#endif
